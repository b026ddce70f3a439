//! The methods that one server answers: what they are about is found, and the
//! request forwarded to where it is.

use std::future::Future;

use bytes::Bytes;
use crds::snapshot::ServerIndex;

use crate::catalogue::List;
use crate::denial;
use crate::exchange::{Answer, Exchange};
use crate::failure::{self, About, Client};
use crate::forward::{Method, Request, forward};
use crate::json::INVALID_PARAMS;
use crate::modern;
use crate::route::{Target, resource, route, task as route_task, template, tool_of as route_tool_of};
use crate::scan::{Message, Text};

/// A message as these methods get it.
#[derive(Clone, Copy)]
pub struct Asked<'r> {
    /// The body that it came in.
    pub body: &'r Bytes,
    /// The message in the body.
    pub message: &'r Message<'r>,
    /// Its id, as JSON.
    pub id: &'r [u8],
    /// Whether the answer must be one message (a batch).
    pub whole: bool,
}

/// Answers `tools/call`.
pub async fn tool(exchange: &Exchange<'_>, asked: Asked<'_>) -> Answer {
    let Some(name) = asked.message.params.as_ref().and_then(|params| params.name.as_ref()) else {
        return Answer::error(asked.id, INVALID_PARAMS, "params.name is missing: it names the tool to call");
    };
    let request = asked.request(exchange, Method::CallTool, About::Tool, name);
    answer(exchange, request, route(exchange, List::Tools, &name.value)).await
}

/// Answers a call over REST: of a tool of this server, to which the exchange is narrowed.
pub async fn tool_of(exchange: &Exchange<'_>, server: ServerIndex, asked: Asked<'_>) -> Answer {
    let Some(name) = asked.message.params.as_ref().and_then(|params| params.name.as_ref()) else {
        return Answer::error(asked.id, INVALID_PARAMS, "params.name is missing: it names the tool to call");
    };
    let request = asked.request(exchange, Method::CallTool, About::RestTool, name);
    answer_of(exchange, Some(server), request, route_tool_of(exchange, server, &name.value)).await
}

/// Answers `prompts/get`.
pub async fn prompt(exchange: &Exchange<'_>, asked: Asked<'_>) -> Answer {
    let Some(name) = asked.message.params.as_ref().and_then(|params| params.name.as_ref()) else {
        return Answer::error(asked.id, INVALID_PARAMS, "params.name is missing: it names the prompt to get");
    };
    let request = asked.request(exchange, Method::GetPrompt, About::Prompt, name);
    answer(exchange, request, route(exchange, List::Prompts, &name.value)).await
}

/// Answers `resources/read`.
pub async fn read(exchange: &Exchange<'_>, asked: Asked<'_>) -> Answer {
    let Some(uri) = asked.message.params.as_ref().and_then(|params| params.uri.as_ref()) else {
        return Answer::error(asked.id, INVALID_PARAMS, "params.uri is missing: it names the resource to read");
    };
    let request = asked.request(exchange, Method::ReadResource, About::Resource, uri);
    answer(exchange, request, resource(exchange, &uri.value)).await
}

/// Answers a method of the tasks extension.
pub async fn task(exchange: &Exchange<'_>, method: Method, asked: Asked<'_>) -> Answer {
    if let Err(refused) = modern::check_tasks((asked.body, asked.message), asked.id) {
        return refused;
    }
    let Some(id) = asked.message.params.as_ref().and_then(|params| params.task_id.as_ref()) else {
        return Answer::error(asked.id, INVALID_PARAMS, "params.taskId is missing: it names the task");
    };
    let request = asked.request(exchange, method, About::Task, id);
    answer(exchange, request, std::future::ready(route_task(exchange, &id.value))).await
}

/// Answers `completion/complete`. A server that completes nothing has nothing to propose.
pub async fn complete(exchange: &Exchange<'_>, asked: Asked<'_>) -> Answer {
    let refuse = |words: &str| Answer::error(asked.id, INVALID_PARAMS, words);
    let Some(reference) = asked.message.params.as_ref().and_then(|params| params.reference.as_ref()) else {
        return refuse("params.ref is missing: it names the prompt or resource whose argument is completed");
    };
    match (reference.kind.as_ref().map(|kind| &*kind.value), &reference.name, &reference.uri) {
        (Some("ref/prompt"), Some(name), _) => {
            let request = asked.request(exchange, Method::Complete, About::Prompt, name);
            answer(exchange, request, route(exchange, List::Prompts, &name.value)).await
        }
        (Some("ref/resource"), _, Some(uri)) => {
            let request = asked.request(exchange, Method::Complete, About::Resource, uri);
            answer(exchange, request, template(exchange, &uri.value)).await
        }
        _ => refuse("params.ref is neither a ref/prompt with a name nor a ref/resource with a uri"),
    }
}

impl<'r> Asked<'r> {
    fn request(self, exchange: &Exchange<'_>, method: Method, about: About, said: &'r Text<'r>) -> Request<'r> {
        let client = Client { id: self.id, modern: exchange.revision.is_modern(), about };
        Request { method, body: self.body, message: self.message, said, client, whole: self.whole }
    }
}

async fn answer(exchange: &Exchange<'_>, request: Request<'_>, target: impl Future<Output = Target>) -> Answer {
    answer_of(exchange, None, request, target).await
}

/// `of`: the server that alone is asked.
async fn answer_of(
    exchange: &Exchange<'_>,
    of: Option<ServerIndex>,
    request: Request<'_>,
    target: impl Future<Output = Target>,
) -> Answer {
    let client = request.client;
    let found = match target.await {
        Target::Found(found) => found,
        Target::Down(server, error) => {
            let server = &exchange.view.table.snapshot.servers[server as usize];
            return failure::upstream(client, &server.alias, &error);
        }
        Target::Unknown => {
            let id = denial::of_item(exchange, client.about, of, &request.said.value);
            return failure::unknown(client, &request.said.value, id);
        }
    };
    if client.modern
        && let Some(entry) = found.called.listed()
        && let Err(refused) =
            modern::check_arguments(exchange.headers, entry, (request.body, request.message), client.id)
    {
        return refused;
    }
    if request.method == Method::Complete && !found.called.has_completions(exchange) {
        return nothing_to_complete(client);
    }
    forward(exchange, request, found).await
}

fn nothing_to_complete(client: Client<'_>) -> Answer {
    let mut result = br#"{"completion":{"values":[]}"#.to_vec();
    if client.modern {
        result.push(b',');
        result.extend_from_slice(Method::Complete.modern_result());
    }
    result.push(b'}');
    Answer::result(client.id, &result)
}
