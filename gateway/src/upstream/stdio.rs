//! A server that is a child process, and the requests to it.
//!
//! The child starts with the first request, and again after it ended: at once
//! the first time, then after 1, 2, 4 … 30 seconds. Many requests share it,
//! told apart by their ids. It stops when nobody used it for ten minutes, on
//! [`StdioUpstream::stop`], and when the [`StdioUpstream`] and all replies
//! under way are dropped.
//!
//! ```text
//! send ─► phase: Down ──ask──► Starting ─► Live(Session) ─► id, outbox ─► the child's stdin
//!           ▲                     │             │
//!           └─── Keeper: launch, greet, watch the end ◄── stdout, stderr, exit
//! ```

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout_at};

use self::keeper::Keeper;
use self::session::{Refused, Session};
use super::handshake::{Hello, Offers};
use super::unasked::Unasked;
use super::{CallerPart, Endpoint, Era, Outcome, Outgoing, Reply, Strays, UpstreamError};

pub use self::children::Children;
pub use self::template::header_names;

mod backoff;
mod children;
mod greet;
mod keeper;
mod lines;
mod overlong;
mod pipes;
mod running;
mod scratch;
mod session;
mod template;

/// One stdio server for one combination of caller-derived values and, where sessions are not shared, caller.
pub struct StdioUpstream {
    shared: Arc<Shared>,
    keeper: mpsc::Sender<Stop>,
}

/// A child for people: what a status page shows.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ChildState {
    /// The process that supervises the live child.
    pub pid: Option<u32>,
    /// How often a child was started.
    pub starts: u64,
    /// How the last child ended that ended by itself, or why it could not be started.
    pub last_failure: Option<String>,
    /// It failed three times or more without a stable minute between.
    pub crash_looping: bool,
    /// What the live server said of itself.
    pub hello: Option<Hello>,
}

/// What requests and the keeper share.
struct Shared {
    endpoint: Arc<Endpoint>,
    caller: CallerPart,
    children: Arc<Children>,
    phase: watch::Sender<Phase>,
    /// The generation of [`Down`] that a request wants to see ended.
    wanted: watch::Sender<u64>,
    state: Mutex<ChildState>,
    list_again: watch::Sender<u64>,
    unasked: Unasked,
}

/// Where the child is in its life.
#[derive(Clone)]
enum Phase {
    Down(Down),
    /// Of this generation.
    Starting(u64),
    Live(Arc<Session>, Era),
    Stopped,
}

/// No child, or none that answers.
#[derive(Clone)]
struct Down {
    /// Counts the times that the child was down, from 1.
    generation: u64,
    /// Why; none if it was not yet wanted or not wanted any more.
    error: Option<UpstreamError>,
    /// When it may be started again.
    retry_at: Instant,
}

/// The order to stop for good.
struct Stop;

impl StdioUpstream {
    /// A child to be: nothing is started before the first request.
    pub fn new(endpoint: Arc<Endpoint>, caller: CallerPart, strays: Option<Strays>, children: Arc<Children>) -> Self {
        let list_again = watch::Sender::new(0);
        let unasked = Unasked::new(strays, caller.capabilities, list_again.clone());
        let down = Down { generation: 1, error: None, retry_at: Instant::now() };
        let shared = Arc::new(Shared {
            endpoint,
            caller,
            children,
            phase: watch::Sender::new(Phase::Down(down)),
            wanted: watch::Sender::new(0),
            state: Mutex::default(),
            list_again,
            unasked,
        });
        let (keeper, orders) = mpsc::channel(1);
        shared.children.runtime().spawn(Keeper::new(shared.clone(), orders).run());
        Self { shared, keeper }
    }

    /// Sends a request once, starting the child if there is none. Its reply fails if the child ends meanwhile; a
    /// request of which a byte may have been written is not sent again (R7).
    pub async fn send(&self, outgoing: &Outgoing<'_>) -> Result<Reply, UpstreamError> {
        let mut phase = self.shared.phase.subscribe();
        loop {
            let (session, era) = self.live(&mut phase, outgoing.deadline).await?;
            match session.request(outgoing, era, self.keeper.clone()).await {
                Ok(reply) => return Ok(reply),
                Err(Refused::Failed(error)) => return Err(error),
                Err(Refused::Ended) => changed(&mut phase, outgoing.deadline).await?,
            }
        }
    }

    /// What the server says that it offers, starting the child if there is none.
    pub async fn offers(&self, deadline: Instant) -> Result<Offers, UpstreamError> {
        self.live(&mut self.shared.phase.subscribe(), deadline).await?;
        let hello = self.shared.state.lock().hello.clone();
        hello.map(|hello| hello.offers).ok_or_else(|| UpstreamError::new(Outcome::Unreachable, "the server ended"))
    }

    /// The revision that the live child speaks.
    pub fn protocol(&self) -> Option<&'static str> {
        self.shared.state.lock().hello.as_ref().map(|hello| hello.version)
    }

    /// The live child's session, starting the child if there is none.
    async fn live(
        &self,
        phase: &mut watch::Receiver<Phase>,
        deadline: Instant,
    ) -> Result<(Arc<Session>, Era), UpstreamError> {
        let mut awaited = None;
        loop {
            let seen = phase.borrow_and_update().clone();
            match seen {
                Phase::Live(session, era) => return Ok((session, era)),
                Phase::Starting(generation) => {
                    awaited.get_or_insert(generation);
                }
                Phase::Down(down) => {
                    self.wait_or_give_up(&down, awaited, deadline)?;
                    awaited = Some(down.generation);
                }
                Phase::Stopped => return Err(stopped()),
            }
            changed(phase, deadline).await?;
        }
    }

    /// Writes a response to a request of the server, or a notification, to the child that is live.
    pub async fn answer(&self, message: Bytes) {
        let live = self.shared.phase.borrow().clone();
        if let Phase::Live(session, _) = live {
            session.tell(message, self.shared.endpoint.connect_timeout()).await;
        }
    }

    /// Stops the child for good and waits until its processes are gone; requests under way fail at once.
    pub async fn stop(&self) {
        let mut phase = self.shared.phase.subscribe();
        // an error: it has stopped already
        let _ = self.keeper.send(Stop).await;
        let _ = phase.wait_for(|phase| matches!(phase, Phase::Stopped)).await;
    }

    /// How the child is.
    pub fn state(&self) -> ChildState {
        self.shared.state.lock().clone()
    }

    /// Counts the reasons to list the server's tools again: it says that they have changed, or its process ended by
    /// itself.
    pub fn list_again(&self) -> &watch::Sender<u64> {
        &self.shared.list_again
    }

    /// Asks for a child where there is none; fails if the attempt that was awaited failed, or if the next comes too late.
    fn wait_or_give_up(&self, down: &Down, awaited: Option<u64>, deadline: Instant) -> Result<(), UpstreamError> {
        if let Some(error) = &down.error {
            if awaited.is_some_and(|awaited| awaited < down.generation) {
                return Err(error.clone());
            }
            if down.retry_at > deadline {
                let wait = down.retry_at.saturating_duration_since(Instant::now()).as_secs() + 1;
                let detail = format!("{}; it is started again in {wait} s", error.detail);
                return Err(UpstreamError { detail, ..error.clone() });
            }
        }
        self.shared.wanted.send_if_modified(|wanted| {
            let more = *wanted < down.generation;
            *wanted = down.generation.max(*wanted);
            more
        });
        Ok(())
    }
}

/// Waits until the child is at another place of its life.
async fn changed(phase: &mut watch::Receiver<Phase>, deadline: Instant) -> Result<(), UpstreamError> {
    match timeout_at(deadline, phase.changed()).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(stopped()),
        Err(_) => Err(UpstreamError::timeout("the start of the server's process")),
    }
}

fn stopped() -> UpstreamError {
    UpstreamError::new(Outcome::Unreachable, "the server's process was stopped")
}
