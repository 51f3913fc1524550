//! One series of one snapshot: where it has values, and those values that matter for the window asked for.
//!
//! The rule of the timeline needs to know of every value whether it is there, since a gap begins a new stretch; it needs the
//! values themselves only within the window. So a column notes the first for the whole file and keeps the second.

use std::collections::TryReserveError;
use std::ops::Range;

/// Bits of a word.
const WORD: usize = u64::BITS as usize;
/// What a series takes besides its values until its host is read (bytes), roughly: its names, its place among the others, and
/// its first stretch.
const SMALL_CHANGE: usize = 1 << 10;

/// A stretch of time: `[from, to)`, Unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// Where it begins.
    pub from: i64,
    /// Where it ends.
    pub to: i64,
}

impl Interval {
    /// All time.
    pub const ALL: Self = Self {
        from: i64::MIN,
        to: i64::MAX,
    };
    /// No time at all.
    pub const NEVER: Self = Self {
        from: i64::MIN,
        to: i64::MIN,
    };

    /// Whether all of `other` lies within it.
    pub const fn covers(&self, other: &Self) -> bool {
        self.from <= other.from && other.to <= self.to
    }

    /// The shortest interval that covers both.
    #[must_use]
    pub fn united(self, other: Self) -> Self {
        Self {
            from: self.from.min(other.from),
            to: self.to.max(other.to),
        }
    }

    /// The same with `seconds` more at both ends.
    #[must_use]
    pub const fn widened(self, seconds: i64) -> Self {
        Self {
            from: self.from.saturating_sub(seconds),
            to: self.to.saturating_add(seconds),
        }
    }

    /// Whether a time lies within it.
    pub const fn contains(&self, t: i64) -> bool {
        self.from <= t && t < self.to
    }
}

/// One series as a snapshot holds it; value number i stands at `start + i·step`.
#[derive(Clone, Debug)]
pub struct Column {
    /// Seconds between values, at least 1.
    pub step: i64,
    /// Unix seconds of the first value.
    pub start: i64,
    length: usize,
    /// Bit i of word w: value 64·w + i is not NaN. One bit for each, since a file may hold every second value.
    present: Vec<u64>,
    /// Which values are kept, as far as the file has them.
    window: Range<usize>,
    kept: Vec<f32>,
}

impl Column {
    /// A column without values that will keep those whose slot meets the window. A `step` below 1 counts as 1.
    pub fn new(step: i64, start: i64, window: Interval) -> Self {
        let step = step.max(1);
        // The time of a value lies within its slot, so the slot begins and ends within one step of it.
        let index = |t: i64| t.saturating_sub(start).div_euclid(step);
        let (from, to) = (index(window.from), index(window.to).saturating_add(2));
        let bound = |i: i64| usize::try_from(i.max(0)).unwrap_or(usize::MAX);
        Self {
            step,
            start,
            length: 0,
            present: Vec::new(),
            window: bound(from)..bound(to),
            kept: Vec::new(),
        }
    }

    /// A column of which every value is kept.
    #[cfg(test)]
    pub fn whole(step: i64, start: i64, values: &[f32]) -> Self {
        let mut column = Self::new(step, start, Interval::ALL);
        column.kept.reserve_exact(values.len());
        for v in values {
            column.push(*v);
        }
        column
    }

    /// The bytes that will be kept of so many more values.
    pub fn bytes_of(&self, count: usize) -> usize {
        let next = self.length..self.length.saturating_add(count);
        let kept = self.window.start.max(next.start)..self.window.end.min(next.end);
        kept.len().saturating_mul(size_of::<f32>())
    }

    /// Makes room for so many more values.
    ///
    /// # Errors
    /// When the memory is not to be had.
    pub fn expect(&mut self, count: usize) -> Result<(), TryReserveError> {
        let kept = self.bytes_of(count) / size_of::<f32>();
        let words = self.length.saturating_add(count).div_ceil(WORD);
        let words = words.saturating_sub(self.present.len());
        self.present.try_reserve_exact(words)?;
        self.kept.try_reserve_exact(kept)
    }

    /// Appends a value, NaN for none.
    pub fn push(&mut self, value: f32) {
        let i = self.length;
        self.length = i.saturating_add(1);
        let bit = i % WORD;
        if bit == 0 {
            self.present.push(0);
        }
        if let Some(word) = self.present.last_mut() {
            *word |= u64::from(!value.is_nan()) << bit;
        }
        if self.window.contains(&i) {
            self.kept.push(value);
        }
    }

    /// The memory that it takes (bytes), roughly: of a short series its names are most.
    pub fn bytes(&self) -> usize {
        let own = SMALL_CHANGE + size_of_val(&*self.kept) + size_of_val(&*self.present);
        // While it grows, half of the room may be empty.
        own.saturating_add(own / 2)
    }

    /// Gives back memory that was only needed to grow.
    pub fn close(&mut self) {
        self.kept.shrink_to_fit();
        self.present.shrink_to_fit();
    }

    /// The number of values in the file, NaN ones counted.
    pub const fn len(&self) -> usize {
        self.length
    }

    /// Whether the file has no value at all.
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The value of that number: none where it was not kept.
    #[cfg(any(test, feature = "fuzzing"))]
    pub fn value(&self, i: usize) -> Option<f32> {
        self.kept.get(i.checked_sub(self.window.start)?).copied()
    }

    /// Unix seconds at which value `i` stands.
    pub(super) const fn time(&self, i: usize) -> i64 {
        self.start + i as i64 * self.step
    }

    /// Unix seconds of the first value that is there and stands at `t` or later.
    pub fn first_from(&self, t: i64) -> Option<i64> {
        let behind = i128::from(t) - i128::from(self.start);
        let skip = (behind + i128::from(self.step) - 1).div_euclid(i128::from(self.step));
        let skip = usize::try_from(skip.max(0)).ok()?;
        let first = self.next_from(skip, true)?;
        Some(self.time(first))
    }

    /// The ranges of values that are there, from number `skip` on, ascending; one does not touch the next.
    pub(super) fn present_from(&self, skip: usize) -> impl Iterator<Item = Range<usize>> {
        let mut at = skip;
        std::iter::from_fn(move || {
            let start = self.next_from(at, true)?;
            let end = self.next_from(start, false).unwrap_or(self.length);
            at = end;
            Some(start..end)
        })
    }

    /// The number of the first value from `at` on that is there, or is not there.
    fn next_from(&self, at: usize, there: bool) -> Option<usize> {
        let flip = if there { 0 } else { u64::MAX };
        let mut first = u64::MAX << (at % WORD);
        for (w, word) in self.present.iter().enumerate().skip(at / WORD) {
            let found = (word ^ flip) & first;
            if found != 0 {
                let i = w * WORD + found.trailing_zeros() as usize;
                return Some(i).filter(|i| *i < self.length);
            }
            first = u64::MAX;
        }
        None
    }

    /// Forgets which values are there, when nobody asks any more.
    pub(super) fn forget_present(&mut self) {
        self.present = Vec::new();
    }

    /// Takes the kept ones of some values out, and the number of the first of them. Values may be taken once.
    pub(super) fn take(&mut self, range: Range<usize>) -> (usize, Box<[f32]>) {
        let first = range.start.max(self.window.start);
        let end = range
            .end
            .min(self.window.start.saturating_add(self.kept.len()));
        let (from, to) = (
            first - self.window.start,
            end.saturating_sub(self.window.start),
        );
        let values = if (from, to) == (0, self.kept.len()) {
            std::mem::take(&mut self.kept).into_boxed_slice()
        } else {
            self.kept.get(from..to).unwrap_or_default().into()
        };
        (first, values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_keeps_what_may_share_a_slot_with_the_window() {
        let mut column = Column::new(
            60,
            1000,
            Interval {
                from: 1180,
                to: 1300,
            },
        );
        for v in [0., 1., f32::NAN, 3., 4., 5., 6., 7.] {
            column.push(v);
        }
        let kept: Vec<usize> = (0..8).filter(|i| column.value(*i).is_some()).collect();
        // Value i may stand for any slot that begins in (start + (i − 1)·60, start + i·60].
        assert_eq!(kept, [3, 4, 5, 6]);
        assert_eq!(column.len(), 8);
        let present: Vec<_> = column.present_from(1).collect();
        assert_eq!(present, [1..2, 3..8]);
    }

    #[test]
    fn what_is_there_is_told_across_the_borders_of_words() {
        let there = |i: usize| !(63..=64).contains(&i) && i != 130 && !(192..256).contains(&i);
        let mut column = Column::new(60, 0, Interval::NEVER);
        for i in 0..300 {
            column.push(if there(i) { 1.0 } else { f32::NAN });
        }
        let present = |skip| column.present_from(skip).collect::<Vec<_>>();
        assert_eq!(present(0), [0..63, 65..130, 131..192, 256..300]);
        assert_eq!(present(62), [62..63, 65..130, 131..192, 256..300]);
        assert_eq!(present(128), [128..130, 131..192, 256..300]);
        assert_eq!(present(250), present(192));
        assert_eq!(present(200).first(), Some(&(256..300)));
        assert!(present(300).is_empty() && present(usize::MAX).is_empty());
    }

    #[test]
    fn every_second_value_costs_a_bit_for_each() {
        let mut column = Column::new(60, 0, Interval::NEVER);
        for i in 0..1_000_000 {
            column.push(if i % 2 == 0 { 1.0 } else { f32::NAN });
        }
        column.close();
        assert_eq!(column.present_from(0).count(), 500_000);
        assert!(column.bytes() < 200_000, "{}", column.bytes());
    }

    #[test]
    fn absurd_windows_and_starts_do_not_overflow() {
        for window in [
            Interval::ALL,
            Interval::NEVER,
            Interval {
                from: i64::MAX,
                to: i64::MIN,
            },
        ] {
            for start in [i64::MIN, -1, i64::MAX] {
                let mut column = Column::new(1, start, window);
                column.push(1.0);
                assert!(column.bytes_of(usize::MAX) > 0 || column.value(0).is_none());
            }
        }
    }
}
