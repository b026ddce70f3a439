//! What the environment tells the tests: the one place that reads it.

/// Whether every acceptance line runs at full size (R83), as `tests/run --full` asks by `SWITCHBOARD_TESTS_FULL`.
pub fn full() -> bool {
    std::env::var_os("SWITCHBOARD_TESTS_FULL").is_some_and(|value| !value.is_empty() && value != "0")
}

/// Whether files that a test compares with are to be written anew, as `UPDATE=1` asks.
pub fn update() -> bool {
    std::env::var_os("UPDATE").is_some()
}
