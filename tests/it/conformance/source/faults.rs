//! What every source promises while its medium fails: an error, or damage beside what it could read, and never less; what it
//! says names the cause; a probe tells an outage; and nothing is left of it once the medium works again.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use ccarchive::model::failure::Reason;
use ccarchive::model::stop::Stop;
use ccarchive::rules::evidence::Damage;
use ccarchive::source::Error;

use super::media::{Files, Layers};
use super::{CLUSTER, HOUR, METRICS, Medium, T0, ask, check, rightly_held};

/// A way to fail.
struct Fault {
    name: &'static str,
    /// Whether nothing can be read any more, and not only something of host n1.
    is_outage: bool,
}

const fn outage(name: &'static str) -> Fault {
    let is_outage = true;
    Fault { name, is_outage }
}

const fn part(name: &'static str) -> Fault {
    let is_outage = false;
    Fault { name, is_outage }
}

/// A medium that can be made to fail.
trait Faulty: Medium {
    const FAULTS: &'static [Fault];
    /// Faults that only it has.
    const OWN: &'static [Fault] = &[];
    /// From now on.
    fn fail(&self, how: &'static str);
    fn work(&self);
    /// Whether a probe fails then.
    fn is_sick(fault: &Fault) -> bool {
        fault.is_outage
    }
}

/// The hour about which is asked: both hosts have it, and of media that are made of two, each has a half.
const HELD: std::ops::Range<i64> = T0 + HOUR / 2..T0 + 3 * HOUR / 2;

fn each<M: Faulty>(new: fn() -> M, fact: impl Fn(&M, &Fault)) {
    for fault in M::FAULTS.iter().chain(M::OWN) {
        let medium = new();
        medium.fail(fault.name);
        fact(&medium, fault);
    }
}

fn an_answer_is_whole_or_says_what_it_lacks<M: Faulty>(new: fn() -> M) {
    each(new, |m, Fault { name, .. }| {
        match ask(&*m.open(), "n1", &HELD) {
            Ok(evidence) => {
                let whole = rightly_held(&evidence, "n1", &HELD) == METRICS.len() * 60;
                assert!(whole || !evidence.damaged.is_empty(), "{name}: less");
            }
            Err(e) => assert_ne!(e, Error::Cancelled, "{name}"),
        }
    });
}

fn an_error_says_what_failed_and_why<M: Faulty>(new: fn() -> M) {
    let of_sources = [
        Reason::SourceGone,
        Reason::SourceMissing,
        Reason::SourceUnreadable,
        Reason::SourceRefused,
        Reason::LayerGone,
        Reason::SnapshotBroken,
    ];
    each(new, |m, Fault { name, .. }| {
        let failures = match ask(&*m.open(), "n1", &HELD) {
            Ok(evidence) => evidence.damaged.iter().map(Damage::failure).collect(),
            Err(e) => vec![e.failure().unwrap()],
        };
        for failure in failures {
            assert!(of_sources.contains(&failure.reason), "{name}: {failure:?}");
            let detail = &failure.detail;
            assert!(
                detail.contains('/') && !detail.ends_with('.'),
                "{name}: {detail}"
            );
        }
    });
}

fn a_probe_tells_an_outage_from_a_part_that_is_broken<M: Faulty>(new: fn() -> M) {
    each(new, |m, fault| {
        let source = m.open();
        // As a sweep does: jobs of n1 fail, others may have been read before.
        drop(ask(&*source, "n1", &HELD));
        let probe = source.probe(CLUSTER, &["n1"], &Stop::new());
        let name = fault.name;
        assert_eq!(probe.is_err(), M::is_sick(fault), "{name}: {probe:?}");
    });
}

fn another_host_is_whole_where_only_a_part_is_broken<M: Faulty>(new: fn() -> M) {
    each(new, |m, Fault { name, is_outage }| {
        if !is_outage {
            let other = ask(&*m.open(), "n2", &HELD);
            check(
                &other.unwrap_or_else(|e| panic!("{name}: {e}")),
                "n2",
                &HELD,
            );
        }
    });
}

fn what_works_again_is_read_again<M: Faulty>(new: fn() -> M) {
    each(new, |m, Fault { name, .. }| {
        drop(ask(&*m.open(), "n1", &HELD));
        m.work();
        let source = m.open();
        let again = ask(&*source, "n1", &HELD);
        check(
            &again.unwrap_or_else(|e| panic!("{name}: {e}")),
            "n1",
            &HELD,
        );
        source.probe(CLUSTER, &[], &Stop::new()).unwrap();
    });
}

/// Of several layers one that is gone fails no job, since those that need it wait; one that cannot be read does.
fn is_sick_layer(fault: &Fault) -> bool {
    fault.name == "cluster a loop"
}

/// Makes a folder of a cluster's folders fail.
fn fail(root: &Path, how: &str) {
    let away = root.with_extension("away");
    let cluster = root.join(CLUSTER);
    match how {
        "gone" | "empty" | "a file" => fs::rename(root, &away).unwrap(),
        _ => {
            fs::create_dir(&away).unwrap();
            fs::rename(&cluster, away.join(CLUSTER)).unwrap();
        }
    }
    match how {
        "empty" => fs::create_dir(root).unwrap(),
        "a file" => fs::write(root, "x").unwrap(),
        "cluster empty" => fs::create_dir(cluster).unwrap(),
        "cluster hollow" => fs::create_dir_all(cluster.join("n1")).unwrap(),
        "cluster a loop" => symlink(CLUSTER, cluster).unwrap(),
        _ => {}
    }
}

/// Makes it work again.
fn work(root: &Path) {
    let away = root.with_extension("away");
    let remove = |path: &Path| {
        if path.is_dir() && !path.is_symlink() {
            fs::remove_dir_all(path).unwrap();
        } else if path.symlink_metadata().is_ok() {
            fs::remove_file(path).unwrap();
        }
    };
    let cluster = root.join(CLUSTER);
    if away.join(CLUSTER).exists() && !away.join("other").exists() {
        remove(&cluster);
        fs::rename(away.join(CLUSTER), cluster).unwrap();
        fs::remove_dir(away).unwrap();
    } else if away.exists() {
        remove(root);
        fs::rename(away, root).unwrap();
    }
}

const OF_FOLDERS: &[Fault] = &[
    outage("gone"),
    outage("empty"),
    outage("a file"),
    outage("cluster gone"),
    outage("cluster empty"),
    outage("cluster hollow"),
    outage("cluster a loop"),
];

/// Of one of several folders. That one of them lacks a cluster is no failure, since it may never have had it.
const OF_LAYERS: &[Fault] = &[
    outage("gone"),
    outage("empty"),
    outage("a file"),
    outage("cluster a loop"),
];

impl Faulty for Files {
    const FAULTS: &'static [Fault] = OF_FOLDERS;
    const OWN: &'static [Fault] = &[part("cut")];

    fn fail(&self, how: &'static str) {
        match how {
            "cut" => self.damage(),
            _ => fail(&self.root(), how),
        }
    }

    fn work(&self) {
        work(&self.root());
        self.add("bin", 0..2);
    }
}

/// The older of two folders fails.
impl Faulty for Layers {
    const FAULTS: &'static [Fault] = OF_LAYERS;

    fn fail(&self, how: &'static str) {
        fail(&self.old.root(), how);
    }

    fn work(&self) {
        work(&self.old.root());
    }

    fn is_sick(fault: &Fault) -> bool {
        is_sick_layer(fault)
    }
}

#[cfg(feature = "http")]
mod http {
    use super::super::media::{Filled, Http};
    use super::*;

    impl Faulty for Http {
        const FAULTS: &'static [Fault] = &[
            outage("refused"),
            outage("500"),
            outage("503"),
            outage("401"),
            outage("403"),
            outage("404"),
            outage("elsewhere"),
            outage("silent"),
            outage("closed"),
            outage("cut"),
            outage("nothing"),
            outage("html"),
            outage("other json"),
            part("late"),
            part("too few"),
            part("other time"),
            part("data cut"),
            part("data refused"),
            part("infinite"),
        ];

        fn fail(&self, how: &'static str) {
            self.does(how);
        }

        fn work(&self) {
            self.does("");
        }
    }

    /// The store behind files fails, so that the second hour is missing.
    impl Faulty for Filled {
        const FAULTS: &'static [Fault] = Http::FAULTS;

        fn fail(&self, how: &'static str) {
            self.store.fail(how);
        }

        fn work(&self) {
            self.store.work();
        }

        /// One that does not let us in ends the sweep; for one that is away its jobs wait.
        fn is_sick(fault: &Fault) -> bool {
            matches!(fault.name, "401" | "403")
        }
    }
}

#[cfg(feature = "parquet")]
mod parquet {
    use super::super::media::{Older, Parquet};
    use super::*;

    impl Faulty for Parquet {
        const FAULTS: &'static [Fault] = OF_FOLDERS;

        fn fail(&self, how: &'static str) {
            fail(&self.root(), how);
        }

        fn work(&self) {
            work(&self.root());
        }
    }

    impl Faulty for Older {
        const FAULTS: &'static [Fault] = OF_LAYERS;

        fn fail(&self, how: &'static str) {
            self.parquet.fail(how);
        }

        fn work(&self) {
            self.parquet.work();
        }

        fn is_sick(fault: &Fault) -> bool {
            is_sick_layer(fault)
        }
    }
}

/// Runs every fact over a medium.
macro_rules! faults {
    ($name:ident, $new:expr; $($fact:ident)*) => {
        mod $name {
            $(
                #[test]
                fn $fact() {
                    super::$fact(|| $new);
                }
            )*
        }
    };
    ($name:ident, $new:expr) => {
        faults!{
            $name, $new;
            an_answer_is_whole_or_says_what_it_lacks
            an_error_says_what_failed_and_why
            a_probe_tells_an_outage_from_a_part_that_is_broken
            another_host_is_whole_where_only_a_part_is_broken
            what_works_again_is_read_again
        }
    };
}

faults!(
    snapshots_of_files,
    super::super::media::Files::new(&["bin"])
);
faults!(layers_of_files, super::super::media::Layers::new());
#[cfg(feature = "http")]
faults!(store, super::super::media::Http::new());
#[cfg(feature = "http")]
faults!(store_behind_files, super::super::media::Filled::new());
#[cfg(feature = "parquet")]
faults!(parquet_files, super::super::media::Parquet::new());
#[cfg(feature = "parquet")]
faults!(parquet_before_files, super::super::media::Older::new());
