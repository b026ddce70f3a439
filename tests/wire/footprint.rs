//! What the release binary needs with the quickstart: memory at rest, and time to the first answered call.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tests::client::Client;
use tests::figures::Figures;
use tests::process::{Options, Switchboard};
use tests::usage::{cpu, rss_bytes};
use tests::wait::{until, until_async};

/// Starts that are measured.
const STARTS: usize = 11;

const MIB: f64 = 1024.0 * 1024.0;

fn quickstart() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/quickstart")
}

/// The key of the quickstart's team, as its access.yaml names it.
const BLUE: &str = "sb-quickstart-blue";

#[tokio::test(flavor = "multi_thread")]
async fn the_quickstart_is_small_at_rest_and_quick_to_its_first_answer() {
    let manifests = quickstart();
    let (mut milliseconds, mut mebibytes) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let started = Instant::now();
        let switchboard = Switchboard::start(&manifests, &Options::default());
        let mut client = Client::new(&switchboard.mcp).key(BLUE);
        until_async("an answered call", Duration::from_secs(10), async || {
            let answer = client.call("demo-echo", r#"{"text":"hello"}"#).await;
            (!answer.is_tool_error() && answer.text() == "hello").then_some(())
        })
        .await;
        milliseconds.push(started.elapsed().as_secs_f64() * 1e3);
        switchboard.ready();
        settle(switchboard.pid());
        mebibytes.push(f64::from(u32::try_from(rss_bytes(switchboard.pid())).unwrap()) / MIB);
    }
    let figures = Figures::of("wire");
    let first = figures.write_median("start_to_first_call_ms", &milliseconds);
    let idle = figures.write_median("idle_rss_mib", &mebibytes);
    assert!(first < 300.0, "{first} ms: {milliseconds:?}");
    assert!(idle < 20.0, "{idle} MiB: {mebibytes:?}");
}

/// Idle: no tick of CPU time for half a second.
fn settle(pid: u32) {
    let mut last = (cpu(pid), Instant::now());
    until("idleness", Duration::from_secs(20), || {
        let now = cpu(pid);
        if now != last.0 {
            last = (now, Instant::now());
        }
        (last.1.elapsed() > Duration::from_millis(500)).then_some(())
    });
}
