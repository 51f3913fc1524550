//! What `--json` prints against the schemas in docs/.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use ccarchive::inspect::verify::Fault;
use ccarchive::model::failure::Reason;
use ccarchive::model::outcome::Kind;
use serde_json::Value;
use strum::IntoEnumIterator;

use super::{ask, swept};
use crate::generator::{Plan, write};
use crate::support::program::{program, run};
use crate::support::wait::now;

fn schema(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs")
        .join(name);
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The part of JSON Schema that the files use: `$ref`, `type`, `enum`, `required`, `properties`, `additionalProperties`,
/// `items`. What the schema does not name is an error here, so that nothing is undocumented.
fn check(root: &Value, schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    if let Some(name) = schema["$ref"].as_str() {
        let target = &root["$defs"][name.trim_start_matches("#/$defs/")];
        return check(root, target, value, at, wrong);
    }
    let types: Vec<&str> = match schema["type"].as_array() {
        Some(many) => many.iter().filter_map(Value::as_str).collect(),
        None => schema["type"].as_str().into_iter().collect(),
    };
    let is = |t: &&str| match *t {
        "null" => value.is_null(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        _ => false,
    };
    if !types.is_empty() && !types.iter().any(is) {
        wrong.push(format!("{at} is {value}, not {types:?}"));
    }
    if let (Some(list), false) = (schema["enum"].as_array(), value.is_null())
        && !list.contains(value)
    {
        wrong.push(format!("{at} is {value}, none of {list:?}"));
    }
    if let (Some(object), Some(known)) = (value.as_object(), schema["properties"].as_object()) {
        for name in schema["required"].as_array().into_iter().flatten() {
            if !object.contains_key(name.as_str().unwrap()) {
                wrong.push(format!("{at} lacks {name}"));
            }
        }
        for (name, member) in object {
            match known.get(name) {
                Some(s) => check(root, s, member, &format!("{at}.{name}"), wrong),
                None => wrong.push(format!("{at}.{name} is not documented")),
            }
        }
    }
    let others = &schema["additionalProperties"];
    if let (Some(object), true) = (value.as_object(), others.is_object()) {
        for (name, member) in object {
            check(root, others, member, &format!("{at}.{name}"), wrong);
        }
    }
    if let (Some(list), true) = (value.as_array(), schema["items"].is_object()) {
        for (k, item) in list.iter().enumerate() {
            check(root, &schema["items"], item, &format!("{at}[{k}]"), wrong);
        }
    }
}

#[test]
fn every_object_is_as_the_schema_says() {
    let site = swept();
    let start = crate::support::site::T0 + 600;
    fs::remove_dir_all(site.folder(1, start)).unwrap();
    fs::create_dir_all(site.folder(1, start + 1)).unwrap();
    let root = schema("inspect.schema.json");
    let mut wrong = Vec::new();
    for arguments in [
        &["status", "--json"][..],
        &["status", "--list", "waiting", "--json"],
        &["status", "--list", "thin", "--json"],
        &["explain", "1", "--json"],
        &["explain", "2", "--json"],
        &["explain", "3", "--json"],
        &["explain", "6", "--json"],
        &["show", "6", "--json"],
        &["verify", "--json"],
        &["verify", "--json", "--repair"],
    ] {
        let objects = ask(&site, arguments).json();
        check_all(&root, arguments[0], &objects, &mut wrong);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Checks objects that a command printed.
fn check_all(root: &Value, command: &str, objects: &[Value], wrong: &mut Vec<String>) {
    assert!(!objects.is_empty(), "{command}");
    for object in objects {
        let kind = format!("{command}:{}", object["type"].as_str().unwrap());
        let one = &root["$defs"][&kind];
        assert!(one.is_object(), "{kind} is not documented");
        check(root, one, object, &kind, wrong);
    }
}

#[test]
fn every_object_of_a_sweep_is_as_its_schema_says() {
    let root = schema("run.schema.json");
    let mut wrong = Vec::new();
    let dir = tempfile::tempdir().unwrap();
    let demo = dir.path().join("demo");
    write(&demo, &Plan::demo(now())).unwrap();
    let sweep = |arguments: &[&str]| {
        let mut command = program();
        command.args(["run", "--json"]).args(arguments);
        run(command.arg("--db").arg(demo.join("job.db"))).json()
    };
    let mut kinds = BTreeSet::new();
    for arguments in [
        &["--dry-run"][..],
        &["--limit", "20"],
        &[],
        &["--retry-now"],
        // No sweep at all.
        &["--archive", "/nonexistent"],
    ] {
        let objects = sweep(arguments);
        check_all(&root, "run", &objects, &mut wrong);
        kinds.extend(objects.iter().map(|o| o["type"].to_string()));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(kinds.len(), 3, "{kinds:?}");
    // Words are enumerated: each of them that there is.
    let words = |schema: &Value| -> BTreeSet<String> {
        let list = schema["enum"].as_array().unwrap().iter();
        list.map(|w| w.as_str().unwrap().to_owned()).collect()
    };
    let job = &root["$defs"]["run:job"]["properties"];
    let kinds: BTreeSet<String> = Kind::iter().map(|k| k.name().to_owned()).collect();
    assert_eq!(words(&job["outcome"]), kinds);
    let reasons: BTreeSet<String> = Reason::iter().map(|r| r.code().to_owned()).collect();
    assert_eq!(words(&job["reason"]), reasons);
    let faults: BTreeSet<String> = Fault::iter().map(|f| f.name().to_owned()).collect();
    let finding = &schema("inspect.schema.json")["$defs"]["verify:finding"]["properties"];
    assert_eq!(words(&finding["fault"]), faults);
}
