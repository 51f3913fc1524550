//! A golden site: its configuration, the database before, what cc-backend made of it, and what the store's
//! files hold.

use super::database::{self, Database, Row};
use super::json::{self, Json};
use super::timeline::{self, Chain};
use anyhow::{Context, Result};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Cluster and name.
type Host = (String, String);

#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) root: PathBuf,
    pub(crate) before: Database,
    /// cluster.json by cluster.
    pub(crate) clusters: BTreeMap<String, Json>,
    /// The store's step of a metric: the largest of any cluster.
    pub(crate) steps: HashMap<String, i64>,
    /// The row after, by row id.
    pub(crate) rows: HashMap<i64, Json>,
    reads: HashMap<i64, Vec<Read>>,
    notes: HashMap<i64, String>,
    /// Jobs whose phase no file tells.
    loose: HashSet<i64>,
    hosts: RefCell<HashMap<Host, Rc<Vec<Chain>>>>,
}

/// A query that the live store did not answer with exactly the asked-for range.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) metric: String,
    pub(crate) scope: String,
    pub(crate) host: String,
    pub(crate) kind: String,
    pub(crate) ids: Vec<String>,
    /// Time of the first value.
    pub(crate) from: i64,
    pub(crate) error: String,
    /// What the series of this id holds, where cc-backend gave it another.
    pub(crate) data: Vec<Option<f64>>,
}

fn document(path: &Path) -> Result<Json> {
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    json::parse(&bytes).with_context(|| path.display().to_string())
}

impl Site {
    pub(crate) fn open(root: &Path) -> Result<Site> {
        let mut site = Site {
            root: root.to_owned(),
            before: database::read_at_rest(&root.join("job.db"))?,
            clusters: BTreeMap::new(),
            steps: HashMap::new(),
            rows: HashMap::new(),
            reads: HashMap::new(),
            notes: HashMap::new(),
            loose: HashSet::new(),
            hosts: RefCell::default(),
        };
        site.read_clusters()?;
        site.read_expected()?;
        site.read_notes()?;
        Ok(site)
    }

    fn read_clusters(&mut self) -> Result<()> {
        for entry in std::fs::read_dir(self.root.join("job-archive"))? {
            let path = entry?.path();
            if path.is_dir() {
                let name = path.file_name().and_then(|n| n.to_str()).unwrap_or("");
                let cluster = document(&path.join("cluster.json"))?;
                self.clusters.insert(name.to_owned(), cluster);
            }
        }
        for metric in self.clusters.values().map(|c| c.items("metricConfig")) {
            for metric in metric? {
                let name = metric.field("name")?.text()?.to_owned();
                let step = metric.field("timestep")?.integer()?;
                let largest = self.steps.entry(name).or_insert(step);
                *largest = step.max(*largest);
            }
        }
        Ok(())
    }

    fn read_expected(&mut self) -> Result<()> {
        for row in document(&self.root.join("expected/rows.json"))?.list()? {
            self.rows.insert(row.field("id")?.integer()?, row.clone());
        }
        let reads = document(&self.root.join("expected/reads.json"))?;
        for (id, _) in reads.pairs()? {
            let list = reads.items(id)?.iter().map(Read::new);
            self.reads.insert(id.parse()?, list.collect::<Result<_>>()?);
        }
        Ok(())
    }

    fn read_notes(&mut self) -> Result<()> {
        let path = self.root.join("jobs.json");
        if !path.exists() {
            return Ok(());
        }
        for job in document(&path)?.list()? {
            let id = job.field("id")?.integer()?;
            self.notes.insert(id, job.text_or_empty("note")?.to_owned());
            if job.get("jitter") == Some(&Json::Bool(true)) {
                self.loose.insert(id);
            }
        }
        Ok(())
    }

    pub(crate) fn name(&self) -> String {
        let name = self.root.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    pub(crate) fn note(&self, id: i64) -> &str {
        self.notes.get(&id).map_or("", String::as_str)
    }

    pub(crate) fn is_loose(&self, id: i64) -> bool {
        self.loose.contains(&id)
    }

    pub(crate) fn reads(&self, id: i64) -> &[Read] {
        self.reads.get(&id).map_or(&[], Vec::as_slice)
    }

    /// The configuration of a metric on a cluster.
    pub(crate) fn metric(&self, cluster: &str, name: &str) -> Result<&Json> {
        self.find(cluster, "metricConfig", name)
    }

    pub(crate) fn subcluster(&self, job: &Row) -> Result<&Json> {
        self.find(&job.cluster, "subClusters", &job.subcluster)
    }

    fn find(&self, cluster: &str, list: &str, name: &str) -> Result<&Json> {
        let missing = || format!("{cluster} has no {name} in {list}");
        let cluster = self.clusters.get(cluster).with_context(missing)?;
        let named = |item: &&Json| {
            item.get("name")
                .is_some_and(|n| n.text().ok() == Some(name))
        };
        cluster
            .items(list)?
            .iter()
            .find(named)
            .with_context(missing)
    }

    /// Every series that the files of a host hold.
    pub(crate) fn host(&self, cluster: &str, host: &str) -> Result<Rc<Vec<Chain>>> {
        let key = (cluster.to_owned(), host.to_owned());
        if let Some(chains) = self.hosts.borrow().get(&key) {
            return Ok(Rc::clone(chains));
        }
        let folder = self.root.join("checkpoints").join(cluster).join(host);
        let chains = Rc::new(timeline::load(&folder, &self.steps)?);
        self.hosts.borrow_mut().insert(key, Rc::clone(&chains));
        Ok(chains)
    }
}

impl Read {
    fn new(json: &Json) -> Result<Read> {
        let text = |key| json.text_or_empty(key).map(str::to_owned);
        let ids = json.items("IDs")?.iter();
        let value = |v: &Json| (*v != Json::Null).then(|| v.float()).transpose();
        Ok(Read {
            metric: text("Metric")?,
            scope: text("Scope")?,
            host: text("Host")?,
            kind: text("Type")?,
            ids: ids
                .map(|id| id.text().map(str::to_owned))
                .collect::<Result<_>>()?,
            from: json.get("From").map_or(Ok(0), Json::integer)?,
            error: text("Err")?,
            data: json
                .items("Data")?
                .iter()
                .map(value)
                .collect::<Result<_>>()?,
        })
    }
}
