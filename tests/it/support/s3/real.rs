//! A real S3 server, where `CCARCHIVE_TEST_S3` names one (see tests/s3-servers), with a bucket of its own.

use std::env;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU32, Ordering};

use jiff::Timestamp;

use super::signature::{hash, signature};
use super::{ACCESS, REGION};

const SERVER: &str = "CCARCHIVE_TEST_S3";

/// A bucket.
pub(crate) struct Real {
    /// Host and port.
    host: String,
    bucket: String,
}

impl Real {
    /// With the archive of [`super::Server::new`]; none where no server is named.
    pub(crate) fn new() -> Option<Self> {
        static BUCKETS: AtomicU32 = AtomicU32::new(0);
        let endpoint = env::var(SERVER).ok()?;
        let n = BUCKETS.fetch_add(1, Ordering::Relaxed);
        let real = Self {
            host: endpoint.strip_prefix("http://").unwrap().to_owned(),
            bucket: format!(
                "b{}-{}-{n}",
                Timestamp::now().as_millisecond(),
                std::process::id()
            ),
        };
        real.request("PUT", "", b"");
        real.put("version.txt", b"3\n");
        for cluster in ["alpha", "beta"] {
            real.put(&format!("{cluster}/cluster.json"), b"{}");
        }
        Some(real)
    }

    pub(crate) fn flag(&self) -> String {
        format!("s3://{}?endpoint=http://{}", self.bucket, self.host)
    }

    pub(crate) fn put(&self, name: &str, bytes: &[u8]) {
        self.request("PUT", name, bytes);
    }

    fn request(&self, method: &str, name: &str, body: &[u8]) {
        let path = format!("/{}/{name}", self.bucket);
        let path = path.trim_end_matches('/');
        let time = jiff::fmt::strtime::format("%Y%m%dT%H%M%SZ", Timestamp::now()).unwrap();
        let hash = hash(body);
        let signed = "host;x-amz-content-sha256;x-amz-date";
        let headers = format!(
            "host:{}\nx-amz-content-sha256:{hash}\nx-amz-date:{time}\n",
            self.host
        );
        let canonical = format!("{method}\n{path}\n\n{headers}\n{signed}\n{hash}");
        let scope = format!("{}/{REGION}/s3/aws4_request", &time[..8]);
        let signature = signature(&canonical, &time, &scope);
        let head = format!(
            "{method} {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n{}authorization: AWS4-HMAC-SHA256 Credential={ACCESS}/{scope}, SignedHeaders={signed}, Signature={signature}\r\n\r\n",
            body.len(),
            headers.replace('\n', "\r\n"),
        );
        let mut stream = TcpStream::connect(&self.host).unwrap();
        stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}
