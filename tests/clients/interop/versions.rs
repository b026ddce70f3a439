//! Which versions the lock files pin.

use std::fs;

use serde_json::Value;

use crate::toolchain;

/// A package as people know it, and its version.
pub(super) fn all() -> [(&'static str, String); 7] {
    [
        ("PyPI `mcp` 1.x", python("1")),
        ("PyPI `mcp` 2.x", python("2")),
        ("npm `@modelcontextprotocol/sdk`", npm("sdk")),
        ("npm `@modelcontextprotocol/client`", npm("client")),
        ("npm `@modelcontextprotocol/server`", npm("server")),
        ("npm `@modelcontextprotocol/server-everything`", npm("server-everything")),
        ("crate `rmcp`", rmcp()),
    ]
}

fn python(series: &str) -> String {
    after(&read(&format!("tests/clients/python{series}/requirements.txt")), "\nmcp==")
}

fn npm(package: &str) -> String {
    let lock: Value = serde_json::from_str(&read("tests/clients/typescript/package-lock.json")).unwrap();
    let version = &lock["packages"][format!("node_modules/@modelcontextprotocol/{package}")]["version"];
    version.as_str().unwrap().to_owned()
}

fn rmcp() -> String {
    after(&read("Cargo.lock"), "\nname = \"rmcp\"\nversion = \"")
}

/// The version that follows a text.
fn after(text: &str, before: &str) -> String {
    let (_, rest) = text.split_once(before).unwrap();
    rest.chars().take_while(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '+')).collect()
}

fn read(path: &str) -> String {
    fs::read_to_string(toolchain::checkout().join(path)).unwrap()
}
