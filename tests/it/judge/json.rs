//! JSON as it was written: numbers keep their digits and objects their key order, so that a document
//! that is parsed and written again must give the same bytes. Shares nothing with the program.

use anyhow::{Context, Result, bail, ensure};

/// A parsed document. Objects are lists of pairs; a key that comes twice is an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

pub(crate) fn parse(bytes: &[u8]) -> Result<Json> {
    let text = std::str::from_utf8(bytes).context("not UTF-8")?;
    let mut parser = Parser { text, at: 0 };
    let value = parser.value()?;
    parser.space();
    ensure!(parser.at == text.len(), "bytes after the document");
    Ok(value)
}

impl Json {
    pub(crate) fn get(&self, key: &str) -> Option<&Json> {
        let Json::Object(pairs) = self else {
            return None;
        };
        pairs.iter().find(|(k, _)| k == key).map(|(_, v)| v)
    }

    pub(crate) fn field(&self, key: &str) -> Result<&Json> {
        self.get(key).with_context(|| format!("no key {key}"))
    }

    pub(crate) fn pairs(&self) -> Result<&[(String, Json)]> {
        let Json::Object(pairs) = self else {
            bail!("{} is no object", self.compact());
        };
        Ok(pairs)
    }

    pub(crate) fn keys(&self) -> Result<Vec<&str>> {
        Ok(self.pairs()?.iter().map(|(k, _)| k.as_str()).collect())
    }

    pub(crate) fn list(&self) -> Result<&[Json]> {
        let Json::List(items) = self else {
            bail!("{} is no list", self.compact());
        };
        Ok(items)
    }

    /// The items of a list; nothing when the key is missing or null.
    pub(crate) fn items(&self, key: &str) -> Result<&[Json]> {
        match self.get(key) {
            None | Some(Json::Null) => Ok(&[]),
            Some(other) => other.list(),
        }
    }

    pub(crate) fn text(&self) -> Result<&str> {
        let Json::Text(text) = self else {
            bail!("{} is no string", self.compact());
        };
        Ok(text)
    }

    /// The digits of a number.
    pub(crate) fn digits(&self) -> Result<&str> {
        let Json::Number(digits) = self else {
            bail!("{} is no number", self.compact());
        };
        Ok(digits)
    }

    pub(crate) fn integer(&self) -> Result<i64> {
        Ok(self.digits()?.parse()?)
    }

    pub(crate) fn float(&self) -> Result<f64> {
        Ok(self.digits()?.parse()?)
    }

    /// The value of a key as text; empty when the key is missing or null.
    pub(crate) fn text_or_empty(&self, key: &str) -> Result<&str> {
        match self.get(key) {
            None | Some(Json::Null) => Ok(""),
            Some(other) => other.text(),
        }
    }

    /// As Go's encoder writes it: no spaces, `<`, `>`, `&` and the two line separators escaped.
    pub(crate) fn compact(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        match self {
            Json::Null => out.push_str("null"),
            Json::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Json::Number(digits) => out.push_str(digits),
            Json::Text(text) => write_text(text, out),
            Json::List(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Json::Object(pairs) => {
                out.push('{');
                for (i, (key, value)) in pairs.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    write_text(key, out);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

pub(crate) fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                out.extend(format!("\\u{:04x}", u32::from(c)).chars());
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// Steps over `token` if it comes next.
    fn take(&mut self, token: &str) -> bool {
        let here = self.text.as_bytes()[self.at..].starts_with(token.as_bytes());
        if here {
            self.at += token.len();
        }
        here
    }

    fn value(&mut self) -> Result<Json> {
        self.space();
        match self.peek().context("the document ends early")? {
            b'{' => self.object(),
            b'[' => self.list(),
            b'"' => Ok(Json::Text(self.string()?)),
            b'-' | b'0'..=b'9' => self.number(),
            _ if self.take("null") => Ok(Json::Null),
            _ if self.take("true") => Ok(Json::Bool(true)),
            _ if self.take("false") => Ok(Json::Bool(false)),
            _ => bail!("no JSON at byte {}", self.at),
        }
    }

    fn object(&mut self) -> Result<Json> {
        self.at += 1;
        let mut pairs: Vec<(String, Json)> = Vec::new();
        self.space();
        if self.take("}") {
            return Ok(Json::Object(pairs));
        }
        loop {
            self.space();
            ensure!(self.peek() == Some(b'"'), "no key at byte {}", self.at);
            let key = self.string()?;
            self.space();
            ensure!(self.take(":"), "no colon at byte {}", self.at);
            ensure!(
                pairs.iter().all(|(k, _)| *k != key),
                "the key {key} comes twice"
            );
            let value = self.value()?;
            pairs.push((key, value));
            self.space();
            if self.take("}") {
                return Ok(Json::Object(pairs));
            }
            ensure!(self.take(","), "no comma at byte {}", self.at);
        }
    }

    fn list(&mut self) -> Result<Json> {
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if self.take("]") {
            return Ok(Json::List(items));
        }
        loop {
            items.push(self.value()?);
            self.space();
            if self.take("]") {
                return Ok(Json::List(items));
            }
            ensure!(self.take(","), "no comma at byte {}", self.at);
        }
    }

    fn digits(&mut self) -> Result<()> {
        let begin = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        ensure!(self.at > begin, "no digit at byte {begin}");
        Ok(())
    }

    fn number(&mut self) -> Result<Json> {
        let begin = self.at;
        self.take("-");
        if !self.take("0") {
            self.digits()?;
        }
        if self.take(".") {
            self.digits()?;
        }
        if self.take("e") || self.take("E") {
            let _signed = self.take("+") || self.take("-");
            self.digits()?;
        }
        Ok(Json::Number(self.text[begin..self.at].to_owned()))
    }

    fn string(&mut self) -> Result<String> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = &self.text[self.at..];
            let stop = rest
                .find(|c: char| c == '"' || c == '\\' || c < ' ')
                .context("a string has no end")?;
            out.push_str(&rest[..stop]);
            self.at += stop;
            if self.take("\"") {
                return Ok(out);
            }
            ensure!(
                self.take("\\"),
                "control character in a string at byte {}",
                self.at
            );
            out.push(self.escaped()?);
        }
    }

    fn escaped(&mut self) -> Result<char> {
        let c = self.peek().context("a string has no end")?;
        self.at += 1;
        Ok(match c {
            b'"' | b'\\' | b'/' => char::from(c),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit = self.unit()?;
                if (0xd800..0xdc00).contains(&unit) {
                    ensure!(self.take("\\u"), "half a surrogate pair");
                    let low = self.unit()?;
                    ensure!((0xdc00..0xe000).contains(&low), "half a surrogate pair");
                    let code = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                    char::from_u32(code).context("no such character")?
                } else {
                    char::from_u32(unit).context("half a surrogate pair")?
                }
            }
            _ => bail!("unknown escape at byte {}", self.at),
        })
    }

    fn unit(&mut self) -> Result<u32> {
        let hex = self
            .text
            .get(self.at..self.at + 4)
            .context("a short \\u escape")?;
        ensure!(
            hex.bytes().all(|b| b.is_ascii_hexdigit()),
            "no hexadecimal digits at byte {}",
            self.at
        );
        self.at += 4;
        Ok(u32::from_str_radix(hex, 16)?)
    }
}

#[test]
fn a_document_written_by_go_comes_back_byte_for_byte() {
    let text = r#"{"b":{"x":[1.50,-0,1e+21,null,true,"a\u003cb\u2028\n\u0001é"],"a":{}},"a":[]}"#;
    assert_eq!(parse(text.as_bytes()).unwrap().compact(), text);
}

#[test]
fn what_is_no_json_is_refused() {
    for text in [
        "",
        "{",
        "[1,]",
        "01",
        "1.",
        ".5",
        "NaN",
        "{\"a\":1,\"a\":2}",
        "\"\\ud800\"",
        "\"\n\"",
        "1 2",
        "\u{feff}1",
        "+1",
        "tru",
    ] {
        assert!(parse(text.as_bytes()).is_err(), "{text} was accepted");
    }
}
