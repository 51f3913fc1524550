//! Node lists of cluster.json (`t[001-040],login1`), as cc-backend's `pkg/archive/nodelist.go` reads them.
//!
//! Nothing of a sweep depends on which nodes a list names. But cc-backend refuses to start with a list that it cannot read,
//! so a sweep refuses it as well.

/// What cc-backend cannot read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A range without an end.
    #[error("node list term `{term}`: `[` is not closed; expected for example [01-10]")]
    Open {
        /// Where it stands.
        term: String,
    },
    /// A character that no name has.
    #[error(
        "node list term `{term}`: invalid character `{}`; expected letters, digits, `-` or a range",
        .found.escape_default()
    )]
    Character {
        /// Where it stands.
        term: String,
        /// The character.
        found: char,
    },
    /// Something else in brackets.
    #[error(
        "node list term `{term}`: `{found}` is not a range; expected two numbers of the same number of digits, as in 01-10"
    )]
    Range {
        /// Where it stands.
        term: String,
        /// What stands there.
        found: String,
    },
}

/// Makes sure that cc-backend can read a list; the empty one it can.
///
/// # Errors
/// When it cannot.
pub fn check(text: &str) -> Result<(), Error> {
    split_outside_brackets(text)
        .into_iter()
        .try_for_each(check_term)
}

fn split_outside_brackets(text: &str) -> Vec<&str> {
    if text.is_empty() {
        return Vec::new();
    }
    let (mut depth, mut from, mut out) = (0_usize, 0, Vec::new());
    for (i, c) in text.char_indices() {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                out.push(&text[from..i]);
                from = i + 1;
            }
            _ => {}
        }
    }
    out.push(&text[from..]);
    out
}

fn check_term(term: &str) -> Result<(), Error> {
    let mut rest = term;
    let owned = || term.to_owned();
    while let Some(c) = rest.chars().next() {
        if c == '[' {
            let closed = rest[1..].split_once(']');
            let (inner, after) = closed.ok_or_else(|| Error::Open { term: owned() })?;
            if let Some(found) = inner.split(',').find(|text| !is_range(text)) {
                let (term, found) = (owned(), found.to_owned());
                return Err(Error::Range { term, found });
            }
            rest = after;
        } else if c.is_ascii_alphanumeric() {
            let end = rest
                .find(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
                .unwrap_or(rest.len());
            rest = &rest[end..];
        } else {
            return Err(Error::Character {
                term: owned(),
                found: c,
            });
        }
    }
    Ok(())
}

fn is_range(text: &str) -> bool {
    let is_number = |s: &str| s.parse::<i32>().is_ok();
    text.split_once('-')
        .is_some_and(|(a, b)| !a.is_empty() && a.len() == b.len() && is_number(a) && is_number(b))
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn lists_that_cc_backend_reads_are_accepted() {
        for good in [
            "",
            "t[001-040,100-110],login1,a[1-2]b[0-3]",
            "a[9-1]",
            "a-1",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn lists_that_cc_backend_refuses_are_refused() {
        for bad in [
            "a[1]",
            "a[01-1]",
            "a_b",
            "a[1-2",
            "a[-]",
            "x y",
            "a[1-2]-b",
            "a[99999999999-99999999999]",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
