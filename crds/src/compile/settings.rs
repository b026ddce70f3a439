//! The settings that a request meets, with defaults filled in.

use crate::settings::Settings;
use crate::snapshot::WireSettings;

const DEFAULT_SEPARATOR: &str = "-";
const DEFAULT_MAX_TOOL_NAME_LENGTH: u32 = 64;
const DEFAULT_CLIENT_SIDE_AUTH_HEADER: &str = "x-mcp-auth";

/// Lists are sets: sorted, each entry once.
pub(super) fn wire(settings: &Settings) -> WireSettings {
    let header = settings.client_side_auth_header.as_deref().unwrap_or(DEFAULT_CLIENT_SIDE_AUTH_HEADER);
    let origins = settings.allowed_origins.iter().flatten().map(|origin| origin.to_ascii_lowercase());
    let egress = settings.egress.iter().flat_map(|egress| egress.allow.iter().flatten().cloned());
    WireSettings {
        separator: settings.separator.as_deref().unwrap_or(DEFAULT_SEPARATOR).to_owned(),
        max_tool_name_length: settings.max_tool_name_length.unwrap_or(DEFAULT_MAX_TOOL_NAME_LENGTH),
        client_side_auth_header: header.to_ascii_lowercase(),
        allowed_origins: set(origins),
        egress_allow: set(egress),
        snapshot_max_age_seconds: settings.snapshot_max_age_seconds,
    }
}

fn set(entries: impl Iterator<Item = String>) -> Vec<String> {
    let mut entries: Vec<String> = entries.collect();
    entries.sort_unstable();
    entries.dedup();
    entries
}
