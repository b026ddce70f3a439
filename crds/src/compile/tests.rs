//! Tests of the compiler: golden fixtures, tables, properties.

use super::*;

mod fixtures;
mod generate;
mod load;
mod properties;
mod scale;
mod widening;

/// The pepper of all tests.
fn pepper() -> Pepper {
    Pepper([7; 32])
}
