//! What is in the archive already: torn files, both variants, files in place of folders.

use std::fs;
use std::path::Path;

use super::swept::sound;
use super::tiny::{Site, make};
use crate::support::gzip;

/// A site in which job 101 has an archive already.
fn with(files: &[(&str, &[u8])]) -> Site {
    let site = Site::new();
    fs::create_dir_all(site.folder_of(101)).unwrap();
    for (name, bytes) in files {
        fs::write(site.folder_of(101).join(name), bytes).unwrap();
    }
    site
}

fn own(name: &str) -> &'static [u8] {
    &sound().job(101).files[name]
}

#[test]
fn whatever_a_killed_archiver_left_is_replaced_by_the_whole_archive() {
    let (meta, data) = (own("meta.json"), own("data.json"));
    let packed = gzip::pack(data);
    let half = |b: &'static [u8]| &b[..b.len() / 2];
    let cases: [&[(&str, &[u8])]; 16] = [
        &[],
        &[("meta.json", b"")],
        &[("meta.json", half(meta))],
        &[("meta.json", meta)],
        &[("data.json", b"")],
        &[("data.json", half(data))],
        &[("data.json", data)],
        &[("data.json.gz", b"")],
        &[("data.json.gz", b"\x1f\x8b")],
        &[("data.json.gz", &packed[..packed.len() / 2])],
        &[("data.json.gz", &packed), ("meta.json", half(meta))],
        &[
            ("data.json.gz", &packed),
            ("data.json", data),
            ("meta.json", meta),
        ],
        &[("data.json", b"[]"), ("meta.json", b"[]")],
        &[
            (
                "data.json",
                b"{\"load\":{\"node\":{\"series\":[{\"hostname\":1}]}}}",
            ),
            ("meta.json", meta),
        ],
        &[(".ccarchive-data.tmp", b"x"), (".ccarchive-meta.tmp", b"y")],
        &[
            ("meta.json", meta),
            ("data.json", data),
            (".ccarchive-data.tmp", b"x"),
        ],
    ];
    for files in cases {
        with(files).sweep().others_are_sound(&[]);
    }
}

#[test]
fn a_torn_data_file_at_any_length_is_replaced_and_a_flipped_one_replaced_or_kept_with_a_reason() {
    let (meta, data) = (own("meta.json"), own("data.json"));
    let packed = gzip::pack(data);
    for (name, whole) in [("data.json", data), ("data.json.gz", &packed)] {
        for length in (0..whole.len()).step_by(11) {
            let swept = with(&[("meta.json", meta), (name, &whole[..length])]).sweep();
            swept.others_are_sound(&[]);
        }
        for at in (0..whole.len()).step_by(9) {
            let mut bytes = whole.to_vec();
            bytes[at] ^= 1 << (at % 7);
            let site = with(&[("meta.json", meta), (name, &bytes)]);
            // The file that is kept belongs to the job, whatever it says.
            let swept = site.sweep_keeping(101);
            swept.others_are_sound(&[101]);
            let j = swept.job(101);
            assert!(
                matches!(j.reason, "" | "poorer"),
                "byte {at}: {}",
                j.brief()
            );
        }
    }
}

#[test]
fn a_whole_variant_that_holds_more_is_not_lost_beside_a_torn_one() {
    let rich = br#"{"load":{"node":{"unit":{"base":""},"series":[{"hostname":"n1","statistics":{},"data":[1.00,2.00]},{"hostname":"n1","id":"0","data":[1.00,2.00]}],"timestep":60}}}"#;
    for (torn, whole, bytes) in [
        ("data.json.gz", "data.json", rich.to_vec()),
        ("data.json", "data.json.gz", gzip::pack(rich)),
    ] {
        for meta in [own("meta.json"), b""] {
            let site = with(&[
                ("meta.json", meta),
                (torn, b"\x1f\x8b\x08"),
                (whole, &bytes),
            ]);
            let swept = site.sweep_keeping(101);
            let detail = swept.only_fail(&[101], "poorer");
            println!("{detail}");
            assert!(detail.contains("4 values of load (node) on n1"), "{detail}");
            assert_eq!(fs::read(site.folder_of(101).join(whole)).unwrap(), bytes);
        }
    }
}

#[test]
fn a_torn_file_that_holds_more_than_the_source_is_kept() {
    let torn = br#"{"load":{"node":{"unit":{"base":""},"series":[{"hostname":"n1","statistics":{},"data":[1.00,2.00]},{"hostname":"n1","id":"0","data":[1.00,2.00]},{"hostna"#;
    let packed = gzip::pack(torn);
    for (name, bytes) in [("data.json", torn.as_slice()), ("data.json.gz", &packed)] {
        let site = with(&[("meta.json", own("meta.json")), (name, bytes)]);
        site.sweep_keeping(101).only_fail(&[101], "poorer");
        assert_eq!(fs::read(site.folder_of(101).join(name)).unwrap(), bytes);
    }
}

#[test]
fn something_else_in_place_of_a_folder_fails_the_jobs_below_it() {
    type Damage = fn(&Path);
    let cases: [Damage; 3] = [
        |p| fs::write(p, "x").unwrap(),
        |p| make("mkfifo", p),
        |p| std::os::unix::fs::symlink(p.file_name().unwrap(), p).unwrap(),
    ];
    for damage in cases {
        for up in 0..2 {
            let site = Site::new();
            let folder = site.folder_of(101);
            let at = folder.ancestors().nth(up).unwrap();
            fs::create_dir_all(at.parent().unwrap()).unwrap();
            damage(at);
            let swept = site.sweep_keeping(101);
            let detail = swept.only_fail(&[101], "target_unwritable");
            println!("{detail}");
            assert!(detail.contains("job-archive/tiny/0/101"), "{detail}");
            assert!(at.symlink_metadata().is_ok(), "what was there stays");
        }
    }
}

#[test]
fn something_else_in_place_of_a_jobs_file_fails_the_job_and_hangs_nothing() {
    for name in ["meta.json", "data.json", "data.json.gz"] {
        for kind in ["mkfifo", "mkdir -p", "ln -s nothing", "ln -s /dev/zero"] {
            let site = with(&[]);
            let path = site.folder_of(101).join(name);
            make(kind, &path);
            let swept = site.sweep_keeping(101);
            let detail = swept.only_fail(&[101], "target_unwritable");
            println!("{detail}");
            assert!(path.symlink_metadata().is_ok(), "what was there stays");
        }
    }
}
