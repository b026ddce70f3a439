//! What a client wants to be told, as it says it.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::own_set::KINDS;

/// The kinds of lists as they are asked for, in the order of [`KINDS`].
const NAMES: [&str; KINDS.len()] = ["toolsListChanged", "promptsListChanged", "resourcesListChanged"];

/// `params.notifications`. What is not known is not honoured.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Filter {
    tools_list_changed: bool,
    prompts_list_changed: bool,
    resources_list_changed: bool,
    resource_subscriptions: Vec<String>,
}

impl Filter {
    /// Reads it from a request's `params`; none if it is missing, or not of that form.
    pub fn read(params: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Params<'p> {
            #[serde(borrow)]
            notifications: &'p RawValue,
        }
        let notifications = serde_json::from_slice::<Params<'_>>(params).ok()?.notifications.get();
        // An array would be taken for the members in their order.
        serde_json::from_str(notifications).ok().filter(|_| notifications.starts_with('{'))
    }

    /// Which of [`KINDS`] are wanted.
    pub fn kinds(&self) -> [bool; KINDS.len()] {
        [self.tools_list_changed, self.prompts_list_changed, self.resources_list_changed]
    }

    /// The resources that are wanted, by the client's URIs.
    pub fn resources(&self) -> &[String] {
        &self.resource_subscriptions
    }

    /// What of it is honoured, as JSON: `resources` of the resources.
    pub fn honoured(&self, resources: &[String]) -> String {
        let wanted = NAMES.iter().zip(self.kinds()).filter(|(_, wanted)| *wanted);
        let mut members: Vec<_> = wanted.map(|(name, _)| format!(r#""{name}":true"#)).collect();
        if !resources.is_empty() {
            members.push(format!(r#""resourceSubscriptions":{}"#, serde_json::json!(resources)));
        }
        format!("{{{}}}", members.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_is_honoured_and_nothing_else() {
        let honoured = |params: &str| Filter::read(params.as_bytes()).unwrap().honoured(&[]);
        assert_eq!(honoured(r#"{"notifications":{}}"#), "{}");
        let all = r#"{"toolsListChanged":true,"promptsListChanged":true,"resourcesListChanged":true}"#;
        assert_eq!(honoured(&format!(r#"{{"notifications":{all},"_meta":{{}}}}"#)), all);
        let some = r#"{"notifications":{"toolsListChanged":false,"resourcesListChanged":true,"taskIds":["1"]}}"#;
        assert_eq!(honoured(some), r#"{"resourcesListChanged":true}"#);
        let resources = Filter::read(br#"{"notifications":{"resourceSubscriptions":["a:1","a:\"2"]}}"#).unwrap();
        assert_eq!(resources.resources(), ["a:1", "a:\"2"]);
        assert_eq!(resources.honoured(&resources.resources()[1..]), r#"{"resourceSubscriptions":["a:\"2"]}"#);
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for params in [
            "{}",
            r#"{"notifications":null}"#,
            r#"{"notifications":true}"#,
            r#"{"notifications":{"resourceSubscriptions":"a:1"}}"#,
            r#"{"notifications":[]}"#,
            r#"{"notifications":[true]}"#,
            r#"{"notifications":{"toolsListChanged":1}}"#,
            r#"{"notifications":{"toolsListChanged":true,"toolsListChanged":false}}"#,
            r#"{"notifications":{},"notifications":{"toolsListChanged":true}}"#,
        ] {
            assert!(Filter::read(params.as_bytes()).is_none(), "{params}");
        }
    }
}
