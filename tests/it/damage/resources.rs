//! The hosts of a job: names that lead elsewhere, lists that are too long, the same thing twice.

use std::fmt::Write as _;
use std::fs;

use super::swept::Swept;
use super::tiny::Site;

fn with(resources: &[u8]) -> Swept {
    let site = Site::new();
    site.set(101, "resources", resources);
    site.sweep()
}

#[test]
fn resources_that_are_no_list_of_hosts_are_refused() {
    for (bad, words) in [
        ("", "is not a list of hosts: it is empty"),
        ("[", "is not a list of hosts"),
        ("null", "is not a list of hosts"),
        ("{}", "is not a list of hosts"),
        ("[]", "names no host"),
        ("[null]", "is not a list of hosts"),
        ("[1]", "is not a list of hosts"),
        ("[[[[", "is not a list of hosts"),
        (r#"[{"hostname":5}]"#, "is not a list of hosts"),
        (r#"[{"hostname":["n1"]}]"#, "is not a list of hosts"),
        (
            r#"[{"hostname":"n1","hwthreads":"0"}]"#,
            "is not a list of hosts",
        ),
        (
            r#"[{"hostname":"n1","hwthreads":[1.5]}]"#,
            "is not a list of hosts",
        ),
        (
            r#"[{"hostname":"n1","hwthreads":[99999999999999999999]}]"#,
            "is not a list of hosts",
        ),
        (
            r#"[{"hostname":"n1","accelerators":[1]}]"#,
            "is not a list of hosts",
        ),
        ("[{}]", "the name of host 1 cannot be the name of a folder"),
        (
            r#"[{"hostname":"n1"},{"hostname":""}]"#,
            "the name of host 2 cannot be",
        ),
        (r#"[{"hostname":"."}]"#, "the name of host 1 cannot be"),
        (r#"[{"hostname":".."}]"#, "the name of host 1 cannot be"),
        (r#"[{"hostname":"../n1"}]"#, "the name of host 1 cannot be"),
        (r#"[{"hostname":"/n1"}]"#, "the name of host 1 cannot be"),
        (
            r#"[{"hostname":"n1/../n2"}]"#,
            "the name of host 1 cannot be",
        ),
        (r#"[{"hostname":"n1\\x"}]"#, "the name of host 1 cannot be"),
        (
            r#"[{"hostname":"n1\u0000"}]"#,
            "the name of host 1 cannot be",
        ),
        (r#"[{"hostname":"\ud800"}]"#, "is not a list of hosts"),
    ] {
        let swept = with(bad.as_bytes());
        let detail = swept.only_fail(&[101], "row_invalid");
        println!("{bad}: {detail}");
        assert!(
            detail.starts_with("column resources") && detail.contains(words),
            "{bad}: {detail}"
        );
    }
    let long = format!(r#"[{{"hostname":"{}"}}]"#, "n".repeat(256));
    with(long.as_bytes()).only_fail(&[101], "row_invalid");
}

#[test]
fn a_hosts_name_with_odd_characters_is_escaped_in_archive_and_messages() {
    for name in [
        "n\"1",
        "n 1",
        "n\n1",
        "n\u{1b}[31m",
        "-n",
        "n'1",
        "n\u{202e}",
        "N1",
        "\u{fc}",
        "<n&>",
        "$(x)",
        "*",
    ] {
        let site = || {
            let site = Site::new();
            let quoted = serde_json::to_string(name).unwrap();
            site.set(101, "resources", format!(r#"[{{"hostname":{quoted}}}]"#));
            site
        };
        let swept = site().sweep();
        swept.others_are_sound(&[101]);
        assert_eq!(
            swept.job(101).outcome,
            "no_data",
            "{}",
            swept.job(101).brief()
        );
        println!("{}", swept.job(101).detail);

        let own = site();
        fs::rename(own.checkpoint("n3"), own.checkpoint(name)).unwrap();
        let swept = own.sweep();
        let j = swept.job(101);
        assert_eq!(j.outcome, "complete", "{}", j.brief());
        for (file, at) in [
            ("meta.json", "/resources/0/hostname"),
            ("data.json", "/load/node/series/0/hostname"),
        ] {
            let document: serde_json::Value = serde_json::from_slice(&j.files[file]).unwrap();
            assert_eq!(document.pointer(at).unwrap(), name, "{file}");
        }

        let broken = site();
        fs::create_dir(broken.checkpoint(name)).unwrap();
        fs::write(broken.checkpoint(name).join("1700000000.bin"), "x").unwrap();
        broken.sweep().only_fail(&[101], "snapshot_broken");
    }
}

#[test]
fn the_same_host_or_thread_twice_is_archived_twice() {
    let swept = with(br#"[{"hostname":"n1"},{"hostname":"n1"}]"#);
    swept.others_are_sound(&[101]);
    assert_eq!(swept.job(101).outcome, "complete");
    let data = String::from_utf8_lossy(&swept.job(101).files["data.json"]).into_owned();
    assert_eq!(
        data.matches(r#"{"hostname":"n1","statistics""#).count(),
        2,
        "{data}"
    );

    let threads =
        br#"[{"hostname":"n1","hwthreads":[1,1,1,-1,9223372036854775807,-9223372036854775808]}]"#;
    let swept = with(threads);
    swept.others_are_sound(&[101]);
    assert_eq!(
        swept.job(101).outcome,
        "complete",
        "{}",
        swept.job(101).brief()
    );
}

#[test]
fn thousands_of_hosts_and_threads_are_no_problem() {
    let mut hosts = String::from(r#"[{"hostname":"n1"}"#);
    for k in 0..5000 {
        write!(hosts, r#",{{"hostname":"x{k}"}}"#).unwrap();
    }
    hosts.push(']');
    let swept = with(hosts.as_bytes());
    swept.others_are_sound(&[101]);
    assert_eq!(swept.job(101).outcome, "partial");

    let threads: Vec<String> = (0..100_000).map(|k| k.to_string()).collect();
    let swept = with(
        format!(
            r#"[{{"hostname":"n1","hwthreads":[{}]}}]"#,
            threads.join(",")
        )
        .as_bytes(),
    );
    swept.others_are_sound(&[101]);
    assert_eq!(swept.job(101).outcome, "complete");

    let deep = format!(r#"[{{"hostname":"n1","x":{}"#, "[".repeat(1 << 20));
    with(deep.as_bytes()).only_fail(&[101], "row_invalid");
}
