//! A scripted server over stdin and stdout: the program `fixture-stdio`.
//! Its one argument is a [`Script`] as JSON.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Stdout};
use tokio::sync::mpsc;

use super::answer::{Memory, Next, answer};
use super::modern;
use super::script::Script;

/// How much of a large result is written at once.
const CHUNK: usize = 64 * 1024;

/// The `stdio` member of an McpServer that runs this script.
pub fn manifest(script: &Script) -> Value {
    json!({"command": program(), "args": [serde_json::to_string(script).unwrap()]})
}

/// The program `fixture-stdio` of this build.
pub fn program() -> PathBuf {
    let running = std::env::current_exe().unwrap();
    // Test programs stand in `deps`, below the programs.
    let folders = running.ancestors().skip(1).take(2).map(Path::to_owned);
    let program = folders.map(|folder| folder.join("fixture-stdio")).find(|program| program.is_file());
    program.expect("fixture-stdio is built: `cargo build -p tests --bins` makes it")
}

/// Serves stdin until it ends.
pub async fn serve(script: Script) {
    let (sender, mut pieces) = mpsc::channel::<Bytes>(64);
    let writer = tokio::spawn(async move {
        let mut stdout: Stdout = tokio::io::stdout();
        while let Some(piece) = pieces.recv().await {
            if stdout.write_all(&piece).await.is_err() || stdout.flush().await.is_err() {
                return;
            }
        }
    });
    let memory = Arc::new(Mutex::new(Memory::default()));
    let mut lines = BufReader::new(tokio::io::stdin()).split(b'\n');
    while let Ok(Some(line)) = lines.next_segment().await {
        journal(&script, &line);
        let refused = if script.modern_only { modern::refusal(&script, None, &line) } else { None };
        if let Some(refused) = refused {
            let _ = sender.send(format!("{refused}\n").into()).await;
            continue;
        }
        let next = answer(&script, &mut memory.lock().unwrap(), None, &line);
        tokio::spawn(say(next, sender.clone()));
    }
    drop(sender);
    let _ = writer.await;
}

fn journal(script: &Script, line: &[u8]) {
    if let Some(path) = &script.journal {
        let mut file = std::fs::File::options().create(true).append(true).open(path).unwrap();
        file.write_all(&[line, b"\n"].concat()).unwrap();
    }
}

async fn say(next: Next, out: mpsc::Sender<Bytes>) {
    // A pipe that nobody reads takes nothing; there is nobody to tell.
    match next {
        Next::Nothing | Next::Never | Next::Listen | Next::Status { .. } | Next::Ask { .. } => {}
        Next::Page => drop(out.send(Bytes::from_static(b"<html><body>It works!</body></html>\n")).await),
        Next::Say { after, messages } => {
            if after > Duration::ZERO {
                tokio::time::sleep(after).await;
            }
            for message in messages {
                let _ = out.send([&message[..], b"\n"].concat().into()).await;
            }
        }
        Next::Half(message) => {
            let _ = std::io::stdout().write_all(&message[..message.len() / 2]);
            let _ = std::io::stdout().flush();
            std::process::exit(0);
        }
        Next::Exit => std::process::exit(3),
        Next::Stream { head, mut filler, tail } => {
            let chunk = Bytes::from(vec![b'x'; CHUNK]);
            let _ = out.send(head).await;
            while filler > 0 {
                let size = usize::try_from(filler).map_or(CHUNK, |left| left.min(CHUNK));
                if out.send(chunk.slice(..size)).await.is_err() {
                    return;
                }
                filler -= size as u64;
            }
            let _ = out.send([&tail.unwrap_or_default()[..], b"\n"].concat().into()).await;
        }
    }
}
