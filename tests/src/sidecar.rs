//! `switchboard-gateway sidecar` as its own process, with its token in a
//! volume as kubelet mounts it.

use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::client::{Answer, Client, get, metric};
use crate::mount::Mount;
use crate::process::{collect_text, gateway_binary};
use crate::wait::{until, until_async};

/// A ceiling for a loaded machine, not a claim.
const SOON: Duration = Duration::from_secs(15);

/// A running sidecar. Dropped, it is killed.
pub struct Sidecar {
    /// The address for agents: `http://127.0.0.1:PORT/mcp`, unless the arguments say otherwise.
    pub mcp: String,
    /// The address of the admin port, without a slash at the end.
    pub admin: String,
    /// Where its token is.
    pub volume: Mount,
    child: Child,
    errors: Arc<Mutex<String>>,
    error_reader: JoinHandle<()>,
}

impl Sidecar {
    /// Before this gateway, a URL without a path, with this token, on a port that the kernel chooses.
    pub fn start(gateway: &str, token: &str) -> Self {
        let mut volume = Mount::of(&["token"]);
        volume.put(&[("token", token)]);
        Self::start_with(gateway, volume, &[], &[])
    }

    /// With further arguments and variables, and what the volume holds under the name `token`, if it does.
    pub fn start_with(gateway: &str, volume: Mount, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let listen = if arguments.contains(&"--listen") { &[][..] } else { &["--listen", "127.0.0.1:0"] };
        let mut child = command(gateway, &volume)
            .args(listen)
            .args(arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let errors = Arc::new(Mutex::new(String::new()));
        let error_reader = collect_text(child.stderr.take().unwrap(), errors.clone());
        let mut sidecar = Self { mcp: String::new(), admin: String::new(), volume, child, errors, error_reader };
        sidecar.mcp = sidecar.logged("mcp");
        sidecar.admin = format!("http://{}", sidecar.logged("admin"));
        sidecar
    }

    /// A client of its port: an agent, which has no key.
    pub fn agent(&self) -> Client {
        Client::new(&self.mcp)
    }

    /// Another token from now on, as kubelet renews it.
    pub fn renew(&mut self, token: &str) {
        self.volume.put(&[("token", token)]);
    }

    /// Status and text of `/readyz`.
    pub async fn readyz(&self) -> (u16, String) {
        let Answer { status, body, .. } = get(&format!("{}/readyz", self.admin)).await;
        (status.as_u16(), String::from_utf8(body.to_vec()).unwrap())
    }

    /// Waits until it is ready, or is not.
    pub async fn becomes(&self, ready: bool) -> String {
        let what = if ready { "it is ready" } else { "it is not ready" };
        until_async(what, SOON, async || {
            let (status, text) = self.readyz().await;
            ((status == 200) == ready).then_some(text)
        })
        .await
    }

    /// A counter or gauge, by its name and labels as they are printed.
    pub async fn metric(&self, name: &str) -> Option<u64> {
        metric(&self.admin, name).await
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything that it logged.
    pub fn logs(&self) -> String {
        self.errors.lock().unwrap().clone()
    }

    /// Asks it to end, and waits for that and for the last that it logged.
    pub fn terminate(&mut self, within: Duration) -> ExitStatus {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        let child = &mut self.child;
        let status = until("the sidecar ends after SIGTERM", within, || child.try_wait().unwrap());
        until("the end of its log", within, || self.error_reader.is_finished().then_some(()));
        status
    }

    fn logged(&self, field: &str) -> String {
        until(&format!("{field} is logged"), SOON, || {
            let logs = self.logs();
            let mut lines = logs.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            lines.find_map(|line| line[field].as_str().map(str::to_owned))
        })
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // Already ended between the two calls is as good.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if std::thread::panicking() {
            eprintln!("--- stderr of the sidecar ---\n{}", self.logs());
        }
    }
}

/// The command, its admin port one that the kernel chooses.
fn command(gateway: &str, volume: &Mount) -> Command {
    let mut command = Command::new(gateway_binary());
    command.args(["sidecar", "--log-format", "json", "--gateway", gateway, "--token-file"]).arg(volume.file("token"));
    command.args(["--admin", "127.0.0.1:0"]);
    command
}

/// Runs a sidecar that does not start, with these arguments: exit code and stderr.
pub fn refused(arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(gateway_binary());
    let output = command.arg("sidecar").args(arguments).stdin(Stdio::null()).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}
