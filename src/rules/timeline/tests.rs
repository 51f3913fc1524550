use super::*;

const N: f32 = f32::NAN;

fn snapshot(b: &mut Builder, (from, to): (i64, i64), start: i64, values: &[f32]) {
    let id = b.series(Vec::new(), "m", 60);
    b.snapshot(
        id,
        Interval { from, to },
        Column {
            step: 60,
            start,
            values: values.to_vec(),
        },
    );
}

fn log(b: &mut Builder, samples: &[(i64, f32)]) {
    let id = b.series(Vec::new(), "m", 60);
    for &(t, v) in samples {
        b.sample(id, t, v);
    }
}

fn read(level: &Level, start: i64, n: usize) -> Vec<Option<f32>> {
    let mut chains = Vec::new();
    level.chains("m", &mut chains);
    chains[0]
        .read(Grid { start, step: 60, n })
        .into_iter()
        .map(|v| (!v.is_nan()).then_some(v))
        .collect()
}

#[test]
fn a_first_sample_gives_the_phase_and_file_borders_are_invisible() {
    // Samples at 1000 + 60k; the second snapshot stands on its own grid, 1615 + 60i.
    let mut b = Builder::default();
    snapshot(
        &mut b,
        (940, 1615),
        1000,
        &[0., 1., 2., 3., 4., 5., 6., 7., 8., 9., 10.],
    );
    snapshot(
        &mut b,
        (1615, 2190),
        1615,
        &[10., 11., 12., 13., 14., 15., 16., 17., 18., 19.],
    );
    let host = b.finish();
    let want: Vec<_> = (9..15).map(|k| Some(k as f32)).collect();
    assert_eq!(read(&host, 1540, 6), want);
    // A grid that stands 20 s after each sample still asks for that sample's slot.
    assert_eq!(read(&host, 1560, 6), want);
    assert_eq!(read(&host, 940, 2), [None, Some(0.)]);
}

#[test]
fn the_log_that_continues_a_stretch_gives_its_phase() {
    // The grid of the snapshot (from = start) says nothing; samples were at 1010 + 60k.
    let mut b = Builder::default();
    snapshot(&mut b, (1000, 1180), 1000, &[0., 1., 2.]);
    log(&mut b, &[(1190, 3.), (1250, 4.)]);
    let host = b.finish();
    // Slots begin at 980 + 60k.
    assert_eq!(
        read(&host, 980, 5),
        [Some(0.), Some(1.), Some(2.), Some(3.), Some(4.)]
    );
    assert_eq!(read(&host, 979, 2), [None, Some(0.)]);
}

#[test]
fn a_gap_begins_a_stretch_that_inherits_the_phase_before_it() {
    let mut b = Builder::default();
    snapshot(&mut b, (900, 1300), 1000, &[0., N, N, N, 4.]);
    snapshot(&mut b, (1300, 1600), 1300, &[N, N, N, N, 9.]);
    let host = b.finish();
    assert_eq!(
        read(&host, 970, 11),
        [
            Some(0.),
            None,
            None,
            None,
            Some(4.),
            None,
            None,
            None,
            None,
            Some(9.),
            None
        ]
    );
}

#[test]
fn another_series_of_the_host_gives_the_phase_that_nothing_else_tells() {
    let mut b = Builder::default();
    snapshot(&mut b, (1000, 1180), 1000, &[0., 1., 2.]);
    let other = b.series(vec!["socket0".into()], "x", 60);
    b.sample(other, 2045, 1.);
    let host = b.finish();
    // 2045 − 30 = 2015, 35 modulo 60: slots begin at 995.
    assert_eq!(read(&host, 995, 1), [Some(0.)]);
    assert_eq!(read(&host, 994, 1), [None]);
}

#[test]
fn a_snapshot_after_a_restart_does_not_repeat_what_was_loaded() {
    let mut b = Builder::default();
    snapshot(&mut b, (940, 1300), 1000, &[0., 1., 2., 3., 4.]);
    // Written 40 s after the stop; its first two values come from the loaded file, on the loaded grid.
    snapshot(&mut b, (1340, 1600), 1180, &[30., 40., 5., 6.]);
    let host = b.finish();
    assert_eq!(
        read(&host, 1180, 5),
        [Some(3.), Some(4.), Some(5.), Some(6.), None]
    );
}

#[test]
fn later_samples_replace_earlier_ones_of_a_slot_and_of_an_earlier_stretch() {
    let mut b = Builder::default();
    log(&mut b, &[(1000, 1.), (1010, 2.), (1060, 3.), (1000, 4.)]);
    assert_eq!(read(&b.finish(), 1000, 2), [Some(4.), Some(3.)]);
}

#[test]
fn one_absurd_time_costs_neither_memory_nor_the_other_samples() {
    let mut b = Builder::default();
    log(
        &mut b,
        &[
            (1000, 1.),
            (LATEST - 1, 9.),
            (1060, 2.),
            (i64::MAX, 3.),
            (i64::MIN, 3.),
            (1120, 5.),
        ],
    );
    let host = b.finish();
    assert!(host.bytes() < 2000, "{} bytes", host.bytes());
    assert_eq!(read(&host, 1000, 3), [Some(1.), Some(2.), Some(5.)]);
}

#[test]
fn a_stretch_keeps_the_frequency_of_its_file() {
    let mut b = Builder::default();
    let id = b.series(Vec::new(), "m", 60);
    b.snapshot(
        id,
        Interval { from: 0, to: 600 },
        Column {
            step: 30,
            start: 15,
            values: vec![1., 2., 3., 4.],
        },
    );
    b.snapshot(
        id,
        Interval { from: 600, to: 900 },
        Column {
            step: 60,
            start: 630,
            values: vec![7., 8.],
        },
    );
    // Slots of 30 s begin at 0; the job's grid of 60 s takes every second one.
    assert_eq!(read(&b.finish(), 0, 2), [Some(1.), Some(3.)]);
}

#[test]
fn a_level_without_the_metric_answers_with_what_is_below_numbers_by_value() {
    let mut b = Builder::default();
    for (name, v) in [("socket10", 10.), ("socket2", 2.), ("core1", 1.)] {
        let id = b.series(vec![name.into()], "m", 60);
        b.sample(id, 1000, v);
        let deeper = b.series(vec![name.into(), "x".into()], "m", 60);
        b.sample(deeper, 1000, 99.);
    }
    let host = b.finish();
    let mut chains = Vec::new();
    host.chains("m", &mut chains);
    let first: Vec<f32> = chains
        .iter()
        .map(|c| {
            c.read(Grid {
                start: 1000,
                step: 60,
                n: 1,
            })[0]
        })
        .collect();
    assert_eq!(first, [1., 2., 10.]);
}

/// Interval, start and values.
type Snapshot = ((i64, i64), i64, Vec<f32>);

/// The rule in its shortest form, sample by sample, as the golden sites' description has it.
fn naive(files: &[Snapshot], wal: &[(i64, f32)], t: i64) -> Option<f32> {
    struct Stretch {
        phase: Option<i64>,
        samples: Vec<(i64, f32)>,
    }
    let mut stretches: Vec<Stretch> = Vec::new();
    let mut add = |t: i64, v: f32, phase: Option<i64>| {
        if stretches
            .last()
            .is_none_or(|s| t - s.samples[s.samples.len() - 1].0 > 120)
        {
            stretches.push(Stretch {
                phase: None,
                samples: Vec::new(),
            });
        }
        let k = stretches.len() - 1;
        stretches[k].phase = stretches[k].phase.or(phase);
        stretches[k].samples.push((t, v));
    };
    let mut before: Option<(i64, i64, i64)> = None;
    for ((from, to), start, values) in files {
        let (s0, n0) = before
            .filter(|b| b.2 != *from)
            .map_or((0, i64::MIN), |b| (b.0, b.1));
        before = Some((*start, values.len() as i64, *to));
        for (i, v) in values.iter().enumerate() {
            let t = start + 60 * i as i64;
            if !v.is_nan() && (t - s0).div_euclid(60) >= n0 {
                add(t, *v, (start != from).then(|| (start - 30).rem_euclid(60)));
            }
        }
    }
    for &(t, v) in wal {
        add(t, v, Some((t - 30).rem_euclid(60)));
    }
    let known = stretches.iter().find_map(|s| s.phase);
    let (mut out, mut last) = (None, None);
    for k in 0..stretches.len() {
        let after = stretches[k..].iter().find_map(|s| s.phase).or(known);
        let p = stretches[k]
            .phase
            .or(last)
            .or(after)
            .unwrap_or((stretches[k].samples[0].0 - 30).rem_euclid(60));
        last = Some(p);
        for &(at, v) in &stretches[k].samples {
            if (at - p).div_euclid(60) == (t - p).div_euclid(60) {
                out = Some(v);
            }
        }
        // A later stretch wins, an earlier one of the same slot does not come back.
    }
    out
}

/// A small generator, so that the files are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, n: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 1) as i64 % n
    }

    /// Files of random intervals, grids and holes, and a log that goes on after them.
    fn files(&mut self) -> (Vec<Snapshot>, Vec<(i64, f32)>) {
        let (mut files, mut t) = (Vec::new(), 1000 + self.below(200));
        for _ in 0..self.below(4) {
            let from = t + if self.below(3) == 0 {
                self.below(300)
            } else {
                0
            };
            let start = if self.below(2) == 0 {
                from
            } else {
                from + self.below(500) - 200
            };
            let values: Vec<f32> = (0..self.below(14))
                .map(|_| {
                    if self.below(4) == 0 {
                        N
                    } else {
                        self.below(1000) as f32
                    }
                })
                .collect();
            t = from + 60 * values.len() as i64 + self.below(90);
            files.push(((from, t), start, values));
        }
        let mut log = Vec::new();
        for _ in 0..self.below(12) {
            t += self.below(150) - 20;
            log.push((t, self.below(1000) as f32));
        }
        (files, log)
    }
}

#[test]
fn layers_answer_as_the_naive_rule_does_for_random_files() {
    let mut random = Random(1);
    for round in 0..400 {
        let (files, wal) = random.files();
        let mut b = Builder::default();
        for (span, start, values) in &files {
            snapshot(&mut b, *span, *start, values);
        }
        log(&mut b, &wal);
        let level = b.finish();
        let mut chains = Vec::new();
        level.chains("m", &mut chains);
        let Some(series) = chains.first() else {
            continue;
        };
        for offset in [0, 17, 59] {
            let grid = Grid {
                start: 700 + offset,
                step: 60,
                n: 80,
            };
            for (k, v) in series.read(grid).into_iter().enumerate() {
                let want = naive(&files, &wal, grid.start + 60 * k as i64);
                assert_eq!(
                    (!v.is_nan()).then_some(v),
                    want,
                    "round {round}, value {k}: {files:?} {wal:?}"
                );
            }
        }
    }
}
