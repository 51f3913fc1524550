//! The bytes of an archive: pure functions from values to what cc-backend writes (cc-lib `schema/`, Go's
//! encoding/json). Nothing here does I/O, and nothing here decides what belongs into an archive.

pub mod data;
pub mod meta;
pub mod number;
pub mod text;
