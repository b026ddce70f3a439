//! A whole node with pods, in a network namespace of its own: root's, and what
//! can be done to pods from the machine that they run on.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::api_server::{ApiServer, cluster_command, succeed};
use super::pod::Container;

/// The node that pods run on.
pub struct Node {
    run: PathBuf,
    network: File,
}

impl Node {
    /// That of a control plane which `cluster node` started.
    pub(super) fn of(api: &ApiServer) -> Self {
        let run = api.folder().to_owned();
        let network = File::open(succeed(cluster_command(&run).arg("network")).trim_end()).unwrap();
        Self { run, network }
    }

    /// Moves this thread, and those that it starts from now on, into the node's network: Services and pods are reached from
    /// there alone, and the load comes from there (R86).
    pub fn enter(&self) {
        move_into_link_name_space(self.network.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
    }

    /// Imports an OCI image archive.
    pub fn load(&self, archive: &Path) {
        assert!(archive.is_file(), "{} is missing: tests/cluster/images makes it", archive.display());
        succeed(cluster_command(&self.run).arg("load").arg(archive));
    }

    /// The process that a container was started as, by its id on this machine; none if it has ended.
    pub fn pid(&self, container: &Container) -> Option<u32> {
        let tasks = succeed(Command::new("ctr").arg("--address").arg(self.run.join("containerd.sock")).args([
            "--namespace=k8s.io",
            "tasks",
            "list",
        ]));
        let fields = |line: &str| line.split_whitespace().map(ToOwned::to_owned).collect::<Vec<_>>();
        let task = tasks.lines().map(fields).find(|task| task[0] == container.id && task[2] != "STOPPED")?;
        task[1].parse().ok()
    }

    /// Sends a signal to the process of a container: SIGSTOP freezes it, SIGCONT lets it go on, SIGKILL ends it with all that it
    /// started, and the kubelet starts it again.
    pub fn signal(&self, container: &Container, signal: Signal) {
        let pid = self.pid(container).unwrap_or_else(|| panic!("{} does not run", container.name));
        kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), signal).unwrap();
    }
}
