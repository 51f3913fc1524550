//! What a store is asked: never more than it can bear, never what it would answer wrongly; and where its values belong.

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::{QUICK, ask, asked_of, store, values};
use crate::support::site::{CLUSTER, HOUR, T0};
use crate::support::snapshots::{METRICS, STEP, value};
use crate::support::store::{Asked, Play, Played, answer};
use crate::support::wait::pause;
use ccarchive::model::stop::Stop;
use ccarchive::source::http::Limits;
use ccarchive::source::{Error, Source};

/// Hazards 10, 11: memory of the store for all time, and aggregates that it cuts short.
#[test]
fn a_store_is_asked_for_the_window_alone_for_one_unpadded_scaled_series_a_query() {
    let played = Played::holding(&["n1"], T0 - HOUR, T0 + HOUR);
    asked_of(&played.url()).unwrap();
    for asked in played.asked() {
        assert!(asked.json["from"].as_i64().unwrap() > 0, "{}", asked.body);
        assert_eq!(asked.json["with-padding"], false);
        if asked.is_look() {
            continue;
        }
        assert_eq!(asked.json["from"], T0);
        assert_eq!(asked.json["to"], T0 + HOUR);
        for query in asked.json["queries"].as_array().unwrap() {
            assert_eq!(query["aggreg"], false);
            assert_eq!(query["resolution"], 0);
            assert_eq!(query["scale-by"], 1_073_741_824.0);
            assert!(
                query["type-ids"]
                    .as_array()
                    .is_none_or(|ids| ids.len() == 1)
            );
        }
    }
}

/// Hazard 14.
#[test]
fn no_request_is_larger_than_allowed() {
    let played = Played::holding(&["n1"], T0 - HOUR, T0 + HOUR);
    let limits = Limits {
        values: 70,
        ..QUICK
    };
    let store = store(&played.url(), None, limits);
    ask(&store, CLUSTER, "n1", &Stop::new()).unwrap();
    let asked = played.asked();
    let data: Vec<_> = asked.iter().filter(|a| !a.is_look()).collect();
    assert_eq!(data.len(), 2, "each of two metrics for itself");
    assert!(data.iter().all(|a| a.values() <= 70));
}

/// Hazard 14. The store answers only where four wait for it: fewer at once would wait for ever.
#[test]
fn four_requests_are_under_way_at_once_and_no_more() {
    let four = Barrier::new(4);
    let played = Played::start(move |asked| {
        if !asked.is_look() {
            four.wait();
            // A fifth would come meanwhile.
            pause(Duration::from_millis(5));
        }
        Play::Answer(answer(asked, &["n1"], T0 - HOUR, T0 + HOUR))
    });
    let store = store(&played.url(), None, QUICK);
    thread::scope(|s| {
        for _ in 0..12 {
            s.spawn(|| ask(&store, CLUSTER, "n1", &Stop::new()).unwrap());
        }
    });
    let data = played.asked().iter().filter(|a| !a.is_look()).count();
    assert_eq!((data, played.most_at_once()), (12, 4));
}

/// Hazard 12: `[]` for "nothing there" and for a typing error.
#[test]
fn a_cluster_that_the_store_does_not_know_is_an_error_and_a_host_that_it_does_not_know_is_none() {
    let played = Played::holding(&["n1"], T0 - HOUR, T0 + HOUR);
    let store = store(&played.url(), None, QUICK);
    let stop = Stop::new();
    match ask(&store, "alhpa", "n1", &stop) {
        Err(Error::ClusterMissing { detail, .. }) => assert!(detail.contains("alhpa"), "{detail}"),
        other => panic!("{other:?}"),
    }
    for host in ["n1", "n2", "n1"] {
        let evidence = ask(&store, CLUSTER, host, &stop).unwrap();
        assert_eq!(evidence.newest.is_some(), host == "n1");
    }
    let looks = played.asked().iter().filter(|a| a.is_look()).count();
    assert_eq!(looks, 2, "one a cluster");
}

#[test]
fn the_newest_data_of_a_cluster_is_that_of_any_host_however_old() {
    // The clock stands at T0 + HOUR.
    for (end, newest) in [
        (T0 + HOUR, T0 + HOUR - STEP),
        (T0 - 10 * HOUR, T0 - 10 * HOUR - STEP),
    ] {
        let played = Played::holding(&["n1", "n2"], T0 - 20 * HOUR, end);
        let reach = store(&played.url(), None, QUICK).reach(CLUSTER, &Stop::new());
        assert_eq!(reach.unwrap().newest, newest);
    }
    let played = Played::holding(&["n1"], T0 - 900 * HOUR, T0 - 800 * HOUR);
    let reach = store(&played.url(), None, QUICK).reach(CLUSTER, &Stop::new());
    assert_eq!(
        reach.unwrap().newest,
        i64::MIN,
        "older than what is looked at"
    );
}

/// Values of the window's grid where the series began before it: value k is that of the slot which contains its time.
#[test]
fn values_stand_on_the_grid_of_the_window_where_the_series_began_before_it() {
    for phase in [0, 7, 29, 30, 31, 59] {
        let from = T0 - HOUR + phase;
        let played = Played::holding(&["n1"], from, T0 + 2 * HOUR);
        let evidence = asked_of(&played.url()).unwrap();
        for metric in METRICS {
            let slot = |k: i64| from + (T0 + k * STEP - from + STEP / 2).div_euclid(STEP) * STEP;
            let expected: Vec<f32> = (0..60).map(|k| value("n1", metric, slot(k))).collect();
            assert_eq!(values(&evidence, metric), expected, "phase {phase}");
        }
    }
}

/// Where it begins inside, the answer begins with a true first sample, whose time tells the phase.
#[test]
fn values_stand_around_the_first_sample_where_the_series_begins_inside_the_window() {
    for late in [1, 29, 30, 31, 59, 60, 61, 1234] {
        let from = T0 + late;
        let played = Played::holding(&["n1"], from, T0 + 2 * HOUR);
        let evidence = asked_of(&played.url()).unwrap();
        let got = values(&evidence, METRICS[0]);
        for k in 0..60_i64 {
            let slot = (T0 + k * STEP - from + STEP / 2).div_euclid(STEP);
            let expected = (slot >= 0).then(|| value("n1", METRICS[0], from + slot * STEP));
            let value = got[usize::try_from(k).unwrap()];
            assert_eq!(
                (!value.is_nan()).then_some(value),
                expected,
                "late {late}, value {k}"
            );
        }
    }
}

/// Answers with this of every series.
fn of_every_series(found: Value) -> Played {
    Played::start(move |asked: &Asked| {
        if asked.is_look() {
            return Play::Answer(answer(asked, &["n1"], T0, T0 + HOUR));
        }
        let n = asked.json["queries"].as_array().unwrap().len();
        Play::Answer(json!({ "results": vec![&found; n] }).to_string())
    })
}

#[test]
fn newer_stores_that_pad_and_answers_that_are_a_step_too_long_are_understood() {
    let mut data = vec![Value::Null; 10];
    data.extend((10..61).map(|k| json!(f64::from(k) * 1_073_741_824.0)));
    let found = json!([{"data": data, "from": T0, "to": T0 + HOUR, "resolution": STEP}]);
    let evidence = asked_of(&of_every_series(found).url()).unwrap();
    let got = values(&evidence, METRICS[0]);
    assert_eq!(got.len(), 60);
    assert!(got[..10].iter().all(|v| v.is_nan()));
    assert_eq!((got[10], got[59]), (10.0, 59.0));
}

#[test]
fn a_metric_that_the_store_does_not_keep_is_told_and_nothing_is_nothing() {
    let error = |text: &str| json!([{"error": text, "from": 0, "to": 0, "resolution": 0}]);
    let unknown = of_every_series(error("[METRICSTORE]> unknown metric: X"));
    let evidence = asked_of(&unknown.url()).unwrap();
    assert!(
        evidence.passed_over[0]
            .detail
            .contains("not in the store's configuration")
    );
    for nothing in [error("metric or host not found"), json!([])] {
        let evidence = asked_of(&of_every_series(nothing).url()).unwrap();
        assert!(evidence.passed_over.is_empty() && evidence.damaged.is_empty());
        assert_eq!(evidence.newest, None);
    }
    let damaged = of_every_series(error("data does not align"));
    let evidence = asked_of(&damaged.url()).unwrap();
    assert!(evidence.damaged[0].detail.contains("does not align"));
}

#[test]
fn an_answer_about_something_else_is_no_answer() {
    let one = |from: i64, resolution: i64| json!({"data": [1.0], "from": from, "to": from, "resolution": resolution});
    for found in [
        json!([one(T0 - STEP, STEP)]),
        json!([one(T0 + 2 * HOUR, STEP)]),
        json!([one(T0, 0)]),
        json!([one(T0, -60)]),
        json!([one(T0, STEP), one(T0, STEP)]),
    ] {
        let e = asked_of(&of_every_series(found.clone()).url()).unwrap_err();
        assert!(matches!(e, Error::Unreadable { .. }), "{found}: {e:?}");
    }
}
