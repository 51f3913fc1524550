//! What the documents and places of an archive are called: in the tree and in buckets alike, as cc-backend names them.

use crate::model::job::JobKey;
use crate::model::stored::Form;

pub(super) const META: &str = "meta.json";
pub(super) const PLAIN: &str = "data.json";
pub(super) const GZIP: &str = "data.json.gz";
pub(super) const VERSION: &str = "version.txt";

/// The data of a form.
pub(super) const fn data_name(form: Form) -> &'static str {
    match form {
        Form::Plain => PLAIN,
        Form::Gzip => GZIP,
    }
}

/// The names of a job's place below its cluster: thousands and rest of its number, its start.
pub(super) fn levels(key: &JobKey) -> [String; 3] {
    let (thousands, rest) = (key.job_id / 1000, key.job_id % 1000);
    [
        thousands.to_string(),
        format!("{rest:03}"),
        key.start_time.to_string(),
    ]
}

/// A name that is a number as it stands in a place.
pub(super) fn number(name: &str) -> Option<i64> {
    number_of(name, 1)
}

/// A name that is the rest of a job's number: three digits.
pub(super) fn rest(name: &str) -> Option<i64> {
    number_of(name, 3).filter(|n| *n < 1000)
}

fn number_of(name: &str, digits: usize) -> Option<i64> {
    let n: i64 = name.parse().ok().filter(|n| *n >= 0)?;
    (format!("{n:0digits$}") == name).then_some(n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_back_from_its_names_and_from_no_others() {
        let key = JobKey {
            cluster: "c".into(),
            job_id: 12_007,
            start_time: 1_700_000_000,
        };
        let [thousands, last, start] = levels(&key);
        assert_eq!((number(&thousands), rest(&last)), (Some(12), Some(7)));
        assert_eq!(number(&start), Some(key.start_time));
        for other in ["7", "0007", "1001", "-07", "+07", "x07", ""] {
            assert_eq!(rest(other), None, "{other}");
        }
        for other in ["012", "-1", "+1", "1x", ""] {
            assert_eq!(number(other), None, "{other}");
        }
    }
}
