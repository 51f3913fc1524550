//! What somebody has to change, in words, before the server takes any request.

use super::answer::Refused;
use crate::model::bucket::Bucket;

/// What to do about an answer that no other try can change. `what`: what was to be done, as in "read s3://…"; `answer`: what the
/// server said.
pub(super) fn refusal(bucket: &Bucket, why: &Refused, what: &str, answer: &str) -> String {
    let Bucket {
        name,
        endpoint,
        region,
        ..
    } = bucket;
    let keys = bucket.keys.as_ref().map_or("", |k| k.from.as_str());
    match why {
        Refused::AccessKey => {
            format!("{endpoint} does not know the access key of s3://{name} ({keys}): correct it")
        }
        Refused::SecretKey => format!(
            "the secret key of s3://{name} does not belong to its access key ({keys}): correct it"
        ),
        Refused::Session => format!(
            "the keys of s3://{name} ({keys}) are temporary and over, or their session token is wrong: renew them"
        ),
        Refused::Rights => format!(
            "the keys of s3://{name} ({keys}) may not {what}: give them the right to list, read, write and delete there ({answer})"
        ),
        Refused::Clock(Some(server)) => format!(
            "the clock of this machine is wrong for {endpoint}, where it is {server}: set one of the two right"
        ),
        Refused::Clock(None) => {
            format!("the clock of this machine is wrong for {endpoint}: set one of the two right")
        }
        Refused::Bucket => {
            format!("{endpoint} has no bucket {name}: correct the bucket's name or the endpoint")
        }
        Refused::Region(Some(theirs)) => format!(
            "s3://{name} is of region {theirs}, and requests are signed for {region}: set region to {theirs}"
        ),
        Refused::Region(None) => format!(
            "{endpoint} does not take requests that are signed for region {region} ({answer}): set region to the server's"
        ),
        Refused::Elsewhere => format!(
            "{endpoint} sends requests for s3://{name} to another address ({answer}), which is not followed: correct endpoint and region"
        ),
    }
}

/// What a request of a method does.
pub(super) fn doing(method: &str) -> &'static str {
    match method {
        "PUT" => "write",
        "DELETE" => "delete",
        _ => "read",
    }
}
