//! Where snapshots come from.

pub mod cluster;
pub mod directory;
