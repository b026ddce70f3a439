//! The objects of one release as its operator writes them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crds::compile::{Compiled, Pepper, Scope, compile};
use crds::resources::{ParsedFile, merge};
use crds::snapshot::stored::{Plan, Pointer, credential_slot, plan, split};
use crds::snapshot::{Credentials, MacKey, SCHEMA, Snapshot};
use gateway::peers::authority;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{DeleteParams, ObjectMeta, Patch, PatchParams};
use kube::{Api, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tests::kube::ApiServer;
use tests::manifests::sha256;

/// What the names of its objects begin with.
pub(crate) const NAME: &str = "sb";
/// The key that holds the server.
pub(crate) const KEY: &str = "sk-of-me";
/// The token of its fleet.
pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// A release in a namespace of its own.
pub(crate) struct Release {
    /// Its namespace.
    pub(crate) namespace: String,
    pepper: Pepper,
    mac: MacKey,
    keys: BTreeMap<String, Vec<u8>>,
    maps: Api<ConfigMap>,
    secrets: Api<Secret>,
    /// The pointer that was written last.
    pub(crate) live: Option<Pointer>,
}

impl Release {
    /// One whose operator has not written anything yet.
    pub(crate) async fn new(server: &ApiServer, namespace: &str) -> Self {
        server.namespace(namespace, &[]).await;
        let client = server.client().await;
        let entries = [
            ("pepper", vec![1; 32]),
            ("mac", vec![2; 32]),
            ("seal-1", vec![3; 32]),
            ("peer-authority", authority::new_signing_key().unwrap()),
            ("fleet-token", TOKEN.as_bytes().to_vec()),
        ];
        Self {
            namespace: namespace.to_owned(),
            pepper: Pepper([1; 32]),
            mac: MacKey([2; 32]),
            keys: entries.map(|(name, key)| (name.to_owned(), key)).into(),
            maps: Api::namespaced(client.clone(), namespace),
            secrets: Api::namespaced(client, namespace),
            live: None,
        }
    }

    /// What an operator makes of one server behind a URL, published as `up`, with a secret header, and of callers that
    /// hold it, each with a key: its name, or [`KEY`] for `me`.
    pub(crate) fn compile(&self, url: &str, callers: &[&str]) -> Compiled {
        self.compile_with("sesame", url, callers)
    }

    /// The same with another secret in the header `x-secret`.
    pub(crate) fn compile_with(&self, secret: &str, url: &str, callers: &[&str]) -> Compiled {
        let compiled = self.compile_more((secret, url, callers), "");
        assert_eq!(compiled.snapshot.callers.len(), callers.len());
        compiled
    }

    /// The same with these objects more, as documents of YAML.
    pub(crate) fn compile_more(&self, (secret, url, callers): (&str, &str, &[&str]), more: &str) -> Compiled {
        let mut text = format!(
            "apiVersion: switchboard.dev/v1alpha1\nkind: Settings\negress: {{allow: [127.0.0.0/8]}}\n---\n\
             apiVersion: switchboard.dev/v1alpha1\nkind: McpServer\nmetadata: {{name: up, namespace: {0}}}\nspec:\n  \
             http: {{url: '{url}', transport: StreamableHTTP, headers: [{{name: x-secret, value: {secret}}}]}}\n  \
             sessionMode: Shared\n",
            self.namespace
        );
        for caller in callers {
            let key = sha256(if *caller == "me" { KEY } else { caller });
            write!(
                text,
                "---\napiVersion: switchboard.dev/v1alpha1\nkind: McpKeyBinding\n\
                 metadata: {{name: {caller}, namespace: {}}}\nspec:\n  \
                 subject: {{type: Key, keys: [{{name: k, sha256: '{key}'}}]}}\n  grants: {{servers: [{{name: up}}]}}\n",
                self.namespace
            )
            .unwrap();
        }
        text.push_str(more);
        let file = ParsedFile::parse("all.yaml", text.as_bytes()).unwrap();
        let merged = merge(&[&file]);
        let compiled = compile(&merged.resources, &Scope::Cluster { namespace: self.namespace.clone() }, &self.pepper);
        let findings = merged.all_findings(&compiled.diagnostics);
        assert!(findings.is_empty(), "{findings:?}");
        compiled
    }

    /// Writes the Secret with the fleet's keys.
    pub(crate) async fn write_keys(&self) {
        self.write_keys_as(&self.keys).await;
    }

    /// Writes that Secret without one of its entries.
    pub(crate) async fn write_keys_without(&self, entry: &str) {
        let mut keys = self.keys.clone();
        keys.remove(entry).unwrap();
        self.write_keys_as(&keys).await;
    }

    async fn write_keys_as(&self, keys: &BTreeMap<String, Vec<u8>>) {
        self.write_secret("keys", keys).await;
    }

    /// Writes all of it under a revision: credentials, slots, pointer.
    pub(crate) async fn write(&mut self, compiled: &Compiled, revision: u64) {
        self.write_credentials(&compiled.credentials).await;
        self.write_snapshot(&compiled.snapshot, revision).await;
    }

    /// Writes slots and pointer.
    pub(crate) async fn write_snapshot(&mut self, snapshot: &Snapshot, revision: u64) {
        let Plan { pointer, writes } = self.plan(snapshot, revision);
        for (slot, part) in writes {
            self.write_part(slot, &part.bytes).await;
        }
        self.write_pointer(&pointer.encode(&self.mac)).await;
        self.live = Some(pointer);
    }

    /// What there is to write of a snapshot.
    pub(crate) fn plan(&self, snapshot: &Snapshot, revision: u64) -> Plan {
        plan(self.live.as_ref(), split(snapshot).unwrap().of(SCHEMA), revision, SCHEMA).unwrap()
    }

    /// The bytes of a pointer.
    pub(crate) fn encode(&self, pointer: &Pointer) -> Vec<u8> {
        pointer.encode(&self.mac)
    }

    /// Denies callers, by the names of their bindings, under the next revision.
    pub(crate) async fn deny(&mut self, callers: &[&str]) {
        let live = self.live.take().unwrap();
        let denied = callers.iter().map(|name| format!("{}/{name}", self.namespace)).collect();
        let pointer = Pointer { revision: live.revision + 1, denied, ..live };
        self.write_pointer(&self.encode(&pointer)).await;
        self.live = Some(pointer);
    }

    /// Writes these bytes as the pointer.
    pub(crate) async fn write_pointer(&self, bytes: &[u8]) {
        self.write_map("snapshot", "pointer", bytes).await;
    }

    /// Writes a slot.
    pub(crate) async fn write_part(&self, slot: u8, bytes: &[u8]) {
        self.write_map(&format!("snapshot-{slot:02}"), "part", bytes).await;
    }

    /// Writes the slots of these credentials.
    pub(crate) async fn write_credentials(&self, credentials: &Credentials) {
        let mut slots: BTreeMap<u8, BTreeMap<String, Vec<u8>>> = BTreeMap::new();
        for (fingerprint, secrets) in credentials {
            let slot = slots.entry(credential_slot(fingerprint)).or_default();
            slot.insert(fingerprint.to_string(), serde_json::to_vec(secrets).unwrap());
        }
        for (slot, entries) in slots {
            self.write_secret(&format!("credentials-{slot:02}"), &entries).await;
        }
    }

    /// Deletes the pointer and the keys.
    pub(crate) async fn delete_pointer_and_keys(&self) {
        self.maps.delete(&format!("{NAME}-snapshot"), &DeleteParams::default()).await.unwrap();
        self.secrets.delete(&format!("{NAME}-keys"), &DeleteParams::default()).await.unwrap();
    }

    async fn write_map(&self, name: &str, entry: &str, bytes: &[u8]) {
        let data = BTreeMap::from([(entry.to_owned(), ByteString(bytes.to_vec()))]);
        let map = ConfigMap { metadata: named(name), binary_data: Some(data), ..ConfigMap::default() };
        apply(&self.maps, &map).await;
    }

    async fn write_secret(&self, name: &str, entries: &BTreeMap<String, Vec<u8>>) {
        let data = entries.iter().map(|(entry, bytes)| (entry.clone(), ByteString(bytes.clone()))).collect();
        apply(&self.secrets, &Secret { metadata: named(name), data: Some(data), ..Secret::default() }).await;
    }
}

fn named(name: &str) -> ObjectMeta {
    ObjectMeta { name: Some(format!("{NAME}-{name}")), ..ObjectMeta::default() }
}

async fn apply<K>(api: &Api<K>, object: &K)
where
    K: Resource + Clone + std::fmt::Debug + Serialize + DeserializeOwned,
{
    let name = object.meta().name.clone().unwrap();
    api.patch(&name, &PatchParams::apply("switchboard-tests").force(), &Patch::Apply(object)).await.unwrap();
}
