//! Judges a site whose expected archive is not kept: the four columns as cc-backend left them, and that
//! every archive reads back as it must be written.

use super::case;
use super::database::Row;
use super::document;
use super::json::{self, Json};
use super::site::Site;
use anyhow::{Result, ensure};
use rusqlite::types::Value;
use std::path::Path;

pub(crate) fn compare(site: &Site, want: &Json, after: &Row, result: &Path) -> Result<()> {
    let status = want.field("monitoring_status")?.integer()?;
    ensure!(
        after.status == status,
        "status {} want {status}",
        after.status
    );
    for column in ["footprint", "energy_footprint"] {
        let (mine, theirs) = (after.text(column)?, want.field(column)?.text()?);
        ensure!(mine == theirs, "row {column} {mine} want {theirs}");
    }
    let (mine, theirs) = (after.value("energy")?, want.field("energy")?.float()?);
    ensure!(
        *mine == Value::Real(theirs),
        "row energy {mine:?} want {theirs}"
    );
    let folder = case::folder(&result.join("job-archive"), after);
    let bytes = document::data_bytes(&folder)?;
    let data = document::data(&document::parse_exactly("data.json", &bytes)?)?;
    document::ensure_lengths(&data, &site.steps, after.duration)?;
    let meta = std::fs::read(folder.join("meta.json"))?;
    let meta = document::parse_exactly("meta.json", &meta)?;
    let footprint = json::parse(want.field("footprint")?.text()?.as_bytes())?;
    ensure!(
        *meta.field("footprint")? == footprint,
        "meta footprint is not the row's"
    );
    Ok(())
}
