//! A scripted MCP server over HTTP, as a pod runs it: `fixture-http ADDRESS SCRIPT`, the script as JSON.

use std::process::ExitCode;

use tests::upstream::{Script, Upstream};
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().and_then(|text| text.parse().ok());
    let script = arguments.next().and_then(|text| serde_json::from_str::<Script>(&text).ok());
    let (Some(address), Some(script)) = (address, script) else { return ExitCode::from(2) };
    let _serving = Upstream::start_at(address, script);
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return ExitCode::FAILURE;
    };
    // The first process of a container is sent SIGTERM and ends by nothing but its own will.
    runtime.block_on(async {
        let Ok(mut told) = signal(SignalKind::terminate()) else { return ExitCode::FAILURE };
        told.recv().await;
        ExitCode::SUCCESS
    })
}
