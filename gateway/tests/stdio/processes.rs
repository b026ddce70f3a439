//! Processes as /proc shows them.

use std::path::Path;

use rustix::process::{Pid, Signal};

/// Every process (zombies apart, whose environment is gone) that runs with a scratch directory under `scratch`.
pub(crate) fn under(scratch: &Path) -> Vec<i32> {
    let mark = memchr::memmem::Finder::new(scratch.as_os_str().as_encoded_bytes());
    all()
        .filter(|pid| std::fs::read(format!("/proc/{pid}/environ")).is_ok_and(|env| mark.find(&env).is_some()))
        .collect()
}

pub(crate) fn children_of(parent: u32) -> Vec<i32> {
    all().filter(|pid| parent_of(*pid) == Some(parent)).collect()
}

/// Whether there is anything by this id, a zombie included.
pub(crate) fn exists(pid: i32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

pub(crate) fn kill(pid: i32) {
    rustix::process::kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
}

fn all() -> impl Iterator<Item = i32> {
    std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

fn parent_of(pid: i32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat[stat.rfind(')')? + 1..].split_ascii_whitespace().nth(1)?.parse().ok()
}
