//! The node with the images, and what every scenario asks of it.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use kube::Client;
use rustix::process::Signal;
use serde_json::{Value, json};
use tests::figures::Figures;
use tests::kube::{ApiServer, Cluster, Container, Node, RESTRICTED, repository};
use tests::load::{Plan, Report};
use tests::wait::until;
use tokio::runtime::Runtime;

/// The release, and its namespace.
pub(crate) const RELEASE: &str = "switchboard";
/// The namespace of the quickstart's objects.
pub(crate) const QUICKSTART: &str = "quickstart";
/// The key of team blue in the quickstart.
pub(crate) const BLUE: &str = "sb-quickstart-blue";
/// Where the tests' own servers listen: the node's address, which pods reach.
pub(crate) const NODE: &str = "10.77.0.1";
/// The port of every pod's admin pages.
const ADMIN_PORT: u16 = 9090;

/// One cluster for all scenarios.
pub(crate) struct Scene {
    pub(crate) cluster: &'static Cluster,
    pub(crate) client: Client,
    pub(crate) figures: Figures,
    node: &'static Node,
    runtime: Runtime,
}

/// A pod whose container has been started.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    pub(crate) name: String,
    pub(crate) ip: IpAddr,
    pub(crate) is_ready: bool,
    /// It was told to end.
    pub(crate) ends: bool,
    /// How often its container was started again.
    pub(crate) restarts: u32,
    container: Container,
}

/// How the chart is installed.
#[derive(Clone, Debug)]
pub(crate) struct Values {
    /// The tag of the operator's image, and of the gateway's.
    pub(crate) tags: [String; 2],
    /// Changed to roll every pod.
    pub(crate) mark: String,
    /// Operators.
    pub(crate) operators: u32,
    /// Namespaces that are watched.
    pub(crate) namespaces: Vec<&'static str>,
}

impl Default for Values {
    fn default() -> Self {
        let tag = env!("CARGO_PKG_VERSION").to_owned();
        Self {
            tags: [tag.clone(), tag],
            mark: "0".to_owned(),
            operators: 2,
            namespaces: vec![QUICKSTART, "tenant-a", "tenant-b", "crowd"],
        }
    }
}

impl Values {
    fn arguments(&self) -> Vec<String> {
        let Self { tags: [operator, gateway], mark, operators, namespaces } = self;
        let namespaces: Vec<String> = namespaces.iter().map(|it| format!("\"{it}\"")).collect();
        let json = [
            (
                "operator.image".to_owned(),
                format!(
                    r#"{{"repository":"localhost/switchboard-operator","tag":"{operator}","digest":"","pullPolicy":"Never"}}"#
                ),
            ),
            (
                "gateway.image".to_owned(),
                format!(
                    r#"{{"repository":"localhost/switchboard-gateway","tag":"{gateway}","digest":"","pullPolicy":"Never"}}"#
                ),
            ),
            ("operator.replicas".to_owned(), operators.to_string()),
            ("gateway.replicas".to_owned(), "3".to_owned()),
            ("operator.podAnnotations".to_owned(), format!(r#"{{"mark":"{mark}"}}"#)),
            ("gateway.podAnnotations".to_owned(), format!(r#"{{"mark":"{mark}"}}"#)),
            (
                "gateway.resources".to_owned(),
                r#"{"requests":{"cpu":"20m","memory":"64Mi"},"limits":{"memory":"1Gi"}}"#.to_owned(),
            ),
            (
                "operator.resources".to_owned(),
                r#"{"requests":{"cpu":"20m","memory":"64Mi"},"limits":{"memory":"1Gi"}}"#.to_owned(),
            ),
            ("watch.namespaces".to_owned(), format!("[{}]", namespaces.join(","))),
            (
                "settings".to_owned(),
                format!(
                    r#"{{"platformNamespaces":["{QUICKSTART}"],"stdio":{{"namespaces":["{QUICKSTART}","tenant-a"]}}}}"#
                ),
            ),
        ];
        json.iter().flat_map(|(name, value)| ["--set-json".to_owned(), format!("{name}={value}")]).collect()
    }
}

impl Scene {
    /// Starts the node with the images, or finds it, and makes the namespaces.
    pub(crate) fn start() -> Option<Self> {
        let cluster = Cluster::enter();
        let node = cluster.node("a release that is disturbed, and its figures")?;
        // Made after this thread came into the node's network, so that its threads are there too.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let client = runtime.block_on(async {
            for namespace in [RELEASE, QUICKSTART, "tenant-a", "tenant-b", "crowd"] {
                if !cluster.api().try_kubectl(&["get", "namespace", namespace]).status.success() {
                    cluster.api().namespace(namespace, &RESTRICTED).await;
                }
            }
            cluster.api().client().await
        });
        Some(Self { cluster, client, figures: Figures::of("cluster"), node, runtime })
    }

    /// The control plane.
    pub(crate) fn api(&self) -> &'static ApiServer {
        self.cluster.api()
    }

    /// Runs a conversation.
    pub(crate) fn block_on<T>(&self, conversation: impl Future<Output = T>) -> T {
        self.runtime.block_on(conversation)
    }

    /// What kubectl prints; it must succeed.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> String {
        self.api().kubectl(arguments)
    }

    /// Applies manifests.
    pub(crate) fn apply(&self, manifests: &str) {
        let output = self.try_apply(manifests);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// The same, whether it succeeds or not.
    pub(crate) fn try_apply(&self, manifests: &str) -> Output {
        let mut kubectl = self.api().tool("kubectl");
        kubectl.args(["apply", "--server-side", "--force-conflicts", "-f", "-"]);
        let mut child = kubectl.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), manifests.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    /// Installs the chart, or brings the release to these values. Waits for nothing.
    pub(crate) fn helm_upgrade(&self, values: &Values) {
        let chart = repository().join("charts/switchboard");
        let mut arguments =
            vec!["upgrade".to_owned(), "--install".to_owned(), RELEASE.to_owned(), chart.to_str().unwrap().to_owned()];
        arguments.extend(["--namespace".to_owned(), RELEASE.to_owned()]);
        arguments.extend(values.arguments());
        self.api().helm(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    }

    /// Waits until both Deployments are as they were asked to be, pods that end included.
    pub(crate) fn rolled_out(&self) {
        for component in ["operator", "gateway"] {
            self.kubectl(&[
                "-n",
                RELEASE,
                "rollout",
                "status",
                &format!("deployment/{RELEASE}-{component}"),
                "--timeout=180s",
            ]);
        }
        until("pods of before have ended", Duration::from_secs(120), || {
            self.gateways().iter().all(|pod| !pod.ends).then_some(())
        });
    }

    /// The gateway's pods.
    pub(crate) fn gateways(&self) -> Vec<Running> {
        self.pods("gateway")
    }

    /// The operator's pods.
    pub(crate) fn operators(&self) -> Vec<Running> {
        self.pods("operator")
    }

    fn pods(&self, component: &str) -> Vec<Running> {
        let labels = format!("app.kubernetes.io/instance={RELEASE},app.kubernetes.io/component={component}");
        let pods = self.block_on(self.api().pods(RELEASE, &labels));
        let running = pods.into_iter().filter_map(|mut pod| {
            let container = pod.containers.pop()?;
            Some(Running {
                name: pod.name,
                ip: pod.ip?,
                is_ready: pod.ready,
                ends: pod.terminating,
                restarts: container.restarts,
                container,
            })
        });
        running.collect()
    }

    /// The first process of a pod's container.
    pub(crate) fn process(&self, pod: &Running) -> u32 {
        self.node.pid(&pod.container).unwrap_or_else(|| panic!("{} does not run", pod.name))
    }

    /// Sends a signal to it: SIGSTOP freezes, SIGCONT goes on, SIGKILL ends.
    pub(crate) fn signal(&self, pod: &Running, signal: Signal) {
        self.node.signal(&pod.container, signal);
    }

    /// Its resident memory, in MiB.
    pub(crate) fn memory_mib(&self, pod: &Running) -> f64 {
        tests::usage::rss_bytes(self.process(pod)) as f64 / f64::from(1 << 20)
    }

    /// The operator's pod that leads.
    pub(crate) fn leader(&self) -> Running {
        until("somebody leads", Duration::from_secs(40), || {
            let holder = self.kubectl(&[
                "-n",
                RELEASE,
                "get",
                "lease",
                &format!("{RELEASE}-operator"),
                "-o",
                "jsonpath={.spec.holderIdentity}",
            ]);
            self.operators().into_iter().find(|pod| !holder.is_empty() && holder.contains(&pod.name))
        })
    }

    /// Where clients reach the gateway.
    pub(crate) fn service(&self) -> SocketAddr {
        let ip = self.block_on(self.api().service_ip(RELEASE, &format!("{RELEASE}-gateway")));
        SocketAddr::new(ip, 80)
    }

    /// The same as a URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/mcp", self.service())
    }

    /// A client of the Service.
    pub(crate) fn mcp(&self, key: &str) -> tests::client::Client {
        client_of(&self.url(), key)
    }

    /// The load of R80: the quickstart's `demo-add`, through the Service.
    pub(crate) fn load(&self) -> Plan {
        let mut plan = Plan::call(&self.url(), BLUE, "demo-add");
        plan.body = Arc::new(|number| {
            Bytes::from(format!(
                r#"{{"jsonrpc":"2.0","id":{number},"method":"tools/call","params":{{"name":"demo-add","arguments":{{"a":{number},"b":1}}}}}}"#
            ))
        });
        plan
    }

    /// The fleet token.
    pub(crate) fn fleet_token(&self) -> String {
        let encoded = self.kubectl(&[
            "-n",
            RELEASE,
            "get",
            "secret",
            &format!("{RELEASE}-keys"),
            "-o",
            "jsonpath={.data.fleet-token}",
        ]);
        String::from_utf8(BASE64_STANDARD.decode(encoded).unwrap()).unwrap()
    }

    /// Whether a pod's admin port takes connections.
    pub(crate) fn listens(pod: &Running) -> bool {
        TcpStream::connect_timeout(&SocketAddr::new(pod.ip, ADMIN_PORT), Duration::from_secs(1)).is_ok()
    }

    /// What a pod's admin port answers to a GET.
    pub(crate) fn get(&self, pod: &Running, path: &str, token: Option<&str>) -> (u16, String) {
        self.block_on(async {
            let mut client =
                tests::client::Client::new(&format!("http://{}{path}", SocketAddr::new(pod.ip, ADMIN_PORT)));
            if let Some(token) = token {
                client.set_header("authorization", &format!("Bearer {token}"));
            }
            let answer = client.send(&http::Method::GET, &[], Bytes::new()).await;
            (answer.status.as_u16(), String::from_utf8_lossy(&answer.body).into_owned())
        })
    }

    /// `/revision` of a gateway, at once.
    pub(crate) fn revision(&self, pod: &Running, token: &str) -> Value {
        let (status, body) = self.get(pod, "/revision?not=0&wait=0", Some(token));
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    /// A counter or gauge of a pod, all of its labels together; 0 while it is not there.
    pub(crate) fn metric(&self, pod: &Running, name: &str) -> f64 {
        let (_, text) = self.get(pod, "/metrics", None);
        let of_name =
            text.lines().filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])));
        of_name.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// A member of an object, by a JSONPath.
    pub(crate) fn member(&self, kind: &str, namespace: &str, name: &str, path: &str) -> String {
        self.kubectl(&["-n", namespace, "get", kind, name, "-o", &format!("jsonpath={{{path}}}")])
    }

    /// The status of a condition of an object: True, False, Unknown, or nothing.
    pub(crate) fn condition(&self, kind: &str, namespace: &str, name: &str, type_: &str) -> String {
        self.member(kind, namespace, name, &format!(".status.conditions[?(@.type=='{type_}')].status"))
    }

    /// The revision of the pointer, as its annotation says.
    pub(crate) fn written_revision(&self) -> u64 {
        let text = self.member(
            "configmap",
            RELEASE,
            &format!("{RELEASE}-snapshot"),
            r".metadata.annotations.switchboard\.dev/revision",
        );
        text.parse().unwrap_or_else(|_| panic!("the pointer says revision {text:?}"))
    }

    /// The bytes of the pointer.
    pub(crate) fn pointer(&self) -> Vec<u8> {
        let text = self.member("configmap", RELEASE, &format!("{RELEASE}-snapshot"), ".binaryData.pointer");
        BASE64_STANDARD.decode(text).unwrap()
    }

    /// Has the quickstart's `lab` deny these tools, which it did not: another revision, written `within` that time, and then
    /// everywhere.
    pub(crate) fn lab_denies(&self, tools: &[&str], within: Duration) {
        let before = self.written_revision();
        self.have_lab_deny(tools);
        until("a change is written", within, || (self.written_revision() > before).then_some(()));
        self.settled();
    }

    /// The same, and waits for nothing.
    pub(crate) fn have_lab_deny(&self, tools: &[&str]) {
        let patch = json!({"spec": {"tools": {"deny": tools}}}).to_string();
        self.kubectl(&["-n", QUICKSTART, "patch", "mcpserver", "lab", "--type=merge", "-p", &patch]);
    }

    /// Waits until every gateway has what the operator wrote last.
    pub(crate) fn settled(&self) {
        let token = self.fleet_token();
        until("every gateway has the newest revision", Duration::from_secs(60), || {
            let written = self.written_revision();
            let pods = self.gateways();
            let all = pods.iter().filter(|pod| !pod.ends).all(|pod| self.revision(pod, &token)["revision"] == written);
            (all && !pods.is_empty()).then_some(())
        });
    }

    /// Writes one figure.
    pub(crate) fn figure(&self, name: &str, value: f64) {
        println!("  {name}: {value}");
        self.figures.write(name, value, &[value]);
    }

    /// What a person would look at first when a scenario failed.
    pub(crate) fn describe(&self) {
        let mut told = String::new();
        for arguments in [
            vec!["get", "pods", "-A", "-o", "wide"],
            vec!["get", "mcp", "-A"],
            vec!["get", "events", "-A", "--sort-by=.lastTimestamp"],
            vec!["-n", RELEASE, "logs", "-l", "app.kubernetes.io/component=operator", "--tail=30", "--prefix"],
            vec!["-n", RELEASE, "logs", "-l", "app.kubernetes.io/component=gateway", "--tail=20", "--prefix"],
        ] {
            let output = self.api().try_kubectl(&arguments);
            let _ = writeln!(told, "--- kubectl {}\n{}", arguments.join(" "), String::from_utf8_lossy(&output.stdout));
        }
        let lines: Vec<&str> = told.lines().collect();
        println!("{}", lines[lines.len().saturating_sub(220)..].join("\n"));
    }

    /// `switchboard` of this build.
    pub(crate) fn switchboard(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(tests::process::binary());
        command.args(arguments).env("KUBECONFIG", self.api().kubeconfig());
        command.stdin(Stdio::null()).output().unwrap()
    }
}

/// A client of a gateway that speaks without a session.
pub(crate) fn client_of(url: &str, key: &str) -> tests::client::Client {
    tests::client::Client::new(url).key(key).header("mcp-protocol-version", "2025-11-25")
}

/// Whether an answer is a tool's result, and no error.
pub(crate) fn succeeded(answer: &tests::client::Answer) -> bool {
    tests::load::successful_call(answer.status, &answer.body).is_ok()
}

/// No call of the load failed.
pub(crate) fn none_failed(report: &Report) {
    let failures = report.failures();
    assert!(
        failures.is_empty(),
        "{} of {} failed: {:?}",
        failures.len(),
        report.sent(),
        &failures[..failures.len().min(5)]
    );
}

/// The SHA-256 of a key, as a binding has it.
pub(crate) fn sha256(key: &str) -> String {
    sha2::Digest::finalize(<sha2::Sha256 as sha2::Digest>::new_with_prefix(key)).iter().fold(
        String::new(),
        |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        },
    )
}
