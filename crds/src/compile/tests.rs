//! Tests of the compiler: golden fixtures, tables, properties.

use super::*;

mod fixtures;
pub(crate) mod generate;
pub(crate) mod load;
mod properties;
pub(crate) mod scale;
mod widening;

/// The pepper of all tests.
pub(crate) fn pepper() -> Pepper {
    Pepper([7; 32])
}
