//! The configuration as a whole: which servers there are, which groups, which settings, and what is not about MCP.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Map, Value, json};

use super::known::Known;
use super::{is_true, members, scalar, server, texts};
use crate::import::Import;

/// What a configuration says of MCP beside its servers, and what to do about it.
const WITHOUT_COUNTERPART: [(&str, &str); 8] = [
    ("callbacks", "hooks of Python are not run: what they change or count is not changed or counted"),
    ("success_callback", "not run here: calls are counted in /metrics"),
    ("failure_callback", "not run here: calls are counted in /metrics"),
    ("guardrails", "not run here: what they would stop is not stopped"),
    ("master_key", "is no key here: make keys with `switchboard key create`"),
    ("allowed_ips", "has no counterpart: restrict who reaches the gateway with a NetworkPolicy or before it"),
    (
        "require_end_user_mcp_access_defined",
        "has no counterpart: end users are not known here; give those who have to differ keys of their own",
    ),
    ("mcp_semantic_tool_filter", "has no counterpart: it is for calls of models"),
];

/// Reads everything, and gives what permissions refer to.
pub(super) fn read(import: &mut Import, config: &Map<String, Value>) -> Known {
    let mut known = Known::default();
    let setting = |name: &str| {
        ["general_settings", "litellm_settings"]
            .iter()
            .any(|section| is_true(config.get(*section).and_then(|it| it.get(name))))
    };
    known.requires_own = setting("require_key_mcp_access_defined");
    let all_keys_is_scoped = setting("mcp_allow_all_keys_respects_mcp_scope");
    groups(import, config, &mut known);
    let mut aliases = BTreeMap::new();
    if let Some(Value::Object(settings)) = config.get("litellm_settings") {
        for (alias, server) in members(settings, "mcp_aliases") {
            if let Some(server) = server.as_str() {
                aliases.entry(server.to_owned()).or_insert_with(|| alias.clone());
            }
        }
    }
    for (name, entry) in members(config, "mcp_servers") {
        let Some(entry) = entry.as_object() else {
            import.report.say(&format!("mcp_servers.{name}"), "is no mapping: left out");
            continue;
        };
        let alias = entry.get("alias").and_then(Value::as_str).or(aliases.get(name).map(String::as_str));
        server::write(import, &mut known, &server::Entry { name, alias, members: entry, all_keys_is_scoped });
    }
    settings(import, config);
    rest(import, config);
    known
}

/// A group for each name that servers give.
fn groups(import: &mut Import, config: &Map<String, Value>, known: &mut Known) {
    let named = members(config, "mcp_servers").flat_map(|(_, entry)| texts(entry.get("access_groups")));
    let mut groups: Vec<String> = named.collect();
    groups.sort();
    groups.dedup();
    for group in groups {
        let object = import.names.object("McpAccessGroup", &group);
        let published = import.names.group(&group);
        if crds::names::norm(&published) != crds::names::norm(&group) {
            let words = format!(
                "group `{group}` is named `{published}` here: its own name is taken, or not made of letters, digits, space, _ and -"
            );
            import.report.say("mcp_servers", words);
        }
        let spec = json!({ "groupName": published });
        let object_of_group = import.object("McpAccessGroup", &object, spec);
        if import.add("mcp_servers", vec![object_of_group]) {
            known.add_group(&group, &object);
        }
    }
}

fn settings(import: &mut Import, config: &Map<String, Value>) {
    let Some(Value::Object(general)) = config.get("general_settings") else { return };
    let mut settings = json!({ "apiVersion": crds::v1alpha1::API_VERSION, "kind": "Settings" });
    let nothing = settings.clone();
    if let Some(header) = general.get("mcp_client_side_auth_header_name").and_then(scalar) {
        settings["clientSideAuthHeader"] = json!(header);
    }
    if let Some(ranges) = networks(import, general, "mcp_internal_ip_ranges") {
        settings["internalNetworks"] = json!(ranges);
    }
    // Without the switch LiteLLM believes nobody.
    if is_true(general.get("use_x_forwarded_for")) {
        match networks(import, general, "mcp_trusted_proxy_ranges") {
            Some(ranges) => settings["trustedProxies"] = json!(ranges),
            None => import.report.say(
                "general_settings.use_x_forwarded_for",
                "without mcp_trusted_proxy_ranges believes everybody: left out; set `trustedProxies` by hand",
            ),
        }
    }
    if settings != nothing {
        import.add("general_settings", vec![settings]);
    }
}

/// A list of networks; an address alone is one of its own.
fn networks(import: &mut Import, general: &Map<String, Value>, member: &str) -> Option<Vec<String>> {
    let mut networks = Vec::new();
    for text in texts(Some(general.get(member)?)) {
        let text = text.trim();
        let network = text.parse::<IpAddr>().map(IpNet::from).or_else(|_| text.parse::<IpNet>());
        match network {
            Ok(network) => networks.push(network.trunc().to_string()),
            Err(_) => {
                import.report.say(&format!("general_settings.{member}"), format!("`{text}` is no network: left out"));
            }
        }
    }
    Some(networks)
}

/// What is left: said one by one where it is about MCP, else in one line for each section.
fn rest(import: &mut Import, config: &Map<String, Value>) {
    const READ: [&str; 7] = [
        "mcp_internal_ip_ranges",
        "mcp_trusted_proxy_ranges",
        "use_x_forwarded_for",
        "mcp_aliases",
        "mcp_client_side_auth_header_name",
        "require_key_mcp_access_defined",
        "mcp_allow_all_keys_respects_mcp_scope",
    ];
    let mut others = Vec::new();
    for (section, value) in config {
        if let Some((_, what)) = WITHOUT_COUNTERPART.iter().find(|(name, _)| name == section) {
            import.report.say(section, *what);
        } else if let (Value::Object(settings), "general_settings" | "litellm_settings") = (value, section.as_str()) {
            let unread = settings.keys().filter(|name| !READ.contains(&name.as_str()));
            let (about_mcp, other): (Vec<_>, Vec<_>) = unread.partition(|name| said(name).is_some());
            for name in about_mcp {
                import.report.say(&format!("{section}.{name}"), said(name).unwrap_or_default());
            }
            others.extend(other.into_iter().map(|name| format!("{section}.{name}")));
        } else if section != "mcp_servers" {
            others.push(section.clone());
        }
    }
    if !others.is_empty() {
        import.report.say("", format!("left out, since it is not about MCP servers: {}", others.join(", ")));
    }
}

fn said(name: &str) -> Option<&'static str> {
    let known = WITHOUT_COUNTERPART.iter().find(|(known, _)| *known == name).map(|(_, what)| *what);
    known.or_else(|| name.contains("mcp").then_some("has no counterpart: left out"))
}
