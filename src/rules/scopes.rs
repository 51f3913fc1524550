//! Which series a job's archive consists of: pure, no data needed.
//!
//! The table is cc-backend's `pkg/metricstore/scopequery.go` for the scopes that its archiver asks for: node
//! always, core up to eight nodes, accelerator where the job had some. Ids of derived units are ascending; those
//! of hardware threads and accelerators stand in the resource's own order.

use std::collections::{HashMap, HashSet};

use crate::model::cluster::topology::Topology;
use crate::model::job::{Job, Resource};
use crate::model::series::Scope;

/// Jobs of more nodes than this get no core scope (cc-backend `internal/archiver/archiver.go`).
const CORE_SCOPE_NODES: i64 = 8;

/// A socket, core, thread … of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// The id that the series carries.
    pub id: String,
    /// The name of the level below the host in the metric store, for example `hwthread3`.
    pub level: String,
}

/// What a series is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// The host's own series, no id.
    Host,
    /// One series per unit.
    Each(&'a [Component]),
    /// One series out of all units, carrying the first one's id.
    Together(&'a [Component]),
}

/// Units, and the numbers of their levels among all that a host's job needs.
#[derive(Clone, Debug, Default)]
struct Units {
    list: Vec<Component>,
    levels: Vec<usize>,
}

impl Units {
    fn together(&self) -> (Target<'_>, &[usize]) {
        (Target::Together(&self.list), &self.levels)
    }
}

/// The units of one host that belong to a job, by native scope.
#[derive(Clone, Debug)]
pub struct Components {
    threads: Units,
    cores: Units,
    core_threads: Vec<Units>,
    /// The job's threads and those that share a core with them.
    touched: Vec<Component>,
    domains: Units,
    sockets: Units,
    accelerators: Units,
    /// The levels by their numbers; the first one is the host itself.
    levels: Vec<String>,
}

/// The number of the host's own level.
pub const HOST: usize = 0;

impl Components {
    /// The units of a resource: its hardware threads, else those of the whole node, and what they touch.
    pub fn new(resource: &Resource, topology: &Topology) -> Self {
        let threads = if resource.hwthreads.is_empty() {
            topology.node()
        } else {
            &resource.hwthreads
        };
        let cores = topology.cores(threads);
        let mut seen: HashSet<i64> = threads.iter().copied().collect();
        let mut touched = threads.to_vec();
        let of_cores = cores.iter().flat_map(|&c| topology.core(c));
        touched.extend(of_cores.copied().filter(|t| seen.insert(*t)));
        let mut levels = Levels::new();
        Self {
            threads: levels.units(Scope::HwThread, threads),
            core_threads: cores
                .iter()
                .map(|&c| levels.units(Scope::HwThread, topology.core(c)))
                .collect(),
            touched: levels.units(Scope::HwThread, &touched).list,
            cores: levels.units(Scope::Core, &cores),
            domains: levels.units(Scope::MemoryDomain, &topology.memory_domains(threads)),
            sockets: levels.units(Scope::Socket, &topology.sockets(threads)),
            accelerators: levels.units(Scope::Accelerator, &resource.accelerators),
            levels: levels.names,
        }
    }

    /// The levels of all units by their numbers; the first one, without a name, is the host itself.
    pub fn levels(&self) -> &[String] {
        &self.levels
    }

    /// The units at which a metric of a native scope is measured; `None` stands for the host itself.
    pub fn native(&self, native: Scope) -> Option<&[Component]> {
        self.units(native).map(|u| u.list.as_slice())
    }

    /// The numbers of the levels at which a metric of a native scope is measured.
    pub fn native_levels(&self, native: Scope) -> &[usize] {
        self.units(native).map_or(&[HOST], |u| &u.levels)
    }

    fn units(&self, native: Scope) -> Option<&Units> {
        match native {
            Scope::Node => None,
            Scope::Socket => Some(&self.sockets),
            Scope::MemoryDomain => Some(&self.domains),
            Scope::Core => Some(&self.cores),
            Scope::HwThread => Some(&self.threads),
            Scope::Accelerator => Some(&self.accelerators),
        }
    }

    /// The units whose series a source is asked for: those of the job, and the other threads of its cores, which the core's
    /// series is made of too.
    pub fn asked(&self, native: Scope) -> &[Component] {
        match native {
            Scope::HwThread => &self.touched,
            Scope::Node
            | Scope::Socket
            | Scope::MemoryDomain
            | Scope::Core
            | Scope::Accelerator => self.native(native).unwrap_or_default(),
        }
    }

    /// What the series of a scope are made of, for a metric measured at `native`; `scope` is one of [`scopes`].
    pub fn targets(&self, native: Scope, scope: Scope) -> Vec<Target<'_>> {
        let targets = self.targets_and_levels(native, scope);
        targets.into_iter().map(|t| t.0).collect()
    }

    /// The same, each with the numbers of its units' levels.
    pub fn targets_and_levels(&self, native: Scope, scope: Scope) -> Vec<(Target<'_>, &[usize])> {
        match (self.units(native), scope) {
            (None, _) => vec![(Target::Host, &[HOST])],
            (Some(u), Scope::Node) => vec![u.together()],
            (Some(_), Scope::Core) if native == Scope::HwThread => {
                self.core_threads.iter().map(Units::together).collect()
            }
            (Some(u), _) => vec![(Target::Each(&u.list), &u.levels)],
        }
    }
}

/// Numbers levels: finding one by its number costs nothing, and a job of many metrics finds each many times.
struct Levels {
    names: Vec<String>,
    numbers: HashMap<String, usize>,
}

impl Levels {
    fn new() -> Self {
        Self {
            names: vec![String::new()],
            numbers: HashMap::new(),
        }
    }

    fn units<T: ToString>(&mut self, scope: Scope, ids: &[T]) -> Units {
        let mut out = Units::default();
        for id in ids {
            let id = id.to_string();
            let level = format!("{}{id}", scope.name());
            let next = self.names.len();
            let number = *self.numbers.entry(level.clone()).or_insert(next);
            if number == next {
                self.names.push(level.clone());
            }
            out.levels.push(number);
            out.list.push(Component { id, level });
        }
        out
    }
}

/// The scopes that a job's archive has for a metric measured at `native`, in the order of their names.
pub fn scopes(job: &Job, native: Scope) -> Vec<Scope> {
    if native == Scope::Accelerator && job.num_acc == 0 {
        return Vec::new();
    }
    let mut out = vec![Scope::Node];
    let core = (job.num_nodes <= CORE_SCOPE_NODES).then_some(Scope::Core);
    let accelerator = (job.num_acc > 0).then_some(Scope::Accelerator);
    for requested in core.into_iter().chain(accelerator) {
        let scope = native.coarser(requested);
        let nothing = native == Scope::Accelerator && scope == Scope::Core;
        if !nothing && !out.contains(&scope) {
            out.push(scope);
        }
    }
    out.sort_by_key(|s| s.name());
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::cluster::topology::Lists;
    use crate::model::job::{Head, JobKey, Text};

    fn job(num_nodes: i64, num_acc: i64) -> Job {
        let key = JobKey {
            cluster: "c".into(),
            job_id: 1,
            start_time: 0,
        };
        Job {
            head: Head {
                id: 1,
                key,
                duration: 60,
                state: "completed".into(),
                status: 1,
            },
            subcluster: "a".into(),
            user: Text::default(),
            project: Text::default(),
            partition: Text::default(),
            shared: Text::default(),
            array_job_id: 0,
            walltime: 0,
            smt: 0,
            num_nodes,
            num_hwthreads: 0,
            num_acc,
            resources: Vec::new(),
            meta_data: BTreeMap::new(),
            tags: Vec::new(),
        }
    }

    #[test]
    fn the_scope_table_is_cc_backends() {
        use Scope::{
            Accelerator as A, Core as C, HwThread as H, MemoryDomain as M, Node as N, Socket as S,
        };
        let table: [(i64, i64, Scope, &[Scope]); 13] = [
            (1, 0, N, &[N]),
            (1, 0, S, &[N, S]),
            (1, 0, M, &[M, N]),
            (1, 0, C, &[C, N]),
            (1, 0, H, &[C, N]),
            (1, 0, A, &[]),
            (9, 0, H, &[N]),
            (8, 0, H, &[C, N]),
            (1, 2, H, &[C, H, N]),
            (1, 2, A, &[A, N]),
            (9, 2, H, &[H, N]),
            (9, 2, C, &[C, N]),
            (9, 2, S, &[N, S]),
        ];
        for (nodes, acc, native, want) in table {
            assert_eq!(
                scopes(&job(nodes, acc), native),
                want,
                "{nodes} nodes, {acc} accelerators, {native:?}"
            );
        }
    }

    #[test]
    fn a_touched_core_gives_all_its_threads_and_the_job_only_its_own() {
        let mut topology = Topology::new(Lists {
            node: vec![0, 1, 2, 3],
            core: vec![vec![0, 2], vec![1, 3]],
            socket: vec![vec![0, 1, 2, 3]],
            memory_domain: Vec::new(),
        });
        topology.enable();
        let r = Resource {
            hostname: "h".into(),
            hwthreads: vec![3],
            accelerators: vec!["x:1".into()],
            ..Resource::default()
        };
        let u = Components::new(&r, &topology);
        let ids = |t: &Target<'_>| match t {
            Target::Host => vec![],
            Target::Each(u) | Target::Together(u) => {
                u.iter().map(|u| u.id.clone()).collect::<Vec<_>>()
            }
        };
        let core = u.targets(Scope::HwThread, Scope::Core);
        assert_eq!(
            (core.len(), ids(&core[0])),
            (1, vec!["1".to_string(), "3".into()])
        );
        assert_eq!(ids(&u.targets(Scope::HwThread, Scope::Node)[0]), ["3"]);
        // The first job of the golden site that has a part of a core: a source that keeps to the question must be asked for both.
        let asked: Vec<&str> = u
            .asked(Scope::HwThread)
            .iter()
            .map(|c| c.id.as_str())
            .collect();
        assert_eq!(asked, ["3", "1"]);
        assert!(u.asked(Scope::Node).is_empty());
        assert_eq!(
            u.targets(Scope::Accelerator, Scope::Accelerator)[0],
            Target::Each(&u.accelerators.list)
        );
        assert_eq!(u.accelerators.list[0].level, "acceleratorx:1");
        assert!(ids(&u.targets(Scope::MemoryDomain, Scope::Node)[0]).is_empty());
    }
}
