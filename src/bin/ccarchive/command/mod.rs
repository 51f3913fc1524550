//! The commands, one file each: they wire the parts of the engine together and turn the result into an exit code.

pub(crate) mod demo;
pub(crate) mod explain;
pub(crate) mod inspected;
pub(crate) mod run;
pub(crate) mod show;
pub(crate) mod status;
pub(crate) mod verify;
