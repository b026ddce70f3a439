//! Where the tests run pods: a node that they make, or a cluster that they are given.

use std::path::PathBuf;
use std::sync::LazyLock;

use super::api_server::ApiServer;
use super::node::Node;
use crate::args;
use crate::process::target_directory;

/// Images that every cluster of the tests has.
const IMAGES: [&str; 3] = ["operator", "gateway", "fixture"];

/// The one cluster of a test process, which ends with it unless it was there before.
pub struct Cluster {
    api: ApiServer,
    node: Option<Node>,
}

impl Cluster {
    /// The cluster, started and given the images when it is first asked for. Moves the thread that asks into the network of
    /// its node.
    pub fn enter() -> &'static Self {
        static CLUSTER: LazyLock<Cluster> = LazyLock::new(Cluster::start);
        if let Some(node) = &CLUSTER.node {
            node.enter();
        }
        &CLUSTER
    }

    fn start() -> Self {
        let api = match (args::cluster_run(), args::kubeconfig()) {
            (Some(run), _) => ApiServer::at(run),
            (None, Some(kubeconfig)) => {
                let folder = target_directory().join("tmp/given-cluster");
                std::fs::create_dir_all(&folder).unwrap();
                let api = ApiServer::given(kubeconfig, folder);
                assert_is_on_this_machine(&api);
                eprintln!("KUBECONFIG is given: its cluster has to have the images of target/images already");
                return Self { api, node: None };
            }
            (None, None) => ApiServer::start_by(&["node"]),
        };
        let cluster = Self { node: Some(Node::of(&api)), api };
        for name in IMAGES {
            cluster.load(name);
        }
        cluster
    }

    /// Its apiserver.
    pub fn api(&self) -> &ApiServer {
        &self.api
    }

    /// The node, if it is the tests' own. Where it is not, what was to be tried on it is printed as not verified (R82).
    pub fn node(&self, what: &str) -> Option<&Node> {
        if self.node.is_none() {
            eprintln!("not verified: {what}: this needs a node of the tests' own, and KUBECONFIG gives another");
        }
        self.node.as_ref()
    }

    /// Imports one more of the images in `target/images`. A cluster that was given has to have it.
    pub fn load(&self, image: &str) {
        if let Some(node) = &self.node {
            node.load(&images().join(format!("{image}.tar")));
        }
    }
}

/// Where `tests/cluster/images` writes.
fn images() -> PathBuf {
    target_directory().join("images")
}

/// The tests put load on a cluster, stop parts of it and delete what they made: that is for one that runs here, as kind's do.
fn assert_is_on_this_machine(api: &ApiServer) {
    let server = api.kubectl(&["config", "view", "--minify", "--output=jsonpath={.clusters[0].cluster.server}"]);
    let host = server.split("://").nth(1).unwrap_or_default();
    let here = ["127.", "localhost", "[::1]"].iter().any(|prefix| host.starts_with(prefix));
    assert!(here, "KUBECONFIG leads to {server}, which is not this machine: unset it, or give a cluster of kind");
}
