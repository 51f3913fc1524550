//! `ccarchive demo`: writes a small site and sweeps it, as an operator would see it.

use std::path::Path;

use ccarchive::model::failure::chain;
use ccarchive::sweep::Exit;
use jiff::Zoned;

use super::run::{self, Stopped};
use crate::cli::{Cli, Command, DemoArgs};
use crate::generator::{self, Plan};
use crate::report;

/// Writes the site, says what is in it, and runs the sweep that it names.
pub(crate) fn demo(args: &DemoArgs) -> Result<Exit, Stopped> {
    let now = Zoned::now().timestamp().as_second();
    let dir = &args.dir;
    let written = generator::write(dir, &Plan::demo(now))
        .map_err(|e| Stopped::new(Exit::Aborted, chain(&e)))?;
    let mut text = format!(
        "A ClusterCockpit site in {}: {} jobs ({} stopped and not archived), {} hosts, {} samples in {:.1} MB of checkpoints.\n\
         Some of its jobs are there to be seen:\n",
        dir.display(),
        written.jobs,
        written.unarchived,
        written.hosts,
        written.samples,
        written.checkpoint_bytes as f64 / 1e6
    );
    for s in &written.special {
        text += &format!("  {:>8}  {}\n", s.job_id, s.note);
    }
    let database = dir.join("job.db");
    text += &format!(
        "
$ ccarchive run --db {}
",
        shell_word(&database)
    );
    report::out(&text);
    if args.no_run {
        return Ok(Exit::Done);
    }
    let run_args = [
        "ccarchive".as_ref(),
        "run".as_ref(),
        "--db".as_ref(),
        database.as_os_str(),
    ];
    let cli =
        Cli::read_arguments_only(run_args).map_err(|e| Stopped::new(Exit::Usage, e.to_string()))?;
    let Command::Run(run_args) = cli.command else {
        return Ok(Exit::Done);
    };
    let exit = run::run(&run_args)?;
    // The broken jobs are there on purpose: a demo that shows them has done what it was asked for.
    Ok(if exit == Exit::Failures {
        Exit::Done
    } else {
        exit
    })
}

fn shell_word(path: &Path) -> String {
    let text = path.display().to_string();
    if text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c))
    {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}
