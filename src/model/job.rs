//! The job: one row of cc-backend's `job` table, decoded.
//!
//! Nothing here trusts the row: decoding yields a [`Job`] or one sentence that says what is wrong with it.
//! Columns that end up in meta.json as they are keep their bytes ([`Text`]), also where they are no UTF-8.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A job longer than this (seconds) is treated as a damaged row: no scheduler lets a job run for so long, and
/// the length decides how much memory is asked for.
pub const LONGEST_JOB: i64 = 400 * 86_400;

/// A job that starts later than this (Unix seconds, far in the future) has a damaged row; milliseconds are later.
pub const LATEST_START: i64 = 1 << 40;

/// What identifies a job. A scheduler may use a number again, so the start time is a part of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JobKey {
    /// The cluster's name.
    pub cluster: String,
    /// The scheduler's number.
    pub job_id: i64,
    /// Unix seconds.
    pub start_time: i64,
}

impl fmt::Display for JobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "job {} on {} (started {})",
            self.job_id,
            Shown(&self.cluster),
            self.start_time
        )
    }
}

/// Serializes a key with the names that it has in JSON everywhere.
pub fn camel<S: serde::Serializer>(key: &JobKey, s: S) -> Result<S::Ok, S::Error> {
    use serde::ser::SerializeMap;
    let mut map = s.serialize_map(Some(3))?;
    map.serialize_entry("cluster", &key.cluster)?;
    map.serialize_entry("jobId", &key.job_id)?;
    map.serialize_entry("startTime", &key.start_time)?;
    map.end()
}

/// Text from a row, file or message, safe to print on a terminal: control characters are shown as escapes.
#[derive(Debug)]
pub struct Shown<'a>(pub &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if c.is_control()
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            {
                write!(f, "{}", c.escape_default())?;
            } else {
                write!(f, "{c}")?;
            }
        }
        Ok(())
    }
}

/// The bytes of a text column, whatever their encoding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Text(pub Vec<u8>);

/// One host of a job, an entry of the `resources` column (cc-lib `schema/job.go`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(
    default,
    expecting = "a host (an object with hostname, hwthreads, accelerators)"
)]
pub struct Resource {
    /// The host's name.
    #[serde(deserialize_with = "null_is_default")]
    pub hostname: String,
    /// Free text, nearly always empty.
    #[serde(deserialize_with = "null_is_default")]
    pub configuration: String,
    /// Numbers of the hardware threads the job had; empty means the whole node.
    #[serde(deserialize_with = "null_is_default")]
    pub hwthreads: Vec<i64>,
    /// Ids of the accelerators the job had.
    #[serde(deserialize_with = "null_is_default")]
    pub accelerators: Vec<String>,
}

/// A tag of a job.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tag {
    /// `tag.tag_type`
    pub kind: Text,
    /// `tag.tag_name`
    pub name: Text,
    /// `tag.tag_scope`
    pub scope: Text,
}

/// `monitoring_status`: switched off.
pub const STATUS_DISABLED: i64 = 0;
/// `monitoring_status`: running, or stopped and not archived yet.
pub const STATUS_PENDING: i64 = 1;
/// `monitoring_status`: archiving failed.
pub const STATUS_FAILED: i64 = 2;
/// `monitoring_status`: archived.
pub const STATUS_ARCHIVED: i64 = 3;

/// All states (cc-lib `schema/job.go`).
pub const STATES: [&str; 12] = [
    "boot_fail",
    "cancelled",
    "completed",
    "deadline",
    "failed",
    "node_fail",
    "out_of_memory",
    "pending",
    "preempted",
    "running",
    "suspended",
    "timeout",
];

/// The states in which a job has not stopped.
pub const NOT_STOPPED: [&str; 3] = ["running", "pending", "suspended"];

/// What can be read of every row, also of a damaged one: the job's identity, and the columns that guard its update.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// `job.id`, the row's key in the database.
    pub id: i64,
    /// Cluster, number and start.
    pub key: JobKey,
    /// Seconds; the end is `start_time + duration`.
    pub duration: i64,
    /// `job_state` as read.
    pub state: String,
    /// `monitoring_status` as read.
    pub status: i64,
}

/// Whether nobody knows when a job ended, from the columns of its row: cc-backend's walltime check sets state failed and
/// status 2 and leaves the length 0. Other jobs of length 0 ended at once.
pub fn unknown_end(status: i64, duration: i64, state: &[u8], walltime: i64) -> bool {
    duration == 0 && status == STATUS_FAILED && state == b"failed" && walltime > 0
}

/// When a job ended (Unix seconds), from its start and duration (seconds); none where one of them cannot be true.
pub fn believable_end(start_time: i64, duration: i64) -> Option<i64> {
    let absurd = duration > LONGEST_JOB || start_time >= LATEST_START;
    (!absurd).then(|| start_time.saturating_add(duration))
}

impl Head {
    /// [`unknown_end`] of this row and its walltime (seconds).
    pub fn has_unknown_end(&self, walltime: i64) -> bool {
        unknown_end(self.status, self.duration, self.state.as_bytes(), walltime)
    }

    /// Whether the job has stopped.
    pub fn stopped(&self) -> bool {
        !NOT_STOPPED.contains(&self.state.as_str())
    }

    /// [`believable_end`] of this row.
    pub fn believable_end(&self) -> Option<i64> {
        believable_end(self.key.start_time, self.duration)
    }

    /// Whether the job waits to be archived.
    pub fn is_unarchived(&self) -> bool {
        self.stopped() && matches!(self.status, STATUS_PENDING | STATUS_FAILED)
    }

    /// When the job ended, Unix seconds (saturating: the row is not trusted).
    pub fn end(&self) -> i64 {
        self.key.start_time.saturating_add(self.duration)
    }
}

/// A decoded row with its tags: all that goes into an archive's meta.json besides the statistics.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Identity and guards.
    pub head: Head,
    /// `subcluster`
    pub subcluster: String,
    /// `hpc_user`
    pub user: Text,
    /// `project`
    pub project: Text,
    /// `cluster_partition`
    pub partition: Text,
    /// `shared`
    pub shared: Text,
    /// `array_job_id`, 0 for none.
    pub array_job_id: i64,
    /// Seconds, 0 = unknown.
    pub walltime: i64,
    /// `smt`
    pub smt: i64,
    /// Number of nodes, the divisor of averages.
    pub num_nodes: i64,
    /// `num_hwthreads`, 0 for none.
    pub num_hwthreads: i64,
    /// `num_acc`, 0 for none.
    pub num_acc: i64,
    /// The hosts, in the order of the row.
    pub resources: Vec<Resource>,
    /// `meta_data`; empty where the row has none.
    pub meta_data: BTreeMap<String, String>,
    /// Tags by ascending tag id.
    pub tags: Vec<Tag>,
}

impl Job {
    /// Whether the end of the job is unknown.
    pub fn has_unknown_end(&self) -> bool {
        self.head.has_unknown_end(self.walltime)
    }
}

/// A row as it was read: the identity, and either the decoded job or one sentence that says what is wrong with the row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Identity and guards.
    pub head: Head,
    /// The decoded row, or what is wrong with it.
    pub job: Result<Job, String>,
}

/// Decodes the `resources` column.
///
/// # Errors
/// One sentence saying what was expected.
pub fn parse_resources(json: &[u8]) -> Result<Vec<Resource>, String> {
    let json = String::from_utf8_lossy(json);
    let resources: Vec<Resource> =
        first_value(&json).map_err(|e| format!("column resources is not a list of hosts: {e}"))?;
    if resources.is_empty() {
        return Err("column resources names no host".into());
    }
    if let Some(k) = resources
        .iter()
        .position(|r| !is_path_component(&r.hostname))
    {
        return Err(format!(
            "column resources: the name of host {} cannot be the name of a folder: `{}`",
            k + 1,
            Shown(&resources[k].hostname)
        ));
    }
    Ok(resources)
}

/// Decodes the `meta_data` column: a JSON object of strings, `null` or nothing.
///
/// # Errors
/// One sentence saying what was expected.
pub fn parse_meta_data(json: Option<&[u8]>) -> Result<BTreeMap<String, String>, String> {
    let Some(json) = json.filter(|j| !j.is_empty()) else {
        return Ok(BTreeMap::new());
    };
    let json = String::from_utf8_lossy(json);
    let map: Option<BTreeMap<String, Option<String>>> = first_value(&json)
        .map_err(|e| format!("column meta_data is not a JSON object of texts: {e}"))?;
    Ok(map
        .unwrap_or_default()
        .into_iter()
        .map(|(k, v)| (k, v.unwrap_or_default()))
        .collect())
}

/// Whether a name from a row may become one component of a path, so that it cannot lead to another folder.
pub fn is_path_component(name: &str) -> bool {
    !name.is_empty()
        && name != "."
        && name != ".."
        && !name.contains(['/', '\\', '\0'])
        && name.len() <= 255
}

/// The first JSON value of a text; what follows it is not looked at (as Go's decoder does).
fn first_value<'de, T: Deserialize<'de>>(json: &'de str) -> Result<T, String> {
    match serde_json::Deserializer::from_str(json)
        .into_iter::<T>()
        .next()
    {
        Some(Ok(v)) => Ok(v),
        Some(Err(e)) => Err(e.to_string()),
        None => Err("it is empty".into()),
    }
}

/// `null` reads as the zero value, as in Go.
pub(crate) fn null_is_default<'de, D, T>(d: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::<T>::deserialize(d).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_accept_null_lists_and_refuse_names_that_lead_elsewhere() {
        let r = parse_resources(
            br#"[{"hostname":"n1","hwthreads":null},{"hostname":"n2","accelerators":["a"],"x":1}]"#,
        )
        .unwrap();
        assert_eq!(
            (r[0].hwthreads.len(), r[1].accelerators[0].as_str()),
            (0, "a")
        );
        for bad in [
            r#"[{"hostname":"../x"}]"#,
            r#"[{"hostname":""}]"#,
            "[]",
            "{}",
            "",
            "[{\"hostname\":1}]",
            "null",
            "[null]",
        ] {
            assert!(parse_resources(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn meta_data_may_be_missing_null_or_an_object() {
        assert!(parse_meta_data(None).unwrap().is_empty());
        assert!(parse_meta_data(Some(b"null")).unwrap().is_empty());
        assert_eq!(
            parse_meta_data(Some(br#"{"a":"b","c":null}"#)).unwrap()["c"],
            ""
        );
        assert!(parse_meta_data(Some(br#"{"a":1}"#)).is_err());
        assert!(parse_meta_data(Some(b"[")).is_err());
    }

    #[test]
    fn control_characters_never_reach_a_terminal() {
        assert_eq!(Shown("a\u{1b}[31m\n").to_string(), "a\\u{1b}[31m\\n");
    }
}
