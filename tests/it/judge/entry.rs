//! Holds one metric in one scope against cc-backend's: which series, in which order, under which ids.

use super::case::Case;
use super::difference::{Difference, Used};
use super::document::{Data, Entry, Series, SeriesKey};
use super::{spread, values};
use anyhow::{Result, bail, ensure};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug)]
pub(crate) struct Pair<'a> {
    pub(crate) case: &'a Case<'a>,
    pub(crate) loose: bool,
    pub(crate) metric: &'a str,
    pub(crate) scope: &'a str,
    pub(crate) native: &'a str,
    pub(crate) got: &'a Entry,
    pub(crate) want: &'a Entry,
}

/// Series by host and id, in the order in which they were found.
type Matched<'a> = Vec<(SeriesKey, &'a Series)>;

/// Every metric and scope of either document.
pub(crate) fn compare_all(case: &Case<'_>, got: &Data, want: &Data, used: &mut Used) -> Result<()> {
    let metrics: BTreeSet<&String> = got.keys().chain(want.keys()).collect();
    for metric in metrics {
        let (mine, theirs) = (got.get(metric), want.get(metric));
        let both = mine.into_iter().chain(theirs);
        let scopes: BTreeSet<&String> = both.flat_map(BTreeMap::keys).collect();
        for scope in scopes {
            let mine = mine.and_then(|s| s.get(scope));
            let theirs = theirs.and_then(|s| s.get(scope));
            match (mine, theirs) {
                (Some(got), Some(want)) => Pair {
                    case,
                    loose: case.site.is_loose(case.job.id),
                    metric,
                    scope,
                    native: case.native(metric)?,
                    got,
                    want,
                }
                .compare(used)?,
                (None, Some(want)) => missing(case, metric, scope, want, used)?,
                (Some(got), None) => extra(case, metric, scope, got, used)?,
                (None, None) => {}
            }
        }
    }
    ensure_roofline_pairs(got)
}

/// Where both metrics have node scope, they are there for the same hosts, if only as nulls.
fn ensure_roofline_pairs(got: &Data) -> Result<()> {
    let hosts = |metric: &str| {
        let series = &got.get(metric)?.get("node")?.series;
        Some(series.iter().map(|s| s.host.as_str()).collect())
    };
    let flops: Option<BTreeSet<&str>> = hosts("flops_any");
    if let (Some(flops), Some(bandwidth)) = (flops, hosts("mem_bw")) {
        let alone: Vec<_> = flops.symmetric_difference(&bandwidth).collect();
        ensure!(
            alone.is_empty(),
            "flops_any/node and mem_bw/node are no pair for {alone:?}"
        );
    }
    Ok(())
}

/// cc-backend has it and we do not: nothing of it is in any file.
fn missing(
    case: &Case<'_>,
    metric: &str,
    scope: &str,
    want: &Entry,
    used: &mut Used,
) -> Result<()> {
    for series in &want.series {
        ensure!(
            !case.held(metric, &series.host)?,
            "{metric}/{scope} missing"
        );
    }
    used.note(Difference::NoFile);
    Ok(())
}

/// We have it and cc-backend does not: series that begin so late that it had nothing for them.
fn extra(case: &Case<'_>, metric: &str, scope: &str, got: &Entry, used: &mut Used) -> Result<()> {
    for series in &got.series {
        let late = used.is_late(metric, scope, &series.host);
        ensure!(
            late && case.held(metric, &series.host)?,
            "{metric}/{scope} extra"
        );
    }
    used.note(Difference::FirstSlot);
    used.lossy = true;
    Ok(())
}

impl<'a> Pair<'a> {
    pub(crate) fn label(&self) -> String {
        format!("{}/{}", self.metric, self.scope)
    }

    /// cc-backend sums these in random order.
    pub(crate) fn is_shuffled(&self) -> bool {
        matches!(self.native, "core" | "socket" | "memoryDomain") && self.native != self.scope
    }

    pub(crate) fn got_keys(&self) -> BTreeSet<SeriesKey> {
        self.got.series.iter().map(Series::key).collect()
    }

    pub(crate) fn want_keys(&self) -> BTreeSet<SeriesKey> {
        self.want.series.iter().map(Series::key).collect()
    }

    fn compare(&self, used: &mut Used) -> Result<()> {
        let label = self.label();
        let (got, want) = (self.got, self.want);
        ensure!(got.unit == want.unit, "{label} unit {}", got.unit.compact());
        ensure!(
            got.timestep == want.timestep,
            "{label} timestep {} want {}",
            got.timestep,
            want.timestep
        );
        self.ensure_order()?;
        let matched = self.matched(used)?;
        let mut plain = !used.has_fewer(self.metric, self.scope);
        for series in &got.series {
            let key = series.key();
            let Some((_, theirs)) = matched.iter().find(|(k, _)| *k == key) else {
                bail!("{label} series {key:?} extra");
            };
            plain &= values::compare(self, series, theirs, used)?;
        }
        spread::compare(self, plain, used)
    }

    /// Hosts as in the job's resources; threads and accelerators as there too, other ids ascending.
    fn ensure_order(&self) -> Result<()> {
        let label = self.label();
        let keys: Vec<SeriesKey> = self.got.series.iter().map(Series::key).collect();
        ensure!(
            self.got_keys().len() == keys.len(),
            "{label} duplicate series"
        );
        let ranks = keys.iter().map(|key| self.rank(key));
        let ranks: Vec<(usize, usize)> = ranks.collect::<Result<_>>()?;
        ensure!(ranks.is_sorted(), "{label} series order {keys:?}");
        Ok(())
    }

    fn rank(&self, (host, id): &SeriesKey) -> Result<(usize, usize)> {
        let (at, resource) = self.case.resource(host)?;
        let id = id.as_deref().unwrap_or("0");
        let threads = resource.threads.iter().map(ToString::to_string);
        let mut given = threads.chain(resource.accelerators.iter().cloned());
        let listed = matches!(self.scope, "hwthread" | "accelerator")
            .then(|| given.position(|g| g == id))
            .flatten();
        Ok((at, listed.unwrap_or_else(|| id.parse().unwrap_or(0))))
    }

    /// Which of cc-backend's series each of ours is to be held against.
    fn matched(&self, used: &mut Used) -> Result<Matched<'a>> {
        let mut matched = Matched::new();
        for series in &self.want.series {
            insert(&mut matched, series.key(), series, false);
        }
        self.put_ids_right(&mut matched, used);
        if !self
            .want
            .series
            .iter()
            .map(Series::key)
            .eq(self.got.series.iter().map(Series::key))
        {
            used.note(Difference::OrderOfSeries);
        }
        if self.native != "node" && self.scope == "node" {
            matched = self.with_first_ids(&matched, used)?;
        }
        self.accept_late(&mut matched, used)?;
        self.ensure_same_series(&matched, used)?;
        Ok(matched)
    }

    /// Where cc-backend shifted ids, its series are found again by what they hold.
    fn put_ids_right(&self, matched: &mut Matched<'a>, used: &mut Used) {
        let mut by_host: BTreeMap<&str, BTreeMap<&str, &[Option<f64>]>> = BTreeMap::new();
        for read in self.case.site.reads(self.case.job.id) {
            let here = read.metric == self.metric && read.scope == self.scope;
            if let (true, "shifted", Some(id)) = (here, read.error.as_str(), read.ids.first()) {
                let ids = by_host.entry(&read.host).or_default();
                ids.insert(id, &read.data);
            }
        }
        for (host, ids) in by_host {
            used.note(Difference::RightIds);
            matched.retain(|((h, _), _)| h != host);
            for (id, data) in ids {
                let cells: Vec<_> = data.iter().map(|v| v.map(super::number::fixed)).collect();
                let held = |s: &&Series| s.host == host && s.data == cells && s.has_value();
                if let Some(series) = self.want.series.iter().find(held) {
                    let key = (host.to_owned(), Some(id.to_owned()));
                    insert(matched, key, series, true);
                }
            }
        }
    }

    /// An aggregate carries the first id of its list: of the ordered one with us.
    fn with_first_ids(&self, matched: &Matched<'a>, used: &mut Used) -> Result<Matched<'a>> {
        for series in &self.got.series {
            let theirs = matched.iter().find(|((host, _), _)| *host == series.host);
            let want = match theirs {
                Some((_, theirs)) if theirs.id.is_none() => None,
                Some(_) | None => Some(self.case.first_id(self.native, &series.host)?),
            };
            ensure!(
                series.id == want,
                "{} {} id {:?} want {want:?}",
                self.label(),
                series.host,
                series.id
            );
        }
        let mut renamed = Matched::new();
        for ((host, _), series) in matched {
            let id = series.id.as_ref();
            let id = id
                .map(|_| self.case.first_id(self.native, host))
                .transpose()?;
            insert(&mut renamed, (host.clone(), id), series, true);
        }
        if renamed.iter().any(|((_, id), series)| series.id != *id) {
            used.note(Difference::FirstId);
        }
        Ok(renamed)
    }

    /// Series that cc-backend left empty though the slot rule has a value for them.
    fn accept_late(&self, matched: &mut Matched<'a>, used: &mut Used) -> Result<()> {
        for series in &self.got.series {
            let key = series.key();
            let known = matched.iter().any(|(k, _)| *k == key);
            if !known
                && used.is_late(self.metric, self.scope, &key.0)
                && self.case.held(self.metric, &key.0)?
            {
                used.note(Difference::FirstSlot);
                used.lossy = true;
                matched.push((key, series));
            }
        }
        Ok(())
    }

    /// A series may be missing only where no file holds any of it.
    fn ensure_same_series(&self, matched: &Matched<'a>, used: &mut Used) -> Result<()> {
        let got = self.got_keys();
        let want: BTreeSet<SeriesKey> = matched.iter().map(|(key, _)| key.clone()).collect();
        if got == want {
            return Ok(());
        }
        let extra: Vec<_> = got.difference(&want).collect();
        ensure!(extra.is_empty(), "{} series {extra:?} extra", self.label());
        for gone in want.difference(&got) {
            ensure!(
                !self.case.held(self.metric, &gone.0)?,
                "{} series {gone:?} missing",
                self.label()
            );
        }
        used.note(Difference::NoFile);
        Ok(())
    }
}

/// Puts a series under a key; one that is there already stays or gives way in its place.
fn insert<'a>(matched: &mut Matched<'a>, key: SeriesKey, series: &'a Series, replace: bool) {
    match matched.iter_mut().find(|(k, _)| *k == key) {
        Some(there) if replace => there.1 = series,
        Some(_) => {}
        None => matched.push((key, series)),
    }
}
