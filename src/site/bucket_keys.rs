//! The keys of an S3 bucket: from the environment, from files, from config.json, as cc-backend takes them.
//!
//! `ARCHIVE_S3_ACCESS_KEY` and `ARCHIVE_S3_SECRET_KEY`, each also with `_FILE` for a file that holds it, win over config.json;
//! without any of these the variables of AWS count, then the file `~/.aws/credentials`. Keys are never an argument, and stand
//! in no message. Both must be there: half a pair is a mistake, which cc-backend passes over in silence.

use std::fs;
use std::path::{Path, PathBuf};

use super::advice::Setting;
use super::error::{ConfigError, Role};
use super::origin::{Located, Origin};
use super::variables::Variables;
use crate::model::bucket::Keys;
use crate::model::secret::Secret;

/// What is read of the environment, besides files of keys.
const VARIABLES: [&str; 12] = [
    "ARCHIVE_S3_ACCESS_KEY",
    "ARCHIVE_S3_ACCESS_KEY_FILE",
    "ARCHIVE_S3_SECRET_KEY",
    "ARCHIVE_S3_SECRET_KEY_FILE",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_PROFILE",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL",
    "AWS_CA_BUNDLE",
];

static KEY_FILE: Role = Role {
    what: "key file",
    expected: "a file with a key of the S3 server",
    setting: Setting::Archive,
};

/// Whether a variable may say something about an S3 bucket.
pub(super) fn is_read(name: &str) -> bool {
    name == "HOME" || VARIABLES.contains(&name)
}

/// Keys of config.json.
#[derive(Default)]
pub(super) struct Configured {
    pub(super) access: Option<Secret>,
    pub(super) secret: Option<Secret>,
    /// The file that they stand in.
    pub(super) file: PathBuf,
}

/// A variable that is set and not empty.
pub(super) fn variable(variables: &Variables, name: &str) -> Option<String> {
    let value = variables.get(name)?.reveal();
    (!value.is_empty()).then(|| value.to_owned())
}

impl Configured {
    /// The keys to take; none where nothing names any.
    pub(super) fn keys(self, variables: &Variables) -> Result<Option<Keys>, ConfigError> {
        let own = |key: Option<Secret>, name: &str| {
            let key = key.filter(|k| !k.reveal().is_empty());
            key.map(|k| (k, format!("archive.{name} in {}", self.file.display())))
        };
        let access = match named("ARCHIVE_S3_ACCESS_KEY", variables)? {
            None => own(self.access, "access-key"),
            named => named,
        };
        let secret = match named("ARCHIVE_S3_SECRET_KEY", variables)? {
            None => own(self.secret, "secret-key"),
            named => named,
        };
        if let Some(keys) = pair(access, secret, "access key", "secret key")? {
            return Ok(Some(keys));
        }
        let aws = |name: &str| variable(variables, name).map(|v| (Secret::new(v), name.to_owned()));
        let keys = pair(
            aws("AWS_ACCESS_KEY_ID"),
            aws("AWS_SECRET_ACCESS_KEY"),
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
        )?;
        if let Some(mut keys) = keys {
            keys.session = variable(variables, "AWS_SESSION_TOKEN").map(Secret::new);
            return checked(keys).map(Some);
        }
        shared(variables)
    }
}

/// A key that a variable holds, or a file that a variable names.
fn named(name: &str, variables: &Variables) -> Result<Option<(Secret, String)>, ConfigError> {
    if let Some(value) = variable(variables, name) {
        return Ok(Some((Secret::new(value), name.to_owned())));
    }
    let file = format!("{name}_FILE");
    let Some(path) = variable(variables, &file) else {
        return Ok(None);
    };
    let place = Located::new(PathBuf::from(path), Origin::Variable(file.clone()));
    KEY_FILE.file(&place)?;
    let text = fs::read_to_string(&place.value).map_err(|e| KEY_FILE.unreadable(&place, e))?;
    Ok(Some((Secret::new(text.trim().to_owned()), file)))
}

/// Both keys or neither.
fn pair(
    access: Option<(Secret, String)>,
    secret: Option<(Secret, String)>,
    access_name: &'static str,
    secret_name: &'static str,
) -> Result<Option<Keys>, ConfigError> {
    let half = |there: String, missing| Err(ConfigError::HalfOfKeys { there, missing });
    match (access, secret) {
        (None, None) => Ok(None),
        (Some((_, there)), None) => half(there, secret_name),
        (None, Some((_, there))) => half(there, access_name),
        (Some((access, from)), Some((secret, _))) => checked(Keys {
            access,
            secret,
            session: None,
            from,
        })
        .map(Some),
    }
}

/// Keys go into headers: what cannot stand there would be quoted by an error of the library.
fn checked(keys: Keys) -> Result<Keys, ConfigError> {
    let is_fit = |key: &Secret| key.reveal().chars().all(|c| c.is_ascii_graphic());
    let session = keys.session.iter();
    if [&keys.access, &keys.secret]
        .into_iter()
        .chain(session)
        .all(is_fit)
    {
        return Ok(keys);
    }
    Err(ConfigError::Keys { from: keys.from })
}

/// The keys of a profile in `~/.aws/credentials`.
fn shared(variables: &Variables) -> Result<Option<Keys>, ConfigError> {
    let file = variable(variables, "AWS_SHARED_CREDENTIALS_FILE").map(PathBuf::from);
    let home = || Some(Path::new(&variable(variables, "HOME")?).join(".aws/credentials"));
    let Some(file) = file.or_else(home) else {
        return Ok(None);
    };
    let Ok(text) = fs::read_to_string(&file) else {
        return Ok(None);
    };
    let profile = variable(variables, "AWS_PROFILE").unwrap_or_else(|| "default".into());
    let of_profile = |name: &str| value_of(&text, &profile, name);
    let key = |name: &str| {
        let from = format!("{name} of [{profile}] in {}", file.display());
        of_profile(name).map(|v| (Secret::new(v), from))
    };
    let keys = pair(
        key("aws_access_key_id"),
        key("aws_secret_access_key"),
        "aws_access_key_id",
        "aws_secret_access_key",
    )?;
    let session = of_profile("aws_session_token").map(Secret::new);
    keys.map(|keys| checked(Keys { session, ..keys }))
        .transpose()
}

/// A value of a section of a file of `name = value` lines.
fn value_of(text: &str, section: &str, name: &str) -> Option<String> {
    let mut here = false;
    for line in text.lines().map(str::trim) {
        if let Some(title) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            here = title.trim() == section;
        } else if here
            && let Some((key, value)) = line.split_once('=')
            && key.trim() == name
            && !value.trim().is_empty()
        {
            return Some(value.trim().to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(of: &[(&str, &str)]) -> Variables {
        let one = |(k, v): &(&str, &str)| ((*k).to_owned(), Secret::new((*v).to_owned()));
        of.iter().map(one).collect()
    }

    fn configured(access: &str, secret: &str) -> Configured {
        let key = |k: &str| (!k.is_empty()).then(|| Secret::new(k.to_owned()));
        Configured {
            access: key(access),
            secret: key(secret),
            file: "config.json".into(),
        }
    }

    #[track_caller]
    fn keys(configured: Configured, of: &[(&str, &str)]) -> (String, String, String) {
        let keys = configured.keys(&variables(of)).unwrap().unwrap();
        assert!(!format!("{keys:?}").contains(keys.secret.reveal()));
        let session = keys.session.as_ref().map_or("", Secret::reveal);
        let pair = format!("{} {}", keys.access.reveal(), keys.secret.reveal());
        (pair, session.to_owned(), keys.from)
    }

    #[test]
    fn the_environments_own_names_win_over_the_configuration_which_wins_over_aws() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("secret");
        fs::write(&file, "s-file\n").unwrap();
        let file = file.to_str().unwrap();
        let aws = [
            ("AWS_ACCESS_KEY_ID", "a-aws"),
            ("AWS_SECRET_ACCESS_KEY", "s-aws"),
            ("AWS_SESSION_TOKEN", "t-aws"),
        ];
        let own = [
            ("ARCHIVE_S3_ACCESS_KEY", "a-env"),
            ("ARCHIVE_S3_SECRET_KEY_FILE", file),
        ];
        let (pair, session, from) =
            keys(configured("a-own", "s-own"), &[&aws[..], &own[..]].concat());
        assert_eq!(
            (pair.as_str(), session.as_str(), from.as_str()),
            ("a-env s-file", "", "ARCHIVE_S3_ACCESS_KEY")
        );
        let (pair, _, from) = keys(configured("a-own", "s-own"), &aws);
        assert_eq!(
            (pair.as_str(), from.as_str()),
            ("a-own s-own", "archive.access-key in config.json")
        );
        let (pair, session, _) = keys(configured("", ""), &aws);
        assert_eq!((pair.as_str(), session.as_str()), ("a-aws s-aws", "t-aws"));
    }

    #[test]
    fn a_profile_of_the_shared_file_comes_last() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(".aws")).unwrap();
        let text = "[default]\naws_access_key_id = a1\naws_secret_access_key=s1\n\n[ other ]\naws_access_key_id=a2\naws_secret_access_key = s2\naws_session_token = t2\n";
        fs::write(dir.path().join(".aws/credentials"), text).unwrap();
        let home = ("HOME", dir.path().to_str().unwrap());
        assert_eq!(keys(configured("", ""), &[home]).0, "a1 s1");
        let (pair, session, from) = keys(configured("", ""), &[home, ("AWS_PROFILE", "other")]);
        assert_eq!((pair.as_str(), session.as_str()), ("a2 s2", "t2"));
        assert!(from.contains("[other]"), "{from}");
        let none = configured("", "").keys(&variables(&[home, ("AWS_PROFILE", "none")]));
        assert_eq!(none.unwrap(), None);
    }

    #[test]
    fn half_a_pair_is_named_and_no_key_is_quoted() {
        for (configured, of) in [
            (configured("hush", ""), vec![]),
            (configured("", "hush"), vec![]),
            (configured("", ""), vec![("AWS_SECRET_ACCESS_KEY", "hush")]),
            (configured("", ""), vec![("ARCHIVE_S3_ACCESS_KEY", "hush")]),
            (configured("a", "hu sh"), vec![]),
        ] {
            let e = configured.keys(&variables(&of)).unwrap_err().to_string();
            assert!(!e.contains("hush") && !e.contains("hu sh"), "{e}");
            assert!(e.contains("key") || e.contains("KEY"), "{e}");
        }
    }
}
