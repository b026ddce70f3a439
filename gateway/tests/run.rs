//! A gateway over a directory, as `switchboard run` runs it: what is told of it, and what does not wait for that.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails in a test has to be seen, in its helpers too")]

use std::path::Path;
use std::time::Duration;

use gateway::node;
use gateway::run::{Event, Options, run};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

/// A ceiling for a loaded machine, not a claim.
const SOON: Duration = Duration::from_secs(20);

/// A gateway in this process.
struct Running {
    folder: TempDir,
    events: mpsc::Receiver<Event>,
    /// `HOST:PORT` of the admin port.
    admin: String,
    stop: watch::Sender<bool>,
    ended: JoinHandle<()>,
}

impl Running {
    /// Starts on one server that nobody listens for. `news`: how many events wait to be read.
    async fn start(news: usize, client_side_auth_header: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let manifests = folder.path().join("manifests");
        std::fs::create_dir(&manifests).unwrap();
        write_server(&manifests, "first");
        let node = node::Options {
            listen: ([127, 0, 0, 1], 0).into(),
            certificates: None,
            admin: ([127, 0, 0, 1], 0).into(),
            peers: None,
            cache: folder.path().join("cache"),
            scratch: folder.path().join("scratch"),
            binary: "switchboard".into(),
            environment: Vec::new(),
            client_side_auth_header: client_side_auth_header.map(str::to_owned),
        };
        let options = Options { directory: manifests, state: folder.path().join("state"), node };
        let (sender, mut events) = mpsc::channel(news);
        let (stop, stopping) = watch::channel(false);
        let ended = tokio::spawn(async move { run(options, sender, stopping).await.unwrap() });
        let Some(Event::Listening { admin, .. }) = timeout(SOON, events.recv()).await.unwrap() else {
            panic!("the first event says where it listens")
        };
        let admin = admin.strip_prefix("http://").unwrap().to_owned();
        Self { folder, events, admin, stop, ended }
    }

    fn manifests(&self) -> std::path::PathBuf {
        self.folder.path().join("manifests")
    }

    /// The servers of the next `ready` whose names these are, each with its state.
    async fn ready(&mut self, names: &[&str]) -> Vec<(String, &'static str)> {
        let waiting = async {
            while let Some(event) = self.events.recv().await {
                if let Event::Ready { servers } = event
                    && servers.iter().map(|server| server.alias.as_str()).eq(names.iter().copied())
                {
                    return servers.into_iter().map(|server| (server.alias, server.state)).collect();
                }
            }
            panic!("it ended")
        };
        timeout(SOON, waiting).await.unwrap()
    }

    /// Waits until the status page holds this.
    async fn status_holds(&self, wanted: &str) {
        let end = Instant::now() + SOON;
        loop {
            let mut stream = TcpStream::connect(&self.admin).await.unwrap();
            let request = "GET /status HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut page = String::new();
            stream.read_to_string(&mut page).await.unwrap();
            if page.contains(wanted) {
                return;
            }
            assert!(Instant::now() < end, "{wanted} is not in {page}");
            sleep(Duration::from_millis(10)).await;
        }
    }

    async fn stop(self) {
        self.stop.send_replace(true);
        timeout(SOON, self.ended).await.unwrap().unwrap();
    }
}

fn write_server(manifests: &Path, name: &str) {
    let text = format!(
        "apiVersion: switchboard.dev/v1alpha1\nkind: McpServer\nmetadata: {{name: {name}}}\n\
         spec: {{http: {{url: 'http://127.0.0.1:1/mcp', transport: StreamableHTTP}}}}\n"
    );
    std::fs::write(manifests.join(format!("{name}.yaml")), text).unwrap();
}

#[tokio::test]
async fn ready_is_told_again_when_servers_come_and_go() {
    let mut running = Running::start(64, None).await;
    assert_eq!(running.ready(&["first"]).await, [("first".to_owned(), "unreachable")]);
    write_server(&running.manifests(), "second");
    running.ready(&["first", "second"]).await;
    std::fs::remove_file(running.manifests().join("first.yaml")).unwrap();
    running.ready(&["second"]).await;
    running.stop().await;
}

#[tokio::test]
async fn who_does_not_read_the_news_holds_up_no_edit() {
    let running = Running::start(1, None).await;
    for name in ["second", "third", "fourth", "fifth"] {
        write_server(&running.manifests(), name);
        running.status_holds(&format!("\"alias\":\"{name}\"")).await;
    }
    running.stop().await;
}

#[tokio::test]
async fn a_directory_that_another_takes_the_place_of_is_followed() {
    let running = Running::start(64, None).await;
    let (manifests, old) = (running.manifests(), running.folder.path().join("old"));
    std::fs::rename(&manifests, &old).unwrap();
    std::fs::create_dir(&manifests).unwrap();
    write_server(&manifests, "second");
    running.status_holds("\"alias\":\"second\"").await;
    write_server(&manifests, "third");
    running.status_holds("\"alias\":\"third\"").await;
    running.stop().await;
}

#[tokio::test]
async fn a_manifest_that_is_linked_from_elsewhere_is_followed() {
    let running = Running::start(64, None).await;
    let elsewhere = running.folder.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    write_server(&elsewhere, "second");
    std::os::unix::fs::symlink(elsewhere.join("second.yaml"), running.manifests().join("linked.yaml")).unwrap();
    running.status_holds("\"alias\":\"second\"").await;
    write_server(&elsewhere, "third");
    std::fs::rename(elsewhere.join("third.yaml"), elsewhere.join("second.yaml")).unwrap();
    running.status_holds("\"alias\":\"third\"").await;
    running.stop().await;
}

#[tokio::test]
async fn r1_the_status_page_says_which_header_brings_a_callers_credential() {
    let running = Running::start(64, None).await;
    running.status_holds(r#""clientSideAuthHeader":"x-mcp-auth""#).await;
    running.stop().await;
    let running = Running::start(64, Some("authorization")).await;
    running.status_holds(r#""clientSideAuthHeader":"authorization""#).await;
    running.stop().await;
}
