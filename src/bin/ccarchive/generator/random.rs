//! The only source of chance: a splitmix64 generator, and names for independent streams of it.
//!
//! Every host, series and job draws from a stream of its own, so that a change in one place does
//! not shift the values of all others.

/// A stream of numbers that looks random and is decided by its seed.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The stream `tag` below `seed`: equal arguments, equal stream.
    pub(super) fn stream(seed: u64, tag: u64) -> Self {
        let mut root = Self(seed ^ tag.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        Self(root.bits())
    }

    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// 0 to `n` - 1; 0 if `n` is 0.
    pub(super) fn below(&mut self, n: u32) -> u32 {
        (((self.bits() >> 32) * u64::from(n)) >> 32) as u32
    }

    /// A position in a list of `n`.
    pub(super) fn position(&mut self, n: usize) -> usize {
        self.below(u32::try_from(n).unwrap_or(u32::MAX)) as usize
    }

    /// `low` to `high`, both included; `low` if `high` is smaller.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = u32::try_from((high - low + 1).max(1)).unwrap_or(u32::MAX);
        low + i64::from(self.below(span))
    }

    /// 0 up to, but not including, 1.
    pub(super) fn unit(&mut self) -> f64 {
        f64::from((self.bits() >> 32) as u32) / 4_294_967_296.0
    }

    /// Around 0, within -1 and 1, small values more often than large ones.
    pub(super) fn noise(&mut self) -> f64 {
        let bits = self.bits();
        let (high, low) = ((bits >> 32) as u32, (bits & 0xFFFF_FFFF) as u32);
        f64::from(high) / 4_294_967_296.0 - f64::from(low) / 4_294_967_296.0
    }

    /// True in `percent` of a hundred draws.
    pub(super) fn chance(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    /// One of the choices.
    pub(super) fn pick<T: Copy, const N: usize>(&mut self, choices: [T; N]) -> T {
        choices[self.position(N)]
    }
}

/// Seconds or counts as a real number; exact below 2^31, which all spans here are.
pub(super) fn real(number: i64) -> f64 {
    f64::from(i32::try_from(number).unwrap_or(i32::MAX))
}

/// A number known not to be negative as an index.
pub(super) fn index(number: i64) -> usize {
    usize::try_from(number).unwrap_or(0)
}
