//! `ccarchive demo`: writes a small site and sweeps it, as an operator would see it.
//!
//! A folder that holds an earlier demo is written anew. It is known by a mark, and only what a demo writes is removed:
//! a folder that holds anything else is left alone.

use std::fs;
use std::io;
use std::path::Path;

use ccarchive::model::failure::chain;
use ccarchive::sweep::Exit;
use jiff::Zoned;

use super::{Stopped, run};
use crate::cli::{Cli, Command, DemoArgs};
use crate::generator::{self, Plan};
use crate::report;

/// What marks a folder as a demo.
const MARK: &str = ".ccarchive-demo";
/// What a demo and a sweep of it leave.
const FOLDERS: [&str; 2] = ["job-archive", "checkpoints"];
/// Files: all names that begin so.
const FILES: &str = "job.db";

/// Writes the site, says what is in it, and runs the sweep that it names.
pub(crate) fn demo(args: &DemoArgs) -> Result<Exit, Stopped> {
    let now = Zoned::now().timestamp().as_second();
    let dir = &args.dir;
    let aborted = |e: &dyn std::error::Error| Stopped::new(Exit::Aborted, chain(e));
    let renewed = remove_earlier(dir).map_err(|e| aborted(&e))?;
    let written = generator::write(dir, &Plan::demo(now)).map_err(|e| refused(dir, &e))?;
    fs::write(dir.join(MARK), "").map_err(|e| aborted(&e))?;
    let mut text = format!(
        "A ClusterCockpit site in {}{}: {} jobs ({} stopped and not archived), {} hosts, {} samples in {:.1} MB of checkpoints.\n\
         Some of its jobs are there to be seen:\n",
        dir.display(),
        if renewed { " (written anew)" } else { "" },
        written.jobs,
        written.unarchived,
        written.hosts,
        written.samples,
        written.checkpoint_bytes as f64 / 1e6
    );
    for (job_id, note) in &written.special {
        text += &format!("  {job_id:>8}  {note}\n");
    }
    let database = dir.join("job.db");
    text += &format!(
        "\n$ ccarchive run --db {}\n",
        report::words::shell(&database.display().to_string())
    );
    report::out(&text)?;
    if args.no_run {
        return Ok(Exit::Done);
    }
    let exit = sweep(&database)?;
    // The broken jobs are there on purpose: a demo that shows them has done what it was asked for.
    Ok(if exit == Exit::Failures {
        Exit::Done
    } else {
        exit
    })
}

fn sweep(database: &Path) -> Result<Exit, Stopped> {
    let run_args = [
        "ccarchive".as_ref(),
        "run".as_ref(),
        "--db".as_ref(),
        database.as_os_str(),
    ];
    let cli =
        Cli::read_arguments_only(run_args).map_err(|e| Stopped::new(Exit::Usage, e.to_string()))?;
    match cli.command {
        Command::Run(args) => run::run(&args),
        Command::Status(_)
        | Command::Explain(_)
        | Command::Show(_)
        | Command::Verify(_)
        | Command::Demo(_)
        | Command::Completions { .. } => Ok(Exit::Done),
    }
}

/// Removes an earlier demo; whether there was one.
fn remove_earlier(dir: &Path) -> io::Result<bool> {
    if !dir.join(MARK).is_file() {
        return Ok(false);
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(dir)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    let is_ours = |name: &str| name == MARK || name.starts_with(FILES) || FOLDERS.contains(&name);
    if !names.iter().all(|n| is_ours(n)) {
        return Ok(false);
    }
    for name in names {
        let path = dir.join(&name);
        if FOLDERS.contains(&name.as_str()) {
            fs::remove_dir_all(path)?;
        } else {
            fs::remove_file(path)?;
        }
    }
    Ok(true)
}

fn refused(dir: &Path, e: &generator::Error) -> Stopped {
    let advice = if matches!(e, generator::Error::NotEmpty(_)) {
        format!(
            "; name another folder, or remove what is in {} besides an earlier demo",
            dir.display()
        )
    } else {
        String::new()
    };
    Stopped::new(Exit::Aborted, chain(e) + &advice)
}
