//! `switchboard`.
fn main() {}
