//! What is watched, and what each watch tells.
//!
//! ```text
//! apiserver ─► follow (one task a stream) ─► (Stream, Told<Item>) ─► state
//! ```
//!
//! Objects of the three kinds come raw: one that is wrong is a matter of that
//! object, and no decoder stands before the check that says so in its status.

use std::collections::BTreeMap;
use std::fmt;

use crds::crd::KINDS;
use crds::diagnostic::{Kind, ObjectKey};
use crds::v1alpha1::{GROUP, USE_LABEL};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};
use kube::api::{ApiResource, DynamicObject, ObjectMeta};
use kube::core::GroupVersionKind;
use kube::{Api, Client};
use kube_runtime::watcher::Config;
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::release::{Release, Watched};

mod follow;

pub(crate) use follow::{Hearer, Told, follow};

/// A watch: what it is of, and whose.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Stream {
    /// What it tells of.
    pub(crate) of: Of,
    /// Of one namespace; none: of all. For [`Of::Namespaces`] the one that is watched.
    pub(crate) namespace: Option<String>,
}

/// What a stream tells of.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Of {
    /// Objects of a kind.
    Kind(Kind),
    /// Secrets that are marked as credentials (R45).
    Secrets,
    /// Namespaces: their labels.
    Namespaces,
    /// The ConfigMap with the settings document.
    Settings,
}

/// What a stream tells.
#[derive(Debug)]
pub(crate) enum Item {
    /// An object of a kind, without managed fields and annotations.
    Object(ObjectKey, Value),
    /// The data of a Secret.
    Secret(ObjectKey, SecretData),
    /// The labels of a namespace.
    Namespace(String, BTreeMap<String, String>),
    /// The text of the settings document; none: the ConfigMap has none.
    Settings(Option<String>),
}

/// The data of a Secret, which nothing prints.
pub(crate) struct SecretData(pub BTreeMap<String, Vec<u8>>);

/// What all streams tell, one after another.
pub(crate) type Changes = mpsc::Receiver<(Stream, Told<Item>)>;

/// How much may wait between the streams and the compiler.
const QUEUE: usize = 1024;

/// After this many seconds the apiserver ends a watch, and it is taken up again: a connection that died without a word
/// is noticed then, at the latest.
pub(crate) const WATCH_SECONDS: u32 = 60;

/// The key of the settings document in its ConfigMap.
const SETTINGS_KEY: &str = "settings.yaml";

/// The streams of a release. Each is listed anew when `again` changes.
pub(crate) fn streams(release: &Release, watched: &Watched) -> Vec<Stream> {
    let everything = KINDS.map(Of::Kind).into_iter().chain([Of::Secrets, Of::Namespaces]);
    let of_all = |namespaces: &[Option<String>]| -> Vec<Stream> {
        let each = everything.flat_map(|of| namespaces.iter().map(move |it| Stream { of, namespace: it.clone() }));
        let settings = Stream { of: Of::Settings, namespace: Some(release.namespace.clone()) };
        each.chain([settings]).collect()
    };
    match watched {
        Watched::All => of_all(&[None]),
        Watched::These(namespaces) => of_all(&namespaces.iter().cloned().map(Some).collect::<Vec<_>>()),
    }
}

/// Follows all of them in tasks, which end with the receiver.
pub(crate) fn start(
    client: &Client,
    release: &Release,
    streams: Vec<Stream>,
    again: &watch::Receiver<u64>,
    tasks: &mut JoinSet<&'static str>,
) -> Changes {
    let (tell, changes) = mpsc::channel(QUEUE);
    for stream in streams {
        let (client, settings) = (client.clone(), release.settings());
        let hearer = Hearer { source: stream.clone(), to: tell.clone(), again: again.clone() };
        tasks.spawn(async move {
            let config = Config::default().timeout(WATCH_SECONDS);
            match stream.of {
                Of::Kind(kind) => follow(objects(client, kind, &stream), config, object, hearer).await,
                Of::Secrets => {
                    let config = config.labels(&format!("{USE_LABEL}=credential"));
                    follow(within::<Secret>(client, &stream), config, secret, hearer).await;
                }
                Of::Namespaces => {
                    // By its name, so that the right to read it is enough.
                    let config = match &stream.namespace {
                        Some(name) => config.fields(&format!("metadata.name={name}")),
                        None => config,
                    };
                    follow(Api::<Namespace>::all(client), config, namespace, hearer).await;
                }
                Of::Settings => {
                    let config = config.fields(&format!("metadata.name={settings}"));
                    follow(within::<ConfigMap>(client, &stream), config, document, hearer).await;
                }
            }
            "a watch"
        });
    }
    changes
}

fn within<K>(client: Client, stream: &Stream) -> Api<K>
where
    K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
{
    match &stream.namespace {
        Some(namespace) => Api::namespaced(client, namespace),
        None => Api::all(client),
    }
}

fn objects(client: Client, kind: Kind, stream: &Stream) -> Api<DynamicObject> {
    let resource = resource(kind);
    match &stream.namespace {
        Some(namespace) => Api::namespaced_with(client, namespace, &resource),
        None => Api::all_with(client, &resource),
    }
}

/// A kind, as requests name it.
pub(crate) fn resource(kind: Kind) -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk(GROUP, "v1alpha1", kind.as_str()))
}

fn key(metadata: &ObjectMeta) -> ObjectKey {
    ObjectKey::new(metadata.namespace.clone().unwrap_or_default(), metadata.name.clone().unwrap_or_default())
}

fn object(object: DynamicObject) -> Item {
    let DynamicObject { mut metadata, data, .. } = object;
    metadata.managed_fields = None;
    // One of them is the last applied configuration, with all that stands inline.
    metadata.annotations = None;
    let key = key(&metadata);
    let mut raw = data;
    if let Value::Object(fields) = &mut raw {
        // Metadata are plain data.
        fields.insert("metadata".to_owned(), serde_json::to_value(metadata).unwrap_or_default());
    }
    Item::Object(key, raw)
}

fn secret(secret: Secret) -> Item {
    let data = secret.data.unwrap_or_default().into_iter().map(|(name, value)| (name, value.0));
    Item::Secret(key(&secret.metadata), SecretData(data.collect()))
}

fn namespace(namespace: Namespace) -> Item {
    let ObjectMeta { name, labels, .. } = namespace.metadata;
    Item::Namespace(name.unwrap_or_default(), labels.unwrap_or_default())
}

fn document(map: ConfigMap) -> Item {
    Item::Settings(map.data.and_then(|mut data| data.remove(SETTINGS_KEY)))
}

impl Item {
    /// Which object it is, among those of its stream.
    pub(crate) fn key(&self) -> ObjectKey {
        match self {
            Item::Object(key, _) | Item::Secret(key, _) => key.clone(),
            Item::Namespace(name, _) => ObjectKey::new("", name),
            Item::Settings(_) => ObjectKey::new("", ""),
        }
    }
}

impl Of {
    /// As the label of a metric, and in words for a person.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Of::Kind(Kind::McpServer) => "mcpservers",
            Of::Kind(Kind::McpAccessGroup) => "mcpaccessgroups",
            Of::Kind(Kind::McpKeyBinding) => "mcpkeybindings",
            Of::Secrets => "secrets",
            Of::Namespaces => "namespaces",
            Of::Settings => "settings",
        }
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} of namespace {namespace}", self.of.as_str()),
            None => write!(f, "{} of all namespaces", self.of.as_str()),
        }
    }
}

impl fmt::Debug for SecretData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release() -> Release {
        Release { name: "mcp".to_owned(), namespace: "tools".to_owned(), instance: "mcp".to_owned() }
    }

    #[test]
    fn r45_a_list_is_watched_namespace_by_namespace() {
        let these = Watched::These(vec!["a".to_owned(), "b".to_owned()]);
        let streams = streams(&release(), &these);
        assert_eq!(streams.len(), 11);
        assert!(streams.iter().all(|stream| stream.namespace.is_some()), "{streams:?}");
    }

    #[test]
    fn all_namespaces_are_one_watch_each() {
        let streams = streams(&release(), &Watched::All);
        assert_eq!(streams.len(), 6);
        let named: Vec<_> = streams.iter().filter_map(|stream| stream.namespace.as_deref()).collect();
        assert_eq!(named, ["tools"], "the settings stay those of the release");
    }

    #[test]
    fn r45_managed_fields_and_annotations_go_at_once() {
        let raw = serde_json::json!({
            "apiVersion": "switchboard.dev/v1alpha1", "kind": "McpServer",
            "metadata": {
                "name": "x", "namespace": "a", "uid": "u", "generation": 3, "labels": {"l": "1"},
                "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"},
                "managedFields": [{"manager": "kubectl"}],
            },
            "spec": {"unheard": "of"}, "status": {"conditions": 7},
        });
        let Item::Object(key, kept) = object(serde_json::from_value(raw).unwrap()) else { panic!() };
        assert_eq!(key, ObjectKey::new("a", "x"));
        let metadata = serde_json::json!(
            {"name": "x", "namespace": "a", "uid": "u", "generation": 3, "labels": {"l": "1"}}
        );
        assert_eq!(kept["metadata"], metadata);
        assert_eq!((&kept["spec"]["unheard"], &kept["status"]["conditions"]), (&"of".into(), &7.into()));
    }
}
