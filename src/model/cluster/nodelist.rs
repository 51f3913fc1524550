//! Node lists of cluster.json (`t[001-040],login1`), as cc-backend's `pkg/archive/nodelist.go` reads them.
//!
//! cc-backend refuses to start with a list it cannot parse, so a sweep refuses it as well.

/// A parsed node list: a host belongs to it when one term matches the whole name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeList(Vec<Vec<Part>>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    /// (first, last, digits)
    Ranges(Vec<(i64, i64, usize)>),
}

impl NodeList {
    /// Parses a list; the empty list is valid and matches nothing.
    ///
    /// # Errors
    /// One sentence naming the term and what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut terms = Vec::new();
        for term in split_outside_brackets(text) {
            terms.push(parse_term(term).map_err(|e| format!("node list term `{term}`: {e}"))?);
        }
        Ok(Self(terms))
    }

    /// Whether the list names a host.
    pub fn contains(&self, host: &str) -> bool {
        self.0.iter().any(|term| {
            !term.is_empty()
                && term
                    .iter()
                    .try_fold(host, |rest, part| part.consume(rest))
                    .is_some_and(str::is_empty)
        })
    }
}

impl Part {
    fn consume<'a>(&self, input: &'a str) -> Option<&'a str> {
        match self {
            Self::Literal(l) => input.strip_prefix(l.as_str()),
            Self::Ranges(ranges) => ranges.iter().find_map(|&(first, last, digits)| {
                let (number, rest) = input.split_at_checked(digits)?;
                let stripped = number.trim_start_matches('0');
                let value: i64 = if stripped.is_empty() {
                    0
                } else {
                    stripped.parse().ok()?
                };
                (first <= value && value <= last).then_some(rest)
            }),
        }
    }
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

fn parse_term(term: &str) -> Result<Vec<Part>, String> {
    let (mut rest, mut parts) = (term, Vec::new());
    while let Some(c) = rest.chars().next() {
        if c == '[' {
            let (inner, after) = rest[1..]
                .split_once(']')
                .ok_or("`[` is not closed; expected for example [01-10]")?;
            parts.push(Part::Ranges(
                inner
                    .split(',')
                    .map(parse_range)
                    .collect::<Result<_, _>>()?,
            ));
            rest = after;
        } else if c.is_ascii_alphanumeric() {
            let end = rest
                .find(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
                .unwrap_or(rest.len());
            parts.push(Part::Literal(rest[..end].into()));
            rest = &rest[end..];
        } else {
            return Err(format!(
                "invalid character `{}`; expected letters, digits, `-` or a range",
                c.escape_default()
            ));
        }
    }
    Ok(parts)
}

fn parse_range(text: &str) -> Result<(i64, i64, usize), String> {
    let expected = || {
        format!(
            "`{text}` is no range; expected two numbers of the same number of digits, as in 01-10"
        )
    };
    let (a, b) = text.split_once('-').ok_or_else(expected)?;
    if a.is_empty() || a.len() != b.len() {
        return Err(expected());
    }
    let number = |s: &str| s.parse::<i32>().map(i64::from).map_err(|_e| expected());
    Ok((number(a)?, number(b)?, a.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_match_whole_names_with_as_many_digits_as_the_range() {
        let l = NodeList::parse("t[001-040,100-110],login1,a[1-2]b[0-3]").unwrap();
        for yes in ["t001", "t040", "t105", "login1", "a2b3"] {
            assert!(l.contains(yes), "{yes}");
        }
        for no in [
            "t041", "t01", "t0010", "login", "login12", "a3b0", "a1b", "", "tééé",
        ] {
            assert!(!l.contains(no), "{no}");
        }
        assert!(!NodeList::parse("").unwrap().contains(""));
        assert!(
            NodeList::parse("a[9-1]").is_ok_and(|l| !l.contains("a5")),
            "a reversed range matches nothing"
        );
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
            assert!(NodeList::parse(bad).is_err(), "{bad}");
        }
    }
}
