//! The man pages and the help texts promise the same: flags, variables, exit codes, reasons, outcomes.

use std::collections::BTreeSet;
use std::path::Path;

use ccarchive::inspect::verify::Fault;
use ccarchive::model::failure::Reason;
use ccarchive::model::outcome::Kind;

use crate::support::program::{program, run};

/// The commands that have a page of their own.
const COMMANDS: [&str; 6] = ["run", "status", "explain", "show", "verify", "demo"];

/// The page of a command, without escapes for dashes and fonts.
fn page(command: &str) -> String {
    file(&format!("ccarchive-{command}.1"))
}

fn file(name: &str) -> String {
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
fn every_flag_and_variable_of_a_command_is_in_its_page_and_the_reverse() {
    for command in COMMANDS {
        let (help, page) = (help(command), page(command));
        for prefix in ["--", "CCARCHIVE_"] {
            let mut help = names(&help, prefix);
            help.remove("--help");
            assert_eq!(help, names(&page, prefix), "{command}");
        }
    }
}

#[test]
fn the_overview_names_every_command_and_only_flags_that_exist() {
    let overview = file("ccarchive.1");
    let help = run(program().arg("--help")).out;
    let commands = help.split("Commands:").nth(1).unwrap();
    let commands = commands
        .lines()
        .skip(1)
        .map_while(|l| l.split_whitespace().next());
    for command in commands {
        assert!(overview.contains(&format!(".B {command}")), "{command}");
    }
    for command in COMMANDS {
        assert!(
            overview.contains(&format!("ccarchive-{command} (1)")),
            "{command}"
        );
    }
    let mut known: BTreeSet<String> = COMMANDS
        .iter()
        .flat_map(|c| names(&self::help(c), "--"))
        .collect();
    known.insert("--version".into());
    assert!(names(&overview, "--").is_subset(&known), "{overview}");
}

#[test]
fn every_reason_and_outcome_is_in_the_man_page() {
    let man = page("run");
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
    let (man, help) = (page("run"), help("run"));
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
fn the_exit_codes_of_a_command_s_help_are_in_its_page_and_the_reverse() {
    for command in ["status", "explain", "show", "verify"] {
        let help = help(command);
        let codes = help.split("Exit codes:").nth(1).unwrap().lines();
        let numbers = codes.filter_map(|l| l.split_whitespace().next()?.parse::<u8>().ok());
        let page = page(command);
        let exits = page.split(".SH EXIT STATUS").nth(1).unwrap();
        let exits = exits.split(".SH").next().unwrap().lines();
        let told = exits.filter_map(|l| l.strip_prefix(".B ")?.parse::<u8>().ok());
        assert_eq!(
            numbers.collect::<Vec<_>>(),
            told.collect::<Vec<_>>(),
            "{command}"
        );
    }
}

#[test]
fn every_fault_is_in_the_page_of_verify_with_its_symbol() {
    let page = page("verify");
    for fault in <Fault as strum::IntoEnumIterator>::iter() {
        let symbol = format!(".B {} ", fault.symbol());
        let told = page.lines().filter(|l| l.starts_with(&symbol));
        let named = |l: &str| {
            l[symbol.len()..]
                .split(", ")
                .any(|name| name == fault.name())
        };
        assert!(told.into_iter().any(named), "{}", fault.name());
    }
}

#[test]
fn completions_know_every_flag() {
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = run(program().args(["completions", shell])).out;
        for flag in COMMANDS.iter().flat_map(|c| names(&help(c), "--")) {
            assert!(
                script.contains(flag.trim_start_matches('-')),
                "{shell}: {flag}"
            );
        }
    }
}

/// What no program can prevent an operator must know.
#[test]
fn the_page_of_run_says_what_cc_backend_and_old_servers_do() {
    let page = page("run").replace('\n', " ");
    for words in [
        "keeps an archived job in memory for up to an hour",
        "Do not archive jobs again while cc-backend compresses its archive at night",
        "Older releases of Ceph refuse the checksums that cc-backend sends behind its bodies",
    ] {
        assert!(page.contains(words), "{words}");
    }
}
