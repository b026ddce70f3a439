//! How `switchboard run` ends when it is told to.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails in a test has to be seen, in its helpers too")]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A ceiling for a loaded machine, not a claim.
const SOON: Duration = Duration::from_secs(20);

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + SOON;
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        sleep(Duration::from_millis(5));
    }
}

fn send(signal: &str, child: &Child) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn a_second_signal_does_not_wait_for_requests() {
    for (signal, code) in [("-TERM", 143), ("-INT", 130)] {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_switchboard"))
            .args(["run", "--output", "json", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
            .arg(folder.path())
            .env("HOME", folder.path().join("home"))
            .env("TMPDIR", folder.path())
            .env_remove("XDG_STATE_HOME")
            .env_remove("XDG_CACHE_HOME")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut first).unwrap();
        let address = first.split("http://").nth(1).unwrap().split('/').next().unwrap().to_owned();
        // A request that never comes to its end.
        let mut request = TcpStream::connect(&address).unwrap();
        request.write_all(b"POST /mcp HTTP/1.1\r\nhost: loc").unwrap();
        send(signal, &child);
        until("it still listens", || TcpStream::connect(&address).is_err());
        send(signal, &child);
        until("it still runs", || child.try_wait().unwrap().is_some());
        assert_eq!(child.wait().unwrap().code(), Some(code));
    }
}
