//! `switchboard explain`: by which rule a request was denied. The log of the
//! gateway that denied it has the rule under the request's id; objects have
//! the way that leads there.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use crds::compile::Why;
use crds::diagnostic::ObjectKey;
use crds::snapshot::{Item, UnixSeconds};
use gateway::denial::{Line, Reason};
use serde_json::{Value, json};

use super::{World, object};
use crate::args::{ExplainArgs, Output};
use crate::output::{self, Colour};
use crate::source::{Source, gateway_logs};

/// Prints what the log has, and by which objects it follows from them; an error if no log has it.
pub(crate) fn explain(args: &ExplainArgs) -> Result<bool, String> {
    let line = find(args)?;
    let now = args.cluster.at.map_or_else(|| moment(&line), |at| Some(at.as_second()));
    let found = match args.source() {
        Some(source) => {
            let world = World::new(Source::read(&source)?, now.unwrap_or_else(gateway::clock::now))?;
            by_objects(&world, &line).map(|why| (world, why))
        }
        None => None,
    };
    match args.output {
        Output::Json => output::line(&as_json(&line, found.as_ref()).to_string()),
        Output::Text => {
            output::line(&headline(&line));
            let reason = output::on_terminal(line.reason.as_str(), Colour::Red);
            output::line(&format!("{reason}: {}", line.reason.meaning()));
            if let Some((world, why)) = &found {
                if why.allowed {
                    output::line("  by these objects it is allowed: they are not those that it was denied by");
                }
                for step in &why.steps {
                    output::line(&world.sentence(step));
                }
            }
        }
    }
    Ok(true)
}

/// The line of the id, in the logs that are named or in those of the pods.
fn find(args: &ExplainArgs) -> Result<Line, String> {
    let of_id = |text: &str| Line::read(text).filter(|line| line.request == args.id);
    if args.logs.is_empty() {
        if !args.is_of_a_cluster() {
            return Err("say where the log is: --log FILE (- is standard input), or --live for a cluster's pods".into());
        }
        let logs = gateway_logs(&args.cluster)?;
        let found = logs.iter().flat_map(|log| log.lines()).find_map(of_id);
        let several = logs.len();
        return found.ok_or_else(|| format!("none of the logs of {several} gateway pods has `{}`: it is another release's, or older than what the pods keep", args.id));
    }
    for path in &args.logs {
        let at = |error: io::Error| format!("{}: {error}", path.display());
        let reader: Box<dyn BufRead> = if path == Path::new("-") {
            Box::new(io::stdin().lock())
        } else {
            Box::new(BufReader::new(File::open(path).map_err(at)?))
        };
        for line in reader.split(b'\n') {
            if let Some(found) = of_id(&String::from_utf8_lossy(&line.map_err(at)?)) {
                return Ok(found);
            }
        }
    }
    Err(format!("no log has `{}`", args.id))
}

fn moment(line: &Line) -> Option<UnixSeconds> {
    line.time.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second)
}

/// What was denied to whom, in words.
fn headline(line: &Line) -> String {
    let of = |name| line.field(name);
    let who = match (of("caller"), of("binding"), of("address")) {
        (Some(caller), Some(binding), _) if caller != binding => format!("a token of McpKeyBinding {binding}"),
        (Some(caller), ..) => format!("McpKeyBinding {caller}"),
        (None, Some(binding), _) => format!("a credential of McpKeyBinding {binding}"),
        (None, None, Some(address)) => format!("somebody at {address}"),
        (None, None, None) => "somebody".to_owned(),
    };
    let what = match (of("verb"), of("name")) {
        (Some(verb), Some(name)) => format!(" {verb} `{name}`"),
        (Some(verb), None) => format!(" {verb} something"),
        (None, Some(name)) => format!(" use `{name}`"),
        (None, None) => " come in".to_owned(),
    };
    let meant = match (of("server"), of("item")) {
        (Some(server), Some(item)) => format!(", which is `{item}` of McpServer {server}"),
        (Some(server), None) => format!(", which is McpServer {server}"),
        _ => String::new(),
    };
    let revision = of("revision").map(|revision| format!(" (revision {revision})")).unwrap_or_default();
    format!("{}: {who} may not{what}{meant}{revision}", line.time)
}

/// The way by the objects, where the reason follows from them and the line has all that it is asked by.
fn by_objects(world: &World, line: &Line) -> Option<Why> {
    let follows = [
        Reason::ParentExpired,
        Reason::ServerNotGranted,
        Reason::NotGranted,
        Reason::ServerOff,
        Reason::Filtered,
        Reason::Lost,
    ];
    let item = line.field("item").filter(|item| !item.contains('…') && follows.contains(&line.reason))?;
    let item = match line.field("verb")? {
        "call" => Item::Tool(item),
        "get" => Item::Prompt(item),
        _ => Item::Resource(item),
    };
    let (binding, server): (ObjectKey, ObjectKey) = (object(line.field("binding")?), object(line.field("server")?));
    Some(world.may(&binding, &world.server(&server)?, item))
}

fn as_json(line: &Line, found: Option<&(World, Why)>) -> Value {
    let mut answer = json!({
        "request": line.request,
        "time": line.time,
        "reason": line.reason.as_str(),
        "meaning": line.reason.meaning(),
    });
    for (name, value) in line.fields() {
        answer[name] = json!(value);
    }
    if let Some((world, why)) = found {
        answer["allowedByObjects"] = json!(why.allowed);
        answer["path"] = why.steps.iter().map(|step| world.json(step)).collect();
    }
    answer
}
