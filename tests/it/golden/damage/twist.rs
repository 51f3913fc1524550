//! Differences that no carried site needs: where cc-backend's side is changed as it can come out elsewhere, a
//! correct result is still right, and the judge says which difference it took.

use super::damaged::{Damaged, items, number, pairs, text};
use super::{python, swept};
use crate::judge::json::Json;
use crate::judge::{Difference, Site, judge};
use crate::support::golden;

struct Twist(Difference, i64, fn(&Damaged));

const TWISTS: [Twist; 3] = [
    Twist(Difference::LastDigit, 1001, |theirs| {
        theirs.data("mem_bw/node/series/0/data/7", |v| {
            let value = v.float().expect("a value");
            *v = number(&format!("{:.2}", value + 0.01));
        });
    }),
    Twist(Difference::FirstSlot, 1003, |theirs| {
        theirs.data("cpu_load/node/series/1", |v| {
            let keys = ["min", "avg", "max"].map(|key| (key.to_owned(), number("0.00")));
            pairs(v)[1].1 = Json::Object(keys.to_vec());
            pairs(v)[2].1 = Json::List(Vec::new());
        });
    }),
    Twist(Difference::RightIds, 1018, |theirs| {
        let mut answers = Vec::new();
        theirs.data("cpu_user/hwthread/series", |v| {
            answers.extend(items(v).iter().map(shifted));
            pairs(&mut items(v)[2])[1].1 = text("5");
            pairs(&mut items(v)[5])[1].1 = text("2");
        });
        theirs.reads(|v| {
            let job = pairs(v).iter_mut().find(|(id, _)| id == "18");
            job.expect("the job's answers").1 = Json::List(answers);
        });
    }),
];

/// The store's own answer for a thread.
fn shifted(series: &Json) -> Json {
    let field = |key| series.get(key).cloned().expect("a field");
    let answer = [
        ("Metric", text("cpu_user")),
        ("Scope", text("hwthread")),
        ("Host", field("hostname")),
        ("Type", text("hwthread")),
        ("IDs", Json::List(vec![field("id")])),
        ("Err", text("shifted")),
        ("Data", field("data")),
    ];
    Json::Object(answer.map(|(k, v)| (k.to_owned(), v)).to_vec())
}

#[test]
fn differences_that_no_carried_site_needs_are_allowed_by_both_judges() {
    let (site, result) = swept();
    for Twist(difference, job, apply) in &TWISTS {
        let site = golden::copy_whole(&site.path(), &[]);
        apply(&Damaged::new(
            difference.text(),
            site.path().join("expected"),
            *job,
        ));
        let judged = Site::open(&site.path()).expect("the site");
        let verdict = judge(&judged, &result.path()).expect("the result");
        assert!(verdict.wrong.is_empty(), "{verdict}");
        assert!(verdict.differences.contains_key(difference), "{verdict}");
        for theirs in python::compare(&site.path(), &[(result.path(), None)])
            .iter()
            .flatten()
        {
            theirs.assert_agrees(&verdict);
        }
    }
}
