//! A copy of a correct result, or of what cc-backend made of a site, that is about to be damaged.

use crate::judge::json::{self, Json};
use crate::support::golden::write_packed;
use flate2::read::MultiGzDecoder;
use rusqlite::Connection;
use std::io::Read;
use std::path::{Path, PathBuf};

#[derive(Debug)]
pub(crate) struct Damaged {
    name: &'static str,
    root: PathBuf,
    job: i64,
}

/// A number as it is written.
pub(crate) fn number(digits: &str) -> Json {
    Json::Number(digits.to_owned())
}

pub(crate) fn text(text: &str) -> Json {
    Json::Text(text.to_owned())
}

/// The items of a list.
pub(crate) fn items(json: &mut Json) -> &mut Vec<Json> {
    let Json::List(items) = json else {
        panic!("{json:?} is no list");
    };
    items
}

/// The pairs of an object.
pub(crate) fn pairs(json: &mut Json) -> &mut Vec<(String, Json)> {
    let Json::Object(pairs) = json else {
        panic!("{json:?} is no object");
    };
    pairs
}

/// What lies at a path of keys and positions.
fn at<'a>(mut json: &'a mut Json, path: &str) -> &'a mut Json {
    for step in path.split('/').filter(|step| !step.is_empty()) {
        json = if matches!(json, Json::List(_)) {
            &mut items(json)[step.parse::<usize>().expect("a position")]
        } else {
            let pair = pairs(json).iter_mut().find(|(key, _)| key == step);
            &mut pair.unwrap_or_else(|| panic!("no {step} in {path}")).1
        };
    }
    json
}

impl Damaged {
    pub(crate) fn new(name: &'static str, root: PathBuf, job: i64) -> Damaged {
        Damaged { name, root, job }
    }

    pub(crate) fn archive(&self) -> PathBuf {
        self.root.join("job-archive")
    }

    /// The folder of the job, which ran once.
    pub(crate) fn folder(&self) -> PathBuf {
        let (high, low) = (self.job / 1000, self.job % 1000);
        let above = self.archive().join(format!("tiny/{high}/{low:03}"));
        let mut starts = std::fs::read_dir(above).expect("the job's folder");
        starts.next().expect("a start").expect("a start").path()
    }

    /// Changes something in data.json, which stays as Go writes it.
    pub(crate) fn data(&self, path: &str, edit: impl FnOnce(&mut Json)) {
        self.data_text(|text| edited(text, path, edit));
    }

    pub(crate) fn meta(&self, path: &str, edit: impl FnOnce(&mut Json)) {
        self.meta_text(|text| edited(text, path, edit));
    }

    /// Changes the store's answers on record, if this is what cc-backend made of a site.
    pub(crate) fn reads(&self, edit: impl FnOnce(&mut Json)) {
        let path = self.root.join("reads.json");
        let text = std::fs::read_to_string(&path).expect("reads.json");
        std::fs::write(&path, edited(&text, "", edit)).expect("reads.json");
    }

    pub(crate) fn data_text(&self, edit: impl FnOnce(&str) -> String) {
        let path = self.folder().join("data.json.gz");
        let mut text = String::new();
        let file = std::fs::File::open(&path).expect("data.json.gz");
        MultiGzDecoder::new(file)
            .read_to_string(&mut text)
            .expect("it unpacks");
        write_packed(&path, self.differing(&text, edit).as_bytes());
    }

    pub(crate) fn meta_text(&self, edit: impl FnOnce(&str) -> String) {
        let path = self.folder().join("meta.json");
        let text = std::fs::read_to_string(&path).expect("meta.json");
        std::fs::write(&path, self.differing(&text, edit)).expect("meta.json");
    }

    fn differing(&self, text: &str, edit: impl FnOnce(&str) -> String) -> String {
        let new = edit(text);
        assert!(new != text, "{} damages nothing", self.name);
        new
    }

    /// Changes exactly one row of the database.
    pub(crate) fn sql(&self, statement: &str) {
        let db = Connection::open(self.root.join("job.db")).expect("job.db");
        let rows = db.execute(statement, []).expect("the statement");
        assert!(rows == 1, "{} changes {rows} rows", self.name);
    }

    pub(crate) fn schema(&self, statement: &str) {
        let db = Connection::open(self.root.join("job.db")).expect("job.db");
        db.execute_batch(statement).expect("the statement");
    }

    /// Writes a file below the archive's root, with its folders.
    pub(crate) fn file(&self, path: &str, content: &str) {
        self.write(&self.archive().join(path), content.as_bytes());
    }

    /// Writes a file into the job's folder.
    pub(crate) fn beside(&self, name: &str, content: &[u8]) {
        self.write(&self.folder().join(name), content);
    }

    fn write(&self, path: &Path, content: &[u8]) {
        std::fs::create_dir_all(path.parent().unwrap_or(path)).expect("folders");
        let before = std::fs::read(path).ok();
        assert!(
            before.as_deref() != Some(content),
            "{} damages nothing",
            self.name
        );
        std::fs::write(path, content).expect("the file");
    }
}

fn edited(text: &str, path: &str, edit: impl FnOnce(&mut Json)) -> String {
    let mut document = json::parse(text.as_bytes()).expect("it parses");
    edit(at(&mut document, path));
    format!("{}\n", document.compact())
}
