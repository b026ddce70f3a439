//! Process trees as /proc shows them, and signals to all of a tree.
//!
//! A signal goes through a pidfd, and only after the process was seen again
//! where it was before: a pid that was reused meanwhile is never hit.

use std::collections::HashMap;
use std::fs;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions};

/// How often [`kill_marked`] looks for more, and how long it waits for one process to end.
const ROUNDS: usize = 10;
const END: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// Sends `signal` to every descendant of this process.
pub(super) fn signal_descendants(signal: Signal) {
    let me = rustix::process::getpid();
    for pid in descendants(me) {
        signal_if(pid, signal, || is_below(pid, me));
    }
}

/// Kills the processes of whose environment `mark` is a part, until there is none, and reaps those that are ours.
///
/// What is left of a tree whose supervisor was killed has other parents by then; its environment still tells.
pub(crate) fn kill_marked(mark: &Path) {
    let mark = memchr::memmem::Finder::new(mark.as_os_str().as_encoded_bytes());
    let marked =
        |pid: Pid| fs::read(format!("/proc/{}/environ", pid.as_raw_pid())).is_ok_and(|env| mark.find(&env).is_some());
    let me = rustix::process::getpid();
    for _ in 0..ROUNDS {
        let candidates: Vec<Pid> = processes().filter(|pid| *pid != me && marked(*pid)).collect();
        if candidates.is_empty() {
            return;
        }
        for pid in candidates {
            let Some(handle) = signal_if(pid, Signal::KILL, || marked(pid)) else { continue };
            // readable once it has ended
            let _ = rustix::event::poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&END));
            // adopted by us if we are the first process of a container; an error otherwise
            let _ = rustix::process::waitpid(Some(pid), WaitOptions::NOHANG);
        }
    }
}

/// Signals `pid` if `still` holds once the process can no longer be mistaken for another.
fn signal_if(pid: Pid, signal: Signal, still: impl Fn() -> bool) -> Option<OwnedFd> {
    let handle = rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok()?;
    (still() && rustix::process::pidfd_send_signal(&handle, signal).is_ok()).then_some(handle)
}

/// Every descendant of `root`. Zombies too: a process whose first thread has ended looks like one.
fn descendants(root: Pid) -> Vec<Pid> {
    let mut children: HashMap<Pid, Vec<Pid>> = HashMap::new();
    for pid in processes() {
        if let Some(parent) = parent_of(pid) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = children.remove(&root).unwrap_or_default();
    let mut next = 0;
    while let Some(pid) = found.get(next) {
        found.extend(children.remove(pid).unwrap_or_default());
        next += 1;
    }
    found
}

fn is_below(pid: Pid, root: Pid) -> bool {
    let mut at = pid;
    while let Some(parent) = parent_of(at) {
        if parent == root {
            return true;
        }
        at = parent;
    }
    false
}

fn processes() -> impl Iterator<Item = Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok().and_then(Pid::from_raw))
}

fn parent_of(pid: Pid) -> Option<Pid> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_pid())).ok()?;
    // "PID (NAME) STATE PPID …", and a name may hold anything
    let after_name = stat.get(stat.rfind(')')? + 1..)?;
    Pid::from_raw(after_name.split_ascii_whitespace().nth(1)?.parse().ok()?)
}
