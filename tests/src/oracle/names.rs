//! Names: norm, defaults, shapes, reserved words, and who comes first.

use crate::world::{Group, Id, Meta, Mode, Server, World};

const RESERVED: [&str; 17] = [
    "mcp",
    "sse",
    "v1",
    "mcp_rest",
    "toolset",
    "proxy",
    "enabled",
    "servers",
    "auth",
    "access",
    "search",
    "well_known",
    "health",
    "livez",
    "readyz",
    "metrics",
    "status",
];

/// norm(x): without case, space, `-`, `_`.
pub(super) fn norm(name: &str) -> String {
    name.chars().filter(|letter| !matches!(letter, ' ' | '-' | '_')).map(|letter| letter.to_ascii_lowercase()).collect()
}

/// Whether a name is one of the gateway's own words.
pub(super) fn reserved(name: &str) -> bool {
    RESERVED.iter().any(|word| norm(word) == norm(name))
}

pub(super) fn default_name(meta: &Meta) -> String {
    meta.name.replace(['-', '.'], "_")
}

/// The server's alias, given or by default.
pub(super) fn alias(server: &Server) -> String {
    server.alias.clone().unwrap_or_else(|| default_name(&server.meta))
}

/// The server's prefix, given or by default.
pub(super) fn prefix(server: &Server) -> String {
    server.prefix.clone().unwrap_or_else(|| alias(server))
}

/// The group's name, given or by default.
pub(super) fn group_name(group: &Group) -> String {
    group.group_name.clone().unwrap_or_else(|| default_name(&group.meta))
}

fn has_letter_or_digit(name: &str) -> bool {
    name.chars().any(|letter| letter.is_ascii_alphanumeric())
}

/// `[A-Za-z0-9_]{1,32}` with a letter or digit.
pub(super) fn alias_shaped(name: &str) -> bool {
    name.len() <= 32
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        && has_letter_or_digit(name)
}

/// `[A-Za-z0-9_ -]{1,64}` with a letter or digit.
pub(super) fn group_name_shaped(name: &str) -> bool {
    name.len() <= 64
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | ' ' | '-'))
        && has_letter_or_digit(name)
}

/// The namespaces whose objects come first and may speak for all. Silent settings: the release's, or in a directory every one.
pub(super) fn platform(world: &World, namespace: &str) -> bool {
    listed(world.settings.platform_namespaces.as_ref(), namespace).unwrap_or(match &world.mode {
        Mode::Local => true,
        Mode::Cluster { namespace: release } => namespace == release,
    })
}

/// Where bare names may be published. Silent settings: nowhere, or in a directory everywhere.
pub(super) fn bare_allowed(world: &World, namespace: &str) -> bool {
    listed(world.settings.bare_namespaces.as_ref(), namespace).unwrap_or(world.mode == Mode::Local)
}

/// Where this child process may be started. Silent settings: any command; nowhere, or in a directory everywhere.
pub(super) fn stdio_allowed(world: &World, namespace: &str, command: &str) -> bool {
    listed(world.settings.stdio_namespaces.as_ref(), namespace).unwrap_or(world.mode == Mode::Local)
        && listed(world.settings.stdio_commands.as_ref(), command).unwrap_or(true)
}

fn listed(list: Option<&Vec<String>>, item: &str) -> Option<bool> {
    list.map(|list| list.iter().any(|listed| listed == item))
}

/// Sorts who comes first to the front: platform namespace, then age (none: youngest), then namespace and name.
pub(super) fn precedence(world: &World, meta: &Meta) -> (bool, bool, Option<i64>, Id) {
    (!platform(world, &meta.namespace), meta.created.is_none(), meta.created, meta.id())
}
