//! Rows of a host put together: per series the pieces of snapshots that they came from.
//!
//! The store writes what each snapshot held of a series as one row per value, without the values that were missing, and
//! without the interval of the snapshot. A new piece begins where the time goes back, where it leaves the grid of the piece
//! (other seconds modulo the frequency), where the frequency changes, and after a long hole. So every piece is a column as a
//! snapshot has it.

use std::collections::HashMap;

use super::fault::Fault;
use super::rows::Row;
use crate::model::job::Shown;
use crate::rules::timeline::{Column, Interval, Path};

/// A hole of more slots than this begins a new piece: what is missing in between is not noted value by value.
const HOLE: i64 = 64;
/// So many pieces a host may have, however few rows it has.
const PIECES: usize = 1 << 16;

/// What of a host is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keep<'a> {
    /// Values outside it are not kept.
    pub(super) window: Interval,
    /// Snapshots hold what comes before and after. Rows after it are left out; those before it tell where slots begin.
    pub(super) gap: Interval,
    /// The metrics of which values are kept; all, where none is named.
    pub(super) metrics: &'a [&'a str],
    /// Bytes that it may take.
    pub(super) room: usize,
}

impl Keep<'_> {
    /// The time of which values are kept.
    fn window(&self) -> Interval {
        Interval {
            from: self.window.from.max(self.gap.from),
            ..self.window
        }
    }
}

/// One series while rows are added.
#[derive(Debug)]
pub(super) struct Growing {
    pub(super) path: Path,
    pub(super) metric: Box<str>,
    pub(super) pieces: Vec<Piece>,
    window: Interval,
    /// How often the frequency changed within the file.
    changes: u32,
}

/// Some values of a series that stood in one snapshot.
#[derive(Debug)]
pub(super) struct Piece {
    /// Which of the files it is from.
    pub(super) file: usize,
    pub(super) column: Column,
    /// Unix seconds of its last value.
    pub(super) last: i64,
}

/// All series of a host.
#[derive(Debug)]
pub(super) struct Pieces<'a> {
    keep: Keep<'a>,
    /// Metric, scope and id, a zero byte between them.
    index: HashMap<Box<[u8]>, usize>,
    pub(super) series: Vec<Growing>,
    /// The series of the row before, and its place in the index.
    current: Option<(Vec<u8>, usize)>,
    file: usize,
    rows: usize,
    begun: usize,
    /// Values that were kept.
    kept: usize,
}

impl<'a> Pieces<'a> {
    pub(super) fn new(keep: Keep<'a>) -> Self {
        Self {
            keep,
            index: HashMap::new(),
            series: Vec::new(),
            current: None,
            file: 0,
            rows: 0,
            begun: 0,
            kept: 0,
        }
    }

    /// Rows of another file follow.
    pub(super) fn begin(&mut self, file: usize) {
        self.file = file;
        for s in &mut self.series {
            s.changes = 0;
        }
    }

    /// Forgets the rows of the current file: it turned out to be damaged.
    pub(super) fn forget(&mut self) {
        let file = self.file;
        for s in &mut self.series {
            s.pieces.retain(|p| p.file != file);
        }
    }

    /// The memory that all of it takes (bytes), roughly.
    pub(super) const fn bytes(&self) -> usize {
        // While a list grows, half of it may be empty.
        2 * (self.kept * size_of::<f32>() + self.begun * size_of::<Piece>())
    }

    /// Adds a row.
    ///
    /// # Errors
    /// Where the store cannot have written it after the rows before, or all of it takes too much memory.
    pub(super) fn add(&mut self, row: Row<'_>) -> Result<(), Fault> {
        self.rows += 1;
        if row.time >= self.keep.gap.to {
            return Ok(());
        }
        if self.bytes() > self.keep.room {
            return Err(Fault::TooLarge);
        }
        let at = self.series_of(row)?;
        let file = self.file;
        let series = &mut self.series[at];
        let open = series.pieces.last_mut().filter(|p| p.file == file);
        let held = if let Some(piece) = open {
            if piece.column.step != row.step {
                series.changes += 1;
            }
            if piece.column.step == row.step && piece.takes(row.time) {
                self.push(at, row);
                return Ok(());
            }
            true
        } else {
            false
        };
        // A site changes the frequency of a metric once in a long time; damaged bytes change it to and fro.
        if held && series.changes > 1 {
            return Err(Fault::Content(format!(
                "the frequency of `{}` changes several times",
                Shown(&series.metric)
            )));
        }
        series.pieces.push(Piece {
            file,
            column: Column::new(row.step, row.time, series.window),
            last: row.time - row.step,
        });
        self.begun += 1;
        if self.begun > PIECES + self.rows / 2 {
            return Err(Fault::Content(
                "its times jump to and fro, as no collector's do".into(),
            ));
        }
        self.push(at, row);
        Ok(())
    }

    /// Appends a value to the last piece of a series.
    fn push(&mut self, at: usize, row: Row<'_>) {
        let window = self.series[at].window;
        let Some(piece) = self.series[at].pieces.last_mut() else {
            return;
        };
        let missing = (row.time - piece.last) / row.step - 1;
        if window.contains(row.time) {
            self.kept += usize::try_from(missing + 1).unwrap_or(0);
        }
        for _ in 0..missing {
            piece.column.push(f32::NAN);
        }
        piece.column.push(row.value);
        piece.last = row.time;
    }

    /// The number of the row's series.
    fn series_of(&mut self, row: Row<'_>) -> Result<usize, Fault> {
        let parts = [row.metric, row.scope, row.scope_id];
        if let Some((key, at)) = &self.current
            && is_key(key, parts)
        {
            return Ok(*at);
        }
        let key = parts.join(&0);
        let at = if let Some(at) = self.index.get(key.as_slice()) {
            *at
        } else {
            let at = self.series.len();
            self.series.push(self.first(row)?);
            self.index.insert(key.clone().into(), at);
            at
        };
        self.current = Some((key, at));
        Ok(at)
    }

    fn first(&self, row: Row<'_>) -> Result<Growing, Fault> {
        let text = |bytes| {
            std::str::from_utf8(bytes)
                .map_err(|e| Fault::Content(format!("a name in it is no text ({e})")))
        };
        let (metric, scope, id) = (text(row.metric)?, text(row.scope)?, text(row.scope_id)?);
        let is_kept = self.keep.metrics.is_empty() || self.keep.metrics.contains(&metric);
        // What is not asked for still tells where slots begin.
        let nothing = Interval {
            from: i64::MAX,
            to: i64::MIN,
        };
        let path = if scope == "node" && id.is_empty() {
            Path::new()
        } else {
            vec![format!("{scope}{id}").into()]
        };
        Ok(Growing {
            path,
            metric: metric.into(),
            pieces: Vec::new(),
            window: if is_kept { self.keep.window() } else { nothing },
            changes: 0,
        })
    }
}

/// Whether a key was joined of these parts.
fn is_key(key: &[u8], [metric, scope, id]: [&[u8]; 3]) -> bool {
    let rest = key.strip_prefix(metric).and_then(|k| k.strip_prefix(&[0]));
    let rest = rest
        .and_then(|k| k.strip_prefix(scope))
        .and_then(|k| k.strip_prefix(&[0]));
    rest == Some(id)
}

impl Piece {
    /// Whether a value at `time` continues it.
    const fn takes(&self, time: i64) -> bool {
        let (step, gap) = (self.column.step, time - self.last);
        gap > 0 && gap % step == 0 && gap / step <= HOLE
    }
}
