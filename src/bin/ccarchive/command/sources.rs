//! The sources of a site that are folders, as a sweep and the commands that only read put them together.
//!
//! Parquet files are the oldest part of what checkpoints hold, so they go before the last folder of checkpoints and no
//! layer of their own lies over it. Where no folder of checkpoints is named they stand alone.

use std::collections::HashMap;
use std::sync::Arc;

use ccarchive::model::clock::Clock;
use ccarchive::model::memory::Memory;
use ccarchive::site::{Site, folder_name};
use ccarchive::source::Source;
use ccarchive::source::checkpoint::{Checkpoints, Remembered};
use ccarchive::source::older::Older;

/// A folder by the name that messages and the ledger give it, and what reads it.
pub(super) type Named = (String, Box<dyn Source>);

/// The folders of a site, the first with priority. `frequencies`: seconds of every metric that the store keeps. `memory`: what
/// hosts may take while they are read, and where it is noted what is remembered of files.
pub(super) fn folders(
    site: &Site,
    frequencies: &HashMap<String, i64>,
    memory: &Arc<Memory>,
    clock: Clock,
    remembered: impl Fn() -> Remembered,
) -> Vec<Named> {
    let mut out: Vec<Named> = Vec::new();
    let mut older = older(site, memory, clock);
    let parquet = site.parquet.iter();
    let parquet = parquet.map(|p| format!("parquet:{}", folder_name(&p.value)));
    let older_name = parquet.collect::<Vec<_>>().join(" ");
    for (k, folder) in site.checkpoints.iter().enumerate() {
        let root = folder.value.clone();
        let checkpoints = Checkpoints::new(root, frequencies.clone(), clock);
        let mut checkpoints = checkpoints
            .within(memory.for_reading())
            .remembering(remembered());
        let mut name = folder_name(&folder.value);
        if k + 1 == site.checkpoints.len()
            && let Some(older) = older.take()
        {
            name = format!("{name} {older_name}");
            checkpoints = checkpoints.after(older);
        }
        out.push((name, Box::new(checkpoints)));
    }
    if let Some(older) = older {
        out.push((older_name, older));
    }
    out
}

/// What an operator should know of the Parquet folders before a sweep, a sentence each.
#[cfg(feature = "parquet")]
pub(super) fn oddities(site: &Site, clock: Clock) -> Vec<String> {
    parquet(site, clock).map_or_else(Vec::new, |p| p.oddities())
}

#[cfg(not(feature = "parquet"))]
pub(super) const fn oddities(_: &Site, _: Clock) -> Vec<String> {
    Vec::new()
}

/// All Parquet folders as one source.
#[cfg(feature = "parquet")]
fn parquet(site: &Site, clock: Clock) -> Option<ccarchive::source::parquet::Parquet> {
    let roots: Vec<_> = site.parquet.iter().map(|p| p.value.clone()).collect();
    let source = |roots| ccarchive::source::parquet::Parquet::new(roots, clock);
    (!roots.is_empty()).then(|| source(roots))
}

#[cfg(feature = "parquet")]
fn older(site: &Site, memory: &Arc<Memory>, clock: Clock) -> Option<Box<dyn Older>> {
    let source = parquet(site, clock)?;
    Some(Box::new(source.noting_in(Arc::clone(memory))))
}

#[cfg(not(feature = "parquet"))]
const fn older(_: &Site, _: &Arc<Memory>, _: Clock) -> Option<Box<dyn Older>> {
    None
}
