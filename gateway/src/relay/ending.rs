//! How long the way home of a streamed reply may take, and what ends it before its end.

use std::future::Future;

use tokio::time::timeout_at;

use super::Relay;
use crate::revoked::Ending;
use crate::upstream::UpstreamError;

/// How the way home ended, if not in an error.
pub(super) enum Ended {
    /// With the response, or as its client wanted.
    Rightly,
    /// Nobody wants it any more, or may have it.
    CutOff,
    /// With the process.
    WithProcess,
}

impl Relay {
    /// A slow client has until the call's deadline, and nobody goes on with what they have lost. A modern client that goes
    /// away, which is when `gone` returns, cancels; of a legacy one that says nothing.
    pub(super) async fn while_held<F>(
        &self,
        gone: impl Future<Output = ()>,
        going_on: F,
    ) -> Result<Ended, UpstreamError>
    where
        F: Future<Output = Result<(), UpstreamError>>,
    {
        let cancelled = async {
            match &self.under_way {
                Some(call) => call.cancelled().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            ended = timeout_at(self.deadline, going_on) => {
                let late = |_| Err(UpstreamError::timeout("the caller's reading of the reply"));
                ended.unwrap_or_else(late).map(|()| Ended::Rightly)
            }
            () = cancelled => Ok(Ended::Rightly),
            ending = self.holding.ended() => Ok(match ending {
                Ending::Lost => Ended::CutOff,
                Ending::Process => Ended::WithProcess,
            }),
            () = gone, if self.modern => Ok(Ended::CutOff),
        }
    }
}
