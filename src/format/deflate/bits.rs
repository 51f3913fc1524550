//! Bits into bytes, the first bit lowest (RFC 1951, 3.1.1).

/// Bits that do not fill a byte yet, behind bytes that are whole.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bits {
    /// The open bits; those above `count` are zero.
    pub(super) open: u64,
    /// Below eight between calls.
    pub(super) count: u32,
}

impl Bits {
    /// Appends `count` bits, at most 48.
    pub(super) fn put(&mut self, out: &mut Vec<u8>, bits: u64, count: u32) {
        self.open |= bits << self.count;
        self.count += count;
        while self.count >= 8 {
            out.push(self.open as u8);
            self.open >>= 8;
            self.count -= 8;
        }
    }

    /// Fills the open byte with zeros.
    pub(super) fn align(&mut self, out: &mut Vec<u8>) {
        if self.count > 0 {
            out.push(self.open as u8);
        }
        *self = Self::default();
    }
}
