//! `switchboard`: the person's tool. Thin: each command is a file, and each
//! asks the other crates.

use std::process::ExitCode;

mod admission;
mod args;
mod cluster;
mod crds;
mod import;
mod key;
mod output;
mod questions;
mod random;
mod rollout;
mod run;
mod snapshot;
mod source;
mod validate;

fn main() -> ExitCode {
    // A child of the gateway is started through its own binary, before anything else is: no runtime, no other thread.
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|command| command == "exec-child") {
        return gateway::exec_child::main(arguments);
    }
    args::parse_and_run()
}
