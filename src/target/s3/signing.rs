//! The signature of a request (AWS Signature Version 4), in its headers, over the hash of its body.

use std::time::{Duration, UNIX_EPOCH};

use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningParams,
    SigningSettings, UriPathNormalizationMode, sign as signed,
};
use aws_sigv4::sign::v4;
use ureq::http::Request;

use crate::model::bucket::Bucket;

/// Signs what the request has now, and the hash of its body. `now`: Unix seconds.
pub(super) fn sign(
    request: &mut Request<()>,
    hash: String,
    bucket: &Bucket,
    now: i64,
) -> Result<(), Box<dyn std::error::Error>> {
    let keys = bucket.keys.as_ref().ok_or("no keys are named")?;
    let session = keys.session.as_ref().map(|s| s.reveal().to_owned());
    let (access, secret) = (keys.access.reveal(), keys.secret.reveal());
    let identity =
        aws_credential_types::Credentials::new(access, secret, session, None, "ccarchive").into();
    let now = u64::try_from(now)?;
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    let params: SigningParams<'_> = v4::SigningParams::builder()
        .identity(&identity)
        .region(&bucket.region)
        .name("s3")
        .time(UNIX_EPOCH + Duration::from_secs(now))
        .settings(settings)
        .build()?
        .into();
    let headers = request.headers().iter();
    let headers: Vec<_> = headers
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
        .collect();
    let signable = SignableRequest::new(
        request.method().as_str(),
        request.uri().to_string(),
        headers.into_iter(),
        SignableBody::Precomputed(hash),
    )?;
    let (instructions, _) = signed(signable, &params)?.into_parts();
    instructions.apply_to_request_http1x(request);
    Ok(())
}

/// A hash as headers carry it.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, b| {
        out.push_str(&format!("{b:02x}"));
        out
    })
}
