//! `raw-proxy UPSTREAM_ADDRESS`: prints the address that it listens on, then proxies.
#![expect(clippy::print_stdout, reason = "the address is what the program has to say")]

use std::net::SocketAddr;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(upstream) = std::env::args().nth(1).and_then(|text| text.parse::<SocketAddr>().ok()) else {
        return ExitCode::from(2);
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else { return ExitCode::FAILURE };
    runtime.block_on(async {
        let Ok(listener) = tokio::net::TcpListener::bind("127.0.0.1:0").await else { return ExitCode::FAILURE };
        let Ok(address) = listener.local_addr() else { return ExitCode::FAILURE };
        println!("{address}");
        tests::raw_proxy::serve(listener, upstream).await;
        ExitCode::SUCCESS
    })
}
