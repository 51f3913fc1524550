//! The only source of chance: a splitmix64 generator, and names for independent streams of it.
//!
//! Every host, series and job draws from a stream of its own, so that a change in one place does not shift the values of
//! all others.

/// A stream of numbers that looks random and is decided by its seed.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The stream `tag` below `seed`: equal arguments, equal stream.
    pub(super) fn stream(seed: u64, tag: u64) -> Self {
        Self(Self(seed ^ tag.wrapping_mul(0xD6E8_FEB8_6659_FD93)).bits())
    }

    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// 0 to `n` - 1; 0 if `n` is 0.
    pub(super) fn below(&mut self, n: usize) -> usize {
        usize::try_from((u128::from(self.bits()) * n as u128) >> 64).unwrap_or(0)
    }

    /// `low` to `high`, both included; `low` if `high` is smaller.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below(index(high - low + 1).max(1)) as i64
    }

    /// 0 up to, but not including, 1.
    pub(super) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Around 0, within -1 and 1, small values more often than large ones.
    pub(super) fn noise(&mut self) -> f64 {
        let bits = self.bits();
        ((bits >> 32) as f64 - (bits & 0xFFFF_FFFF) as f64) / (1_u64 << 32) as f64
    }

    /// True in `percent` of a hundred draws.
    pub(super) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// A number as an index; 0 for a negative one.
pub(super) fn index(number: i64) -> usize {
    usize::try_from(number).unwrap_or(0)
}
