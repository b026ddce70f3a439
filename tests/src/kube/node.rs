//! A whole node with pods, and what a test does to it: images in, pods found,
//! containers frozen, killed and measured.

use std::fs::File;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, Service};
use kube::api::ListParams;
use kube::{Api, Client};
use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::api_server::{ApiServer, cluster_command, succeed};
use crate::wait::until;

/// A cluster of one node, in a network namespace of its own.
pub struct Node {
    server: ApiServer,
}

/// A pod that runs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Running {
    /// Its name.
    pub name: String,
    /// Its address.
    pub ip: IpAddr,
    /// Whether it is ready.
    pub is_ready: bool,
    /// It is being deleted.
    pub ends: bool,
    /// How often its containers were started again.
    pub restarts: i32,
    /// The id of its first container, as containerd has it.
    pub container: String,
}

impl Node {
    /// Starts the node, in about ten seconds, and takes this thread into its network: so are the threads that it starts
    /// from now on, load generators included (R86). Needs root and containerd.
    pub fn start() -> Self {
        let server = ApiServer::start_by(&["node"]);
        let network = succeed(cluster_command(server.folder()).args(["exec", "readlink", "/proc/self/ns/net"]));
        let node = Self { server };
        let holder = File::open(format!("/proc/{}/ns/net", node.pid("apiserver"))).unwrap();
        move_into_link_name_space(holder.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
        let now = std::fs::read_link("/proc/thread-self/ns/net").unwrap();
        assert_eq!(now.to_str(), Some(network.trim_end()), "this thread is not in the network of the node");
        node
    }

    /// Its control plane.
    pub fn server(&self) -> &ApiServer {
        &self.server
    }

    /// Takes OCI image archives in.
    pub fn load(&self, archives: &[PathBuf]) {
        succeed(cluster_command(self.server.folder()).arg("load").args(archives));
    }

    /// What `helm` prints; it must succeed.
    pub fn helm(&self, arguments: &[&str]) -> String {
        let state = self.server.folder().join("helm");
        let mut helm = self.server.tool("helm");
        helm.env("HELM_CACHE_HOME", &state).env("HELM_CONFIG_HOME", &state).env("HELM_DATA_HOME", &state);
        succeed(helm.args(arguments))
    }

    /// The pods of a namespace with these labels, as `name=value,…`, that have an address and a container.
    pub async fn pods(&self, client: &Client, namespace: &str, labels: &str) -> Vec<Running> {
        let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
        let found = pods.list(&ListParams::default().labels(labels)).await.unwrap();
        let mut running: Vec<_> = found.into_iter().filter_map(running).collect();
        running.sort_by(|one, next| one.name.cmp(&next.name));
        running
    }

    /// Where a Service is reached.
    pub async fn service(&self, client: &Client, namespace: &str, name: &str) -> SocketAddr {
        let services: Api<Service> = Api::namespaced(client.clone(), namespace);
        let spec = services.get(name).await.unwrap().spec.unwrap();
        let port = u16::try_from(spec.ports.unwrap()[0].port).unwrap();
        SocketAddr::new(spec.cluster_ip.unwrap().parse().unwrap(), port)
    }

    /// The first process of a container.
    pub fn process(&self, pod: &Running) -> Pid {
        let listed = succeed(self.containerd().args(["tasks", "list"]));
        let of_container = listed.lines().find(|line| line.starts_with(&pod.container));
        let pid = of_container.and_then(|line| line.split_whitespace().nth(1)).and_then(|pid| pid.parse().ok());
        Pid::from_raw(pid.unwrap_or_else(|| panic!("{} has no process; containerd has:\n{listed}", pod.name))).unwrap()
    }

    /// Sends a signal to the first process of a container: SIGSTOP freezes it, SIGCONT goes on, SIGKILL ends it.
    pub fn signal(&self, pod: &Running, signal: Signal) {
        kill_process(self.process(pod), signal).unwrap();
    }

    /// The memory of the first process of a container, in MiB: resident, as the kernel counts it.
    pub fn memory_mib(&self, pod: &Running) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process(pod).as_raw_nonzero())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }

    /// The CPU time of the first process of a container since it began.
    pub fn cpu(&self, pod: &Running) -> Duration {
        let pid = u32::try_from(self.process(pod).as_raw_nonzero().get()).unwrap();
        crate::usage::cpu(pid)
    }

    /// Waits until a container's process is gone.
    pub fn gone(&self, process: Pid) {
        let path = PathBuf::from(format!("/proc/{}", process.as_raw_nonzero()));
        until("the process is gone", Duration::from_secs(30), || (!Path::exists(&path)).then_some(()));
    }

    fn containerd(&self) -> Command {
        let mut command = Command::new("ctr");
        command.arg("-a").arg(self.server.folder().join("containerd.sock")).args(["-n", "k8s.io"]);
        command
    }

    fn pid(&self, component: &str) -> u32 {
        let file = self.server.folder().join("pids").join(component);
        std::fs::read_to_string(file).unwrap().trim().parse().unwrap()
    }
}

fn running(pod: Pod) -> Option<Running> {
    let status = pod.status?;
    let containers = status.container_statuses?;
    let ready = status.conditions.iter().flatten().any(|it| it.type_ == "Ready" && it.status == "True");
    let container = containers.first()?;
    Some(Running {
        name: pod.metadata.name?,
        ip: status.pod_ip?.parse().ok()?,
        is_ready: ready,
        ends: pod.metadata.deletion_timestamp.is_some(),
        restarts: container.restart_count,
        container: container.container_id.as_ref()?.strip_prefix("containerd://")?.to_owned(),
    })
}
