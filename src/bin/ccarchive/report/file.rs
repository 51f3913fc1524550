//! A file that others read at any time: written under another name beside it, then renamed.

use std::fs;
use std::io;
use std::path::Path;

/// Replaces a file in one step. Whoever may read the folder may read it.
pub(super) fn replace(file: &Path, content: &[u8]) -> io::Result<()> {
    let mut name = file.file_name().unwrap_or_default().to_os_string();
    // Collectors and web servers pass over names with another ending.
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = file.with_file_name(name);
    fs::write(&temporary, content)
        .and_then(|()| fs::rename(&temporary, file))
        .inspect_err(|_| {
            drop(fs::remove_file(&temporary));
        })
}
