//! The load of R80: an open loop of 200 calls/s over 32 kept-alive
//! connections, 3 s deadline from the moment a call was due, no retry of a
//! call of which a byte may have been sent; and the probe beside it, which is
//! slower and goes to one pod. Each runs in a thread of its own.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use tokio::sync::Semaphore;

use crate::client::{connect, split};

/// Calls per second (R80).
pub const RATE: u32 = 200;

/// Connections (R80).
pub const CONNECTIONS: usize = 32;

/// Calls per second of a probe.
pub const PROBE_RATE: u32 = 100;

/// Connections of a probe.
pub const PROBE_CONNECTIONS: usize = 4;

/// From the moment a call was due to the end of its answer (R80).
pub const DEADLINE: Duration = Duration::from_secs(3);

/// Between two tries of a connect that was refused.
const RECONNECT: Duration = Duration::from_millis(10);

/// What is sent, and when it counts as a success.
#[derive(Clone)]
pub struct Plan {
    /// `http://ADDRESS/PATH`.
    pub url: String,
    /// Headers of every call.
    pub headers: HeaderMap,
    /// The body of the call of this number.
    pub body: Arc<dyn Fn(u64) -> Bytes + Send + Sync>,
    /// Why an answer is a failure, if it is one.
    pub judge: fn(StatusCode, &[u8]) -> Result<(), String>,
    /// Calls per second.
    pub rate: u32,
    /// Connections that are kept alive.
    pub connections: usize,
}

/// One call, from when it was due.
#[derive(Clone, Debug)]
pub struct Sample {
    /// When it was due, from the start of the load.
    pub due: Duration,
    /// From when it was due to the end of its answer.
    pub latency: Duration,
    /// Why it failed.
    pub failure: Option<String>,
}

/// All that was sent, in order of ending.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Every call.
    pub samples: Vec<Sample>,
}

/// One second of a load.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Second {
    /// Calls that were due in it.
    pub due: usize,
    /// Of those, how many failed.
    pub failed: usize,
}

/// A load that is under way.
pub struct Load {
    stop: Arc<AtomicBool>,
    report: Arc<Mutex<Report>>,
    thread: Option<JoinHandle<()>>,
    started: Instant,
}

impl Plan {
    /// Calls a tool by legacy requests without a session id.
    pub fn call(url: &str, key: &str, tool: &str) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert("x-litellm-api-key", key.parse().unwrap());
        headers.insert("mcp-protocol-version", "2025-11-25".parse().unwrap());
        headers.insert("content-type", "application/json".parse().unwrap());
        headers.insert("accept", "application/json, text/event-stream".parse().unwrap());
        let tool = tool.to_owned();
        let body = move |number: u64| {
            Bytes::from(format!(
                r#"{{"jsonrpc":"2.0","id":{number},"method":"tools/call","params":{{"name":"{tool}","arguments":{{"number":{number}}}}}}}"#
            ))
        };
        let (rate, connections) = (RATE, CONNECTIONS);
        Self { url: url.to_owned(), headers, body: Arc::new(body), judge: successful_call, rate, connections }
    }

    /// The same as a probe: beside a load, to see one pod.
    pub fn probe(url: &str, key: &str, tool: &str) -> Self {
        Self { rate: PROBE_RATE, connections: PROBE_CONNECTIONS, ..Self::call(url, key, tool) }
    }
}

/// A result that is not an error of the tool.
pub fn successful_call(status: StatusCode, body: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(body);
    if status == StatusCode::OK && text.contains(r#""result""#) && !text.contains(r#""isError":true"#) {
        return Ok(());
    }
    Err(format!("{status}: {}", text.chars().take(400).collect::<String>()))
}

impl Load {
    /// Starts the load.
    pub fn start(plan: Plan) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let report = Arc::new(Mutex::new(Report::default()));
        let (stopped, shared) = (Arc::clone(&stop), Arc::clone(&report));
        let started = Instant::now();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(run(plan, started, &stopped, &shared));
        });
        Self { stop, report, thread: Some(thread), started }
    }

    /// What the times of its report count from.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// How long it has been under way.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// What has ended so far.
    pub fn so_far(&self) -> Report {
        self.report.lock().unwrap().clone()
    }

    /// Sends nothing new, waits for all answers, and reports.
    pub fn stop(mut self) -> Report {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().expect("stopped once").join().unwrap();
        self.so_far()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Report {
    /// How many calls were sent.
    pub fn sent(&self) -> usize {
        self.samples.len()
    }

    /// The failed calls.
    pub fn failures(&self) -> Vec<&Sample> {
        self.samples.iter().filter(|sample| sample.failure.is_some()).collect()
    }

    /// The calls that were due in this part of the load.
    pub fn between(&self, from: Duration, to: Duration) -> Report {
        let within = |sample: &&Sample| (from..to).contains(&sample.due);
        Report { samples: self.samples.iter().filter(within).cloned().collect() }
    }

    /// When the last successful call had ended.
    pub fn last_success(&self) -> Option<Duration> {
        let successes = self.samples.iter().filter(|sample| sample.failure.is_none());
        successes.map(|sample| sample.due + sample.latency).max()
    }

    /// A latency that this share of the successful calls did not exceed.
    pub fn percentile(&self, share: f64) -> Option<Duration> {
        let mut latencies: Vec<_> =
            self.samples.iter().filter(|sample| sample.failure.is_none()).map(|sample| sample.latency).collect();
        latencies.sort_unstable();
        #[expect(clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "an index, rounded")]
        let index = (latencies.len().saturating_sub(1) as f64 * share).round() as usize;
        latencies.get(index).copied()
    }

    /// Second by second.
    pub fn timeline(&self) -> Vec<Second> {
        let mut seconds = Vec::new();
        for sample in &self.samples {
            let index = sample.due.as_secs() as usize;
            if seconds.len() <= index {
                seconds.resize(index + 1, Second::default());
            }
            seconds[index].due += 1;
            seconds[index].failed += usize::from(sample.failure.is_some());
        }
        seconds
    }
}

/// The connections: at most so many calls as permits are under way.
struct Pool {
    address: SocketAddr,
    path: String,
    permits: Semaphore,
    idle: Mutex<Vec<SendRequest<Full<Bytes>>>>,
}

async fn run(plan: Plan, started: Instant, stop: &AtomicBool, report: &Arc<Mutex<Report>>) {
    let (address, path) = split(&plan.url);
    let pool = Arc::new(Pool { address, path, permits: Semaphore::new(plan.connections), idle: Mutex::default() });
    let plan = Arc::new(plan);
    let mut calls = tokio::task::JoinSet::new();
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        let due = Duration::from_secs(1) * number / plan.rate;
        tokio::time::sleep_until((started + due).into()).await;
        let (plan, pool, report) = (Arc::clone(&plan), Arc::clone(&pool), Arc::clone(report));
        calls.spawn(async move {
            let deadline = (started + due + DEADLINE).into();
            let failure = match tokio::time::timeout_at(deadline, call(&pool, &plan, u64::from(number))).await {
                Ok(outcome) => outcome.err(),
                Err(_) => Some("deadline".to_owned()),
            };
            report.lock().unwrap().samples.push(Sample {
                due,
                latency: started.elapsed().saturating_sub(due),
                failure,
            });
        });
        number += 1;
        while calls.try_join_next().is_some() {}
    }
    while calls.join_next().await.is_some() {}
}

async fn call(pool: &Pool, plan: &Plan, number: u64) -> Result<(), String> {
    let _permit = pool.permits.acquire().await.map_err(|error| error.to_string())?;
    let mut request = Request::post(&pool.path)
        .header("host", pool.address.to_string())
        .body(Full::new((plan.body)(number)))
        .unwrap();
    request.headers_mut().extend(plan.headers.clone());
    loop {
        let mut connection = pool.take().await;
        match connection.try_send_request(request).await {
            Ok(response) => {
                let (head, body) = response.into_parts();
                let body = body.collect().await.map_err(|error| format!("body: {error}"))?.to_bytes();
                pool.idle.lock().unwrap().push(connection);
                return (plan.judge)(head.status, &body);
            }
            // Given back: no byte of it was sent, the connection had gone while idle.
            Err(mut error) => match error.take_message() {
                Some(unsent) => request = unsent,
                None => return Err(format!("send: {}", error.into_error())),
            },
        }
    }
}

impl Pool {
    /// A connection that is ready; a refused connect is repeated until the call's deadline drops this.
    async fn take(&self) -> SendRequest<Full<Bytes>> {
        loop {
            let idle = self.idle.lock().unwrap().pop();
            if let Some(mut connection) = idle {
                if connection.ready().await.is_ok() {
                    return connection;
                }
                continue;
            }
            match connect(self.address).await {
                Ok(connection) => return connection,
                Err(_) => tokio::time::sleep(RECONNECT).await,
            }
        }
    }
}

#[cfg(test)]
mod tests;
