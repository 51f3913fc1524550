//! Parquet files before the checkpoints of the same store.

use std::fs;
use std::path::Path;

use crate::model::clock::Clock;
use crate::model::stop::Stop;
use crate::rules::timeline::Interval;
use crate::source::checkpoint::Checkpoints;
use crate::source::parquet::Parquet;
use crate::source::parquet::testing::{two_snapshots, write};
use crate::source::testing::{about, about_all, read};
use crate::source::{Error, Request, Source};

/// Unix seconds at which everything is read.
const NOW: i64 = 1_700_050_000;
/// Where the first snapshot begins.
const T: i64 = 1_700_000_000;

/// A snapshot of metric `m` from `from` to `to` whose values stand a minute apart from `start` on.
fn snapshot(path: &Path, [from, to, start]: [i64; 3], values: &[f32]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let data: Vec<String> = values.iter().map(ToString::to_string).collect();
    let data = data.join(",");
    let text = format!(
        r#"{{"metrics":{{"m":{{"frequency":60,"start":{start},"data":[{data}]}}}},"children":{{}},"from":{from},"to":{to}}}"#
    );
    fs::write(path, text).unwrap();
}

#[test]
fn parquet_files_and_checkpoints_are_one_timeline() {
    let store = tempfile::tempdir().unwrap();
    write(
        &store.path().join("old/c/1700001000.parquet"),
        &two_snapshots(T),
    );
    // The next snapshot begins where the second one of the file ended, and does not tell the phase.
    let from = T + 601 + 300;
    let k = (from - (T + 18 - 30)).div_euclid(60);
    let values: Vec<f32> = (k..k + 5).map(|k| k as f32).collect();
    let name = format!("new/c/h/{from}.json");
    snapshot(&store.path().join(name), [from, from + 300, from], &values);
    let older = || {
        let roots = vec![store.path().join("old")];
        Box::new(Parquet::new(roots, Clock::starting_at(NOW)))
    };
    let checkpoints = || {
        let frequencies = [("m".to_owned(), 60)].into();
        Checkpoints::new(
            store.path().join("new"),
            frequencies,
            Clock::starting_at(NOW),
        )
    };
    let both = checkpoints().after(older());
    let host = both.ask(&about_all("h"), &Stop::new()).unwrap();
    let expected: Vec<_> = (0..20).map(|k| Some(k as f32)).collect();
    assert_eq!(read(&host.series, T + 18 - 30, 20), expected);
    assert!(!host.phase_guessed && host.damaged.is_empty());
    assert_eq!(host.final_until, Some(from + 300));
    // A window that begins with the checkpoints does not need the files, whatever became of them.
    fs::remove_dir_all(store.path().join("old")).unwrap();
    let host = both
        .ask(&about("h", from, from + 300), &Stop::new())
        .unwrap();
    assert!(host.damaged.is_empty());
    let host = both.ask(&about_all("h"), &Stop::new()).unwrap();
    assert!(host.damaged[0].is_curable());
    assert!(host.damaged[0].concerns(T, from) && !host.damaged[0].concerns(from, from + 300));
}

#[test]
fn a_cluster_may_have_nothing_but_old_files() {
    let store = tempfile::tempdir().unwrap();
    write(
        &store.path().join("old/c/1700001000.parquet"),
        &two_snapshots(T),
    );
    snapshot(&store.path().join("new/d/x/1.json"), [T, T + 60, T], &[1.0]);
    let roots = vec![store.path().join("old")];
    let older = Box::new(Parquet::new(roots, Clock::starting_at(NOW)));
    let source = Checkpoints::new(
        store.path().join("new"),
        [("m".to_owned(), 60)].into(),
        Clock::starting_at(NOW),
    )
    .after(older);
    let host = source.ask(&about_all("h"), &Stop::new()).unwrap();
    assert_eq!(read(&host.series, T - 12, 1), [Some(0.0)]);
    assert!(host.damaged.is_empty());
    assert!(source.reach("c", &Stop::new()).is_ok());
    assert!(source.probe("c", &[], &Stop::new()).is_ok());
    let request = Request {
        cluster: "e",
        subcluster: "",
        ..about_all("h")
    };
    let e = source.ask(&request, &Stop::new()).unwrap_err();
    assert!(matches!(e, Error::ClusterMissing { .. }), "{e:?}");
}

#[test]
fn a_reading_of_large_files_claims_no_more_than_it_kept() {
    let store = tempfile::tempdir().unwrap();
    write(
        &store.path().join("old/c/1700001000.parquet"),
        &two_snapshots(T),
    );
    let from = T + 20_000;
    let values: Vec<f32> = (0..200).map(|k| k as f32).collect();
    let name = format!("new/c/h/{from}.json");
    snapshot(
        &store.path().join(name),
        [from, from + 12_000, from],
        &values,
    );
    let roots = vec![store.path().join("old")];
    let older = Parquet::new(roots, Clock::starting_at(NOW));
    let frequencies = [("m".to_owned(), 60)].into();
    let root = store.path().join("new");
    let source = Checkpoints::new(root, frequencies, Clock::starting_at(NOW))
        .keeping_whole_up_to(0)
        .after(Box::new(older));
    // The second job ends before the first one began; both lie within the snapshot.
    let request = Request {
        window: Interval {
            from: from + 9000,
            to: from + 11_000,
        },
        ..about_all("h")
    };
    let evidence = source.ask(&request, &Stop::new()).unwrap();
    assert_eq!(evidence.covers.window, Some(request.window));
}
