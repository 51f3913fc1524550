//! The man page and the help text promise the same: flags, variables, exit codes, reasons, outcomes.

use std::collections::BTreeSet;
use std::path::Path;

use ccarchive::model::failure::Reason;
use ccarchive::model::outcome::Kind;

use crate::support::program::{program, run};

/// The man page without escapes for dashes and fonts.
fn man() -> String {
    page("ccarchive.1")
}

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("man").join(name);
    let page = std::fs::read_to_string(path).unwrap();
    [r"\fB", r"\fI", r"\fR", r"\fP"]
        .iter()
        .fold(page.replace(r"\-", "-"), |page, font| {
            page.replace(font, "")
        })
}

fn help(command: &str) -> String {
    run(program().args([command, "--help"])).out
}

/// Every word of a text that begins with `prefix`, as far as it is a name.
fn names(text: &str, prefix: &str) -> BTreeSet<String> {
    let part_of_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    text.match_indices(prefix)
        .filter(|(at, _)| !text[..*at].ends_with(part_of_name))
        .map(|(at, _)| {
            text[at..]
                .chars()
                .take_while(|c| part_of_name(*c))
                .collect::<String>()
        })
        .filter(|name| name.len() > prefix.len())
        .collect()
}

#[test]
fn every_flag_of_the_help_is_in_the_man_page_and_the_reverse() {
    let help: BTreeSet<String> = ["run", "demo", "completions"]
        .iter()
        .flat_map(|c| names(&help(c), "--"))
        .collect();
    let mut man = names(&man(), "--");
    man.remove("--version");
    assert_eq!(help, man);
}

#[test]
fn every_flag_and_variable_of_the_reading_commands_is_in_their_page_and_the_reverse() {
    for prefix in ["--", "CCARCHIVE_"] {
        let help: BTreeSet<String> = ["status", "explain", "show", "verify"]
            .iter()
            .flat_map(|c| names(&help(c), prefix))
            .filter(|name| name != "--help")
            .collect();
        assert_eq!(help, names(&page("ccarchive-status.1"), prefix));
    }
}

#[test]
fn every_environment_variable_of_the_help_is_in_the_man_page_and_the_reverse() {
    assert_eq!(
        names(&help("run"), "CCARCHIVE_"),
        names(&man(), "CCARCHIVE_")
    );
}

#[test]
fn every_reason_and_outcome_is_in_the_man_page() {
    let man = man();
    for reason in <Reason as strum::IntoEnumIterator>::iter() {
        assert!(man.contains(reason.code()), "{}", reason.code());
        assert_eq!(reason.code().parse(), Ok(reason));
    }
    for kind in <Kind as strum::IntoEnumIterator>::iter() {
        assert!(
            man.contains(&format!(".B {}\n", kind.name())),
            "{}",
            kind.name()
        );
    }
}

#[test]
fn help_man_page_and_readme_have_the_same_exit_codes() {
    let readme =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let (man, help) = (man(), help("run"));
    let codes = help.split("Exit codes:").nth(1).unwrap();
    let codes: Vec<&str> = codes
        .lines()
        .filter_map(|l| l.split_whitespace().next())
        .collect();
    assert_eq!(codes, ["0", "1", "2", "3", "11", "12", "124", "130"]);
    for code in codes {
        assert!(man.contains(&format!(".B {code}\n")), "man page: {code}");
        assert!(readme.contains(&format!("| {code} |")), "README: {code}");
    }
}

#[test]
fn completions_know_every_flag_of_run() {
    for shell in ["bash", "zsh", "fish"] {
        let script = run(program().args(["completions", shell])).out;
        for flag in names(&help("run"), "--") {
            assert!(
                script.contains(flag.trim_start_matches('-')),
                "{shell}: {flag}"
            );
        }
    }
}
