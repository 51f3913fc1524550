use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::model::failure::Reason;
use crate::model::series::Scope;
use crate::rules::timeline::{Grid, Interval};
use crate::source::Wanted;
use crate::source::testing::{about_all, read};

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

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn source(&self) -> Checkpoints {
        let frequencies = [("m".to_owned(), 60)].into();
        Checkpoints::new(self.0.path().into(), frequencies, Clock::starting_at(NOW))
    }

    fn ask(&self, host: &str) -> Result<Arc<Evidence>, Error> {
        self.source().ask(&about_all(host), &Stop::new())
    }

    fn host(&self) -> Arc<Evidence> {
        self.ask("h").unwrap()
    }

    fn reach(&self) -> Result<Reach, Error> {
        self.source().reach("c", &Stop::new())
    }
}

/// A snapshot of metric `m`, whose first value is a true first sample.
fn json(from: i64, to: i64, values: &str) -> String {
    let start = from + 5;
    format!(
        r#"{{"metrics":{{"m":{{"frequency":60,"start":{start},"data":[{values}]}}}},"children":{{}},"from":{from},"to":{to}}}"#
    )
}

fn log(records: &[(i64, f32)]) -> Vec<u8> {
    let mut out = wal::FILE_MAGIC.to_le_bytes().to_vec();
    for (t, v) in records {
        let mut payload = t.to_le_bytes().to_vec();
        payload.extend([1, 0, b'm', 0]);
        payload.extend(v.to_le_bytes());
        out.extend(wal::RECORD_MAGIC.to_le_bytes());
        out.extend(u32::try_from(payload.len()).unwrap().to_le_bytes());
        out.extend(&payload);
        out.extend(crc32fast::hash(&payload).to_le_bytes());
    }
    out
}

#[test]
fn a_folder_that_is_no_store_is_gone() {
    let makings: [fn(&Store); 6] = [
        |s| s.0.path().read_dir().map(drop).unwrap(),
        |s| fs::remove_dir(s.0.path()).unwrap(),
        |s| fs::create_dir(s.path("c")).unwrap(),
        |s| fs::create_dir_all(s.path("c/h")).unwrap(),
        |s| s.write("readme.txt", "not a store"),
        |s| s.write("c/h/notes.txt", "not a checkpoint"),
    ];
    for make in makings {
        let store = Store::new();
        make(&store);
        for host in ["h", "other"] {
            let e = store.ask(host).unwrap_err();
            assert!(matches!(e, Error::Gone(_)), "{e:?}");
            println!("{e}");
        }
        assert!(matches!(store.reach(), Err(Error::Gone(_))));
        let probe = store.source().probe("c", &[], &Stop::new());
        assert!(matches!(probe, Err(Error::Gone(_))));
    }
}

#[test]
fn a_cluster_that_is_missing_or_hollow_beside_others_is_missing() {
    let makings: [fn(&Store); 5] = [
        |_| (),
        |s| fs::create_dir(s.path("c")).unwrap(),
        |s| fs::create_dir_all(s.path("c/h")).unwrap(),
        |s| s.write("c/h/1.bin.tmp", ""),
        |s| s.write("c", "a file"),
    ];
    for make in makings {
        let store = Store::new();
        store.write("other/h/5.json", "");
        make(&store);
        let e = store.ask("h").unwrap_err();
        let place = store.path("c").display().to_string();
        assert!(
            matches!(&e, Error::ClusterMissing { subject, .. } if *subject == place),
            "{e:?}"
        );
        println!("{e}");
        assert_eq!(store.reach(), Err(e));
    }
}

#[test]
fn a_host_without_files_has_no_data_where_others_of_its_cluster_have_some() {
    for sound in ["5.json", "5.bin", "current.wal"] {
        let store = Store::new();
        store.write(&format!("c/other/{sound}"), "");
        fs::create_dir(store.path("c/hollow")).unwrap();
        for host in ["h", "hollow"] {
            let evidence = store.ask(host).unwrap();
            assert_eq!((evidence.newest, evidence.final_until), (None, None));
            assert_eq!(evidence.read_at, NOW);
            assert!(evidence.damaged.is_empty());
        }
    }
}

#[test]
fn a_snapshot_that_vanishes_while_it_is_read_is_looked_for_under_its_new_name() {
    let store = Store::new();
    let (old, new) = (T.to_string() + ".json", T.to_string() + ".bin");
    store.write(&format!("c/h/{old}"), json(T, T + 120, "1,2"));
    let folder = store.path("c/h");
    let stop = Stop::new();
    let host = Host {
        folder: folder.clone(),
        frequencies: &HashMap::new(),
        remembered: &[],
        wish: Wish::everything(&stop),
        metrics: &[],
        whole_below: 0,
        all_metrics_below: u64::MAX,
        room: &Room::new(1 << 20),
        removed: None,
    };
    // What stands in the folder when it is listed is gone when it is read.
    let listings = std::cell::Cell::new(0);
    let list = |folder: &Path| {
        let files = listing::snapshots(folder);
        listings.set(listings.get() + 1);
        if listings.get() == 1 {
            fs::remove_file(folder.join(&old)).unwrap();
            let mut bin = binary::MAGIC.to_le_bytes().to_vec();
            for t in [T, T + 120] {
                bin.extend(t.to_le_bytes());
            }
            bin.extend([1, 0, 0, 0, 1, 0, b'm']);
            bin.extend(60_i64.to_le_bytes());
            bin.extend((T + 5).to_le_bytes());
            bin.extend(1_u32.to_le_bytes());
            bin.extend(7_f32.to_le_bytes());
            bin.extend(0_u32.to_le_bytes());
            fs::write(folder.join(&new), bin).unwrap();
        }
        files
    };
    let loaded = host.load(|| NOW, &list).unwrap().unwrap();
    assert_eq!(listings.get(), 2);
    assert!(loaded.evidence.damaged.is_empty());
    assert_eq!(read(&loaded.evidence.series, T, 2), [Some(7.0), None]);
    // A folder that never keeps still is no answer.
    let list = |_: &Path| {
        Ok(vec![listing::Listed {
            number: 5,
            path: folder.join("5.bin"),
        }])
    };
    let e = host.load(|| NOW, &list).unwrap_err();
    assert!(e.to_string().contains("changed"), "{e}");
}

#[test]
fn times_that_no_sample_can_have_decide_nothing_and_are_noted() {
    let store = Store::new();
    store.write(&format!("c/h/{T}.json"), json(T, T + 120, "1,2"));
    let absurd = [(9_000_000_000, 9.), (5, 9.), (-1, 9.), (NOW + 7200, 9.)];
    let mut records = vec![(T + 125, 3.)];
    records.extend(absurd);
    records.extend([(T + 185, 4.)]);
    records.extend(absurd);
    store.write("c/h/current.wal", log(&records));
    let host = store.host();
    assert_eq!(
        read(&host.series, T, 5),
        [Some(1.), Some(2.), Some(3.), Some(4.), None]
    );
    assert_eq!(host.newest, Some(T + 155));
    assert_eq!(host.final_until, Some(T + 120));
    assert_eq!(host.passed_over.len(), 1);
    assert!(host.passed_over[0].detail.contains("absurd time (8)"));
    let reach = Reach {
        newest: T + 185,
        oldest: T,
    };
    assert_eq!(store.reach(), Ok(reach));
}

#[test]
fn a_log_without_any_whole_record_is_damaged_and_one_with_some_is_passed_over() {
    let store = Store::new();
    store.write(&format!("c/h/{T}.json"), json(T, T + 120, "1,2"));
    let zeros = vec![0; 1 << 18];
    store.write("c/h/current.wal", [log(&[]), zeros.clone()].concat());
    let host = store.host();
    assert_eq!((host.damaged.len(), host.passed_over.len()), (1, 0));
    let interval = Interval {
        from: T + 120,
        to: i64::MAX,
    };
    assert_eq!(host.damaged[0].interval, interval);
    let with_some = [log(&[(T + 125, 3.)]), zeros].concat();
    store.write("c/h/current.wal", with_some);
    let host = store.host();
    assert_eq!((host.damaged.len(), host.passed_over.len()), (0, 1));
    assert_eq!(read(&host.series, T + 120, 1), [Some(3.)]);
}

#[test]
fn a_snapshot_that_ends_in_the_future_makes_nothing_final() {
    let store = Store::new();
    store.write(&format!("c/h/{T}.json"), json(T, 9_000_000_000, "1,2"));
    let host = store.host();
    assert_eq!((host.final_until, host.passed_over.len()), (None, 1));
    assert_eq!(host.newest, Some(T + 35));
    assert_eq!(store.reach().unwrap().newest, T);
}

#[test]
fn a_log_tells_the_reach_by_its_newest_record_and_also_where_it_is_older_than_the_snapshots() {
    let store = Store::new();
    store.write(&format!("c/h/{T}.json"), json(T, T + 120, "1,2"));
    let records = [(T - 500, 1.), (T + 900, 2.), (T + 300, 3.)];
    store.write("c/h/current.wal", log(&records));
    let reach = Reach {
        newest: T + 900,
        oldest: T - 500,
    };
    assert_eq!(store.reach(), Ok(reach));
    store.write("c/g/current.wal", log(&[(T - 700, 1.)]));
    assert_eq!(store.reach().unwrap().oldest, T - 700);
    let stop = Stop::new();
    stop.cancel();
    let cancelled = store.source().reach("c", &stop);
    assert_eq!(cancelled, Err(Error::Cancelled));
}

#[test]
fn a_file_for_which_there_is_too_little_room_is_named_and_takes_nothing_from_the_others() {
    let store = Store::new();
    store.write(&format!("c/h/{T}.json"), json(T, T + 120, "1,2"));
    let many = vec!["3"; 100_000].join(",");
    let large = json(T + 120, T + 240, &many);
    // The same with the values before it is known where they stand.
    let loose = large.replace(&format!("\"frequency\":60,\"start\":{},", T + 125), "");
    let loose = loose.replace(
        &many,
        &format!("{many}],\"frequency\":60,\"start\":{},\"rest\":[", T + 125),
    );
    for large in [large, loose] {
        let last = format!("c/h/{}.json", T + 120);
        store.write(&last, large);
        let ask = |room| {
            let source = store.source().within(room);
            source.ask(&about_all("h"), &Stop::new()).unwrap()
        };
        let host = ask(700_000);
        assert!(host.damaged.is_empty(), "{:?}", host.damaged);
        let host = ask(300_000);
        assert_eq!(read(&host.series, T, 3), [Some(1.), Some(2.), None]);
        let [damage] = &*host.damaged else {
            panic!("{:?}", host.damaged)
        };
        assert_eq!(damage.reason, Reason::HostTooLarge);
        assert!(damage.subject.ends_with(&last));
        assert!(damage.concerns(T + 120, T + 240) && !damage.concerns(T, T + 120));
    }
}

#[test]
fn a_log_of_which_every_sample_begins_a_stretch_takes_no_more_than_there_is() {
    let store = Store::new();
    store.write("c/h/1.json", json(T, T + 120, "1,2"));
    // Too rare for one stretch, and from other seconds on each time.
    let scattered: Vec<_> = (0..250).map(|i| (T + 500 + 181 * i, 1.0)).collect();
    store.write("c/h/current.wal", log(&scattered));
    let ask = |room| {
        let source = store.source().within(room);
        source.ask(&about_all("h"), &Stop::new()).unwrap()
    };
    let host = ask(1 << 18);
    assert!(host.damaged.is_empty(), "{:?}", host.damaged);
    let host = ask(1 << 16);
    assert_eq!(read(&host.series, T, 2), [Some(1.), Some(2.)]);
    assert_eq!(host.damaged[0].reason, Reason::HostTooLarge);
    assert!(host.damaged[0].subject.ends_with("current.wal"));
}

#[test]
fn of_large_files_only_what_was_asked_for_is_kept_and_phases_are_told_by_all() {
    let store = Store::new();
    // Only the metric that nobody asks for tells where slots begin.
    let many = vec!["1"; 10_000].join(",");
    let text = json(T, NOW, &many).replace(
        "\"metrics\":{",
        &format!("\"metrics\":{{\"other\":{{\"frequency\":60,\"start\":{T},\"data\":[{many}]}},"),
    );
    store.write(&format!("c/h/{T}.json"), &text);
    store.write("c/h/current.wal", log(&[(NOW, 7.)]));
    let whole = store.host();
    let source = store
        .source()
        .keeping_whole_up_to(0)
        .keeping_all_metrics_up_to(0);
    for metric in ["m", "other"] {
        let wanted = [Wanted {
            metric,
            frequency: 60,
            native: Scope::Node,
            components: &[],
        }];
        let request = Request {
            metrics: &wanted,
            ..about_all("h")
        };
        let host = source.ask(&request, &Stop::new()).unwrap();
        assert!(!host.covers.all_metrics && !host.phase_guessed);
        assert_eq!(host.phases, whole.phases);
        assert_eq!(host.newest, whole.newest);
        let grid = Grid::of_job(T, NOW - T, 60);
        let read = |e: &Evidence| e.series.chain(metric).unwrap().read(grid);
        assert_eq!(read(&host), read(&whole));
        let bytes = (host.series.bytes(), whole.series.bytes());
        assert!(bytes.0 < bytes.1 * 2 / 3, "{bytes:?}");
    }
}

#[test]
fn what_an_earlier_reading_knew_of_the_phase_serves_when_the_files_tell_none() {
    let store = Store::new();
    let known = json(T, T + 120, "1,2");
    store.write(&format!("c/h/{T}.json"), &known);
    let before = store.host();
    assert!(!before.phase_guessed && before.phases.len() == 1);
    // Now the series begins where the file does.
    let unknown = known.replace(&(T + 5).to_string(), &T.to_string());
    store.write(&format!("c/h/{T}.json"), unknown);
    assert!(store.host().phase_guessed);
    let remembered = [(("c".to_owned(), "h".to_owned()), before.phases.clone())];
    let source = store.source().remembering(remembered.into());
    let after = source.ask(&about_all("h"), &Stop::new()).unwrap();
    assert!(!after.phase_guessed && after.phases.is_empty());
    for t in [T - 25, T - 26, T + 34, T + 35] {
        assert_eq!(read(&after.series, t, 1), read(&before.series, t, 1));
    }
}

/// The kernel refuses to follow it, to root too.
fn make_sick(store: &Store, host: &str) {
    let path = store.path(&format!("c/{host}"));
    std::os::unix::fs::symlink(host, path).unwrap();
}

#[test]
fn a_probe_reads_of_other_hosts_and_one_bad_file_is_no_sick_medium() {
    let store = Store::new();
    let probe = |source: &Checkpoints, but: &[&str]| source.probe("c", but, &Stop::new());
    store.write(&format!("c/h/{T}.json"), json(T, T + 120, "1,2"));
    make_sick(&store, "a");
    let source = store.source();
    assert_eq!(probe(&source, &[]), Ok(()), "a is one bad host");
    assert_eq!(probe(&source, &["a"]), Ok(()));
    // Nothing else to read: what could be read before is asked again.
    let sick = probe(&source, &["h"]).unwrap_err();
    assert!(sick.to_string().contains("c/a"), "{sick}");
    source.ask(&about_all("h"), &Stop::new()).unwrap();
    assert_eq!(probe(&source, &["h"]), Ok(()));
    let fresh = store.source();
    let nothing = probe(&fresh, &["h", "a"]).unwrap_err();
    println!("{nothing}");
    make_sick(&store, "b");
    make_sick(&store, "d");
    assert!(probe(&fresh, &["h"]).is_err());
    let stop = Stop::new();
    stop.cancel();
    assert_eq!(store.source().probe("c", &[], &stop), Err(Error::Cancelled));
}
