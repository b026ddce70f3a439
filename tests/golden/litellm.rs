//! LiteLLM itself before the same servers, asked the same. Where it answers otherwise, `docs/litellm.md` says so: in the line
//! that the row names. Who may use what is told to it by `litellm/callers.py`, which stands for its database.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tests::client::{get, take_request_id};
use tests::fleet::address;
use tests::toolchain::{checkout, litellm};
use tests::wait::until_async;

use crate::row::{Reply, Row};
use crate::world::World;

/// How long it may take to come up.
const STARTS: Duration = Duration::from_secs(120);
/// Any; who calls is settled without it.
const MASTER_KEY: &str = "sk-0123456789abcdef0123456789abcdef";

/// A running LiteLLM. Dropped, it is killed.
pub(crate) struct LiteLlm {
    address: SocketAddr,
    child: Child,
    folder: TempDir,
}

impl LiteLlm {
    /// Starts it; `own_header`: where callers bring their credentials, if not in `x-mcp-auth`.
    async fn start(world: &World, own_header: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = json!({"master_key": MASTER_KEY, "custom_auth": "callers.identify"});
        let config = json!({"mcp_servers": world.litellm_servers(), "general_settings": settings});
        // JSON is YAML too.
        fs::write(folder.path().join("config.yaml"), config.to_string()).unwrap();
        fs::copy(checkout().join("tests/golden/litellm/callers.py"), folder.path().join("callers.py")).unwrap();
        let address = address();
        let log = File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new(litellm().with_file_name("litellm"));
        command.args([
            "--config",
            "config.yaml",
            "--host",
            &address.ip().to_string(),
            "--port",
            &address.port().to_string(),
        ]);
        command.current_dir(folder.path()).env("HOME", folder.path());
        command.env("SERVERS_BY_KEY", World::litellm_callers().to_string());
        command.envs(own_header.map(|header| ("LITELLM_MCP_CLIENT_SIDE_AUTH_HEADER_NAME", header)));
        let child = command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let mut litellm = Self { address, child, folder };
        let child = &mut litellm.child;
        until_async("LiteLLM is up", STARTS, async || {
            assert_eq!(child.try_wait().unwrap(), None, "it has ended");
            std::net::TcpStream::connect(address).ok()?;
            let answer = get(&format!("http://{address}/health/liveliness")).await;
            answer.status.is_success().then_some(())
        })
        .await;
        litellm
    }
}

impl Drop for LiteLlm {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            println!("--- LiteLLM\n{}", lines[lines.len().saturating_sub(40)..].join("\n"));
        }
    }
}

/// What of a reply is compared: its status, its challenge, whether it begins a session, and its message as JSON, whether
/// it came as one or as an event of a stream.
#[derive(Debug, Eq, PartialEq)]
struct Told {
    status: u16,
    challenge: Option<String>,
    session: bool,
    body: Value,
}

impl Told {
    fn of(reply: &Reply) -> Self {
        let header = |name: &str| reply.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        let text = reply.body.lines().find_map(|line| line.strip_prefix("data: ")).unwrap_or(&reply.body);
        let mut body = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
        // The ids of denials the documents list as a difference of all of them.
        take_request_id(&mut body);
        Self {
            status: reply.status,
            challenge: header("www-authenticate"),
            session: header("mcp-session-id").is_some(),
            body,
        }
    }
}

/// Asks both for each row, prints where they differ, and says what of that the documents do not say.
pub(crate) async fn compare(world: &World, rows: &[Row]) -> Vec<String> {
    let documents = fs::read_to_string(checkout().join("docs/litellm.md")).unwrap();
    let (plain, renamed) = (LiteLlm::start(world, None).await, LiteLlm::start(world, Some("x-own-auth")).await);
    let (mut unsaid, mut differ) = (Vec::new(), 0);
    for row in rows {
        let litellm = if row.is_renamed() { &renamed } else { &plain };
        let (ours, own_arrival) = row.ask(world, world.address(row.is_renamed())).await.unwrap();
        let (theirs, their_arrival) = row.ask(world, litellm.address).await.unwrap();
        let (ours, theirs) = (Told::of(&ours), Told::of(&theirs));
        let arrives_alike = row.is_same_arrival(own_arrival.as_ref(), their_arrival.as_ref());
        let same = ours == theirs && arrives_alike;
        if !same {
            differ += 1;
            let name = row.name;
            println!(
                "{name}\n  LiteLLM  {theirs:?}\n  here     {ours:?}\n  its server is sent the same: {arrives_alike}"
            );
        }
        if same != row.differs().is_empty() {
            unsaid.push(format!(
                "{}: {} and names {:?}",
                row.name,
                if same { "is the same" } else { "differs" },
                row.differs()
            ));
        }
        let is_there =
            |line: &str| [format!("\n| {line} |"), format!("\n- **{line}")].iter().any(|it| documents.contains(it));
        let missing = row.differs().iter().filter(|line| !is_there(line));
        unsaid.extend(missing.map(|line| format!("{}: docs/litellm.md has no line `{line}`", row.name)));
    }
    println!("{differ} of {} replies differ", rows.len());
    unsaid
}
