//! Whose certificates connections accept.

use std::path::PathBuf;

use ccarchive::https::Trust;
use ccarchive::site::Located;
use ccarchive::sweep::Exit;

use super::Stopped;

/// The authorities of the file that is named, else the machine's.
pub(super) fn trust(file: Option<&Located<PathBuf>>) -> Result<Trust, Stopped> {
    let Some(file) = file else {
        return Ok(Trust::machine("--ca FILE names others"));
    };
    let name = format!("{} ({})", file.value.display(), file.origin);
    let wrong = |why: String| Stopped::new(Exit::Usage, format!("certificates {name}: {why}"));
    let pem = std::fs::read(&file.value).map_err(|e| wrong(e.to_string()))?;
    Trust::of(&pem, name.clone()).map_err(|e| wrong(e.to_owned()))
}
