//! `switchboard-gateway`: the gateway of a cluster, and the sidecar of its
//! agents. Thin: what they do is in the library.

use std::process::ExitCode;

mod args;
mod logs;
mod serve;
mod sidecar;

fn main() -> ExitCode {
    // A child of the gateway is started through its own binary, before anything else is: no runtime, no other thread.
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|command| command == "exec-child") {
        return gateway::exec_child::main(arguments);
    }
    args::parse_and_run()
}
