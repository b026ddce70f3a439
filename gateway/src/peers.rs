//! Several processes that serve one fleet, without a shared store: any of
//! them takes any request, and what only one of them keeps is reached over a
//! port of their own (DESIGN 4).
//!
//! Out: requests that belong to another process, whole; what came of
//! sessions, to all. In, by [`port`]: the same from them. Nothing here is
//! asked for by a request that needs no other process.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::join_all;
use http::header::{HOST, HeaderName};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Collected, Full, Limited};
use hyper::body::Incoming;
use parking_lot::Mutex;
use prometheus::{IntCounterVec, IntGauge};
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use self::line::{Line, SendError};
use self::roster::Roster;
use crate::body::Body;
use crate::clock;
use crate::connections::Seldom;
use crate::gateway::Gateway;
use crate::hop;
use crate::networks::{self, Side};
use crate::owner::Owner;
use crate::session::{Sessions, Told};

pub mod authority;
mod line;
pub mod port;
mod roster;

use self::authority::Credentials;

/// Tells a process from those that were at its address before.
type Boot = [u8; 8];

/// Whom a request between peers is for; whose answer it is.
pub(crate) const BOOT: HeaderName = HeaderName::from_static("switchboard-boot");
/// Where the client of a request that is passed on is, as the process found it that took it.
pub(crate) const SIDE: HeaderName = HeaderName::from_static("switchboard-side");
/// Where the sender of a request between peers can be reached.
const FROM: HeaderName = HeaderName::from_static("switchboard-peer");
/// Who is there.
const HELLO: &str = "/peer/hello";
/// What came of sessions: all of it to read, some of it to take to mind.
const SESSIONS: &str = "/peer/sessions";
/// A process ends.
const LEAVING: &str = "/peer/leaving";

/// How often peers are asked whether they are there.
const ROUND: Duration = Duration::from_secs(1);
/// How long the answer to a question of our own may take; also how long a name may take to be resolved.
const ANSWER: Duration = Duration::from_secs(2);
/// How long what is best effort may take.
const BEST_EFFORT: Duration = Duration::from_secs(1);
/// How long a start waits for what its peers know.
const JOIN: Duration = Duration::from_secs(10);
/// What a start waits before it asks a peer again.
const AGAIN: Duration = Duration::from_millis(200);
/// The most that is told at once, in bytes: all ended sessions and log levels that a process remembers.
const MAX_TOLD: usize = 4 * 1024 * 1024;
/// Notifications that are passed on at once; further ones are not.
const MAX_PASSED_ON: usize = 64;
/// A larger notification is not passed on, in bytes.
const MAX_NOTIFICATION: usize = 64 * 1024;

/// The other processes.
pub struct Peers {
    own: Owner,
    names: Vec<Name>,
    roster: Roster,
    metrics: PeerMetrics,
    passing_on: Arc<Semaphore>,
}

/// A name of the configuration.
struct Name {
    /// HOST:PORT.
    text: String,
    /// Where it led when it could last be resolved: nobody is taken for lost because a resolver is.
    addresses: Mutex<Vec<SocketAddr>>,
    told: Mutex<Seldom>,
}

/// What is counted of peers.
#[derive(Clone)]
pub struct PeerMetrics {
    /// Peers that answered when they were last asked.
    pub reachable: IntGauge,
    /// Requests for other processes, by what came of them.
    pub forwarded: IntCounterVec,
}

/// One of them, as status shows it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct PeerStatus {
    /// Where its port is.
    pub address: SocketAddr,
    /// Whether it answered when it was last asked.
    pub reachable: bool,
}

/// Why another process did not answer a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ForwardError {
    /// That process is no more, and has not seen the request.
    Gone,
    /// It may have seen the request: it is not sent again (R7).
    Broken,
}

impl Peers {
    /// The peers of `own`, which are where `names` (HOST:PORT each) lead. Nothing is asked before [`Self::join`].
    pub fn new(own: Owner, names: Vec<String>, credentials: &Credentials, metrics: PeerMetrics) -> Arc<Self> {
        let roster = Roster::new(own, credentials.connector.clone());
        let name = |text| Name { text, addresses: Mutex::default(), told: Mutex::default() };
        let names = names.into_iter().map(name).collect();
        Arc::new(Self { own, names, roster, metrics, passing_on: Arc::new(Semaphore::new(MAX_PASSED_ON)) })
    }

    /// Has another process answer a request, whose client is at this side; its answer as it comes. Once nobody waits for
    /// that any more, the other process sees its client leave.
    pub async fn forward(
        &self,
        owner: Owner,
        (parts, side): (&Parts, Side),
        body: Bytes,
    ) -> Result<Response<Body>, ForwardError> {
        let answered = self.send_to(owner, (parts, side), body).await;
        let outcome = match &answered {
            Ok(_) => "answered",
            Err(ForwardError::Gone) => "gone",
            Err(ForwardError::Broken) => "broken",
        };
        self.metrics.forwarded.with_label_values(&[outcome]).inc();
        answered
    }

    async fn send_to(
        &self,
        owner: Owner,
        (parts, side): (&Parts, Side),
        body: Bytes,
    ) -> Result<Response<Body>, ForwardError> {
        let line = self.roster.line(owner.address.ok_or(ForwardError::Gone)?);
        if line.seen().has_left(owner.boot) {
            return Err(ForwardError::Gone);
        }
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = parts.method.clone();
        let path = parts.uri.path_and_query().cloned();
        *request.uri_mut() = path.map_or_else(|| Uri::from_static("/"), Uri::from);
        *request.headers_mut() = hop::end_to_end(&parts.headers);
        request.headers_mut().insert(BOOT, header(owner.boot));
        request.headers_mut().insert(SIDE, networks::header(side));
        // A client of HTTP/2 names the host in the target alone (RFC 9113, 8.3.1), which does not go on.
        request.headers_mut().entry(HOST).or_insert(HeaderValue::from_static(authority::NAME));
        let response = line.send(request).await.map_err(|error| match error {
            SendError::Unreachable => ForwardError::Gone,
            SendError::Broken => ForwardError::Broken,
        })?;
        if response.status() == StatusCode::MISDIRECTED_REQUEST {
            return Err(ForwardError::Gone);
        }
        let (mut head, body) = response.into_parts();
        head.headers = hop::end_to_end(&head.headers);
        Ok(Response::from_parts(head, Body::Forwarded(body)))
    }

    /// Passes a notification on to all, in the background, as well as it goes.
    pub fn pass_on(self: &Arc<Self>, (parts, side): (&Parts, Side), body: &Bytes) {
        if body.len() > MAX_NOTIFICATION {
            return;
        }
        let Ok(passing_on) = self.passing_on.clone().try_acquire_owned() else { return };
        let (peers, parts, body) = (self.clone(), parts.clone(), body.clone());
        tokio::spawn(async move {
            let others = peers.roster.others();
            let told = others.iter().filter(|line| line.seen().is_reachable).filter_map(|line| {
                let owner = Owner { boot: line.seen().boot?, address: Some(line.address) };
                Some(timeout(BEST_EFFORT, peers.forward(owner, (&parts, side), body.clone())))
            });
            join_all(told).await;
            drop(passing_on);
        });
    }

    /// Tells all what came of sessions, and waits until all that can be reached have taken it to mind; two seconds at most.
    /// Who could not be is told when it answers again.
    pub async fn tell(&self, told: &[Told]) {
        let body = Bytes::from(Told::write_all(told));
        let others = self.roster.others();
        join_all(others.iter().map(|line| self.tell_one(line, body.clone()))).await;
    }

    async fn tell_one(&self, line: &Line, body: Bytes) {
        let answered = self.ask(line, Method::POST, SESSIONS, body).await;
        if !answered.is_some_and(|response| response.status().is_success()) {
            line.fell_behind();
        }
    }

    /// Learns from all that can be reached what they know of sessions. Before that, this process must not be ready.
    pub async fn join(&self, sessions: &Sessions) {
        self.meet().await;
        let others = self.roster.others();
        let copying = others.iter().filter(|line| line.seen().is_reachable).map(async |line| {
            while !self.copy(line, sessions).await && line.seen().is_reachable {
                sleep(AGAIN).await;
                self.greet(line).await;
            }
        });
        if timeout(JOIN, join_all(copying)).await.is_err() {
            tracing::warn!("a peer did not tell in time which sessions have ended; this process goes on without");
        }
    }

    async fn copy(&self, line: &Line, sessions: &Sessions) -> bool {
        let Some(response) = self.ask(line, Method::GET, SESSIONS, Bytes::new()).await else { return false };
        let is_success = response.status().is_success();
        let Some(body) = read(response.into_body()).await.filter(|_| is_success) else { return false };
        let now = clock::now();
        Told::read_all(&body).for_each(|told| sessions.note(told, now));
        true
    }

    /// Looks who is there, for as long as the process runs.
    pub async fn keep(self: Arc<Self>, gateway: Arc<Gateway>) {
        let mut round = interval(ROUND);
        round.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            round.tick().await;
            self.meet().await;
            for line in self.roster.others() {
                if line.seen().is_reachable && line.catch_up() {
                    self.tell_one(&line, Told::write_all(&gateway.sessions.told()).into()).await;
                }
            }
        }
    }

    /// Tells all that this process ends: what is its own is gone from now on.
    pub async fn leave(&self) {
        let others = self.roster.others();
        let told = others.iter().map(|line| timeout(BEST_EFFORT, self.ask(line, Method::POST, LEAVING, Bytes::new())));
        join_all(told).await;
    }

    /// How they are, by address.
    pub fn status(&self) -> Vec<PeerStatus> {
        let others = self.roster.others();
        others.iter().map(|line| PeerStatus { address: line.address, reachable: line.seen().is_reachable }).collect()
    }

    /// Resolves the names and greets whoever is known.
    async fn meet(&self) {
        join_all(self.names.iter().map(Name::resolve)).await;
        let named: Vec<_> = self.names.iter().flat_map(|name| name.addresses.lock().clone()).collect();
        self.roster.name(&named);
        let all = self.roster.all();
        join_all(all.iter().map(|line| self.greet(line))).await;
        let reachable = self.roster.others().iter().filter(|line| line.seen().is_reachable).count();
        self.metrics.reachable.set(i64::try_from(reachable).unwrap_or(i64::MAX));
    }

    async fn greet(&self, line: &Line) {
        let answer = self.ask(line, Method::GET, HELLO, Bytes::new()).await;
        match answer.and_then(|answer| boot_of(answer.headers().get(BOOT)?)) {
            Some(boot) => line.answered(boot),
            None => line.was_silent(),
        }
    }

    /// A question of our own to another process.
    async fn ask(&self, line: &Line, method: Method, path: &'static str, body: Bytes) -> Option<Response<Incoming>> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = Uri::from_static(path);
        request.headers_mut().insert(HOST, HeaderValue::from_static(authority::NAME));
        request.headers_mut().insert(BOOT, header(self.own.boot));
        if let Some(address) = self.own.address.and_then(|address| HeaderValue::from_str(&address.to_string()).ok()) {
            request.headers_mut().insert(FROM, address);
        }
        timeout(ANSWER, line.send(request)).await.ok()?.ok()
    }
}

impl Name {
    async fn resolve(&self) {
        match timeout(ANSWER, tokio::net::lookup_host(&self.text)).await {
            Ok(Ok(found)) => {
                let found = found.map(|found| SocketAddr::new(found.ip().to_canonical(), found.port()));
                *self.addresses.lock() = found.collect();
            }
            _ if self.told.lock().is_due(Instant::now()) => {
                tracing::warn!("--peers: {} cannot be resolved now", self.text);
            }
            _ => {}
        }
    }
}

/// A body between peers, up to its bound.
async fn read(body: Incoming) -> Option<Bytes> {
    let collected = timeout(ANSWER, Limited::new(body, MAX_TOLD).collect()).await.ok()?;
    collected.ok().map(Collected::to_bytes)
}

/// A boot id as a header: 16 hexadecimal digits.
fn header(boot: Boot) -> HeaderValue {
    HeaderValue::from_str(&Owner::boot_in_hex(boot)).unwrap_or(HeaderValue::from_static(""))
}

fn boot_of(value: &HeaderValue) -> Option<Boot> {
    let digits = value.to_str().ok().filter(|digits| digits.len() == 16 && !digits.starts_with('+'))?;
    u64::from_str_radix(digits, 16).ok().map(u64::to_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boot_id_is_sixteen_hexadecimal_digits() {
        for boot in [[0; 8], [0xff; 8], *b"\x01\x23\x45\x67\x89\xab\xcd\xef"] {
            assert_eq!(boot_of(&header(boot)), Some(boot));
        }
        for bad in ["", "0123456789abcde", "0123456789abcdef0", "+123456789abcdef", "0123456789abcdeg"] {
            assert_eq!(boot_of(&HeaderValue::from_str(bad).unwrap()), None, "{bad}");
        }
    }
}
