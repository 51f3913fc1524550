//! The log (`current.wal`): records with a checksum, appended while we read.
//!
//! Layout: cc-backend `pkg/metricstore/walCheckpoint.go`. The torn end of a log is normal: its writer is in the middle
//! of a record. A bad record in the middle (the writer died there once, and went on after a restart) is skipped: the
//! reader goes on at the next place that holds a whole record, which cc-backend's own reader does not.

#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation
    )
)]

/// First four bytes of the file.
pub const FILE_MAGIC: u32 = 0xCC1D_A701;
/// First four bytes of a record.
pub const RECORD_MAGIC: u32 = 0xCC1D_A7A1;
/// Longest payload that the store's own reader takes.
const LONGEST: usize = 1 << 20;

/// One sample of the log.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Record<'a> {
    /// Name and levels as they stand in the file: equal bytes mean the same series.
    pub series: &'a [u8],
    /// Unix seconds.
    pub t: i64,
    /// The sample.
    pub value: f32,
}

/// What was met besides whole records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Damage {
    /// Places where the reader had to look for the next whole record.
    pub skipped: usize,
    /// Whether the log ends within a record.
    pub torn: bool,
}

/// Calls `each` for every whole record, in the order of the file.
///
/// # Errors
/// When the file is not empty and not a log.
pub fn read<'a>(bytes: &'a [u8], mut each: impl FnMut(Record<'a>)) -> Result<Damage, String> {
    let mut damage = Damage::default();
    match word(bytes, 0) {
        None => {
            return Ok(Damage {
                torn: !bytes.is_empty(),
                ..damage
            });
        }
        Some(FILE_MAGIC) => {}
        Some(m) => {
            return Err(format!(
                "it begins with {m:#010x}; expected {FILE_MAGIC:#010x}, the mark of a log"
            ));
        }
    }
    let mut at = 4;
    while at < bytes.len() {
        if let Some((record, end)) = record(bytes, at) {
            each(record);
            at = end;
        } else if let Some(next) = next_record(bytes, at) {
            damage.skipped = damage.skipped.saturating_add(1);
            at = next;
        } else {
            damage.torn = true;
            break;
        }
    }
    Ok(damage)
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let end = at.checked_add(4)?;
    Some(u32::from_le_bytes(bytes.get(at..end)?.try_into().ok()?))
}

/// The whole record at `at` and where it ends.
fn record(bytes: &[u8], at: usize) -> Option<(Record<'_>, usize)> {
    if word(bytes, at)? != RECORD_MAGIC {
        return None;
    }
    let len = usize::try_from(word(bytes, at.checked_add(4)?)?)
        .ok()
        .filter(|&l| l <= LONGEST)?;
    let from = at.checked_add(8)?;
    let to = from.checked_add(len)?;
    let payload = bytes.get(from..to)?;
    if word(bytes, to)? != crc32fast::hash(payload) {
        return None;
    }
    let (t, rest) = payload.split_first_chunk::<8>()?;
    let (series, value) = rest.split_last_chunk::<4>()?;
    Some((
        Record {
            series,
            t: i64::from_le_bytes(*t),
            value: f32::from_le_bytes(*value),
        },
        to.checked_add(4)?,
    ))
}

/// Where the next whole record begins after the bad one at `at`.
fn next_record(bytes: &[u8], at: usize) -> Option<usize> {
    let magic = RECORD_MAGIC.to_le_bytes();
    let mut from = at.checked_add(1)?;
    loop {
        let found = bytes
            .get(from..)?
            .windows(4)
            .position(|w| w == magic)?
            .checked_add(from)?;
        if record(bytes, found).is_some() {
            return Some(found);
        }
        from = found.checked_add(1)?;
    }
}

/// Splits a record's series into metric and levels below the host.
pub fn series_of(bytes: &[u8]) -> Option<(String, Vec<Box<str>>)> {
    let (n, rest) = bytes.split_first_chunk::<2>()?;
    let (name, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*n)))?;
    let (count, mut rest) = rest.split_first()?;
    let mut levels = Vec::new();
    for _ in 0..*count {
        let (n, after) = rest.split_first()?;
        let (level, after) = after.split_at_checked(usize::from(*n))?;
        levels.push(String::from_utf8_lossy(level).into());
        rest = after;
    }
    rest.is_empty()
        .then(|| (String::from_utf8_lossy(name).into_owned(), levels))
}

#[cfg(test)]
mod tests {
    use super::super::from_hex;
    use super::*;

    const LOG: &str = "01a71dcca1a71dcc1d00000000f153650000000006006d656d5f62770107736f636b6574300000c03ffd6dd121a1a71dcc170000003cf153650000000008006370755f6c6f6164000000c07f5dc64c9b";

    fn log() -> Vec<u8> {
        from_hex(LOG)
    }

    fn all(bytes: &[u8]) -> (Vec<(String, i64)>, Damage) {
        let mut out = Vec::new();
        let d = read(bytes, |r| out.push((series_of(r.series).unwrap().0, r.t))).unwrap();
        (out, d)
    }

    #[test]
    fn records_give_back_their_samples() {
        let (records, damage) = all(&log());
        assert_eq!(
            records,
            [
                ("mem_bw".into(), 1_700_000_000),
                ("cpu_load".into(), 1_700_000_060)
            ]
        );
        assert_eq!(damage, Damage::default());
        let mut levels = Vec::new();
        read(&log(), |r| {
            levels.push((series_of(r.series).unwrap().1, r.value.to_bits()));
        })
        .unwrap();
        assert_eq!(
            levels,
            [
                (vec!["socket0".into()], 1.5_f32.to_bits()),
                (vec![], 0x7fc0_0000)
            ]
        );
    }

    #[test]
    fn a_torn_end_is_normal_at_any_byte() {
        let log = log();
        for n in 0..log.len() {
            let (records, damage) = all(&log[..n]);
            assert_eq!(records.len(), usize::from(n >= 45), "{n} bytes");
            assert_eq!(damage.skipped, 0);
            assert_eq!(damage.torn, ![0, 4, 45].contains(&n), "{n} bytes");
        }
    }

    #[test]
    fn after_a_bad_record_the_next_whole_one_is_read() {
        let log = log();
        for cut in 5..45 {
            let mut torn = log[..cut].to_vec();
            torn.extend_from_slice(&log[45..]);
            torn.extend_from_slice(&log[4..45]);
            let (records, damage) = all(&torn);
            assert_eq!(records.len(), 2, "cut at {cut}");
            assert_eq!(
                damage,
                Damage {
                    skipped: 1,
                    torn: false
                }
            );
        }
        for i in 4..log.len() {
            for bit in 0..8 {
                let mut flipped = log.clone();
                flipped[i] ^= 1 << bit;
                assert!(
                    all(&flipped).0.len() < 2,
                    "a flipped bit is never taken for a sample"
                );
            }
        }
    }

    #[test]
    fn a_file_that_is_no_log_is_refused() {
        assert!(
            read(b"no log at all", |_| ())
                .unwrap_err()
                .contains("0xcc1da701")
        );
    }
}
