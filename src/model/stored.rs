//! Words for what is stored of a job: files with their sums, and how much they hold.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The form in which a document is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// As it is.
    Plain,
    /// As gzip.
    Gzip,
}

/// Size and checksum of a stored file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    /// Bytes.
    pub size: u64,
    /// CRC-32 (the zlib one).
    pub crc: u32,
}

impl Sum {
    /// Of a whole file.
    pub fn of(bytes: &[u8]) -> Self {
        Self {
            size: bytes.len() as u64,
            crc: crc32fast::hash(bytes),
        }
    }
}

/// Both files of an archived job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Files {
    /// meta.json.
    pub meta: Sum,
    /// data.json or data.json.gz.
    pub data: Sum,
    /// Which of the two.
    pub form: Form,
}

/// What an archive holds of a metric at a scope on a host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Values that are not null, over all series.
    pub values: u64,
    /// Number of series.
    pub series: u64,
    /// Length of the longest series, nulls included.
    pub longest: u64,
}

impl Held {
    /// Counts another series.
    pub fn add(&mut self, values: u64, length: u64) {
        self.values += values;
        self.series += 1;
        self.longest = self.longest.max(length);
    }
}

/// What an archive holds, per metric, scope and host.
pub type Values = BTreeMap<(String, String, String), Held>;
