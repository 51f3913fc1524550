//! The judge's own reader against cc-backend's memory: what it recovers from the files of a carried site are
//! the values that cc-backend archived, but for the few that the README of the golden sites explains.

use super::Site;
use super::case::Case;
use super::document;
use super::json;
use super::number::{Cell, fixed};
use crate::support::golden;
use std::path::Path;

#[derive(Debug, Default, PartialEq, Eq)]
struct Count {
    series: usize,
    values: usize,
    /// Values that are not the store's.
    differ: usize,
}

/// From the first value to the last, since cc-backend does not say at which time a late series begins.
fn trimmed(cells: &[Cell]) -> &[Cell] {
    let first = cells.iter().position(Option::is_some).unwrap_or(0);
    let end = cells.iter().rposition(Option::is_some).map_or(0, |i| i + 1);
    cells.get(first..end).unwrap_or_default()
}

fn count_job(case: &Case<'_>, count: &mut Count) -> anyhow::Result<()> {
    let document = json::parse(&document::data_bytes(&case.expected)?)?;
    for (metric, scopes) in document::data(&document)? {
        let native = case.native(&metric)?;
        for series in scopes.get(native).iter().flat_map(|entry| &entry.series) {
            let id = series.id.as_deref().unwrap_or("");
            let place = format!("{native}{id}");
            let place: &[&str] = if native == "node" { &[] } else { &[&place] };
            let lines = case.lines(&metric, &series.host)?;
            let line = lines.iter().find(|line| line.place == place);
            let values = line.iter().flat_map(|line| &line.values);
            let cells: Vec<Cell> = values.map(|v| v.map(fixed)).collect();
            let (mine, theirs) = (trimmed(&cells), trimmed(&series.data));
            let unequal = mine.iter().zip(theirs).filter(|(a, b)| a != b).count();
            count.series += 1;
            count.values += theirs.len();
            count.differ += unequal + mine.len().abs_diff(theirs.len());
        }
    }
    Ok(())
}

fn recovered(name: &str) -> Count {
    let copy = golden::unpack(name);
    let site = Site::open(&copy.path()).expect("the site");
    let mut count = Count::default();
    for job in site.before.jobs.values() {
        let case = Case::new(&site, job, job, Path::new(""));
        if case.expected.is_dir() {
            count_job(&case, &mut count).expect("the job");
        }
    }
    count
}

#[test]
fn the_store_s_memory_is_recovered_from_its_files() {
    for (name, differ) in [("edges", 9), ("edges-json", 9), ("restart", 332)] {
        let want = Count {
            series: 2036,
            values: 134_386,
            differ,
        };
        assert_eq!(recovered(name), want, "{name}");
    }
}
