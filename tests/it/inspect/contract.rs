//! The JSON of the read-only commands against the schema in docs/.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{ask, swept};

fn schema() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/inspect.schema.json");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The part of JSON Schema that the file uses: `$ref`, `type`, `enum`, `required`, `properties`, `items`. What the schema
/// does not name is an error here, so that nothing is undocumented.
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
    let root = schema();
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
        assert!(!objects.is_empty(), "{arguments:?}");
        for object in objects {
            let kind = format!("{}:{}", arguments[0], object["type"].as_str().unwrap());
            let one = &root["$defs"][&kind];
            assert!(one.is_object(), "{kind} is not documented");
            check(&root, one, &object, &kind, &mut wrong);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
