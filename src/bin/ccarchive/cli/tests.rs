//! Parsing of command lines, and what they come to.

use std::path::Path;
use std::time::Duration;

use ccarchive::model::selection::{JobStatus, Selection};
use ccarchive::site::{Located, Origin};
use clap::CommandFactory;
use jiff::Zoned;

use super::run::Compression;
use super::*;

fn read(arguments: &str) -> Result<Cli, clap::Error> {
    Cli::read(arguments.split(' ').map(|word| word.replace('_', " ")))
}

/// A `run` with these flags; an underscore stands for a blank inside an argument.
fn run(flags: &str) -> Box<RunArgs> {
    let arguments = format!("ccarchive run {flags}");
    match read(arguments.trim_end()).map(|cli| cli.command) {
        Ok(Command::Run(run)) => run,
        other => panic!("{flags}: {other:?}"),
    }
}

fn refusal(flags: &str) -> String {
    let error = read(&format!("ccarchive run {flags}")).expect_err(flags);
    assert_eq!(error.exit_code(), 2, "{flags}");
    error.to_string()
}

fn now() -> Zoned {
    "2026-11-20T12:00:00+01:00[+01:00]".parse().unwrap()
}

const NOW: i64 = 1_795_172_400;

#[test]
fn the_parser_is_well_formed() {
    Cli::command().debug_assert();
}

#[test]
fn every_argument_has_a_help_text_without_a_final_stop() {
    for command in Cli::command().get_subcommands() {
        for argument in command.get_arguments() {
            let help = argument
                .get_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            assert!(
                !help.is_empty() && !help.ends_with('.'),
                "{}",
                argument.get_id()
            );
        }
    }
}

#[test]
fn places_and_tunables_have_a_variable_named_after_the_flag() {
    let command = Cli::command();
    let run = command.find_subcommand("run").unwrap();
    let mut with_variable = Vec::new();
    for argument in run.get_arguments() {
        if let Some(variable) = argument.get_env() {
            let flag = argument.get_long().unwrap();
            let expected = format!("CCARCHIVE_{}", flag.to_uppercase().replace('-', "_"));
            assert_eq!(variable.to_str(), Some(expected.as_str()));
            assert!(argument.is_hide_env_values_set(), "{flag}");
            with_variable.push(flag);
        }
    }
    for flag in [
        "db", "config", "archive", "source", "ledger", "workers", "memory", "settle",
    ] {
        assert!(with_variable.contains(&flag), "{flag}");
    }
    for flag in ["force", "accept-empty", "job-id", "since"] {
        assert!(!with_variable.contains(&flag), "{flag}");
    }
}

#[test]
fn run_without_flags_has_the_documented_defaults() {
    let run = run("");
    let behaviour = &run.behaviour;
    assert_eq!(behaviour.workers, None);
    assert_eq!(behaviour.queue.get(), 128);
    assert_eq!(behaviour.timeout, Duration::from_secs(30));
    assert_eq!(behaviour.max_duration, None);
    assert_eq!(behaviour.memory, 256 << 20);
    assert_eq!(behaviour.settle, None);
    assert_eq!(behaviour.compression, Compression::Normal);
    assert_eq!(behaviour.zero_duration, None);
    assert!(!behaviour.dry_run && !behaviour.force && !behaviour.accept_empty);
    let expected = Selection {
        min_age: 600,
        ..Selection::default()
    };
    assert_eq!(run.selection(&now()).unwrap(), expected);
}

#[test]
fn places_say_which_flag_named_them() {
    let places = run("--db a/job.db --source c1 --source c2").places();
    let flag = |path: &str, flag| Located::new(PathBuf::from(path), Origin::Flag(flag));
    assert_eq!(places.database, Some(flag("a/job.db", "--db")));
    assert_eq!(
        places.sources,
        [flag("c1", "--source"), flag("c2", "--source")]
    );
    assert_eq!(
        (places.archive, places.config, places.ledger),
        (None, None, None)
    );
}

#[test]
fn a_selection_holds_every_filter() {
    let flags = "--cluster fritz,alex --cluster emmy --subcluster main --user ann --user bob \
                 --since 2_days_ago --until 2026-11-20_11:00 --status failed --limit 5 \
                 --min-age 1h";
    let expected = Selection {
        clusters: ["fritz", "alex", "emmy"].map(str::to_owned).to_vec(),
        subclusters: vec!["main".to_owned()],
        users: vec!["ann".to_owned(), "bob".to_owned()],
        since: Some(NOW - 2 * 86_400),
        until: Some(NOW - 3600),
        statuses: vec![JobStatus::Failed],
        limit: Some(5),
        min_age: 3600,
        ..Selection::default()
    };
    assert_eq!(run(flags).selection(&now()).unwrap(), expected);
}

#[test]
fn job_id_takes_jobs_of_any_age_unless_min_age_says_otherwise() {
    let selection = |flags| run(flags).selection(&now()).unwrap();
    let named = selection("--job-id 7,8 --job-id 9 --cluster fritz");
    assert_eq!(named.job_ids, [7, 8, 9]);
    assert_eq!(named.min_age, 0);
    assert_eq!(selection("--job-id 7 --min-age 5m").min_age, 300);
    let mut from_environment = run("--job-id 7 --min-age 5m");
    from_environment.from_environment.push("min_age".to_owned());
    assert_eq!(from_environment.selection(&now()).unwrap().min_age, 0);
}

#[test]
fn start_time_names_one_run_of_one_job() {
    let selection = run("--job-id 7 --start-time 1700000000")
        .selection(&now())
        .unwrap();
    assert_eq!(selection.start_time, Some(1_700_000_000));
    assert!(refusal("--start-time 1700000000").contains("give its --job-id"));
    assert!(refusal("--job-id 7,8 --start-time 1700000000").contains("a single --job-id"));
    assert!(refusal("--job-id 7 --start-time 2d").contains("exact start"));
}

#[test]
fn job_id_is_refused_with_filters_and_names_them() {
    for flag in [
        "--user ann",
        "--subcluster x",
        "--since 2d",
        "--until 2d",
        "--limit 3",
    ] {
        let name = flag.split(' ').next().unwrap();
        assert!(
            refusal(&format!("--job-id 7 {flag}")).contains(name),
            "{flag}"
        );
    }
    let text = refusal("--job-id 7 --status failed --user ann");
    assert!(text.contains("omit --user, --status"), "{text}");
}

#[test]
fn an_empty_window_is_refused() {
    let error = run("--since 1d --until 2d").selection(&now()).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("--since is not before --until"));
}

#[test]
fn nonsense_is_refused_with_what_was_expected() {
    for (flags, expected) in [
        ("--workers 0", "expected 1 to 1024 workers"),
        ("--workers=-1", "expected 1 to 1024 workers"),
        ("--queue 0", "expected a queue of 1"),
        ("--memory 512", "a number without a unit counts bytes"),
        ("--timeout 30", "with its unit"),
        ("--max-duration 0", "expected more than 0"),
        ("--settle=-1h", "cannot be negative"),
        ("--limit 0", "a whole number from 1 on"),
        ("--limit many", "a whole number from 1 on"),
        ("--job-id 0", "the number of a job, such as 2178113"),
        ("--job-id 2178113_4", "the number of a job, such as 2178113"),
        ("--cluster=", "--cluster"),
        ("--status done", "pending, failed, quarantined, lost"),
        ("--status failed,lost", "kinds of failed jobs"),
        ("--warn-coverage 101", "0 to 100"),
        ("--warn-coverage most", "such as 90%"),
        ("--since soon", "expected a time such as"),
        ("--compression most", "fast, normal, small"),
        ("--zero-duration now", "walltime"),
        ("-q -v", "cannot be used with"),
    ] {
        let text = refusal(flags);
        assert!(text.contains(expected), "{flags}: {text}");
    }
    for (flags, expected) in [
        ("show 12.5", "the number of a job"),
        ("status --days 0", "from 1 to 3660"),
        ("status --thin 101", "from 0 to 100"),
        ("status --runs=-1", "from 0 on"),
    ] {
        let error = read(&format!("ccarchive {flags}")).expect_err(flags);
        assert!(error.to_string().contains(expected), "{flags}: {error}");
    }
}

#[test]
fn the_other_commands_are_read() {
    let demo = read("ccarchive demo").unwrap().command;
    assert!(matches!(demo, Command::Demo(d) if d.dir == Path::new("ccarchive-demo") && !d.no_run));
    let demo = read("ccarchive demo x --no-run").unwrap().command;
    assert!(matches!(demo, Command::Demo(d) if d.dir == Path::new("x") && d.no_run));
    let shell = read("ccarchive completions bash").unwrap().command;
    assert!(matches!(shell, Command::Completions { shell: Shell::Bash }));
}
