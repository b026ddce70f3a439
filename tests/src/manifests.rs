//! A directory of manifests, as a person would keep it: one file an object.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// A directory of manifests; removed on drop.
pub struct Manifests {
    folder: TempDir,
}

impl Default for Manifests {
    fn default() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }
}

impl Manifests {
    /// The directory.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Puts a whole file in place, or in place of the one that was there, and gives its path.
    pub fn write(&self, file: &str, text: &str) -> PathBuf {
        let path = self.path().join(file);
        // Not a manifest before it is whole: files with such names are none.
        let new = path.with_file_name(format!(".{}", path.file_name().unwrap().display()));
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, &path).unwrap();
        path
    }

    /// Removes a file.
    pub fn remove(&self, file: &str) {
        std::fs::remove_file(self.path().join(file)).unwrap();
    }

    /// Writes one object of the API to `KIND-NAME.yaml`.
    pub fn object(&self, kind: &str, name: &str, spec: &Value) -> &Self {
        let object = json!({
            "apiVersion": "switchboard.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec,
        });
        // JSON is YAML.
        self.write(&format!("{kind}-{name}.yaml"), &serde_json::to_string_pretty(&object).unwrap());
        self
    }

    /// Writes a server.
    pub fn server(&self, name: &str, spec: &Value) -> &Self {
        self.object("McpServer", name, spec)
    }

    /// Writes a Shared server behind a URL over Streamable HTTP, without auth.
    pub fn http(&self, name: &str, url: &str) -> &Self {
        self.server(name, &json!({"http": {"url": url, "transport": "StreamableHTTP"}, "sessionMode": "Shared"}))
    }

    /// Writes a binding of one key, given as text, that holds exactly these servers, whole.
    pub fn key(&self, name: &str, key: &str, servers: &[&str]) -> &Self {
        let servers: Vec<Value> = servers.iter().map(|server| json!({"name": server})).collect();
        self.key_with(name, key, &json!({"servers": servers}))
    }

    /// Writes a binding of one key, given as text, with these grants.
    pub fn key_with(&self, name: &str, key: &str, grants: &Value) -> &Self {
        let subject = json!({"type": "Key", "keys": [{"name": "only", "sha256": sha256(key)}]});
        self.object("McpKeyBinding", name, &json!({"subject": subject, "grants": grants}))
    }

    /// Writes an access group of these servers, whole.
    pub fn group(&self, name: &str, group_name: &str, servers: &[&str]) -> &Self {
        let servers: Vec<Value> = servers.iter().map(|server| json!({"name": server})).collect();
        self.object("McpAccessGroup", name, &json!({"groupName": group_name, "servers": servers}))
    }

    /// Writes the settings document.
    pub fn settings(&self, fields: &Value) -> &Self {
        let mut document = json!({"apiVersion": "switchboard.dev/v1alpha1", "kind": "Settings"});
        document.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        self.write("settings.yaml", &serde_json::to_string_pretty(&document).unwrap());
        self
    }
}

/// The SHA-256 of a key as bindings hold it: 64 lower-case hex digits.
pub fn sha256(key: &str) -> String {
    Sha256::digest(key.as_bytes()).iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_what_a_person_would() {
        let manifests = Manifests::default();
        manifests.key("alice", "abc", &["one"]);
        let text = std::fs::read(manifests.path().join("McpKeyBinding-alice.yaml")).unwrap();
        let object: Value = serde_json::from_slice(&text).unwrap();
        // FIPS 180-2's example
        let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(object["spec"]["subject"]["keys"][0]["sha256"], digest);
        assert_eq!(object["spec"]["grants"]["servers"][0]["name"], "one");
    }
}
