//! What a response of a modern server is to its caller: whether it can be
//! told, and what of it a legacy client would stumble over.

use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Relay, bad_reply};
use crate::failure::About;
use crate::forward::Method;
use crate::json;
use crate::request_state::Kept;
use crate::scan::{Edit, Kind, Response, ResultFacts, change_members, members};
use crate::task::Task;
use crate::upstream::{Era, Outcome, UpstreamError};

/// The code by which a modern server asks for a client capability that the request did not declare.
const MISSING_CAPABILITY: i64 = -32021;

/// The `resultType` of a result that is one.
pub(super) const COMPLETE: &str = "complete";
/// That asks for input.
pub(super) const INPUT_REQUIRED: &str = "input_required";
/// That a call became a task (the tasks extension).
const TASK: &str = "task";

/// The members of a result that only the modern protocol has.
const MODERN_MEMBERS: [&str; 3] = ["resultType", "ttlMs", "cacheScope"];

impl Relay {
    /// Fails for a result of a type that the caller cannot be told.
    pub(super) fn check_type(&self, result_type: Option<&str>) -> Result<(), UpstreamError> {
        let means_something = self.modern || self.era == Era::Modern;
        match result_type.filter(|_| means_something) {
            None | Some(COMPLETE) => Ok(()),
            Some(TASK) if self.modern && self.method == Method::CallTool => Ok(()),
            Some(INPUT_REQUIRED) if self.modern && self.method.may_require_input() => Ok(()),
            Some(INPUT_REQUIRED) => Err(UpstreamError::new(
                Outcome::MissingCapability,
                "it asks for input before it answers, and this client cannot be asked",
            )),
            Some(_) => {
                Err(UpstreamError::new(Outcome::UpstreamError, "the result is of a type that was not asked for"))
            }
        }
    }

    /// Whether the caller can be told of this response, and with which HTTP status.
    pub(super) fn check_era(&self, message: &Bytes, response: &Response) -> Result<StatusCode, UpstreamError> {
        if let Some(result) = &response.result {
            self.check_type(result.result_type.as_deref())?;
        }
        let code = response.error.as_ref().and_then(|error| error.code);
        if self.era == Era::Legacy || code != Some(MISSING_CAPABILITY) {
            return Ok(StatusCode::OK);
        }
        if self.modern {
            return Ok(StatusCode::BAD_REQUEST);
        }
        Err(UpstreamError::new(Outcome::MissingCapability, missing(message)))
    }

    /// Seals the state that a server gives with a result which asks for input (R8).
    pub(super) fn sealed_state(
        &self,
        message: &Bytes,
        result: &ResultFacts,
    ) -> Result<Option<Edit<'static>>, UpstreamError> {
        let asks = result.result_type.as_deref() == Some(INPUT_REQUIRED);
        let Some(span) = result.request_state.filter(|_| asks && self.modern) else { return Ok(None) };
        let wrong = |what: &str| UpstreamError::new(Outcome::UpstreamError, what);
        let state = serde_json::from_slice(span.of(message)).map_err(|_| wrong("the state is not a string"))?;
        let gateway = self.holding.gateway();
        let sealed = self.bound().seal(&gateway.sealer, &Kept::Upstream(state), crate::clock::now());
        let sealed = sealed.map_err(|error| wrong(&error.to_string()))?;
        Ok(Some(Edit::replace(span, json::quoted(&sealed).to_vec())))
    }

    /// Seals the id of the task that a call became; one that the caller asked about keeps the id that they know it by.
    pub(super) fn sealed_task<'r>(
        &'r self,
        message: &Bytes,
        result: &ResultFacts,
    ) -> Result<Option<Edit<'r>>, UpstreamError> {
        let became = result.result_type.as_deref() == Some(TASK) && self.modern;
        let wrong = |what: &str| UpstreamError::new(Outcome::UpstreamError, what);
        let Some(span) = result.task_id.filter(|_| became || self.task.is_some()) else {
            return if became { Err(wrong("the call became a task without an id")) } else { Ok(None) };
        };
        if let Some(known) = &self.task {
            return Ok(Some(Edit::replace(span, &known[..])));
        }
        let id = serde_json::from_slice(span.of(message)).map_err(|_| wrong("the task's id is not a string"))?;
        let (server, tool) = (self.holding.server().id.clone(), self.holding.called().name().to_owned());
        let caller = self.holding.caller_id().unwrap_or_default();
        let sealed = Task { server, tool, id }.seal(&self.holding.gateway().sealer, caller, crate::clock::now());
        let sealed = sealed.ok_or_else(|| wrong("the task's id is too long"))?;
        Ok(Some(Edit::replace(span, json::quoted(&sealed).to_vec())))
    }

    /// Whether a result goes from the modern protocol to a client of another. Over REST there is none, and all stays.
    fn is_translated(&self) -> bool {
        self.era == Era::Modern && !self.modern && self.about != About::RestTool
    }

    /// Takes out of a result what a legacy client knows nothing of: most ignore it, but for structured content that is
    /// no object.
    pub(super) fn without_modern<'m>(
        &self,
        message: &'m Bytes,
        result: &ResultFacts,
    ) -> Result<Vec<Edit<'m>>, UpstreamError> {
        let Some(object) = result.object.filter(|_| self.is_translated()) else {
            return Ok(Vec::new());
        };
        let all = members(message, object.span).map_err(|fault| bad_reply(&fault))?;
        let is_loose = |name: &str, kind| name == "structuredContent" && kind != Kind::Object;
        let loose = self.method == Method::CallTool && all.iter().any(|member| is_loose(&member.name, member.kind));
        let mut names = MODERN_MEMBERS.to_vec();
        names.extend(loose.then_some("structuredContent"));
        change_members(message, object.span, &names, b"").map_err(|fault| bad_reply(&fault))
    }
}

/// Which capabilities the server asks for, as far as they are the protocol's: nothing else of its words goes on (R21).
fn missing(message: &[u8]) -> String {
    #[derive(Default, Deserialize)]
    struct Refused {
        #[serde(default)]
        error: Error,
    }
    #[derive(Default, Deserialize)]
    struct Error {
        #[serde(default)]
        data: Data,
    }
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Data {
        #[serde(default)]
        required_capabilities: Capabilities,
    }
    #[derive(Default, Deserialize)]
    struct Capabilities {
        sampling: Option<IgnoredAny>,
        elicitation: Option<IgnoredAny>,
        roots: Option<IgnoredAny>,
        extensions: Option<IgnoredAny>,
    }
    let refused: Refused = serde_json::from_slice(message).unwrap_or_default();
    let Capabilities { sampling, elicitation, roots, extensions } = refused.error.data.required_capabilities;
    let wanted = [("sampling", sampling), ("elicitation", elicitation), ("roots", roots), ("extensions", extensions)];
    let named: Vec<_> = wanted.into_iter().filter_map(|(name, wanted)| wanted.map(|_| name)).collect();
    match named.as_slice() {
        [] => "it needs a client capability that was not declared".to_owned(),
        named => format!("it needs the client capability {}", named.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_that_a_server_misses_are_named() {
        let of = |data: &str| {
            missing(format!(r#"{{"id":1,"error":{{"code":-32021,"message":"secret"{data}}}}}"#).as_bytes())
        };
        let both = of(r#","data":{"requiredCapabilities":{"roots":{},"sampling":{"tools":{}},"secret":{}}}"#);
        assert_eq!(both, "it needs the client capability sampling, roots");
        for other in ["", r#","data":{}"#, r#","data":7"#, r#","data":{"requiredCapabilities":{"secret":1}}"#] {
            assert_eq!(of(other), "it needs a client capability that was not declared");
        }
    }
}
