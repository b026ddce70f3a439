//! `switchboard run`: the gateway of one machine, and what a person sees of it.

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use gateway::node::{self, PeerOptions};
use gateway::process;
use gateway::run::{Event, Options, RunError};
use gateway::status::ServerStatus;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use tracing_subscriber::EnvFilter;

use crate::args::{Output, RunArgs, Surroundings};
use crate::output::{self, Colour, paint};

/// How long the end waits for somebody to read what there was to tell.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Serves until SIGTERM or SIGINT.
pub(crate) fn run(args: RunArgs, surroundings: Surroundings) -> Result<ExitCode, String> {
    let filter = EnvFilter::try_new(&args.log).map_err(|error| format!("--log: {error}"))?;
    let terminal = io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(terminal).with_writer(io::stderr).init();
    let runtime = process::runtime(args.workers).map_err(|error| error.to_string())?;
    let scratch = process::scratch(None);
    let scratch = scratch.map_err(|error| format!("no private directory for what servers write: {error}"))?;
    let ended = runtime.block_on(serve(args, surroundings, scratch.path().to_owned()));
    ended.map(|()| ExitCode::SUCCESS).map_err(|error| error.to_string())
}

async fn serve(args: RunArgs, surroundings: Surroundings, scratch: PathBuf) -> Result<(), RunError> {
    let (stop, stopping) = watch::channel(false);
    let (events, mut happened) = mpsc::channel(64);
    let binary = std::env::current_exe().unwrap_or_else(|_| "switchboard".into());
    let options = Options {
        directory: args.directory,
        state: surroundings.state,
        node: node::Options {
            listen: args.listen,
            certificates: args.tls_certificates,
            admin: args.admin,
            peers: args.peer_listen.map(|listen| PeerOptions { listen, names: args.peers }),
            cache: surroundings.cache,
            scratch,
            binary,
            environment: surroundings.environment,
            client_side_auth_header: args.client_side_auth_header.filter(|name| !name.is_empty()),
        },
    };
    let (told, telling) = oneshot::channel::<()>();
    // On a thread of its own: who does not read our output stops that thread, and not one that serves.
    std::thread::spawn(move || {
        let mut address = String::new();
        while let Some(event) = happened.blocking_recv() {
            match args.output {
                Output::Json => output::line(&serde_json::to_string(&event).unwrap_or_default()),
                Output::Text => tell(event, &mut address),
            }
        }
        drop(told);
    });
    tokio::spawn(process::end_when_asked(stop));
    let ended = gateway::run::run(options, events, stopping).await;
    // It ends with its channel, having told what there was to tell; or nobody reads.
    let _ = timeout(LAST_WORDS, telling).await;
    ended
}

fn tell(event: Event, address: &mut String) {
    let terminal = io::stdout().is_terminal();
    match event {
        Event::Listening { mcp, admin, peers } => {
            output::line(&format!("Switchboard serves {}", paint(&mcp, Colour::Green, terminal)));
            output::line(&format!("Admin port        {admin}"));
            if let Some(peers) = peers {
                output::line(&format!("Peer port         {peers}"));
            }
            *address = mcp;
        }
        Event::Ready { servers } => {
            output::line("");
            table(&servers, terminal);
            if !address.is_empty() {
                output::line(&client_configuration(&std::mem::take(address)));
            }
        }
        Event::Reloaded { revision } => output::line(&format!("Revision {revision} is in force")),
        Event::Refused { file, line, message } => {
            let label = paint("not in force", Colour::Red, terminal);
            output::line(&format!("{file}:{line}: {message} ({label}; the last good state serves on)"));
        }
        Event::Finding { file, line, message } => {
            let label = paint(&format!("{file}:{line}"), Colour::Yellow, terminal);
            output::line(&format!("{label}: {message}"));
        }
    }
}

fn table(servers: &[ServerStatus], terminal: bool) {
    let row = |columns: [&str; 5]| {
        let [alias, transport, state, tools, detail] = columns;
        format!("{alias:<24} {transport:<10} {state} {tools:>6}  {detail}").trim_end().to_owned()
    };
    output::line(&row(["SERVER", "TRANSPORT", &format!("{:<14}", "STATE"), "TOOLS", ""]));
    for server in servers {
        let colour = match server.state {
            "ready" | "per_caller" => Colour::Green,
            "discovering" => Colour::Yellow,
            _ => Colour::Red,
        };
        // Padded before it is painted: colour codes have no width.
        let state = paint(&format!("{:<14}", server.state), colour, terminal);
        let tools = server.tools.to_string();
        let detail = server.detail.as_deref().unwrap_or_default();
        output::line(&row([&server.alias, server.transport, &state, &tools, detail]));
    }
}

fn client_configuration(address: &str) -> String {
    format!(
        r#"
For Cursor, Claude and other clients that read mcpServers:
{{
  "mcpServers": {{
    "switchboard": {{
      "url": "{address}",
      "headers": {{ "x-litellm-api-key": "Bearer YOUR_KEY" }}
    }}
  }}
}}
"#
    )
}
