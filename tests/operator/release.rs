//! A release on an apiserver of its own: definitions, the rights and settings
//! that the chart renders, and the operators that run under them.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{ApiResource, DynamicObject};
use kube::core::GroupVersionKind;
use kube::{Api, Client};
use serde_json::Value;
use tests::kube::{Account, ApiServer};
use tests::wait::until_async;

use crate::operator::Operator;

/// How long a change may take to show in a status. A ceiling for a loaded machine, not a claim.
const SHOWS_WITHIN: Duration = Duration::from_secs(20);

/// The namespace of the release.
pub(crate) const OWN: &str = "mcp";

/// A release, as it is installed.
pub(crate) struct Release {
    pub(crate) server: Arc<ApiServer>,
    pub(crate) client: Client,
    pub(crate) account: Account,
    name: String,
    namespaces: Vec<String>,
}

impl Release {
    /// The release `sb` that serves `mcp` and these namespaces, which are made.
    pub(crate) async fn install(namespaces: &[&str]) -> Self {
        let server = ApiServer::start();
        server.apply_crds();
        server.namespace(OWN, &[]).await;
        for namespace in namespaces {
            server.namespace(namespace, &[]).await;
        }
        Self::on(Arc::new(server), "sb", &[&[OWN], namespaces].concat()).await
    }

    /// Another release of this name that serves these namespaces, of which those that are missing are made.
    pub(crate) async fn second(&self, name: &str, namespaces: &[&str]) -> Self {
        for namespace in namespaces.iter().filter(|it| !self.namespaces.contains(&(**it).to_owned())) {
            self.server.namespace(namespace, &[]).await;
        }
        Self::on(self.server.clone(), name, namespaces).await
    }

    async fn on(server: Arc<ApiServer>, name: &str, namespaces: &[&str]) -> Self {
        let client = server.client().await;
        let account = server.account(OWN, &format!("{name}-operator")).await;
        let namespaces = namespaces.iter().map(|namespace| (*namespace).to_owned()).collect();
        let release = Self { server, client, account, name: name.to_owned(), namespaces };
        release.apply(&release.rendered(&["operator/role", "operator/watch-roles"]));
        release
    }

    /// Files of the chart, as Helm renders them for this release.
    fn rendered(&self, templates: &[&str]) -> String {
        let mut helm = self.server.tool("helm");
        let chart = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("charts/switchboard");
        helm.args(["template", &self.name, "--namespace", OWN]).arg(chart);
        helm.args(["--set", &format!("fullnameOverride={}", self.name)]);
        helm.args(["--set", &format!("watch.namespaces={{{}}}", self.namespaces.join(","))]);
        for template in templates {
            helm.args(["--show-only", &format!("templates/{template}.yaml")]);
        }
        let output = helm.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Starts an operator under the chart's rights.
    pub(crate) fn operator(&self, identity: &str) -> Operator {
        self.operator_watching(identity, &["--watch-namespaces", &self.namespaces.join(",")])
    }

    /// Starts an operator that watches what these flags say.
    pub(crate) fn operator_watching(&self, identity: &str, watched: &[&str]) -> Operator {
        let arguments = [&["--release", &self.name, "--namespace", OWN], watched].concat();
        Operator::start(&self.account.kubeconfig, identity, "info,operator=debug", &arguments)
    }

    /// Starts an operator that logs all it can.
    pub(crate) fn talkative_operator(&self, identity: &str) -> Operator {
        let namespaces = self.namespaces.join(",");
        let arguments = ["--release", &self.name, "--namespace", OWN, "--watch-namespaces", &namespaces];
        Operator::start(&self.account.kubeconfig, identity, "trace", &arguments)
    }

    /// Applies manifests as a person does.
    pub(crate) fn apply(&self, manifests: &str) {
        self.kubectl(&["apply", "--server-side", "--force-conflicts", "--filename", "-"], manifests);
    }

    /// Deletes what manifests, or `KIND NAME` and flags, name.
    pub(crate) fn delete(&self, arguments: &[&str]) {
        self.kubectl(&[&["delete", "--wait=false"], arguments].concat(), "");
    }

    fn kubectl(&self, arguments: &[&str], input: &str) {
        let mut kubectl = self.server.tool("kubectl");
        kubectl.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = kubectl.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Writes the settings document; what is given stands below apiVersion and kind.
    pub(crate) fn settings(&self, fields: &str) {
        let document = format!("apiVersion: switchboard.dev/v1alpha1\nkind: Settings\n{fields}\n");
        let lines = format!("    {}\n", document.trim_end().replace('\n', "\n    "));
        self.apply(&format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {}-settings, namespace: {OWN}}}\ndata:\n  settings.yaml: |\n{lines}",
            self.name
        ));
    }

    /// The name of one of the release's own objects.
    pub(crate) fn named(&self, suffix: &str) -> String {
        format!("{}-{suffix}", self.name)
    }

    pub(crate) fn config_maps(&self) -> Api<ConfigMap> {
        Api::namespaced(self.client.clone(), OWN)
    }

    pub(crate) fn secrets(&self) -> Api<Secret> {
        Api::namespaced(self.client.clone(), OWN)
    }

    /// An object of a kind.
    pub(crate) fn objects(&self, kind: &str, namespace: &str) -> Api<DynamicObject> {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("switchboard.dev", "v1alpha1", kind));
        Api::namespaced_with(self.client.clone(), namespace, &resource)
    }

    /// Waits until a condition of `KIND NAMESPACE/NAME` is accepted; gives it.
    pub(crate) async fn until_condition(&self, object: &str, type_: &str, accept: impl Fn(&Value) -> bool) -> Value {
        let (kind, key) = object.split_once(' ').unwrap();
        let (namespace, name) = key.split_once('/').unwrap();
        let objects = self.objects(kind, namespace);
        let what = format!("{object}: {type_}");
        until_async(&what, SHOWS_WITHIN, async || {
            let found = objects.get(name).await.ok()?;
            let generation = found.metadata.generation;
            let conditions = found.data["status"]["conditions"].as_array()?;
            let condition = conditions.iter().find(|condition| condition["type"] == type_)?;
            let current = condition["observedGeneration"].as_i64() == generation;
            (current && accept(condition)).then(|| condition.clone())
        })
        .await
    }

    /// Waits until a condition is `Status Reason`.
    pub(crate) async fn until(&self, object: &str, type_: &str, expected: &str) -> Value {
        let shown = |it: &Value| format!("{} {}", it["status"].as_str().unwrap(), it["reason"].as_str().unwrap());
        self.until_condition(object, type_, |condition| shown(condition) == expected).await
    }
}

/// A binding of a key, which is granted these servers of its own namespace.
pub(crate) fn binding(namespace: &str, name: &str, key: &str, servers: &[&str]) -> String {
    let granted: Vec<_> = servers.iter().map(|server| format!("{{name: {server}}}")).collect();
    format!(
        "---\napiVersion: switchboard.dev/v1alpha1\nkind: McpKeyBinding\nmetadata: {{name: {name}, namespace: {namespace}}}\n\
         spec: {{subject: {{type: Key, keys: [{{name: k, sha256: {}}}]}}, grants: {{servers: [{}]}}}}\n",
        sha256(key),
        granted.join(", ")
    )
}

/// A server behind a URL.
pub(crate) fn server(namespace: &str, name: &str) -> String {
    format!(
        "---\napiVersion: switchboard.dev/v1alpha1\nkind: McpServer\nmetadata: {{name: {name}, namespace: {namespace}}}\n\
         spec: {{http: {{url: 'https://{name}.example/mcp'}}}}\n"
    )
}

/// A key's SHA-256 in hex.
pub(crate) fn sha256(key: &str) -> String {
    use sha2::{Digest, Sha256};
    format!("{:x}", Sha256::digest(key))
}
