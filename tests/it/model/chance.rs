//! Chance that can be repeated: `SplitMix64`.

#[derive(Clone, Debug)]
pub(super) struct Chance(pub(super) u64);

impl Chance {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number of `0..n`.
    pub(super) fn below(&mut self, n: i64) -> i64 {
        i64::try_from(self.bits() % n.unsigned_abs()).unwrap()
    }

    /// True `n` times in 100.
    pub(super) fn percent(&mut self, n: i64) -> bool {
        self.below(100) < n
    }

    /// One of a list.
    pub(super) fn of<T: Clone>(&mut self, list: &[T]) -> T {
        let k = self.below(i64::try_from(list.len()).unwrap());
        list[usize::try_from(k).unwrap()].clone()
    }
}
