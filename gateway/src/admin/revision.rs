//! `/revision`: which snapshot is in force, for the operator. A cheap long
//! poll, so that it hears of a change at once.

use std::time::Duration;

use crds::snapshot::READS;
use http::{Response, StatusCode};
use serde_json::json;
use tokio::time::timeout;

use super::{Admin, Running, text};
use crate::body::Body;
use crate::owner::Owner;
use crate::table::Version;

/// The longest wait.
const LONGEST: Duration = Duration::from_secs(30);

/// What is asked.
#[derive(Debug, Default, Eq, PartialEq)]
struct Question {
    /// The revision that is known already.
    not: Option<u64>,
    wait: Duration,
}

impl Admin {
    /// Answers once the revision in force is not the one that is known, or the wait is over, or the port ends.
    pub(super) async fn revision(&self, query: &str) -> Response<Body> {
        let Some(question) = Question::read(query) else {
            return text(StatusCode::BAD_REQUEST, "text/plain", "/revision?not=REVISION&wait=SECONDS, 30 at most\n");
        };
        if let Some(known) = question.not {
            tokio::select! {
                _ = timeout(question.wait, self.another_than(known)) => {}
                _ = self.drain.closed() => {}
            }
        }
        text(StatusCode::OK, "application/json", self.in_force().to_string())
    }

    /// Waits until another revision is in force. 0: none is.
    async fn another_than(&self, known: u64) {
        if self.running.get().is_none() && known != 0 {
            return;
        }
        let Running { gateway, .. } = self.running.wait().await;
        // The sender lives as long as what it was borrowed from.
        let _ = gateway.revision.subscribe().wait_for(|revision| *revision != known).await;
    }

    fn in_force(&self) -> serde_json::Value {
        let table = self.running.get().map(|running| running.gateway.view.load().table.clone());
        let (version, pending) = table.map_or((Version::default(), 0), |table| (table.version, table.pending()));
        let digest = if version.revision == 0 { String::new() } else { version.digest_in_hex() };
        json!({
            "boot": Owner::boot_in_hex(self.boot),
            "revision": version.revision,
            "digest": digest,
            "schema": version.schema,
            "reads": READS,
            "source": self.standing.source(),
            "refused": self.standing.refused(),
            "pendingCredentials": pending,
            "ready": self.unready().is_none(),
        })
    }
}

impl Question {
    /// What a query asks; none if that cannot be said.
    fn read(query: &str) -> Option<Self> {
        let mut question = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=')? {
                ("not", revision) => question.not = Some(revision.parse().ok()?),
                ("wait", seconds) => question.wait = Duration::from_secs(seconds.parse().ok()?).min(LONGEST),
                _ => return None,
            }
        }
        Some(question)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_names_the_revision_that_is_known_and_how_long_to_wait() {
        let asked = |not, wait| Some(Question { not, wait: Duration::from_secs(wait) });
        assert_eq!(Question::read(""), asked(None, 0));
        assert_eq!(Question::read("not=42&wait=20"), asked(Some(42), 20));
        assert_eq!(Question::read("wait=300&not=0"), asked(Some(0), 30), "half a minute at most");
        for bad in ["not", "not=", "not=-1", "wait=1s", "not=1&until=3"] {
            assert_eq!(Question::read(bad), None, "{bad}");
        }
    }
}
