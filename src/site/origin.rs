//! A setting together with where it came from, so that every message can say which of flag, environment, file and default
//! an operator has to change.

use std::fmt;
use std::path::PathBuf;

/// Where the value of a setting came from; in order of precedence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// This flag.
    Flag(&'static str),
    /// This environment variable.
    Environment(&'static str),
    /// This environment variable, whose name depends on the site.
    Variable(String),
    /// This key of a configuration file.
    Config {
        /// The file that holds the key.
        file: PathBuf,
        /// The key with its section, as in `main.db`.
        key: &'static str,
    },
    /// Nothing names it: this is what the default goes by.
    Default(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) | Self::Environment(name) => f.write_str(name),
            Self::Variable(name) => f.write_str(name),
            Self::Config { file, key } => write!(f, "{key} in {}", file.display()),
            Self::Default(basis) => write!(f, "default: {basis}"),
        }
    }
}

/// A value and its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it came from.
    pub origin: Origin,
}

impl<T> Located<T> {
    /// Puts a value and its origin together.
    pub fn new(value: T, origin: Origin) -> Self {
        Self { value, origin }
    }
}
