//! `switchboard-gateway run` as its own process, on ports that the kernel
//! chooses, known by its logs.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tests::client::{Answer, Client, get, metric};
use tests::kube::ApiServer;
use tests::process::gateway_binary;
use tests::upstream::{Script, Upstream};
use tests::wait::{until, until_async};

use crate::release::{KEY, NAME, Release, TOKEN};

/// A ceiling for a loaded machine, not a claim.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A running gateway. Dropped, it is killed.
pub(crate) struct Gateway {
    child: Child,
    logs: Arc<Mutex<Vec<Value>>>,
    log_reader: JoinHandle<()>,
    /// The address of the admin port, without a slash at the end.
    pub(crate) admin: String,
    pod: Arc<TempDir>,
}

/// How it is started.
pub(crate) struct Start<'a> {
    pub(crate) kubeconfig: PathBuf,
    pub(crate) namespace: &'a str,
    /// Further arguments.
    pub(crate) arguments: Vec<String>,
}

impl<'a> Start<'a> {
    /// By somebody who may do everything, with what was last in force kept.
    pub(crate) fn of(server: &ApiServer, release: &'a Release) -> Self {
        Self { kubeconfig: server.kubeconfig().to_owned(), namespace: &release.namespace, arguments: Vec::new() }
    }
}

impl Gateway {
    /// Starts it in a new pod, so to speak, and waits until its admin port is open.
    pub(crate) fn start(start: &Start<'_>) -> Self {
        Self::start_in(start, Arc::new(tempfile::tempdir().unwrap()))
    }

    /// Starts it again in the pod of this one, which is killed.
    pub(crate) fn start_again(mut self, start: &Start<'_>) -> Self {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        Self::start_in(start, self.pod.clone())
    }

    fn start_in(start: &Start<'_>, pod: Arc<TempDir>) -> Self {
        let folder = |name: &str| {
            let folder = pod.path().join(name);
            std::fs::create_dir_all(&folder).unwrap();
            folder
        };
        let mut command = Command::new(gateway_binary());
        command.args(["run", "--release", NAME, "--namespace", start.namespace, "--log-format", "json"]);
        command.args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
        for flag in ["kept", "cache", "scratch"] {
            command.arg(format!("--{flag}")).arg(folder(flag));
        }
        command.args(&start.arguments).env("KUBECONFIG", &start.kubeconfig).env("HOME", pod.path());
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let logs = Arc::new(Mutex::new(Vec::new()));
        let (stderr, seen) = (child.stderr.take().unwrap(), logs.clone());
        let log_reader = std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line).unwrap_or(Value::String(line));
                seen.lock().unwrap().push(line);
            }
        });
        let mut gateway = Self { child, logs, log_reader, admin: String::new(), pod };
        gateway.admin = format!("http://{}", gateway.logged("admin"));
        gateway
    }

    /// Waits until it serves; the address of MCP.
    pub(crate) fn mcp(&self) -> String {
        self.logged("mcp")
    }

    /// A client with the key that holds the server.
    pub(crate) fn client(&self) -> Client {
        Client::new(&self.mcp()).key(KEY)
    }

    /// Waits until it is ready, and gives a client.
    pub(crate) async fn ready(&self) -> Client {
        until_async("it is ready", SOON, async || (self.readyz().await == (200, "ok\n".to_owned())).then_some(()))
            .await;
        self.client()
    }

    /// Status and text of `/readyz`.
    pub(crate) async fn readyz(&self) -> (u16, String) {
        let answer = get(&format!("{}/readyz", self.admin)).await;
        (answer.status.as_u16(), String::from_utf8(answer.body.to_vec()).unwrap())
    }

    /// Waits until it is not ready for a reason that has this in it.
    pub(crate) async fn unready(&self, why: &str) {
        until_async(why, SOON, async || {
            let (status, text) = self.readyz().await;
            (status == 503 && text.contains(why)).then_some(())
        })
        .await;
    }

    /// A page of the admin port, asked for with the fleet's token.
    pub(crate) async fn page(&self, path: &str) -> Answer {
        let client = Client::new(&format!("{}{path}", self.admin));
        let mut client = client.header("authorization", &format!("Bearer {TOKEN}"));
        client.send(&Method::GET, &[("content-type", ""), ("accept", "")], Bytes::new()).await
    }

    /// `/revision`, or `/status`, as JSON.
    pub(crate) async fn json(&self, path: &str) -> Value {
        self.page(path).await.json()
    }

    /// Waits until this revision is in force, by the operator's own question.
    pub(crate) async fn runs(&self, revision: u64) -> Value {
        until_async(&format!("revision {revision} is in force"), SOON, async || {
            let said = self.json("/revision").await;
            (said["revision"] == revision).then_some(said)
        })
        .await
    }

    /// Waits until something is refused for a reason that has this in it; gives the revision that it says it has.
    pub(crate) async fn refuses(&self, why: &str) -> Value {
        until_async(why, SOON, async || {
            let said = self.json("/revision").await;
            let reason = said["refused"]["reason"].as_str().unwrap_or_default();
            reason.contains(why).then(|| said["refused"]["revision"].clone())
        })
        .await
    }

    /// A counter or gauge without labels.
    pub(crate) async fn metric(&self, name: &str) -> u64 {
        metric(&self.admin, name).await.unwrap_or_else(|| panic!("there is no {name}"))
    }

    /// Asks it to end, and waits for that.
    pub(crate) fn terminate(&mut self, within: Duration) -> ExitStatus {
        self.signal(Signal::TERM);
        self.ended(within)
    }

    /// Waits until it has ended, and for the last that it logged.
    pub(crate) fn ended(&mut self, within: Duration) -> ExitStatus {
        let status = until("it ends after SIGTERM", within, || self.child.try_wait().unwrap());
        until("the end of its log", within, || self.log_reader.is_finished().then_some(()));
        status
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// The folder of its pod.
    pub(crate) fn pod(&self) -> &Path {
        self.pod.path()
    }

    /// Everything that it logged.
    pub(crate) fn logs(&self) -> String {
        self.logs.lock().unwrap().iter().map(Value::to_string).collect::<Vec<_>>().join("\n")
    }

    fn logged(&self, field: &str) -> String {
        until(&format!("{field} is logged"), SOON, || {
            let logs = self.logs.lock().unwrap();
            logs.iter().find_map(|line| line[field].as_str().map(str::to_owned))
        })
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // Already ended between the two calls is as good.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if std::thread::panicking() {
            eprintln!("--- logs of the gateway ---\n{}", self.logs());
        }
    }
}

/// An apiserver with a release that serves one server, and a gateway that serves it.
pub(crate) struct Scene {
    pub(crate) gateway: Gateway,
    pub(crate) release: Release,
    pub(crate) upstream: Upstream,
    pub(crate) server: ApiServer,
}

impl Scene {
    /// Revision 10 is in force, and the callers `me`, `ann` and `bob` hold the server `up`, which echoes.
    pub(crate) async fn new() -> Self {
        Self::of(Script::echo()).await
    }

    /// The same with another server.
    pub(crate) async fn of(script: Script) -> Self {
        let server = ApiServer::start();
        let upstream = Upstream::start(script);
        let mut release = Release::new(&server, "mcp").await;
        release.write_keys().await;
        release.write(&release.compile(&upstream.url(), &["me", "ann", "bob"]), 10).await;
        let gateway = Gateway::start(&Start::of(&server, &release));
        gateway.ready().await;
        Self { gateway, release, upstream, server }
    }
}

/// Calls the tool of the server, which must answer.
pub(crate) async fn call(client: &mut Client) {
    let answer = client.call("up-echo", r#"{"text":"hi"}"#).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(!answer.is_tool_error(), "{answer:?}");
}
