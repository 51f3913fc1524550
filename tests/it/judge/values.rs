//! Holds one series against cc-backend's, value by value, and its three statistics. A value may differ
//! only where the files cannot tell it; every such excuse is a named difference.

use super::case::Line;
use super::difference::{Difference, Used};
use super::document::Series;
use super::entry::Pair;
use super::number::{
    self, Cell, FROM_ROUNDED, close, close_cells, count, maximum, minimum, sum, value,
};
use super::site::Read;
use anyhow::{Context, Result, bail, ensure};
use std::collections::HashMap;

struct Comparison<'a> {
    pair: &'a Pair<'a>,
    got: &'a [Cell],
    /// cc-backend's values, padded to the job's grid.
    want: Vec<Cell>,
    label: String,
}

/// True when the series is cc-backend's to the last value and has no gap.
pub(crate) fn compare(
    pair: &Pair<'_>,
    got: &Series,
    want: &Series,
    used: &mut Used,
) -> Result<bool> {
    let label = match &got.id {
        Some(id) => format!("{} {} {id}", pair.label(), got.host),
        None => format!("{} {}", pair.label(), got.host),
    };
    let points = pair.case.points(pair.metric)?;
    ensure!(
        got.data.len() == points,
        "{label}: {} points, want {points}",
        got.data.len()
    );
    let mut plain = got.data.iter().all(Option::is_some);
    let end = offset(pair, got)? + want.data.len();
    let mut padded = vec![None; end - want.data.len()];
    padded.extend_from_slice(&want.data);
    if end != points {
        used.note(Difference::Padded);
        plain = false;
        padded.resize(points, None);
    }
    let comparison = Comparison {
        pair,
        got: &got.data,
        want: padded,
        label,
    };
    let bad = comparison.unequal(end, used);
    if !bad.is_empty() {
        plain = false;
        comparison.excuse(got, &bad, used)?;
    }
    plain &= comparison.statistics(got, want, used)?;
    Ok(plain)
}

/// How many grid times of the job lie before cc-backend's first value, which it does not say.
fn offset(pair: &Pair<'_>, got: &Series) -> Result<usize> {
    let job = pair.case.job;
    let step = pair.case.step(pair.metric)?;
    let here = |r: &&Read| {
        r.error != "shifted"
            && r.metric == pair.metric
            && r.scope == pair.scope
            && r.host == got.host
    };
    // Of equal queries the last one counts.
    let reads: Vec<&Read> = pair.case.site.reads(job.id).iter().filter(here).collect();
    let by_id = |id: Option<&String>| reads.iter().rev().find(|r| r.ids.first() == id);
    let first = reads.first().map(|r| r.ids.first());
    let read = by_id(got.id.as_ref())
        .or_else(|| by_id(None))
        .or_else(|| first.and_then(by_id));
    let begin = match read {
        Some(read) if read.error.is_empty() && read.from > job.start => read.from,
        Some(_) | None => return Ok(0),
    };
    let late = begin - step / 2 - job.start;
    Ok(usize::try_from(-(-late).div_euclid(step)).unwrap_or(0))
}

impl Comparison<'_> {
    /// Where the values differ by more than the order of a sum, `end` being where cc-backend's end.
    fn unequal(&self, end: usize, used: &mut Used) -> Vec<usize> {
        let all = 0..self.got.len();
        let mut bad: Vec<usize> = all.filter(|i| self.got[*i] != self.want[*i]).collect();
        let last_digit = |i: &usize| {
            let (got, want) = (&self.got[*i], &self.want[*i]);
            got.is_some() && want.is_some() && close_cells(got, want)
        };
        if !bad.is_empty() && self.pair.is_shuffled() && bad.iter().all(last_digit) {
            used.note(Difference::LastDigit);
            bad.clear();
        }
        // The grid reaches one sample further than the late series did.
        bad.retain(|i| *i != end || self.got[*i].is_none());
        bad
    }

    fn excuse(&self, series: &Series, bad: &[usize], used: &mut Used) -> Result<()> {
        let lines = self.pair.case.lines(self.pair.metric, &series.host)?;
        let holes = self.holes(series, &lines)?;
        let explained = |i: &usize| self.got[*i].is_none() && holes[*i];
        let open: Vec<usize> = bad.iter().copied().filter(|i| !explained(i)).collect();
        let Some(first) = open.first() else {
            used.note(Difference::NoFile);
            return Ok(());
        };
        if lines.iter().any(|line| line.guessed) {
            self.guessed(&open, &holes)?;
        } else if self.pair.loose {
            self.jitter()?;
        } else {
            bail!(
                "{}: {} values, first at {first}: {:?} want {:?}",
                self.label,
                open.len(),
                self.got[*first],
                self.want[*first]
            );
        }
        used.note(Difference::NoPhase);
        Ok(())
    }

    /// Where one of the series that make up this one has no value in any file.
    fn holes(&self, series: &Series, lines: &[Line]) -> Result<Vec<bool>> {
        let points = self.got.len();
        let mut own: Vec<&Line> = lines.iter().collect();
        if self.pair.native == self.pair.scope {
            let id = series.id.as_deref().unwrap_or("");
            let name = format!("{}{id}", self.pair.scope);
            let place: &[&str] = if self.pair.scope == "node" {
                &[]
            } else {
                &[&name]
            };
            own.retain(|line| line.place == place);
            if own.is_empty() {
                return Ok(vec![true; points]);
            }
        }
        for line in &own {
            ensure!(
                line.values.len() >= points,
                "{}: a file holds another timestep",
                self.label
            );
        }
        let hole = |i: usize| own.iter().any(|line| line.values[i].is_none());
        Ok((0..points).map(hole).collect())
    }

    /// Guessed phase: each value is the right one or its neighbour's; what lies beyond the ends is not on
    /// record.
    fn guessed(&self, open: &[usize], holes: &[bool]) -> Result<()> {
        let points = self.got.len();
        let near = |i: usize| {
            i == 0
                || i + 1 >= points
                || self.want[i - 1..=i + 1]
                    .iter()
                    .any(|w| w.is_some() && close_cells(&self.got[i], w))
        };
        for i in open {
            ensure!(
                self.got[*i].is_none() || near(*i),
                "{}: guessed phase, value {i} {:?} is no neighbour's",
                self.label,
                self.got[*i]
            );
        }
        let nulls = |cells: &[Cell]| cells.iter().filter(|c| c.is_none()).count();
        let holes = holes.iter().filter(|hole| **hole).count();
        ensure!(
            nulls(self.got) <= nulls(&self.want) + holes + 1,
            "{}: too many nulls",
            self.label
        );
        Ok(())
    }

    /// Samples that fall either side of a slot's border: nearly all values are there, whatever their
    /// slot. Every part of a sum jitters by itself, so only its level is held.
    fn jitter(&self) -> Result<()> {
        let got: Vec<&String> = self.got.iter().flatten().collect();
        let want: Vec<&String> = self.want.iter().flatten().collect();
        let (have, need) = (count(got.len()), count(want.len()));
        let level = |cells: &[Cell]| {
            let values: Vec<f64> = cells.iter().filter_map(value).collect();
            sum(values.iter().copied()) / count(values.len())
        };
        let fits = if self.pair.native == self.pair.scope {
            have >= 0.97 * need && count(absent(&want, &got)) <= 0.05 * need + 3.0
        } else {
            let (a, b) = (level(self.got), level(&self.want));
            (have - need).abs() <= 0.05 * need + 3.0
                && (a - b).abs() <= 0.02 * a.abs().max(b.abs()) + 0.5
        };
        ensure!(fits, "{}: jitter, {have} of {need} values", self.label);
        Ok(())
    }

    /// Equal values give equal statistics; other values must agree with their own.
    fn statistics(&self, got: &Series, want: &Series, used: &mut Used) -> Result<bool> {
        if got.data.iter().flatten().eq(want.data.iter().flatten()) {
            for ((name, mine), (_, theirs)) in got
                .statistics
                .each()
                .into_iter()
                .zip(want.statistics.each())
            {
                if mine == theirs {
                    continue;
                }
                let near = close_cells(&Some(mine.to_owned()), &Some(theirs.to_owned()));
                ensure!(
                    self.pair.is_shuffled() && near,
                    "{} {name} {mine} want {theirs}",
                    self.label
                );
                used.note(Difference::LastDigit);
            }
            return Ok(true);
        }
        let values: Vec<f64> = got.data.iter().filter_map(value).collect();
        let avg = sum(values.iter().copied()) / count(values.len());
        let right = match (minimum(&values), maximum(&values)) {
            (Some(min), Some(max)) => [avg, min, max],
            (_, _) => [0.0; 3],
        };
        for ((name, mine), right) in got.statistics.each().into_iter().zip(right) {
            let mine: f64 = mine.parse().context("statistics")?;
            ensure!(
                close(Some(mine), Some(right), FROM_ROUNDED),
                "{} {name} {mine} want about {}",
                self.label,
                number::fixed(right)
            );
        }
        Ok(false)
    }
}

/// How many of `want` find no partner in `got`.
fn absent(want: &[&String], got: &[&String]) -> usize {
    let mut there: HashMap<&String, usize> = HashMap::new();
    for value in got {
        *there.entry(value).or_default() += 1;
    }
    let unpaired = |value: &&&String| match there.get_mut(**value) {
        Some(n) if *n > 0 => {
            *n -= 1;
            false
        }
        Some(_) | None => true,
    };
    want.iter().filter(unpaired).count()
}
