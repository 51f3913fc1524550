//! The resolved site as a table: one line a setting, with its value and where it came from.

use std::path::PathBuf;

use super::store::ASKED;
use super::{ArchivePlace, Located, Site};
use crate::site::quantity::show_seconds;

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The setting.
    pub what: &'static str,
    /// Its value; never a secret.
    pub value: String,
    /// Where the value came from.
    pub from: String,
}

impl Site {
    /// The resolved site, line by line; of a token only that it is set.
    pub fn rows(&self) -> Vec<Row> {
        let mut rows = vec![
            path("database", &self.database),
            Row {
                what: "archive",
                value: self.archive.value.to_string(),
                from: self.archive.origin.to_string(),
            },
        ];
        if let ArchivePlace::S3(bucket) = &self.archive.value {
            let keys = bucket.keys.as_ref();
            rows.push(Row {
                what: "archive server",
                value: bucket.address(),
                from: format!("region {}", bucket.region),
            });
            rows.push(Row {
                what: "archive keys",
                value: keys.map_or("none", |_| "set").to_owned(),
                from: keys.map_or_else(|| "nothing names them".into(), |k| k.from.clone()),
            });
        }
        rows.push(path("ledger", &self.ledger));
        rows.extend(
            self.checkpoints
                .iter()
                .map(|folder| path("checkpoints", folder)),
        );
        rows.extend(self.parquet.iter().map(|folder| path("parquet", folder)));
        rows.push(seconds("checkpoint interval", &self.checkpoint_interval));
        rows.push(match &self.retention {
            Some(retention) => seconds("retention", retention),
            None => Row {
                what: "retention",
                value: "not known".to_owned(),
                from: "no configuration names it".to_owned(),
            },
        });
        for Located {
            value: store,
            origin,
        } in &self.stores
        {
            let token = match &store.token {
                Some((_, from)) if *from == origin.to_string() => "token set".to_owned(),
                Some((_, from)) => format!("token set by {from}"),
                None => "no token".to_owned(),
            };
            rows.push(Row {
                what: if ASKED { "store" } else { "store (not asked)" },
                value: format!("{} {}, {token}", store.scope, store.url),
                from: origin.to_string(),
            });
        }
        let ca = self.ca.clone().or_else(|| self.archive_ca());
        rows.extend(ca.map(|file| path("certificates", &file)));
        rows
    }

    /// The table of [`Site::rows`].
    pub fn show(&self) -> String {
        table(&self.rows())
    }
}

/// Lines of three aligned columns under a heading.
pub fn table(rows: &[Row]) -> String {
    let lines = || {
        let rows = rows
            .iter()
            .map(|row| [row.what, row.value.as_str(), row.from.as_str()]);
        std::iter::once(["what", "value", "from"]).chain(rows)
    };
    let width = |column: usize| lines().map(|line| line[column].chars().count()).max();
    let (what, value) = (width(0).unwrap_or(0), width(1).unwrap_or(0));
    let line = |[a, b, c]: [&str; 3]| format!("{a:what$}  {b:value$}  {c}\n");
    lines().map(line).collect::<Vec<_>>().concat()
}

fn path(what: &'static str, place: &Located<PathBuf>) -> Row {
    let value = place.value.display().to_string();
    Row {
        what,
        value,
        from: place.origin.to_string(),
    }
}

fn seconds(what: &'static str, place: &Located<i64>) -> Row {
    let value = show_seconds(place.value);
    Row {
        what,
        value,
        from: place.origin.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_of_a_table_are_aligned_by_characters() {
        let row = |what, value: &str, from: &str| Row {
            what,
            value: value.to_owned(),
            from: from.to_owned(),
        };
        let text = table(&[row("database", "/ä/job.db", "flag"), row("x", "y", "z")]);
        let expected = "what      value      from\n\
                        database  /ä/job.db  flag\n\
                        x         y          z\n";
        assert_eq!(text, expected);
    }
}
