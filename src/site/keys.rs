//! Keys of config.json that look like misspelt ones.
//!
//! Most keys are none of our business, so that an unknown one is no error. But one that nearly is a key that we read
//! names a place that nobody finds: cc-backend and this program would both take their defaults.

use serde_json::Value;

/// A section, as the path to it, and the keys that are read of it.
const READ: &[(&[&str], &[&str])] = &[
    (
        &[],
        &[
            "main",
            "main-file",
            "archive",
            "archive-file",
            "metric-store",
            "metric-store-external",
        ],
    ),
    (&["main"], &["db"]),
    (
        &["archive"],
        &[
            "kind",
            "path",
            "db-path",
            "bucket",
            "endpoint",
            "region",
            "access-key",
            "secret-key",
            "use-path-style",
        ],
    ),
    (
        &["metric-store"],
        &[
            "checkpoints",
            "checkpoint-interval",
            "retention-in-memory",
            "cleanup",
        ],
    ),
    (&["metric-store", "checkpoints"], &["directory"]),
    (&["metric-store", "cleanup"], &["mode", "directory"]),
];

/// Unknown keys that are close to a key that is missing: both, with their section.
pub(super) fn misspelt(config: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (section, known) in READ {
        let place = section.iter().try_fold(config, |v, key| v.get(key));
        let Some(object) = place.and_then(Value::as_object) else {
            continue;
        };
        for written in object.keys().filter(|k| !known.contains(&k.as_str())) {
            let meant = known
                .iter()
                .filter(|k| !object.contains_key(**k))
                .find(|k| is_close(written, k));
            if let Some(meant) = meant {
                let full = |key: &str| [section, &[key][..]].concat().join(".");
                found.push((full(written), full(meant)));
            }
        }
    }
    found
}

/// Whether one is the other but for case, dashes and a slip or two.
fn is_close(written: &str, known: &str) -> bool {
    let plain = |text: &str| -> Vec<char> {
        let letters = text.chars().filter(|c| !matches!(c, '-' | '_' | ' ' | '.'));
        letters.flat_map(char::to_lowercase).collect()
    };
    let (written, known) = (plain(written), plain(known));
    if written.len() > 2 * known.len() {
        return false;
    }
    let slips = match known.len() {
        0..=3 => 0,
        4..=7 => 1,
        _ => 2,
    };
    distance(&written, &known) <= slips
}

/// Letters to add, remove or replace to make one of the other.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut before = i;
        let mut next = vec![i + 1];
        for (y, above) in b.iter().zip(row.iter().skip(1)) {
            let left = next.last().copied().unwrap_or(0);
            let best = (before + usize::from(x != y)).min(above + 1).min(left + 1);
            before = *above;
            next.push(best);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(json: &str) -> Vec<String> {
        let pairs = misspelt(&serde_json::from_str(json).unwrap());
        pairs
            .into_iter()
            .map(|(a, b)| format!("{a} for {b}"))
            .collect()
    }

    #[test]
    fn a_slip_is_found_and_what_is_another_key_is_not() {
        assert_eq!(
            found(r#"{"metricStore": {}, "archve": {}, "main": {"DB": "x"}}"#),
            [
                "archve for archive",
                "metricStore for metric-store",
                "main.DB for main.db"
            ]
        );
        assert_eq!(
            found(r#"{"metric-store": {"checkpoint": {}, "retention_in_memory": "1h"}}"#),
            [
                "metric-store.checkpoint for metric-store.checkpoints",
                "metric-store.retention_in_memory for metric-store.retention-in-memory"
            ]
        );
        for json in [
            r#"{"auth": {}, "cron": {}, "nats": {}, "ui": {}, "metric-store-file": "x"}"#,
            r#"{"main": {"addr": "", "user": "", "api-allowed-ips": [], "validate": true}}"#,
            r#"{"archive": {"kind": "file", "path": "x", "retention": {}, "compression": 7}}"#,
            r#"{"archive": {"kind": "file", "path": "x", "paths": "y"}}"#,
            r#"{"metric-store": {"num-workers": 1, "memory-cap": 2, "nats-subscriptions": []}}"#,
            r"[1]",
        ] {
            assert_eq!(found(json), [""; 0], "{json}");
        }
    }
}
