//! Conditions of a status, from diagnostics.
