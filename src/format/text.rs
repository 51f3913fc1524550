//! Texts and maps as Go's encoding/json writes them, from bytes that may be no UTF-8.

use std::collections::BTreeMap;

use super::number;

/// Appends a quoted string.
pub fn quoted(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for chunk in text.utf8_chunks() {
        let valid = chunk.valid();
        let mut from = 0;
        for (i, c) in valid.char_indices() {
            if let Some(escape) = escape(c) {
                out.extend_from_slice(&valid.as_bytes()[from..i]);
                out.extend_from_slice(escape.as_bytes());
                from = i + c.len_utf8();
            }
        }
        out.extend_from_slice(&valid.as_bytes()[from..]);
        for _ in chunk.invalid() {
            out.extend_from_slice(br"\ufffd");
        }
    }
    out.push(b'"');
}

fn escape(c: char) -> Option<String> {
    Some(match c {
        '"' => r#"\""#.into(),
        '\\' => r"\\".into(),
        '\u{8}' => r"\b".into(),
        '\u{c}' => r"\f".into(),
        '\n' => r"\n".into(),
        '\r' => r"\r".into(),
        '\t' => r"\t".into(),
        '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
            format!("\\u{:04x}", u32::from(c))
        }
        _ => return None,
    })
}

/// Appends `"key":`.
pub fn key(name: &str, out: &mut Vec<u8>) {
    quoted(name.as_bytes(), out);
    out.push(b':');
}

/// Appends an object of `entries`, each written by `value`.
pub fn object<'a, V: 'a>(
    entries: impl IntoIterator<Item = (&'a String, &'a V)>,
    out: &mut Vec<u8>,
    mut value: impl FnMut(&'a V, &mut Vec<u8>),
) {
    out.push(b'{');
    for (k, (name, v)) in entries.into_iter().enumerate() {
        if k > 0 {
            out.push(b',');
        }
        key(name, out);
        value(v, out);
    }
    out.push(b'}');
}

/// Appends an array of `items`, each written by `value`.
pub fn array<T>(
    items: impl IntoIterator<Item = T>,
    out: &mut Vec<u8>,
    mut value: impl FnMut(T, &mut Vec<u8>),
) {
    out.push(b'[');
    for (k, item) in items.into_iter().enumerate() {
        if k > 0 {
            out.push(b',');
        }
        value(item, out);
    }
    out.push(b']');
}

/// A map of numbers as in meta.json and in the columns `footprint` and `energy_footprint`.
pub fn numbers(map: &BTreeMap<String, f64>, out: &mut Vec<u8>) {
    object(map, out, |v, out| number::shortest(*v, out));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_as_go_does() {
        let cases: [(&[u8], &str); 4] = [
            (
                b"a\"\\\x08\x0c\n\r\t\x01\x1f/\x7f",
                "\"a\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f/\x7f\"",
            ),
            (
                "<>&\u{2028}\u{2029}ü".as_bytes(),
                r#""\u003c\u003e\u0026\u2028\u2029ü""#,
            ),
            (b"a\xff\xfeb\xe2\x82", r#""a\ufffd\ufffdb\ufffd\ufffd""#),
            ("\u{fffd}".as_bytes(), "\"\u{fffd}\""),
        ];
        for (text, want) in cases {
            let mut out = Vec::new();
            quoted(text, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), want);
        }
    }
}
