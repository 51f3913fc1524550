use super::*;

fn load(files: &[(&str, &str)]) -> Result<Clusters, String> {
    Clusters::load(files.iter().map(|(n, j)| (*n, j.as_bytes()))).map_err(|e| e.to_string())
}

fn cluster(name: &str, metrics: &str, subs: &str) -> String {
    format!(r#"{{"name":"{name}","metricConfig":[{metrics}],"subClusters":[{subs}]}}"#)
}

const SUB: &str = r#"{"name":"a","nodes":"*","topology":{"node":[0,1,2,3],"socket":[[0,1],[2,3]],"core":[[0,2],[1,3]]}}"#;

#[test]
fn an_override_replaces_footprint_and_energy_even_by_nothing() {
    let json = cluster(
        "c",
        r#"{"name":"p","timestep":60,"footprint":"avg","energy":"power","subClusters":[{"name":"a","peak":1}]},
           {"name":"q","timestep":60,"footprint":"max"}"#,
        SUB,
    );
    let all = load(&[("c", &json)]).unwrap();
    let sub = all.get("c").unwrap().subcluster("a").unwrap();
    assert_eq!(sub.footprint, ["q"]);
    assert!(sub.energy_footprint.is_empty());
    assert_eq!(all.footprint_of(sub).unwrap(), [("q", "max")]);
}

#[test]
fn the_footprint_kind_is_global_and_the_last_non_empty_one_wins() {
    let a = cluster("a", r#"{"name":"m","timestep":60,"footprint":"avg"}"#, SUB);
    let b = cluster(
        "b",
        r#"{"name":"m","timestep":30,"footprint":"max","aggregation":"sum"}"#,
        SUB,
    );
    let all = load(&[("a", &a), ("b", &b)]).unwrap();
    let sub = all.get("a").unwrap().subcluster("a").unwrap();
    assert_eq!(all.footprint_of(sub).unwrap(), [("m", "max")]);
    let m = all.store_metric("m").unwrap();
    assert_eq!(
        (m.frequency, m.aggregation),
        (60, Aggregation::None),
        "largest timestep, first aggregation"
    );
}

#[test]
fn a_removed_metric_is_in_no_list_and_lists_of_the_file_stay_in_front() {
    let json = cluster(
        "c",
        r#"{"name":"m","timestep":1,"energy":"power","footprint":"avg","subClusters":[{"name":"a","remove":true}]},
           {"name":"n","timestep":1,"energy":"power"}"#,
        r#"{"name":"a","nodes":"*","energyFootprint":["n"]},{"name":"b","nodes":"n[01-02]"}"#,
    );
    let all = load(&[("c", &json)]).unwrap();
    let c = all.get("c").unwrap();
    assert!(c.metrics[0].is_removed_in("a") && !c.metrics[0].is_removed_in("b"));
    assert_eq!(c.subcluster("a").unwrap().energy_footprint, ["n", "n"]);
    assert_eq!(c.subcluster("b").unwrap().energy_footprint, ["m", "n"]);
    assert_eq!(c.subcluster("b").unwrap().energy_kind("m"), Some("power"));
}

#[test]
fn keys_match_in_any_case_and_null_is_a_missing_value() {
    let json = r#"{"NAME":"c","metricconfig":[{"Name":"m","TimeStep":60,"unit":null,"scope":null,"Aggregation":"AVG"}],
                   "SubClusters":[{"name":"a","nodes":"","Topology":{"NODE":[1]}}],"other":[1]} trailing"#;
    let all = load(&[("c", json)]).unwrap();
    let c = all.get("c").unwrap();
    assert_eq!(c.metrics[0].native, Scope::Node);
    assert_eq!(c.subcluster("a").unwrap().topology.node(), [1]);
}

#[test]
fn files_that_cc_backend_does_not_start_with_are_refused_by_name() {
    let metric = r#"{"name":"m","timestep":60}"#;
    let cases = [
        ("{", "JSON"),
        ("", "empty"),
        ("7", "configuration"),
        (
            r#"{"name":"","metricConfig":[{}],"subClusters":[{}]}"#,
            "no name",
        ),
        (&cluster("c", "", SUB), "metricConfig"),
        (&cluster("c", metric, ""), "subClusters"),
        (&cluster("c", r#"{"name":"m"}"#, SUB), "timestep 0"),
        (
            &cluster("c", r#"{"name":"m","timestep":60,"scope":"rack"}"#, SUB),
            "scope `rack`",
        ),
        (
            &cluster("c", r#"{"name":"m","timestep":"60"}"#, SUB),
            "configuration",
        ),
        (
            &cluster("c", metric, r#"{"name":"a","nodes":"x[1]"}"#),
            "node list",
        ),
    ];
    for (json, want) in cases {
        let e = load(&[("folder", json)]).unwrap_err();
        assert!(
            e.starts_with("folder/cluster.json: ") && e.contains(want),
            "{json}: {e}"
        );
    }
}

#[test]
fn a_file_cut_anywhere_is_refused_without_a_panic() {
    let json = cluster(
        "c",
        r#"{"name":"m","timestep":60,"subClusters":[{"name":"a"}]}"#,
        SUB,
    );
    for n in 0..json.len() {
        assert!(load(&[("c", &json[..n])]).is_err(), "{n} bytes");
    }
}

#[test]
fn derived_ids_are_ascending() {
    let json = cluster("c", r#"{"name":"m","timestep":60}"#, SUB);
    let all = load(&[("c", &json)]).unwrap();
    let t = &all.get("c").unwrap().subcluster("a").unwrap().topology;
    assert_eq!(t.cores(&[3, 0]), [0, 1]);
    assert_eq!(t.sockets(&[3, 2]), [1]);
    assert_eq!(t.cores(&[9]), [0_usize; 0]);
    assert_eq!(t.core(1), [1, 3]);
}
