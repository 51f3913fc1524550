//! Node lists of cluster.json (`t[001-040],login1`), as cc-backend's `pkg/archive/nodelist.go` reads them.
//!
//! Nothing of a sweep depends on which nodes a list names. But cc-backend refuses to start with a list that it cannot read,
//! so a sweep refuses it as well.

/// Makes sure that cc-backend can read a list; the empty one it can.
///
/// # Errors
/// One sentence naming the term and what was expected.
pub fn check(text: &str) -> Result<(), String> {
    split_outside_brackets(text)
        .into_iter()
        .try_for_each(|term| check_term(term).map_err(|e| format!("node list term `{term}`: {e}")))
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

fn check_term(term: &str) -> Result<(), String> {
    let mut rest = term;
    while let Some(c) = rest.chars().next() {
        if c == '[' {
            let (inner, after) = rest[1..]
                .split_once(']')
                .ok_or("`[` is not closed; expected for example [01-10]")?;
            inner.split(',').try_for_each(check_range)?;
            rest = after;
        } else if c.is_ascii_alphanumeric() {
            let end = rest
                .find(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
                .unwrap_or(rest.len());
            rest = &rest[end..];
        } else {
            return Err(format!(
                "invalid character `{}`; expected letters, digits, `-` or a range",
                c.escape_default()
            ));
        }
    }
    Ok(())
}

fn check_range(text: &str) -> Result<(), String> {
    let expected = || {
        format!(
            "`{text}` is not a range; expected two numbers of the same number of digits, as in 01-10"
        )
    };
    let (a, b) = text.split_once('-').ok_or_else(expected)?;
    if a.is_empty() || a.len() != b.len() {
        return Err(expected());
    }
    let is_number = |s: &str| s.parse::<i32>().is_ok();
    if is_number(a) && is_number(b) {
        Ok(())
    } else {
        Err(expected())
    }
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
