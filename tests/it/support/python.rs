//! The other judge: `compare.py` beside the golden sites. Two judges written apart must agree.

use super::shared;
use crate::judge::Verdict;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Judges every given result in one process, which reads the site once. A result comes as a folder and the
/// job ids to look at, all without any.
const DRIVER: &str = "
import sys
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
import compare
root, results = sys.argv[2], sys.argv[3:]
site, whole = compare.Site(root), compare.compare_job
compare.Site = lambda _: site
for result in results:
    folder, _, jobs = result.partition('?')
    skip = lambda site, job, *rest: whole(site, job, *rest) if not jobs or str(job['job_id']) == jobs else ('skipped', set())
    compare.compare_job = skip
    sys.argv = ['compare.py', root, folder, '-v']
    print('exit', compare.main())
";

#[derive(Debug)]
pub(crate) struct PythonVerdict {
    /// Job ids, 0 for the site.
    pub(crate) wrong: BTreeSet<i64>,
    differences: BTreeMap<String, usize>,
    summary: String,
}

/// What `compare.py` says of each result, and of one job of it where one is given; none where it or Python is
/// not here.
pub(crate) fn compare(
    site: &Path,
    results: &[(PathBuf, Option<i64>)],
) -> Option<Vec<PythonVerdict>> {
    let script = shared::golden("compare.py")?;
    let python = Command::new("python3").arg("--version").output();
    if !python.is_ok_and(|o| o.status.success()) {
        println!("skipped: no python3 to run compare.py");
        return None;
    }
    let output = Command::new("python3")
        .args(["-c", DRIVER])
        .arg(script.parent()?)
        .arg(site)
        .args(results.iter().map(|(result, job)| match job {
            Some(job) => format!("{}?{job}", result.display()),
            None => result.display().to_string(),
        }))
        .output()
        .expect("python3 starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "compare.py: {errors}");
    let text = String::from_utf8(output.stdout).expect("text");
    let mut verdicts = Vec::new();
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.starts_with("exit ") {
            verdicts.push(PythonVerdict::new(&lines));
            lines.clear();
        } else {
            lines.push(line);
        }
    }
    assert_eq!(verdicts.len(), results.len(), "one verdict a result");
    Some(verdicts)
}

impl PythonVerdict {
    fn new(lines: &[&str]) -> PythonVerdict {
        let mut verdict = PythonVerdict {
            wrong: BTreeSet::new(),
            differences: BTreeMap::new(),
            summary: String::new(),
        };
        for line in lines {
            let Some((number, rest)) = line.trim_start().split_once(' ') else {
                continue;
            };
            if !line.starts_with("   ") {
                (*line).clone_into(&mut verdict.summary);
            } else if let Some(difference) = rest.strip_prefix("jobs  ") {
                let jobs = number.parse().expect("a count");
                verdict.differences.insert(difference.to_owned(), jobs);
            } else if let Ok(job) = number.parse() {
                verdict.wrong.insert(job);
            }
        }
        verdict
    }

    /// The same jobs are wrong; when none is, also the same differences and outcomes.
    pub(crate) fn assert_agrees(&self, ours: &Verdict) {
        let wrong: BTreeSet<i64> = ours.wrong.iter().map(|w| w.job_id.unwrap_or(0)).collect();
        assert_eq!(self.wrong, wrong, "compare.py: {self:?}\nours: {ours}");
        if !wrong.is_empty() {
            return;
        }
        let differences = ours.differences.iter();
        let differences: BTreeMap<String, usize> = differences
            .map(|(difference, jobs)| (difference.text().to_owned(), *jobs))
            .collect();
        assert_eq!(
            self.differences, differences,
            "compare.py: {}",
            self.summary
        );
        for (outcome, jobs) in &ours.outcomes {
            let text = format!("'{outcome}': {jobs}");
            assert!(self.summary.contains(&text), "{text}: {}", self.summary);
        }
        let clean = format!("; {} archived without any difference", ours.clean);
        assert!(self.summary.contains(&clean), "{clean}: {}", self.summary);
    }
}
