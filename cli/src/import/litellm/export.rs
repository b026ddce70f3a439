//! What LiteLLM's API lists: `/key/list?return_full_object=true`, `/team/list`, `/organization/list`, `/user/list`, each in a
//! file of its own or under `keys`, `teams`, `organizations` and `users` of one.

use std::path::PathBuf;

use serde_json::Value;

use crate::import::text;

/// Everybody who is listed.
#[derive(Default)]
pub(super) struct Export {
    pub(super) keys: Vec<Value>,
    pub(super) teams: Vec<Value>,
    pub(super) organizations: Vec<Value>,
    pub(super) users: Vec<Value>,
    /// Whether users were listed at all.
    pub(super) has_users: bool,
    /// How many keys there are, if a list says that it has not all of them.
    pub(super) keys_of: Option<u64>,
}

/// Reads all files as one.
pub(super) fn read(files: &[PathBuf]) -> Result<Export, String> {
    let mut export = Export::default();
    for file in files {
        let value: Value =
            serde_json::from_str(&text(file)?).map_err(|error| format!("{}: {error}", file.display()))?;
        export.take(value).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    export.keys_of = export.keys_of.filter(|all| (export.keys.len() as u64) < *all);
    Ok(export)
}

impl Export {
    fn take(&mut self, value: Value) -> Result<(), String> {
        let mut fields = match value {
            // A bare list tells what it is of by what its entries have.
            Value::Array(entries) => return self.take_list(entries),
            Value::Object(fields) => fields,
            _ => return Err("neither an object nor a list".to_owned()),
        };
        self.keys_of =
            fields.get("total_count").and_then(Value::as_u64).filter(|_| fields.contains_key("keys")).or(self.keys_of);
        let mut found = false;
        for name in ["keys", "teams", "organizations", "users"] {
            if let Some(Value::Array(entries)) = fields.remove(name) {
                found = true;
                self.has_users |= name == "users";
                self.list(name).extend(entries);
            }
        }
        if found { Ok(()) } else { Err("has none of keys, teams, organizations and users".to_owned()) }
    }

    fn take_list(&mut self, entries: Vec<Value>) -> Result<(), String> {
        let Some(first) = entries.first() else { return Ok(()) };
        let has = |name: &str| !first[name].is_null();
        let name = match (has("token"), has("team_id"), has("organization_id"), has("user_id")) {
            (true, ..) => "keys",
            (_, true, ..) => "teams",
            (_, _, true, _) => "organizations",
            (.., true) => "users",
            _ => return Err("a list of neither keys, teams, organizations nor users".to_owned()),
        };
        self.has_users |= name == "users";
        self.list(name).extend(entries);
        Ok(())
    }

    fn list(&mut self, name: &str) -> &mut Vec<Value> {
        match name {
            "keys" => &mut self.keys,
            "teams" => &mut self.teams,
            "organizations" => &mut self.organizations,
            _ => &mut self.users,
        }
    }
}
