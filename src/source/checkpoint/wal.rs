//! The log (`current.wal`): records with a checksum, appended while we read.
//!
//! Layout: cc-backend `pkg/metricstore/walCheckpoint.go`. The torn end of a log is normal: its writer is in the middle
//! of a record. After a bad record in the middle (the writer died there once, and went on after a restart) the reader goes on
//! at the next place that holds a whole record, which cc-backend's own reader does not. The log is read piece by piece, and
//! the time that this takes grows with its length and not with what it holds.

#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation
    )
)]

use std::io::Read;

use super::snapshot::Fault;
use crate::model::stop::Stop;

/// First four bytes of the file.
pub const FILE_MAGIC: u32 = 0xCC1D_A701;
/// First four bytes of a record.
pub const RECORD_MAGIC: u32 = 0xCC1D_A7A1;
/// The longest payload that the lengths within it allow: time, name, 255 levels, value.
const LONGEST: usize = 8 + 2 + 65_535 + 1 + 255 * 256 + 4;
/// Bytes around a payload: mark, length, checksum.
const AROUND: usize = 12;
/// The log is read so many bytes at a time.
const PIECE: usize = 1 << 18;
/// The search for whole records may sum up so many bytes in vain, and so many more for every byte of the log: far more than
/// any accident makes of it.
const VAIN: u64 = 64 << 20;
const VAIN_PER_BYTE: u64 = 16;

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
pub struct Met {
    /// Places where no whole record was, though others follow or more than one fits in.
    pub skipped: usize,
    /// The byte from which on nothing was read, since only false beginnings of records were found.
    pub given_up: Option<u64>,
}

/// Calls `each` for every whole record, in the order of the file.
///
/// # Errors
/// When the file is not empty and not a log, or cannot be read.
pub fn read(file: impl Read, stop: &Stop, mut each: impl FnMut(Record<'_>)) -> Result<Met, Fault> {
    let mut log = Log {
        file,
        stop,
        bytes: Vec::new(),
        at: 0,
        gone: 0,
        ended: false,
        vain: 0,
    };
    log.fill(4)?;
    match word(&log.bytes, 0) {
        None => return Ok(Met::default()),
        Some(FILE_MAGIC) => log.at = 4,
        Some(m) => {
            return Err(Fault::Content(format!(
                "it begins with {m:#010x}; expected {FILE_MAGIC:#010x}, the mark of a log"
            )));
        }
    }
    let mut met = Met::default();
    loop {
        if let Some(length) = log.whole_record()? {
            if let Some(record) = log.record(length) {
                each(record);
            }
            log.at = log.at.saturating_add(length);
            continue;
        }
        let from = log.position();
        match log.search()? {
            Search::Found => met.skipped = met.skipped.saturating_add(1),
            Search::GivenUp => {
                met.given_up = Some(from);
                return Ok(met);
            }
            Search::Ended => {
                // More than a record that was being written: whole ones may have been there.
                let rest = log.position().saturating_sub(from);
                let torn = rest <= LONGEST.saturating_add(AROUND) as u64;
                met.skipped = met.skipped.saturating_add(usize::from(!torn));
                return Ok(met);
            }
        }
    }
}

enum Search {
    /// A whole record begins here.
    Found,
    /// There is none up to the end.
    Ended,
    /// Too much was looked at in vain.
    GivenUp,
}

/// A log of which a part is in memory.
struct Log<'a, R> {
    file: R,
    stop: &'a Stop,
    /// What is in memory.
    bytes: Vec<u8>,
    /// Where the reader is in it.
    at: usize,
    /// Bytes of the file before those in memory.
    gone: u64,
    /// Whether the file has no more.
    ended: bool,
    /// Bytes whose checksum was wrong.
    vain: u64,
}

impl<R: Read> Log<'_, R> {
    fn position(&self) -> u64 {
        self.gone.saturating_add(self.at as u64)
    }

    /// What is in memory from here on.
    fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Makes sure that `n` bytes from here on are in memory; false where the file has fewer.
    fn fill(&mut self, n: usize) -> Result<bool, Fault> {
        while self.rest().len() < n && !self.ended {
            if self.stop.is_cancelled() {
                return Err(Fault::Cancelled);
            }
            self.gone = self.position();
            self.bytes.drain(..self.at.min(self.bytes.len()));
            self.at = 0;
            let more = n.max(PIECE) as u64;
            let read = self.file.by_ref().take(more).read_to_end(&mut self.bytes);
            self.ended = (read.map_err(Fault::Medium)? as u64) < more;
        }
        Ok(self.rest().len() >= n)
    }

    /// The length of the whole record that begins here, if one does.
    fn whole_record(&mut self) -> Result<Option<usize>, Fault> {
        if !self.fill(8)? || word(self.rest(), 0) != Some(RECORD_MAGIC) {
            return Ok(None);
        }
        let payload = word(self.rest(), 4).and_then(|l| usize::try_from(l).ok());
        let Some(payload) = payload.filter(|l| *l <= LONGEST) else {
            return Ok(None);
        };
        let length = payload.saturating_add(AROUND);
        if !self.fill(length)? || self.record(length).is_none() {
            return Ok(None);
        }
        let sum = self
            .rest()
            .get(8..)
            .and_then(|b| b.get(..payload))
            .map(crc32fast::hash);
        if word(self.rest(), payload.saturating_add(8)) != sum {
            self.vain = self.vain.saturating_add(payload as u64);
            return Ok(None);
        }
        Ok(Some(length))
    }

    /// The record of that length that begins here, whatever its checksum says; none where its lengths contradict each other.
    fn record(&self, length: usize) -> Option<Record<'_>> {
        let payload = self.rest().get(8..length.checked_sub(4)?)?;
        let (t, rest) = payload.split_first_chunk::<8>()?;
        let (series, value) = rest.split_last_chunk::<4>()?;
        is_series(series).then_some(Record {
            series,
            t: i64::from_le_bytes(*t),
            value: f32::from_le_bytes(*value),
        })
    }

    /// Goes to the next whole record after the bad one here.
    fn search(&mut self) -> Result<Search, Fault> {
        let magic = RECORD_MAGIC.to_le_bytes();
        self.at = self.at.saturating_add(1);
        loop {
            let allowed = self
                .position()
                .saturating_mul(VAIN_PER_BYTE)
                .saturating_add(VAIN);
            if self.vain > allowed {
                return Ok(Search::GivenUp);
            }
            if !self.fill(4)? {
                self.at = self.bytes.len();
                return Ok(Search::Ended);
            }
            let rest = self.rest();
            let Some(found) = rest.windows(4).position(|w| w == magic) else {
                // The last bytes may be the first ones of a mark.
                self.at = self.at.saturating_add(rest.len().saturating_sub(3));
                continue;
            };
            self.at = self.at.saturating_add(found);
            if self.whole_record()?.is_some() {
                return Ok(Search::Found);
            }
            self.at = self.at.saturating_add(1);
        }
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Whether name and levels fill these bytes exactly.
fn is_series(bytes: &[u8]) -> bool {
    let levels = || {
        let (n, rest) = bytes.split_first_chunk::<2>()?;
        let (_, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*n)))?;
        let (count, mut rest) = rest.split_first()?;
        for _ in 0..*count {
            let (n, after) = rest.split_first()?;
            rest = after.get(usize::from(*n)..)?;
        }
        Some(rest.is_empty())
    };
    levels() == Some(true)
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
    use super::*;
    use crate::source::checkpoint::testing::from_hex;

    const LOG: &str = "01a71dcca1a71dcc1d00000000f153650000000006006d656d5f62770107736f636b6574300000c03ffd6dd121a1a71dcc170000003cf153650000000008006370755f6c6f6164000000c07f5dc64c9b";

    fn log() -> Vec<u8> {
        from_hex(LOG)
    }

    fn all(bytes: &[u8]) -> (Vec<(String, i64)>, Met) {
        let mut out = Vec::new();
        let each = |r: Record<'_>| out.push((series_of(r.series).unwrap().0, r.t));
        let met = read(bytes, &Stop::new(), each).unwrap();
        (out, met)
    }

    fn skipped(n: usize) -> Met {
        Met {
            skipped: n,
            given_up: None,
        }
    }

    #[test]
    fn records_give_back_their_samples() {
        let (records, met) = all(&log());
        assert_eq!(
            records,
            [
                ("mem_bw".into(), 1_700_000_000),
                ("cpu_load".into(), 1_700_000_060)
            ]
        );
        assert_eq!(met, Met::default());
        let mut levels = Vec::new();
        read(log().as_slice(), &Stop::new(), |r| {
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
            let (records, met) = all(&log[..n]);
            assert_eq!(records.len(), usize::from(n >= 45), "{n} bytes");
            assert_eq!(met, Met::default());
        }
    }

    #[test]
    fn after_a_bad_record_the_next_whole_one_is_read() {
        let log = log();
        for cut in 5..45 {
            let mut torn = log[..cut].to_vec();
            torn.extend_from_slice(&log[45..]);
            torn.extend_from_slice(&log[4..45]);
            let (records, met) = all(&torn);
            assert_eq!(records.len(), 2, "cut at {cut}");
            assert_eq!(met, skipped(1));
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
    fn records_are_found_wherever_the_pieces_of_a_long_log_end() {
        let log = log();
        let rubbish = PIECE - 100;
        for more in 0..120 {
            let mut apart = log[..45].to_vec();
            apart.extend(std::iter::repeat_n(0xA1, rubbish + more));
            apart.extend_from_slice(&log[45..]);
            let (records, met) = all(&apart);
            assert_eq!((records.len(), met), (2, skipped(1)), "{more}");
        }
        let mut end = log;
        end.extend(vec![0; 2 * LONGEST]);
        assert_eq!(all(&end).1, skipped(1), "a long end without records");
    }

    #[test]
    fn false_beginnings_of_records_are_given_up_and_hear_the_stop_token() {
        // Each head claims a name that reaches 60,000 bytes, to where a zero says that no level follows.
        let mut log = FILE_MAGIC.to_le_bytes().to_vec();
        let mut head = RECORD_MAGIC.to_le_bytes().to_vec();
        head.extend(60_015_u32.to_le_bytes());
        head.extend([0; 8]);
        head.extend(60_000_u16.to_le_bytes());
        head.extend([0; 2]);
        while log.len() < 8 << 20 {
            log.extend(&head);
        }
        log.extend(&from_hex(LOG)[4..]);
        let (records, met) = all(&log);
        assert!(records.is_empty() && met.given_up == Some(4), "{met:?}");
        let stop = Stop::new();
        stop.cancel();
        let refused = read(log.as_slice(), &stop, |_| ());
        assert!(matches!(refused, Err(Fault::Cancelled)));
    }

    #[test]
    fn a_file_that_is_no_log_is_refused() {
        let refused = read(b"no log at all".as_slice(), &Stop::new(), |_| ());
        assert!(refused.unwrap_err().to_string().contains("0xcc1da701"));
    }
}
