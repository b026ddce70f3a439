//! The objects of a cluster, as its operator would compile them.

use std::collections::BTreeSet;

use crds::compile::Scope;
use crds::crd::KINDS;
use crds::diagnostic::ObjectKey;
use crds::resources::{Positions, Resources, parse_settings};
use crds::v1alpha1::{GROUP, USE_LABEL};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};
use kube::api::{ApiResource, DynamicObject, ListParams, ObjectMeta};
use kube::core::GroupVersionKind;
use kube::{Api, Client};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Objects;
use crate::args::ClusterArgs;
use crate::cluster;

/// How many objects an answer of the apiserver holds.
const PAGE: u32 = 500;
/// The key of the settings document in its ConfigMap.
const SETTINGS_KEY: &str = "settings.yaml";

/// Reads all that counts. Whoever may not read some of it gets no answer, rather than a wrong one.
pub(super) fn read(args: &ClusterArgs) -> Result<Objects, String> {
    cluster::ask(objects(args))
}

async fn objects(args: &ClusterArgs) -> Result<Objects, String> {
    let (client, namespace) = cluster::connect(args.context.as_deref(), args.release_namespace.as_deref()).await?;
    let settings = settings(&client, &args.release, &namespace).await?;
    let mut resources = Resources { settings, ..Resources::default() };
    let watched: Vec<Option<&str>> = match &args.watch_namespaces {
        None => vec![None],
        Some(namespaces) => namespaces.iter().map(|namespace| Some(namespace.as_str())).collect(),
    };
    for of in watched {
        for kind in KINDS {
            let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(GROUP, "v1alpha1", kind.as_str()));
            let api: Api<DynamicObject> = match of {
                None => Api::all_with(client.clone(), &resource),
                Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
            };
            for DynamicObject { metadata, mut data, .. } in list(&api, &ListParams::default(), kind.as_str()).await? {
                if let Value::Object(fields) = &mut data {
                    let metadata = serde_json::to_value(metadata).map_err(|error| error.to_string())?;
                    fields.insert("metadata".to_owned(), metadata);
                }
                resources.put(kind, data);
            }
        }
        let secrets = of.map_or_else(|| Api::all(client.clone()), |of| Api::namespaced(client.clone(), of));
        let marked = ListParams::default().labels(&format!("{USE_LABEL}=credential"));
        for Secret { metadata, data, .. } in list(&secrets, &marked, "Secrets").await? {
            let data = data.unwrap_or_default().into_iter().map(|(name, value)| (name, value.0));
            resources.put_secret(key(&metadata), data.collect());
        }
        let named =
            of.map_or_else(ListParams::default, |of| ListParams::default().fields(&format!("metadata.name={of}")));
        for Namespace { metadata, .. } in list(&Api::all(client.clone()), &named, "Namespaces").await? {
            resources.put_namespace(&metadata.name.unwrap_or_default(), metadata.labels.unwrap_or_default());
        }
    }
    let (scope, positions) = (Scope::Cluster { namespace }, Positions::default());
    Ok(Objects { resources, scope, positions, has_settings: true, unmarked: BTreeSet::new() })
}

async fn settings(client: &Client, release: &str, namespace: &str) -> Result<crds::settings::Settings, String> {
    let name = format!("{release}-settings");
    let found = Api::<ConfigMap>::namespaced(client.clone(), namespace).get_opt(&name).await;
    let map = found.map_err(|error| format!("the ConfigMap {namespace}/{name} cannot be read: {error}"))?;
    let map =
        map.ok_or_else(|| format!("there is no ConfigMap {namespace}/{name}: is `{release}` a release there?"))?;
    let text = map.data.and_then(|mut data| data.remove(SETTINGS_KEY)).unwrap_or_default();
    parse_settings(&text).map_err(|fault| format!("the ConfigMap {namespace}/{name}: {fault}"))
}

/// All pages.
async fn list<K>(api: &Api<K>, wanted: &ListParams, what: &str) -> Result<Vec<K>, String>
where
    K: Clone + std::fmt::Debug + DeserializeOwned,
{
    let mut wanted = wanted.clone().limit(PAGE);
    let mut all = Vec::new();
    loop {
        let page = api.list(&wanted).await.map_err(|error| format!("{what} cannot be listed: {error}"))?;
        all.extend(page.items);
        match page.metadata.continue_.filter(|more| !more.is_empty()) {
            None => return Ok(all),
            Some(more) => wanted = wanted.continue_token(&more),
        }
    }
}

fn key(metadata: &ObjectMeta) -> ObjectKey {
    ObjectKey::new(metadata.namespace.clone().unwrap_or_default(), metadata.name.clone().unwrap_or_default())
}
