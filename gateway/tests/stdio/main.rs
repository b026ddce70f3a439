//! stdio children with real processes (R60): calls, deaths, orphans, bad servers.
//!
//! This program is also what it starts: `exec-child`, `demo-server`, the bad
//! servers, and a gateway that is killed.
#![allow(
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    clippy::panic,
    clippy::print_stdout,
    reason = "this program is a test, though without the harness that would say so"
)]

use std::ffi::OsString;
use std::process::ExitCode;
use std::thread;

mod bench;
mod calls;
mod deaths;
mod eras;
mod misbehaviour;
mod processes;
mod servers;

/// A test by name.
type Case = (&'static str, fn());

/// Lists async functions as cases, each with a runtime of its own.
macro_rules! cases {
    ($($module:ident :: $name:ident),* $(,)?) => {
        &[$((stringify!($name), || crate::bench::block_on($module::$name())),)*]
    };
}

const CASES: &[Case] = cases![
    calls::a_call_works_and_the_child_serves_many,
    calls::the_environment_is_what_is_declared_and_little_else,
    calls::headers_of_two_callers_reach_two_children_and_do_not_mix,
    calls::a_child_has_its_own_group_few_files_no_core_and_no_new_privileges,
    calls::a_start_goes_on_when_the_caller_that_wanted_it_gives_up,
    calls::progress_goes_to_the_request_that_asked_for_it,
    calls::requests_of_the_server_are_answered_here,
    calls::one_clients_child_is_heard_and_answered,
    calls::a_changed_list_is_seen,
    calls::a_message_with_newlines_arrives_as_one,
    deaths::a_killed_server_fails_the_calls_in_flight_and_the_next_works,
    deaths::a_killed_supervisor_leaves_nothing_behind,
    deaths::a_killed_gateway_leaves_nothing_behind,
    deaths::stop_ends_the_whole_tree_and_removes_the_scratch_directory,
    deaths::a_child_that_is_starting_when_it_is_stopped_leaves_nothing_behind,
    deaths::an_idle_child_stops_and_comes_back,
    deaths::a_dropped_upstream_ends_after_its_last_reply,
    deaths::a_deaf_server_is_killed,
    deaths::a_server_that_exits_at_start_is_started_again_ever_later,
    eras::r5_a_server_that_ends_when_asked_for_its_era_is_started_again_as_a_legacy_one,
    eras::r5_a_server_that_is_silent_is_a_legacy_one,
    eras::r5_a_server_that_starts_slowly_may_turn_out_to_be_modern,
    misbehaviour::garbage_and_foreign_ids_disturb_nobody,
    misbehaviour::an_overlong_line_fails_its_request_only,
    misbehaviour::a_silent_server_times_out,
    misbehaviour::a_request_that_times_out_or_is_dropped_is_cancelled,
    misbehaviour::a_server_that_refuses_initialize_is_named_so,
    misbehaviour::a_missing_command_is_named_so,
    misbehaviour::a_server_that_does_not_read_holds_up_nobody_beyond_the_deadline,
];

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let first = args.next().unwrap_or_default();
    match first.to_str() {
        Some("exec-child") => gateway::exec_child::main(args),
        Some("demo-server") => {
            gateway::demo_server::run(std::io::stdin().lock(), std::io::stdout()).unwrap();
            ExitCode::SUCCESS
        }
        Some("bad-server") => servers::run(&strings(args)),
        Some("gateway") => bench::block_on(deaths::gateway_to_be_killed(strings(args).remove(0).into())),
        // `--list` and the like are the harness's
        filter => run(filter.filter(|filter| !filter.starts_with('-')).unwrap_or_default()),
    }
}

fn strings(args: impl Iterator<Item = OsString>) -> Vec<String> {
    args.map(|arg| arg.into_string().unwrap()).collect()
}

/// Runs the cases whose names contain `filter`, all at once.
fn run(filter: &str) -> ExitCode {
    let chosen = CASES.iter().filter(|(name, _)| name.contains(filter));
    let running: Vec<_> = chosen
        .map(|(name, case)| (*name, thread::Builder::new().name((*name).to_owned()).spawn(*case).unwrap()))
        .collect();
    let (mut passed, mut failed) = (0, 0);
    for (name, case) in running {
        let ok = case.join().is_ok();
        *(if ok { &mut passed } else { &mut failed }) += 1;
        println!("test {name} ... {}", if ok { "ok" } else { "FAILED" });
    }
    println!("\n{passed} passed; {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
