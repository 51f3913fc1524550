use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::*;
use crate::model::series::Scope;
use crate::rules::evidence::Covers;
use crate::rules::scopes::Component;
use crate::rules::timeline::Interval;
use crate::source::Wanted;
use crate::source::testing::{Fake, about, holding, read, unreadable};

/// Bytes of the answers of [`hosts`].
const ONE: usize = 4 * 1000 + 400;

/// Every host holds a thousand samples.
fn hosts() -> Fake {
    Fake::new(|_| Ok(holding(0, &[1.0; 1000])))
}

/// So many bytes for hosts.
fn memory(bytes: usize) -> Arc<Memory> {
    Arc::new(Memory::new(bytes / 2 * 3 + 3))
}

fn ask(cache: &Cached<impl Source>, host: &str) -> Arc<Evidence> {
    cache.ask(&about(host, 0, 100), &Stop::new()).unwrap()
}

#[test]
fn the_host_used_longest_ago_goes_first_and_the_one_just_read_stays() {
    let fake = hosts();
    let cache = Cached::new(&fake, memory(2 * ONE + ONE / 2));
    for host in ["a", "b", "a"] {
        ask(&cache, host);
    }
    assert_eq!(fake.times(), 2, "both are kept");
    ask(&cache, "c");
    for host in ["a", "c"] {
        ask(&cache, host);
    }
    assert_eq!(fake.times(), 3, "b was used longest ago");
    ask(&cache, "b");
    assert_eq!(fake.times(), 4);
    assert!(cache.lock().bytes <= 2 * ONE + ONE / 2);
    let tight = Cached::new(&fake, memory(1));
    ask(&tight, "a");
    ask(&tight, "a");
    assert_eq!(
        fake.times(),
        5,
        "the one just read stays, whatever it takes"
    );
    ask(&tight, "b");
    assert_eq!(tight.lock().hosts.len(), 1);
}

#[test]
fn an_answer_that_covers_all_on_one_side_makes_no_question_for_all_time() {
    let fake = Fake::new(|r| {
        let mut answer = holding(0, &[1.0; 1000]);
        answer.covers.window = Some(Interval {
            from: r.window.from,
            to: i64::MAX,
        });
        Ok(answer)
    });
    let cache = Cached::new(&fake, memory(1 << 20));
    let stop = Stop::new();
    cache.ask(&about("a", 5000, 6000), &stop).unwrap();
    cache.ask(&about("a", 4000, 4500), &stop).unwrap();
    let asked = fake.asked.lock().unwrap()[1].1;
    assert_eq!(asked.from, 4000 - 500);
}

#[test]
fn each_subcluster_of_a_host_is_asked_for_itself() {
    let fake = Fake::new(|r| match r.subcluster {
        "gpu" => Ok(holding(0, &[2.0])),
        _ => Ok(holding(0, &[1.0])),
    });
    let cache = Cached::new(&fake, memory(1 << 20));
    for (subcluster, value) in [("gpu", 2.0), ("cpu", 1.0), ("gpu", 2.0)] {
        let request = Request {
            subcluster,
            ..about("a", -60, 60)
        };
        let answer = cache.ask(&request, &Stop::new()).unwrap();
        assert_eq!(read(&answer.series, -30, 1), [Some(value)]);
    }
    assert_eq!(fake.times(), 2);
}

#[test]
fn what_is_being_read_has_its_room_before_it_is_there() {
    let fake = Fake::new(|_| Ok(holding(0, &[1.0; 1000])));
    let cache = Cached::new(fake, memory(2 * ONE));
    ask(&cache, "a");
    ask(&cache, "b");
    cache.step(&Key::of(&about("x", 0, 1)), &about("x", 0, 1));
    let s = cache.lock();
    let foreseen = s.flights * s.largest;
    assert!(foreseen > 4000);
    assert!(s.bytes + foreseen <= 2 * ONE, "{} bytes", s.bytes);
    assert!(!s.hosts.contains_key(&Key::of(&about("a", 0, 1))));
}

#[test]
fn a_large_answer_is_not_kept_beside_one_that_is_being_read() {
    let fake = Fake::new(|_| Ok(holding(0, &[1.0; 1000])));
    for (bytes, kept) in [(ONE, false), (8 * ONE, true)] {
        let cache = Cached::new(&fake, memory(bytes));
        let other = about("x", 0, 1);
        cache.step(&Key::of(&other), &other);
        ask(&cache, "a");
        let s = cache.lock();
        let is_kept = s.hosts.contains_key(&Key::of(&about("a", 0, 1)));
        assert_eq!(is_kept, kept);
    }
}

#[test]
fn failures_reach_all_who_waited_and_are_not_remembered() {
    let begun = Arc::new(Barrier::new(2));
    let (wait, fails) = (Arc::clone(&begun), Arc::new(AtomicBool::new(true)));
    let failing = Arc::clone(&fails);
    let fake = Fake::new(move |_| {
        if failing.load(Ordering::SeqCst) {
            wait.wait();
            wait.wait();
            return Err(unreadable(false));
        }
        Ok(holding(0, &[1.0]))
    });
    let cache = Cached::new(fake, memory(1 << 20));
    let stop = Stop::new();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| cache.ask(&about("a", 0, 1), &stop));
        begun.wait();
        // The question is under way: this one waits for it.
        let key = Key::of(&about("a", 0, 1));
        let Step::Wait(flight, true) = cache.step(&key, &about("a", 0, 1)) else {
            panic!("another reading of the same host");
        };
        begun.wait();
        assert_eq!(flight.wait(&stop).unwrap_err(), unreadable(false));
        assert_eq!(first.join().unwrap().unwrap_err(), unreadable(false));
    });
    fails.store(false, Ordering::SeqCst);
    assert!(cache.ask(&about("a", 0, 1), &stop).is_ok());
}

#[test]
fn a_question_that_is_not_covered_is_asked_for_both_windows() {
    let fake = hosts();
    let cache = Cached::new(&fake, memory(1 << 20));
    let stop = Stop::new();
    for (from, to) in [(1000, 2000), (1200, 1300), (1900, 2100), (2500, 3100)] {
        cache.ask(&about("a", from, to), &stop).unwrap();
    }
    let windows: Vec<_> = fake.asked.lock().unwrap().iter().map(|a| a.1).collect();
    let first = Interval {
        from: 1000,
        to: 2000,
    };
    // Grown by its own length more at the end, which covers the last question, too.
    let grown = Interval {
        from: 1000,
        to: 3200,
    };
    assert_eq!(windows, [first, grown]);
}

#[test]
fn an_answer_that_takes_much_of_the_room_is_not_widened() {
    let fake = hosts();
    let cache = Cached::new(&fake, memory(2 * ONE));
    let stop = Stop::new();
    for from in [0, 1000, 2000] {
        cache.ask(&about("a", from, from + 100), &stop).unwrap();
    }
    let windows: Vec<_> = fake.asked.lock().unwrap().iter().map(|a| a.1).collect();
    assert!(windows.iter().all(|w| w.to - w.from == 100), "{windows:?}");
    let next = cache.step(&Key::of(&about("a", 9000, 9100)), &about("a", 9000, 9100));
    assert!(matches!(next, Step::Ask(..)));
    assert_eq!(
        cache.lock().bytes,
        0,
        "the last one is kept while its successor is read"
    );
}

#[test]
fn an_answer_with_more_than_was_asked_serves_more() {
    let fake = Fake::new(|_| {
        let mut evidence = holding(0, &[1.0]);
        evidence.covers = Covers {
            window: Some(Interval::ALL),
            all_metrics: true,
        };
        Ok(evidence)
    });
    let cache = Cached::new(&fake, memory(1 << 20));
    let stop = Stop::new();
    cache.ask(&about("a", 0, 1), &stop).unwrap();
    let mut request = about("a", -500, 1 << 40);
    let metrics = [wanted("x", &[])];
    request.metrics = &metrics;
    cache.ask(&request, &stop).unwrap();
    assert_eq!(fake.times(), 1);
}

fn wanted<'a>(metric: &'a str, components: &'a [Component]) -> Wanted<'a> {
    Wanted {
        metric,
        frequency: 60,
        native: Scope::Core,
        components,
    }
}

fn core(n: u32) -> Component {
    Component {
        id: n.to_string(),
        level: format!("core{n}"),
    }
}

#[test]
fn metrics_and_components_that_were_not_asked_for_are_asked_with_the_others() {
    let fake = hosts();
    let cache = Cached::new(&fake, memory(1 << 20));
    let stop = Stop::new();
    let (few, more, other) = ([core(2)], [core(10), core(2)], [core(3)]);
    for metrics in [
        vec![wanted("a", &more)],
        vec![wanted("a", &few)],
        vec![wanted("a", &other), wanted("b", &[])],
        vec![wanted("b", &[]), wanted("a", &more)],
    ] {
        let mut request = about("h", 0, 100);
        request.metrics = &metrics;
        cache.ask(&request, &stop).unwrap();
    }
    let asked: Vec<_> = fake.asked.lock().unwrap().iter().map(|a| a.2).collect();
    assert_eq!(asked, [1, 2]);
}

#[test]
fn a_panic_in_the_source_leaves_nobody_waiting_and_nothing_reserved() {
    let first = AtomicBool::new(true);
    let fake = Fake::new(move |_| {
        assert!(!first.swap(false, Ordering::SeqCst), "as it was told");
        Ok(holding(0, &[1.0]))
    });
    let cache = Cached::new(fake, memory(1 << 20));
    let begun = std::panic::AssertUnwindSafe(|| ask(&cache, "a"));
    assert!(std::panic::catch_unwind(begun).is_err());
    let s = cache.lock();
    assert!(s.hosts.is_empty() && s.bytes == 0 && s.flights == 0);
    drop(s);
    ask(&cache, "a");
}

#[test]
fn one_look_at_the_reach_serves_all_holds_up_no_host_and_can_be_given_up() {
    let looks = Arc::new(AtomicUsize::new(0));
    let begun = Arc::new(Barrier::new(2));
    let (count, wait) = (Arc::clone(&looks), Arc::clone(&begun));
    let mut fake = hosts();
    fake.reach = Box::new(move || {
        count.fetch_add(1, Ordering::SeqCst);
        wait.wait();
        wait.wait();
        Ok(Reach {
            newest: 7,
            oldest: 1,
        })
    });
    let cache = Cached::new(fake, memory(1 << 20));
    let (stop, cancelled) = (Stop::new(), Stop::new());
    cancelled.cancel();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| cache.reach("c", &stop));
        begun.wait();
        ask(&cache, "a");
        assert_eq!(cache.reach("c", &cancelled), Err(Error::Cancelled));
        let second = scope.spawn(|| cache.reach("c", &stop));
        begun.wait();
        assert_eq!(first.join().unwrap().unwrap().newest, 7);
        assert_eq!(second.join().unwrap().unwrap().newest, 7);
    });
    assert_eq!(cache.reach("c", &stop).unwrap().oldest, 1);
    assert_eq!(looks.load(Ordering::SeqCst), 1);
}

#[test]
fn a_reach_that_could_not_be_found_out_is_looked_for_again() {
    let fails = AtomicBool::new(true);
    let mut fake = hosts();
    fake.reach = Box::new(move || {
        if fails.swap(false, Ordering::SeqCst) {
            return Err(unreadable(false));
        }
        Ok(Reach::default())
    });
    let cache = Cached::new(fake, memory(1));
    assert!(cache.reach("c", &Stop::new()).is_err());
    assert!(cache.reach("c", &Stop::new()).is_ok());
}
