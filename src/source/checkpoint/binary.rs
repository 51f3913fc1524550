//! Binary snapshots (`<from>.bin`): little endian, no checksum, no lengths to trust.
//!
//! Layout and source: cc-backend `pkg/metricstore/walCheckpoint.go`. The file is read piece by piece; every count is held
//! against the bytes that are left before memory is asked for, and a file that ends early or says something impossible is
//! refused as a whole.

#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation
    )
)]

use std::io::{ErrorKind, Read};

use super::snapshot::{Fault, Snapshot, SnapshotSeries, Wish, check_interval, check_series};
use crate::rules::timeline::{Column, Interval, Path};

/// The first four bytes.
pub const MAGIC: u32 = 0xCC5B_0001;
/// Levels below a host are one or two deep; a file that nests deeper is damaged.
const DEEPEST: usize = 16;
/// Values are read so many bytes at a time.
const PIECE: usize = 64 << 10;

/// Reads a whole snapshot of `length` bytes.
///
/// # Errors
/// What was expected at which byte, or why it could not be read.
pub fn read(file: impl Read, length: u64, wish: &Wish<'_>) -> Result<Snapshot, Fault> {
    let mut r = Reader {
        file,
        length,
        at: 0,
        piece: Vec::new(),
        kept: 0,
        wish: *wish,
    };
    let interval = header(&mut r)?;
    let mut series = Vec::new();
    level(&mut r, &mut Vec::new(), &mut series)?;
    // A count that is too small would otherwise cost series silently.
    if r.at < length {
        return Err(Fault::Content(format!(
            "the snapshot ends at byte {}, but the file has {length} bytes",
            r.at
        )));
    }
    Ok(Snapshot {
        interval,
        series,
        bytes: r.kept,
    })
}

/// Reads the interval from the first 20 bytes.
///
/// # Errors
/// What was expected.
pub fn parse_interval(bytes: &[u8]) -> Result<Interval, String> {
    let word = |at: usize| Some(i64::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    let magic = bytes.first_chunk().map(|m| u32::from_le_bytes(*m));
    let (Some(magic), Some(from), Some(to)) = (magic, word(4), word(12)) else {
        return Err(format!("it ends at byte {}, within its head", bytes.len()));
    };
    check_head(magic, from, to)
}

fn check_head(magic: u32, from: i64, to: i64) -> Result<Interval, String> {
    if magic != MAGIC {
        return Err(format!(
            "it begins with {magic:#010x}; expected {MAGIC:#010x}, the mark of a binary snapshot"
        ));
    }
    check_interval(from, to)
}

fn header(r: &mut Reader<'_, impl Read>) -> Result<Interval, Fault> {
    let magic = r.u32()?;
    if magic != MAGIC {
        return Ok(check_head(magic, 0, 0)?);
    }
    Ok(check_head(magic, r.i64()?, r.i64()?)?)
}

fn level(
    r: &mut Reader<'_, impl Read>,
    path: &mut Path,
    out: &mut Vec<SnapshotSeries>,
) -> Result<(), Fault> {
    if path.len() > DEEPEST {
        return Err(Fault::Content(format!(
            "levels nest deeper than {DEEPEST} at byte {}",
            r.at
        )));
    }
    for _ in 0..r.u32()? {
        let metric = r.name()?;
        let (step, start, n) = (r.i64()?, r.i64()?, r.u32()?);
        let n = usize::try_from(n).unwrap_or(usize::MAX);
        check_series(&metric, step, start, n)?;
        let window = r.wish.window_of(&metric);
        let column = r.values(Column::new(step, start, window), n)?;
        r.kept = r.kept.saturating_add(column.bytes());
        out.push(SnapshotSeries {
            path: path.clone(),
            metric,
            column,
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

struct Reader<'a, R> {
    file: R,
    length: u64,
    /// Bytes read so far.
    at: u64,
    /// What was read last.
    piece: Vec<u8>,
    /// Bytes that the series take.
    kept: usize,
    wish: Wish<'a>,
}

impl<R: Read> Reader<'_, R> {
    /// Makes sure that the file has so many more bytes.
    fn check_left(&self, n: usize) -> Result<(), Fault> {
        let left = self.length.saturating_sub(self.at);
        if u64::try_from(n).is_ok_and(|n| n <= left) {
            return Ok(());
        }
        Err(Fault::Content(format!(
            "it ends at byte {}, {n} bytes were expected from byte {} on",
            self.length, self.at
        )))
    }

    fn fill(&mut self, out: &mut [u8]) -> Result<(), Fault> {
        self.check_left(out.len())?;
        self.file.read_exact(out).map_err(|e| {
            if e.kind() == ErrorKind::UnexpectedEof {
                // It was longer when it was opened.
                return Fault::Content(format!("it ends before byte {}", self.length));
            }
            Fault::Medium(e)
        })?;
        self.at = self.at.saturating_add(out.len() as u64);
        Ok(())
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let mut out = [0; N];
        self.fill(&mut out)?;
        Ok(out)
    }

    fn u32(&mut self) -> Result<u32, Fault> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn i64(&mut self) -> Result<i64, Fault> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    fn name(&mut self) -> Result<Box<str>, Fault> {
        let n = usize::from(u16::from_le_bytes(self.array()?));
        let mut name = std::mem::take(&mut self.piece);
        name.resize(n, 0);
        self.fill(&mut name)?;
        let text = String::from_utf8_lossy(&name).into();
        self.piece = name;
        Ok(text)
    }

    fn values(&mut self, mut column: Column, n: usize) -> Result<Column, Fault> {
        let mut left = n.saturating_mul(4);
        self.check_left(left)?;
        self.wish.check()?;
        let kept = self.kept.saturating_add(column.bytes_of(n));
        self.wish.check_room(kept)?;
        column.expect(n).map_err(|e| Fault::Medium(e.into()))?;
        let mut piece = std::mem::take(&mut self.piece);
        while left > 0 {
            piece.resize(left.min(PIECE), 0);
            self.fill(&mut piece)?;
            for value in piece.chunks_exact(4) {
                column.push(f32::from_le_bytes(value.try_into().unwrap_or_default()));
            }
            left = left.saturating_sub(piece.len());
            self.wish.check()?;
        }
        self.piece = piece;
        column.close();
        Ok(column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::stop::Stop;
    use crate::source::checkpoint::testing::from_hex;

    fn parse(bytes: &[u8]) -> Result<Snapshot, String> {
        let stop = Stop::new();
        read(bytes, bytes.len() as u64, &Wish::everything(&stop)).map_err(|e| e.to_string())
    }

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
        let values: Vec<_> = (0..4).map(|i| c.column.value(i)).collect();
        assert!(values[1].unwrap().is_nan());
        assert_eq!(
            (values[0], values[2], values[3]),
            (Some(1.5), Some(2.25), None)
        );
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
