//! What several sources say together, where each of them stands for itself: how far they reach, whether one is sick, which of
//! their errors is told, and what a silent one costs.

use super::{Error, Reach, Source};
use crate::model::failure::Reason;
use crate::model::stop::Stop;
use crate::rules::evidence::Damage;
use crate::rules::timeline::Interval;

/// Of the errors of layers none of which answered, the one to report: that a cluster is missing says least, since the layer
/// that failed otherwise may have it.
pub(super) fn worst(errors: impl IntoIterator<Item = Error>) -> Error {
    let mut missing = None;
    for e in errors {
        match e {
            Error::ClusterMissing { .. } => missing = missing.or(Some(e)),
            Error::Gone(_)
            | Error::LayerGone(_)
            | Error::Refused(_)
            | Error::Unreadable { .. }
            | Error::Cancelled => return e,
        }
    }
    missing.unwrap_or_else(|| Error::Gone("there is no source at all".into()))
}

/// A layer that did not answer as damage of the others' answer; none where it just lacks the cluster.
pub(super) fn damage(error: Error) -> Option<Damage> {
    let (subject, detail, reason) = match error {
        Error::Gone(detail) | Error::LayerGone(detail) | Error::Refused(detail) => {
            ("one of the sources".into(), detail, Reason::LayerGone)
        }
        Error::Unreadable {
            subject, detail, ..
        } => (subject, detail, Reason::SourceUnreadable),
        Error::ClusterMissing { .. } | Error::Cancelled => return None,
    };
    Some(Damage {
        interval: Interval::ALL,
        subject,
        detail,
        reason,
    })
}

/// How far the data of all layers reaches, as each of them says.
///
/// # Errors
/// When none of them could answer.
pub(super) fn reaches(answers: Vec<Result<Reach, Error>>) -> Result<Reach, Error> {
    let (mut reach, mut errors): (Option<Reach>, _) = (None, Vec::new());
    for answer in answers {
        match answer {
            Ok(r) => reach = Some(reach.map_or(r, |all| all.united(r))),
            Err(e) => errors.push(e),
        }
    }
    let Some(mut reach) = reach else {
        return Err(worst(errors));
    };
    if errors.into_iter().any(|e| damage(e).is_some()) {
        // The oldest data may be in the layer that is silent.
        reach.oldest = i64::MIN;
    }
    Ok(reach)
}

/// Whether an error is that of a sick medium, and not of one that is away or lacks the cluster.
const fn is_sick(e: &Error) -> bool {
    !matches!(
        e,
        Error::Gone(_) | Error::LayerGone(_) | Error::ClusterMissing { .. }
    )
}

/// Whether any medium is sick, as each layer says of its own: it is not known which one failed the jobs. A layer that is gone
/// fails none, and the jobs that need it are known.
///
/// # Errors
/// What the sickest of them met.
pub(super) fn probes(answers: Vec<Result<(), Error>>) -> Result<(), Error> {
    let (mut well, mut errors) = (false, Vec::new());
    for answer in answers {
        match answer {
            Ok(()) => well = true,
            Err(e) => errors.push(e),
        }
    }
    if well && !errors.iter().any(is_sick) {
        return Ok(());
    }
    Err(worst(errors))
}

/// How far sources reach of which each job needs one: as far as any of them does, since one that does not answer must not keep
/// back the jobs of the others.
///
/// # Errors
/// When none of them could answer, or one does not let us in.
pub(super) fn reach_of_any<'a>(
    sources: impl Iterator<Item = &'a dyn Source>,
    cluster: &str,
    stop: &Stop,
) -> Result<Reach, Error> {
    let mut answers = Vec::new();
    for source in sources {
        match source.reach(cluster, stop) {
            Err(e @ (Error::Cancelled | Error::Refused(_))) => return Err(e),
            answer => answers.push(answer),
        }
    }
    reaches(answers)
}

/// Whether any of such sources is sick. One that is gone fails no job: those that need it wait for it. So only the others can
/// be.
///
/// # Errors
/// What the first of them met that is; or the worst, where none is well.
pub(super) fn probe_any<'a>(
    sources: impl Iterator<Item = &'a dyn Source>,
    cluster: &str,
    but: &[&str],
    stop: &Stop,
) -> Result<(), Error> {
    let (mut well, mut errors) = (false, Vec::new());
    for source in sources {
        match source.probe(cluster, but, stop) {
            Ok(()) => well = true,
            Err(e) if is_sick(&e) => return Err(e),
            Err(e) => errors.push(e),
        }
    }
    if well { Ok(()) } else { Err(worst(errors)) }
}
