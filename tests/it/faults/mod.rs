//! Faults: what a kill, a full or failing disk, a missing right or a lock makes of a sweep, and that the next sweep
//! finishes the work as if nothing had been.
//!
//! | file | subject |
//! |---|---|
//! | kill | sweeps killed at hundreds of moments |
//! | again | an archived job is archived again, and that sweep is killed |
//! | outages | media that go away at the n-th call |
//! | crash | images of a disk in the middle of a sweep |
//! | horizon | hosts that cannot be read do not make jobs lost |
//! | matrix, table, cells | stage × fault: the test, its rows, what a row says |
//! | how, faulty, judge | the ways to make a fault; a site with one; what must be true after it |
//! | site, sweep | a generated site and what stands in it; one sweep over it |
//! | shim | the preload library (shim.c) below the program's file code |

mod again;
mod cells;
mod crash;
mod faulty;
mod horizon;
mod how;
mod judge;
mod kill;
mod matrix;
mod outages;
pub(crate) mod shim;
mod site;
mod sweep;
mod table;
