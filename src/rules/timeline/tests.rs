use std::collections::HashMap;

use super::grid::LATEST;
use super::*;

const N: f32 = f32::NAN;

fn all() -> Builder {
    Builder::default()
}

fn finish(b: Builder) -> Level {
    b.finish(&[], i64::MAX).series
}

fn snapshot(b: &mut Builder, (from, to): (i64, i64), start: i64, values: &[f32]) {
    let id = b.series(Vec::new(), "m", 60);
    b.snapshot(id, Interval { from, to }, Column::whole(60, start, values));
}

fn log(b: &mut Builder, samples: &[(i64, f32)]) {
    let id = b.series(Vec::new(), "m", 60);
    for &(t, v) in samples {
        b.sample(id, t, v, Interval::ALL);
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
    let mut b = all();
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
    let host = finish(b);
    let want: Vec<_> = (9..15).map(|k| Some(k as f32)).collect();
    assert_eq!(read(&host, 1540, 6), want);
    // A grid that stands 20 s after each sample still asks for that sample's slot.
    assert_eq!(read(&host, 1560, 6), want);
    assert_eq!(read(&host, 940, 2), [None, Some(0.)]);
}

#[test]
fn the_log_that_continues_a_stretch_gives_its_phase() {
    // The grid of the snapshot (from = start) says nothing; samples were at 1010 + 60k.
    let mut b = all();
    snapshot(&mut b, (1000, 1180), 1000, &[0., 1., 2.]);
    log(&mut b, &[(1190, 3.), (1250, 4.)]);
    let host = finish(b);
    // Slots begin at 980 + 60k.
    assert_eq!(
        read(&host, 980, 5),
        [Some(0.), Some(1.), Some(2.), Some(3.), Some(4.)]
    );
    assert_eq!(read(&host, 979, 2), [None, Some(0.)]);
}

#[test]
fn a_gap_begins_a_stretch_that_inherits_the_phase_before_it() {
    let mut b = all();
    snapshot(&mut b, (900, 1300), 1000, &[0., N, N, N, 4.]);
    snapshot(&mut b, (1300, 1600), 1300, &[N, N, N, N, 9.]);
    let host = finish(b);
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
    let mut b = all();
    snapshot(&mut b, (1000, 1180), 1000, &[0., 1., 2.]);
    let other = b.series(vec!["socket0".into()], "x", 60);
    b.sample(other, 2045, 1., Interval::ALL);
    let host = finish(b);
    // 2045 − 30 = 2015, 35 modulo 60: slots begin at 995.
    assert_eq!(read(&host, 995, 1), [Some(0.)]);
    assert_eq!(read(&host, 994, 1), [None]);
}

#[test]
fn a_snapshot_after_a_restart_does_not_repeat_what_was_loaded() {
    let mut b = all();
    snapshot(&mut b, (940, 1300), 1000, &[0., 1., 2., 3., 4.]);
    // Written 40 s after the stop; its first two values come from the loaded file, on the loaded grid.
    snapshot(&mut b, (1340, 1600), 1180, &[30., 40., 5., 6.]);
    let host = finish(b);
    assert_eq!(
        read(&host, 1180, 5),
        [Some(3.), Some(4.), Some(5.), Some(6.), None]
    );
}

#[test]
fn later_samples_replace_earlier_ones_of_a_slot_and_of_an_earlier_stretch() {
    let mut b = all();
    log(&mut b, &[(1000, 1.), (1010, 2.), (1060, 3.), (1000, 4.)]);
    assert_eq!(read(&finish(b), 1000, 2), [Some(4.), Some(3.)]);
}

#[test]
fn one_absurd_time_costs_neither_memory_nor_the_other_samples() {
    let mut b = all();
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
    let host = finish(b);
    assert!(host.bytes() < 2000, "{} bytes", host.bytes());
    assert_eq!(read(&host, 1000, 3), [Some(1.), Some(2.), Some(5.)]);
}

#[test]
fn a_stretch_keeps_the_frequency_of_its_file() {
    let mut b = all();
    let id = b.series(Vec::new(), "m", 60);
    b.snapshot(
        id,
        Interval { from: 0, to: 600 },
        Column::whole(30, 15, &[1., 2., 3., 4.]),
    );
    b.snapshot(
        id,
        Interval { from: 600, to: 900 },
        Column::whole(60, 630, &[7., 8.]),
    );
    // Slots of 30 s begin at 0; the job's grid of 60 s takes every second one.
    assert_eq!(read(&finish(b), 0, 2), [Some(1.), Some(3.)]);
}

#[test]
fn a_level_without_the_metric_answers_with_what_is_below_numbers_by_value() {
    let mut b = all();
    for (name, v) in [("socket10", 10.), ("socket2", 2.), ("core1", 1.)] {
        let id = b.series(vec![name.into()], "m", 60);
        b.sample(id, 1000, v, Interval::ALL);
        let deeper = b.series(vec![name.into(), "x".into()], "m", 60);
        b.sample(deeper, 1000, 99., Interval::ALL);
    }
    let host = finish(b);
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

/// A small generator, so that the samples are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, n: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 1) as i64 % n
    }
}

#[test]
fn the_newest_sample_is_that_of_any_level_and_told_by_where_its_slot_begins() {
    let mut b = all();
    snapshot(&mut b, (940, 1200), 1000, &[0., 1., N]);
    let deep = b.series(vec!["socket0".into(), "core1".into()], "x", 60);
    b.sample(deep, 1130, 1., Interval::ALL);
    // Slots of the child begin at 1130 − 30.
    assert_eq!(b.finish(&[], i64::MAX).newest, Some(1100));
    let mut b = all();
    snapshot(&mut b, (940, 1200), 1000, &[0., 1., N]);
    assert_eq!(b.finish(&[], i64::MAX).newest, Some(1030));
    let mut b = all();
    log(&mut b, &[(1000, 1.), (9000, 2.), (1060, 3.)]);
    let timeline = b.finish(&[], 5000);
    // What is later than the latest time that is believed is not the newest.
    assert_eq!(timeline.newest, Some(970));
    assert_eq!(all().finish(&[], 0).newest, None);
}

#[test]
fn the_last_sample_of_a_time_begins_before_it_ends() {
    let mut b = all();
    log(&mut b, &[(1000, 1.), (1060, 2.), (1120, 3.)]);
    let host = finish(b);
    // Slots begin at 970, 1030 and 1090.
    assert_eq!(host.last_sample(970, 1090), Some(1090));
    assert_eq!(host.last_sample(970, 1091), Some(1150));
    assert_eq!(host.last_sample(971, 1030), None);
}

#[test]
fn phases_are_told_remembered_or_guessed_in_this_order() {
    let unknown = |b: &mut Builder| snapshot(b, (1000, 1180), 1000, &[0., 1., 2.]);
    let phase = |frequency, phase| Phase { frequency, phase };
    let mut b = all();
    unknown(&mut b);
    let guessed = b.finish(&[phase(30, 1)], i64::MAX);
    assert!(guessed.phase_guessed && guessed.phases.is_empty());
    assert_eq!(read(&guessed.series, 970, 1), [Some(0.)]);
    let mut b = all();
    unknown(&mut b);
    let remembered = b.finish(&[phase(60, 59)], i64::MAX);
    assert!(!remembered.phase_guessed && remembered.phases.is_empty());
    assert_eq!(read(&remembered.series, 1018, 1), [Some(0.)]);
    assert_eq!(read(&remembered.series, 1019, 1), [Some(1.)]);
    let mut b = all();
    unknown(&mut b);
    let other = b.series(vec!["socket0".into()], "x", 60);
    b.sample(other, 2045, 1., Interval::ALL);
    b.sample(other, 4050, 1., Interval::ALL);
    let told = b.finish(&[phase(60, 59)], i64::MAX);
    // The newest stretch tells what is worth remembering; the first one of the host serves its other series.
    assert_eq!(told.phases, [phase(60, 4020 % 60)]);
    assert!(!told.phase_guessed);
    assert_eq!(read(&told.series, 994, 2), [None, Some(0.)]);
}

#[test]
fn samples_of_a_log_that_come_late_keep_their_places() {
    let mut r = Random(3);
    for _ in 0..300 {
        let mut t = 5000;
        let samples: Vec<(i64, f32)> = (0..=r.below(60))
            .map(|_| {
                // Back as far as it likes, and on without a gap: all of it is one stretch.
                t += r.below(2000).min(120) - r.below(2) * r.below(2000);
                (t, r.below(1000) as f32)
            })
            .collect();
        let mut b = all();
        log(&mut b, &samples);
        let mut newest = HashMap::new();
        for (t, v) in &samples {
            newest.insert((t - samples[0].0 + 30).div_euclid(60), *v);
        }
        let host = finish(b);
        for (slot, v) in newest {
            let got = read(&host, samples[0].0 - 30 + slot * 60, 1);
            assert_eq!(got, [Some(v)], "{samples:?}");
        }
    }
}
