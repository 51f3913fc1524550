//! The flags that name a site's places, which every command has.

use std::path::PathBuf;

use ccarchive::model::secret::Secret;
use ccarchive::site::{Located, Origin, Places, Variables, reads_variable, without_password};
use clap::Args;

use crate::report::words;

const SOURCE_HELP: &str = "Where samples are: a folder of checkpoints, parquet:DIR for what the metric store keeps of old ones, or http(s)://HOST:PORT of a cc-metric-store, whose token METRICSTORE_TOKEN or METRICSTORE_TOKEN_FILE holds; repeat for more, the first has priority [default: checkpoints beside the database, or what the configuration names]";

#[derive(Debug, Args)]
#[command(next_help_heading = "Places")]
pub(crate) struct PlaceArgs {
    /// cc-backend's job database; without --config, archive and checkpoints are looked for beside it
    #[arg(
        long,
        value_name = "FILE",
        env = "CCARCHIVE_DB",
        hide_env_values = true
    )]
    pub(crate) db: Option<PathBuf>,
    /// cc-backend's config.json, which names all places; relative paths count from its folder
    #[arg(
        long,
        value_name = "FILE",
        env = "CCARCHIVE_CONFIG",
        hide_env_values = true
    )]
    pub(crate) config: Option<PathBuf>,
    /// Job archive to write to: a folder, sqlite:FILE for a SQLite file that is there, or `s3://BUCKET` for a bucket of an S3
    /// server, with ?endpoint=URL&region=NAME&use-path-style=true where needed; its keys come from --config or from the
    /// environment, see `ccarchive-run(1)` [default: job-archive beside the database]
    #[arg(
        long,
        value_name = "ARCHIVE",
        env = "CCARCHIVE_ARCHIVE",
        hide_env_values = true
    )]
    pub(crate) archive: Option<PathBuf>,
    /// Where samples are: a folder, or the address of a metric store; repeat for more
    #[arg(
        long,
        help = SOURCE_HELP,
        value_name = "SOURCE",
        env = "CCARCHIVE_SOURCE",
        hide_env_values = true
    )]
    pub(crate) source: Vec<PathBuf>,
    /// Authorities (PEM) whose certificates are accepted from stores and S3 servers over https [default: those of this machine]
    #[arg(
        long,
        value_name = "FILE",
        env = "CCARCHIVE_CA",
        hide_env_values = true
    )]
    pub(crate) ca: Option<PathBuf>,
    /// ccarchive's own record of attempts and reasons [default: name of the database with .ledger]
    #[arg(
        long,
        value_name = "FILE",
        env = "CCARCHIVE_LEDGER",
        hide_env_values = true
    )]
    pub(crate) ledger: Option<PathBuf>,
    /// Print the resolved places and where each comes from, and stop
    #[arg(long)]
    pub(crate) show_config: bool,
}

/// Which site.
#[derive(Debug, Args)]
pub(crate) struct SiteArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// Ids of the arguments whose value comes from the environment.
    #[arg(skip)]
    pub(super) from_environment: Vec<String>,
}

impl SiteArgs {
    /// The places that are named, each with its origin.
    pub(crate) fn places(&self) -> Places {
        self.place.places(&self.from_environment)
    }
}

impl PlaceArgs {
    /// The flags that name the same places, as words of a shell, each with a space before it.
    pub(crate) fn words(&self) -> String {
        let Self {
            db,
            config,
            archive,
            source,
            ca,
            ledger,
            show_config: _,
        } = self;
        let one = [
            ("--db", db),
            ("--config", config),
            ("--archive", archive),
            ("--ca", ca),
            ("--ledger", ledger),
        ];
        let one = one
            .into_iter()
            .filter_map(|(flag, path)| Some((flag, path.as_ref()?)));
        let sources = source.iter().map(|path| ("--source", path));
        let mut out = String::new();
        for (flag, path) in one.chain(sources) {
            // What is printed may be mailed and kept: it names no password.
            let path = words::shell(&without_password(&path.display().to_string()));
            out += &format!(" {flag} {path}");
        }
        out
    }

    /// The places that are named, each with its origin; `from_environment`: ids of arguments that come from there.
    pub(super) fn places(&self, from_environment: &[String]) -> Places {
        let Self {
            db,
            config,
            archive,
            source,
            ca,
            ledger,
            ..
        } = self;
        let origin = |id: &str, flag: &'static str, variable: &'static str| {
            if from_environment.iter().any(|known| known == id) {
                Origin::Environment(variable)
            } else {
                Origin::Flag(flag)
            }
        };
        let one = |path: &Option<PathBuf>, id, flag, variable| {
            path.clone()
                .map(|path| Located::new(path, origin(id, flag, variable)))
        };
        let source_origin = origin("source", "--source", "CCARCHIVE_SOURCE");
        Places {
            database: one(db, "db", "--db", "CCARCHIVE_DB"),
            config: one(config, "config", "--config", "CCARCHIVE_CONFIG"),
            archive: one(archive, "archive", "--archive", "CCARCHIVE_ARCHIVE"),
            sources: source
                .iter()
                .map(|p| Located::new(p.clone(), source_origin.clone()))
                .collect(),
            ca: one(ca, "ca", "--ca", "CCARCHIVE_CA"),
            ledger: one(ledger, "ledger", "--ledger", "CCARCHIVE_LEDGER"),
            variables: variables(),
        }
    }
}

/// The variables of the environment that say more about a place than its flag may, as keys do.
fn variables() -> Variables {
    let all = std::env::vars_os().filter_map(|(name, value)| {
        let (name, value) = (name.into_string().ok()?, value.into_string().ok()?);
        reads_variable(&name).then(|| (name, Secret::new(value)))
    });
    all.collect()
}
