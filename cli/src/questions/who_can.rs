//! `switchboard who-can`: everybody who may use something, and why.

use serde_json::json;

use super::World;
use crate::args::{Output, WhoCanArgs};
use crate::output;
use crate::source::Source;

/// Prints who may. That nobody may is an answer too.
pub(crate) fn who_can(args: &WhoCanArgs) -> Result<bool, String> {
    let world = World::new(Source::read(&args.source)?, args.source.cluster.now())?;
    let (server, name) = world.server_and_rest(&args.item)?;
    let kind = args.verb.kind();
    let who = world.callers().filter(|(_, caller)| world.allows(caller, &server, kind.item(name)));
    let answers = who.map(|(binding, caller)| {
        let why = world.may(&binding, &server, kind.item(name));
        (binding, caller, why)
    });
    let answers: Vec<_> = answers.collect();
    match args.output {
        Output::Json => {
            let callers: Vec<_> = answers
                .iter()
                .map(|(binding, caller, why)| {
                    let path: Vec<_> = why.steps.iter().map(|step| world.json(step)).collect();
                    json!({ "caller": binding.to_string(), "anonymous": caller.is_anonymous(), "path": path })
                })
                .collect();
            let answer = json!({ "server": server.id.to_string(), "kind": kind, "name": name, "callers": callers });
            output::line(&answer.to_string());
        }
        Output::Text => {
            for (binding, caller, why) in &answers {
                let who = if caller.is_anonymous() { " (anybody, without a credential)" } else { "" };
                output::line(&format!("{binding}{who}"));
                for step in &why.steps {
                    output::line(&world.sentence(step));
                }
            }
            output::note(&format!("{} may use {} of {}", count(answers.len()), kind.item(name), server.id));
        }
    }
    Ok(true)
}

fn count(callers: usize) -> String {
    match callers {
        0 => "nobody".to_owned(),
        1 => "1 caller".to_owned(),
        many => format!("{many} callers"),
    }
}
