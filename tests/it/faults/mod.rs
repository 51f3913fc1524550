//! Faults: what a kill, a full or failing disk, a missing right or a lock makes of a sweep, and that the next sweep
//! finishes the work as if nothing had been.
//!
//! | file | subject |
//! |---|---|
//! | kill | sweeps killed at hundreds of moments |
//! | matrix, cells, how | stage × fault: the table, and how each fault is made |
//! | site, sweep | a generated site and what stands in it; one sweep over it |
//! | shim | the preload library (shim.c) below the program's file code |

mod kill;
mod shim;
mod site;
mod sweep;
