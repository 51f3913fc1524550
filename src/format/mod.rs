//! The documents of an archived job, written and read back: from values to the bytes that cc-backend writes (cc-lib
//! `schema/`, Go's encoding/json) and from stored bytes to what they hold.
//!
//! Nothing here opens a file, and nothing here decides what belongs into an archive.

pub mod data;
pub mod deflate;
pub mod fixed;
pub mod gzip;
pub mod meta;
pub mod number;
pub mod read;
pub mod text;
