//! What a site's settings are read from besides flags and files.

use std::collections::BTreeMap;

use crate::model::secret::Secret;

/// Variables of the environment, as far as they may name tokens, keys or where these are.
pub type Variables = BTreeMap<String, Secret>;
