//! Opens files and databases that other programs own, without blocking on them and without leaving files beside them.

pub(crate) mod owner;
pub(crate) mod regular;
pub(crate) mod sqlite;
