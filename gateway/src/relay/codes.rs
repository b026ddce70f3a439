//! Errors of legacy servers that the modern protocol has no such code for
//! (2026-07-28, schema): it must not be said to its clients.

use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Asks, Relay};
use crate::failure;
use crate::forward::Method;
use crate::input;
use crate::json::INVALID_PARAMS;
use crate::modern::missing_capability;
use crate::scan::{Edit, ErrorFacts, Span, change_members, splice};

/// That there is no such resource.
const RESOURCE_NOT_FOUND: i64 = -32002;
/// That a person has to go somewhere first (2025-11-25, client/elicitation).
const URL_ELICITATION_REQUIRED: i64 = -32042;

/// The most places that a person is sent to at once.
const MAX_PLACES: usize = 16;

#[derive(Deserialize)]
struct Refused<'a> {
    #[serde(borrow)]
    error: Error<'a>,
}

#[derive(Deserialize)]
struct Error<'a> {
    #[serde(borrow)]
    data: Places<'a>,
}

#[derive(Deserialize)]
struct Places<'a> {
    #[serde(borrow)]
    elicitations: Vec<&'a RawValue>,
}

impl Relay {
    /// What a modern client is told instead of such an error; none if it is none of them.
    pub(super) fn told_instead(&self, message: &Bytes, id: Span, error: &ErrorFacts) -> Option<(StatusCode, Bytes)> {
        if !self.modern {
            return None;
        }
        match error.code? {
            RESOURCE_NOT_FOUND if self.method == Method::ReadResource => {
                // The modern protocol says which resource.
                let uri = self.uri_prefix.iter().map(|prefix| String::from_utf8_lossy(prefix)).collect::<String>();
                let told = failure::unknown_message(self.client(), &(uri + self.holding.called().name()), None);
                Some((StatusCode::OK, told.into()))
            }
            RESOURCE_NOT_FOUND => {
                let edits = [
                    Edit::replace(id, &self.id[..]),
                    Edit::replace(error.code_span?, INVALID_PARAMS.to_string().into_bytes()),
                ];
                Some((StatusCode::OK, super::edited(message, edits.into())))
            }
            URL_ELICITATION_REQUIRED => Some(self.sent_elsewhere(message)),
            _ => None,
        }
    }

    /// The client is asked to send its person there, and calls again: nothing of the call was done (2026-07-28, mrtr).
    fn sent_elsewhere(&self, message: &Bytes) -> (StatusCode, Bytes) {
        let places = serde_json::from_slice::<Refused<'_>>(message).map(|refused| refused.error.data.elicitations);
        let places = places.unwrap_or_default();
        let can = matches!(&self.asks, Asks::ByResult { declared, .. } if declared.has_url_elicitation());
        if !can || !self.method.may_require_input() || places.is_empty() || places.len() > MAX_PLACES {
            return (StatusCode::BAD_REQUEST, missing_capability(&self.id, r#"{"elicitation":{"url":{}}}"#).into());
        }
        let mut requests = b"{".to_vec();
        for (number, place) in places.iter().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            let head = format!(r#"{comma}"{number}":{{"method":"elicitation/create","params":"#);
            requests.extend_from_slice(head.as_bytes());
            let place = place.get().as_bytes();
            let whole = Span { start: 0, end: place.len() };
            // What cannot be read is told as it came.
            let edits = change_members(place, whole, &["elicitationId"], b"").unwrap_or_default();
            splice(place, &edits, &mut requests);
            requests.push(b'}');
        }
        requests.push(b'}');
        (StatusCode::OK, input::required_without_state(&self.id, &requests))
    }
}
