//! Damage: every source of foreign bytes, broken in every way we could think of, under whole sweeps.
//!
//! Each test damages one thing of a [`tiny`] site and sweeps it. What holds after any sweep (no panic, exit code, rows
//! and archive agree, nothing stray, no control characters in messages) is checked in [`swept`]; the test says which
//! jobs are hit and why, and that all others are byte for byte as without damage.

mod archives;
mod clusters;
mod contents;
mod folders;
mod ledgers;
mod logs;
mod programs;
mod resources;
mod rows;
mod snapshots;
mod swept;
mod tiny;
