//! Which of two archives of a job holds more. An archive is never replaced by one that holds less of any host.

use crate::model::stored::{Held, Values};

/// What a new archive is against the one that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// It holds everything that the old one holds, and more.
    Richer,
    /// Both hold as much.
    Equal,
    /// Somewhere it holds less; where and how much, in words.
    Poorer(String),
}

/// Compares by the number of values per metric, scope and host. `length_known`: both have the length that the row tells,
/// so that values beyond the end of a job which turned out shorter do not count.
pub fn compare(old: &Values, new: &Values, length_known: bool) -> Comparison {
    let mut richer = new
        .iter()
        .any(|(key, n)| n.values > 0 && !old.contains_key(key));
    for (key, old) in old {
        let now = new.get(key);
        let has = now.map_or(0, |n| n.values);
        let had = now
            .filter(|_| length_known)
            .map_or(old.values, |n| old.values.min(room(n, old)));
        if has < had {
            let (metric, scope, host) = key;
            return Comparison::Poorer(format!(
                "the archive holds {had} values of {metric} ({scope}) on {host}, the source only {has} now"
            ));
        }
        richer |= has > had;
    }
    if richer {
        Comparison::Richer
    } else {
        Comparison::Equal
    }
}

/// How many values fit into the series of the old archive, at the length that they have now.
fn room(now: &Held, old: &Held) -> u64 {
    now.longest.saturating_mul(old.series)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(held: &[(&str, u64, u64, u64)]) -> Values {
        held.iter()
            .map(|&(host, values, series, longest)| {
                let key = ("m".to_owned(), "core".to_owned(), host.to_owned());
                (
                    key,
                    Held {
                        values,
                        series,
                        longest,
                    },
                )
            })
            .collect()
    }

    #[test]
    fn an_archive_is_poorer_when_any_host_has_fewer_values() {
        let old = values(&[("a", 3, 2, 2), ("b", 0, 1, 0)]);
        assert_eq!(compare(&old, &old, true), Comparison::Equal);
        let more = values(&[("a", 4, 2, 2), ("b", 0, 1, 0)]);
        assert_eq!(compare(&old, &more, true), Comparison::Richer);
        let Comparison::Poorer(why) = compare(&more, &old, true) else {
            panic!("fewer values are poorer");
        };
        assert!(why.contains("4 values of m (core) on a"), "{why}");
        let elsewhere = values(&[("a", 2, 2, 2), ("b", 0, 1, 0), ("c", 9, 1, 9)]);
        assert!(matches!(
            compare(&old, &elsewhere, true),
            Comparison::Poorer(_)
        ));
        let new_host = values(&[("a", 3, 2, 2), ("b", 0, 1, 0), ("c", 1, 1, 2)]);
        assert_eq!(compare(&old, &new_host, true), Comparison::Richer);
    }

    #[test]
    fn values_beyond_the_end_of_a_job_that_turned_out_shorter_do_not_count() {
        let longer = values(&[("a", 6, 2, 9)]);
        let whole = values(&[("a", 4, 2, 2)]);
        assert_eq!(compare(&longer, &whole, true), Comparison::Equal);
        assert!(matches!(
            compare(&longer, &whole, false),
            Comparison::Poorer(_)
        ));
        let less = values(&[("a", 3, 2, 2)]);
        assert!(matches!(
            compare(&longer, &less, true),
            Comparison::Poorer(_)
        ));
        assert!(matches!(
            compare(&longer, &values(&[]), true),
            Comparison::Poorer(_)
        ));
    }
}
