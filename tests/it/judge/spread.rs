//! Holds the statistics series of one metric and scope against cc-backend's, or, where series have gaps
//! or differ, against the series they summarise.

use super::difference::{Difference, Used};
use super::document::Spread;
use super::entry::Pair;
use super::number::{FROM_ROUNDED, close, close_cells, fixed, value};
use anyhow::{Result, ensure};

/// From this many series on there are statistics series.
const ENOUGH: usize = 8;

/// `plain`: every series is cc-backend's and has no gap.
pub(crate) fn compare(pair: &Pair<'_>, plain: bool, used: &mut Used) -> Result<()> {
    let label = format!("{} statisticsSeries", pair.label());
    let series = &pair.got.series;
    let enough = series.iter().filter(|s| s.has_value()).count() >= ENOUGH;
    ensure!(
        pair.got.spread.is_some() == enough,
        "{label} {}",
        if enough { "missing" } else { "extra" }
    );
    let Some(got) = &pair.got.spread else {
        return Ok(());
    };
    let theirs = pair.want.spread.as_ref();
    let Some(want) = theirs.filter(|_| plain && pair.got_keys() == pair.want_keys()) else {
        used.note(Difference::OverGaps);
        return follows_from_series(pair, &label);
    };
    if got == want {
        return Ok(());
    }
    for ((name, mine), (_, theirs)) in got.each().into_iter().zip(want.each()) {
        let close =
            mine.len() == theirs.len() && mine.iter().zip(theirs).all(|(a, b)| close_cells(a, b));
        ensure!(
            mine == theirs || (pair.is_shuffled() && close),
            "{label} {name}"
        );
    }
    used.note(Difference::LastDigit);
    Ok(())
}

/// Minimum, median and maximum of the values that exist, from three on.
fn follows_from_series(pair: &Pair<'_>, label: &str) -> Result<()> {
    let series = &pair.got.series;
    for (name, mine) in pair.got.spread.iter().flat_map(Spread::each) {
        for (i, cell) in mine.iter().enumerate() {
            let mut values: Vec<f64> = series.iter().filter_map(|s| value(&s.data[i])).collect();
            values.sort_by(f64::total_cmp);
            let half = values.len() / 2;
            let right = match (values.as_slice(), name) {
                ([] | [_] | [_, _], _) => None,
                ([first, ..], "min") => Some(*first),
                ([.., last], "max") => Some(*last),
                (all, _) if all.len() % 2 == 1 => Some(all[half]),
                (all, _) => Some(f64::midpoint(all[half - 1], all[half])),
            };
            ensure!(
                close(value(cell), right, FROM_ROUNDED),
                "{label} {name}[{i}] {cell:?} want {:?}",
                right.map(fixed)
            );
        }
    }
    Ok(())
}
