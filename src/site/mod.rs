//! Where a site keeps things: flags, environment and cc-backend's config.json resolved into paths.
//!
//! Two steps, because they fail for different reasons: [`Site::resolve`] finds out what is meant
//! (only configuration can be wrong), [`Site::check`] looks whether it is there. The order of
//! precedence is flag, environment, configuration, default; every value keeps its origin.

mod advice;
mod archive;
mod bucket;
mod bucket_keys;
mod check;
mod config;
mod error;
mod go_duration;
mod keys;
mod origin;
mod parquet;
pub mod quantity;
mod sections;
mod store;
mod survey;
mod table;
mod variables;

use std::fs;
use std::path::{Path, PathBuf};

use config::Config;
use store::Configured;

pub use advice::{Advice, Setting, Warning};
pub use archive::ArchivePlace;
pub use error::{ConfigError, ErrorKind, Role};
pub use origin::{Located, Origin};
pub use store::{Store, without_password};
pub use survey::{ParquetCluster, SourceCluster, Survey};
pub use table::{Row, table};
pub use variables::Variables;

/// The version of archives that cc-backend writes and this program too.
pub const ARCHIVE_VERSION: u32 = 3;

const BESIDE_DATABASE: &str = "beside the database";
const CHECKPOINT_INTERVAL: i64 = 12 * 3600;

/// The places that flags and environment name.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// The job database.
    pub database: Option<Located<PathBuf>>,
    /// cc-backend's config.json.
    pub config: Option<Located<PathBuf>>,
    /// The job archive: a folder, `sqlite:FILE` or `s3://BUCKET`.
    pub archive: Option<Located<PathBuf>>,
    /// Folders of checkpoints, `parquet:FOLDER` for what the metric store keeps of old ones, and addresses of metric stores;
    /// the first has priority.
    pub sources: Vec<Located<PathBuf>>,
    /// Certificates that count instead of those of the platform.
    pub ca: Option<Located<PathBuf>>,
    /// The ledger of ccarchive.
    pub ledger: Option<Located<PathBuf>>,
    /// Variables of the environment that [`reads_variable`] asks for.
    pub variables: Variables,
}

/// Whether a variable of the environment may name keys of an archive, a token, or what is needed to reach one.
pub fn reads_variable(name: &str) -> bool {
    bucket_keys::is_read(name) || name.starts_with(store::TOKEN_VARIABLE)
}

/// A site, resolved.
#[derive(Debug, Clone)]
pub struct Site {
    /// cc-backend's job database.
    pub database: Located<PathBuf>,
    /// Our own file of attempts and reasons.
    pub ledger: Located<PathBuf>,
    /// The job archive.
    pub archive: Located<ArchivePlace>,
    /// Folders of checkpoints; the first has priority. None where only other sources are named.
    pub checkpoints: Vec<Located<PathBuf>>,
    /// Metric stores that are asked over HTTP; the first has priority.
    pub stores: Vec<Located<Store>>,
    /// Certificates that count instead of those of the platform.
    pub ca: Option<Located<PathBuf>>,
    /// Seconds that the metric store remembers, if a configuration says so.
    pub retention: Option<Located<i64>>,
    /// Seconds between two snapshots of the metric store.
    pub checkpoint_interval: Located<i64>,
    /// Folders where the metric store keeps what it removes from the checkpoints, as Parquet files.
    pub parquet: Vec<Located<PathBuf>>,
    /// Of which clusters (or cluster-subcluster; `*` for all) the data is in stores that this program was built without.
    pub elsewhere: Vec<String>,
    /// What an operator should know about this resolution.
    pub warnings: Vec<Warning>,
}

impl Site {
    /// Resolves what flags and environment name, with the configuration they name.
    pub fn resolve(places: &Places) -> Result<Self, ConfigError> {
        refuse_other_media(places)?;
        let read = |file| Config::read(file, &places.variables);
        let config = places.config.as_ref().map(read).transpose()?;
        let database = match (&places.database, &config) {
            (Some(database), _) => database.clone(),
            (None, Some(config)) => config.database.clone(),
            (None, None) => return Err(ConfigError::NoDatabase),
        };
        let ledger = match &places.ledger {
            Some(ledger) => ledger.clone(),
            None => Located::new(ledger_of(&database.value), Origin::Default(BESIDE_DATABASE)),
        };
        match config {
            Some(config) => Self::with_config(places, database, ledger, config),
            None => Self::beside(places, database, ledger),
        }
    }

    /// The sources by name, the first has priority: those stores that come before files, the folders, the other stores.
    pub fn source_names(&self) -> Vec<String> {
        let urls = |before_files: bool| {
            let stores = self.stores.iter().map(|s| &s.value);
            let these = stores.filter(move |s| s.before_files == before_files);
            these.map(|s| s.url.clone())
        };
        let checkpoints = self.checkpoints.iter();
        let checkpoints = checkpoints.map(|c| folder_name(&c.value));
        let parquet = self.parquet.iter();
        let parquet = parquet.map(|p| format!("parquet:{}", folder_name(&p.value)));
        let folders = checkpoints.chain(parquet);
        let all = urls(true).chain(folders).chain(urls(false));
        all.collect()
    }

    /// How many sources may have samples of the same host. Of the stores that the configuration names each job has one.
    pub fn sources_of_a_host(&self) -> usize {
        let of_config = |s: &&Located<Store>| matches!(s.origin, Origin::Config { .. });
        let (configured, named): (Vec<_>, Vec<_>) = self.stores.iter().partition(of_config);
        self.checkpoints.len() + named.len() + usize::from(!configured.is_empty())
    }

    fn with_config(
        places: &Places,
        database: Located<PathBuf>,
        ledger: Located<PathBuf>,
        config: Config,
    ) -> Result<Self, ConfigError> {
        let mut warnings = Vec::new();
        if places.archive.is_none() && !same_file(&database.value, &config.database.value) {
            warnings.push(foreign_database(&database, &config));
        }
        // Whoever names a source says where the data of all clusters is.
        let sources = if places.sources.is_empty() {
            let mut sources = config_sources(&config, places, &mut warnings)?;
            let parquet = parquet::of_config(config.parquet, &mut warnings);
            sources.parquet.extend(parquet);
            sources
        } else {
            named_sources(places, &config.external)?
        };
        let Sources {
            checkpoints,
            parquet,
            stores,
            elsewhere,
        } = sources;
        warnings.extend(config.warnings);
        Ok(Self {
            database,
            ledger,
            archive: named_archive(places)?.map_or(config.archive, Ok)?,
            checkpoints,
            ca: places.ca.clone(),
            retention: config.retention,
            checkpoint_interval: config.checkpoint_interval.unwrap_or_else(usual_interval),
            parquet,
            stores,
            elsewhere,
            warnings,
        })
    }

    fn beside(
        places: &Places,
        database: Located<PathBuf>,
        ledger: Located<PathBuf>,
    ) -> Result<Self, ConfigError> {
        let folder = database.value.parent().unwrap_or(Path::new(""));
        let beside = |name| Located::new(folder.join(name), Origin::Default(BESIDE_DATABASE));
        let archive = named_archive(places)?.unwrap_or_else(|| {
            let Located { value, origin } = beside("job-archive");
            Located::new(ArchivePlace::Tree(value), origin)
        });
        let mut sources = named_sources(places, &[])?;
        if places.sources.is_empty() {
            sources.checkpoints.push(beside("checkpoints"));
        }
        Ok(Self {
            database,
            ledger,
            archive,
            checkpoints: sources.checkpoints,
            stores: sources.stores,
            ca: places.ca.clone(),
            retention: None,
            checkpoint_interval: usual_interval(),
            parquet: sources.parquet,
            elsewhere: Vec::new(),
            warnings: Vec::new(),
        })
    }
}

impl Site {
    /// The file of authorities that count instead of the machine's where the archive is asked over https: what names one for
    /// all connections, else what names one for buckets alone.
    pub fn archive_ca(&self) -> Option<Located<PathBuf>> {
        let ArchivePlace::S3(bucket) = &self.archive.value else {
            return None;
        };
        let of_buckets = bucket.certificates.clone();
        let of_buckets =
            of_buckets.map(|file| Located::new(file, Origin::Environment(bucket::AUTHORITIES)));
        self.ca.clone().or(of_buckets)
    }

    /// Seconds after which the sources forget a sample; none where that is not known, or where the store keeps what it
    /// removes.
    pub fn forgets_after(&self) -> Option<i64> {
        let retention = self.retention.as_ref().map(|r| r.value);
        retention.filter(|_| self.parquet.is_empty())
    }
}

/// Whether a text can be config.json; sections in other files are left out.
#[cfg(feature = "fuzzing")]
pub(crate) fn check_config(text: &[u8], file: &Located<PathBuf>) -> Result<(), ConfigError> {
    Config::parse(text, file).map(drop)
}

fn usual_interval() -> Located<i64> {
    Located::new(CHECKPOINT_INTERVAL, Origin::Default("cc-backend's own"))
}

fn named_archive(places: &Places) -> Result<Option<Located<ArchivePlace>>, ConfigError> {
    let named = |place: &Located<PathBuf>| {
        let archive = ArchivePlace::named(place, &places.variables)?;
        Ok(Located::new(archive, place.origin.clone()))
    };
    places.archive.as_ref().map(named).transpose()
}

/// Media that the design knows and this version does not.
fn refuse_other_media(places: &Places) -> Result<(), ConfigError> {
    const NO_ARCHIVES: [&str; 3] = ["http:", "https:", "parquet:"];
    const NO_SOURCES: [&str; 2] = ["sqlite:", "s3:"];
    let named = |place: &Located<PathBuf>, media: &[&str]| {
        let text = place.value.to_string_lossy();
        // What follows a question mark are settings of the medium, possibly keys.
        let shown = text.split('?').next().unwrap_or_default();
        let is_medium = media.iter().any(|medium| text.starts_with(medium))
            || (!store::ASKED && store::is_address(&text));
        is_medium.then(|| (without_password(shown), place.origin.clone()))
    };
    let archive = places.archive.as_ref();
    if let Some((named, origin)) = archive.and_then(|a| named(a, &NO_ARCHIVES)) {
        return Err(ConfigError::ArchiveMedium { named, origin });
    }
    parquet::refuse_unknown(&places.sources)?;
    let mut sources = places.sources.iter();
    match sources.find_map(|s| named(s, &NO_SOURCES)) {
        Some((named, origin)) => Err(ConfigError::SourceMedium { named, origin }),
        None => Ok(()),
    }
}

/// Where samples are.
#[derive(Default)]
struct Sources {
    checkpoints: Vec<Located<PathBuf>>,
    parquet: Vec<Located<PathBuf>>,
    stores: Vec<Located<Store>>,
    elsewhere: Vec<String>,
}

/// The sources that flags or environment name; `known`: the stores that the configuration has tokens for.
fn named_sources(places: &Places, known: &[Configured]) -> Result<Sources, ConfigError> {
    let mut out = Sources::default();
    let mut folders = Vec::new();
    for place in &places.sources {
        let text = place.value.to_string_lossy();
        if store::is_address(&text) {
            let mut store = Store::named(&text, &place.origin, &places.variables, known)?;
            store.before_files = folders.is_empty();
            out.stores.push(Located::new(store, place.origin.clone()));
        } else {
            folders.push(place.clone());
        }
    }
    (out.checkpoints, out.parquet) = parquet::apart(folders);
    Ok(out)
}

/// The sources of the configuration, where no flag names others. Files come first: they hold more than a store tells, and
/// reading them is no load for it.
fn config_sources(
    config: &Config,
    places: &Places,
    warnings: &mut Vec<Warning>,
) -> Result<Sources, ConfigError> {
    let mut out = Sources::default();
    let has_files = config.has_internal_store || config.checkpoints.value.is_dir();
    if has_files || config.external.is_empty() {
        out.checkpoints.push(config.checkpoints.clone());
    }
    if store::ASKED {
        let stores = config.external.iter().cloned();
        let stores = stores.map(|s| s.store(&places.variables));
        out.stores = stores.collect::<Result<_, _>>()?;
        return Ok(out);
    }
    out.elsewhere = config.external.iter().map(|s| s.scope.clone()).collect();
    if out.checkpoints.is_empty() {
        return Err(ConfigError::ExternalStoresOnly {
            file: config.file.clone(),
            looked: config.checkpoints.value.clone(),
        });
    }
    if !out.elsewhere.is_empty() {
        let text = format!(
            "cc-backend reads '{}' from external metric stores, which this ccarchive was built without (feature http): jobs of these stay as they are",
            out.elsewhere.join("', '"),
        );
        warnings.push(Warning::new(text, Some(Advice::NameSource)));
    }
    Ok(out)
}

/// One site's database with another site's archive is rarely meant.
fn foreign_database(database: &Located<PathBuf>, config: &Config) -> Warning {
    let text = format!(
        "the database {} ({}) is not the one of {}, which is {}, but the archive is taken from there",
        database.value.display(),
        database.origin,
        config.file.display(),
        config.database.value.display(),
    );
    Warning::new(text, Some(Advice::NameArchiveToo))
}

/// The ledger stands beside the real file, so that sweeps through a link and past it share one lock.
fn ledger_of(database: &Path) -> PathBuf {
    let real = if database.is_symlink() {
        fs::canonicalize(database).ok()
    } else {
        None
    };
    let mut name = real.unwrap_or_else(|| database.to_owned()).into_os_string();
    name.push(".ledger");
    name.into()
}

fn same_file(one: &Path, other: &Path) -> bool {
    match (fs::canonicalize(one), fs::canonicalize(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => one.components().eq(other.components()),
    }
}

/// The name of a source that is a folder: its path from the root on, without links. What the ledger remembers of a source holds
/// however a person spells its path.
pub fn folder_name(folder: &Path) -> String {
    let whole = fs::canonicalize(folder).or_else(|_| std::path::absolute(folder));
    let whole = whole.unwrap_or_else(|_| folder.to_owned());
    whole.display().to_string()
}
