//! Where snapshots come from.

pub mod directory;
