//! The sums are only worth something if they see damage: each damage to an approved result is a difference that names the
//! job and the document.

use std::fs;
use std::path::{Path, PathBuf};

use flate2::Compression;
use rusqlite::Connection;

use super::sums::Sums;
use super::{approved, swept};
use crate::support::gzip;
use crate::support::tree::copy_tree;

/// A result that may be damaged.
struct Result<'a>(&'a Path);

impl Result<'_> {
    /// The folder of job 1001, which ran once and whose data is packed.
    fn folder(&self) -> PathBuf {
        let starts = fs::read_dir(self.0.join("job-archive/tiny/1/001"));
        let start = starts.expect("the job's folder").next();
        start.expect("a start").expect("a start").path()
    }

    fn data(&self) -> Vec<u8> {
        let data = fs::read(self.folder().join("data.json.gz"));
        gzip::unpack(&data.expect("data.json.gz"))
    }

    fn pack(&self, data: &[u8], how: Compression) {
        let data = gzip::pack_as(data, how);
        fs::write(self.folder().join("data.json.gz"), data).expect("data.json.gz");
    }

    fn sql(&self, statement: &str) {
        let db = Connection::open(self.0.join("job.db")).expect("job.db");
        db.execute_batch(statement).expect("a statement");
    }

    /// Damages a copy of a correct result, and says what is different then.
    fn damaged(&self, damage: fn(&Result<'_>), approved: &Sums) -> Vec<String> {
        let copy = tempfile::tempdir().expect("a temporary folder");
        fs::copy(self.0.join("job.db"), copy.path().join("job.db")).expect("job.db");
        copy_tree(
            &self.0.join("job-archive"),
            &copy.path().join("job-archive"),
        );
        damage(&Result(copy.path()));
        Sums::of(copy.path()).differences(approved)
    }
}

/// A digit in the middle, another one.
fn change(bytes: &mut [u8]) {
    let half = bytes.len() / 2;
    let digit = bytes[half..].iter_mut().find(|b| b.is_ascii_digit());
    let digit = digit.expect("a digit");
    *digit = if *digit == b'9' { b'8' } else { *digit + 1 };
}

/// What is damaged, what is said to differ, and how it is done.
type Damage = (&'static str, &'static [&'static str], fn(&Result<'_>));

const DAMAGES: &[Damage] = &[
    ("a digit in data.json", &["data.json.gz"], |r| {
        let mut data = r.data();
        change(&mut data);
        r.pack(&data, Compression::fast());
    }),
    ("a digit in meta.json", &["meta.json"], |r| {
        let file = r.folder().join("meta.json");
        let mut meta = fs::read(&file).expect("meta.json");
        change(&mut meta);
        fs::write(&file, meta).expect("meta.json");
    }),
    (
        "data.json not packed",
        &["data.json", "data.json.gz"],
        |r| {
            fs::write(r.folder().join("data.json"), r.data()).expect("data.json");
            fs::remove_file(r.folder().join("data.json.gz")).expect("data.json.gz");
        },
    ),
    ("no meta.json", &["meta.json"], |r| {
        fs::remove_file(r.folder().join("meta.json")).expect("meta.json");
    }),
    ("a file too many", &[".ccarchive-data.tmp"], |r| {
        fs::write(r.folder().join(".ccarchive-data.tmp"), "").expect("a file");
    }),
    ("the status", &["row"], |r| {
        r.sql("UPDATE job SET monitoring_status = 2 WHERE job_id = 1001");
    }),
    ("the energy", &["row"], |r| {
        r.sql("UPDATE job SET energy = energy + 0.01 WHERE job_id = 1001");
    }),
    ("the footprint as a blob", &["row"], |r| {
        r.sql("UPDATE job SET footprint = CAST(footprint AS BLOB) WHERE job_id = 1001");
    }),
    ("a column that stays", &["row"], |r| {
        r.sql("UPDATE job SET duration = duration + 1 WHERE job_id = 1001");
    }),
];

/// Damages that are no job's.
const BESIDE: &[Damage] = &[
    ("version.txt", &["archive: version.txt"], |r| {
        fs::remove_file(r.0.join("job-archive/version.txt")).expect("version.txt");
    }),
    ("an empty folder", &["archive: tiny/9"], |r| {
        fs::create_dir(r.0.join("job-archive/tiny/9")).expect("a folder");
    }),
    ("another table", &["database: table tag"], |r| {
        r.sql("UPDATE tag SET tag_name = 'other' WHERE id = 1");
    }),
    ("an index", &["database: schema"], |r| {
        r.sql("CREATE INDEX extra ON job (energy)");
    }),
];

/// Every damage leads to exactly the differences that its row of the table names.
fn are_seen(damages: &[Damage], whose: &str) {
    let (site, approved) = (swept("edges"), approved("edges"));
    for (name, says, damage) in damages {
        let differences = Result(&site.path()).damaged(*damage, &approved);
        let named = |(said, what): (&String, &&str)| {
            said.starts_with(whose)
                && said
                    .split(" is ")
                    .next()
                    .is_some_and(|s| s.ends_with(*what))
        };
        let all = differences.len() == says.len() && differences.iter().zip(*says).all(named);
        assert!(all, "{name}: {differences:?}");
    }
}

#[test]
fn every_damage_to_a_job_is_seen_and_named() {
    are_seen(DAMAGES, "job 1001 on tiny at ");
}

#[test]
fn every_damage_beside_the_jobs_is_seen_and_named() {
    are_seen(BESIDE, "");
}

#[test]
fn how_hard_a_document_is_compressed_makes_no_difference() {
    let (site, approved) = (swept("edges"), approved("edges"));
    let again = |r: &Result<'_>| r.pack(&r.data(), Compression::none());
    assert_eq!(Result(&site.path()).damaged(again, &approved), [""; 0]);
}
