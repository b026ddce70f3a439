//! Switchboard as `helm install` makes it: both charts, and what of it the tests ask for.

use std::time::Duration;

use super::api_server::{ApiServer, repository};
use super::cluster::Cluster;
use super::pod::Pod;
use serde_json::{Value, json};

/// Pod Security `restricted`, enforced (R46): every namespace of the tests has it.
pub const RESTRICTED: [(&str, &str); 1] = [("pod-security.kubernetes.io/enforce", "restricted")];

/// How long helm waits for what it has changed.
const TIMEOUT: &str = "--timeout=120s";

/// The namespace of the chart of the definitions, which is installed once.
const DEFINITIONS: &str = "switchboard-crds";

/// One release of the chart `switchboard`, in a namespace of its own.
pub struct Release {
    api: &'static ApiServer,
    /// The release's name; the fullname too, since `switchboard` is in it.
    pub name: String,
    /// The release's namespace.
    pub namespace: String,
}

/// One of the two Deployments.
#[derive(Clone, Copy, Debug)]
pub enum Part {
    /// Its container is `operator`.
    Operator,
    /// Its container is `gateway`.
    Gateway,
}

impl Part {
    /// The name of the component, and of its container.
    pub fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Gateway => "gateway",
        }
    }
}

impl Release {
    /// `helm install` of both charts, with the images of `target/images` and these values besides; waits until all is ready.
    pub async fn install(cluster: &'static Cluster, namespace: &str, values: Value) -> Self {
        let api = cluster.api();
        definitions(api).await;
        api.namespace(namespace, &RESTRICTED).await;
        let release = Self { api, name: "switchboard".to_owned(), namespace: namespace.to_owned() };
        release.helm("install", values);
        release
    }

    /// `helm upgrade` to these values.
    pub fn upgrade(&self, values: Value) {
        self.helm("upgrade", values);
    }

    /// `helm rollback` to the revision before.
    pub fn rollback(&self) {
        self.api.helm(&["rollback", &self.name, "--namespace", &self.namespace, "--wait", TIMEOUT]);
    }

    /// `helm uninstall`; waits until the pods are gone.
    pub fn uninstall(&self) {
        self.api.helm(&["uninstall", &self.name, "--namespace", &self.namespace, "--wait", TIMEOUT]);
    }

    /// The pods of a part, by name.
    pub async fn pods(&self, part: Part) -> Vec<Pod> {
        self.api.pods(&self.namespace, &self.selector(part)).await
    }

    /// What callers call: the Service's own address, since names are resolved for pods alone.
    pub async fn url(&self) -> String {
        let ip = self.api.service_ip(&self.namespace, &format!("{}-gateway", self.name)).await;
        format!("http://{ip}/mcp")
    }

    fn selector(&self, part: Part) -> String {
        format!(
            "app.kubernetes.io/name=switchboard,app.kubernetes.io/instance={},app.kubernetes.io/component={}",
            self.name,
            part.name()
        )
    }

    fn helm(&self, verb: &str, values: Value) {
        let chart = repository().join("charts/switchboard");
        let file = tempfile::NamedTempFile::new().unwrap();
        let images = json!({
            "operator": { "image": { "repository": "localhost/switchboard-operator" } },
            "gateway": { "image": { "repository": "localhost/switchboard-gateway" } },
        });
        let all = merged(images, values);
        std::fs::write(file.path(), all.to_string()).unwrap();
        let given = ["--namespace", &self.namespace, "--values", file.path().to_str().unwrap(), "--wait", TIMEOUT];
        self.api.helm(&[&[verb, &self.name, chart.to_str().unwrap()], &given[..]].concat());
    }
}

/// The chart of the definitions, unless it is there.
async fn definitions(api: &ApiServer) {
    if api.try_kubectl(&["get", "namespace", DEFINITIONS]).status.success() {
        return;
    }
    api.namespace(DEFINITIONS, &RESTRICTED).await;
    let chart = repository().join("charts/switchboard-crds");
    api.helm(&["install", DEFINITIONS, chart.to_str().unwrap(), "--namespace", DEFINITIONS]);
    api.wait_for_crds(Duration::from_secs(30));
}

/// As helm merges values: what is in both and is an object is merged, else the second wins.
fn merged(first: Value, second: Value) -> Value {
    match (first, second) {
        (Value::Object(mut first), Value::Object(second)) => {
            for (name, value) in second {
                let merged = merged(first.remove(&name).unwrap_or_default(), value);
                first.insert(name, merged);
            }
            Value::Object(first)
        }
        (first, Value::Null) => first,
        (_, second) => second,
    }
}
