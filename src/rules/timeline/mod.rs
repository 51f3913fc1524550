//! The timeline rule: from what snapshots and logs hold back to what the live store knew.
//!
//! A series is a sequence of slots of F seconds, F being the frequency of its metric; a sample at time t belongs to slot
//! floor((t − p) / F), and a later sample replaces an earlier one of the same slot. p is the phase:
//!
//! - A gap of more than 2·F ends a stretch. All slots of a stretch have one phase.
//! - A snapshot whose series does not start where the file's interval does starts with a true first sample, so
//!   p = start − F div 2. A sample of the log tells p = t − F div 2. A stretch has the first phase that its files tell, in the
//!   order of time.
//! - A stretch whose files tell none has that of the stretch before it, else of the next one that knows, else of another
//!   series of the host with the same F, else the one that an earlier reading of the host found. The last resort is a
//!   guess: that the stretch starts with a true first sample.
//! - A snapshot that does not begin where the one before ended was written after a restart of the store. Its first values
//!   repeat what the store had loaded, and are dropped as far as the file before reached.
//! - Where stretches overlap, the later one wins. A stretch keeps the frequency of its file.
//!
//! [`Builder`] takes a host's files in the order of time and then its log, [`Builder::finish`] gives every stretch its phase,
//! and a [`Chain`] answers for any grid. What must stay true: the same files give the same values, whatever window was asked
//! for, and in whatever order jobs ask; nothing that a file says (times, frequencies) can make the arithmetic overflow, since
//! [`Builder`] takes only [`sane`] times.

mod build;
mod column;
mod grid;
mod logged;
mod read;

pub use build::{Builder, Path, Phase, SeriesId, Timeline};
pub use column::{Column, Interval};
pub use grid::{Grid, sane};
pub use read::{Chain, Level};

#[cfg(test)]
mod tests;
