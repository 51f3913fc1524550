//! Formats that others defined, as bytes: no module here knows a job, a site or a file.

pub mod deflate;
