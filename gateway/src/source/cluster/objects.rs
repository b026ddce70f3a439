//! The objects of a release, by their names: what of it stands in which, and
//! how they are asked for one by one.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{Api, Client, Config};
use tokio::time::timeout;

use super::watched::{Watched, innermost};

/// How long the answer to one question may take, a connection included.
const ANSWER: Duration = Duration::from_secs(2);
/// How long nothing may come of a connection: longer than a watch lasts.
const SILENCE: Duration = Duration::from_secs(40);

/// The objects of a release.
#[derive(Clone)]
pub(super) struct Objects {
    config_maps: Api<ConfigMap>,
    secrets: Api<Secret>,
    release: String,
    namespace: String,
}

/// There is no apiserver to ask.
#[derive(Debug, thiserror::Error)]
#[error(
    "there is no apiserver to ask: neither is this a pod with a service account's token, nor is KUBECONFIG usable: {0}"
)]
pub struct NoApiServer(String);

/// A question that the apiserver did not answer.
#[derive(Debug, thiserror::Error)]
#[error("{object} cannot be read: {why}")]
pub(super) struct Unanswered {
    object: String,
    why: String,
}

/// The way to the apiserver: of a pod, else of KUBECONFIG.
pub async fn config() -> Result<Config, NoApiServer> {
    let mut config = match Config::incluster() {
        Ok(config) => config,
        Err(_) => Config::infer().await.map_err(|error| NoApiServer(innermost(&error)))?,
    };
    config.connect_timeout = Some(ANSWER);
    config.write_timeout = Some(ANSWER);
    config.read_timeout = Some(SILENCE);
    config.reset_reader_on_write = true;
    // What fails is tried again here, where it is known whether it is still wanted.
    config.default_retry = false;
    Ok(config)
}

impl NoApiServer {
    /// Why there is no client of it.
    #[expect(clippy::needless_pass_by_value, reason = "what an error is mapped by")]
    pub(crate) fn of(error: kube::Error) -> Self {
        Self(innermost(&error))
    }
}

impl Objects {
    /// Those of a release, in its namespace.
    pub(super) fn new(config: Config, release: &str, namespace: &str) -> Result<Self, NoApiServer> {
        let client = Client::try_from(config).map_err(NoApiServer::of)?;
        Ok(Self {
            config_maps: Api::namespaced(client.clone(), namespace),
            secrets: Api::namespaced(client, namespace),
            release: release.to_owned(),
            namespace: namespace.to_owned(),
        })
    }

    /// The ConfigMap that says which snapshot is in force, watched.
    pub(super) fn pointer(&self) -> Watched<ConfigMap> {
        Watched::begin(self.config_maps.clone(), &self.pointer_name())
    }

    /// The Secret with the fleet's keys, watched.
    pub(super) fn keys(&self) -> Watched<Secret> {
        Watched::begin(self.secrets.clone(), &self.keys_name())
    }

    /// What a slot of the snapshot holds; none: there is no such slot, or it is empty.
    pub(super) async fn part(&self, slot: u8) -> Result<Option<Vec<u8>>, Unanswered> {
        let name = format!("{}-{slot:02}", self.pointer_name());
        let found = answer(self.config_maps.get_opt(&name)).await;
        let found = found.map_err(|why| Unanswered { object: self.told("ConfigMap", &name), why })?;
        Ok(found.and_then(|found| found.binary_data?.remove("part")).map(|part| part.0))
    }

    /// What a slot of credentials holds: JSON by fingerprint.
    pub(super) async fn credentials(&self, slot: u8) -> Result<BTreeMap<String, Vec<u8>>, Unanswered> {
        let name = format!("{}-credentials-{slot:02}", self.release);
        let found = answer(self.secrets.get_opt(&name)).await;
        let found = found.map_err(|why| Unanswered { object: self.told("Secret", &name), why })?;
        let data = found.and_then(|found| found.data).unwrap_or_default();
        Ok(data.into_iter().map(|(fingerprint, value)| (fingerprint, value.0)).collect())
    }

    /// The pointer's ConfigMap, for people.
    pub(super) fn pointer_told(&self) -> String {
        self.told("ConfigMap", &self.pointer_name())
    }

    /// The keys' Secret, for people.
    pub(super) fn keys_told(&self) -> String {
        self.told("Secret", &self.keys_name())
    }

    fn pointer_name(&self) -> String {
        format!("{}-snapshot", self.release)
    }

    fn keys_name(&self) -> String {
        format!("{}-keys", self.release)
    }

    fn told(&self, kind: &str, name: &str) -> String {
        format!("the {kind} {}/{name}", self.namespace)
    }
}

async fn answer<T>(asking: impl Future<Output = kube::Result<T>>) -> Result<T, String> {
    match timeout(ANSWER, asking).await {
        Ok(answered) => answered.map_err(|error| innermost(&error)),
        Err(_) => Err(format!("no answer within {} s", ANSWER.as_secs())),
    }
}
