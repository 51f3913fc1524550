//! The files of one host of the metric store, as lists of what they hold: snapshots in both formats and
//! the log. Reads only well-formed files; what is wrong with a file is an error of the test.

use super::json::{self, Json};
use super::number;
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};

/// The names below the host, outermost first: empty for the host itself.
pub(crate) type Place = Vec<String>;

/// One series of a snapshot.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) place: Place,
    pub(crate) metric: String,
    pub(crate) step: i64,
    pub(crate) start: i64,
    pub(crate) values: Vec<Option<f64>>,
}

#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) pieces: Vec<Piece>,
}

/// One record of the log.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) place: Place,
    pub(crate) metric: String,
    pub(crate) time: i64,
    pub(crate) value: Option<f64>,
}

const RECORD: u32 = 0xCC1D_A7A1;

/// The snapshots of a host's folder by their time; a folder that does not exist holds none.
pub(crate) fn snapshots(folder: &Path) -> Result<Vec<Snapshot>> {
    let mut files = Vec::new();
    if folder.is_dir() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|n| n.to_str()).unwrap_or("");
            if name.starts_with(|c: char| c.is_ascii_digit()) {
                let from: i64 = name.split('.').next().unwrap_or("").parse()?;
                files.push((from, path));
            }
        }
    }
    files.sort();
    files
        .iter()
        .map(|(from, path)| snapshot(*from, path))
        .collect()
}

fn snapshot(from: i64, path: &PathBuf) -> Result<Snapshot> {
    let bytes = std::fs::read(path)?;
    let mut pieces = Vec::new();
    let to = if path.extension().is_some_and(|e| e == "bin") {
        let mut reader = Reader {
            bytes: &bytes,
            at: 12,
        };
        let to = reader.int64()?;
        binary_level(&mut reader, &Place::new(), &mut pieces)?;
        to
    } else {
        let document = json::parse(&bytes).with_context(|| path.display().to_string())?;
        json_level(&document, &Place::new(), &mut pieces)?;
        document.field("to")?.integer()?
    };
    Ok(Snapshot { from, to, pieces })
}

fn below(place: &Place, name: &str) -> Place {
    let mut place = place.clone();
    place.push(name.to_owned());
    place
}

fn binary_level(reader: &mut Reader<'_>, place: &Place, pieces: &mut Vec<Piece>) -> Result<()> {
    for _ in 0..reader.int32()? {
        let metric = reader.name()?;
        let (step, start) = (reader.int64()?, reader.int64()?);
        let count = reader.int32()?;
        let values = (0..count).map(|_| reader.float()).collect::<Result<_>>()?;
        pieces.push(Piece {
            place: place.clone(),
            metric,
            step,
            start,
            values,
        });
    }
    for _ in 0..reader.int32()? {
        let name = reader.name()?;
        binary_level(reader, &below(place, &name), pieces)?;
    }
    Ok(())
}

fn json_level(level: &Json, place: &Place, pieces: &mut Vec<Piece>) -> Result<()> {
    for (metric, series) in level.field("metrics")?.pairs()? {
        let cell = |v: &Json| {
            let value = (*v != Json::Null).then(|| v.float()).transpose()?;
            Ok(value.map(number::single))
        };
        let values = series.field("data")?.list()?.iter().map(cell);
        pieces.push(Piece {
            place: place.clone(),
            metric: metric.clone(),
            step: series.field("frequency")?.integer()?,
            start: series.field("start")?.integer()?,
            values: values.collect::<Result<_>>()?,
        });
    }
    for (name, child) in level.field("children")?.pairs()? {
        json_level(child, &below(place, name), pieces)?;
    }
    Ok(())
}

/// The records of a host's log, up to the first that is not whole; none when there is no log.
pub(crate) fn log(folder: &Path) -> Result<Vec<Sample>> {
    let path = folder.join("current.wal");
    let mut samples = Vec::new();
    if !path.exists() {
        return Ok(samples);
    }
    let bytes = std::fs::read(path)?;
    let mut reader = Reader {
        bytes: &bytes,
        at: 4,
    };
    while reader.at + 8 <= bytes.len() {
        let (magic, length) = (reader.int32()?, reader.int32()? as usize);
        if magic != RECORD || reader.at + length + 4 > bytes.len() {
            break;
        }
        samples.push(sample(reader.take(length)?)?);
        reader.take(4)?;
    }
    Ok(samples)
}

fn sample(payload: &[u8]) -> Result<Sample> {
    let mut reader = Reader {
        bytes: payload,
        at: 0,
    };
    let time = reader.int64()?;
    let metric = reader.name()?;
    let mut place = Place::new();
    for _ in 0..reader.byte()? {
        let length = usize::from(reader.byte()?);
        place.push(reader.text(length)?);
    }
    Ok(Sample {
        place,
        metric,
        time,
        value: reader.float()?,
    })
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let end = self.at + count;
        ensure!(end <= self.bytes.len(), "the file ends early");
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N]> {
        Ok(self.take(N)?.try_into()?)
    }

    fn byte(&mut self) -> Result<u8> {
        Ok(u8::from_le_bytes(self.fixed()?))
    }

    fn int32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.fixed()?))
    }

    fn int64(&mut self) -> Result<i64> {
        Ok(i64::from_le_bytes(self.fixed()?))
    }

    fn float(&mut self) -> Result<Option<f64>> {
        let value = f64::from(f32::from_le_bytes(self.fixed()?));
        Ok((!value.is_nan()).then_some(value))
    }

    fn name(&mut self) -> Result<String> {
        let length = u16::from_le_bytes(self.fixed()?);
        self.text(usize::from(length))
    }

    fn text(&mut self, length: usize) -> Result<String> {
        Ok(std::str::from_utf8(self.take(length)?)?.to_owned())
    }
}
