//! The golden sites that the repository carries, unpacked and copied, and the program run over a copy.

use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// Above this many bytes data.json is compressed, as everywhere.
const PLAIN_UP_TO: u64 = 2000;

/// A site of its own in a temporary folder, which goes with it. Everything in it may be written.
#[derive(Debug)]
pub(crate) struct Copy {
    folder: TempDir,
    name: String,
}

impl Copy {
    fn new(name: &str) -> Copy {
        Copy {
            folder: TempDir::new().expect("a temporary folder"),
            name: name.to_owned(),
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join(&self.name)
    }

    pub(crate) fn db(&self) -> PathBuf {
        self.path().join("job.db")
    }
}

/// Unpacks a site that the repository carries.
pub(crate) fn unpack(name: &str) -> Copy {
    let carried = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let file = carried.join(format!("{name}.tar.xz"));
    let file = std::fs::File::open(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let copy = Copy::new(name);
    tar::Archive::new(liblzma::read::XzDecoder::new(file))
        .unpack(copy.folder.path())
        .expect("the site unpacks");
    compress_data(&copy.path().join("expected/job-archive"));
    copy
}

/// A site is carried with its data.json unpacked, since all of it together packs better.
fn compress_data(folder: &Path) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            compress_data(&path);
        } else if path.ends_with("data.json") {
            let bytes = std::fs::read(&path).expect("data.json");
            if bytes.len() as u64 > PLAIN_UP_TO {
                write_packed(&path.with_extension("json.gz"), &bytes);
                std::fs::remove_file(&path).expect("data.json goes");
            }
        }
    }
}

pub(crate) fn write_packed(path: &Path, bytes: &[u8]) {
    let file = std::fs::File::create(path).expect("data.json.gz");
    let mut packer = GzEncoder::new(file, Compression::fast());
    packer.write_all(bytes).expect("data.json.gz");
    packer.finish().expect("data.json.gz");
}

/// What a sweep needs of a site, without what it should come to.
pub(crate) fn to_sweep(site: &Path) -> Copy {
    let copy = copy_whole(site, &["expected"]);
    assert!(copy.db().exists(), "{} is no site", site.display());
    copy
}

/// A copy of a folder that may be written, whatever the modes of the original.
pub(crate) fn copy_whole(from: &Path, except: &[&str]) -> Copy {
    let name = from.file_name().unwrap_or_default().to_string_lossy();
    let copy = Copy::new(&name);
    copy_tree(from, &copy.path(), except);
    copy
}

fn copy_tree(from: &Path, to: &Path, except: &[&str]) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default();
        if except.iter().any(|e| name == *e) {
            continue;
        }
        let to = to.join(name);
        if path.is_dir() {
            copy_tree(&path, &to, &[]);
        } else {
            let bytes = std::fs::read(&path).expect("a file");
            std::fs::write(to, bytes).expect("its copy");
        }
    }
}

/// Runs `ccarchive run` over a copy with nothing but defaults.
pub(crate) fn sweep(copy: &Copy) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ccarchive"));
    command.arg("run").arg("--db").arg(copy.db());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CCARCHIVE_") {
            command.env_remove(name);
        }
    }
    command.output().expect("the program starts")
}
