//! ccarchive archives the stopped jobs that cc-backend left behind.

pub mod quantity;
pub mod selection;
pub mod site;
pub mod when;
