//! What the cases start from: an upstream for some server, and calls of it.

use std::ffi::OsString;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use crds::snapshot::{AuthScheme, ByKind, ClientSide, Secrets, Server, ServerAuth, ServerTimeouts, Transport};
use gateway::capabilities::Capabilities;
use gateway::upstream::stdio::{Children, StdioUpstream};
use gateway::upstream::{CallerPart, Endpoint, Messages, Outgoing, Reply, ReplyBody, UpstreamError};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// The largest answer that the tests' servers may give, in bytes.
pub(crate) const MAX_RESPONSE: u64 = 64 * 1024;

/// A directory of its own for a case, with all that its children share.
pub(crate) struct Bench {
    pub(crate) dir: PathBuf,
    pub(crate) idle: Option<Duration>,
}

/// A server as its manifest has it.
#[derive(Clone, Copy)]
pub(crate) struct Manifest<'a> {
    pub(crate) command: &'a str,
    pub(crate) args: &'a [&'a str],
    pub(crate) env: &'a [(&'a str, &'a str)],
    pub(crate) connect: u32,
}

pub(crate) const DEMO: Manifest<'static> =
    Manifest { command: "switchboard", args: &["demo-server"], env: &[], connect: 10 };

pub(crate) fn bad(args: &'static [&'static str]) -> Manifest<'static> {
    Manifest { args, ..DEMO }
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap().block_on(future)
}

/// Waits for a condition; panics after ten seconds.
pub(crate) async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "not within ten seconds: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

impl Bench {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("stdio-{}-{number}-", std::process::id());
        let bench = Self { dir: Path::new(env!("CARGO_TARGET_TMPDIR")).join(name), idle: None };
        DirBuilder::new().mode(0o700).recursive(true).create(bench.scratch()).unwrap();
        bench
    }

    pub(crate) fn scratch(&self) -> PathBuf {
        self.dir.join("scratch")
    }

    /// The names of the scratch directories that are there.
    pub(crate) fn scratches(&self) -> usize {
        std::fs::read_dir(self.scratch()).map_or(0, Iterator::count)
    }

    pub(crate) fn upstream(&self, manifest: Manifest<'_>, variables: &[(&str, &str)]) -> StdioUpstream {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let caller = CallerPart { variables: variables.iter().map(owned).collect(), ..CallerPart::default() };
        StdioUpstream::new(Arc::new(endpoint(manifest)), caller, None, self.children())
    }

    /// The session of one client who can be asked for sampling, and what its server says unasked.
    pub(crate) fn upstream_of_client(&self, manifest: Manifest<'_>) -> (StdioUpstream, mpsc::Receiver<Bytes>) {
        let (strays, heard) = mpsc::channel(16);
        let caller = CallerPart { capabilities: Capabilities::read(br#"{"sampling":{}}"#), ..CallerPart::default() };
        (StdioUpstream::new(Arc::new(endpoint(manifest)), caller, Some(strays), self.children()), heard)
    }

    fn children(&self) -> Arc<Children> {
        let gateway_env = [("PATH", std::env::var_os("PATH").unwrap()), ("TZ", "Europe/Zurich".into())];
        let unwanted = [("AWS_SECRET_ACCESS_KEY", OsString::from("of the gateway"))];
        let env = gateway_env.into_iter().chain(unwanted).map(|(name, value)| (name.to_owned(), value)).collect();
        let mut children = Children::new(
            std::env::current_exe().unwrap(),
            env,
            self.scratch(),
            self.dir.join("homes"),
            tokio::runtime::Handle::current(),
        );
        if let Some(idle) = self.idle {
            children = children.idle_after(idle);
        }
        Arc::new(children)
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn endpoint(manifest: Manifest<'_>) -> Endpoint {
    let server = Server {
        id: "tools/under-test".into(),
        alias: "under_test".into(),
        prefix: None,
        names: vec![],
        transport: Transport::Stdio {
            command: manifest.command.into(),
            args: manifest.args.iter().map(|arg| (*arg).to_owned()).collect(),
            working_dir: None,
            env: manifest.env.iter().map(|(name, _)| (*name).to_owned()).collect(),
        },
        auth: ServerAuth { scheme: AuthScheme::None, client_side: ClientSide::Deny },
        credential: None,
        off: false,
        sessions: crds::snapshot::SessionMode::Shared,
        timeouts: ServerTimeouts { connect: manifest.connect, list: 30, call: 60 },
        max_concurrent_calls: 64,
        max_response_bytes: MAX_RESPONSE,
        filters: ByKind::default(),
        uri_prefix: None,
        cost: None,
        internal: false,
    };
    let env = manifest.env.iter().map(|(_, value)| (*value).to_owned()).collect();
    Endpoint { server, secrets: Secrets { env, ..Secrets::default() } }
}

/// Sends a request and gives its reply, nothing of it read.
pub(crate) async fn send(upstream: &StdioUpstream, params: &Value, within: Duration) -> Result<Reply, UpstreamError> {
    let render = |id: u64, _| {
        let mut params = params.clone();
        params["_meta"] = json!({"progressToken": id});
        Bytes::from(json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params}).to_string())
    };
    let outgoing =
        Outgoing { method: "tools/call", render: &render, mirror: &|_| {}, deadline: Instant::now() + within };
    upstream.send(&outgoing).await
}

/// All messages of a reply, or how it failed.
pub(crate) async fn read(mut reply: Reply) -> Result<Vec<Value>, UpstreamError> {
    let messages = messages(&mut reply);
    let mut read = Vec::new();
    while let Some(message) = messages.next().await {
        read.push(serde_json::from_slice(&message?).unwrap());
    }
    Ok(read)
}

pub(crate) fn messages(reply: &mut Reply) -> &mut Messages {
    let ReplyBody::Messages(messages) = &mut reply.body else { panic!("a child answers in messages") };
    messages
}

/// Calls a tool; the messages of its reply, the response last.
pub(crate) async fn call_all(
    upstream: &StdioUpstream,
    tool: &str,
    arguments: Value,
) -> Result<Vec<Value>, UpstreamError> {
    let params = json!({"name": tool, "arguments": arguments});
    let reply = send(upstream, &params, Duration::from_secs(20)).await?;
    let id = reply.id;
    let messages = read(reply).await?;
    assert_eq!(messages.last().unwrap()["id"], id, "the last message is the response");
    Ok(messages)
}

/// Calls a tool; the text of its result.
pub(crate) async fn call(upstream: &StdioUpstream, tool: &str, arguments: Value) -> Result<String, UpstreamError> {
    let response = call_all(upstream, tool, arguments).await?.pop().unwrap();
    Ok(response["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("no text: {response}")).to_owned())
}
