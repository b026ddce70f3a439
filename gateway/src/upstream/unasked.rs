//! What a legacy server says outside of the answers to requests: its own
//! requests, logs, changes of its lists.
//!
//! The session of one client gives it on, as it came, to whoever keeps that
//! client. A pooled session has no one client: its server's requests are
//! answered here, and what it logs belongs to nobody (R10).

use bytes::Bytes;
use tokio::sync::{mpsc, watch};

use super::message::{self, Kind};
use crate::capabilities::Capabilities;

/// Where one client's session gives what its server says unasked: whole JSON-RPC messages.
pub type Strays = mpsc::Sender<Bytes>;

/// The longest id of a server's request that is answered, in bytes.
const LONGEST_ID: usize = 1024;

/// Who hears what a server says unasked.
#[derive(Clone)]
pub(crate) struct Unasked {
    /// None if the session is not that of one client.
    strays: Option<Strays>,
    /// What the client of the session can be asked for.
    capabilities: Capabilities,
    /// Counts the changes of the server's lists, among others.
    list_again: watch::Sender<u64>,
}

impl Unasked {
    /// `capabilities` are declared to the server. Without `strays` it can use them in calls only.
    pub(crate) fn new(strays: Option<Strays>, capabilities: Capabilities, list_again: watch::Sender<u64>) -> Self {
        Self { strays, capabilities, list_again }
    }

    /// Whether it is the session of one legacy client.
    pub(crate) fn is_of_client(&self) -> bool {
        self.strays.is_some()
    }

    /// Whether a message is for the one call under way, if there is just one: clients of such a session are asked in calls,
    /// and the channel does not say in which.
    pub(crate) fn is_of_call(&self, kind: &Kind<'_>) -> bool {
        let asks = matches!(kind, Kind::Request { id, method } if method != "ping" && id.get().len() <= LONGEST_ID);
        asks && self.strays.is_none() && !self.capabilities.is_empty()
    }

    /// What the server is told that its client can be asked for.
    pub(crate) fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    /// Takes a message that is no answer to a request of ours; gives our own answer where the server has to have one now.
    pub(crate) fn take(&self, kind: &Kind<'_>, message: &Bytes) -> Option<Bytes> {
        match kind {
            // An id without end is not worth an answer.
            Kind::Request { id, .. } if id.get().len() > LONGEST_ID => None,
            Kind::Request { id, method } => match &self.strays {
                Some(strays) if method != "ping" => {
                    let given = strays.try_send(message.clone());
                    given.is_err().then(|| message::busy(id.get()))
                }
                _ => Some(message::answer_alone(id.get(), method)),
            },
            // Progress of a call that nobody waits for: its token is ours, and says nothing to a client.
            Kind::Notification { progress: Some(_), .. } | Kind::Response { .. } => None,
            Kind::Notification { method, .. } => {
                if message::is_list_changed(method) {
                    self.list_again();
                }
                if let Some(strays) = &self.strays {
                    // Whoever does not keep up misses some; what a notification says can be asked for.
                    let _ = strays.try_send(message.clone());
                }
                None
            }
        }
    }

    /// Has the server's lists read again.
    pub(crate) fn list_again(&self) {
        self.list_again.send_modify(|count| *count += 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Our own answer; null if there is none.
    fn taken(unasked: &Unasked, message: &str) -> serde_json::Value {
        let message = Bytes::from(message.to_owned());
        let answer = unasked.take(&message::kind(&message).unwrap(), &message);
        serde_json::from_slice(answer.as_deref().unwrap_or(b"null")).unwrap()
    }

    const CHANGED: &str = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;
    const LOG: &str = r#"{"jsonrpc":"2.0","method":"notifications/message","params":{}}"#;
    const ROOTS: &str = r#"{"jsonrpc":"2.0","id":1,"method":"roots/list"}"#;
    const PING: &str = r#"{"jsonrpc":"2.0","id":"p","method":"ping"}"#;

    #[test]
    fn r10_a_pooled_session_asks_nobody_and_drops_logs() {
        let again = watch::Sender::new(0);
        let unasked = Unasked::new(None, Capabilities::default(), again.clone());
        assert_eq!(taken(&unasked, PING)["result"], serde_json::json!({}));
        assert_eq!(taken(&unasked, ROOTS)["error"]["code"], -32601);
        assert_eq!(taken(&unasked, LOG), serde_json::Value::Null);
        assert_eq!(*again.borrow(), 0);
        assert_eq!(taken(&unasked, CHANGED), serde_json::Value::Null);
        assert_eq!(*again.borrow(), 1);
        let endless = format!(r#"{{"id":"{}","method":"ping"}}"#, "x".repeat(LONGEST_ID));
        assert_eq!(taken(&unasked, &endless), serde_json::Value::Null);
    }

    #[test]
    fn a_session_of_one_client_gives_on_what_is_said_as_long_as_there_is_room() {
        let again = watch::Sender::new(0);
        let (strays, mut heard) = mpsc::channel(3);
        let unasked = Unasked::new(Some(strays), Capabilities::from_bits(1), again.clone());
        assert_eq!(unasked.capabilities(), Capabilities::from_bits(1));
        assert!(!taken(&unasked, PING).is_null(), "a ping is answered here");
        for message in [CHANGED, LOG, ROOTS] {
            assert_eq!(taken(&unasked, message), serde_json::Value::Null);
        }
        assert_eq!(*again.borrow(), 1);
        let busy = taken(&unasked, ROOTS);
        assert_eq!((&busy["id"], &busy["error"]["code"]), (&1.into(), &(-32603).into()));
        assert_eq!(taken(&unasked, LOG), serde_json::Value::Null);
        for message in [CHANGED, LOG, ROOTS] {
            assert_eq!(heard.try_recv().unwrap(), message);
        }
        assert!(heard.try_recv().is_err());
    }
}
