//! The direct column: the suite against the fixture, nothing between. Every selection runs once, and all tests that
//! hold something against it share that run.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

use crate::results::Results;
use crate::server::Fixture;
use crate::suite::{Selection, run};

type Runs = HashMap<Selection, Arc<OnceLock<Arc<Results>>>>;

/// All that the suite found direct, what does not count included. Who asks while it runs waits for it.
pub(crate) fn direct(selection: Selection) -> Arc<Results> {
    static RUNS: LazyLock<Mutex<Runs>> = LazyLock::new(Mutex::default);
    let cell = RUNS.lock().unwrap().entry(selection).or_default().clone();
    cell.get_or_init(|| Arc::new(run(&Fixture::start().mcp, selection, "direct"))).clone()
}
