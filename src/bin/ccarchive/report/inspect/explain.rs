//! The answer of `explain` for people.

use std::io;

use ccarchive::inspect::Held;
use ccarchive::inspect::explain::{Archive, Card, Explained};
use ccarchive::ledger::Told;

use super::paper::{Paper, Tone};
use super::{count, percent, span, time};
use crate::report::advice;

/// The answer as one JSON object, with what a person can do in words.
///
/// `site`: the flags that name the site.
///
/// # Errors
/// When standard output cannot be written.
pub(crate) fn json(e: &Explained, site: &str) -> io::Result<()> {
    let mut answer = serde_json::to_value(e).unwrap_or_default();
    let step = e.next.step;
    let next = &mut answer["next"];
    next["advice"] = advice::step(step).into();
    next["command"] = advice::command(step, &e.job.key, site).into();
    next["needsPerson"] = step.needs_person().into();
    super::json("explain", &answer)
}

/// All about a job; `site`: the flags that name the site.
pub(crate) fn page(e: &Explained, site: &str) -> String {
    let mut p = Paper::for_output();
    card(&e.job, e.row_problem.as_deref(), Some(e.now), &mut p);
    p.heading("Next");
    next(e, site, &mut p);
    p.heading("Archive");
    archive(&e.archive, &mut p);
    for held in &e.sources {
        p.heading(&format!("Source {}", held.source));
        source(held, e, &mut p);
    }
    p.heading("History");
    history(e.history.as_ref(), e.now, &mut p);
    p.finish()
}

/// The job's identity in a few lines.
pub(super) fn card(c: &Card, problem: Option<&str>, now: Option<i64>, p: &mut Paper) {
    let key = &c.key;
    {
        p.heading(&format!("Job {} on {}", key.job_id, key.cluster));
        let mut hosts = c
            .hosts
            .iter()
            .take(4)
            .cloned()
            .collect::<Vec<_>>()
            .join(", ");
        if c.hosts.len() > 4 {
            hosts += ", …";
        }
        let of = |what: &str, name: &str| {
            if name.is_empty() {
                String::new()
            } else {
                format!(", {what} {name}")
            }
        };
        p.say(
            Tone::Plain,
            &format!(
                "started {} ({}), ran {}{}",
                time(key.start_time),
                key.start_time,
                span(c.duration),
                now.map_or(String::new(), |now| {
                    format!(", ended {} ago", span(now.saturating_sub(c.end)))
                })
            ),
        );
        p.say(
            Tone::Plain,
            &format!(
                "state {}, monitoring_status {} ({}){}{}{}",
                c.state,
                c.monitoring_status,
                status(c.monitoring_status),
                of("user", &c.user),
                of("project", &c.project),
                of("subcluster", &c.subcluster)
            ),
        );
        if !c.hosts.is_empty() {
            p.say(
                Tone::Plain,
                &format!("{}: {hosts}", count(c.hosts.len() as u64, "host")),
            );
        }
    }
    if let Some(why) = problem {
        p.say(Tone::Bad, &format!("its row cannot be used: {why}"));
    }
}

const fn status(n: i64) -> &'static str {
    match n {
        0 => "monitoring switched off",
        1 => "not archived",
        2 => "archiving failed",
        3 => "archived",
        _ => "no status that is known",
    }
}

fn next(e: &Explained, site: &str, p: &mut Paper) {
    let (n, now) = (&e.next, e.now);
    if let Some(place) = n.place {
        let when = match n.at {
            None => "no sweep takes it by itself".to_owned(),
            Some(t) if t <= now => "the next sweep takes it".to_owned(),
            Some(t) => format!("tried again in {} ({})", span(t - now), time(t)),
        };
        p.say(Tone::Plain, &format!("{}: {when}", place.words()));
    }
    if let Some(outcome) = &n.outcome {
        let reason = n.reason.as_ref().filter(|r| *r != outcome);
        let reason = reason.map_or(String::new(), |r| format!(" ({r})"));
        p.say(
            Tone::Plain,
            &format!(
                "a try now would come to: {}{reason}",
                outcome.replace('_', " ")
            ),
        );
    }
    let tone = if n.step.needs_person() {
        Tone::Bad
    } else {
        Tone::Good
    };
    p.say(tone, &n.why);
    let step = advice::step(n.step);
    let step = if n.step.needs_person() {
        format!("what you can do: {step}")
    } else {
        step
    };
    p.say(Tone::Plain, &step);
    if let Some(command) = advice::command(n.step, &e.job.key, site) {
        p.command(&command);
    }
}

fn archive(a: &Archive, p: &mut Paper) {
    match a {
        Archive::Nothing => p.say(Tone::Plain, "holds nothing of it"),
        Archive::Whole { values, duration } => p.say(
            Tone::Plain,
            &format!(
                "holds a whole archive of it: {}, length {}",
                count(*values, "value"),
                span(*duration)
            ),
        ),
        Archive::Incomplete { values } => p.say(
            Tone::Warn,
            &format!(
                "holds something that is no whole archive of this job ({})",
                count(*values, "value")
            ),
        ),
        Archive::Unreadable { detail } => p.say(Tone::Bad, &format!("cannot be read: {detail}")),
    }
}

fn source(h: &Held, e: &Explained, p: &mut Paper) {
    if let Some(error) = &h.error {
        if *error == e.next.why {
            p.say(Tone::Plain, "not read, for the reason above");
        } else {
            p.say(Tone::Bad, error);
        }
        return;
    }
    if h.expected == 0 {
        p.say(Tone::Plain, "no samples of this job are expected");
        return;
    }
    if let (Some(oldest), Some(newest)) = (h.oldest, h.newest) {
        p.say(
            Tone::Plain,
            &format!(
                "data of the cluster from {} to {} ({} ago)",
                time(oldest),
                time(newest),
                span(e.now.saturating_sub(newest))
            ),
        );
    }
    let mut text = format!(
        "{} of {} samples of this job ({})",
        h.received,
        h.expected,
        percent(h.received, h.expected)
    );
    if h.unusable > 0 {
        text += &format!(", {} more cannot be used", h.unusable);
    }
    p.say(Tone::Plain, &text);
    picture(h, p);
    for d in &h.damaged {
        p.say(Tone::Warn, &format!("damaged: {d}"));
    }
}

/// One line a metric, one character a host (or several, the worst of them).
fn picture(h: &Held, p: &mut Paper) {
    if h.shares.is_empty() || h.hosts.is_empty() {
        return;
    }
    let label = h
        .metrics
        .iter()
        .map(|m| m.chars().count())
        .max()
        .unwrap_or(0)
        .min(24);
    let room = p.width.saturating_sub(label + 14).max(10);
    let per = h.hosts.len().div_ceil(room);
    for (metric, shares) in h.metrics.iter().zip(&h.shares) {
        let cells: String = shares
            .chunks(per)
            .map(|part| cell(part.iter().copied().fold(1.0, f64::min)))
            .collect();
        let mean = shares.iter().sum::<f64>() / shares.len() as f64;
        let mean = if mean < 1.0 {
            (mean * 100.0).min(99.9)
        } else {
            100.0
        };
        let metric = super::paper::cut(metric, label);
        p.line(&format!("{metric:<label$}  {cells}  {mean:>5.1} %"));
    }
    let each = match per {
        1 => "host".to_owned(),
        n => format!("{n} hosts, the worst of them"),
    };
    p.say(
        Tone::Plain,
        &format!("one character a {each}: # all samples, 0 to 9 so many tenths, . none"),
    );
}

fn cell(share: f64) -> char {
    if share >= 1.0 {
        return '#';
    }
    if share <= 0.0 {
        return '.';
    }
    let tenths = "0123456789".chars();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 9"
    )]
    let k = (share * 10.0) as usize;
    tenths.clone().nth(k).unwrap_or('9')
}

/// How often sweeps worked on a job, and when.
fn tries(t: &Told, now: i64) -> String {
    let at = |t: Option<i64>| t.map_or_else(|| "?".into(), time);
    let ago = t.last_try.map_or(String::new(), |l| {
        format!(" ({} ago)", span(now.saturating_sub(l)))
    });
    match t.attempts {
        0 => "no sweep has worked on it since the ledger was begun".into(),
        1 => format!("tried once, {}{ago}", at(t.last_try)),
        n => format!(
            "tried {n} times, first {}, last {}{ago}",
            at(t.first_try),
            at(t.last_try)
        ),
    }
}

fn history(told: Option<&Told>, now: i64, p: &mut Paper) {
    let Some(t) = told else {
        p.say(Tone::Plain, "no sweep has worked on it");
        return;
    };
    let text = format!("{}; stands as {}", tries(t, now), t.standing);
    p.say(Tone::Plain, &text);
    if t.attempts == 0 {
        return;
    }
    let mut last = format!("the last try came to: {}", t.outcome.replace('_', " "));
    match (&t.reason, &t.stage) {
        (Some(reason), Some(stage)) => last += &format!(" ({reason}, at stage {stage})"),
        (Some(reason), None) => last += &format!(" ({reason})"),
        (None, _) => {}
    }
    if let Some(detail) = &t.detail {
        last += &format!(": {detail}");
    }
    p.say(Tone::Plain, &last);
    if let (Some(received), Some(expected @ 1..)) = (t.received, t.expected) {
        p.say(
            Tone::Plain,
            &format!(
                "its archive got {received} of {expected} samples ({})",
                percent(received, expected)
            ),
        );
    }
    for (source, values) in &t.filled {
        let text = format!("{} of them came from {source}", count(*values, "sample"));
        p.say(Tone::Plain, &text);
    }
    if t.phase_guessed {
        let text = "a source does not record the exact time of some values: they may stand one timestep too early or too late";
        p.say(Tone::Plain, text);
    }
    if let Some(source) = &t.source {
        let text = format!(
            "this is about the source {source}; a sweep from another one takes the job at once"
        );
        p.say(Tone::Plain, &text);
    }
}
