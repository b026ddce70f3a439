//! Organizations, teams, users and keys, as bindings: whoever is above another in LiteLLM is its parent here, and so its
//! ceiling, and what it inherits.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::export::Export;
use super::grants::{self, Restriction};
use super::known::Known;
use super::{is_true, texts};
use crate::import::Import;
use crate::import::names::plain;

/// Who may be above a key, in the words of a binding.
#[derive(Clone, Copy)]
struct Kind {
    /// Of LiteLLM's members: `team` of `team_id`.
    word: &'static str,
    subject: &'static str,
}

const ORGANIZATION: Kind = Kind { word: "organization", subject: "Organization" };
const TEAM: Kind = Kind { word: "team", subject: "Team" };
const USER: Kind = Kind { word: "user", subject: "User" };

/// Who was written, by id.
type Written = BTreeMap<String, Parent>;

struct Parent {
    /// The subject's name.
    name: String,
    /// None: it restricts nothing.
    grants: Option<Value>,
    organization: Option<String>,
}

/// The routes of LiteLLM that let a key list and call at every server; others let it do less, or nothing.
const ALL_OF_MCP: [&str; 6] = ["*", "/mcp", "/mcp/*", "llm_api_routes", "mcp_inference_routes", "mcp_routes"];

/// Writes everybody of an export.
pub(super) fn write(import: &mut Import, known: &Known, export: &Export) {
    if let Some(all) = export.keys_of {
        let words = format!("{} of {all} keys are in the export: ask for the other pages too", export.keys.len());
        import.report.say("keys", words);
    }
    let organizations = parents(import, known, (ORGANIZATION, &export.organizations), &Written::new());
    let teams = parents(import, known, (TEAM, &export.teams), &organizations);
    let users = parents(import, known, (USER, &export.users), &Written::new());
    let ids = export.users.iter().filter_map(|user| user["user_id"].as_str());
    let listed = export.has_users.then(|| ids.collect::<BTreeSet<_>>());
    let mut seen = BTreeSet::new();
    for key in &export.keys {
        one_key(import, known, key, (&organizations, &teams, &users, listed.as_ref()), &mut seen);
    }
    let with_user = export.keys.iter().filter(|key| key["user_id"].is_string()).count();
    if with_user > 0 && !export.has_users {
        let words = "keys belong to users, who may have MCP permissions of their own, which narrow their keys in LiteLLM: add the list of /user/list, or see that there are none";
        import.report.say("keys", format!("{with_user} {words}"));
    }
}

fn parents(import: &mut Import, known: &Known, (kind, entries): (Kind, &[Value]), above: &Written) -> Written {
    let text = |entry: &Value, member: &str| entry[format!("{}_{member}", kind.word)].as_str().map(str::to_owned);
    let mut written = Written::new();
    for entry in entries {
        let Some(id) = text(entry, "id") else { continue };
        let at = format!("{}s.{id}", kind.word);
        let Restriction { grants, is_beyond, lines, .. } = grants::of(entry, known);
        let restriction = grants;
        let silent_user = kind.subject == USER.subject && restriction.is_none();
        if silent_user {
            continue;
        }
        for line in lines {
            import.report.say(&at, line);
        }
        // Two of one name would be one subject, and each have what the other has.
        let is_called = |other: &Value, name: &String| {
            text(other, "alias").as_ref() == Some(name) || text(other, "id").as_ref() == Some(name)
        };
        let is_its_own = |alias: &String| entries.iter().filter(|other| is_called(other, alias)).count() == 1;
        let name = text(entry, "alias").filter(is_its_own).unwrap_or_else(|| id.clone());
        let mut spec = json!({ "subject": { "type": kind.subject, kind.word: name } });
        let mut grants = restriction.clone();
        let organization = entry["organization_id"].as_str().filter(|_| kind.subject == TEAM.subject);
        match organization.map(|id| (id, above.get(id))) {
            Some((_, Some(parent))) => spec["organization"] = json!(parent.name),
            Some((id, None)) => {
                import.report.say(
                    &at,
                    format!("its organization `{id}` is not in the export, nor what it may use: it may use nothing"),
                );
                grants = Some(json!({}));
            }
            None => {}
        }
        if let Some(grants) = &grants {
            spec["grants"] = grants.clone();
        }
        if is_true(entry.get("blocked")) || is_beyond {
            spec["suspend"] = json!(true);
        }
        let object = import.names.object("McpKeyBinding", &format!("{} {name}", kind.word));
        let object = import.object("McpKeyBinding", &object, spec);
        if import.add(&at, vec![object]) {
            written.insert(id, Parent { name, grants, organization: organization.map(str::to_owned) });
        }
    }
    written
}

fn one_key(
    import: &mut Import,
    known: &Known,
    key: &Value,
    (organizations, teams, users, listed): (&Written, &Written, &Written, Option<&BTreeSet<&str>>),
    seen: &mut BTreeSet<String>,
) {
    let hash = key["token"].as_str().unwrap_or_default().to_ascii_lowercase();
    let label = key["key_alias"].as_str().filter(|alias| !plain(alias).is_empty());
    let label = label.map_or_else(|| format!("key-{}", hash.get(..12).unwrap_or("unknown")), str::to_owned);
    let at = format!("keys.{label}");
    if hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return import.report.say(&at, "has no SHA-256 in `token`: left out");
    }
    if !seen.insert(hash.clone()) {
        return import.report.say(&at, "stands twice in the export: left out");
    }
    let Restriction { mut grants, is_absolute, is_beyond, lines } = grants::of(key, known);
    let mut said = lines;
    let mut spec = json!({ "subject": { "type": "Key", "keys": [{ "name": "litellm", "sha256": hash }] } });
    let mut suspended = is_kept_out(key, &mut said) || is_beyond;
    if is_absolute && known.has_all_keys() {
        said.push("is to have no server, not even those of all keys: it is suspended, and answered 401".to_owned());
        suspended = true;
    }
    let team = key["team_id"].as_str().map(|id| (id, teams.get(id)));
    let organization = key["organization_id"].as_str();
    let organization = organization.or(team.and_then(|(_, team)| team?.organization.as_deref()));
    let organization = organization.map(|id| (id, organizations.get(id)));
    if grants.is_none() {
        grants = inherited(team.and_then(|it| it.1), organization.and_then(|it| it.1), known);
    }
    for (kind, above) in [(TEAM, team), (ORGANIZATION, organization)] {
        match above {
            Some((_, Some(parent))) => spec[kind.word] = json!(parent.name),
            Some((id, None)) => {
                said.push(format!(
                    "its {} `{id}` is not in the export, nor what it may use: it may use nothing",
                    kind.word
                ));
                grants = Some(json!({}));
            }
            None => {}
        }
    }
    match key["user_id"].as_str().map(|id| (id, users.get(id))) {
        Some((_, Some(user))) => spec["user"] = json!(user.name),
        // A user who is listed and silent narrows nothing.
        Some((id, None)) if listed.is_some_and(|listed| !listed.contains(id)) => {
            said.push(format!(
                "its user `{id}` is not in the list of users, of which there may be other pages: it may use nothing"
            ));
            grants = Some(json!({}));
        }
        _ => {}
    }
    if key["agent_id"].is_string() {
        said.push(
            "belongs to an agent, which narrows it in LiteLLM and is not known here: it may use nothing".to_owned(),
        );
        grants = Some(json!({}));
    }
    if !texts(key.get("access_group_ids")).is_empty() {
        said.push("`access_group_ids` have no counterpart: what they add is left out".to_owned());
    }
    match expiry(&key["expires"]) {
        Ok(Some(time)) => spec["expirationTime"] = json!(time.to_string()),
        Ok(None) => {}
        Err(()) => {
            said.push("`expires` is no time: it is suspended".to_owned());
            suspended = true;
        }
    }
    if let Some(grants) = grants {
        spec["grants"] = grants;
    }
    if suspended {
        spec["suspend"] = json!(true);
    }
    if key["metadata"].get("mcp_rpm_limit").is_some_and(|limit| !limit.is_null()) {
        said.push("`mcp_rpm_limit` has no counterpart: left out".to_owned());
    }
    for line in said {
        import.report.say(&at, line);
    }
    let object = import.names.object("McpKeyBinding", &label);
    let object = import.object("McpKeyBinding", &object, spec);
    import.add(&at, vec![object]);
}

/// Whether a key may not call, or not all that its permissions say.
fn is_kept_out(key: &Value, said: &mut Vec<String>) -> bool {
    let routes = texts(key.get("allowed_routes"));
    let by_routes = !routes.is_empty() && !routes.iter().any(|route| ALL_OF_MCP.contains(&route.as_str()));
    if by_routes {
        said.push("may not call all of MCP by its `allowed_routes`: it is suspended".to_owned());
    }
    by_routes || is_true(key.get("blocked"))
}

/// The grants of a key without permissions of its own: none, where it inherits what those above it have. Who has nobody
/// above has nothing; where the organization alone restricts, what it has is the grant, and written as that.
fn inherited(team: Option<&Parent>, organization: Option<&Parent>, known: &Known) -> Option<Value> {
    if known.requires_own {
        return Some(json!({}));
    }
    match (team.and_then(|team| team.grants.as_ref()), organization.and_then(|it| it.grants.as_ref())) {
        (Some(_), _) => None,
        (None, Some(grants)) => Some(grants.clone()),
        (None, None) => Some(json!({})),
    }
}

/// When a key ends, to the second; a time without a zone is UTC, as LiteLLM stores it.
fn expiry(value: &Value) -> Result<Option<Timestamp>, ()> {
    let Some(text) = value.as_str() else { return if value.is_null() { Ok(None) } else { Err(()) } };
    let text = text.trim();
    let zoned = text.parse::<Timestamp>();
    let time = zoned.or_else(|_| text.parse::<DateTime>()?.to_zoned(TimeZone::UTC).map(|time| time.timestamp()));
    let time = time.map_err(drop)?;
    Timestamp::from_second(time.as_second()).map(Some).map_err(drop)
}
