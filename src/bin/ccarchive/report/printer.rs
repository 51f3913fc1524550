//! The one thread that writes to standard output and standard error.
//!
//! Whoever has something to say puts it into a bounded queue. A full pipe that nobody reads holds up this thread, and
//! without a signal also the sweep, as it should; but after a signal nobody waits for it longer than [`PATIENCE`], and
//! the signal handler never does: this thread asks by itself which signals came. The progress bar is drawn here too, so
//! that no line cuts it through.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use ccarchive::model::job::Shown;
use ccarchive::model::outcome::Kind;
use crossbeam_channel::{Receiver, RecvTimeoutError, SendTimeoutError, Sender, bounded};

use super::progress::Progress;
use super::words;
use crate::signals;

/// Messages that may wait to be written.
const QUEUE: usize = 1024;
/// How long an output that nobody reads is waited for once a signal came.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often the bar moves and signals are looked for.
const TICK: Duration = Duration::from_millis(100);
/// Without a terminal, a line of progress at most this often.
const PROGRESS_EVERY: Duration = Duration::from_secs(60);

/// Something to say.
#[derive(Debug)]
pub(super) enum Message {
    /// For standard output, as it is.
    Out(String),
    /// A line for standard error.
    Line(String),
    /// The sweep begins: progress is wanted from now on.
    Begin,
    /// So many more jobs were found.
    Found(u64),
    /// A job is finished.
    Job {
        /// What became of it.
        kind: Kind,
        /// Its bytes of data.json.
        raw_bytes: u64,
    },
    /// The sweep ended: no more progress.
    End,
    /// Lines that `-q` held back are to be said.
    Release,
    /// Answers when everything before is written: with the error of standard output, if there was one.
    Flush(Sender<Option<String>>),
}

/// Why not everything is written.
#[derive(Debug)]
pub(super) enum Unwritten {
    /// Standard output cannot be written.
    Failed(String),
    /// A signal came, and nobody reads.
    Dropped,
}

/// The way to the thread.
#[derive(Debug)]
pub(super) struct Printer {
    sender: Sender<Message>,
    /// When a signal was first seen to have come.
    signalled: OnceLock<Instant>,
}

impl Printer {
    /// Starts the thread; `quiet` holds lines back until they are released.
    ///
    /// # Errors
    /// When there is no thread to be had, or no output.
    pub(super) fn start(quiet: bool) -> io::Result<Self> {
        let (sender, messages) = bounded(QUEUE);
        let writer = Writer::new(quiet)?;
        // Not joined: it may hang in a pipe that nobody reads.
        std::thread::Builder::new()
            .name("printer".into())
            .spawn(move || writer.run(&messages))?;
        Ok(Self {
            sender,
            signalled: OnceLock::new(),
        })
    }

    /// Hands a message over, or drops it where a signal came and nobody reads.
    pub(super) fn say(&self, message: Message) {
        let mut message = message;
        while let Err(SendTimeoutError::Timeout(back)) = self.sender.send_timeout(message, TICK) {
            if self.is_patience_over() {
                return;
            }
            message = back;
        }
    }

    /// Waits until everything is written.
    pub(super) fn flush(&self) -> Result<(), Unwritten> {
        let (done, wait) = bounded(1);
        self.say(Message::Flush(done));
        loop {
            match wait.recv_timeout(TICK) {
                Ok(None) => return Ok(()),
                Ok(Some(error)) => return Err(Unwritten::Failed(error)),
                Err(RecvTimeoutError::Timeout) if !self.is_patience_over() => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    return Err(Unwritten::Dropped);
                }
            }
        }
    }

    fn is_patience_over(&self) -> bool {
        signals::arrived() > 0 && self.signalled.get_or_init(Instant::now).elapsed() > PATIENCE
    }
}

/// What the thread has.
struct Writer {
    out: File,
    err: File,
    /// Why standard output cannot be written any more.
    out_failed: Option<String>,
    out_is_closed: bool,
    /// With `-q`: lines that are only said when they are released.
    held: Option<Vec<String>>,
    progress: Option<Progress>,
    /// Signals that were spoken of.
    signals: u32,
    last_progress: Instant,
}

impl Writer {
    fn new(quiet: bool) -> io::Result<Self> {
        Ok(Self {
            out: io::stdout().as_fd().try_clone_to_owned()?.into(),
            err: io::stderr().as_fd().try_clone_to_owned()?.into(),
            out_failed: None,
            out_is_closed: false,
            held: quiet.then(Vec::new),
            progress: None,
            signals: 0,
            last_progress: Instant::now(),
        })
    }

    fn run(mut self, messages: &Receiver<Message>) {
        loop {
            match messages.recv_timeout(TICK) {
                Ok(message) => self.take(message),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.look_for_signals();
            self.move_on();
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Out(text) => self.write_out(&text),
            Message::Line(text) => self.line(text),
            Message::Begin => {
                let bar = self.held.is_none() && io::stderr().is_terminal();
                self.last_progress = Instant::now();
                self.progress = Some(Progress::new(bar));
            }
            Message::Found(n) => self.with_progress(|p| p.found(n)),
            Message::Job { kind, raw_bytes } => self.with_progress(|p| p.done(kind, raw_bytes)),
            Message::End => {
                if let Some(progress) = self.progress.take() {
                    progress.clear();
                }
            }
            Message::Release => {
                for text in self.held.take().unwrap_or_default() {
                    self.line(text);
                }
            }
            Message::Flush(done) => {
                // Whoever asked may have lost patience.
                drop(done.send(self.out_failed.clone()));
            }
        }
    }

    fn with_progress(&mut self, f: impl FnOnce(&mut Progress)) {
        if let Some(progress) = &mut self.progress {
            f(progress);
        }
    }

    /// Writes a result. A reader that closed the pipe has read enough; any other error is remembered.
    fn write_out(&mut self, text: &str) {
        if self.out_failed.is_some() || self.out_is_closed {
            return;
        }
        let out = &mut self.out;
        let mut write = || out.write_all(text.as_bytes());
        let written = match &self.progress {
            Some(progress) => progress.suspend(&mut write),
            None => write(),
        };
        match written {
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => self.out_is_closed = true,
            Err(e) => self.out_failed = Some(e.to_string()),
        }
    }

    /// Writes a line about the work; what it quotes of paths and files must not command the terminal.
    fn line(&mut self, text: String) {
        if let Some(held) = &mut self.held {
            held.push(text);
            return;
        }
        let err = &mut self.err;
        // There is nobody left to tell that standard error cannot be written.
        let line = format!("{}\n", Shown(&text));
        let line = words::fitted(&line, words::columns(err));
        let mut write = || drop(err.write_all(line.as_bytes()));
        match &self.progress {
            Some(progress) => progress.suspend(&mut write),
            None => write(),
        }
    }

    fn look_for_signals(&mut self) {
        let arrived = signals::arrived();
        while self.signals < arrived {
            self.signals += 1;
            if let Some(notice) = signals::notice(self.signals) {
                self.line(notice);
            }
        }
        if signals::is_status_wanted() {
            let text = self
                .progress
                .as_ref()
                .map_or_else(|| "the sweep has not begun yet".into(), Progress::status);
            // Whoever asks gets an answer, also with -q.
            let held = self.held.take();
            self.line(text);
            self.held = held;
        }
    }

    fn move_on(&mut self) {
        let quiet = self.held.is_some();
        let Some(progress) = &mut self.progress else {
            return;
        };
        progress.tick();
        if !progress.has_bar() && !quiet && self.last_progress.elapsed() >= PROGRESS_EVERY {
            self.last_progress = Instant::now();
            let text = progress.status();
            self.line(text);
        }
    }
}
