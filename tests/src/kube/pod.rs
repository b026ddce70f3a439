//! Pods, as far as the tests ask of them.

use std::net::IpAddr;

use k8s_openapi::api::core::v1::{ContainerStatus, Pod as Object};
use kube::Api;
use kube::api::ListParams;

use super::api_server::ApiServer;

/// A pod at one moment.
#[derive(Clone, Debug)]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its address, once it has one.
    pub ip: Option<IpAddr>,
    /// Whether it is ready.
    pub ready: bool,
    /// Whether it was told to end.
    pub terminating: bool,
    /// Its containers that have been started at least once.
    pub containers: Vec<Container>,
}

/// A container of a pod.
#[derive(Clone, Debug)]
pub struct Container {
    /// Its name in the pod.
    pub name: String,
    /// Its id in containerd.
    pub id: String,
    /// How often it was started again.
    pub restarts: u32,
}

impl ApiServer {
    /// The pods of a namespace that a label selector matches, by name.
    pub async fn pods(&self, namespace: &str, selector: &str) -> Vec<Pod> {
        let pods: Api<Object> = Api::namespaced(self.client().await, namespace);
        let list = pods.list(&ListParams::default().labels(selector)).await.unwrap();
        let mut pods: Vec<Pod> = list.items.into_iter().map(pod).collect();
        pods.sort_by(|one, other| one.name.cmp(&other.name));
        pods
    }
}

impl Pod {
    /// A container by its name; it must have been started.
    pub fn container(&self, name: &str) -> &Container {
        let found = self.containers.iter().find(|container| container.name == name);
        found.unwrap_or_else(|| panic!("{} has no container {name:?} that ever ran", self.name))
    }

    /// `http://ADDRESS:PORT/mcp` of the pod itself.
    pub fn url(&self, port: u16) -> String {
        let ip = self.ip.unwrap_or_else(|| panic!("{} has no address", self.name));
        format!("http://{ip}:{port}/mcp")
    }
}

fn pod(object: Object) -> Pod {
    let status = object.status.unwrap_or_default();
    let conditions = status.conditions.unwrap_or_default();
    Pod {
        name: object.metadata.name.unwrap_or_default(),
        namespace: object.metadata.namespace.unwrap_or_default(),
        ip: status.pod_ip.and_then(|ip| ip.parse().ok()),
        ready: conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True"),
        terminating: object.metadata.deletion_timestamp.is_some(),
        containers: status.container_statuses.unwrap_or_default().into_iter().filter_map(container).collect(),
    }
}

fn container(status: ContainerStatus) -> Option<Container> {
    let id = status.container_id?;
    let id = id.strip_prefix("containerd://")?.to_owned();
    Some(Container { name: status.name, id, restarts: status.restart_count.unsigned_abs() })
}
