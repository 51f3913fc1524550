//! Whether a request is signed: key, region, time, the signature itself, and the hash of the body.

use hmac::{Hmac, Mac};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::http::{Call, Reply};
use super::{ACCESS, REGION, SECRET};

/// Seconds that two clocks may differ.
const SKEW: i64 = 900;

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |out, b| format!("{out}{b:02x}"))
}

/// Of a body, in hex.
pub(super) fn hash(body: &[u8]) -> String {
    hex(&Sha256::digest(body))
}

/// Of a request in canonical form.
pub(super) fn signature(canonical: &str, time: &str, scope: &str) -> String {
    let canonical = hash(canonical.as_bytes());
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{canonical}");
    let mut key = format!("AWS4{SECRET}").into_bytes();
    for step in scope.split('/') {
        key = hmac(&key, step);
    }
    hex(&hmac(&key, &text))
}

type Checked<T> = Result<T, Reply>;

fn refuse<T>(status: u16, code: &str, more: &str) -> Checked<T> {
    Err(Reply::error_with(status, code, more))
}

pub(super) fn check(call: &Call, ahead: i64) -> Checked<()> {
    // Never in the query, where logs would keep it.
    let mut names = call.query.keys();
    assert!(!names.any(|k| k.to_ascii_lowercase().starts_with("x-amz")));
    let Some(parts) = call
        .header("authorization")
        .strip_prefix("AWS4-HMAC-SHA256 ")
    else {
        return refuse(403, "AccessDenied", "");
    };
    let part = |name: &str| {
        let mut parts = parts.split(", ");
        parts.find_map(|p| p.strip_prefix(name)).unwrap()
    };
    let (access, scope) = part("Credential=").split_once('/').unwrap();
    if access != ACCESS {
        return refuse(403, "InvalidAccessKeyId", "");
    }
    if scope.split('/').nth(1) != Some(REGION) {
        let more = format!("<Region>{REGION}</Region>");
        return refuse(400, "AuthorizationHeaderMalformed", &more);
    }
    check_time(call.header("x-amz-date"), ahead)?;
    let signed = part("SignedHeaders=");
    for needed in ["host", "x-amz-content-sha256", "x-amz-date"] {
        assert!(
            signed.split(';').any(|s| s == needed),
            "{needed} is not signed"
        );
    }
    let canonical = canonical(call, signed);
    if signature(&canonical, call.header("x-amz-date"), scope) != part("Signature=") {
        return refuse(403, "SignatureDoesNotMatch", "");
    }
    if call.header("x-amz-content-sha256") != hash(&call.body) {
        return refuse(400, "XAmzContentSHA256Mismatch", "");
    }
    Ok(())
}

fn check_time(time: &str, ahead: i64) -> Checked<()> {
    let sent = jiff::fmt::strtime::parse("%Y%m%dT%H%M%SZ", time).unwrap();
    let sent = sent.to_datetime().unwrap();
    let sent = sent.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
    let now = Timestamp::now().as_second() + ahead;
    if (sent.as_second() - now).abs() <= SKEW {
        return Ok(());
    }
    let now = Timestamp::from_second(now).unwrap();
    refuse(
        403,
        "RequestTimeTooSkewed",
        &format!("<ServerTime>{now}</ServerTime>"),
    )
}

/// The request in the form that is signed.
fn canonical(call: &Call, signed: &str) -> String {
    let pair = |(k, v): (&String, &String)| format!("{}={}", encoded(k), encoded(v));
    let query: Vec<String> = call.query.iter().map(pair).collect();
    let header = |name| format!("{name}:{}\n", call.header(name));
    let headers: Vec<String> = signed.split(';').map(header).collect();
    let hash = call.header("x-amz-content-sha256");
    let (query, headers) = (query.join("&"), headers.concat());
    format!(
        "{}\n{}\n{query}\n{headers}\n{signed}\n{hash}",
        call.method, call.path
    )
}

fn encoded(text: &str) -> String {
    let one = |b: u8| match b {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(b).to_string()
        }
        b => format!("%{b:02X}"),
    };
    text.bytes().map(one).collect()
}
