//! `switchboard plan`: what a change of the manifests comes to for those who
//! call, before it is merged.

use std::fmt::Write as _;

use crds::compile::{Pepper, compile};
use crds::plan::{AccessChange, Change, CredentialKind, Example, Holder, changes};
use crds::snapshot::Rule;
use jiff::Timestamp;
use serde_json::json;

use crate::args::{FailOn, PlanArgs, PlanOutput};
use crate::output::{self, Colour};
use crate::random::random;
use crate::source::Objects;

/// So many callers are named of those whose access changes alike.
const NAMED: usize = 10;

/// Prints the difference; true unless it is one that `--fail-on` names.
pub(crate) fn plan(args: &PlanArgs) -> Result<bool, String> {
    let place = |place: &str| Objects::of_place(place, &args.cluster).map_err(|error| format!("{place}: {error}"));
    if args.cluster.context.is_some() && ![&args.before, &args.after].into_iter().any(|place| Objects::is_live(place)) {
        return Err("--context names a cluster, and neither OLD nor NEW is `live`".to_owned());
    }
    let (mut before, mut after) = (place(&args.before)?, place(&args.after)?);
    match (Objects::is_live(&args.before), Objects::is_live(&args.after)) {
        (true, false) => after.surround(&before),
        (false, true) => before.surround(&after),
        _ => {}
    }
    for (place, side) in [(&args.before, &mut before), (&args.after, &mut after)] {
        if !Objects::is_live(place) {
            side.take_secrets_to_be_there();
        }
    }
    // One pepper for both, or no key would be known again.
    let pepper = Pepper(random()?);
    let compiled = |source: &Objects| compile(&source.resources, &source.scope, &pepper).snapshot;
    let changes = changes(&compiled(&before), &compiled(&after), args.cluster.now());
    let (widens, narrows) = (changes.iter().any(Change::widens), changes.iter().any(Change::narrows));
    match args.output {
        PlanOutput::Json => {
            let plan = json!({ "widens": widens, "narrows": narrows, "changes": changes });
            output::line(&serde_json::to_string_pretty(&plan).map_err(|error| error.to_string())?);
        }
        PlanOutput::Text => {
            for change in &changes {
                output::line(&text(change));
            }
            output::note(verdict(widens, narrows));
        }
        PlanOutput::Markdown => output::line(&markdown(&changes, verdict(widens, narrows))),
    }
    Ok(match args.fail_on {
        None => true,
        Some(FailOn::Widen) => !widens,
        Some(FailOn::Narrow) => !narrows,
        Some(FailOn::Any) => !widens && !narrows,
    })
}

fn verdict(widens: bool, narrows: bool) -> &'static str {
    match (widens, narrows) {
        (false, false) => "Nobody's access changes.",
        (true, false) => "Access is widened.",
        (false, true) => "Access is narrowed.",
        (true, true) => "Access is widened for some, and narrowed.",
    }
}

fn text(change: &Change) -> String {
    let mut text = format!("{}{}", moment(change), callers(&change.callers).join(", "));
    for access in &change.access {
        let sign = match (&access.widens, &access.narrows) {
            (Some(_), None) => output::on_terminal("+", Colour::Green),
            (None, Some(_)) => output::on_terminal("-", Colour::Red),
            _ => output::on_terminal("~", Colour::Yellow),
        };
        let [before, after, examples] = words(access, |name| format!("`{name}`"));
        let kind = access.kind.plural();
        let _ = write!(text, "\n  {sign} {} {kind}: {before} → {after}{examples}", access.server);
    }
    text
}

fn markdown(changes: &[Change], verdict: &str) -> String {
    let mut text = format!("### Access\n\n{verdict}\n");
    if !changes.is_empty() {
        text.push_str("\n| Who | Server | What | Before | After | |\n|---|---|---|---|---|---|\n");
    }
    for change in changes {
        let who = format!("{}{}", moment(change), callers(&change.callers).join("<br>"));
        for access in &change.access {
            let [before, after, examples] = words(access, code);
            let cells = [&who, &access.server, access.kind.plural(), &before, &after, examples.trim_start()];
            let _ = writeln!(text, "| {} |", cells.join(" | "));
        }
    }
    text.trim_end().to_owned()
}

/// A text that somebody else wrote, as code, in which nothing of it is Markdown or HTML.
fn code(text: &str) -> String {
    let text = text.replace('|', "\\|").replace(['\n', '\r'], " ");
    let runs = text.split(|other| other != '`').map(str::len);
    let fence = "`".repeat(runs.max().unwrap_or(0) + 1);
    // A backtick at an end would be the fence's.
    let space = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

fn moment(change: &Change) -> String {
    let from = change.from.and_then(|from| Timestamp::from_second(from).ok());
    from.map(|from| format!("from {from} on: ")).unwrap_or_default()
}

fn callers(holders: &[Holder]) -> Vec<String> {
    let mut named: Vec<String> = holders.iter().take(NAMED).map(holder).collect();
    if holders.len() > NAMED {
        named.push(format!("and {} more", holders.len() - NAMED));
    }
    named
}

fn holder(Holder { before, after, credential, .. }: &Holder) -> String {
    let with = match credential {
        CredentialKind::Nothing => "without a credential",
        CredentialKind::Key => "with a key",
        CredentialKind::Token => "with a token",
        CredentialKind::Claims => "with a token of these claims",
    };
    match (before, after, credential) {
        (Some(one), Some(other), _) if one == other => one.clone(),
        (Some(one), Some(other), _) => format!("{other} ({with} that was of {one})"),
        (None, Some(new), CredentialKind::Nothing) => format!("{new} ({with}: nobody was let in)"),
        (Some(old), None, CredentialKind::Nothing) => format!("{old} ({with}: nobody is let in any more)"),
        (None, Some(new), CredentialKind::Token) => format!("{new} ({with} that no binding of its own let in)"),
        (Some(old), None, CredentialKind::Token) => {
            format!("{old} ({with} that no binding of its own lets in any more)")
        }
        (None, Some(new), _) => format!("{new} ({with} that let nobody in)"),
        (Some(old), None, _) => format!("{old} ({with} that lets nobody in any more)"),
        (None, None, _) => String::new(),
    }
}

/// The rule before, the rule after, and names that show the difference where the rules alone do not: between something and
/// nothing they do.
fn words(access: &AccessChange, quoted: impl Fn(&str) -> String) -> [String; 3] {
    let rule = |rule: &Option<Rule>| rule.as_ref().map_or_else(|| "nothing".to_owned(), |rule| rule.words(&quoted));
    let mut examples = String::new();
    if access.before.is_some() && access.after.is_some() {
        for (sign, example) in [('+', &access.widens), ('-', &access.narrows)] {
            let _ = match example {
                Some(Example::Name(name)) => write!(examples, " ({sign} {})", quoted(name)),
                Some(Example::Unknown) => write!(examples, " ({sign} it cannot be told what)"),
                None => Ok(()),
            };
        }
    }
    [rule(&access.before), rule(&access.after), examples]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_somebody_else_wrote_is_markdown() {
        assert_eq!(code("<!--"), "`<!--`");
        assert_eq!(code("a`b``c"), "```a`b``c```");
        assert_eq!(code("`@all`"), "`` `@all` ``");
        assert_eq!(code("a|b"), "`a\\|b`");
    }
}
