//! A scripted MCP server over stdin and stdout. Its one argument is a script as JSON.

use std::process::ExitCode;

use tests::upstream::{Script, stdio};

fn main() -> ExitCode {
    let Some(script) = std::env::args().nth(1).and_then(|text| serde_json::from_str::<Script>(&text).ok()) else {
        return ExitCode::from(2);
    };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return ExitCode::FAILURE;
    };
    runtime.block_on(stdio::serve(script));
    // A read of stdin that still waits in a thread must not keep the process.
    runtime.shutdown_background();
    ExitCode::SUCCESS
}
