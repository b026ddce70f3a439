//! What a process uses, read from `/proc`: memory, CPU time, children.

use std::fs::read_to_string;
use std::time::Duration;

/// The kernel's USER_HZ, in which `/proc/PID/stat` counts; 100 on every Linux of today.
const TICK: Duration = Duration::from_millis(10);

/// Resident memory in bytes (VmRSS).
pub fn rss_bytes(pid: u32) -> u64 {
    bytes_of(pid, "VmRSS:")
}

/// The most that was ever resident, in bytes (VmHWM).
pub fn peak_bytes(pid: u32) -> u64 {
    bytes_of(pid, "VmHWM:")
}

fn bytes_of(pid: u32, field: &str) -> u64 {
    let status = read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() * 1024
}

/// CPU time of all threads, the ended ones too: user and system, in ticks of 10 ms.
pub fn cpu(pid: u32) -> Duration {
    let stat = Stat::read(&format!("/proc/{pid}/stat")).unwrap();
    TICK * u32::try_from(stat.ticks).unwrap()
}

/// CPU time of the threads that live, to the nanosecond, from the scheduler's own account.
pub fn cpu_of_threads(pid: u32) -> Duration {
    threads(pid).iter().map(|thread| thread.cpu).sum()
}

/// One thread of a process.
#[derive(Clone, Debug)]
pub struct Thread {
    /// Its name, cut to 15 bytes by the kernel.
    pub name: String,
    /// CPU time so far.
    pub cpu: Duration,
}

/// The threads of a process.
pub fn threads(pid: u32) -> Vec<Thread> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    tasks
        .filter_map(|task| {
            let path = task.ok()?.path();
            let name = read_to_string(path.join("comm")).ok()?.trim().to_owned();
            let account = read_to_string(path.join("schedstat")).ok()?;
            let nanoseconds = account.split_whitespace().next()?.parse().ok()?;
            Some(Thread { name, cpu: Duration::from_nanos(nanoseconds) })
        })
        .collect()
}

/// A process as its parent sees it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// The kernel's letter: `R`, `S`, `Z` for a zombie, …
    pub state: char,
}

/// All processes below `root`: children, their children, and so on.
pub fn descendants(root: u32) -> Vec<Process> {
    let all: Vec<(u32, Stat)> = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| {
            let pid: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            Some((pid, Stat::read(&format!("/proc/{pid}/stat"))?))
        })
        .collect();
    let mut found = Vec::new();
    let mut parents = vec![root];
    while let Some(parent) = parents.pop() {
        for (pid, stat) in all.iter().filter(|(_, stat)| stat.parent == parent) {
            found.push(Process { pid: *pid, state: stat.state });
            parents.push(*pid);
        }
    }
    found
}

/// Whether the process is there and not a zombie. One whose first thread has ended lives until its other threads have, which
/// hold its sockets open as long.
pub fn lives(pid: u32) -> bool {
    let other_threads = || std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count) > 1;
    Stat::read(&format!("/proc/{pid}/stat")).is_some_and(|stat| stat.state != 'Z' || other_threads())
}

/// The fields of `/proc/PID/stat` that are wanted here.
struct Stat {
    state: char,
    parent: u32,
    ticks: u64,
}

impl Stat {
    fn read(path: &str) -> Option<Self> {
        let text = read_to_string(path).ok()?;
        // The name, in parentheses, may hold anything: count fields from behind it.
        let fields: Vec<&str> = text[text.rfind(')')? + 1..].split_whitespace().collect();
        let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
        Some(Self { state: fields.first()?.chars().next()?, parent: fields.get(1)?.parse().ok()?, ticks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_its_own_process() {
        let pid = std::process::id();
        assert!(rss_bytes(pid) > 1024 * 1024);
        assert!(lives(pid));
        let before = cpu_of_threads(pid);
        let mut sum = 0_u64;
        while cpu_of_threads(pid) < before + Duration::from_millis(20) {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        assert!(cpu(pid) >= Duration::from_millis(10));
    }

    #[test]
    fn sees_children() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        assert!(descendants(std::process::id()).iter().any(|process| process.pid == child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!lives(child.id()));
    }

    #[test]
    fn a_process_lives_as_long_as_its_last_thread() {
        let program = "import ctypes, threading, time
threading.Thread(target=time.sleep, args=(60,)).start()
ctypes.CDLL(None).pthread_exit(None)";
        let mut child = std::process::Command::new("python3").args(["-c", program]).spawn().unwrap();
        let stat = format!("/proc/{}/stat", child.id());
        let zombie = || Stat::read(&stat).is_some_and(|stat| stat.state == 'Z').then_some(());
        crate::wait::until("its first thread has ended", Duration::from_secs(20), zombie);
        assert!(lives(child.id()), "the other thread runs");
        child.kill().unwrap();
        crate::wait::until("the other has ended too", Duration::from_secs(20), || (!lives(child.id())).then_some(()));
        child.wait().unwrap();
    }
}
