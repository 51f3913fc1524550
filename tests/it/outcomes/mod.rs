//! What becomes of a job, line by line of the outcome table in the manual, through the library.

mod archived;
mod failed;
mod flush;
mod ledger;
mod no_data;
mod provisional;
mod raced;
mod rearchive;
mod sources;
mod summary;
