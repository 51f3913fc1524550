//! Judges what a faulty sweep left: exit code, rows, archive, ledger, and whatever else stands in the site.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::cells::{Expect, Leaves};
use super::how::How;
use super::matrix::Trial;
use super::site::{Columns, Row, State};
use super::sweep::Ended;

/// How a row stands after the faulty sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stands {
    /// As after an undisturbed sweep.
    Done,
    Untouched,
    Failed,
    Wrong,
}

/// Whether it is one of SQLite's own files.
fn is_log(path: &Path) -> bool {
    let name = path.to_string_lossy();
    name.ends_with("-wal") || name.ends_with("-shm")
}

/// Whether it goes away with the program that made it, or with the next sweep.
fn is_own(path: &Path) -> bool {
    is_log(path) || is_temporary(&path.to_string_lossy())
}

fn is_temporary(name: &str) -> bool {
    name.strip_suffix(".tmp").is_some()
}

impl Trial<'_> {
    /// Judges the faulty sweep.
    pub(super) fn judge(&mut self, before: &State, site: &Path, ended: &Ended) -> State {
        let after = State::of(site);
        self.check_exit(before, ended);
        let mut stands: BTreeMap<Stands, BTreeSet<i64>> = BTreeMap::new();
        for (id, row) in &after.rows {
            let s = self.stand(*id, row, &after.of_ledger(row));
            if s == Stands::Wrong {
                self.wrong(format!("row {id} is {row:?}"));
            }
            stands.entry(s).or_default().insert(*id);
        }
        let of = |s| stands.get(&s).cloned().unwrap_or_default();
        self.check_rows(&of(Stands::Failed), &of(Stands::Untouched));
        for (id, row) in &after.rows {
            let s = self.stand(*id, row, &after.of_ledger(row));
            self.check_archive(row, s, before, &after);
            self.check_ledger(row, s, &after);
        }
        self.check_strays(before, &after);
        self.told.said = format!(
            "{} as undisturbed, {} failed, {} untouched",
            of(Stands::Done).len(),
            of(Stands::Failed).len(),
            of(Stands::Untouched).len()
        );
        after
    }

    fn stand(&self, id: i64, row: &Row, ledger: &Columns) -> Stands {
        let (before, swept) = (&self.base.pristine.rows[&id], &self.base.swept.rows[&id]);
        // A row that cannot become 2, as it is that already or has no length, fails in the ledger alone.
        let told = ledger.get("outcome").is_some_and(|o| o == "failed");
        if row == swept {
            Stands::Done
        } else if row == before && told && (row.status == 2 || row.duration == 0) {
            Stands::Failed
        } else if row == before {
            Stands::Untouched
        } else if row.status == 2 && row.same_but_status(before) {
            Stands::Failed
        } else {
            Stands::Wrong
        }
    }

    fn check_exit(&mut self, before: &State, ended: &Ended) {
        // A ledger that is lost keeps nothing from being done.
        let done = ended.report.calls(0) + ended.adopted;
        if matches!(self.cell.how, How::Ledger(_)) && done != self.left(before) {
            let left = self.left(before);
            self.wrong(format!("{done} written or adopted of {left} left"));
        }
        let code = ended.status.code();
        let ends = [&ended.summary["aborted"], &ended.summary["outages"][0]];
        let reason = ends.iter().find_map(|e| e["reason"].as_str()).unwrap_or("");
        let fine = match self.cell.expect {
            Expect::Done | Expect::Failed(_) => code == Some(3),
            Expect::Forgets => code == Some(3) && ended.said.contains("goes on without it"),
            Expect::Stops(why) => code == Some(1) && reason == why,
            Expect::Refused => code == Some(1) && reason == "not_started",
            Expect::Unheard => {
                code == Some(1) && ended.said.contains("standard output cannot be written")
            }
            Expect::Survives => matches!(code, Some(1 | 3)),
        };
        if !fine {
            let said: String = ended.said.chars().take(1500).collect();
            self.wrong(format!("{}, aborted `{reason}`: {said}", ended.status));
        }
        let shimmed = matches!(
            self.cell.how,
            How::Shim(_) | How::Old(..) | How::Vanishes(..) | How::Unmounted(..)
        );
        if shimmed && ended.report.done(0) == 0 {
            self.wrong(format!(
                "it never came to it: {} calls",
                ended.report.calls(0)
            ));
        }
    }

    fn check_rows(&mut self, failed: &BTreeSet<i64>, untouched: &BTreeSet<i64>) {
        let fine = match self.cell.expect {
            Expect::Done | Expect::Forgets | Expect::Unheard => {
                failed.is_empty() && untouched.is_empty()
            }
            Expect::Failed(_) => {
                (failed.contains(&self.victim.id) || failed.contains(&self.victim.empty))
                    && untouched.is_empty()
            }
            Expect::Stops(_) => failed.is_empty() && !untouched.is_empty(),
            Expect::Refused => {
                let all = self.base.pristine.rows.iter();
                let to_do = all.filter(|(id, row)| **row != self.base.swept.rows[id]);
                failed.is_empty() && untouched.len() == to_do.count()
            }
            Expect::Survives => true,
        };
        if !fine {
            let some: Vec<_> = failed.iter().take(3).collect();
            self.wrong(format!(
                "{} failed (first {some:?}, victim {}), {} untouched",
                failed.len(),
                self.victim.id,
                untouched.len()
            ));
        }
    }

    /// What a row says it has is there, and what it does not is not.
    fn check_archive(&mut self, row: &Row, stands: Stands, before: &State, after: &State) {
        let (was, is) = (before.below(&row.folder), after.below(&row.folder));
        let whole = is == self.base.swept.below(&row.folder);
        let ends = matches!(self.cell.expect, Expect::Stops(_) | Expect::Survives);
        let temporary = is
            .iter()
            .all(|(p, content)| content.is_none() || is_temporary(&p.to_string_lossy()));
        let fine = match stands {
            Stands::Done => whole,
            // Published, but not recorded.
            Stands::Untouched => is == was || (ends && whole) || self.leaves_temporary(temporary),
            Stands::Failed => {
                is == was
                    || (self.cell.leaves == Leaves::Published && self.has_both(row, &is))
                    || self.leaves_temporary(temporary)
            }
            Stands::Wrong => true,
        };
        if !fine {
            let names: Vec<_> = is.keys().collect();
            self.wrong(format!("{stands:?}, but the archive holds {names:?}"));
        }
    }

    /// The new archive, and what was there and is not replaced by it.
    fn has_both(&self, row: &Row, is: &BTreeMap<&Path, &Option<Vec<u8>>>) -> bool {
        let mut new = is.clone();
        let is_old = new.remove(&*row.folder.join("data.json")).is_some();
        new.retain(|path, _| !is_temporary(&path.to_string_lossy()));
        is_old && new == self.base.swept.below(&row.folder)
    }

    fn leaves_temporary(&self, there_are: bool) -> bool {
        self.cell.leaves == Leaves::Temporary && there_are
    }

    /// One attempt for what failed, none for what was not touched, as undisturbed otherwise.
    fn check_ledger(&mut self, row: &Row, stands: Stands, after: &State) {
        let forgets = matches!(self.cell.expect, Expect::Forgets | Expect::Survives);
        let lost = self.cell.stage == "ledger"
            && matches!(self.cell.how, How::Vanishes(..) | How::Ledger(_));
        if forgets || lost {
            return;
        }
        let told = after.ledger.get(&row.key);
        let of = |name: &str| told.and_then(|j| j.get(name)).map_or("", String::as_str);
        let fine = match (stands, self.cell.expect) {
            (Stands::Done, Expect::Done | Expect::Failed(_) | Expect::Unheard) => {
                told == self.base.swept.ledger.get(&row.key)
            }
            (Stands::Failed, Expect::Failed(why)) => {
                (of("state"), of("attempts"), of("reason")) == ("waiting", "1", why)
            }
            (Stands::Untouched, _) => told.is_none() || of("attempts") == "0",
            _ => true,
        };
        if !fine {
            self.wrong(format!(
                "{stands:?}, but the ledger has {told:?} of {}",
                row.key
            ));
        }
    }

    /// Nothing that an undisturbed sweep would not leave, and the sources as they were.
    fn check_strays(&mut self, before: &State, after: &State) {
        let mut strays = Vec::new();
        for (path, content) in &after.files {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let was = before.files.get(path);
            let whole = self.base.swept.files.get(path);
            let fine = match (&*name, content) {
                _ if is_log(path) => {
                    self.cell.leaves == Leaves::Log || self.cell.expect == Expect::Survives
                }
                (n, _) if is_temporary(n) => {
                    matches!(self.cell.leaves, Leaves::Temporary | Leaves::Published)
                }
                (n, _) if n.contains(".damaged-0") => matches!(self.cell.how, How::Ledger(_)),
                (n, _) if n.starts_with("job.db") => true,
                (_, Some(_)) => Some(content) == was || Some(content) == whole,
                (_, None) => {
                    was.is_some()
                        || self.cell.leaves == Leaves::Temporary
                        || after.below(path).values().any(|c| c.is_some())
                }
            };
            if !fine {
                strays.push(path);
            }
        }
        let gone: Vec<_> = before
            .files
            .keys()
            .filter(|p| !after.files.contains_key(*p) && !is_own(p))
            .collect();
        if !strays.is_empty() || !gone.is_empty() {
            self.wrong(format!("strays {strays:?}, gone {gone:?}"));
        }
    }
}
