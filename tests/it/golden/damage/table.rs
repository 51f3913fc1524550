//! The one table of damages.

use super::damaged::{Damaged, items, number, pairs, text};
use crate::judge::json::Json;
use crate::support::golden::write_packed;

/// What is damaged, in which job, what the reason must say, and how it is done.
pub(crate) struct Damage(
    pub(crate) &'static str,
    pub(crate) i64,
    pub(crate) &'static str,
    pub(crate) fn(&Damaged),
);

/// In place of a job id: no job is wrong, the site is.
pub(crate) const SITE: i64 = 0;

/// Damages that `compare.py` lets through: Python's strings equal numbers as they were written, its objects
/// have no order when they are compared, and its text files no carriage returns. It looks neither for files
/// that are gone, nor for documents outside of a job's folder, nor at the storage class of columns that must
/// not change. And it excuses a missing series of nulls because no file holds a value of it, which is why
/// there are nulls.
pub(crate) const OURS_ALONE: &[&str] = &[
    "a string for a value",
    "a string for the status in meta",
    "null for no statistics series",
    "keys of a resource in meta",
    "a carriage return in meta",
    "version.txt removed",
    "a meta.json that is no job's",
    "resources as text for blob",
    "no series of nulls beside a roofline pair",
];

macro_rules! damages {
    ($($name:literal, $job:expr, $says:literal: $apply:expr;)*) => {
        pub(crate) const DAMAGES: &[Damage] = &[$(Damage($name, $job, $says, $apply)),*];
    };
}

damages! {
    // Values.
    "a value", 1001, "cpu_load/node t001: 1 values, first at 5":
        |a| a.data("cpu_load/node/series/0/data/5", |v| *v = number("1.00"));
    "a digit", 1001, "mem_used/node t001: 1 values":
        |a| a.data("mem_used/node/series/0/data/7", |v| *v = next_digit(v));
    "a sum by more than its last digit", 1001, "mem_bw/node t001 0: 1 values":
        |a| a.data("mem_bw/node/series/0/data/7", |v| *v = number("200.00"));
    "a value nulled", 1001, "fast_temp/node t001: 1 values, first at 300":
        |a| a.data("fast_temp/node/series/0/data/300", |v| *v = Json::Null);
    "a gap filled", 1003, "cpu_load/node t003":
        |a| a.data("cpu_load/node/series/1/data", fill);
    "a value too many", 1002, "ib_recv/node t002: 14 points, want 13":
        |a| a.data("ib_recv/node/series/0/data", |v| items(v).push(number("1.00")));
    "a value too few", 1002, "ib_recv/node t002: 12 points, want 13":
        |a| a.data("ib_recv/node/series/0/data", |v| drop(items(v).pop()));
    "a late series padded at its end", 1008, "cpu_load/node t009":
        |a| a.data("cpu_load/node/series/0/data", |v| items(v).rotate_left(15));
    "a late series a slot early", 1008, "cpu_load/node t009":
        |a| a.data("cpu_load/node/series/0/data", |v| items(v).rotate_left(1));
    // Statistics.
    "an average", 1001, "cpu_load/node t001 avg":
        |a| a.data("cpu_load/node/series/0/statistics/avg", |v| *v = next_digit(v));
    "a minimum over gaps", 1008, "cpu_load/node t009 min":
        |a| a.data("cpu_load/node/series/0/statistics/min", |v| *v = number("0.00"));
    "statistics of a series of nulls", 1006, "mem_bw/node t005 0 min":
        |a| a.data("mem_bw/node/series/0/statistics/min", |v| *v = number("1.00"));
    "the statistics series dropped", 1019, "cpu_load/node statisticsSeries missing":
        |a| a.data("cpu_load/node", |v| drop(pairs(v).remove(0)));
    "a statistics series for seven", 1055, "cpu_load/node statisticsSeries extra":
        |a| a.data("", add_spread);
    "null for no statistics series", 1001, "cpu_load/node":
        |a| a.data("cpu_load/node", |v| pairs(v).insert(0, ("statisticsSeries".to_owned(), Json::Null)));
    "a median", 1019, "cpu_load/node statisticsSeries median":
        |a| a.data("cpu_load/node/statisticsSeries/median/3", |v| *v = number("1.00"));
    "a median over gaps", 1022, "cpu_load/node statisticsSeries median[20]":
        |a| a.data("cpu_load/node/statisticsSeries/median/20", |v| *v = number("1.00"));
    "a maximum of sums", 1019, "mem_bw/node statisticsSeries max":
        |a| a.data("mem_bw/node/statisticsSeries/max/3", |v| *v = number("1.00"));
    "a short statistics series", 1019, "cpu_load/node statisticsSeries min: 49 points":
        |a| a.data("cpu_load/node/statisticsSeries/min", |v| drop(items(v).pop()));
    "a mean in the statistics series", 1019, "cpu_load/node: statisticsSeries keys":
        |a| a.data("cpu_load/node/statisticsSeries/mean", |v| *v = Json::List(Vec::new()));
    // Which series there are.
    "an id", 1018, "acc_power/accelerator series":
        |a| a.data("acc_power/accelerator/series/1/id", |v| *v = text("00000000:51:00.0"));
    "the id of an aggregate", 1058, "flops_any/node t038 id":
        |a| a.data("flops_any/node/series/0/id", |v| *v = text("0"));
    "a host", 1003, "no host of the job":
        |a| a.data("cpu_load/node/series/1/hostname", |v| *v = text("t004"));
    "a series dropped", 1003, "cpu_load/node series (\"t003\", None) missing":
        |a| a.data("cpu_load/node/series", |v| drop(items(v).pop()));
    "a series twice", 1003, "cpu_load/node duplicate series":
        |a| a.data("cpu_load/node/series", |v| {
            let again = items(v)[1].clone();
            items(v).push(again);
        });
    "series swapped", 1018, "cpu_user/core series order":
        |a| a.data("cpu_user/core/series", |v| items(v).swap(2, 5));
    "ids of two series swapped", 1018, "cpu_user/hwthread t020 2":
        |a| {
            a.data("cpu_user/hwthread/series", |v| { items(v).swap(2, 5);
            pairs(&mut items(v)[2])[1].1 = text("2");
            pairs(&mut items(v)[5])[1].1 = text("5");
            });
        };
    "accelerators ascending against the job's list", 1058, "acc_power/accelerator series order":
        |a| a.data("acc_power/accelerator/series", |v| items(v).reverse());
    "an empty series kept", 1055, "cpu_load/node series [(\"t010\", None)] extra":
        |a| {
            a.data("cpu_load/node/series", |v| { let mut empty = items(v)[0].clone();
            pairs(&mut empty)[0].1 = text("t010");
            pairs(&mut empty)[2].1 = Json::List(vec![Json::Null;
            34]);
            items(v).insert(2, empty);
            });
        };
    "no series of nulls beside a roofline pair", 1006, "mem_bw/node are no pair for [\"t005\"]":
        |a| a.data("mem_bw/node/series", |v| drop(items(v).remove(0)));
    "an aggregate dropped that cc-backend could not align", 1057, "cpu_user/node missing":
        |a| a.data("cpu_user", |v| pairs(v).retain(|(scope, _)| scope != "node"));
    "a metric dropped", 1001, "cpu_load/node missing":
        |a| a.data("", |v| pairs(v).retain(|(metric, _)| metric != "cpu_load"));
    "a scope added", 1001, "ib_recv/socket extra":
        |a| {
            a.data("ib_recv", |v| { let node = pairs(v)[0].1.clone();
            pairs(v).push(("socket".to_owned(), node));
            });
        };
    "a metric that is not configured", 1001, "zz is configured nowhere":
        |a| a.data("", |v| {
            let first = pairs(v)[0].1.clone();
            pairs(v).push(("zz".to_owned(), first));
        });
    // Form of data.json.
    "a timestep", 1001, "cpu_load/node timestep 61 want 60":
        |a| a.data("cpu_load/node/timestep", |v| *v = number("61"));
    "a unit", 1001, "mem_bw/node unit":
        |a| a.data("mem_bw/node/unit/prefix", |v| *v = text("M"));
    "keys of a unit", 1001, "mem_bw/node: unit":
        |a| a.data("mem_bw/node/unit", |v| pairs(v).swap(0, 1));
    "metrics out of order", 1001, "metrics out of order":
        |a| a.data("", |v| pairs(v).swap(3, 4));
    "scopes out of order", 1001, "mem_bw: scopes out of order":
        |a| a.data("mem_bw", |v| pairs(v).swap(0, 1));
    "keys of a metric", 1001, "cpu_load/node: keys":
        |a| a.data("cpu_load/node", |v| pairs(v).swap(0, 2));
    "keys of a series", 1001, "cpu_load/node series: keys":
        |a| a.data("cpu_load/node/series/0", |v| pairs(v).swap(0, 1));
    "keys of statistics", 1001, "cpu_load/node series: statistics keys":
        |a| a.data("cpu_load/node/series/0/statistics", |v| pairs(v).swap(0, 1));
    "an extra key in a series", 1001, "cpu_load/node series: keys":
        |a| a.data("cpu_load/node/series/0", |v| pairs(v).push(("from".to_owned(), number("0"))));
    "one decimal", 1001, "cpu_load/node series: number format of 1.5":
        |a| a.data("cpu_load/node/series/0/data/5", |v| *v = number("1.5"));
    "an exponent", 1001, "number format of 1e1":
        |a| a.data("cpu_load/node/series/0/data/5", |v| *v = number("1e1"));
    "a string for a value", 1001, "cpu_load/node series: number format":
        |a| a.data("cpu_load/node/series/0/data/5", |v| *v = text(v.digits().expect("a number")));
    "NaN for null", 1008, "data.json: no JSON":
        |a| a.data_text(|text| text.replacen("null", "NaN", 1));
    "the last newline of data.json", 1001, "data.json is not written as Go":
        |a| a.data_text(|text| text.trim_end().to_owned());
    "a space in data.json", 1001, "data.json is not written as Go":
        |a| a.data_text(|text| text.replacen(',', ", ", 1));
    "a key twice in data.json", 1001, "the key timestep comes twice":
        |a| a.data_text(|text| { text.replacen("\"timestep\":60", "\"timestep\":60,\"timestep\":60", 1) });
    "a torn data.json.gz", 1001, "data.json.gz does not unpack":
        |a| {
            let bytes = std::fs::read(a.folder().join("data.json.gz")).expect("data.json.gz");
            a.beside("data.json.gz", &bytes[..bytes.len() - 9]);
        };
    "both data files", 1001, "two data files":
        |a| { a.beside("data.json", b"{}\n") };
    "a small document compressed", 1014, "wrong form for 3 bytes":
        |a| {
            write_packed(&a.folder().join("data.json.gz"), b"{}\n");
            std::fs::remove_file(a.folder().join("data.json")).expect("data.json");
        };
    "a large document plain", 1001, "wrong form for":
        |a| {
            std::fs::remove_file(a.folder().join("data.json.gz")).expect("data.json.gz");
            a.beside("data.json", " ".repeat(2001).as_bytes());
        };
    "no data file", 1001, "no data file":
        |a| std::fs::remove_file(a.folder().join("data.json.gz")).expect("data.json.gz");
    // meta.json.
    "the status in meta", 1001, "meta monitoringStatus 1":
        |a| a.meta("monitoringStatus", |v| *v = number("1"));
    "a string for the status in meta", 1001, "meta monitoringStatus":
        |a| a.meta("monitoringStatus", |v| *v = text("3"));
    "energy in meta", 1001, "energy":
        |a| { a.meta("energy", |v| *v = number("0")) };
    "metadata null", 1048, "meta metaData null":
        |a| { a.meta("metaData", |v| *v = Json::Null) };
    "metadata", 1001, "meta metaData":
        |a| { a.meta("metaData/jobName", |v| *v = text("b")) };
    "a tag dropped in meta", 1049, "meta tags":
        |a| { a.meta("tags", |v| drop(items(v).pop())) };
    "tags swapped in meta", 1049, "meta tags":
        |a| { a.meta("tags", |v| items(v).reverse()) };
    "all tags dropped in meta", 1049, "meta keys":
        |a| a.meta("", |v| pairs(v).retain(|(key, _)| key != "tags"));
    "an extra key in meta", 1001, "meta has submitTime":
        |a| a.meta("", |v| pairs(v).push(("submitTime".to_owned(), number("1"))));
    "a key dropped in meta", 1001, "meta smt: absent":
        |a| a.meta("", |v| pairs(v).retain(|(key, _)| key != "smt"));
    "keys of meta", 1001, "meta keys":
        |a| { a.meta("", |v| pairs(v).swap(0, 1)) };
    "keys of a resource in meta", 1018, "meta resources":
        |a| a.meta("resources/0", |v| pairs(v).swap(0, 1));
    "a field of meta", 1001, "meta walltime":
        |a| { a.meta("walltime", |v| *v = number("1")) };
    "footprint in meta", 1001, "meta footprint":
        |a| a.meta("footprint/cpu_load_avg", |v| *v = number("1"));
    "an energy footprint of null in meta", 1001, "meta energy_footprint null":
        |a| a.meta("energyFootprint", |v| *v = Json::Null);
    "a job statistic", 1001, "meta statistics cpu_load max":
        |a| a.meta("statistics/cpu_load/max", |v| *v = number("1"));
    "two decimals in a job statistic", 1049, "meta statistics fast_temp max 90.00":
        |a| a.meta("statistics/fast_temp/max", |v| *v = number("90.00"));
    "a job statistic dropped", 1001, "meta statistics of":
        |a| a.meta("statistics", |v| drop(pairs(v).pop()));
    "keys of a job statistic", 1001, "meta statistics cpu_load unit or keys":
        |a| a.meta("statistics/cpu_load", |v| pairs(v).swap(1, 2));
    "a unit in meta", 1001, "meta statistics mem_bw unit or keys":
        |a| a.meta("statistics/mem_bw/unit/base", |v| *v = text("B"));
    "the last newline of meta", 1001, "meta.json is not written as Go":
        |a| a.meta_text(|text| text.trim_end().to_owned());
    "a second newline in meta", 1001, "meta.json is not written as Go":
        |a| a.meta_text(|text| format!("{text}\n"));
    "a carriage return in meta", 1001, "meta.json is not written as Go":
        |a| a.meta_text(|text| text.replace('\n', "\r\n"));
    "a space in meta", 1001, "meta.json is not written as Go":
        |a| a.meta_text(|text| text.replacen(':', ": ", 1));
    "an escape in meta", 1049, "meta.json is not written as Go":
        |a| a.meta_text(|text| text.replacen("\\u003c", "<", 1));
    "meta.json removed", 1001, "files [\"data.json.gz\"]":
        |a| std::fs::remove_file(a.folder().join("meta.json")).expect("meta.json");
    // Rows.
    "the status", 1001, "status 1, want 3":
        |a| a.sql("UPDATE job SET monitoring_status = 1 WHERE job_id = 1001");
    "the footprint", 1001, "row footprint":
        |a| a.sql("UPDATE job SET footprint = replace(footprint, '9.49', '9.5') WHERE job_id = 1001");
    "the footprint as a blob", 1001, "row footprint is stored as a blob":
        |a| a.sql("UPDATE job SET footprint = CAST(footprint AS BLOB) WHERE job_id = 1001");
    "the energy footprint as a blob", 1001, "row energy_footprint is stored as a blob":
        |a| a.sql("UPDATE job SET energy_footprint = CAST(energy_footprint AS BLOB) WHERE job_id = 1001");
    "the energy footprint", 1001, "row energy_footprint":
        |a| a.sql("UPDATE job SET energy_footprint = '{}' WHERE job_id = 1001");
    "the energy", 1001, "energy Real(0.44)":
        |a| a.sql("UPDATE job SET energy = 0.44 WHERE job_id = 1001");
    "another column", 1001, "row: walltime changed":
        |a| a.sql("UPDATE job SET walltime = walltime + 1 WHERE job_id = 1001");
    "resources as text for blob", 1002, "row: resources changed":
        |a| a.sql("UPDATE job SET resources = CAST(resources AS TEXT) WHERE job_id = 1002");
    "another column of a job that must fail", 1052, "row: footprint changed":
        |a| a.sql("UPDATE job SET footprint = '{}' WHERE job_id = 1052");
    "status 3 without data", 1043, "status 3, want 2":
        |a| a.sql("UPDATE job SET monitoring_status = 3 WHERE job_id = 1043");
    "status 1 of a job that must fail", 1053, "status 1, want 2":
        |a| a.sql("UPDATE job SET monitoring_status = 1 WHERE job_id = 1053");
    "a running job touched", 1025, "row: monitoring_status changed":
        |a| a.sql("UPDATE job SET monitoring_status = 2 WHERE job_id = 1025");
    "an unknown end touched", 1015, "row: monitoring_status changed":
        |a| a.sql("UPDATE job SET monitoring_status = 3 WHERE job_id = 1015");
    "a row added", SITE, "rows were added or removed":
        |a| a.sql("INSERT INTO job (id, job_id, cluster, subcluster, hpc_user, project, duration, walltime, \
            job_state, resources, num_nodes, shared) VALUES (99, 99, 'tiny', 'a', 'u', 'p', 1, 1, 'completed', '[]', 1, 'none')");
    "a row removed", 1024, "the row is gone":
        |a| { a.sql("DELETE FROM job WHERE job_id = 1024") };
    "a tag dropped", SITE, "table jobtag changed":
        |a| { a.sql("DELETE FROM jobtag WHERE tag_id = 1") };
    "a tag's scope", SITE, "table tag changed":
        |a| a.sql("UPDATE tag SET tag_scope = 'private' WHERE id = 1");
    "an index dropped", SITE, "schema changed":
        |a| { a.schema("DROP INDEX jobs_starttime") };
    "a table added", SITE, "table ledger changed":
        |a| { a.schema("CREATE TABLE ledger (id)") };
    // Files.
    "the archive removed", 1001, "no archive; status 3":
        |a| std::fs::remove_dir_all(a.folder()).expect("the folder");
    "a job archived that is not to be", 1024, "archived though not selected":
        |a| a.file("tiny/1/024/1755001000/meta.json", "{}\n");
    "a job archived with unknown end", 1015, "unknown end, yet archived":
        |a| a.file("tiny/1/015/1755000700/meta.json", "{}\n");
    "a job archived that must fail", 1052, "archived, cc-backend could not":
        |a| a.file("tiny/1/052/1755001000/meta.json", "{}\n");
    "a job archived without data", 1043, "no data, yet archived":
        |a| a.file("tiny/1/043/1755001000/meta.json", "{}\n");
    "a cluster that is not configured", SITE, "stray files":
        |a| a.file("ghost/1/053/1755001000/meta.json", "{}\n");
    "a folder in the root", SITE, "stray files [\"tmp\"]":
        |a| std::fs::create_dir(a.archive().join("tmp")).expect("a folder");
    "a file in the root", SITE, "stray files [\"lock\"]":
        |a| { a.file("lock", "") };
    "a file at level 1", SITE, "stray files [\"tiny/1/a.tmp\"]":
        |a| a.file("tiny/1/a.tmp", "");
    "a file at level 2", SITE, "stray files [\"tiny/1/001/a.tmp\"]":
        |a| a.file("tiny/1/001/a.tmp", "");
    "a folder for no job", SITE, "stray files [\"tiny/7":
        |a| { a.file("tiny/7/001/5/meta.json", "{}\n") };
    "a meta.json that is no job's", SITE, "stray files [\"tiny/meta.json\"]":
        |a| a.file("tiny/meta.json", "{}\n");
    "a file beside the documents", 1001, "files":
        |a| { a.beside("meta.json.tmp", b"") };
    "version.txt changed", SITE, "stray files [\"version.txt\"]":
        |a| a.file("version.txt", "4\n");
    "version.txt removed", SITE, "file version.txt is gone":
        |a| std::fs::remove_file(a.archive().join("version.txt")).expect("version.txt");
    "cluster.json changed", SITE, "stray files [\"tiny/cluster.json\"]":
        |a| a.file("tiny/cluster.json", "{}\n");
}

/// The same number with another last digit.
fn next_digit(value: &Json) -> Json {
    let digits = value.digits().expect("a number");
    let (head, last) = digits.split_at(digits.len() - 1);
    let last = if last == "9" { "8" } else { "9" };
    number(&format!("{head}{last}"))
}

fn fill(values: &mut Json) {
    for value in items(values) {
        if *value == Json::Null {
            *value = number("1.00");
        }
    }
}

/// Gives a metric of seven series a statistics series of the right form.
fn add_spread(document: &mut Json) {
    for (metric, scopes) in pairs(document) {
        if metric == "cpu_load" {
            let entry = pairs(&mut pairs(scopes)[0].1);
            let points = items(&mut pairs(&mut items(&mut entry[1].1)[0])[2].1).len();
            let values = Json::List(vec![Json::Null; points]);
            let keys = [
                ("mean", Json::Null),
                ("median", values.clone()),
                ("min", values.clone()),
                ("max", values),
            ];
            let spread = keys.map(|(key, value)| (key.to_owned(), value)).to_vec();
            entry.insert(0, ("statisticsSeries".to_owned(), Json::Object(spread)));
        }
    }
}
