//! Files that are made of others: compared, or with `UPDATE=1` written anew.

use std::fs;
use std::path::Path;

/// Whether the file is as it must be; written anew if the person who runs the tests says so.
#[expect(clippy::disallowed_methods, reason = "whether to rewrite is asked of the person who runs the test")]
pub(crate) fn assert_is(path: &Path, wanted: &str) {
    if std::env::var("UPDATE").is_ok() {
        fs::write(path, wanted).unwrap();
    }
    let found = fs::read_to_string(path).unwrap_or_default();
    let differ = found.lines().zip(wanted.lines()).position(|(found, wanted)| found != wanted);
    let line = differ.unwrap_or(found.lines().count().min(wanted.lines().count()));
    assert!(
        found == wanted,
        "{}:{}: `{}` should be `{}`; if that is right, UPDATE=1 tests/run charts writes it",
        path.display(),
        line + 1,
        found.lines().nth(line).unwrap_or_default(),
        wanted.lines().nth(line).unwrap_or_default()
    );
}
