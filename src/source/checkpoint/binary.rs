//! Binary snapshots (`<from>.bin`): little endian, no checksum, no lengths to trust.
//!
//! Layout and source: cc-backend `pkg/metricstore/walCheckpoint.go`. Every count is held against the bytes that are
//! left before memory is asked for, and a file that ends early or says something impossible is refused as a whole.

#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation
    )
)]

use super::{Snapshot, SnapshotSeries, check_interval, check_series};
use crate::rules::timeline::{Column, Interval, Path};

/// The first four bytes.
pub const MAGIC: u32 = 0xCC5B_0001;
/// Levels below a host are one or two deep; a file that nests deeper is damaged.
const DEEPEST: usize = 16;

/// Reads a whole snapshot.
///
/// # Errors
/// What was expected at which byte.
pub fn parse(bytes: &[u8]) -> Result<Snapshot, String> {
    let mut r = Reader { bytes, at: 0 };
    let interval = header(&mut r)?;
    let mut series = Vec::new();
    level(&mut r, &mut Vec::new(), &mut series)?;
    // A count that is too small would otherwise cost series silently.
    if r.at < bytes.len() {
        return Err(format!(
            "the snapshot ends at byte {}, but the file has {} bytes",
            r.at,
            bytes.len()
        ));
    }
    Ok(Snapshot { interval, series })
}

/// Reads the interval from the first 20 bytes.
///
/// # Errors
/// What was expected.
pub fn parse_interval(bytes: &[u8]) -> Result<Interval, String> {
    header(&mut Reader { bytes, at: 0 })
}

fn header(r: &mut Reader<'_>) -> Result<Interval, String> {
    let magic = r.u32()?;
    if magic != MAGIC {
        return Err(format!(
            "it begins with {magic:#010x}; expected {MAGIC:#010x}, the mark of a binary snapshot"
        ));
    }
    check_interval(r.i64()?, r.i64()?)
}

fn level(r: &mut Reader<'_>, path: &mut Path, out: &mut Vec<SnapshotSeries>) -> Result<(), String> {
    if path.len() > DEEPEST {
        return Err(format!(
            "levels nest deeper than {DEEPEST} at byte {}",
            r.at
        ));
    }
    for _ in 0..r.u32()? {
        let metric = r.name()?;
        let (step, start, n) = (r.i64()?, r.i64()?, r.u32()?);
        let n = usize::try_from(n).unwrap_or(usize::MAX);
        check_series(&metric, step, start, n)?;
        let raw = r.take(n.saturating_mul(4))?;
        let values = raw
            .chunks_exact(4)
            .map(|c| f32::from_le_bytes(c.try_into().unwrap_or_default()))
            .collect();
        out.push(SnapshotSeries {
            path: path.clone(),
            metric,
            column: Column {
                step,
                start,
                values,
            },
        });
    }
    for _ in 0..r.u32()? {
        let name = r.name()?;
        path.push(name);
        level(r, path, out)?;
        path.pop();
    }
    Ok(())
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], String> {
        let end = self.at.checked_add(n).filter(|&e| e <= self.bytes.len());
        let part = end
            .and_then(|e| self.bytes.get(self.at..e))
            .ok_or_else(|| {
                format!(
                    "it ends at byte {}, {n} bytes were expected from byte {} on",
                    self.bytes.len(),
                    self.at
                )
            })?;
        self.at = end.unwrap_or(self.at);
        Ok(part)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        self.take(N)?
            .try_into()
            .map_err(|_e| "unreachable: a slice of another length".into())
    }

    fn u32(&mut self) -> Result<u32, String> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn i64(&mut self) -> Result<i64, String> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    fn name(&mut self) -> Result<Box<str>, String> {
        let n = u16::from_le_bytes(self.array()?);
        Ok(String::from_utf8_lossy(self.take(usize::from(n))?).into())
    }
}

#[cfg(test)]
mod tests {
    use super::super::from_hex;
    use super::*;

    const FILE: &str = "01005bccac03000000000000b0040000000000000100000008006370755f6c6f61643c00000000000000e803000000000000030000000000c03f0000c07f0000104001000000020073300000000000000000";

    fn file() -> Vec<u8> {
        from_hex(FILE)
    }

    #[test]
    fn a_snapshot_gives_back_its_series() {
        let s = parse(&file()).unwrap();
        assert_eq!(
            s.interval,
            Interval {
                from: 940,
                to: 1200
            }
        );
        let c = &s.series[0];
        assert_eq!(
            (&*c.metric, c.path.len(), c.column.step, c.column.start),
            ("cpu_load", 0, 60, 1000)
        );
        assert!(c.column.values[1].is_nan());
        assert_eq!((c.column.values[0], c.column.values[2]), (1.5, 2.25));
    }

    #[test]
    fn a_file_cut_at_any_byte_or_with_any_byte_flipped_is_refused_or_read_never_a_panic() {
        let file = file();
        for n in 0..file.len() {
            assert!(parse(&file[..n]).is_err(), "cut at {n}");
        }
        for i in 0..file.len() {
            for bit in 0..8 {
                let mut f = file.clone();
                f[i] ^= 1 << bit;
                drop(parse(&f));
            }
        }
    }

    #[test]
    fn absurd_counts_are_refused_before_memory_is_asked_for() {
        let mut f = file();
        f[20..24].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(parse(&f).unwrap_err().contains("ends at byte"));
        let mut f = file();
        f[50..54].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(parse(&f).is_err());
        let mut f = file();
        f[34..42].copy_from_slice(&0_i64.to_le_bytes());
        assert!(
            parse(&f).unwrap_err().contains("cpu_load"),
            "a timestep of 0"
        );
    }
}
