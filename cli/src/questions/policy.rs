//! `switchboard test`: what must hold of access, written down and kept.
//!
//! ```yaml
//! tests:
//!   - name: the blue team adds
//!     team: blue
//!     call: lab/add
//!     expect: allow
//! ```

use std::fs;
use std::path::Path;

use crds::snapshot::UnixSeconds;
use serde::Deserialize;
use serde_json::json;

use super::subject::ask_about;
use crate::args::{Output, SubjectArgs, TestArgs, Verb};
use crate::output::{self, Colour};
use crate::source::Source;

/// A file of tests.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Policy {
    tests: Vec<Case>,
}

/// Who, what, and whether they may.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Case {
    /// For whom reads the results. Default: who and what.
    name: Option<String>,
    key: Option<String>,
    team: Option<String>,
    user: Option<String>,
    organization: Option<String>,
    service_account: Option<String>,
    claims: Option<String>,
    #[serde(default)]
    anonymous: bool,
    /// Of whom several namespaces have one.
    namespace: Option<String>,
    call: Option<String>,
    get: Option<String>,
    read: Option<String>,
    expect: Expect,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "camelCase")]
enum Expect {
    Allow,
    Deny,
}

/// Asks all of them, and prints how each ended; true if all hold.
pub(crate) fn test(args: &TestArgs) -> Result<bool, String> {
    let (source, now) = (Source::read(&args.source)?, args.source.cluster.now());
    let mut results = Vec::new();
    for file in &args.files {
        for case in read(file)? {
            results.push(ask((&source, now), case).map_err(|error| format!("{}: {error}", file.display()))?);
        }
    }
    let failed = results.iter().filter(|result| !result.holds).count();
    match args.output {
        Output::Json => {
            let all = results.iter().map(|it| json!({ "name": it.name, "holds": it.holds, "path": it.path }));
            let all = json!({ "tests": results.len(), "failed": failed, "results": all.collect::<Vec<_>>() });
            output::line(&all.to_string());
        }
        Output::Text => {
            for result in &results {
                let (word, colour) = if result.holds { ("ok    ", Colour::Green) } else { ("FAILED", Colour::Red) };
                output::line(&format!("{} {}", output::on_terminal(word, colour), result.name));
                for line in &result.path {
                    output::line(line);
                }
            }
            output::note(&format!("{} tests, {failed} failed", results.len()));
        }
    }
    Ok(failed == 0)
}

struct Asked {
    name: String,
    holds: bool,
    /// Why it does not hold.
    path: Vec<String>,
}

fn read(file: &Path) -> Result<Vec<Case>, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let policy: Policy = serde_yaml::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))?;
    // A file that asks nothing would hold for ever.
    if policy.tests.is_empty() { Err(format!("{}: there is no test in it", file.display())) } else { Ok(policy.tests) }
}

fn ask((source, now): (&Source, UnixSeconds), case: Case) -> Result<Asked, String> {
    let Case { name, key, team, user, organization, service_account, claims, .. } = case;
    let Case { anonymous, namespace, call, get, read, expect, .. } = case;
    let wanted = [(Verb::Call, &call), (Verb::Get, &get), (Verb::Read, &read)];
    let mut wanted = wanted.into_iter().filter_map(|(verb, item)| Some((verb, item.clone()?)));
    let called = name.clone().unwrap_or_default();
    let one_of = |what: &str| format!("test `{called}`: give exactly one of {what}");
    let (Some((verb, item)), None) = (wanted.next(), wanted.next()) else { return Err(one_of("call, get and read")) };
    let named = [&key, &team, &user, &organization, &service_account, &claims];
    let subjects = named.into_iter().flatten().count() + usize::from(anonymous);
    if subjects != 1 {
        return Err(one_of("key, team, user, organization, serviceAccount, claims and anonymous"));
    }
    let who = named.into_iter().flatten().next();
    let who = who.map_or("anybody", String::as_str).to_owned();
    let subject = SubjectArgs { key, team, user, organization, service_account, claims, anonymous, namespace };
    let (world, binding) = ask_about(source.clone(), &subject, now)?;
    let (server, native) = world.server_and_rest(&item)?;
    let why = world.may(&binding, &server, verb.kind().item(native));
    let holds = why.allowed == (expect == Expect::Allow);
    let path = if holds { Vec::new() } else { why.steps.iter().map(|step| world.sentence(step)).collect() };
    let expected = if expect == Expect::Allow { "may" } else { "may not" };
    let name = name.unwrap_or_else(|| format!("{who} {expected} {} {item}", verb.word()));
    Ok(Asked { name, holds, path })
}
