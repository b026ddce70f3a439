//! The suite through three processes of which one ends every ten seconds, by SIGTERM or by SIGKILL, and starts again.
//! Beside that the suite runs again and again; what one process alone kept may be gone, and nothing else.
//!
//! A scenario fails rightly only if all of this holds:
//!
//! - a process was ending meanwhile, and the scenario is not one of those that need no owner;
//! - while the scenario ran, a request was answered 404, which says that its session's owner is gone, or, where processes
//!   are killed, was broken off after it had been accepted;
//! - the scenario passes when it is run again at once, which begins with an `initialize` of its own.

use std::io::Write;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use tests::wait::until;

use crate::compare::{scenarios, worse};
use crate::direct::direct;
use crate::processes::{Count, End, Gateway, Peers};
use crate::results::Results;
use crate::setup::Setup;
use crate::shim::{Failure, Shim};
use crate::suite::{Selection, run_scenario, run_timed};

/// From the end of one process to the end of the next.
const EVERY: Duration = Duration::from_secs(10);

/// The most ends, where the machine is so slow that the suite meets none sooner.
const MOST: u32 = 12;

/// How long after its end a process may still be missed: connections to it are found broken, and the balancer asks who is
/// ready every 50 ms.
const AFTER: Duration = Duration::from_secs(1);

/// How far the clock of files may be behind.
const SLACK: Duration = Duration::from_millis(20);

/// What a session's owner has no part in: lists are read by every process, and nothing is asked of a server.
const WITHOUT_OWNER: [&str; 7] = [
    "dns-rebinding-protection",
    "ping",
    "prompts-list",
    "resources-list",
    "server-initialize",
    "server-sse-multiple-streams",
    "tools-list",
];

#[test]
fn a_drained_process_takes_nothing_along_but_the_sessions_that_it_owned() {
    roll(End::Drained);
}

#[test]
fn a_killed_process_takes_nothing_along_but_its_sessions_and_what_it_had_accepted() {
    roll(End::Killed);
}

/// When processes were ending: from the signal on, until the process is there again.
#[derive(Default)]
struct Gaps(Mutex<Vec<Range<SystemTime>>>);

/// One revision's way through all this.
struct Course<'r> {
    revision: &'static str,
    direct: Results,
    end: End,
    shim: Shim,
    gaps: &'r Gaps,
    /// How many scenarios ran while a process was ending.
    in_gaps: AtomicUsize,
}

/// What a course met.
#[derive(Default)]
struct Met {
    scenarios: usize,
    lost: usize,
    /// The failures that are none of the gaps', a line each.
    wrong: Vec<String>,
}

fn roll(end: End) {
    let setup = Setup::alone(Count::Three);
    let Gateway::Three(peers) = &setup.gateway else { panic!("three processes") };
    let (gaps, over) = (Gaps::default(), AtomicBool::new(false));
    let course = |revision| {
        let required = Selection::Required(revision);
        let direct = required.scored_of(&direct(required));
        let shim = Shim::start(setup.gateway.address(), None);
        Course { revision, direct, end, shim, gaps: &gaps, in_gaps: AtomicUsize::default() }
    };
    let courses = ["2025-11-25", "2026-07-28"].map(course);
    let met = thread::scope(|scope| {
        let runs = courses.each_ref().map(|course| scope.spawn(|| course.run(&over)));
        let rolled = scope.spawn(|| {
            roll_all(peers, end, &gaps, || courses.iter().all(|course| course.in_gaps.load(Ordering::Relaxed) > 0));
        });
        let rolled = rolled.join();
        // In any case, or the courses would run for ever.
        over.store(true, Ordering::Relaxed);
        rolled.unwrap();
        runs.map(|run| run.join().unwrap())
    });
    for (course, met) in courses.iter().zip(met) {
        let (revision, in_gaps) = (course.revision, course.in_gaps.load(Ordering::Relaxed));
        let Met { scenarios, lost, wrong } = met;
        let line =
            format!("{end:?} {revision}: {scenarios} scenarios, {in_gaps} as a process ended, {lost} lost by it\n");
        std::io::stdout().write_all(line.as_bytes()).unwrap();
        assert_eq!(wrong, [""; 0], "{revision}");
        assert!(in_gaps > 0, "{revision}: no scenario met the end of a process");
    }
}

/// Ends the processes one after the other: each once, and then again until there was enough of it.
fn roll_all(peers: &Peers, end: End, gaps: &Gaps, enough: impl Fn() -> bool) {
    let start = Instant::now();
    let places = (0..peers.len()).cycle().zip(1..=MOST);
    for (place, turn) in places.take_while(|(_, turn)| *turn as usize <= peers.len() || !enough()) {
        let at = start + EVERY * turn;
        until("the next turn", EVERY * 2, || (Instant::now() >= at).then_some(()));
        let signal = SystemTime::now();
        // Open until it is known when it closed.
        gaps.0.lock().unwrap().push(signal..signal + Duration::from_secs(3600));
        peers.end(place, end);
        peers.start_again(place);
        gaps.0.lock().unwrap().last_mut().unwrap().end = SystemTime::now() + AFTER;
    }
}

impl Course<'_> {
    /// Runs what the revision requires round and round until it is over.
    fn run(&self, over: &AtomicBool) -> Met {
        let required = Selection::Required(self.revision);
        let url = format!("http://{}/mcp", self.shim.address);
        let mut met = Met::default();
        while !over.load(Ordering::Relaxed) {
            let from = SystemTime::now();
            // What is not required takes long, and is left out.
            let (all, times) = run_timed(&url, Selection::Whole(self.revision), &format!("{:?}", self.end));
            let through = required.scored_of(&all);
            let failures = self.shim.take_failures();
            let worse = worse(&self.direct, &through);
            let failed = scenarios(&worse);
            for scenario in through.0.keys() {
                // One that broke off says of itself only that it ran.
                let time = times.get(scenario).cloned().unwrap_or(from..SystemTime::now());
                let in_gap = self.gaps.meet(&time);
                met.scenarios += 1;
                self.in_gaps.fetch_add(usize::from(in_gap), Ordering::Relaxed);
                if failed.contains(scenario.as_str()) {
                    let again = self.again(scenario, &url);
                    let answers: Vec<_> = failures.iter().filter(|failure| is_in(&time, failure.at)).collect();
                    if in_gap && self.may_lose(scenario, &answers) && again.is_empty() {
                        met.lost += 1;
                    } else {
                        let why = worse.iter().filter(|line| line.starts_with(&format!("{scenario}: ")));
                        let why: Vec<_> = why.collect();
                        met.wrong.push(format!("{why:?}; {answers:?}; as a process ended: {in_gap}; again: {again:?}"));
                    }
                }
            }
        }
        met
    }

    /// Runs a scenario again, alone: what is still worse than direct.
    fn again(&self, scenario: &str, url: &str) -> Vec<String> {
        let through = run_scenario(url, scenario, self.revision, &format!("again-{:?}", self.end));
        self.shim.take_failures();
        worse(&self.direct.only(&[scenario.to_owned()]), &through)
    }

    /// Whether the end of a process excuses the scenario, by how its requests were answered. 2026-07-28 has no sessions
    /// that could be lost.
    fn may_lose(&self, scenario: &str, answers: &[&Failure]) -> bool {
        let has_owner = self.revision == "2025-11-25" && !WITHOUT_OWNER.contains(&scenario);
        answers.iter().any(|failure| if failure.is_lost { has_owner } else { self.end == End::Killed })
    }
}

impl Gaps {
    fn meet(&self, time: &Range<SystemTime>) -> bool {
        self.0.lock().unwrap().iter().any(|gap| gap.start < time.end && time.start < gap.end)
    }
}

fn is_in(time: &Range<SystemTime>, at: SystemTime) -> bool {
    time.start - SLACK <= at && at <= time.end + SLACK
}
