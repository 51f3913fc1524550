//! A store that fails: what each way of failing means, and that nobody waits for it longer than he must.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::{QUICK, ask, asked_of, store, values};
use crate::support::site::{CLUSTER, HOUR, T0};
use crate::support::snapshots::METRICS;
use crate::support::store::{Asked, Play, Played, answer, nobody};
use ccarchive::model::failure::Reason;
use ccarchive::model::stop::Stop;
use ccarchive::source::Error;
use ccarchive::source::http::Limits;

fn right(asked: &Asked) -> String {
    answer(asked, &["n1"], T0 - HOUR, T0 + 2 * HOUR)
}

/// Answers small questions rightly, and the first so many of the others so.
fn failing_at_data(times: usize, fail: impl Fn(&Asked) -> Play + Send + Sync + 'static) -> Played {
    let failed = AtomicUsize::new(0);
    Played::start(move |asked| {
        if asked.is_look() || failed.fetch_add(1, Ordering::SeqCst) >= times {
            return Play::Answer(right(asked));
        }
        fail(asked)
    })
}

fn nonsense(_: &Asked) -> Play {
    Play::Answer("<html>hush</html>".into())
}

#[test]
fn what_fails_for_a_moment_is_asked_again() {
    type Fail = fn(&Asked) -> Play;
    let fails: [Fail; 2] = [|_| Play::Status(500), |a| Play::Cut(right(a))];
    for fail in fails {
        let played = failing_at_data(2, fail);
        let evidence = asked_of(&played.url()).unwrap();
        assert_eq!(values(&evidence, METRICS[0]).len(), 60);
        let data = played.asked().iter().filter(|a| !a.is_look()).count();
        assert_eq!(data, 3);
    }
}

#[test]
fn a_question_that_a_well_store_cannot_answer_fails_its_job_alone() {
    type Fail = fn(&Asked) -> Play;
    let fails: [(Fail, &str, usize); 4] = [
        (|_| Play::Status(500), "status 500", 3),
        (|a| Play::Cut(right(a)), "cut", 3),
        (nonsense, "no answer of a metric store", 1),
        (|_| Play::Status(400), "status 400", 1),
    ];
    for (fail, words, times) in fails {
        let played = failing_at_data(usize::MAX, fail);
        match asked_of(&played.url()) {
            Err(Error::Unreadable {
                subject, detail, ..
            }) => {
                assert_eq!(subject, played.url());
                assert!(
                    detail.contains(words) && !detail.contains("hush"),
                    "{detail}"
                );
            }
            other => panic!("{words}: {other:?}"),
        }
        let data = played.asked().iter().filter(|a| !a.is_look()).count();
        assert_eq!(data, times, "{words}: only what may pass is asked again");
    }
}

#[test]
fn a_store_that_answers_nobody_is_gone_and_not_asked_again_for_a_while() {
    type Fail = fn(&Asked) -> Play;
    let fails: [(Fail, &str); 4] = [
        (|_| Play::Status(503), "status 503"),
        (|_| Play::Status(404), "no cc-metric-store at this address"),
        (nonsense, "no answer of a metric store"),
        (|_| Play::Answer(String::new()), "empty"),
    ];
    for (fail, words) in fails {
        let played = Played::start(fail);
        let limits = Limits {
            left_alone: Duration::from_secs(3600),
            ..QUICK
        };
        let store = store(&played.url(), None, limits);
        let mut texts = Vec::new();
        for _ in 0..3 {
            match ask(&store, CLUSTER, "n1", &Stop::new()) {
                Err(Error::Gone(text)) => texts.push(text),
                other => panic!("{words}: {other:?}"),
            }
        }
        assert!(
            texts[0].contains(words) && texts[0].contains(&played.url()),
            "{}",
            texts[0]
        );
        assert!(texts.iter().all(|t| *t == texts[0]));
        let once = played.asked().len();
        assert!(once <= 3, "{words}: asked {once} times");
    }
    match asked_of(&nobody()) {
        Err(Error::Gone(text)) => assert!(text.contains("cannot be reached"), "{text}"),
        other => panic!("{other:?}"),
    }
}

/// Hazard 13: a token must not go where the configuration does not send it.
#[test]
fn a_redirect_is_not_followed() {
    let other = Played::holding(&["n1"], T0, T0 + HOUR);
    let to = format!("{}/api/query", other.url());
    let played = Played::start(move |_| Play::Redirect(to.clone()));
    let store = store(&played.url(), Some("hush"), QUICK);
    match ask(&store, CLUSTER, "n1", &Stop::new()) {
        Err(Error::Gone(text)) => assert!(text.contains("another address"), "{text}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(other.connections(), 0);
}

#[test]
fn a_token_that_is_not_accepted_is_told_apart_and_never_printed() {
    let played = Played::with_token(Some("right"), |a| Play::Answer(right(a)));
    for token in [None, Some("hush")] {
        let store = store(&played.url(), token, QUICK);
        assert!(!format!("{store:?}").contains("hush"));
        match ask(&store, CLUSTER, "n1", &Stop::new()) {
            Err(Error::Refused(text)) => {
                assert!(text.contains("401") && !text.contains("hush"), "{text}");
            }
            other => panic!("{other:?}"),
        }
    }
    let allowed = store(&played.url(), Some("right"), QUICK);
    ask(&allowed, CLUSTER, "n1", &Stop::new()).unwrap();
    let forbidden = Played::start(|_| Play::Status(403));
    assert!(matches!(asked_of(&forbidden.url()), Err(Error::Refused(_))));
}

/// An infinite value makes the store answer with nothing at all: the rest of the host is had all the same.
#[test]
fn an_empty_answer_is_damage_of_the_series_that_causes_it_and_never_no_data() {
    let played = Played::start(|asked| {
        let is_bad = asked
            .body
            .contains(&format!("\"metric\":\"{}\"", METRICS[1]));
        Play::Answer(if is_bad && !asked.is_look() {
            String::new()
        } else {
            right(asked)
        })
    });
    let evidence = asked_of(&played.url()).unwrap();
    assert_eq!(values(&evidence, METRICS[0]).len(), 60);
    assert!(values(&evidence, METRICS[1]).is_empty());
    let [damage] = &evidence.damaged[..] else {
        panic!("{:?}", evidence.damaged)
    };
    assert_eq!(damage.reason, Reason::SnapshotBroken);
    assert!(
        damage.subject.contains("n1") && damage.detail.contains(METRICS[1]),
        "{damage:?}"
    );
    let nothing = failing_at_data(usize::MAX, |_| Play::Answer(String::new()));
    assert!(matches!(
        asked_of(&nothing.url()),
        Err(Error::Unreadable { .. })
    ));
}

#[test]
fn a_store_that_is_killed_in_the_middle_of_an_answer_is_gone() {
    let killed = AtomicUsize::new(0);
    let played = Played::start(move |asked| {
        if asked.is_look() && killed.load(Ordering::SeqCst) == 0 {
            return Play::Answer(right(asked));
        }
        killed.store(1, Ordering::SeqCst);
        Play::Cut(right(asked))
    });
    assert!(matches!(asked_of(&played.url()), Err(Error::Gone(_))));
}

#[test]
fn a_silent_store_is_waited_for_only_so_long() {
    let limits = Limits {
        silence: Duration::from_millis(50),
        ..QUICK
    };
    let played = Played::start(|_| Play::Silence);
    let store = store(&played.url(), None, limits);
    match ask(&store, CLUSTER, "n1", &Stop::new()) {
        Err(Error::Gone(text)) => assert!(text.contains("in time"), "{text}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn nobody_waits_for_a_silent_store_once_the_sweep_is_cancelled() {
    let played = Played::start(|_| Play::Silence);
    let store = store(&played.url(), None, QUICK);
    let stop = Stop::new();
    thread::scope(|s| {
        // More than may be under way, so that some wait for a place.
        let waiting: Vec<_> = (0..6)
            .map(|_| s.spawn(|| ask(&store, CLUSTER, "n1", &stop)))
            .collect();
        while played.asked().len() < 4 {
            thread::yield_now();
        }
        stop.cancel();
        for w in waiting {
            assert_eq!(w.join().unwrap().unwrap_err(), Error::Cancelled);
        }
    });
}
