//! Opening what others made, files and databases, without being held up by them and without leaving anything behind.

pub(crate) mod owner;
pub(crate) mod regular;
pub(crate) mod sqlite;
