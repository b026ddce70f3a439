//! `switchboard can-i`: may somebody use something, and why.

use crds::compile::Why;
use serde_json::json;

use super::subject::ask_about;
use crate::args::{CanIArgs, Output};
use crate::output::{self, Colour};
use crate::source::Source;

/// Prints the answer and its path; true if it is yes.
pub(crate) fn can_i(args: &CanIArgs) -> Result<bool, String> {
    let (world, binding) = ask_about(Source::read(&args.source)?, &args.subject, args.source.cluster.now())?;
    let (server, name) = world.server_and_rest(&args.item)?;
    let kind = args.verb.kind();
    let Why { allowed, steps } = world.may(&binding, &server, kind.item(name));
    match args.output {
        Output::Json => {
            let path: Vec<_> = steps.iter().map(|step| world.json(step)).collect();
            let answer = json!({
                "allowed": allowed,
                "caller": binding.to_string(),
                "server": server.id.to_string(),
                "kind": kind,
                "name": name,
                "path": path,
            });
            output::line(&answer.to_string());
        }
        Output::Text => {
            let (answer, colour) = if allowed { ("yes", Colour::Green) } else { ("no", Colour::Red) };
            output::line(&output::on_terminal(answer, colour));
            for step in &steps {
                output::line(&world.sentence(step));
            }
        }
    }
    Ok(allowed)
}
