//! The documents of an archive by job, whatever medium holds them: what an archive is compared by.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::Connection;

use super::gzip;
use super::site::folders;

/// meta.json and data.json by number and start of the job.
pub(crate) type Documents = BTreeMap<(i64, i64), (Vec<u8>, Vec<u8>)>;

/// Those of a SQLite archive.
pub(crate) fn in_file(archive: &Path) -> Documents {
    let c = Connection::open(archive).unwrap();
    let mut rows = c
        .prepare("SELECT job_id, start_time, meta_json, data_json, data_compressed FROM jobs")
        .unwrap();
    let rows = rows.query_map([], |r| {
        let data: Vec<u8> = r.get(3)?;
        let data = if r.get(4)? { gzip::unpack(&data) } else { data };
        Ok(((r.get(0)?, r.get(1)?), (r.get(2)?, data)))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

/// Those of a cluster's folder.
pub(crate) fn in_tree(cluster: &Path) -> Documents {
    let number = |p: &Path| -> i64 { p.file_name().unwrap().to_str().unwrap().parse().unwrap() };
    let mut out = Documents::new();
    for thousands in folders(cluster) {
        for rest in folders(&thousands) {
            for job in folders(&rest) {
                let read = |name| std::fs::read(job.join(name));
                let data = read("data.json")
                    .unwrap_or_else(|_| gzip::unpack(&read("data.json.gz").unwrap()));
                let key = (number(&thousands) * 1000 + number(&rest), number(&job));
                out.insert(key, (read("meta.json").unwrap(), data));
            }
        }
    }
    out
}

/// Those of a cluster in a bucket.
#[cfg(feature = "s3")]
pub(crate) fn in_bucket(server: &super::s3::Server, cluster: &str) -> Documents {
    let mut out = Documents::new();
    for name in server.names() {
        let parts: Vec<&str> = name.split('/').collect();
        if let [of, thousands, rest, start, "meta.json"] = parts[..]
            && of == cluster
        {
            let number = |text: &str| text.parse::<i64>().unwrap();
            let get = |name| server.get(&format!("{of}/{thousands}/{rest}/{start}/{name}"));
            let packed = || gzip::unpack(&get("data.json.gz").unwrap());
            let data = get("data.json").unwrap_or_else(packed);
            let key = (number(thousands) * 1000 + number(rest), number(start));
            out.insert(key, (get("meta.json").unwrap(), data));
        }
    }
    out
}
