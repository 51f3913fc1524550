//! The metric store appends, rotates and deletes while its files are read.

use std::fs::File;
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ccarchive::model::clock::Clock;
use ccarchive::model::stop::Stop;
use ccarchive::rules::timeline::Grid;
use ccarchive::rules::timeline::Interval;
use ccarchive::source::checkpoint::Checkpoints;
use ccarchive::source::{Request, Source};
use ccarchive::target::tree::Tree;

use super::{command, present};
use crate::support::engine::clusters;
use crate::support::program::run;
use crate::support::site::{CLUSTER, HOUR, NewJob, Places, Site, T0};
use crate::support::snapshots::{METRICS, STEP, json, value};
use crate::support::wait::pause;

/// The store's progress, Unix seconds: what is on disk for sure.
#[derive(Debug)]
struct Progress {
    /// Every sample before it was appended.
    written: AtomicI64,
    /// No sample since it was deleted.
    deleted: AtomicI64,
    done: AtomicBool,
}

/// Appends minute by minute, rotates every 20 minutes of data, keeps four snapshots.
fn live(site: &Places, progress: &Progress) {
    let host = site.host("n1");
    let mut rotated = T0;
    let mut kept = std::collections::VecDeque::new();
    let mut t = T0;
    while !progress.done.load(Ordering::SeqCst) {
        host.log(t..t + STEP);
        t += STEP;
        progress.written.store(t, Ordering::SeqCst);
        if t - rotated == 20 * STEP {
            host.rotate(rotated..t);
            kept.push_back(rotated);
            rotated = t;
            if kept.len() > 4 {
                let old = kept.pop_front().unwrap();
                progress.deleted.store(old + 20 * STEP, Ordering::SeqCst);
                host.remove(&format!("{old}.bin"));
            }
        }
    }
}

#[test]
fn a_reading_beside_a_live_store_misses_no_sample_that_was_on_disk_throughout() {
    let site = Site::new();
    let clusters = clusters(&Tree::new(site.path("job-archive")));
    let source = Checkpoints::new(
        site.path("checkpoints"),
        clusters.frequencies(),
        Clock::starting_at(T0 + 365 * 86_400),
    );
    let progress = Progress {
        written: AtomicI64::new(T0),
        deleted: AtomicI64::new(T0),
        done: AtomicBool::new(false),
    };
    let request = Request {
        cluster: CLUSTER,
        subcluster: "",
        host: "n1",
        metrics: &[],
        window: Interval {
            from: T0,
            to: i64::MAX,
        },
    };
    let (mut readings, places): (_, &Places) = (0, &site);
    thread::scope(|scope| {
        scope.spawn(|| live(places, &progress));
        let _done = OnDrop(&progress.done);
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(4) {
            let to = progress.written.load(Ordering::SeqCst);
            let Ok(host) = source.ask(&request, &Stop::new()) else {
                // Its files changed during five listings: an error, and no hole.
                continue;
            };
            let from = progress.deleted.load(Ordering::SeqCst);
            assert!(host.damaged.is_empty(), "{:?}", host.damaged);
            for metric in METRICS {
                check(&host, metric, from, to);
            }
            readings += 1;
        }
    });
    println!(
        "{readings} readings of {} samples",
        (progress.written.load(Ordering::SeqCst) - T0) / STEP
    );
    assert!(readings > 10);
}

struct OnDrop<'a>(&'a AtomicBool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn check(host: &ccarchive::rules::evidence::Evidence, metric: &str, from: i64, to: i64) {
    let mut chains = Vec::new();
    host.series.chains(metric, &mut chains);
    if from >= to {
        return;
    }
    let grid = Grid::of_job(from, to - from, STEP);
    let values = chains[0].read(grid);
    for (t, v) in (from..).step_by(60).zip(values) {
        assert_eq!(
            v,
            value("n1", metric, t),
            "{metric} at {t} of {from} to {to}"
        );
    }
}

#[test]
fn a_json_snapshot_that_is_being_written_costs_a_repeat_and_never_a_hole() {
    let (site, begin) = present();
    let span = begin + HOUR..begin + 2 * HOUR;
    let text = json("n1", &span);
    let job = NewJob::stopped(7, "n1", begin + HOUR - 600, 1200);
    site.insert(&job);
    site.insert(&NewJob::stopped(8, "n1", begin, 600));
    let path = site.host("n1").path(&format!("{}.json", span.start));
    let mut file = File::create(path).unwrap();
    let mut outcomes = Vec::new();
    let parts = 5;
    for part in text.chunks(text.len() / parts + 1) {
        // Another snapshot beside it: no sample is waited for, so that the half file alone decides.
        let ran = run(&mut command(&site, &["--settle", "0", "--retry-now"]));
        assert_ne!(site.status(7), 3, "half a snapshot made an archive");
        let of_job = ran
            .objects("job")
            .into_iter()
            .find(|j| j["jobId"] == 7)
            .unwrap();
        outcomes.push((ran.code(), of_job["reason"].clone()));
        file.write_all(part).unwrap();
    }
    assert!(
        outcomes.iter().all(|o| *o == (3, "snapshot_broken".into())),
        "{outcomes:?}"
    );
    assert_eq!(site.status(8), 3, "a job that does not need it");
    run(&mut command(&site, &["--settle", "0", "--retry-now"])).expect(0);
    let values = site
        .archived(7, job.start)
        .unwrap()
        .values("cpu_load", "n1")
        .unwrap();
    assert_eq!(values.iter().flatten().count(), 20);
}

#[test]
fn sweeps_beside_a_live_store_archive_every_sample_of_every_job() {
    let (site, begin) = present();
    let (done, places): (_, &Places) = (AtomicBool::new(false), &site);
    let jobs = 60;
    for job_id in 1..=jobs {
        let host = format!("n{}", job_id % 4 + 1);
        site.insert(&NewJob::stopped(
            job_id,
            &host,
            begin + job_id % 40 * 60,
            1200,
        ));
    }
    thread::scope(|scope| {
        scope.spawn(|| {
            // Hosts go on: samples of later hours are appended and rotated, a snapshot without jobs is deleted.
            let mut hour = begin + HOUR;
            while !done.load(Ordering::SeqCst) {
                for host in ["n1", "n2", "n3", "n4"] {
                    let files = places.host(host);
                    files.log(hour..hour + 1800);
                    files.log(hour + 1800..hour + HOUR);
                    files.rotate(hour..hour + HOUR);
                    if hour > begin + HOUR {
                        files.remove(&format!("{}.bin", hour - HOUR));
                    }
                }
                hour += HOUR;
                pause(Duration::from_millis(1));
            }
        });
        let _done = OnDrop(&done);
        for _ in 0..6 {
            let ran = run(&mut command(&site, &["--limit", "10", "--memory", "1M"]));
            assert_eq!(ran.code(), 0, "{}", ran.err);
        }
    });
    assert_eq!(site.count("monitoring_status = 3"), jobs);
    for (job_id, start) in site.archived_jobs() {
        let host = format!("n{}", job_id % 4 + 1);
        let values = site
            .archived(job_id, start)
            .unwrap()
            .values("net_bw", &host)
            .unwrap();
        assert_eq!(values.iter().flatten().count(), 20, "job {job_id}");
    }
}
