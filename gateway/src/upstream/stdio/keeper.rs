//! The task that owns a child over all of its lives.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::{Duration, Instant, sleep_until};

use super::backoff::{Backoff, STABLE};
use super::running::{Running, Ungreeted};
use super::{Down, Phase, Shared, Stop, stopped};
use crate::upstream::{Era, UpstreamError};

/// Starts the child when it is wanted, sees it end, and stops it.
pub(super) struct Keeper {
    shared: Arc<Shared>,
    /// Closed when the upstream and all of its replies are dropped.
    orders: mpsc::Receiver<Stop>,
    backoff: Backoff,
    /// The server was seen to be of the legacy era, or to end when it was asked which it is of; or it is to be of that era
    /// if it can, as the one client is that it is for.
    legacy: bool,
}

/// How one life of the child ended.
enum End {
    Failed(UpstreamError, Duration),
    /// When it was asked for its era: it is to be started again at once, and asked nothing that it may not know (R5).
    Probed,
    Idle,
    Stopped,
}

impl Keeper {
    pub(super) fn new(shared: Arc<Shared>, orders: mpsc::Receiver<Stop>) -> Self {
        let legacy = shared.unasked.is_of_client();
        Self { shared, orders, backoff: Backoff::default(), legacy }
    }

    /// Runs until the child is stopped for good.
    pub(super) async fn run(mut self) {
        let mut down = Down { generation: 1, error: None, retry_at: Instant::now() };
        while self.wanted(&down).await {
            self.shared.phase.send_replace(Phase::Starting(down.generation));
            let mut end = self.live().await;
            if let End::Probed = end {
                end = self.live().await;
            }
            down = Down { generation: down.generation + 1, error: None, retry_at: Instant::now() };
            match end {
                End::Failed(error, lived) => {
                    down.retry_at += self.backoff.failed(lived);
                    self.failed(&error);
                    down.error = Some(error);
                    self.shared.list_again.send_modify(|count| *count += 1);
                }
                End::Idle | End::Probed => {}
                End::Stopped => break,
            }
            self.shared.phase.send_replace(Phase::Down(down.clone()));
        }
        self.shared.phase.send_replace(Phase::Stopped);
    }

    /// Waits until a request wants a child and one may be started; false if it is to stop instead.
    async fn wanted(&mut self, down: &Down) -> bool {
        let mut wanted = self.shared.wanted.subscribe();
        let due = async {
            // cannot fail: the sender is in `shared`
            let _ = wanted.wait_for(|wanted| *wanted >= down.generation).await;
            sleep_until(down.retry_at).await;
        };
        tokio::select! {
            () = due => true,
            _ = self.orders.recv() => false,
        }
    }

    /// One life of the child.
    async fn live(&mut self) -> End {
        let mut running = match Running::launch(&self.shared) {
            Ok(running) => running,
            Err(error) => return End::Failed(error, Duration::ZERO),
        };
        {
            let mut state = self.shared.state.lock();
            state.pid = running.pid();
            state.starts += 1;
        }
        let end = self.attend(&mut running).await;
        {
            let mut state = self.shared.state.lock();
            state.pid = None;
            state.hello = None;
            if let End::Probed = end {
                // the one that follows takes its place
                state.starts -= 1;
            }
        }
        if let End::Stopped = end {
            running.take_down(&stopped()).await;
        } else {
            // the next child need not wait for the rest of this one
            let runtime = self.shared.children.runtime().clone();
            runtime.spawn(async move { running.take_down(&stopped()).await });
        }
        end
    }

    /// From the handshake to whatever ends the child.
    async fn attend(&mut self, running: &mut Running) -> End {
        let hello = tokio::select! {
            hello = running.greet(self.legacy, self.shared.endpoint.connect_timeout()) => hello,
            _ = self.orders.recv() => return End::Stopped,
        };
        let era = match hello {
            Ok(hello) => {
                let era = hello.era();
                self.shared.state.lock().hello = Some(hello);
                era
            }
            Err(Ungreeted::Ended(_)) if !self.legacy => {
                self.legacy = true;
                return End::Probed;
            }
            Err(Ungreeted::Ended(error)) => return End::Failed(error, Duration::ZERO),
            Err(Ungreeted::Refused(error)) => {
                self.legacy = false;
                return End::Failed(error, Duration::ZERO);
            }
        };
        self.legacy = era == Era::Legacy;
        self.shared.phase.send_replace(Phase::Live(running.session().clone(), era));
        let born = Instant::now();
        let idle = self.shared.children.idle();
        let mut look_at = born + idle;
        let mut stable = false;
        loop {
            tokio::select! {
                error = running.failed() => return End::Failed(error, born.elapsed()),
                _ = self.orders.recv() => return End::Stopped,
                () = sleep_until(born + STABLE), if !stable => {
                    stable = true;
                    self.backoff.stable();
                    self.shared.state.lock().crash_looping = false;
                }
                () = sleep_until(look_at) => match running.session().end_if_quiet(idle) {
                    Ok(()) => return End::Idle,
                    Err(again) => look_at = again,
                },
            }
        }
    }

    fn failed(&self, error: &UpstreamError) {
        let crash_looping = self.backoff.crash_looping();
        let mut state = self.shared.state.lock();
        state.last_failure = Some(error.detail.clone());
        state.crash_looping = crash_looping;
        tracing::warn!(server = self.shared.endpoint.server.id, crash_looping, "{}", error.detail);
    }
}
