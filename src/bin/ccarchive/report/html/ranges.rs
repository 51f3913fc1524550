//! Hosts in racks and ranges, so that thousands of them fit on a page: by the numbers in their names, which follow the
//! building almost everywhere.

use std::ops::Range;

/// A name as letters and the number behind them; sorts n2 before n10.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key(String, Option<u64>);

impl Key {
    fn new(name: &str) -> Self {
        let letters = name.trim_end_matches(|c: char| c.is_ascii_digit());
        // A number beyond what counts anything is a name.
        match name[letters.len()..].parse() {
            Ok(number) => Self(letters.to_owned(), Some(number)),
            Err(_) => Self(name.to_owned(), None),
        }
    }

    /// The name without its number; without one, its letters without their last part.
    fn shorter(self) -> Self {
        if self.1.is_some() {
            return Self(self.0, None);
        }
        let rest = self.0.trim_end_matches(|c: char| !c.is_ascii_digit());
        if rest.len() == self.0.len() {
            return Self(String::new(), None);
        }
        Self::new(rest)
    }
}

/// One step coarser: all numbers without their last digit; where none has one left, shorter names.
fn coarser(keys: Vec<Key>) -> Vec<Key> {
    if keys.iter().any(|k| k.1.is_some_and(|n| n > 0)) {
        let tenth = |Key(letters, number)| Key(letters, number.map(|n| n / 10));
        keys.into_iter().map(tenth).collect()
    } else {
        keys.into_iter().map(Key::shorter).collect()
    }
}

/// Steps after which every name is empty, with room to spare.
const STEPS: usize = 40;

/// Puts hosts into at most `most` groups, each a list of indices in the order of names: single hosts where they fit.
pub(super) fn groups(hosts: &[&str], most: usize) -> Vec<Vec<usize>> {
    let most = most.max(1);
    let mut order: Vec<(Key, usize)> = hosts
        .iter()
        .enumerate()
        .map(|(k, h)| (Key::new(h), k))
        .collect();
    order.sort();
    let (mut keys, order): (Vec<Key>, Vec<usize>) = order.into_iter().unzip();
    let mut finer = parts(&keys);
    for step in 0..=STEPS {
        let found = parts(&keys);
        if found.len() <= most {
            // One group of everything says nothing.
            if found.len() == 1 && step > 0 && most > 1 {
                break;
            }
            let found = split(&found, &finer, most).unwrap_or(found);
            return found.into_iter().map(|part| order[part].to_vec()).collect();
        }
        finer = found;
        keys = coarser(keys);
    }
    // Names without order: equal parts.
    let part = hosts.len().div_ceil(most).max(1);
    order.chunks(part).map(<[usize]>::to_vec).collect()
}

/// Where neighbours have one key.
fn parts(keys: &[Key]) -> Vec<Range<usize>> {
    let mut from = 0;
    let runs = keys.chunk_by(|a, b| a == b);
    runs.map(|run| {
        from += run.len();
        from - run.len()..from
    })
    .collect()
}

/// The same groups in several pieces each, made of finer ones, if that is still few enough.
fn split(
    groups: &[Range<usize>],
    finer: &[Range<usize>],
    most: usize,
) -> Option<Vec<Range<usize>>> {
    let at_once = finer.len().div_ceil(most).max(1);
    let mut out = Vec::new();
    for group in groups {
        let inside = |f: &&Range<usize>| group.start <= f.start && f.end <= group.end;
        let inside: Vec<&Range<usize>> = finer.iter().filter(inside).collect();
        for piece in inside.chunks(at_once) {
            out.push(piece.first()?.start..piece.last()?.end);
        }
    }
    (out.len() <= most).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(names: &[String], most: usize) -> Vec<(String, usize)> {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        groups(&names, most)
            .iter()
            .map(|g| (names[g[0]].to_owned(), g.len()))
            .collect()
    }

    #[test]
    fn few_hosts_stand_alone_in_the_order_of_their_numbers() {
        let names = ["n10", "n2", "a"].map(String::from);
        let alone = [("a", 1), ("n2", 1), ("n10", 1)].map(|(n, c)| (n.to_owned(), c));
        assert_eq!(named(&names, 64), alone);
    }

    #[test]
    fn thousands_stand_in_parts_of_hundreds() {
        let names: Vec<String> = (1..=5000).map(|k| format!("n{k}")).collect();
        let found = named(&names, 64);
        assert_eq!(found.len(), 51);
        assert_eq!(found[0], ("n1".to_owned(), 99));
        assert_eq!(found[1], ("n100".to_owned(), 100));
        let found = named(&names, 120);
        assert_eq!(found.len(), 101);
        assert_eq!(found[2], ("n100".to_owned(), 50));
    }

    #[test]
    fn a_rack_in_the_name_is_a_group() {
        let names: Vec<String> = (0..40)
            .flat_map(|rack| (1..=36).map(move |node| format!("r{rack:02}n{node:02}")))
            .collect();
        let found = named(&names, 64);
        assert_eq!(found.len(), 40);
        assert!(found.iter().all(|g| g.1 == 36));
        assert_eq!(found[1].0, "r01n01");
    }

    #[test]
    fn names_without_order_stand_in_equal_parts() {
        let names: Vec<String> = (0..200)
            .map(|k| format!("x{}", ["a", "b"][k % 2].repeat(k + 1)))
            .collect();
        let found = named(&names, 10);
        assert_eq!(found.len(), 10);
        assert_eq!(found.iter().map(|g| g.1).sum::<usize>(), 200);
        assert!(named(&[], 10).is_empty());
    }
}
