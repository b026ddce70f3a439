//! The keys of the callers, and their manifests.

use serde_json::{Value, json};
use tests::manifests::Manifests;
use tests::process;

/// A virtual key of LiteLLM, and the hash by which LiteLLM keeps it in its table of keys and shows it.
const LITELLM_KEY: &str = "sk-1234";
const LITELLM_HASH: &str = "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b";

/// May use a part of what there is.
pub(crate) const PART: &str = "sb-agents-part";

/// A key that was made by `switchboard key create`, with its manifest as printed.
pub(crate) struct Created {
    /// The key.
    pub(crate) key: String,
    manifest: String,
}

impl Created {
    /// Grants it the access group and one server besides.
    pub(crate) fn new() -> Self {
        let grants = ["--access-group", "dev-group", "--server", "server3"];
        let (code, manifest, note) = process::run(&[&["key", "create", "created"][..], &grants].concat());
        assert_eq!(code, Some(0), "{note}");
        let key = note.split_whitespace().find(|word| word.starts_with("sb-")).unwrap().to_owned();
        Self { key, manifest }
    }

    /// The two keys with which LiteLLM's documents are tried.
    pub(crate) fn and_litellms(&self) -> [(&'static str, &str); 2] {
        [("a created key", &self.key), ("a key of LiteLLM", LITELLM_KEY)]
    }

    /// Every key that must not leave the gateway.
    pub(crate) fn all(&self) -> [&str; 3] {
        [&self.key, LITELLM_KEY, PART]
    }

    /// Writes the bindings of all keys.
    pub(crate) fn write(&self, manifests: &Manifests) {
        manifests.write("created.yaml", &self.manifest);
        let groups = json!({"accessGroups": [{"name": "dev-group"}], "servers": [{"name": "server3"}]});
        manifests.object("McpKeyBinding", "litellm", &binding(LITELLM_HASH, &groups));
        let part = json!({"servers": [{"name": "server2", "tools": ["echo", "get-sum"]}, {"name": "server3"}]});
        manifests.key_with("part", PART, &part);
    }
}

fn binding(sha256: &str, grants: &Value) -> Value {
    json!({"subject": {"type": "Key", "keys": [{"name": "only", "sha256": sha256}]}, "grants": grants})
}
