//! A job archive in an S3 bucket: the server, the bucket, and how both are named.
//!
//! `s3://BUCKET?endpoint=URL&region=NAME&use-path-style=true` names one, as a flag or variable; the section `archive` of
//! config.json has the same words as keys. What neither names is as cc-backend takes it: the region is `us-east-1`, the
//! server is what `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL` says, else that of AWS.

use std::net::IpAddr;
use std::path::PathBuf;

use super::bucket_keys::Configured;
use super::error::ConfigError;
use super::origin::Origin;
use super::variables::Variables;
use crate::model::bucket::Bucket;

/// What a bucket is named with.
pub(super) const SCHEME: &str = "s3:";
const REGION: &str = "us-east-1";
/// Names a file of authorities, to every client of S3.
pub(super) const AUTHORITIES: &str = "AWS_CA_BUNDLE";
/// Longer names than any server has.
const LONGEST_NAME: usize = 255;

/// What flags or configuration say of a bucket.
#[derive(Default)]
pub(super) struct Settings {
    pub(super) name: String,
    pub(super) endpoint: Option<String>,
    pub(super) region: Option<String>,
    pub(super) path_style: bool,
    pub(super) keys: Configured,
}

/// The bucket that a flag or variable names.
pub(super) fn named(
    text: &str,
    origin: &Origin,
    variables: &Variables,
) -> Result<Bucket, ConfigError> {
    let settings = parse(text).map_err(|why| ConfigError::Bucket {
        named: shown(text),
        origin: origin.clone(),
        why,
    })?;
    of(settings, origin, variables)
}

/// The bucket that settings name, completed from the environment.
pub(super) fn of(
    settings: Settings,
    origin: &Origin,
    variables: &Variables,
) -> Result<Bucket, ConfigError> {
    let wrong = |why: String| ConfigError::Bucket {
        named: format!("s3://{}", shown(&settings.name)),
        origin: origin.clone(),
        why,
    };
    check_name(&settings.name).map_err(wrong)?;
    let set = |name: &str| super::bucket_keys::variable(variables, name);
    let region = settings.region.filter(|r| !r.is_empty());
    let region = region.unwrap_or_else(|| REGION.to_owned());
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !region.chars().all(is_word) {
        return Err(wrong(
            "the region holds characters that no region has".into(),
        ));
    }
    let given = settings.endpoint.filter(|e| !e.is_empty());
    let is_given = given.is_some();
    let endpoint = given
        .or_else(|| set("AWS_ENDPOINT_URL_S3"))
        .or_else(|| set("AWS_ENDPOINT_URL"))
        .unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"));
    let (endpoint, host) = server(&endpoint).map_err(wrong)?;
    // What follows from the rest, or from the environment, is not repeated.
    let words = [
        is_given.then(|| format!("endpoint={endpoint}")),
        (region != REGION).then(|| format!("region={region}")),
        settings
            .path_style
            .then(|| "use-path-style=true".to_owned()),
    ];
    let words: Vec<String> = words.into_iter().flatten().collect();
    let sign = if words.is_empty() { "" } else { "?" };
    let can_be_host = is_host_label(&settings.name, endpoint.starts_with("https:"));
    Ok(Bucket {
        shown: format!("s3://{}{sign}{}", settings.name, words.join("&")),
        path_style: settings.path_style || is_address(&host) || !can_be_host,
        keys: settings.keys.keys(variables)?,
        certificates: set(AUTHORITIES).map(PathBuf::from),
        name: settings.name,
        endpoint,
        region,
    })
}

/// As much of a text as may be shown: what follows a question mark may hold keys.
fn shown(text: &str) -> String {
    text.split('?').next().unwrap_or_default().to_owned()
}

fn parse(text: &str) -> Result<Settings, String> {
    const FORM: &str = "expected s3://BUCKET, or s3://BUCKET?endpoint=URL&region=NAME";
    let rest = text
        .strip_prefix(SCHEME)
        .and_then(|r| r.strip_prefix("//"))
        .ok_or(FORM)?;
    let (name, query) = rest.split_once('?').unwrap_or((rest, ""));
    let name = name.strip_suffix('/').unwrap_or(name);
    if name.contains('/') {
        return Err("cc-backend knows no folder inside a bucket; expected s3://BUCKET".into());
    }
    let mut settings = Settings {
        name: name.to_owned(),
        ..Settings::default()
    };
    for setting in query.split('&').filter(|s| !s.is_empty()) {
        let (key, value) = setting.split_once('=').unwrap_or((setting, ""));
        match key {
            "endpoint" => settings.endpoint = Some(value.to_owned()),
            "region" => settings.region = Some(value.to_owned()),
            "use-path-style" => settings.path_style = truth(value)?,
            "usePathStyle" => return Err("usePathStyle is written use-path-style".into()),
            "access-key" | "secret-key" | "accessKey" | "secretKey" => {
                return Err(
                    "keys do not belong into an argument, which every user of this machine can read: set ARCHIVE_S3_ACCESS_KEY and ARCHIVE_S3_SECRET_KEY, or name files that hold them in ARCHIVE_S3_ACCESS_KEY_FILE and ARCHIVE_S3_SECRET_KEY_FILE".into(),
                );
            }
            _ => {
                return Err(
                    "after the question mark only endpoint, region and use-path-style may stand"
                        .into(),
                );
            }
        }
    }
    Ok(settings)
}

fn truth(value: &str) -> Result<bool, String> {
    match value {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("use-path-style is true or false".into()),
    }
}

fn check_name(name: &str) -> Result<(), String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() {
        return Err("no bucket is named".into());
    }
    if name.len() > LONGEST_NAME || !name.chars().all(is_word) || name.starts_with('.') {
        return Err(
            "this is no name of a bucket: expected letters, digits, '-', '_' and '.'".into(),
        );
    }
    Ok(())
}

/// A server's address without a slash at the end, and its host.
fn server(text: &str) -> Result<(String, String), String> {
    let wrong = |what: &str| {
        Err(format!(
            "the endpoint {what}: expected http://HOST:PORT or https://HOST"
        ))
    };
    let Some((scheme, rest)) = text.split_once("://") else {
        return wrong("has no scheme");
    };
    let scheme = scheme.to_ascii_lowercase();
    if scheme != "http" && scheme != "https" {
        return wrong("is of another scheme");
    }
    let rest = rest.trim_end_matches('/');
    if rest.contains('@') {
        return wrong("holds a user or password");
    }
    if rest.contains(['/', '?', '#']) {
        return wrong("has more than a host and a port");
    }
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (rest, None),
    };
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let is_ip = host.starts_with('[') && is_address(host);
    if host.is_empty() || !(is_ip || host.chars().all(is_word)) {
        return wrong("has no name of a host");
    }
    if port.is_some_and(|p| !p.parse::<u16>().is_ok_and(|p| p > 0)) {
        return wrong("has a port that is none");
    }
    Ok((format!("{scheme}://{rest}"), host.to_owned()))
}

/// Whether a host is named by number. cc-backend's client then uses the path, whatever its configuration says.
fn is_address(host: &str) -> bool {
    host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
}

/// Whether a bucket can be the first part of a host's name; over TLS without dots, since no certificate covers them.
fn is_host_label(name: &str, tls: bool) -> bool {
    let is_word =
        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || (c == '.' && !tls);
    (3..=63).contains(&name.len())
        && name.chars().all(is_word)
        && !name.starts_with(['-', '.'])
        && !name.ends_with(['-', '.'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::secret::Secret;

    const FLAG: Origin = Origin::Default("a test");

    fn bucket(text: &str, variables: &[(&str, &str)]) -> Result<Bucket, String> {
        let one = |(k, v): &(&str, &str)| ((*k).to_owned(), Secret::new((*v).to_owned()));
        let variables = variables.iter().map(one).collect();
        named(text, &FLAG, &variables).map_err(|e| e.to_string())
    }

    #[test]
    fn a_bucket_stands_in_the_path_where_it_cannot_be_a_host() {
        for (text, address) in [
            ("s3://jobs", "https://jobs.s3.us-east-1.amazonaws.com"),
            (
                "s3://jobs?region=eu-west-3",
                "https://jobs.s3.eu-west-3.amazonaws.com",
            ),
            ("s3://my.jobs?endpoint=https://h", "https://h/my.jobs"),
            ("s3://my.jobs?endpoint=http://h", "http://my.jobs.h"),
            ("s3://Jobs?endpoint=https://h:9000/", "https://h:9000/Jobs"),
            (
                "s3://jobs?endpoint=http://10.0.0.1:9000&use-path-style=false",
                "http://10.0.0.1:9000/jobs",
            ),
            (
                "s3://jobs?endpoint=http://[::1]:9000",
                "http://[::1]:9000/jobs",
            ),
            (
                "s3://jobs?endpoint=HTTP://h:1&use-path-style=true",
                "http://h:1/jobs",
            ),
        ] {
            assert_eq!(bucket(text, &[]).unwrap().address(), address, "{text}");
        }
        let named = |name| bucket("s3://jobs", &[(name, "http://10.0.0.2")]).unwrap();
        assert_eq!(
            named("AWS_ENDPOINT_URL_S3").address(),
            "http://10.0.0.2/jobs"
        );
        assert_eq!(named("AWS_ENDPOINT_URL").address(), "http://10.0.0.2/jobs");
    }

    #[test]
    fn what_is_printed_names_the_bucket_again() {
        for text in [
            "s3://jobs",
            "s3://jobs?endpoint=http://10.0.0.1:9000",
            "s3://jobs?endpoint=https://h&region=garage&use-path-style=true",
        ] {
            assert_eq!(bucket(text, &[]).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_bucket_is_refused_and_no_key_quoted() {
        for (text, part) in [
            ("s3:jobs", "expected s3://BUCKET"),
            ("s3://", "no bucket"),
            ("s3://a/b", "no folder inside a bucket"),
            ("s3://a b", "no name of a bucket"),
            ("s3://jobs?endpoint=h:9000", "no scheme"),
            ("s3://jobs?endpoint=http://me:hush@h", "user or password"),
            ("s3://jobs?endpoint=http://h/x", "more than a host"),
            ("s3://jobs?endpoint=http://h:x", "port"),
            ("s3://jobs?endpoint=http://", "name of a host"),
            ("s3://jobs?endpoint=ftp://h", "scheme"),
            (
                "s3://jobs?secret-key=hush",
                "do not belong into an argument",
            ),
            ("s3://jobs?usePathStyle=true", "use-path-style"),
            ("s3://jobs?use-path-style=1", "true or false"),
            ("s3://jobs?prefix=hush", "only endpoint"),
            ("s3://jobs?region=a/b", "region"),
        ] {
            let e = bucket(text, &[]).unwrap_err();
            assert!(e.contains(part) && !e.contains("hush"), "{text}: {e}");
        }
    }
}
