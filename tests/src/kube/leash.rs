//! Ends a cluster with the process that started it, however that ends.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::api_server::cluster_command;

/// A process that waits for the end of this one, or of this value, and then takes the cluster of a folder down. It sees
/// that its standard input ends, which not even SIGKILL prevents.
pub(super) struct Leash(Child);

impl Leash {
    pub(super) fn on(run: &Path) -> Self {
        let script = cluster_command(run);
        // What a terminal sends to the whole group must not end it before its work.
        let mut command = Command::new("bash");
        command.args(["-c", r#"trap "" INT TERM HUP; cat >/dev/null; exec "$0" down"#]).arg(script.get_program());
        command.env("CLUSTER_RUN", run).stdin(Stdio::piped()).stdout(Stdio::null());
        Self(command.spawn().unwrap())
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // A panic here would hide the one that may be under way.
        let _ = self.0.wait();
    }
}
