//! Which of the stopped jobs a sweep takes in: plain values, all times in unix seconds.

use super::job::{STATUS_FAILED, STATUS_PENDING};

/// The jobs a sweep takes in. An empty list selects all, `None` sets no bound.
///
/// A window bounds the time a job *stopped* (start + duration), because that is what an operator
/// knows of an outage: which jobs ended while archiving did not work.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only jobs of these clusters.
    pub clusters: Vec<String>,
    /// No jobs of these scopes, because their data is in another store: a cluster, `cluster-subcluster`, or `*` for all.
    pub not_clusters: Vec<String>,
    /// Only jobs of these subclusters.
    pub subclusters: Vec<String>,
    /// Only jobs of these users.
    pub users: Vec<String>,
    /// Exactly the jobs with these scheduler ids, also those that are archived already.
    pub job_ids: Vec<i64>,
    /// Only the job that started at this second; set only with a single job id.
    pub start_time: Option<i64>,
    /// Only jobs that stopped at this second or later.
    pub since: Option<i64>,
    /// Only jobs that stopped before this second.
    pub until: Option<i64>,
    /// Only unarchived jobs in these states.
    pub statuses: Vec<JobStatus>,
    /// At most this many jobs.
    pub limit: Option<u64>,
    /// Only jobs that stopped at least this many seconds ago.
    pub min_age: i64,
}

impl Selection {
    /// Whether the data of such a job is in another store.
    pub fn is_elsewhere(&self, cluster: &str, subcluster: &[u8]) -> bool {
        self.not_clusters.iter().any(|scope| {
            scope == "*"
                || scope
                    .strip_prefix(cluster)
                    .is_some_and(|rest| match rest.strip_prefix('-') {
                        Some(named) => named.as_bytes() == subcluster,
                        None => rest.is_empty(),
                    })
        })
    }
}

/// The two ways of being unarchived, told apart by the column `monitoring_status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobStatus {
    /// Archiving was never finished (1).
    Pending,
    /// Archiving failed (2).
    Failed,
}

impl JobStatus {
    /// The value of `monitoring_status`.
    pub fn monitoring_status(self) -> i64 {
        match self {
            Self::Pending => STATUS_PENDING,
            Self::Failed => STATUS_FAILED,
        }
    }
}
