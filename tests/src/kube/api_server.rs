//! A kube-apiserver with its etcd: started, asked through kubectl or a client, and disturbed.

use std::fs::read_to_string;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Namespace, Service};
use kube::api::{ObjectMeta, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::audit::{self, Write};
use super::leash::Leash;

/// A process of the cluster.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Component {
    /// etcd.
    Etcd,
    /// kube-apiserver.
    ApiServer,
    /// kube-controller-manager: it collects what lost its owner, makes default service accounts and EndpointSlices, …
    ControllerManager,
    /// kube-scheduler; only of a node.
    Scheduler,
    /// containerd; only of a node. Containers outlive it.
    Containerd,
    /// The kubelet; only of a node.
    Kubelet,
    /// CoreDNS; only of a node.
    Dns,
}

/// A control plane in a folder of its own. Several may run at once; the end of the test process ends each.
pub struct ApiServer {
    run: PathBuf,
    kubeconfig: PathBuf,
    /// None: whoever started it ends it.
    _leash: Option<Leash>,
}

impl ApiServer {
    /// Starts etcd and kube-apiserver, in about three seconds. RBAC and Pod Security admission are on.
    pub fn start() -> Self {
        Self::start_by(&["up"])
    }

    /// The same with kube-controller-manager: namespaces end, and so does what lost its owner.
    pub fn start_with_controllers() -> Self {
        Self::start_by(&["up", "--controllers"])
    }

    pub(super) fn start_by(arguments: &[&str]) -> Self {
        // `cluster down` removes it.
        let run = tempfile::Builder::new().prefix("switchboard-cluster-").tempdir().unwrap().keep();
        let leash = Leash::on(&run);
        succeed(cluster_command(&run).args(arguments));
        Self { _leash: Some(leash), ..Self::at(run) }
    }

    /// One that `cluster` runs in this folder already.
    pub(super) fn at(run: PathBuf) -> Self {
        Self { kubeconfig: run.join("admin.kubeconfig"), run, _leash: None }
    }

    /// One that was given; the folder is for further kubeconfigs.
    pub(super) fn given(kubeconfig: PathBuf, run: PathBuf) -> Self {
        Self { run, kubeconfig, _leash: None }
    }

    /// Its folder: kubeconfigs, `logs`, `pids`.
    pub fn folder(&self) -> &Path {
        &self.run
    }

    /// A kubeconfig of somebody who may do everything.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// A client of somebody who may do everything. It belongs to the runtime that it is made in.
    pub async fn client(&self) -> Client {
        client(&self.kubeconfig).await
    }

    /// What `kubectl` prints; it must succeed.
    pub fn kubectl(&self, arguments: &[&str]) -> String {
        succeed(self.tool("kubectl").args(arguments))
    }

    /// The same, whether it succeeds or not.
    pub fn try_kubectl(&self, arguments: &[&str]) -> Output {
        self.tool("kubectl").args(arguments).stdin(Stdio::null()).output().unwrap()
    }

    /// What `helm` prints; it must succeed.
    pub fn helm(&self, arguments: &[&str]) -> String {
        succeed(self.tool("helm").args(arguments))
    }

    /// kubectl or helm, to be given arguments: somebody who may do everything.
    pub fn tool(&self, name: &str) -> Command {
        let mut command = Command::new(binaries().join(name));
        command.env("KUBECONFIG", self.kubeconfig());
        command
    }

    /// Applies a file or folder of manifests by server-side apply.
    pub fn apply(&self, manifests: &Path) -> String {
        self.kubectl(&["apply", "--server-side", "--recursive", "--filename", manifests.to_str().unwrap()])
    }

    /// Applies the definitions of `charts/switchboard-crds` and waits until they are served.
    pub fn apply_crds(&self) {
        self.apply(&repository().join("charts/switchboard-crds/templates"));
        self.wait_for_crds(Duration::from_secs(30));
    }

    /// Waits until every definition is served.
    pub fn wait_for_crds(&self, within: Duration) {
        let timeout = format!("--timeout={}s", within.as_secs());
        self.kubectl(&["wait", "crd", "--all", "--for=condition=Established", &timeout]);
    }

    /// Applies objects by server-side apply.
    pub fn apply_objects(&self, objects: &[Value]) {
        let file = tempfile::NamedTempFile::with_suffix(".json").unwrap();
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": objects });
        std::fs::write(file.path(), list.to_string()).unwrap();
        self.apply(file.path());
    }

    /// The address of a Service.
    pub async fn service_ip(&self, namespace: &str, name: &str) -> IpAddr {
        let services: Api<Service> = Api::namespaced(self.client().await, namespace);
        let service = services.get(name).await.unwrap();
        service.spec.unwrap().cluster_ip.unwrap().parse().unwrap()
    }

    /// Makes a namespace with these labels.
    pub async fn namespace(&self, name: &str, labels: &[(&str, &str)]) {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let metadata = ObjectMeta { name: Some(name.to_owned()), labels: Some(labels), ..ObjectMeta::default() };
        let namespace = Namespace { metadata, ..Namespace::default() };
        Api::all(self.client().await).create(&PostParams::default(), &namespace).await.unwrap();
    }

    /// Ends a process of it with SIGKILL.
    pub fn stop(&self, component: Component) {
        succeed(cluster_command(&self.run).args(["stop", component.name()]));
    }

    /// Starts again what was stopped; of the apiserver, until it is ready.
    pub fn resume(&self, component: Component) {
        succeed(cluster_command(&self.run).args(["start", component.name()]));
    }

    /// Stops a process and starts it at once.
    pub fn restart(&self, component: Component) {
        self.stop(component);
        self.resume(component);
    }

    /// Sends a signal: SIGSTOP freezes, SIGCONT goes on.
    pub fn signal(&self, component: Component, signal: Signal) {
        let file = self.run.join("pids").join(component.name());
        let pid = read_to_string(file).unwrap().trim().parse().unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// Every write so far of anybody but Kubernetes itself, those that were refused included.
    pub fn writes(&self) -> Vec<Write> {
        audit::read(&self.run.join("logs/audit.log"))
    }
}

impl Component {
    fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::ApiServer => "apiserver",
            Self::ControllerManager => "controller-manager",
            Self::Scheduler => "scheduler",
            Self::Containerd => "containerd",
            Self::Kubelet => "kubelet",
            Self::Dns => "dns",
        }
    }
}

/// A client by a kubeconfig.
pub(super) async fn client(kubeconfig: &Path) -> Client {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    Client::try_from(config).unwrap()
}

/// `tests/cluster/node/cluster` for the cluster of a folder.
pub(super) fn cluster_command(run: &Path) -> Command {
    let mut command = Command::new(repository().join("tests/cluster/node/cluster"));
    command.env("CLUSTER_RUN", run);
    command
}

/// The root of this checkout.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Runs a command to its end, which must be a success; gives its stdout.
pub(super) fn succeed(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout)
}

/// Where kubectl, helm and Kubernetes are; built if they are not there yet.
pub fn binaries() -> &'static Path {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
        let printed = succeed(&mut Command::new(repository().join("tests/cluster/node/binaries")));
        PathBuf::from(printed.trim_end())
    });
    &FOLDER
}
