use std::fs;
use std::os::unix::fs::symlink;

use parquet::file::properties::EnabledStatistics;
use tempfile::TempDir;

use super::testing::{TestRow, minutes, two_snapshots, write, write_with};
use super::*;
use crate::model::failure::Reason;
use crate::model::series::Scope;
use crate::rules::timeline::Grid;
use crate::source::Wanted;
use crate::source::testing::{about, about_all, read};

/// Unix seconds at which everything is read.
const NOW: i64 = 1_700_050_000;
/// Where the first snapshot begins.
const T: i64 = 1_700_000_000;

struct Store(TempDir);

impl Store {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn source(&self) -> Parquet {
        Parquet::new(vec![self.path("")], Clock::starting_at(NOW))
    }

    fn ask(&self, host: &str, window: Interval) -> Result<Arc<Evidence>, Error> {
        self.source()
            .ask(&about(host, window.from, window.to), &Stop::new())
    }

    fn host(&self) -> Arc<Evidence> {
        self.ask("h", Interval::ALL).unwrap()
    }
}

#[test]
fn pieces_of_one_timeline_come_back_with_the_phase_of_their_first_sample() {
    let store = Store::new();
    write(&store.path("c/1700001000.parquet"), &two_snapshots(T));
    let host = store.host();
    assert!(!host.phase_guessed && host.damaged.is_empty());
    assert_eq!(
        host.phases.iter().map(|p| p.phase).collect::<Vec<_>>(),
        [(T + 18 - 30).rem_euclid(60)]
    );
    // Every grid reads the sample of the slot that contains its time.
    for offset in [0, 1, 29, 30, 47, 48, 59] {
        let start = T + 18 - 30 + offset;
        let expected: Vec<_> = (0..15).map(|k| Some(k as f32)).collect();
        assert_eq!(read(&host.series, start, 15), expected, "{offset}");
    }
}

#[test]
fn a_window_keeps_its_own_values_and_those_of_the_metrics_asked_for() {
    let store = Store::new();
    let mut groups = two_snapshots(T);
    for k in 0..10 {
        groups[1].push(TestRow {
            metric: "other",
            scope: "hwthread",
            id: "3",
            ..minutes("h", T + 18, 10, 0.0)[k].clone()
        });
    }
    write(&store.path("c/1700001000.parquet"), &groups);
    let window = Interval {
        from: T + 300,
        to: T + 420,
    };
    let wanted = [Wanted {
        metric: "m",
        frequency: 60,
        native: Scope::Node,
        components: &[],
    }];
    let request = Request {
        metrics: &wanted,
        ..about("h", window.from, window.to)
    };
    let some = store.source().ask(&request, &Stop::new()).unwrap();
    let values = read(&some.series, T - 12, 15);
    assert_eq!(values[5..7], [Some(5.0), Some(6.0)]);
    assert!(values.iter().flatten().count() <= 6, "{values:?}");
    let mut chains = Vec::new();
    some.series.chains("other", &mut chains);
    let grid = Grid {
        start: T,
        step: 60,
        n: 15,
    };
    assert!(
        chains
            .iter()
            .all(|c| c.read(grid).iter().all(|v| v.is_nan()))
    );
    // All of it, under the level that the store names so.
    let all = store.host();
    let level = all.series.child("hwthread3").unwrap();
    level.chains("other", &mut chains);
    assert_eq!(chains.last().unwrap().read(grid)[1], 1.0);
}

#[test]
fn number_and_order_of_groups_do_not_matter() {
    let groups = two_snapshots(T);
    let one = vec![groups.concat()];
    let mut mixed = groups.concat();
    mixed.sort_by_key(|r| r.time);
    let reversed = groups.iter().rev().cloned().collect();
    let expected = {
        let store = Store::new();
        write(&store.path("c/1700001000.parquet"), &groups);
        read(&store.host().series, T - 12, 20)
    };
    for (groups, statistics) in [
        (one, EnabledStatistics::Chunk),
        (vec![mixed], EnabledStatistics::Chunk),
        (reversed, EnabledStatistics::Chunk),
        (groups, EnabledStatistics::None),
    ] {
        let store = Store::new();
        write_with(&store.path("c/1700001000.parquet"), &groups, statistics);
        let host = store.host();
        assert_eq!(read(&host.series, T - 12, 20), expected);
        assert!(host.damaged.is_empty(), "{:?}", host.damaged);
    }
}

#[test]
fn a_phase_that_nothing_tells_is_marked_and_an_older_file_may_tell_it() {
    let store = Store::new();
    let groups = two_snapshots(T);
    let second: Vec<_> = groups
        .iter()
        .map(|rows| rows.iter().filter(|r| r.time > T + 600).cloned().collect())
        .collect();
    write(&store.path("c/1700001000.parquet"), &second);
    let window = Interval {
        from: T + 660,
        to: T + 780,
    };
    assert!(store.ask("h", window).unwrap().phase_guessed);
    let first: Vec<_> = groups
        .iter()
        .map(|rows| rows.iter().filter(|r| r.time <= T + 600).cloned().collect())
        .collect();
    write(&store.path("c/1700000500.parquet"), &first);
    let told = store.ask("h", window).unwrap();
    assert!(!told.phase_guessed);
    assert_eq!(read(&told.series, T + 648, 2), [Some(11.0), Some(12.0)]);
}

#[test]
fn the_same_rows_in_two_files_are_one_reading() {
    let store = Store::new();
    write(&store.path("c/1700001000.parquet"), &two_snapshots(T));
    let once = read(&store.host().series, T - 12, 20);
    write(&store.path("c/1700002000.parquet"), &two_snapshots(T));
    let host = store.host();
    assert_eq!(read(&host.series, T - 12, 20), once);
    assert!(!host.phase_guessed);
}

#[test]
fn several_folders_are_one_archive_in_the_order_of_time() {
    let store = Store::new();
    let groups = two_snapshots(T);
    let part = |late: bool| -> Vec<Vec<TestRow>> {
        let of = |rows: &Vec<TestRow>| {
            let rows = rows.iter().filter(|r| (r.time > T + 600) == late);
            rows.cloned().collect()
        };
        groups.iter().map(of).collect()
    };
    write(&store.path("new/c/1700001000.parquet"), &part(true));
    write(&store.path("old/c/1700000500.parquet"), &part(false));
    let expected: Vec<_> = (0..15).map(|k| Some(k as f32)).collect();
    for roots in [["new", "old"], ["old", "new"]] {
        let roots = roots.map(|r| store.path(r)).to_vec();
        let source = Parquet::new(roots, Clock::starting_at(NOW));
        let host = source.ask(&about_all("h"), &Stop::new()).unwrap();
        assert_eq!(read(&host.series, T - 12, 15), expected);
    }
}

#[test]
fn a_file_without_a_footer_is_passed_over_and_says_so() {
    let store = Store::new();
    write(&store.path("c/1700001000.parquet"), &two_snapshots(T));
    let whole = fs::read(store.path("c/1700001000.parquet")).unwrap();
    for cut in [0, 3, 4, 11, whole.len() / 2, whole.len() - 1] {
        fs::write(store.path("c/1700002000.parquet"), &whole[..cut]).unwrap();
        let host = store.host();
        assert!(host.damaged.is_empty(), "{cut}");
        assert_eq!(host.passed_over.len(), 1, "{cut}");
        assert!(host.passed_over[0].detail.contains("no footer"));
        assert_eq!(host.passed_over[0].interval.from, 1_700_001_000);
        assert_eq!(read(&host.series, T - 12, 1), [Some(0.0)]);
    }
}

#[test]
fn a_footer_that_cannot_be_read_damages_the_time_of_its_file() {
    let store = Store::new();
    write(&store.path("c/1700001000.parquet"), &two_snapshots(T));
    let mut bytes = fs::read(store.path("c/1700001000.parquet")).unwrap();
    let end = bytes.len() - 8;
    bytes[end - 100..end].fill(0xFF);
    fs::write(store.path("c/1700003000.parquet"), bytes).unwrap();
    let host = store.host();
    assert_eq!(host.damaged.len(), 1);
    let damage = &host.damaged[0];
    assert_eq!(damage.reason, Reason::SnapshotBroken);
    assert!(damage.subject.ends_with("c/1700003000.parquet"));
    assert!(!damage.concerns(T, 1_700_000_900));
    assert!(damage.concerns(1_700_001_500, 1_700_001_600));
    assert_eq!(host.final_until, None);
    let reach = store.source().reach("c", &Stop::new()).unwrap();
    assert_eq!(reach.oldest, i64::MIN);
}

#[test]
fn what_the_footer_does_not_say_of_the_rows_is_damage() {
    // A value that its chunk's statistics do not know: as a flipped bit leaves it.
    let store = Store::new();
    let path = store.path("c/1700001000.parquet");
    let rows: Vec<TestRow> = (0..200)
        .map(|k| TestRow {
            value: (k * k % 97) as f32,
            ..minutes("h", T + 18, 200, 0.0)[k].clone()
        })
        .collect();
    write(&path, &[rows]);
    let whole = fs::read(&path).unwrap();
    let (mut caught, mut silent) = (0, 0);
    for at in (4..whole.len() - 8).step_by(3) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(&path, &bytes).unwrap();
        match store.ask("h", Interval::ALL) {
            Ok(host) if host.damaged.is_empty() => silent += 1,
            _ => caught += 1,
        }
    }
    println!("{caught} caught, {silent} silent");
    assert!(caught > silent / 2, "{caught} of {}", caught + silent);
}

#[test]
fn files_of_another_kind_and_of_another_cluster_are_told_apart() {
    let store = Store::new();
    write(&store.path("c/1700001000.parquet"), &two_snapshots(T));
    // What cc-backend's job archive keeps in the same folder has other names.
    fs::write(store.path("c/cc-archive-2024-01-01.parquet"), "PAR1").unwrap();
    let host = store.host();
    assert!(host.damaged.is_empty() && host.passed_over.is_empty());
    // A file of cluster c in the folder of d.
    fs::create_dir(store.path("d")).unwrap();
    fs::copy(
        store.path("c/1700001000.parquet"),
        store.path("d/1700001000.parquet"),
    )
    .unwrap();
    let request = Request {
        cluster: "d",
        subcluster: "",
        ..about_all("h")
    };
    let moved = store.source().ask(&request, &Stop::new()).unwrap();
    assert!(moved.damaged[0].detail.contains("cluster `c`"));
    assert!(read(&moved.series, T, 1).is_empty());
}

#[test]
fn a_folder_that_is_no_archive_is_gone_and_a_cluster_without_files_is_missing() {
    let makings: [fn(&Store); 4] = [
        |_| (),
        |s| fs::remove_dir(s.0.path()).unwrap(),
        |s| fs::create_dir(s.path("c")).unwrap(),
        |s| {
            fs::create_dir(s.path("c")).unwrap();
            fs::write(s.path("c/jobs.parquet"), "PAR1").unwrap();
        },
    ];
    for make in makings {
        let store = Store::new();
        make(&store);
        let e = store.ask("h", Interval::ALL).unwrap_err();
        assert!(matches!(e, Error::Gone(_)), "{e:?}");
        println!("{e}");
        assert!(store.source().reach("c", &Stop::new()).is_err());
        assert!(store.source().probe("c", &[], &Stop::new()).is_err());
    }
    let store = Store::new();
    write(&store.path("c/1700001000.parquet"), &two_snapshots(T));
    let request = Request {
        cluster: "d",
        subcluster: "",
        ..about_all("h")
    };
    let e = store.source().ask(&request, &Stop::new()).unwrap_err();
    assert!(matches!(e, Error::ClusterMissing { .. }), "{e:?}");
    println!("{e}");
    // A folder that is gone beside one that is there may have held anything.
    let roots = vec![store.path(""), store.path("away")];
    let source = Parquet::new(roots, Clock::starting_at(NOW));
    let host = source.ask(&about_all("h"), &Stop::new()).unwrap();
    assert!(host.damaged[0].is_curable());
}

#[test]
fn a_host_without_rows_never_reported() {
    let store = Store::new();
    write(&store.path("c/1700001000.parquet"), &two_snapshots(T));
    let host = store.ask("zz", Interval::ALL).unwrap();
    assert_eq!(host.newest, None);
    assert!(host.damaged.is_empty());
    let reach = store.source().reach("c", &Stop::new()).unwrap();
    assert_eq!((reach.oldest, reach.newest), (T + 7, T + 601 + 4 * 60 + 1));
    let probe = store.source().probe("c", &["h"], &Stop::new());
    assert_eq!(probe, Ok(()));
}

#[test]
fn a_probe_asks_others_than_the_files_that_failed() {
    let store = Store::new();
    write(&store.path("c/1700001000.parquet"), &two_snapshots(T));
    let bad: Vec<String> = (0..10).map(|k| format!("170000200{k}.parquet")).collect();
    for name in &bad {
        // No file, so that it cannot be read.
        fs::create_dir(store.path("c").join(name)).unwrap();
    }
    let bad: Vec<&str> = bad.iter().map(String::as_str).collect();
    assert!(store.source().probe("c", &[], &Stop::new()).is_err());
    assert_eq!(store.source().probe("c", &bad, &Stop::new()), Ok(()));
}

#[test]
fn a_file_that_does_not_tell_its_times_is_final_until_the_number_in_its_name() {
    let store = Store::new();
    let path = store.path("c/1700001000.parquet");
    write_with(&path, &two_snapshots(T), EnabledStatistics::None);
    let host = store.host();
    assert_eq!(host.final_until, Some(1_700_001_000 - 1));
    let reach = store.source().reach("c", &Stop::new()).unwrap();
    assert_eq!((reach.oldest, reach.newest), (i64::MIN, 1_700_001_000));
}

#[test]
fn what_is_remembered_of_files_is_taken_from_what_decoded_hosts_may_take() {
    let store = Store::new();
    write(&store.path("c/1700001000.parquet"), &two_snapshots(T));
    let memory = Arc::new(Memory::new(20_000));
    let source = store.source().noting_in(Arc::clone(&memory));
    assert_eq!(memory.for_hosts(), 13_332);
    source.ask(&about_all("h"), &Stop::new()).unwrap();
    // Three groups, of which the open file remembers a few kilobytes each.
    assert!((5_000..10_000).contains(&memory.for_hosts()), "{memory:?}");
}

#[test]
fn a_file_that_goes_away_is_looked_for_again() {
    let store = Store::new();
    let path = store.path("c/1700001000.parquet");
    write(&path, &two_snapshots(T));
    // Listed, but its target is gone: never there, whatever is listed again.
    fs::remove_file(&path).unwrap();
    symlink(store.path("elsewhere"), &path).unwrap();
    let host = store.host();
    assert_eq!(host.damaged[0].reason, Reason::SourceUnreadable);
    println!("{}", host.damaged[0].detail);
}
