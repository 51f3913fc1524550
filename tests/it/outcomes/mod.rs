//! What becomes of a job, line by line of the outcome table (design.md, section 4), through the library.

mod archived;
mod failed;
mod ledger;
mod not_yet;
mod raced;
mod rearchive;
