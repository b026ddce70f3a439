//! Calls with one key to each pod, 100 a second on a kept-alive connection
//! each, and when the last of them succeeded.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tests::wait::until;
use tokio::time::MissedTickBehavior;

use crate::scene::{Running, client_of, succeeded};

/// Between two calls to a pod.
const INTERVAL: Duration = Duration::from_millis(10);

/// What became of a key at one pod.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    /// When a call last succeeded.
    pub(crate) last_success: Option<Instant>,
    /// Calls in a row that were refused since.
    pub(crate) refused: usize,
}

/// Probes that are under way, one a pod.
pub(crate) struct Probes {
    stop: Arc<AtomicBool>,
    pods: Vec<(String, Arc<std::sync::Mutex<Seen>>)>,
    thread: Option<JoinHandle<()>>,
}

impl Probes {
    /// Calls a tool at each pod, until stopped.
    pub(crate) fn start(pods: &[Running], key: &str, tool: &'static str, arguments: &'static str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let pods: Vec<_> =
            pods.iter().map(|pod| (pod.name.clone(), pod.ip, Arc::<std::sync::Mutex<Seen>>::default())).collect();
        let seen = pods.iter().map(|(name, _, seen)| (name.clone(), seen.clone())).collect();
        let (stopped, key) = (stop.clone(), key.to_owned());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut probes = tokio::task::JoinSet::new();
                for (_, ip, seen) in pods {
                    let url = format!("http://{}/mcp", SocketAddr::new(ip, 8080));
                    probes.spawn(probe(client_of(&url, &key), tool, arguments, seen, stopped.clone()));
                }
                while probes.join_next().await.is_some() {}
            });
        });
        Self { stop, pods: seen, thread: Some(thread) }
    }

    /// What was seen so far, by pod.
    pub(crate) fn seen(&self) -> Vec<(String, Seen)> {
        self.pods.iter().map(|(name, seen)| (name.clone(), *seen.lock().unwrap())).collect()
    }

    /// Waits until the key works at every pod.
    pub(crate) fn all_succeed(&self) {
        until("the key works at every pod", Duration::from_secs(30), || {
            self.seen().iter().all(|(_, seen)| seen.last_success.is_some()).then_some(())
        });
    }

    /// Waits until every pod has refused twenty calls in a row; gives when the last call of all succeeded.
    pub(crate) fn all_refuse(&self) -> Instant {
        until("the key is refused at every pod", Duration::from_secs(30), || {
            let seen = self.seen();
            let all = seen.iter().all(|(_, seen)| seen.refused >= 20);
            all.then(|| seen.iter().filter_map(|(_, seen)| seen.last_success).max().unwrap())
        })
    }
}

impl Drop for Probes {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn probe(
    mut client: tests::client::Client,
    tool: &'static str,
    arguments: &'static str,
    seen: Arc<std::sync::Mutex<Seen>>,
    stop: Arc<AtomicBool>,
) {
    let mut due = tokio::time::interval(INTERVAL);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !stop.load(Ordering::Relaxed) {
        due.tick().await;
        let answer = client.try_call(tool, arguments).await;
        let mut seen = seen.lock().unwrap();
        match answer {
            Ok(answer) if succeeded(&answer) => *seen = Seen { last_success: Some(Instant::now()), refused: 0 },
            Ok(_) => seen.refused += 1,
            // A connection that ended is no answer; the next call makes another.
            Err(_) => {}
        }
    }
}
