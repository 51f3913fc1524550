//! The timeline rule through the real folder reader: random hosts (JSON and binary snapshots in any mixture, restarts,
//! overlaps, equal numbers, a log, several folders) read as the rule in its shortest form reads them, and a window of them
//! reads as that part of everything.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};

use ccarchive::model::clock::Clock;
use ccarchive::model::stop::Stop;
use ccarchive::rules::evidence::Evidence;
use ccarchive::rules::timeline::{Grid, Interval, Level};
use ccarchive::source::checkpoint::Checkpoints;
use ccarchive::source::layers::Layered;
use ccarchive::source::{Request, Source};
use proptest::collection::vec;

use crate::generator::encode::{self, Series};
use crate::support::random::{Random, check, draws};

/// Level below the host, metric: two with one timestep, one with another, which the host changes at times.
const SERIES: [(&str, &str, i64); 3] = [("", "a", 60), ("socket0", "a", 60), ("", "b", 30)];

impl Random {
    /// Every value is told from others, and one decimal holds it.
    fn value(&mut self) -> f32 {
        f32::from(u16::try_from(self.below(60_000)).unwrap()) * 0.5
    }
}

/// A snapshot file.
#[derive(Clone, Debug)]
struct File {
    json: bool,
    from: i64,
    to: i64,
    series: Vec<Series<'static>>,
}

/// What a folder of one host holds.
#[derive(Clone, Debug)]
struct Folder {
    files: Vec<File>,
    /// Time, number of the series, value.
    log: Vec<(i64, usize, f32)>,
}

impl Folder {
    fn random(r: &mut Random) -> Self {
        let (mut files, mut t) = (Vec::new(), 1000 + r.signed(200));
        for _ in 0..r.below(5) {
            let from = t + if r.below(3) == 0 { r.signed(300) } else { 0 };
            let mut file = File {
                json: r.below(2) == 0,
                from,
                to: 0,
                series: Vec::new(),
            };
            let mut last = from;
            for (child, metric, step) in SERIES {
                if r.below(5) > 0 {
                    let step = if r.below(9) == 0 { 90 - step } else { step };
                    let one = random_series(r, (child, metric, step), from);
                    last = last.max(from + step * i64::try_from(one.values.len()).unwrap());
                    file.series.push(one);
                }
            }
            file.to = last + r.signed(90);
            // At times the next one begins before this one ends, or has its number.
            t = match r.below(8) {
                0 => from,
                1 => from + r.signed(200),
                _ => file.to,
            };
            files.push(file.clone());
            if r.below(8) == 0 {
                file.json = !file.json;
                files.push(file);
            }
        }
        let mut log = Vec::new();
        for _ in 0..r.below(20) {
            t += r.signed(90) - 15;
            log.push((t, usize::try_from(r.below(3)).unwrap(), r.value()));
        }
        files.sort_by_key(|f| (f.from, f.json));
        files.dedup_by_key(|f| (f.from, f.json));
        Self { files, log }
    }

    fn write(&self, folder: &Path, r: &mut Random) {
        fs::create_dir_all(folder).unwrap();
        for f in &self.files {
            let (bytes, kind) = if f.json {
                (encode::json(&f.series, f.from, f.to), "json")
            } else {
                (encode::binary(&f.series, f.from, f.to), "bin")
            };
            fs::write(folder.join(format!("{}.{kind}", f.from)), bytes).unwrap();
        }
        let mut log = encode::log();
        for &(t, k, v) in &self.log {
            encode::record(&mut log, t, SERIES[k].0, SERIES[k].1, v);
            if r.below(10) == 0 {
                // Torn by a crash; the writer went on behind it.
                log.extend(
                    &[0xA1, 0xA7, 0x1D, 0xCC, 40, 0, 0, 0, 1, 2]
                        [..usize::try_from(r.below(11)).unwrap()],
                );
            }
        }
        fs::write(folder.join("current.wal"), log).unwrap();
    }
}

fn random_series(
    r: &mut Random,
    (child, metric, step): (&'static str, &'static str, i64),
    from: i64,
) -> Series<'static> {
    let start = if r.below(2) == 0 {
        from
    } else {
        from + r.signed(500) - 200
    };
    let length = r.below(14);
    let value = |r: &mut Random| if r.below(4) == 0 { f32::NAN } else { r.value() };
    let values = (0..length).map(|_| value(r)).collect();
    Series {
        metric,
        child,
        step,
        start,
        values,
    }
}

/// Slots that follow each other without a gap of more than two timesteps.
struct Stretch {
    step: i64,
    phase: Option<i64>,
    samples: Vec<(i64, f32)>,
}

#[derive(Default)]
struct Naive {
    /// Of the first file that has the series.
    step: i64,
    stretches: Vec<Stretch>,
}

impl Naive {
    fn add(&mut self, (t, v): (i64, f32), step: i64, phase: Option<i64>) {
        let last = self.stretches.last();
        if last.is_none_or(|s| s.step != step || t - s.samples.last().unwrap().0 > 2 * step) {
            self.stretches.push(Stretch {
                step,
                phase: None,
                samples: Vec::new(),
            });
        }
        let s = self.stretches.last_mut().unwrap();
        s.phase = s.phase.or(phase);
        s.samples.push((t, v));
    }

    /// The files and the log as one series after the other; `order` is that of their first appearance.
    fn of(folder: &Folder) -> (Vec<Self>, Vec<usize>) {
        let (mut all, mut order) = (vec![], vec![]);
        for (k, (child, metric, step)) in SERIES.into_iter().enumerate() {
            let mut one = Self {
                step,
                ..Self::default()
            };
            let (mut before, mut first) = (None, None);
            for (n, f) in folder.files.iter().enumerate() {
                let Some(s) = f
                    .series
                    .iter()
                    .find(|s| (s.child, s.metric) == (child, metric))
                else {
                    continue;
                };
                if first.is_none() {
                    one.step = s.step;
                    // Within a file the host's own series come first.
                    first = Some((n, child, k));
                }
                // On another grid nothing is loaded again.
                one.file(
                    f,
                    s,
                    before.filter(|(_, step)| *step == s.step).map(|b| b.0),
                );
                let n = i64::try_from(s.values.len()).unwrap();
                before = Some(((s.start, n, f.to), s.step));
            }
            for (n, &(t, _, v)) in folder.log.iter().enumerate().filter(|(_, l)| l.1 == k) {
                first = first.or(Some((folder.files.len() + n, "", k)));
                let step = one.step;
                one.add((t, v), step, Some((t - step / 2).rem_euclid(step)));
            }
            all.push(one);
            order.extend(first);
        }
        order.sort_unstable();
        (all, order.into_iter().map(|(_, _, k)| k).collect())
    }

    fn file(&mut self, f: &File, s: &Series<'_>, before: Option<(i64, i64, i64)>) {
        let again = before.filter(|b| b.2 != f.from);
        for (t, v) in (0..).map(|i| s.start + i * s.step).zip(s.values.iter()) {
            let repeats = again.is_some_and(|(s0, n0, _)| (t - s0).div_euclid(s.step) < n0);
            if !v.is_nan() && !repeats {
                let phase = (s.start - s.step / 2).rem_euclid(s.step);
                self.add((t, *v), s.step, (s.start != f.from).then_some(phase));
            }
        }
    }

    /// Gives every stretch its phase; `known` tells that of other series.
    fn settle(&mut self, known: impl Fn(i64) -> Option<i64>) {
        let mut last: Option<(i64, i64)> = None;
        for k in 0..self.stretches.len() {
            let step = self.stretches[k].step;
            let same = |s: &&Stretch| s.step == step;
            let later = self.stretches[k..]
                .iter()
                .filter(same)
                .find_map(|s| s.phase);
            let s = &self.stretches[k];
            let phase = (s.phase)
                .or(last.filter(|l| l.0 == step).map(|l| l.1))
                .or(later)
                .or_else(|| known(step))
                .unwrap_or_else(|| (s.samples[0].0 - step / 2).rem_euclid(step));
            self.stretches[k].phase = Some(phase);
            last = Some((step, phase));
        }
    }

    fn at(&self, t: i64) -> Option<f32> {
        let mut out = None;
        for s in &self.stretches {
            let slot = |t: i64| (t - s.phase.unwrap()).div_euclid(s.step);
            for &(at, v) in s.samples.iter().filter(|(at, _)| slot(*at) == slot(t)) {
                debug_assert!(at >= 0);
                out = Some(v);
            }
        }
        out
    }
}

/// The series of a folder, ready to be asked.
fn naive(folder: &Folder) -> Vec<Naive> {
    let (mut all, order) = Naive::of(folder);
    let mut known: Vec<(i64, i64)> = Vec::new();
    for k in order {
        known.extend(
            all[k]
                .stretches
                .iter()
                .filter_map(|s| Some((s.step, s.phase?))),
        );
    }
    for one in &mut all {
        one.settle(|step| known.iter().find(|k| k.0 == step).map(|k| k.1));
    }
    all
}

fn read(root: &Level, k: usize, grid: Grid) -> Vec<f32> {
    let (child, metric, _) = SERIES[k];
    let level = if child.is_empty() {
        Some(root)
    } else {
        root.child(child)
    };
    let mut chains = Vec::new();
    // A host without the series itself would answer with what is below it.
    if let Some(level) = level {
        level.chains(metric, &mut chains);
    }
    chains
        .first()
        .map_or_else(|| vec![f32::NAN; grid.n], |s| s.read(grid))
}

/// The folders laid over each other; no window is so small that a host would be kept whole.
fn layered(roots: &[PathBuf]) -> Box<dyn Source> {
    let layer = |root: &PathBuf| -> Box<dyn Source> {
        let frequencies = [("a".to_owned(), 60), ("b".to_owned(), 30)].into();
        let clock = Clock::starting_at(9000);
        let checkpoints = Checkpoints::new(root.clone(), frequencies, clock);
        Box::new(checkpoints.keeping_whole_up_to(0))
    };
    Box::new(Layered::new(roots.iter().map(layer).collect()))
}

/// What is asked for a window is that part of `all`, and says the same of the rest.
fn check_window(source: &dyn Source, all: &Evidence, r: &mut Random) {
    let from = 500 + r.signed(3000);
    let window = Interval {
        from,
        to: from + r.signed(1500),
    };
    let request = Request {
        cluster: "c",
        subcluster: "",
        host: "h",
        metrics: &[],
        window,
    };
    let part = source.ask(&request, &Stop::new()).unwrap();
    assert!(part.series.bytes() <= all.series.bytes());
    let (a, b) = (all, &*part);
    assert_eq!(
        (a.newest, &a.phases, a.phase_guessed, a.final_until),
        (b.newest, &b.phases, b.phase_guessed, b.final_until)
    );
    assert_eq!(b.covers.window, Some(window));
    for k in 0..SERIES.len() {
        for step in [30, 45, 60] {
            let grid = Grid::of_job(window.from, window.to - window.from, step);
            let (all, part) = (read(&all.series, k, grid), read(&part.series, k, grid));
            let bits = |v: Vec<f32>| v.into_iter().map(f32::to_bits).collect::<Vec<_>>();
            assert_eq!(bits(part), bits(all), "{window:?}, series {k}, step {step}");
        }
    }
}

/// What is read from one or more folders is what the rule says of them; how many values that were.
fn check_folders(scratch: &Path, of_folders: Vec<Vec<u64>>, of_windows: Vec<u64>) -> usize {
    let root = tempfile::tempdir_in(scratch).unwrap();
    let (mut folders, mut roots) = (Vec::new(), Vec::new());
    for (k, draws) in of_folders.into_iter().enumerate() {
        let mut r = Random::of(draws);
        roots.push(root.path().join(k.to_string()));
        folders.push(Folder::random(&mut r));
        folders[k].write(&roots[k].join("c/h"), &mut r);
    }
    let request = Request {
        cluster: "c",
        subcluster: "",
        host: "h",
        metrics: &[],
        window: Interval::ALL,
    };
    let source = layered(&roots);
    let host = source.ask(&request, &Stop::new()).unwrap();
    assert!(host.damaged.is_empty(), "{:?}", host.damaged);
    let rules: Vec<Vec<Naive>> = folders.iter().map(naive).collect();
    let mut values = 0;
    for k in 0..SERIES.len() {
        // The first series of "a" answers for the host only where it exists somewhere.
        if k == 0 && rules.iter().all(|f| f[0].stretches.is_empty()) {
            continue;
        }
        for (step, start) in [(60, 700), (60, 717), (30, 759), (45, 1001)] {
            let grid = Grid { start, step, n: 80 };
            let times = (0..).map(|i| start + step * i);
            for (t, v) in times.zip(read(&host.series, k, grid)) {
                // The first folder has priority.
                let want = rules.iter().find_map(|f| f[k].at(t));
                values += usize::from(want.is_some());
                let got = (!v.is_nan()).then_some(v);
                assert_eq!(got, want, "series {k} at {t}: {folders:#?}");
            }
        }
    }
    let mut r = Random::of(of_windows);
    for _ in 0..4 {
        check_window(&*source, &host, &mut r);
    }
    values
}

#[test]
fn random_hosts_read_through_their_folders_are_what_the_rule_says() {
    let scratch = tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap();
    let long = std::env::var_os("CCARCHIVE_TEST_LONG").is_some();
    let values = Cell::new(0);
    let inputs = (vec(draws(0..=700), 1..=3), draws(8));
    let cases = if long { 15_000 } else { 1500 };
    check(cases, 7, inputs, |(folders, windows)| {
        values.set(values.get() + check_folders(scratch.path(), folders, windows));
    });
    println!("{} values", values.get());
    assert!(values.get() > 100_000);
}
