//! What every request to the apiserver has in common.

use std::time::Duration;

use kube::api::{Patch, PatchParams};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::timeout;

use crate::lease::Leadership;

/// The one field manager of all that the operator writes.
pub(crate) const MANAGER: &str = "switchboard-operator";

/// How long the answer to a write is waited for. The Lease lasts longer than that after the last moment at which a
/// write may begin.
const PATIENCE: Duration = Duration::from_secs(4);

/// Why something was not written, or may not have been.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    /// This process does not lead, or not for sure.
    #[error("this process does not lead")]
    NotLeading,
    /// The object was changed in between, or is not there any more.
    #[error("it was changed in between")]
    Conflict,
    /// There is no answer.
    #[error("the apiserver does not answer")]
    Silent,
    /// The apiserver does not take it, and will not the next time.
    #[error("{0}")]
    Refused(String),
    /// The request failed.
    #[error("{0}")]
    Failed(String),
}

/// Whether the apiserver answered with this status code.
pub(crate) fn is(error: &kube::Error, code: u16) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == code)
}

/// What went wrong, in one line. The apiserver's own words name objects and who may not do what, and never the content
/// of an object that was sent: such an answer is told by its class alone.
pub(crate) fn brief(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if matches!(status.code, 400 | 422) => {
            format!("the apiserver does not take it ({} {})", status.code, status.reason)
        }
        kube::Error::Api(status) => format!("{} ({})", status.message, status.code),
        kube::Error::SerdeError(_) => "the apiserver's answer cannot be read".to_owned(),
        // The innermost cause says what happened, the others that something did.
        other => {
            let mut cause: &dyn std::error::Error = other;
            while let Some(inner) = cause.source() {
                cause = inner;
            }
            cause.to_string()
        }
    }
}

/// A write, begun only while this process surely leads.
pub(crate) async fn write<T>(
    leadership: &Leadership,
    request: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, WriteError> {
    if !leadership.may_write() {
        return Err(WriteError::NotLeading);
    }
    match timeout(PATIENCE, request).await {
        Ok(answer) => answer.map_err(|error| WriteError::of(&error)),
        Err(_) => Err(WriteError::Silent),
    }
}

/// A server-side apply of these fields, which are ours from then on, whoever had them. With a `resourceVersion` in them
/// only if the object still has that.
pub(crate) async fn apply<K>(
    leadership: &Leadership,
    objects: &Api<K>,
    name: &str,
    fields: &Value,
) -> Result<K, WriteError>
where
    K: Resource + Clone + DeserializeOwned + std::fmt::Debug,
{
    let params = PatchParams::apply(MANAGER).force();
    write(leadership, objects.patch(name, &params, &Patch::Apply(fields))).await
}

impl WriteError {
    fn of(error: &kube::Error) -> Self {
        match error {
            kube::Error::Api(status) if matches!(status.code, 404 | 409) => WriteError::Conflict,
            kube::Error::Api(status) if matches!(status.code, 400 | 403 | 413 | 422) => {
                WriteError::Refused(brief(error))
            }
            _ => WriteError::Failed(brief(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    fn answer(code: u16, message: &str) -> kube::Error {
        kube::Error::Api(Box::new(Status::failure(message, "Reason").with_code(code)))
    }

    #[test]
    fn what_was_sent_is_never_repeated() {
        let told = brief(&answer(422, "data: Invalid value: \"hunter2\""));
        assert_eq!(told, "the apiserver does not take it (422 Reason)");
        assert!(brief(&answer(403, "User \"x\" cannot list")).contains("cannot list"));
    }

    #[test]
    fn only_what_may_pass_by_itself_is_a_failure() {
        assert!(matches!(WriteError::of(&answer(409, "")), WriteError::Conflict));
        assert!(matches!(WriteError::of(&answer(403, "")), WriteError::Refused(_)));
        assert!(matches!(WriteError::of(&answer(500, "")), WriteError::Failed(_)));
        assert!(matches!(WriteError::of(&answer(429, "")), WriteError::Failed(_)));
    }
}
