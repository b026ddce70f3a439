//! The tasks at a child's three pipes.

use std::ffi::OsString;
use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant, timeout};

use super::lines::{Lines, Piece};
use super::session::Session;

/// How long a line that is longer than the limit may go on.
const LONGEST_OVERFLOW: Duration = Duration::from_secs(5);
/// The longest line of stderr that is logged, in bytes.
const LOG_LINE: usize = 4 * 1024;
/// Lines that may be logged at once, and how long it takes until one more may.
const LOG_BURST: u32 = 50;
const LOG_EVERY: Duration = Duration::from_millis(100);
/// A value of the environment as short as this is no secret, and hiding it would make logs unreadable.
const SHORT: usize = 6;
/// What a write buffer may keep between messages, in bytes.
const KEPT: usize = 64 * 1024;

/// Writes messages, one a line, until the child does not read any more or nobody is left to send.
pub(super) async fn write(mut stdin: impl AsyncWrite + Unpin, mut outbox: mpsc::Receiver<Bytes>) {
    let mut line = Vec::new();
    while let Some(message) = outbox.recv().await {
        line.clear();
        line.shrink_to(KEPT);
        line.extend_from_slice(&message);
        // A caller's JSON may hold newlines between its members. Within strings they are no JSON, so this changes
        // white space only; a carriage return ends a line too, for some readers.
        for byte in &mut line {
            if matches!(byte, b'\n' | b'\r') {
                *byte = b' ';
            }
        }
        line.push(b'\n');
        if stdin.write_all(&line).await.is_err() || stdin.flush().await.is_err() {
            return;
        }
    }
}

/// Routes the child's output until it ends.
pub(super) async fn route(mut lines: Lines<impl AsyncRead + Unpin>, session: Arc<Session>, server: String) {
    let mut quota = Quota::new();
    while let Some(piece) = lines.next().await {
        let rest = match piece {
            Piece::Overflows => {
                session.block(true);
                // Ending here ends the child: nothing else can come from it.
                let Ok(Some(rest)) = timeout(LONGEST_OVERFLOW, lines.next()).await else { return };
                session.block(false);
                rest
            }
            piece => piece,
        };
        if !session.take(rest)
            && let Some(dropped) = quota.take()
        {
            tracing::warn!(server, dropped, "a line of the server's output answers nothing, or is no JSON-RPC message");
        }
    }
}

/// Logs what the child says on stderr until it ends, without the values in `secrets`.
pub(super) async fn log(stderr: impl AsyncRead + Unpin, secrets: Vec<OsString>, server: String) {
    let secrets = hidden(&secrets);
    let mut lines = Lines::new(stderr, LOG_LINE);
    let mut quota = Quota::new();
    while let Some(piece) = lines.next().await {
        let (Piece::Whole(line) | Piece::Cut { head: line, .. }) = piece else { continue };
        if let Some(dropped) = quota.take() {
            // Debug escapes what could pass for another line of the log
            tracing::info!(server, dropped, stderr = ?hide(&String::from_utf8_lossy(&line), &secrets));
        }
    }
}

/// The lines of the values worth hiding, the longest first, so that none leaves a rest of another.
fn hidden(secrets: &[OsString]) -> Vec<String> {
    let mut hidden: Vec<String> = secrets
        .iter()
        .flat_map(|value| value.to_string_lossy().lines().map(str::to_owned).collect::<Vec<_>>())
        .filter(|line| line.len() >= SHORT)
        .collect();
    hidden.sort_by_key(|line| std::cmp::Reverse(line.len()));
    hidden
}

fn hide(text: &str, secrets: &[String]) -> String {
    secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
}

/// How much may be logged.
struct Quota {
    left: u32,
    dropped: u64,
    refilled: Instant,
}

impl Quota {
    fn new() -> Self {
        Self { left: LOG_BURST, dropped: 0, refilled: Instant::now() }
    }

    /// Whether one more line may be logged: then, how many were dropped since the last.
    fn take(&mut self) -> Option<u64> {
        let more = (self.refilled.elapsed().as_millis() / LOG_EVERY.as_millis()) as u32;
        if more > 0 {
            self.left = self.left.saturating_add(more).min(LOG_BURST);
            self.refilled = Instant::now();
        }
        let Some(left) = self.left.checked_sub(1) else {
            self.dropped += 1;
            return None;
        };
        self.left = left;
        Some(std::mem::take(&mut self.dropped))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_message_is_one_line() {
        let (outbox, receiver) = mpsc::channel(4);
        outbox.send("{\r\n\"a\":\n1}".into()).await.unwrap();
        outbox.send("{\"b\":\"\\n\"}".into()).await.unwrap();
        drop(outbox);
        let mut written = Vec::new();
        write(&mut written, receiver).await;
        assert_eq!(String::from_utf8(written).unwrap(), "{  \"a\": 1}\n{\"b\":\"\\n\"}\n");
    }

    #[tokio::test]
    async fn stderr_is_logged_by_line_cut_escaped_and_without_secrets() {
        #[derive(Clone, Default)]
        struct Written(Arc<parking_lot::Mutex<Vec<u8>>>);
        impl std::io::Write for Written {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                std::io::Write::write(&mut *self.0.lock(), bytes)
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let written = Written::default();
        let writer = written.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        let guard = tracing::subscriber::set_default(subscriber);
        let stderr = format!("token=s3cret-value \u{1b}[31m\n{}\n", "x".repeat(LOG_LINE + 1));
        log(stderr.as_bytes(), vec!["s3cret-value".into()], "tools/time".into()).await;
        drop(guard);
        let log = String::from_utf8(written.0.lock().clone()).unwrap();
        let lines: Vec<&str> = log.lines().collect();
        assert_eq!(lines.len(), 2, "{log}");
        assert!(lines[0].contains("tools/time") && lines[0].contains(r"token=*** \u{1b}[31m"), "{}", lines[0]);
        assert!(lines[1].contains(&"x".repeat(LOG_LINE)) && !lines[1].contains(&"x".repeat(LOG_LINE + 1)));
    }

    #[test]
    fn secrets_are_hidden_in_what_a_child_logs() {
        let secrets =
            hidden(&["s3cret".into(), "s3cret-longer".into(), "info".into(), "first-line\nsecond-line".into()]);
        assert_eq!(hide("info s3cret s3cret-longer second-line", &secrets), "info *** *** ***");
    }

    #[tokio::test(start_paused = true)]
    async fn a_child_cannot_flood_the_log() {
        let mut quota = Quota::new();
        assert_eq!((0..1000).filter_map(|_| quota.take()).count(), LOG_BURST as usize);
        tokio::time::advance(LOG_EVERY).await;
        assert_eq!((quota.take(), quota.take()), (Some(1000 - u64::from(LOG_BURST)), None));
    }
}
