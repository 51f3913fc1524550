//! An archived job is archived again by name, and that sweep is killed: no sweep has to come to the job once more, so
//! the next one, whatever it is for, leaves the old archive or the new one, whole.

use std::collections::BTreeMap;
use std::path::Path;

use super::faulty::write_old;
use super::matrix::victim;
use super::site::{Base, State};
use super::sweep::Sweep;

/// Where it is killed, and whether the new archive stays; by the form that the old data has. The new one is gzip.
const POINTS: [(&str, &str, bool); 11] = [
    ("data.json.gz", "rename|data.json|1|1|K0", false),
    ("data.json.gz", "rename|data.json|1|1|A0", false),
    ("data.json.gz", "rename|meta.json|1|1|K0", false),
    ("data.json.gz", "rename|meta.json|1|1|A0", true),
    ("data.json.gz", "unlink|.ccarchive-old-gzip|2|1|K0", true),
    ("data.json", "rename|data.json|1|1|K0", false),
    ("data.json", "rename|data.json|1|1|A0", false),
    ("data.json", "rename|meta.json|1|1|K0", false),
    ("data.json", "rename|meta.json|1|1|A0", true),
    ("data.json", "unlink|/data.json|1|1|K0", true),
    ("data.json", "unlink|/data.json|1|1|A0", true),
];

type Content<'a> = BTreeMap<&'a Path, &'a Option<Vec<u8>>>;

#[test]
fn archiving_again_and_being_killed_leaves_one_whole_archive() {
    let base = Base::new();
    let victim = victim(&base);
    let row = &base.swept.rows[&victim.id];
    let mut key = row.key.split('/').skip(1);
    let mut word = || key.next().unwrap().to_owned();
    let named = ["--job-id".into(), word(), "--start-time".into(), word()];
    for (old, point, new) in POINTS {
        let site = base.copy_of("swept", "again");
        write_old(&site.join(&row.folder), old);
        if old == "data.json" {
            std::fs::remove_file(site.join(&row.folder).join("data.json.gz")).unwrap();
        }
        let before = State::of(&site);
        let mut sweep = Sweep::new(&site, &base.scratch("again"));
        sweep.arguments = named.to_vec();
        sweep.rules = vec![point.into()];
        let ended = sweep.run();
        assert!(ended.report.killed(), "{point}: {}", ended.said);

        sweep.arguments.clear();
        sweep.rules.clear();
        let ended = sweep.run();
        assert_eq!(ended.status.code(), Some(0), "{point}: {}", ended.said);
        let after = State::of(&site);
        let wanted: Content<'_> = if new { &base.swept } else { &before }.below(&row.folder);
        assert!(after.below(&row.folder) == wanted, "{point}: {:?}", {
            let there = after.below(&row.folder);
            there
                .keys()
                .map(|p| p.display().to_string())
                .collect::<Vec<_>>()
        });
        assert_eq!(after.rows[&victim.id].status, 3);
        let state = after.of_ledger(row).get("state").cloned();
        assert_ne!(state.as_deref(), Some("published"), "{point}");
        // Who named it hears that it was not done, where it may not have been.
        let said = ended.said.contains("name it with --job-id once more");
        assert!(
            said || new || point.starts_with("write"),
            "{point}: {}",
            ended.said
        );
    }
}
