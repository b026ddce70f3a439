//! The wire tests.
