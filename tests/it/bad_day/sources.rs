//! Several sources, one of which is gone: only the jobs that need it are concerned, and nothing is held against them. And a
//! source that has old data only.

use std::fs;
use std::path::Path;

use crate::support::program::{Ran, program, run};
use crate::support::site::{HOUR, NewJob, Site};
use crate::support::wait::now;

/// Jobs that only the second source holds; more than a sweep takes for a coincidence.
const NEEDY: i64 = 25;
/// Jobs that the first source holds.
const WHOLE: i64 = 5;

fn sweep(site: &Site, second: &Path) -> Ran {
    let mut command = program();
    command.arg("run").arg("--db").arg(site.path("job.db"));
    command
        .arg("--json")
        .arg("--source")
        .arg(site.path("first"));
    run(command.arg("--source").arg(second))
}

#[test]
fn a_second_source_that_is_not_mounted_costs_only_the_jobs_that_need_it_a_sweep() {
    let site = Site::new();
    let begin = (now() - 3 * HOUR).div_euclid(60) * 60;
    for host in ["n1", "n2"] {
        site.host(host).bin(begin..begin + HOUR);
    }
    let (first, second) = (site.path("first"), site.path("checkpoints"));
    fs::create_dir_all(first.join("alpha")).unwrap();
    fs::rename(second.join("alpha/n1"), first.join("alpha/n1")).unwrap();
    for job_id in 1..=NEEDY {
        site.insert(&NewJob::stopped(job_id, "n2", begin, 600));
    }
    for job_id in NEEDY + 1..=NEEDY + WHOLE {
        site.insert(&NewJob::stopped(job_id, "n1", begin, 600));
    }
    let unmounted = site.path("unmounted");
    fs::create_dir(&unmounted).unwrap();
    let ran = sweep(&site, &unmounted).expect(1);
    let summary = ran.summary();
    assert_eq!(summary["archived"], WHOLE);
    assert_eq!(summary["remaining"], NEEDY);
    assert_eq!(summary["outages"][0]["reason"], "layer_gone");
    assert_eq!(summary["outages"][0]["unmarked"], NEEDY);
    assert_eq!(site.count("monitoring_status = 1"), NEEDY);
    assert_eq!(site.ledger(1, "attempts"), None);
    sweep(&site, &second).expect(0);
    assert_eq!(site.count("monitoring_status = 3"), NEEDY + WHOLE);
}

#[test]
fn jobs_that_wait_for_data_that_should_have_come_long_ago_raise_an_alarm_also_for_those_who_asked_for_quiet()
 {
    let site = Site::new();
    let begin = (now() - 40 * HOUR).div_euclid(60) * 60;
    site.host("n1").bin(begin..begin + HOUR);
    let quiet = || {
        let mut command = program();
        command.args(["run", "-q", "--db"]);
        run(command.arg(site.path("job.db")))
    };
    // A cluster that rests has nothing to wait for.
    site.insert(&NewJob::stopped(1, "n1", begin, 600));
    assert_eq!(quiet().expect(0).out, "");
    assert_eq!(quiet().expect(0).out, "");
    let recent = now() - 2 * HOUR;
    for job_id in [2, 3] {
        site.insert(&NewJob::stopped(job_id, "n1", recent, 600));
    }
    for _ in 0..2 {
        let said = quiet().expect(1).out;
        assert!(said.contains("2 not yet"), "{said}");
        assert!(
            said.contains("the newest data of alpha in this source is of 2"),
            "{said}"
        );
        assert!(
            said.contains("too old for 2 jobs that ended later"),
            "{said}"
        );
    }
    assert_eq!(site.count("monitoring_status = 1"), 2);
    let mut command = program();
    command.args(["run", "--json", "--db"]);
    let summary = run(command.arg(site.path("job.db"))).expect(1).summary();
    assert_eq!(summary["behind"]["alpha"]["jobs"], 2);
    // Their data comes, and nobody is alarmed any more.
    let recent = recent.div_euclid(60) * 60;
    site.host("n1").bin(recent - HOUR..recent + HOUR);
    assert_eq!(quiet().expect(0).out, "");
    assert_eq!(site.count("monitoring_status = 3"), 3);
}
