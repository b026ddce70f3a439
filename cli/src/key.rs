//! `switchboard key create`.

use std::process::ExitCode;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::args::KeyCreateArgs;
use crate::output;
use crate::random::random;

/// Prints a new key on standard error and its manifest on standard output. The key is nowhere else.
pub(crate) fn create(args: &KeyCreateArgs) -> Result<ExitCode, String> {
    let key = format!("sb-{}", URL_SAFE_NO_PAD.encode(random()?));
    let text = serde_yaml::to_string(&manifest(args, &key)).map_err(|error| error.to_string())?;
    output::line(text.trim_end());
    output::note(&format!("The key, printed this once: {key}"));
    Ok(ExitCode::SUCCESS)
}

fn manifest(args: &KeyCreateArgs, key: &str) -> Value {
    let sha256 = format!("{:x}", Sha256::digest(key));
    let mut spec = json!({ "subject": { "type": "Key", "keys": [{ "name": args.name, "sha256": sha256 }] } });
    if let Some(team) = &args.team {
        spec["team"] = json!(team);
    }
    let names = |names: &[String]| names.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>();
    if !args.servers.is_empty() {
        spec["grants"]["servers"] = json!(names(&args.servers));
    }
    if !args.access_groups.is_empty() {
        spec["grants"]["accessGroups"] = json!(names(&args.access_groups));
    }
    let mut metadata = json!({ "name": args.name });
    if let Some(namespace) = &args.namespace {
        metadata["namespace"] = json!(namespace);
    }
    json!({
        "apiVersion": "switchboard.dev/v1alpha1",
        "kind": "McpKeyBinding",
        "metadata": metadata,
        "spec": spec,
    })
}
