//! One question to the archive: which files and groups hold the host, their rows, and what could not be read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::catalogue::{Catalogue, Contents};
use super::fault::Fault;
use super::file::Group;
use super::folder::Listed;
use super::pieces::{Growing, Keep, Piece, Pieces};
use super::rows::Reading;
use crate::model::failure::Reason;
use crate::model::stop::Stop;
use crate::opening::regular;
use crate::rules::evidence::Damage;
use crate::rules::timeline::{Column, Interval};
use crate::source::older::{Old, OldSeries};

/// So many older files are read only to learn where slots begin.
const CONTEXT: usize = 2;

/// Why a reading ended early.
pub(super) enum Ended {
    /// A file is gone: everything is listed and read again.
    Changed,
    Cancelled,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<'a> {
    pub(super) cluster: &'a str,
    pub(super) host: &'a str,
    /// What is kept.
    pub(super) keep: Keep<'a>,
    /// Times that are believed.
    pub(super) believed: Interval,
    pub(super) stop: &'a Stop,
}

/// A file whose footer is sound.
#[derive(Debug)]
struct Sound<'a> {
    listed: &'a Listed,
    contents: Arc<Contents>,
}

/// The answer while it grows.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    catalogue: &'a Catalogue,
    question: Question<'a>,
    files: Vec<Sound<'a>>,
    /// Where the snapshots of each file began, once that was asked for; none where that cannot be told.
    borders: BTreeMap<usize, Option<Arc<[i64]>>>,
    out: Old,
}

/// The answer to a question from files, which are listed oldest first.
///
/// # Errors
/// When a file is gone, or the sweep is cancelled. Whatever else is wrong is damage.
pub(super) fn answer(
    catalogue: &Catalogue,
    listed: &[Listed],
    question: Question<'_>,
) -> Result<Old, Ended> {
    let mut answer = Answer {
        catalogue,
        question,
        files: Vec::new(),
        borders: BTreeMap::new(),
        out: Old::default(),
    };
    for file in listed {
        match catalogue.contents(file, question.cluster) {
            Ok(contents) => answer.files.push(Sound {
                listed: file,
                contents,
            }),
            // Its snapshots begin before the one that ends where the gap begins, so none of them reaches into it.
            Err(_) if file.cutoff < question.keep.gap.from => {}
            Err(fault) => {
                let interval = between(listed, file, question.keep.gap);
                answer.note(fault, file, interval)?;
            }
        }
    }
    let last = |f: &Sound<'_>| f.contents.times.map(|t| t.to - 1);
    answer.out.final_until = answer.files.iter().filter_map(last).max();
    if answer.is_nothing() {
        answer.out.is_nothing = true;
        return Ok(answer.out);
    }
    let wanted = answer.wanted();
    answer.read(wanted)
}

/// The time of which a file that does not tell it may hold something: its snapshots begin after the number of the file
/// before it, and end before those that follow.
fn between(listed: &[Listed], file: &Listed, gap: Interval) -> Interval {
    let same_folder = |other: &&Listed| other.path.parent() == file.path.parent();
    let before = listed.iter().filter(same_folder);
    let before = before.map(|l| l.cutoff).filter(|c| *c < file.cutoff).max();
    Interval {
        from: before.map_or(gap.from, |b| b.max(gap.from)),
        to: gap.to,
    }
}

impl Answer<'_> {
    /// Whether no file can hold anything of the host in the gap.
    fn is_nothing(&self) -> bool {
        let from = self.question.keep.gap.from;
        let mut groups = (0..self.files.len()).flat_map(|k| self.groups(k));
        self.out.damaged.is_empty() && !groups.any(|(_, g)| from < g.times.to)
    }

    /// Numbers of the files that must be read.
    fn wanted(&self) -> BTreeSet<usize> {
        let Keep { window, gap, .. } = self.question.keep;
        let asked = |g: &Group| {
            let span = g.span();
            span.from < window.to && window.from < span.to
        };
        let mut out: BTreeSet<usize> = (0..self.files.len())
            .filter(|k| self.groups(*k).any(|(_, g)| asked(g)))
            .collect();
        // What follows the newest of them continues its slots.
        let newest = (0..self.files.len())
            .rev()
            .find(|k| self.groups(*k).any(|(_, g)| g.times.from < gap.to));
        let end = newest.and_then(|k| self.groups(k).map(|(_, g)| g.times.to).max());
        if end.is_some_and(|end| end < window.to) {
            out.extend(newest);
        }
        out
    }

    /// The groups of a file that may hold the host, with their numbers.
    fn groups(&self, file: usize) -> impl Iterator<Item = (usize, &Group)> {
        let (host, until) = (self.question.host, self.question.keep.gap.to);
        let groups = self.files[file].contents.groups.iter().enumerate();
        groups.filter(move |(_, g)| g.may_hold(host) && g.times.from < until)
    }

    /// Reads files, and those before them as long as nothing tells where slots begin.
    fn read(mut self, mut wanted: BTreeSet<usize>) -> Result<Old, Ended> {
        let mut pieces = Pieces::new(self.question.keep);
        for k in &wanted {
            self.read_file(*k, &mut pieces)?;
        }
        let mut untold = false;
        let mut series = Vec::new();
        for more in 0..=CONTEXT {
            (series, untold) = self.dated(&pieces.series)?;
            let first = wanted.first().copied().unwrap_or(0);
            let before = (0..first).rev().find(|k| self.groups(*k).next().is_some());
            let Some(before) = before.filter(|_| untold && more < CONTEXT) else {
                break;
            };
            self.read_file(before, &mut pieces)?;
            wanted.insert(before);
        }
        let newest = (0..self.files.len())
            .rev()
            .find(|k| self.groups(*k).next().is_some());
        let joins = newest.is_some_and(|k| wanted.contains(&k));
        self.out.phase_unknown = untold && !joins;
        self.out.bytes = pieces.bytes();
        self.out.series = finish(pieces.series, &series, self.question.keep.gap);
        Ok(self.out)
    }

    /// Adds the rows that a file has of the host.
    fn read_file(&mut self, k: usize, pieces: &mut Pieces<'_>) -> Result<(), Ended> {
        let chosen: Vec<(usize, Interval)> = self.groups(k).map(|(n, g)| (n, g.span())).collect();
        let Sound { listed, contents } = &self.files[k];
        pieces.begin(k);
        let read = self
            .catalogue
            .open(&listed.path, contents)
            .and_then(|file| {
                chosen.iter().try_for_each(|(group, _)| {
                    let reading = Reading {
                        file: &file,
                        group: *group,
                        host: self.question.host,
                        believed: self.question.believed,
                        stop: self.question.stop,
                    };
                    reading.rows(|row| pieces.add(row))
                })
            });
        let Err(fault) = read else { return Ok(()) };
        // What was decoded before the damage was found may be wrong as well.
        pieces.forget();
        let span = chosen.iter().map(|c| c.1).reduce(Interval::united);
        let mut span = span.unwrap_or(Interval::ALL);
        let gap = self.question.keep.gap;
        (span.from, span.to) = (span.from.max(gap.from), span.to.min(gap.to));
        self.note(fault, listed, span)
    }

    /// Notes what is wrong with a file.
    fn note(&mut self, fault: Fault, file: &Listed, interval: Interval) -> Result<(), Ended> {
        let detail = fault.to_string();
        let (list, reason) = match fault {
            Fault::Cancelled => return Err(Ended::Cancelled),
            Fault::Medium(e) if regular::is_gone(&e) => return Err(Ended::Changed),
            // The store's own checkpoints still have what a file without footer was to hold.
            Fault::NoFooter => (&mut self.out.passed_over, Reason::SnapshotBroken),
            Fault::Foreign(_) => return Ok(()),
            Fault::Content(_) => (&mut self.out.damaged, Reason::SnapshotBroken),
            Fault::Medium(_) => (&mut self.out.damaged, Reason::SourceUnreadable),
            Fault::TooLarge => (&mut self.out.damaged, Reason::HostTooLarge),
        };
        list.push(Damage {
            interval,
            subject: file.path.display().to_string(),
            detail,
            reason,
        });
        Ok(())
    }

    /// Per series and piece where the snapshot of the piece began, and whether the first samples of some frequency are
    /// nowhere.
    fn dated(&mut self, series: &[Growing]) -> Result<(Vec<Vec<i64>>, bool), Ended> {
        let (mut told, mut all) = (BTreeSet::new(), BTreeSet::new());
        let mut out = Vec::new();
        for s in series {
            let mut begins = Vec::new();
            for piece in &s.pieces {
                let begin = self.begin(piece)?;
                all.insert(piece.column.step);
                if begin != piece.column.start {
                    told.insert(piece.column.step);
                }
                begins.push(begin);
            }
            out.push(begins);
        }
        Ok((out, told != all))
    }

    /// Where the snapshot of a piece began, as far as that can be told.
    fn begin(&mut self, piece: &Piece) -> Result<i64, Ended> {
        let known = if let Some(known) = self.borders.get(&piece.file) {
            known.clone()
        } else {
            let found = self.find_borders(piece.file)?;
            self.borders.insert(piece.file, found.clone());
            found
        };
        Ok(known.map_or(piece.column.start, |known| begin(piece, &known)))
    }

    fn find_borders(&mut self, file: usize) -> Result<Option<Arc<[i64]>>, Ended> {
        let Sound { listed, contents } = &self.files[file];
        let Question { believed, stop, .. } = self.question;
        let found = self
            .catalogue
            .borders(&listed.path, contents, believed, stop);
        match found {
            Ok(found) => Ok(Some(found)),
            Err(fault) => {
                let interval = contents.times.unwrap_or(Interval::ALL);
                self.note(fault, listed, interval)?;
                Ok(None)
            }
        }
    }
}

/// Where the snapshot of a piece began: the start of the piece, where it stands on the grid of a snapshot's beginning, and
/// another time, where it begins with a true first sample. The beginning before the nearest counts, too: the nearest may be
/// none of a snapshot, but one of collectors that all began at once.
fn begin(piece: &Piece, borders: &[i64]) -> i64 {
    let (start, step) = (piece.column.start, piece.column.step);
    let before = borders.partition_point(|b| *b <= start);
    let nearest = &borders[before.saturating_sub(2)..before];
    let is_on_grid = nearest.iter().any(|b| (start - b) % step == 0);
    if is_on_grid { start } else { start - 1 }
}

/// The series with the interval of each piece, in the order of time. What ends before the gap is left out.
fn finish(series: Vec<Growing>, begins: &[Vec<i64>], gap: Interval) -> Vec<OldSeries> {
    let finished = |(s, begins): (Growing, &Vec<i64>)| {
        let mut pieces: Vec<(i64, Column)> = s
            .pieces
            .into_iter()
            .zip(begins)
            .filter(|(p, _)| p.last >= gap.from)
            .map(|(p, begin)| (*begin, p.column))
            .collect();
        pieces.sort_by_key(|(_, c)| c.start);
        // A clean-up that was cut short leaves the same rows in two files.
        let same =
            |a: &Column, b: &Column| (a.start, a.step, a.len()) == (b.start, b.step, b.len());
        pieces.dedup_by(|b, a| same(&a.1, &b.1));
        let ends: Vec<i64> = pieces.iter().skip(1).map(|(begin, _)| *begin).collect();
        let ends = ends.into_iter().chain([gap.to]);
        OldSeries {
            path: s.path,
            metric: s.metric,
            pieces: pieces
                .into_iter()
                .zip(ends)
                .map(|((from, mut column), to)| {
                    column.close();
                    (Interval { from, to }, column)
                })
                .collect(),
        }
    };
    series.into_iter().zip(begins).map(finished).collect()
}
