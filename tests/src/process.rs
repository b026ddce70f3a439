//! `switchboard run` as its own process: started on ports that the kernel
//! chooses, followed by its events, ended on drop.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::client::metric;
use crate::wait::until;

/// How long Switchboard may take to print its addresses. A ceiling for a loaded machine, not a claim.
const LISTENS_WITHIN: Duration = Duration::from_secs(10);

/// How long it may take to be ready: its own bound is 10 s.
const READY_WITHIN: Duration = Duration::from_secs(15);

/// How `switchboard run` is started.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Further arguments; `--listen` and `--admin` are loopback and a free port unless they are here.
    pub arguments: Vec<String>,
    /// Further variables of the environment.
    pub environment: Vec<(String, String)>,
    /// The one CPU that it may use, if it is pinned.
    pub core: Option<usize>,
}

/// A running Switchboard. Dropped, it is killed.
pub struct Switchboard {
    /// The address of MCP: `http://127.0.0.1:PORT/mcp`, unless the options say otherwise.
    pub mcp: String,
    /// The address of the admin port, without a slash at the end.
    pub admin: String,
    child: Child,
    events: Arc<Mutex<Vec<Value>>>,
    errors: Arc<Mutex<String>>,
    error_reader: JoinHandle<()>,
    home: Arc<TempDir>,
}

impl Switchboard {
    /// Starts `switchboard run` on the manifests and waits for its addresses.
    pub fn start(manifests: &Path, options: &Options) -> Self {
        Self::start_at_home(manifests, options, Arc::new(tempfile::tempdir().unwrap()))
    }

    /// As [`Switchboard::start`], and waits until every server is discovered, failed, or given time.
    pub fn start_ready(manifests: &Path, options: &Options) -> Self {
        let switchboard = Self::start(manifests, options);
        switchboard.ready();
        switchboard
    }

    /// Starts again with the state and caches of this one, which need not run any more.
    pub fn start_again(&self, manifests: &Path, options: &Options) -> Self {
        Self::start_at_home(manifests, options, Arc::clone(&self.home))
    }

    fn start_at_home(manifests: &Path, options: &Options, home: Arc<TempDir>) -> Self {
        let mut child = command(options, &home)
            .arg("run")
            .arg(manifests)
            .args(["-o", "json"])
            .args(addresses(options))
            .args(&options.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let events = Arc::new(Mutex::new(Vec::new()));
        let errors = Arc::new(Mutex::new(String::new()));
        collect_events(child.stdout.take().unwrap(), Arc::clone(&events));
        let error_reader = collect_text(child.stderr.take().unwrap(), Arc::clone(&errors));
        let mut switchboard =
            Self { mcp: String::new(), admin: String::new(), child, events, errors, error_reader, home };
        let listening = switchboard.event("listening", LISTENS_WITHIN, |_| true);
        listening["mcp"].as_str().unwrap().clone_into(&mut switchboard.mcp);
        listening["admin"].as_str().unwrap().clone_into(&mut switchboard.admin);
        switchboard
    }

    /// What its metrics say by this name and labels; none if they do not.
    pub async fn metric(&self, name: &str) -> Option<u64> {
        metric(&self.admin, name).await
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The first event of this name that `accept` takes, past ones included.
    pub fn event(&self, name: &str, within: Duration, accept: impl Fn(&Value) -> bool) -> Value {
        let end = std::time::Instant::now() + within;
        loop {
            let found = self.events().into_iter().find(|event| event["event"] == name && accept(event));
            if let Some(event) = found {
                return event;
            }
            let ended = !crate::usage::lives(self.pid());
            assert!(
                !ended && std::time::Instant::now() < end,
                "no event {name:?} {}; events: {:?}; stderr:\n{}",
                if ended { "before it ended".to_owned() } else { format!("within {within:?}") },
                self.events(),
                self.errors()
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits for readiness; gives the servers of the event.
    pub fn ready(&self) -> Vec<Value> {
        self.event("ready", READY_WITHIN, |_| true)["servers"].as_array().unwrap().clone()
    }

    /// All events so far.
    pub fn events(&self) -> Vec<Value> {
        self.events.lock().unwrap().clone()
    }

    /// All of stderr so far.
    pub fn errors(&self) -> String {
        self.errors.lock().unwrap().clone()
    }

    /// Where its state and caches are.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Asks it to drain and end, and waits for that and for the last of its stderr.
    pub fn terminate(&mut self, within: Duration) -> ExitStatus {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        let child = &mut self.child;
        let status = until("switchboard ends after SIGTERM", within, || child.try_wait().unwrap());
        until("the end of its stderr", within, || self.error_reader.is_finished().then_some(()));
        status
    }
}

impl Drop for Switchboard {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // Already ended between the two calls is as good.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if std::thread::panicking() {
            eprintln!("--- stderr of switchboard ---\n{}", self.errors());
        }
    }
}

/// Runs `switchboard` with these arguments to its end: exit code, stdout, stderr.
pub fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let home = tempfile::tempdir().unwrap();
    let output = command(&Options::default(), &home).args(arguments).stdin(Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// A free port of loopback for each address that is not given.
fn addresses(options: &Options) -> Vec<&'static str> {
    let open = ["--listen", "--admin"].into_iter().filter(|flag| !options.arguments.iter().any(|given| given == flag));
    open.flat_map(|flag| [flag, "127.0.0.1:0"]).collect()
}

/// The command with its state, caches and private directories in `home`, which is removed also where it is killed.
fn command(options: &Options, home: &TempDir) -> Command {
    let binary = binary();
    let mut command = match options.core {
        None => Command::new(&binary),
        Some(core) => {
            // taskset execs, so that the pid is the binary's own.
            let mut command = Command::new("taskset");
            command.arg("--cpu-list").arg(core.to_string()).arg(&binary);
            command
        }
    };
    command.env("XDG_STATE_HOME", home.path().join("state")).env("XDG_CACHE_HOME", home.path().join("cache"));
    command.env("TMPDIR", home.path());
    command.envs(options.environment.iter().map(|(name, value)| (name, value)));
    command
}

/// The binary under test: `SWITCHBOARD_BIN`, else the release build of this target folder.
pub fn binary() -> PathBuf {
    built("SWITCHBOARD_BIN", "switchboard")
}

/// The operator under test: `SWITCHBOARD_OPERATOR_BIN`, else the release build of this target folder.
pub fn operator_binary() -> PathBuf {
    built("SWITCHBOARD_OPERATOR_BIN", "switchboard-operator")
}

/// The gateway of a cluster, and its sidecar: `SWITCHBOARD_GATEWAY_BIN`, else the release build of this target folder.
pub fn gateway_binary() -> PathBuf {
    built("SWITCHBOARD_GATEWAY_BIN", "switchboard-gateway")
}

fn built(variable: &str, name: &str) -> PathBuf {
    let binary = match std::env::var_os(variable) {
        Some(path) => PathBuf::from(path),
        None => target_directory().join("release").join(name),
    };
    assert!(binary.is_file(), "{} is missing: `cargo build --release` makes it", binary.display());
    binary
}

/// The target folder that the running program was built into: the one above its profile's folder.
pub fn target_directory() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let profile = program.ancestors().find(|folder| folder.ends_with("debug") || folder.ends_with("release"));
    profile.and_then(Path::parent).expect("the tests run from cargo's target folder").to_owned()
}

fn collect_events(stdout: impl Read + Send + 'static, events: Arc<Mutex<Vec<Value>>>) {
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let event = serde_json::from_str(&line).unwrap_or_else(|_| Value::String(line.clone()));
            events.lock().unwrap().push(event);
        }
    });
}

pub(crate) fn collect_text(stderr: impl Read + Send + 'static, text: Arc<Mutex<String>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            let mut text = text.lock().unwrap();
            text.push_str(&line);
            text.push('\n');
        }
    })
}
