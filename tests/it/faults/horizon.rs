//! A job is lost only when no file of any host reaches back to it; a host that cannot be read might.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::symlink;

use ccarchive::model::clock::Clock;
use ccarchive::model::stop::Stop;
use ccarchive::source::Source;
use ccarchive::source::checkpoint::Checkpoints;

#[test]
fn hosts_that_cannot_be_listed_leave_the_oldest_data_unknown() {
    let root = tempfile::tempdir().unwrap();
    let cluster = root.path().join("demo");
    fs::create_dir_all(cluster.join("a")).unwrap();
    fs::write(cluster.join("a/5000.json"), "{}").unwrap();
    // No host, but none that cannot be read either.
    fs::write(cluster.join("readme"), "").unwrap();
    let source = Checkpoints::new(root.path().into(), HashMap::new(), Clock::starting_at(9000));
    assert_eq!(source.reach("demo", &Stop::new()).unwrap().oldest, 5000);
    // The kernel refuses it to root, too.
    symlink("loop", cluster.join("loop")).unwrap();
    assert!(source.reach("demo", &Stop::new()).unwrap().oldest < 5000);
}
