//! Resolving a site from flags, environment and config.json, and checking what is there.

use std::fs;
use std::path::{Path, PathBuf};

use ccarchive::site::{ArchivePlace, ConfigError, ErrorKind, Located, Origin, Places, Site};
use tempfile::TempDir;

use crate::support::program::{self, Ran, program};

/// A folder laid out as cc-backend does it: everything in `var`, config.json beside it.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        fs::create_dir_all(folder.path("var/job-archive")).unwrap();
        fs::create_dir_all(folder.path("var/checkpoints")).unwrap();
        folder
            .write("var/job.db", "")
            .write("var/job-archive/version.txt", "3\n");
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> &Self {
        fs::write(self.path(name), text).unwrap();
        self
    }

    fn flag(&self, name: &str, flag: &'static str) -> Located<PathBuf> {
        Located::new(self.path(name), Origin::Flag(flag))
    }

    /// With `--db var/job.db` alone.
    fn by_database(&self) -> Places {
        Places {
            database: Some(self.flag("var/job.db", "--db")),
            ..Places::default()
        }
    }

    /// With `--config config.json` alone, after writing this into it.
    fn by_config(&self, text: &str) -> Places {
        self.write("config.json", text);
        Places {
            config: Some(self.flag("config.json", "--config")),
            ..Places::default()
        }
    }

    fn config_key(&self, key: &'static str) -> Origin {
        Origin::Config {
            file: self.path("config.json"),
            key,
        }
    }
}

fn resolve(places: &Places) -> Site {
    Site::resolve(places).unwrap_or_else(|error| panic!("{error}"))
}

/// The text and kind of the error of resolving or checking; the text ends with the advice.
fn refusal(places: &Places) -> (String, ErrorKind) {
    let error = Site::resolve(places)
        .and_then(|site| site.check())
        .expect_err("no error");
    let advice = error.advice().map_or(String::new(), |a| format!("; {a:?}"));
    (format!("{error}{advice}"), error.kind())
}

fn assert_refused(places: &Places, kind: ErrorKind, parts: &[&str]) {
    let (text, found) = refusal(places);
    assert_eq!(found, kind, "{text}");
    for part in parts {
        assert!(text.contains(part), "'{part}' is not in: {text}");
    }
    assert!(!text.ends_with('.'), "{text}");
}

#[test]
fn a_database_alone_is_a_whole_site() {
    let folder = Folder::new();
    let site = resolve(&folder.by_database());
    let beside = Origin::Default("beside the database");
    assert_eq!(site.database.value, folder.path("var/job.db"));
    assert_eq!(
        site.archive,
        Located::new(
            ArchivePlace::Tree(folder.path("var/job-archive")),
            beside.clone()
        )
    );
    assert_eq!(
        site.checkpoints,
        [Located::new(folder.path("var/checkpoints"), beside.clone())]
    );
    assert_eq!(
        site.ledger,
        Located::new(folder.path("var/job.db.ledger"), beside)
    );
    assert_eq!(site.retention, None);
    assert_eq!(site.checkpoint_interval.value, 12 * 3600);
    assert!(site.warnings.is_empty());
    site.check().unwrap();
}

#[test]
fn a_database_named_without_folder_is_in_the_working_folder() {
    let database = Located::new(PathBuf::from("job.db"), Origin::Flag("--db"));
    let site = resolve(&Places {
        database: Some(database),
        ..Places::default()
    });
    assert_eq!(site.archive.value.path(), Some(Path::new("job-archive")));
    assert_eq!(site.ledger.value, Path::new("job.db.ledger"));
}

#[test]
fn a_site_that_nothing_names_is_refused_with_both_ways_to_name_it() {
    assert_refused(
        &Places::default(),
        ErrorKind::Usage,
        &["no database", "NameDatabase"],
    );
}

#[test]
fn a_linked_database_has_its_ledger_beside_the_real_file() {
    let folder = Folder::new();
    fs::create_dir(folder.path("data")).unwrap();
    fs::rename(folder.path("var/job.db"), folder.path("data/job.db")).unwrap();
    std::os::unix::fs::symlink("../data/job.db", folder.path("var/job.db")).unwrap();
    let site = resolve(&folder.by_database());
    let real = fs::canonicalize(folder.path("data/job.db")).unwrap();
    assert_eq!(site.ledger.value, real.with_extension("db.ledger"));
    assert_eq!(
        site.archive.value.path(),
        Some(&*folder.path("var/job-archive"))
    );
}

#[test]
fn a_config_names_everything() {
    let folder = Folder::new();
    let site = resolve(&folder.by_config(
        r#"{"main": {"db": "./db/my.db", "addr": ":80"}, "ui-file": "none.json", "cron": {},
            "archive": {"kind": "file", "path": "archive", "compression": 7},
            "metric-store": {"memory-cap": 100, "retention-in-memory": "48h",
                "checkpoint-interval": "1h30m",
                "checkpoints": {"directory": "/srv/checkpoints", "file-format": "wal"},
                "cleanup": {"mode": "archive", "directory": "./parquet"}}}"#,
    ));
    let located = |path, key| Located::new(folder.path(path), folder.config_key(key));
    assert_eq!(site.database, located("db/my.db", "main.db"));
    assert_eq!(site.ledger.value, folder.path("db/my.db.ledger"));
    let archive = located("archive", "archive.path");
    assert_eq!(site.archive.value, ArchivePlace::Tree(archive.value));
    assert_eq!(site.archive.origin, archive.origin);
    assert_eq!(site.checkpoints[0].value, Path::new("/srv/checkpoints"));
    assert_eq!(site.retention.map(|r| r.value), Some(48 * 3600));
    assert_eq!(site.checkpoint_interval.value, 5400);
    assert_eq!(
        site.parquet,
        [located("parquet", "metric-store.cleanup.directory")]
    );
    assert!(site.warnings.is_empty(), "{:?}", site.warnings);
}

#[test]
fn a_config_names_a_sqlite_archive() {
    let folder = Folder::new();
    let config = r#"{"archive": {"kind": "sqlite", "db-path": "./var/archive.db", "path": "x"}}"#;
    let places = folder.by_config(config);
    let site = resolve(&places);
    let file = folder.path("var/archive.db");
    assert_eq!(
        site.archive,
        Located::new(
            ArchivePlace::Sqlite(file.clone()),
            folder.config_key("archive.db-path")
        )
    );
    let row = format!("sqlite:{}", file.display());
    assert!(site.show().contains(&row), "{}", site.show());
    // It is not made, and it is a file.
    let missing = [
        "archive",
        "does not exist",
        "archive.db-path",
        "SQLite file",
    ];
    assert_refused(&places, ErrorKind::Usage, &missing);
    fs::create_dir(&file).unwrap();
    assert_refused(
        &places,
        ErrorKind::Usage,
        &["is a folder", "Correct(Archive)"],
    );
    fs::remove_dir(&file).unwrap();
    fs::write(&file, "").unwrap();
    resolve(&places).check().unwrap();
    // A flag beats it, in either direction.
    let archive = Some(folder.flag("var/job-archive", "--archive"));
    let tree = Places { archive, ..places };
    assert!(matches!(
        resolve(&tree).archive.value,
        ArchivePlace::Tree(_)
    ));
    let flag = Located::new(
        PathBuf::from(format!("sqlite:{}", file.display())),
        Origin::Flag("--archive"),
    );
    let by_flag = Places {
        archive: Some(flag),
        ..folder.by_database()
    };
    assert_eq!(
        resolve(&by_flag).archive,
        Located::new(
            ArchivePlace::Sqlite(file.clone()),
            Origin::Flag("--archive")
        )
    );
    // As somebody may spell the key.
    let misspelt = r#"{"archive": {"kind": "file", "path": "x", "dbPath": "y"}}"#;
    let warnings = resolve(&folder.by_config(misspelt)).warnings;
    assert!(warnings[0].text.contains("archive.db-path"), "{warnings:?}");
    let ledger = Some(folder.flag("var/archive.db", "--ledger"));
    let same = Places { ledger, ..by_flag };
    assert_refused(&same, ErrorKind::Usage, &["is the archive itself"]);
}

#[test]
fn what_a_config_leaves_out_is_where_cc_backend_has_it() {
    let folder = Folder::new();
    for text in [
        "{}",
        r#"{"main": {"addr": ":80"}, "metric-store": {}, "archive": null}"#,
    ] {
        let site = resolve(&folder.by_config(text));
        assert_eq!(site.database.value, folder.path("var/job.db"));
        assert_eq!(
            site.archive.value.path(),
            Some(&*folder.path("var/job-archive"))
        );
        assert_eq!(site.checkpoints[0].value, folder.path("var/checkpoints"));
        assert!(site.database.origin.to_string().starts_with("default"));
        site.check().unwrap();
    }
}

#[test]
fn a_flag_beats_the_config_for_each_place() {
    let folder = Folder::new();
    let site = resolve(&Places {
        archive: Some(folder.flag("elsewhere", "--archive")),
        sources: vec![folder.flag("a", "--source"), folder.flag("b", "--source")],
        ledger: Some(folder.flag("my.ledger", "--ledger")),
        ..folder.by_config(r#"{"archive": {"kind": "s3", "secret-key": "hush"}}"#)
    });
    assert_eq!(site.archive.origin, Origin::Flag("--archive"));
    assert_eq!(site.checkpoints.len(), 2);
    assert_eq!(site.checkpoints[0].value, folder.path("a"));
    assert_eq!(site.ledger.value, folder.path("my.ledger"));
    assert!(site.warnings.is_empty());
}

#[test]
fn another_database_than_the_configs_is_warned_about_when_the_archive_is_the_configs() {
    let folder = Folder::new();
    folder.write("other.db", "");
    let config = folder.by_config("{}");
    let other = Places {
        database: Some(folder.flag("other.db", "--db")),
        ..config.clone()
    };
    let warnings = resolve(&other).warnings;
    assert!(
        warnings[0]
            .text
            .contains("other.db (--db) is not the one of"),
        "{warnings:?}"
    );
    let archive = Some(folder.flag("var/job-archive", "--archive"));
    assert!(resolve(&Places { archive, ..other }).warnings.is_empty());
    let same = Places {
        database: Some(folder.flag("./var/../var/job.db", "--db")),
        ..config
    };
    assert!(resolve(&same).warnings.is_empty());
}

#[test]
fn a_section_may_stand_in_a_file_of_its_own() {
    let folder = Folder::new();
    fs::create_dir(folder.path("conf.d")).unwrap();
    folder.write(
        "conf.d/archive.json",
        r#"{"kind": "file", "path": "./var/other"}"#,
    );
    let places = folder.by_config(r#"{"archive-file": "./conf.d/archive.json"}"#);
    let site = resolve(&places);
    // Relative to cc-backend's working folder, not to the section's file.
    assert_eq!(site.archive.value.path(), Some(&*folder.path("var/other")));
    let file = folder.path("conf.d/archive.json");
    assert_eq!(
        site.archive.origin,
        Origin::Config {
            file,
            key: "archive.path"
        }
    );

    folder.write("conf.d/archive.json", "{\"kind\":\n5}");
    assert_refused(
        &places,
        ErrorKind::Usage,
        &["archive.json line 2 column 1", "a string"],
    );
    fs::remove_file(folder.path("conf.d/archive.json")).unwrap();
    assert_refused(
        &places,
        ErrorKind::Usage,
        &["archive.json", "archive-file in", "config.json"],
    );
}

#[test]
fn a_reference_with_two_dashes_is_none_as_in_cc_backend() {
    let folder = Folder::new();
    let site = resolve(&folder.by_config(r#"{"metric-store-file": "none.json"}"#));
    assert_eq!(site.checkpoints[0].value, folder.path("var/checkpoints"));
}

#[test]
fn a_section_here_and_in_a_file_is_refused() {
    let folder = Folder::new();
    let places = folder.by_config(r#"{"main": {}, "main-file": "main.json"}"#);
    assert_refused(&places, ErrorKind::Usage, &["both 'main' and 'main-file'"]);
}

#[test]
fn a_config_that_is_wrong_is_refused_with_its_place_and_what_was_expected() {
    let folder = Folder::new();
    for (text, parts) in [
        (
            "{\"main\": {\"db\": 5}}",
            ["config.json line 1 column 17", "expected a string"],
        ),
        (
            "{\n  \"main\": \"hush\"}",
            ["config.json line 2 column 16", "expected an object"],
        ),
        ("{\"archive\": {}", ["config.json line 1 column 14", "EOF"]),
        (
            "{\"archive\": {},}",
            ["config.json line 1 column 16", "trailing comma"],
        ),
        (
            "{\"archive\": {}}",
            ["archive.kind in", "expected file, s3 or sqlite"],
        ),
        (
            "{\"archive\": {\"kind\": \"file\"}}",
            ["archive.path in", "expected the folder"],
        ),
        (
            "{\"archive\": {\"kind\": \"s3\"}}",
            ["archive.bucket in", "no bucket is named"],
        ),
        (
            "{\"archive\": {\"kind\": \"sqlite\"}}",
            ["archive.db-path in", "expected the SQLite file"],
        ),
        (
            "{\"metric-store\": {\"retention-in-memory\": \"2 days\"}}",
            [
                "retention-in-memory in",
                "'2 days': expected a duration such as 48h",
            ],
        ),
    ] {
        assert_refused(&folder.by_config(text), ErrorKind::Usage, &parts);
    }
}

#[test]
fn a_config_that_is_not_there_is_refused() {
    let folder = Folder::new();
    let config = Some(folder.flag("nothing.json", "--config"));
    let places = Places {
        config,
        ..Places::default()
    };
    assert_refused(
        &places,
        ErrorKind::Usage,
        &["nothing.json does not exist (--config)"],
    );
}

#[test]
fn a_checkpoint_interval_that_go_cannot_read_is_12_hours_and_warned_about() {
    let folder = Folder::new();
    for text in ["often", "-1h", ""] {
        let config = format!(r#"{{"metric-store": {{"checkpoint-interval": "{text}"}}}}"#);
        let site = resolve(&folder.by_config(&config));
        assert_eq!(site.checkpoint_interval.value, 12 * 3600);
        assert!(
            site.warnings[0].text.contains("checkpoint-interval"),
            "{:?}",
            site.warnings
        );
    }
}

const EXTERNAL: &str = r#"{"metric-store-external": [
    {"scope": "fritz", "url": "http://me:hush@store:8082", "token": "hush-hush"},
    {"scope": "alex", "url": "http://alex:8082", "token": ""}]}"#;

#[cfg(not(feature = "http"))]
#[test]
fn external_stores_alone_need_a_source_or_checkpoints() {
    let folder = Folder::new();
    let places = folder.by_config(EXTERNAL);
    let warnings = resolve(&places).warnings;
    assert!(warnings[0].text.contains("'fritz', 'alex'"), "{warnings:?}");
    assert!(
        warnings[0].text.contains("stay as they are"),
        "{warnings:?}"
    );

    fs::remove_dir(folder.path("var/checkpoints")).unwrap();
    let parts = ["has only metric-store-external", "NameSource"];
    assert_refused(&places, ErrorKind::Usage, &parts);

    let sources = vec![folder.flag("copied", "--source")];
    let site = resolve(&Places { sources, ..places });
    assert_eq!(site.checkpoints[0].value, folder.path("copied"));
    assert!(site.warnings.is_empty());
}

#[cfg(feature = "http")]
#[test]
fn external_stores_stand_behind_the_files_and_alone_where_there_are_none() {
    let folder = Folder::new();
    let places = folder.by_config(EXTERNAL);
    let site = resolve(&places);
    let stores: Vec<_> = site
        .stores
        .iter()
        .map(|s| (&*s.value.scope, &*s.value.url))
        .collect();
    let expected = [("fritz", "http://store:8082"), ("alex", "http://alex:8082")];
    assert_eq!(stores, expected);
    assert!(site.warnings.is_empty() && site.elsewhere.is_empty());
    let files = folder.path("var/checkpoints").display().to_string();
    assert_eq!(
        site.source_names(),
        [&*files, "http://store:8082", "http://alex:8082"]
    );
    assert_eq!(
        site.sources_of_a_host(),
        2,
        "the files, and the store of its cluster"
    );

    fs::remove_dir(folder.path("var/checkpoints")).unwrap();
    let site = resolve(&places);
    assert!(site.checkpoints.is_empty());
    site.check().unwrap();

    let sources = vec![folder.flag("copied", "--source")];
    let site = resolve(&Places { sources, ..places });
    assert_eq!((site.checkpoints.len(), site.stores.len()), (1, 0));
}

#[cfg(feature = "http")]
#[test]
fn a_store_that_a_flag_names_stands_where_it_is_named() {
    let folder = Folder::new();
    let address = |text: &str| Located::new(PathBuf::from(text), Origin::Flag("--source"));
    let sources = vec![
        address("http://a:1/"),
        folder.flag("b", "--source"),
        address("https://c:2"),
    ];
    let site = resolve(&Places {
        sources,
        ..folder.by_database()
    });
    let folder = folder.path("b").display().to_string();
    assert_eq!(site.source_names(), ["http://a:1", &*folder, "https://c:2"]);
    assert_eq!(site.sources_of_a_host(), 3);
}

#[test]
fn show_config_says_of_secrets_only_that_they_are_set() {
    let folder = Folder::new();
    let shown = resolve(&folder.by_config(EXTERNAL)).show();
    assert!(
        shown.contains("fritz http://store:8082, token set"),
        "{shown}"
    );
    assert!(shown.contains("alex http://alex:8082, no token"), "{shown}");
    assert!(!shown.contains("hush"), "{shown}");
}

#[test]
fn no_message_about_a_config_quotes_its_values() {
    let folder = Folder::new();
    for text in [
        r#"{"metric-store-external": "hush"}"#,
        r#"{"metric-store-external": ["hush"]}"#,
        r#"{"metric-store-external": [{"url": {"hush": 1}}]}"#,
        r#"{"archive": "hush"}"#,
        r#"{"archive": {"kind": "s3", "access-key": "hush"}}"#,
    ] {
        let (text, _) = refusal(&folder.by_config(text));
        assert!(!text.contains("hush"), "{text}");
    }
    let token = r#"{"metric-store-external": [{"scope": "*", "url": "http://u", "token": 5}]}"#;
    assert!(
        resolve(&folder.by_config(token))
            .show()
            .contains("token set")
    );
}

#[test]
fn media_of_later_versions_are_refused_with_what_to_give_instead() {
    let folder = Folder::new();
    let place = |text: &str, flag| Located::new(PathBuf::from(text), Origin::Flag(flag));
    for (text, parts) in [
        (
            "s3://bucket?secret-key=hush",
            ["(--archive)", "every user of this machine can read"],
        ),
        (
            "https://me:hush@store/archive",
            ["no archive that this ccarchive can write", "NameArchive"],
        ),
    ] {
        let archive = Some(place(text, "--archive"));
        let places = Places {
            archive,
            ..folder.by_database()
        };
        assert_refused(&places, ErrorKind::Usage, &parts);
        assert!(!refusal(&places).0.contains("hush"));
    }
    for text in ["sqlite:/x", "s3://me:hush@store"] {
        let sources = vec![place("a", "--source"), place(text, "--source")];
        let places = Places {
            sources,
            ..folder.by_database()
        };
        assert_refused(
            &places,
            ErrorKind::Usage,
            &["no source that this ccarchive can read", "NameSource"],
        );
        assert!(!refusal(&places).0.contains("hush"));
    }
}

#[test]
fn what_is_missing_is_named_with_its_origin_and_what_was_expected() {
    type Damage = fn(&Folder);
    let cases: [(Damage, &[&str]); 6] = [
        (
            |f| fs::remove_file(f.path("var/job.db")).unwrap(),
            &["database", "(--db)", "job.db"],
        ),
        (
            |f| fs::remove_dir_all(f.path("var/job-archive")).unwrap(),
            &[
                "archive",
                "beside the database",
                "does not exist",
                "Correct(Archive)",
            ],
        ),
        (
            |f| fs::remove_file(f.path("var/job-archive/version.txt")).unwrap(),
            &["has no version.txt", "Correct(Archive)"],
        ),
        (
            |f| fs::remove_dir(f.path("var/checkpoints")).unwrap(),
            &["checkpoints folder", "does not exist", "Correct(Source)"],
        ),
        (
            |f| {
                fs::remove_dir(f.path("var/checkpoints")).unwrap();
                f.write("var/checkpoints", "");
            },
            &["checkpoints", "is a file"],
        ),
        (
            |f| {
                fs::remove_file(f.path("var/job.db")).unwrap();
                fs::create_dir(f.path("var/job.db")).unwrap();
            },
            &["database", "is a folder", "Correct(Database)"],
        ),
    ];
    for (damage, parts) in cases {
        let folder = Folder::new();
        damage(&folder);
        assert_refused(&folder.by_database(), ErrorKind::Usage, parts);
    }
}

#[test]
fn only_archives_of_version_3_are_accepted() {
    let folder = Folder::new();
    let site = resolve(&folder.by_database());
    for text in ["3", "3\n"] {
        folder.write("var/job-archive/version.txt", text);
        site.check().unwrap();
    }
    for text in [
        "", "2\n", "4", "3\r\n", " 3", "3 ", "3\n\n", "33", "\u{7f}\n",
    ] {
        folder.write("var/job-archive/version.txt", text);
        let error = site.check().unwrap_err();
        assert!(
            matches!(error, ConfigError::ArchiveVersion { .. }),
            "{text:?}"
        );
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().lines().count() == 1, "{error}");
    }
}

#[test]
fn what_cannot_be_read_could_not_run() {
    let folder = Folder::new();
    let version = folder.path("var/job-archive/version.txt");
    fs::remove_file(&version).unwrap();
    fs::create_dir(&version).unwrap();
    let parts = ["cannot read the archive version", "version.txt"];
    assert_refused(&folder.by_database(), ErrorKind::CouldNotRun, &parts);
}

#[test]
fn a_ledger_never_lies_on_the_database_or_in_the_trees_of_cc_backend() {
    let folder = Folder::new();
    for (name, part) in [
        ("var/job.db", "is the database itself"),
        ("var/../var/job.db", "is the database itself"),
        ("var/checkpoints/x.ledger", "lies in the checkpoints folder"),
        ("var/job-archive/x.ledger", "lies in the archive"),
        ("none/x.ledger", "does not exist"),
        ("var", "is a folder"),
    ] {
        let ledger = Some(folder.flag(name, "--ledger"));
        let places = Places {
            ledger,
            ..folder.by_database()
        };
        assert_refused(&places, ErrorKind::Usage, &["ledger", part]);
    }
}

#[test]
fn the_program_adds_the_flag_to_the_advice() {
    let folder = Folder::new();
    let none = folder.path("none");
    for (arguments, advice) in [
        (vec![], "give --db DIR/job.db"),
        (vec!["--db"], "correct the path or give --db FILE"),
    ] {
        let mut arguments: Vec<&str> = arguments;
        if !arguments.is_empty() {
            arguments.push(none.to_str().unwrap());
        }
        run(&arguments, &[]).refused(2, advice);
    }
}

/// `ccarchive run` with these arguments and variables, and no others of ours.
fn run(arguments: &[&str], variables: &[(&str, &Path)]) -> Ran {
    let mut command = program();
    command.arg("run").args(arguments);
    program::run(command.envs(variables.iter().copied()))
}

#[test]
fn show_config_tells_flag_environment_config_and_default_apart() {
    let folder = Folder::new();
    folder.by_config(r#"{"metric-store": {"retention-in-memory": "48h"}}"#);
    let ledger = folder.path("x.ledger");
    let arguments = ["--show-config", "--ledger", ledger.to_str().unwrap()];
    let (config, archive) = (folder.path("config.json"), folder.path("var/job-archive"));
    let variables = [
        ("CCARCHIVE_CONFIG", &*config),
        ("CCARCHIVE_ARCHIVE", &*archive),
    ];
    let stdout = run(&arguments, &variables).expect(0).out;
    let from = |what: &str| {
        let line = stdout.lines().find(|line| line.starts_with(what)).unwrap();
        line.rsplit("  ").next().unwrap().to_owned()
    };
    assert_eq!(from("ledger"), "--ledger");
    assert_eq!(from("archive"), "CCARCHIVE_ARCHIVE");
    assert!(
        from("retention").starts_with("metric-store.retention-in-memory in "),
        "{stdout}"
    );
    assert!(from("database").starts_with("default: "), "{stdout}");
}

#[test]
fn a_flag_beats_the_environment() {
    let folder = Folder::new();
    let database = folder.path("var/job.db");
    let arguments = ["--show-config", "--db", database.to_str().unwrap()];
    let elsewhere = [("CCARCHIVE_DB", Path::new("/none/job.db"))];
    let stdout = run(&arguments, &elsewhere).out;
    assert!(!stdout.contains("/none"), "{stdout}");
    assert!(stdout.contains("  --db\n"), "{stdout}");
}
