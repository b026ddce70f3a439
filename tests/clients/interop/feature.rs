//! What a client does with a server, and how one sees that it worked.

use serde_json::{Value, json};

use super::servers::Place;
use crate::driver::{Answer, Ask, CallAnswer, Job};

/// A feature of the protocol; each is tried on a connection of its own.
#[derive(Clone, Copy, Debug)]
pub(super) enum Feature {
    List,
    Call,
    Prompt,
    Resource,
    Progress,
    /// A form that the server sends in the middle of a call, and that the client fills in.
    Elicitation,
}

/// All of them, in the order of the table's columns.
pub(super) const FEATURES: [Feature; 6] =
    [Feature::List, Feature::Call, Feature::Prompt, Feature::Resource, Feature::Progress, Feature::Elicitation];

/// What the client fills in.
const NAME: &str = "Ada";
const MESSAGE: &str = "Grüße";

impl Feature {
    /// What the client is to do.
    pub(super) fn job(self, place: &Place, era: Option<&'static str>) -> Job {
        let job = Job::listing(format!("{} {self:?}", place.name("")), &place.url, place.headers.clone());
        let job = Job { list: matches!(self, Self::List | Self::Elicitation), era, ..job };
        let ask = |method, params| vec![Ask { method, params }];
        match self {
            Self::List => job,
            Self::Call => job.calling(place.name("echo"), json!({"message": MESSAGE})),
            Self::Prompt => {
                let name = place.name(place.offers.prompt.0);
                Job { ask: ask("prompts/get", json!({"name": name, "arguments": {}})), ..job }
            }
            Self::Resource => Job { ask: ask("resources/read", json!({"uri": place.uri()})), ..job },
            Self::Progress => {
                let (tool, arguments) = (place.offers.progress)();
                let mut job = job.calling(place.name(tool), arguments);
                job.call.as_mut().unwrap().progress = true;
                job
            }
            Self::Elicitation => Job {
                elicit: Some(json!({"name": NAME})),
                ..job.calling(place.name(place.offers.elicitation), json!({}))
            },
        }
    }

    /// Whether it worked, and else what was seen.
    pub(super) fn check(self, place: &Place, answer: &Answer) -> Result<(), String> {
        if let Some(error) = &answer.error {
            return Err(error.lines().next().unwrap_or_default().to_owned());
        }
        match self {
            Self::List => {
                lists(place, answer, "echo")?;
                lists(place, answer, (place.offers.progress)().0)
            }
            Self::Call => {
                let expected = (place.offers.echo)(MESSAGE, answer.protocol.as_deref().unwrap_or_default());
                of_call(answer, |call| call.text == expected)
            }
            Self::Prompt => holds(&answer.answers[0][0]["content"]["text"], place.offers.prompt.1),
            Self::Resource => {
                holds(&answer.answers[0][0]["uri"], &place.uri())?;
                holds(&answer.answers[0][0]["text"], place.offers.resource.1)
            }
            Self::Progress => of_call(answer, |call| call.progress == [1.0, 2.0, 3.0]),
            Self::Elicitation => {
                lists(place, answer, place.offers.elicitation)?;
                of_call(answer, |call| call.text.contains(NAME))
            }
        }
    }
}

fn lists(place: &Place, answer: &Answer, tool: &str) -> Result<(), String> {
    let listed = answer.tools.as_ref().is_some_and(|tools| tools.contains(&place.name(tool)));
    if listed { Ok(()) } else { Err(format!("{} is not in the list", place.name(tool))) }
}

fn of_call(answer: &Answer, right: impl Fn(&CallAnswer) -> bool) -> Result<(), String> {
    match &answer.call {
        Some(call) if !call.is_error && right(call) => Ok(()),
        Some(call) => Err(format!("answered: {}; progress {:?}", call.text, call.progress)),
        None => Err("no answer".to_owned()),
    }
}

fn holds(found: &Value, expected: &str) -> Result<(), String> {
    let right = found.as_str().is_some_and(|text| text.contains(expected));
    if right { Ok(()) } else { Err(format!("{found} instead of {expected}")) }
}
