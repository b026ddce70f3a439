//! The wire as clients and upstreams meet it: the release binary as its own
//! process, real sockets and pipes, one module for each topic.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what fails in a test has to be seen, in its helpers too"
)]

mod asking;
mod bad_input;
mod bad_upstreams;
mod cancelling;
mod completions;
mod costs;
mod dead_server;
mod denials;
mod drain;
mod eras;
mod exposure;
mod fidelity;
mod footprint;
mod forwarding;
mod fuzz;
mod get_stream;
mod headers;
mod hosts;
mod http2;
mod inbound_sse;
mod inbound_sse_sessions;
mod input_required;
mod limits;
mod listen;
mod litellm;
mod logs;
mod mirrored_arguments;
mod modern_servers;
mod oauth;
mod outsiders;
mod own_list;
mod paths;
mod peer_port;
mod peers;
mod prompts;
mod reload;
mod resource_uris;
mod resources;
mod resumption;
mod revocation;
mod rivals;
mod scene;
mod sessions;
mod several;
mod sidecar;
mod slow_start;
mod status;
mod stdio_kill;
mod tls;
mod tokens;
mod twenty_upstreams;
mod two_callers;
