//! Metric stores that are asked over HTTP: which clusters each serves, where it is, and with which token it is asked.
//!
//! A token comes from the environment (`METRICSTORE_TOKEN_<SCOPE>`, then `METRICSTORE_TOKEN`, each also with `_FILE` for a
//! file that holds it) or from config.json, in this order, as newer versions of cc-backend have it. A token is never an
//! argument, since every user of a machine can read the arguments of a program, and stands in no message.

use std::fs;
use std::path::PathBuf;

use super::advice::Setting;
use super::error::{ConfigError, Role};
use super::origin::{Located, Origin};
use super::variables::Variables;
use crate::model::secret::Secret;

/// The variables that name tokens begin so.
pub(super) const TOKEN_VARIABLE: &str = "METRICSTORE_TOKEN";

/// Whether this program was built to ask stores over HTTP.
pub(super) const ASKED: bool = cfg!(feature = "http");

static TOKEN: Role = Role {
    what: "token file",
    expected: "a file with the token of the metric store",
    setting: Setting::Source,
};

/// A metric store that is asked over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// The jobs whose data it has: `*` for all, a cluster, or cluster-subcluster.
    pub scope: String,
    /// Its address, without user and password and without a slash at the end.
    pub url: String,
    /// What it is asked with, and what named it.
    pub token: Option<(Secret, String)>,
    /// Whether its samples count more than those of files.
    pub before_files: bool,
}

/// What config.json says of a store.
#[derive(Debug, Clone)]
pub(super) struct Configured {
    pub(super) scope: String,
    pub(super) url: String,
    pub(super) token: Option<Secret>,
    pub(super) origin: Origin,
}

impl Configured {
    /// The store, with its token.
    pub(super) fn store(self, variables: &Variables) -> Result<Located<Store>, ConfigError> {
        let own = self.token.map(|t| (t, self.origin.to_string()));
        let store = Store {
            url: address(&self.url, &self.origin)?,
            token: token(&self.scope, variables)?.or(own),
            scope: self.scope,
            before_files: false,
        };
        store.checked().map(|s| Located::new(s, self.origin))
    }
}

impl Store {
    /// A store that a flag or variable names: it serves all clusters. Where the configuration knows its address, its token
    /// serves too.
    pub(super) fn named(
        url: &str,
        origin: &Origin,
        variables: &Variables,
        known: &[Configured],
    ) -> Result<Self, ConfigError> {
        let url = address(url, origin)?;
        let same = |c: &&Configured| address(&c.url, &c.origin).is_ok_and(|u| u == url);
        let configured = known.iter().find(same);
        let scope = configured.map_or("*", |c| &c.scope);
        let own = configured.and_then(|c| Some((c.token.clone()?, c.origin.to_string())));
        let store = Self {
            token: token(scope, variables)?.or(own),
            scope: "*".into(),
            url,
            before_files: false,
        };
        store.checked()
    }

    /// A token goes into a header: what cannot stand there would be quoted by an error of the library.
    fn checked(self) -> Result<Self, ConfigError> {
        let is_fit = |c: char| c.is_ascii_graphic();
        match &self.token {
            Some((token, from)) if !token.reveal().chars().all(is_fit) => {
                Err(ConfigError::Token { from: from.clone() })
            }
            _ => Ok(self),
        }
    }
}

/// Whether a text names a store.
pub(super) fn is_address(text: &str) -> bool {
    let scheme = text.split(':').next().unwrap_or_default();
    ["http", "https"]
        .iter()
        .any(|s| scheme.eq_ignore_ascii_case(s))
}

/// The address of a store as it is asked: user and password are no way in, and a slash at the end leads to a redirect.
fn address(text: &str, origin: &Origin) -> Result<String, ConfigError> {
    let plain = without_password(text.trim());
    let wrong = |why| {
        let named = plain
            .split(['?', '#'])
            .next()
            .unwrap_or_default()
            .to_owned();
        let origin = origin.clone();
        Err(ConfigError::StoreAddress { named, origin, why })
    };
    let Some((scheme, rest)) = plain.split_once("://").filter(|_| is_address(&plain)) else {
        return wrong("no address such as http://HOST:8082");
    };
    if rest.contains(['?', '#']) {
        return wrong("an address with '?' or '#', which a store does not have");
    }
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (host, None),
    };
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_graphic()) {
        return wrong("an address without the name of a host");
    }
    if port.is_some_and(|p| !p.parse::<u16>().is_ok_and(|p| p > 0)) {
        return wrong("an address with a port that is none");
    }
    if !path.chars().all(|c| c.is_ascii_graphic()) {
        return wrong("an address with characters that cannot stand there");
    }
    let scheme = scheme.to_ascii_lowercase();
    Ok(format!("{scheme}://{host}{}", path.trim_end_matches('/')))
}

/// The token that the environment names for a scope, and where it stands.
fn token(scope: &str, variables: &Variables) -> Result<Option<(Secret, String)>, ConfigError> {
    let letter = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_uppercase()
        } else {
            '_'
        }
    };
    let scoped: String = scope.chars().map(letter).collect();
    for name in [
        format!("{TOKEN_VARIABLE}_{scoped}"),
        TOKEN_VARIABLE.to_owned(),
    ] {
        let set = |name: &str| variables.get(name).filter(|v| !v.reveal().is_empty());
        if let Some(token) = set(&name) {
            return Ok(Some((token.clone(), name)));
        }
        let file = format!("{name}_FILE");
        if let Some(path) = set(&file) {
            let place = Located::new(PathBuf::from(path.reveal()), Origin::Variable(file.clone()));
            TOKEN.file(&place)?;
            let text = fs::read_to_string(&place.value).map_err(|e| TOKEN.unreadable(&place, e))?;
            return Ok(Some((Secret::new(text.trim().to_owned()), file)));
        }
    }
    Ok(None)
}

/// A URL without user and password.
pub fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let end = rest.find('/').unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLAG: Origin = Origin::Flag("source");

    fn variables(of: &[(&str, &str)]) -> Variables {
        let one = |(k, v): &(&str, &str)| ((*k).to_owned(), Secret::new((*v).to_owned()));
        of.iter().map(one).collect()
    }

    #[test]
    fn a_password_is_cut_from_a_url() {
        for (url, shown) in [
            ("http://h:8082", "http://h:8082"),
            ("http://me:secret@h:8082/x@y", "http://h:8082/x@y"),
            ("http://me:se@cret@h", "http://h"),
            ("nonsense", "nonsense"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }

    #[test]
    fn an_address_is_one_or_is_refused_without_what_may_be_secret() {
        for (text, address_of_it) in [
            ("http://h:8082", "http://h:8082"),
            ("HTTPS://h/", "https://h"),
            ("http://me:hush@h:1//", "http://h:1"),
            ("http://[::1]:8082/x/", "http://[::1]:8082/x"),
        ] {
            assert_eq!(address(text, &FLAG).unwrap(), address_of_it, "{text}");
        }
        for text in [
            "http:h",
            "http://",
            "http://:80",
            "http://h:99999",
            "http://h:x",
            "http://h?token=hush",
            "http://me:hush@/",
            "http://h/a b",
        ] {
            let e = address(text, &FLAG).unwrap_err().to_string();
            assert!(!e.contains("hush"), "{e}");
        }
    }

    #[test]
    fn the_token_of_a_scope_comes_before_the_token_of_all_and_before_the_configurations() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "from-file\n").unwrap();
        let path = file.path().to_str().unwrap();
        for (set, token, from) in [
            (vec![], Some("own"), "metric-store-external"),
            (
                vec![("METRICSTORE_TOKEN", "all")],
                Some("all"),
                "METRICSTORE_TOKEN",
            ),
            (
                vec![
                    ("METRICSTORE_TOKEN", "all"),
                    ("METRICSTORE_TOKEN_A_B_1", "one"),
                ],
                Some("one"),
                "METRICSTORE_TOKEN_A_B_1",
            ),
            (
                vec![("METRICSTORE_TOKEN", ""), ("METRICSTORE_TOKEN_FILE", path)],
                Some("from-file"),
                "METRICSTORE_TOKEN_FILE",
            ),
        ] {
            let configured = Configured {
                scope: "a-b.1".into(),
                url: "http://h".into(),
                token: Some(Secret::new("own".into())),
                origin: Origin::Flag("metric-store-external"),
            };
            let store = configured.store(&variables(&set)).unwrap().value;
            let found = store.token.as_ref().map(|t| t.0.reveal());
            assert_eq!(
                (found, store.token.as_ref().unwrap().1.as_str()),
                (token, from)
            );
            assert!(!format!("{store:?}").contains(found.unwrap()));
        }
    }

    #[test]
    fn a_token_that_no_header_can_carry_is_refused_unquoted() {
        let set = variables(&[("METRICSTORE_TOKEN", "hush\r\nx: y")]);
        let e = Store::named("http://h", &FLAG, &set, &[]).unwrap_err();
        let text = e.to_string();
        assert!(
            text.contains("METRICSTORE_TOKEN") && !text.contains("hush"),
            "{text}"
        );
        let set = variables(&[("METRICSTORE_TOKEN_FILE", "/nothing/here")]);
        let e = Store::named("http://h", &FLAG, &set, &[]).unwrap_err();
        assert!(e.to_string().contains("METRICSTORE_TOKEN_FILE"), "{e}");
    }

    #[test]
    fn a_store_that_a_flag_names_has_the_token_that_the_configuration_knows() {
        let known = Configured {
            scope: "fritz".into(),
            url: "http://h:8082/".into(),
            token: Some(Secret::new("own".into())),
            origin: FLAG,
        };
        let store = Store::named("http://h:8082", &FLAG, &Variables::new(), &[known]).unwrap();
        assert_eq!(store.scope, "*");
        assert_eq!(store.token.unwrap().0.reveal(), "own");
    }
}
