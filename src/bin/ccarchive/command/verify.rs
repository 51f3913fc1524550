//! `ccarchive verify`: database, archive and contents compared, and repaired where that is wanted.

use std::collections::{BTreeSet, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::time::Duration;

use ccarchive::inspect::Ports;
use ccarchive::inspect::verify::{
    self, Fault, Finding, Listener, Progress, Severity, Verified, Wanted,
};
use ccarchive::model::job::JobKey;
use ccarchive::repair::{Plan, Step};
use ccarchive::sweep::Exit;
use jiff::Zoned;

use super::inspected::{Ages, Inspected};
use super::{Stopped, mend};
use crate::cli::inspect::VerifyArgs;
use crate::report::inspect::verify::{Console, Repaired};
use crate::signals;

/// What jobs that are archived again get after the first signal, as in a sweep.
const GRACE: Duration = Duration::from_secs(30);

/// Compares, and repairs if that is asked for.
pub(crate) fn verify(args: &VerifyArgs) -> Result<Exit, Stopped> {
    let now = Zoned::now();
    let ages = Ages {
        min_age: args.min_age,
        ..Ages::default()
    };
    let words = args.site.place.words();
    let mut console = Console::new(args.json, args.quiet, words);
    let site = match Inspected::open(&args.site, ages, &now) {
        Ok(Some(site)) => site,
        Ok(None) => return Ok(Exit::Done),
        Err(e) if e.version => return of_version(&e, console),
        Err(e) => return Err(e),
    };
    if args.repair {
        mend::allowed(&site)?;
    }
    // What is in hand comes to its end; nothing new is begun.
    signals::listen(&site.stop, GRACE).map_err(|e| Stopped::new(Exit::Aborted, e.to_string()))?;
    let wanted = wanted(args, &site, &now);
    site.ask(|ports| {
        let mut found = Found::new(&mut console);
        let verified = verify::verify(
            ports,
            &*site.archive,
            &site.terms,
            &wanted,
            &site.stop,
            &mut found,
        )?;
        let Found { plan, problems, .. } = found;
        console.looked(&verified, &plan, args.repair)?;
        let mut repaired = Repaired {
            done: 0,
            left: verified.errors + verified.warnings,
        };
        // What was found is told whatever becomes of the repairs.
        let mut ended = Ok(());
        if args.repair && !plan.is_empty() && !site.stop.is_draining() {
            let patience = args.wait_lock.unwrap_or_default();
            let mut mended = Vec::new();
            ended = mend::carry_out(&site, ports, &plan, patience, &mut console, &mut mended);
            repaired.done = mended.len() as u64;
            repaired.left = left(ports, &site, &wanted, &mended, &problems, &mut console)?;
        }
        console.finish(&verified, args.repair.then_some(repaired))?;
        ended?;
        Ok(if site.stop.is_draining() {
            Exit::Interrupted
        } else if verified.resume.is_some() {
            Exit::TimeBox
        } else if repaired.left > 0 {
            Exit::Failures
        } else {
            Exit::Done
        })
    })
}

/// How thoroughly to look; a sample is another one every day.
fn wanted(args: &VerifyArgs, site: &Inspected, now: &Zoned) -> Wanted {
    let today = now.timestamp().as_second().div_euclid(86_400);
    Wanted {
        read_data: args.read_data,
        sample: args.sample,
        seed: u32::try_from(today).unwrap_or(0),
        after: args.after.clone(),
        clusters: args.cluster.clone(),
        max_duration: args.max_duration,
        owners: site.site.unlike_owners(),
        waits: site.archive.waits(),
    }
}

/// Of an archive whose version is not known nothing else can be told.
fn of_version(e: &Stopped, mut console: Console) -> Result<Exit, Stopped> {
    console.finding(&Finding::of_version(&e.message));
    let verified = Verified {
        errors: 1,
        ..Verified::default()
    };
    console.looked(&verified, &Plan::default(), false)?;
    console.finish(&verified, None)?;
    Ok(e.exit)
}

/// What was found: told at once, kept as a plan, and counted so that it can be told later what is left of it.
struct Found<'a> {
    console: &'a mut Console,
    plan: Plan,
    problems: Problems,
}

/// Errors and warnings, by the job that they are about, or else by their path and kind; numbers, since there may be millions.
struct Problems {
    hasher: RandomState,
    subjects: Vec<u64>,
}

impl Problems {
    fn subject(&self, key: Option<&JobKey>, path: Option<&Path>, fault: Fault) -> u64 {
        match key {
            Some(key) => self.hasher.hash_one(key),
            None => self.hasher.hash_one((path, fault)),
        }
    }
}

impl<'a> Found<'a> {
    fn new(console: &'a mut Console) -> Self {
        Self {
            console,
            plan: Plan::default(),
            problems: Problems {
                hasher: RandomState::new(),
                subjects: Vec::new(),
            },
        }
    }
}

impl Listener for Found<'_> {
    fn finding(&mut self, f: &Finding) {
        self.plan.add(f);
        if f.severity != Severity::Note {
            let key = f.job.as_ref().map(|named| &named.0);
            let subject = self.problems.subject(key, f.at.as_deref(), f.fault);
            self.problems.subjects.push(subject);
        }
        self.console.finding(f);
    }

    fn progress(&mut self, progress: &Progress) {
        self.console.progress(progress);
    }
}

/// How many errors and warnings are left after repairs: those that none was about, and what is found now of jobs of which
/// something was repaired.
fn left(
    ports: &Ports<'_>,
    site: &Inspected,
    wanted: &Wanted,
    mended: &[&Step],
    problems: &Problems,
    console: &mut Console,
) -> Result<u64, Stopped> {
    let subject = |s: &&Step| problems.subject(s.job.as_ref(), s.path.as_deref(), s.fault);
    let subjects: HashSet<u64> = mended.iter().map(subject).collect();
    let elsewhere = problems.subjects.iter().filter(|s| !subjects.contains(s));
    let mut left = elsewhere.count() as u64;
    let jobs: BTreeSet<&JobKey> = mended.iter().filter_map(|s| s.job.as_ref()).collect();
    for key in jobs {
        let found = verify::again(ports, &*site.archive, key, wanted.read_data, &site.stop)?;
        for f in found.iter().filter(|f| f.severity != Severity::Note) {
            left += 1;
            console.still(f);
        }
    }
    Ok(left)
}
