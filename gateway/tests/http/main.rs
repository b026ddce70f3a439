//! HTTP upstreams against a scripted server on real sockets.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "all of this crate is a test, its server and its calls included"
)]

mod calls;
mod cancelled;
mod connections;
mod headers;
mod limits;
mod probe;
mod resumed;
mod server;
mod servers;
mod sessions;
mod sse;
mod tls;
mod tokens;
mod unasked;
mod wire;
