//! `can-i`, `who-can`, `access matrix`, `plan` and `test`, as a person and a
//! pipeline use them: the binary, files, exit codes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails in a test has to be seen, in its helpers too")]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

mod plan;
mod validate;

const HEAD: &str = "apiVersion: switchboard.dev/v1alpha1\n";

/// Two servers, a group with one of them, a team that has the group and some of the other, a key of the team, a key with
/// grants of its own that ends, and whoever has no credential.
const COMPANY: &[(&str, &str)] = &[
    (
        "servers.yaml",
        "kind: McpServer
metadata: {name: time}
spec: {http: {url: 'https://time.example/mcp'}, accessGroups: [{name: everyday}], allowedNamespaces: {from: All}}
---
kind: McpServer
metadata: {name: wiki}
spec: {alias: Company_Wiki, http: {url: 'https://wiki.example/mcp'}, tools: {deny: ['delete_*']}}
---
kind: McpAccessGroup
metadata: {name: everyday}
spec: {}
",
    ),
    (
        "access.yaml",
        "kind: McpKeyBinding
metadata: {name: blue}
spec:
  subject: {type: Team, team: blue}
  grants:
    accessGroups: [{name: everyday}]
    servers:
      - {name: wiki, tools: ['*_page']}
---
kind: McpKeyBinding
metadata: {name: laptop}
spec:
  subject: {type: Key, keys: [{name: laptop, sha256: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'}]}
  team: blue
---
kind: McpKeyBinding
metadata: {name: guest}
spec:
  subject: {type: Key, keys: [{name: guest, sha256: 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb'}]}
  expirationTime: '2030-01-01T00:00:00Z'
  grants: {servers: [{name: wiki, tools: [get_page]}]}
---
kind: McpKeyBinding
metadata: {name: anybody}
spec:
  subject: {type: Anonymous}
  grants: {servers: [{name: time, tools: [now]}]}
",
    ),
];

/// Settings of a release in which the company speaks for everybody.
const SETTINGS: &str = "kind: Settings
platformNamespaces: [default]
";

/// A server whose credential is in a Secret of the cluster.
const WITH_SECRET: &str = "kind: McpServer
metadata: {name: vault}
spec:
  http: {url: 'https://vault.example/mcp'}
  auth: {type: Bearer, bearer: {valueFrom: {secretKeyRef: {name: vault, key: token}}}}
";

/// A directory with the company, each file with these edits of its text.
fn company(edits: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), edits);
    folder
}

fn write(folder: &Path, edits: &[(&str, &str)]) {
    for (name, text) in COMPANY {
        let documents: Vec<String> = text.split("---\n").map(|document| format!("{HEAD}{document}")).collect();
        let mut text = documents.join("---\n");
        for (from, to) in edits {
            text = text.replace(from, to);
        }
        fs::write(folder.join(name), text).unwrap();
    }
    for (from, _) in edits {
        assert!(COMPANY.iter().any(|(_, text)| text.contains(from)), "nothing to edit: {from}");
    }
}

struct Answer {
    code: i32,
    out: String,
    error: String,
}

/// Runs the binary in a directory.
fn switchboard(folder: &Path, arguments: &[&str]) -> Answer {
    let run = Command::new(env!("CARGO_BIN_EXE_switchboard")).current_dir(folder).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Answer { code: run.status.code().unwrap(), out: text(run.stdout), error: text(run.stderr) }
}

fn check(folder: &Path, arguments: &[&str], code: i32, out: &str) {
    let answer = switchboard(folder, arguments);
    assert_eq!((answer.code, answer.out.as_str()), (code, out), "{arguments:?}: {}", answer.error);
}

#[test]
fn can_i_says_yes_or_no_and_why() {
    let company = company(&[]);
    let here = company.path();
    check(
        here,
        &["can-i", "--key", "laptop", "call", "time/now"],
        0,
        "yes
  McpKeyBinding default/laptop spec.team: its team `blue` gives it  (access.yaml:16)
    McpKeyBinding default/blue spec.grants.accessGroups[0]: gives McpAccessGroup default/everyday  (access.yaml:7)
    McpServer default/time spec.accessGroups[0]: makes McpServer default/time a member of it, with all tools  (servers.yaml:4)
",
    );
    check(
        here,
        &["can-i", "--key", "laptop", "call", "company wiki/delete_page"],
        1,
        "no\n  McpServer default/wiki spec.tools.deny: denies `delete_*`  (servers.yaml:9)\n",
    );
    check(
        here,
        &["can-i", "--team", "blue", "read", "wiki/file:///a/b"],
        1,
        "no
  McpKeyBinding default/(a key of team blue) spec.team: its team `blue` may not use it
    McpKeyBinding default/blue spec.grants.servers[0]: gives no resources of McpServer default/wiki  (access.yaml:9)
",
    );
    let until = ["can-i", "--key", "default/guest", "call", "default/wiki/get_page", "--at"];
    check(
        here,
        &[&until[..], &["2029-12-31T23:59:59Z"]].concat(),
        0,
        "yes\n  McpKeyBinding default/guest spec.grants.servers[0]: gives the tools `get_page` of McpServer default/wiki  (access.yaml:24)\n",
    );
    let expired = switchboard(here, &[&until[..], &["2030-01-01T00:00:00Z"]].concat());
    assert_eq!(expired.code, 1);
    assert!(expired.out.contains("spec.expirationTime: has expired  (access.yaml:23)"), "{}", expired.out);
    let json = switchboard(here, &["can-i", "--anonymous", "call", "time/now", "-o", "json"]);
    let answer: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((&answer["allowed"], &answer["caller"]), (&true.into(), &"default/anybody".into()));
    assert_eq!((&answer["path"][0]["file"], &answer["path"][0]["line"]), (&"access.yaml".into(), &31.into()));
}

#[test]
fn a_grant_that_is_void_says_why() {
    let company = company(&[("[{name: wiki, tools: [get_page]}]", "[{name: time, namespace: other}, {name: wikki}]")]);
    check(
        company.path(),
        &["can-i", "--key", "guest", "call", "wiki/get_page", "--at", "2029-01-01T00:00:00Z"],
        1,
        "no
  McpKeyBinding default/guest spec.grants: names neither McpServer default/wiki nor a group that has it  (access.yaml:24)
  McpKeyBinding default/guest spec.grants.servers[0]: is void: there is no accepted McpServer `other/time`, or it does not admit this namespace  (access.yaml:24)
  McpKeyBinding default/guest spec.grants.servers[1]: is void: there is no accepted McpServer `wikki` in this namespace  (access.yaml:24)
",
    );
}

#[test]
fn a_cluster_lets_a_tenant_speak_for_itself_alone() {
    let company = company(&[]);
    let asked = ["can-i", "--anonymous", "call", "time/now"];
    assert_eq!(switchboard(company.path(), &asked).code, 0);
    let answer = switchboard(company.path(), &[&asked[..], &["--release-namespace", "mcp"]].concat());
    assert_eq!(answer.code, 1);
    assert!(answer.out.contains("is not accepted (NotAPlatformNamespace)"), "{}", answer.out);
}

#[test]
fn what_cannot_be_answered_is_neither_yes_nor_no() {
    let company = company(&[]);
    let here = company.path();
    for (arguments, says) in [
        (&["can-i", "--key", "nobody", "call", "time/now"][..], "no McpKeyBinding has the subject Key `nobody`"),
        (&["can-i", "--key", "laptop", "call", "tme/now"], "no server is called `tme`"),
        (&["can-i", "--key", "laptop", "call", "time"], "write it as SERVER/NAME"),
        (&["can-i", "--key", "laptop", "--team", "blue", "call", "time/now"], "cannot be used with"),
        (&["can-i", "call", "time/now"], "required arguments"),
        (&["who-can", "time/now", "--directory", "nowhere"], "nowhere"),
        (&["plan", "nowhere", "."], "nowhere"),
        (&["test", "nothing.yaml"], "nothing.yaml"),
    ] {
        let answer = switchboard(here, arguments);
        assert_eq!(answer.code, 2, "{arguments:?}");
        assert!(answer.error.contains(says), "{arguments:?}: {}", answer.error);
    }
    fs::write(here.join("broken.yaml"), "kind: [").unwrap();
    let answer = switchboard(here, &["can-i", "--key", "laptop", "call", "time/now"]);
    assert_eq!((answer.code, answer.out.as_str()), (2, ""));
    assert!(answer.error.contains("broken.yaml:1"), "{}", answer.error);
}

#[test]
fn who_can_names_everybody_who_may() {
    let company = company(&[]);
    let here = company.path();
    let answer = switchboard(here, &["who-can", "time/now"]);
    let callers: Vec<&str> = answer.out.lines().filter(|line| !line.starts_with(' ')).collect();
    assert_eq!(callers, ["default/laptop", "default/anybody (anybody, without a credential)"]);
    assert_eq!(answer.error, "2 callers may use tool `now` of default/time\n");
    let agent = "kind: McpKeyBinding
metadata: {name: agent}
spec:
  subject: {type: ServiceAccount, serviceAccount: {name: agent}}
  grants: {servers: [{name: time}]}
";
    fs::write(here.join("agent.yaml"), format!("{HEAD}{agent}")).unwrap();
    let with_token = switchboard(here, &["who-can", "time/now"]);
    assert!(with_token.out.lines().any(|line| line == "default/agent"), "it needs a token: {}", with_token.out);
    let nobody = switchboard(here, &["who-can", "wiki/delete_page", "-o", "json"]);
    let answer: Value = serde_json::from_str(&nobody.out).unwrap();
    assert_eq!((nobody.code, &answer["callers"]), (0, &Value::Array(Vec::new())));
}

#[test]
fn a_snapshot_answers_for_its_callers_without_a_reason() {
    let company = company(&[]);
    let here = company.path();
    let account = "{type: ServiceAccount, serviceAccount: {namespace: jobs, name: nightly}}";
    let job = format!(
        "{HEAD}kind: McpKeyBinding
metadata: {{name: job}}
spec: {{subject: {account}, grants: {{servers: [{{name: wiki, tools: [get_page]}}]}}}}
"
    );
    fs::write(here.join("job.yaml"), job).unwrap();
    let shown = switchboard(here, &["snapshot", "show", "."]);
    fs::write(here.join("snapshot.json.txt"), &shown.out).unwrap();
    let asked = |arguments: &[&str]| switchboard(here, &[arguments, &["--snapshot", "snapshot.json.txt"]].concat());
    let yes = asked(&["can-i", "--key", "laptop", "call", "wiki/get_page"]);
    assert_eq!((yes.code, yes.out.as_str()), (0, "yes\n"), "{}", yes.error);
    assert_eq!(asked(&["can-i", "--key", "default/laptop", "call", "default/wiki/delete_page"]).code, 1);
    assert_eq!(asked(&["can-i", "--service-account", "jobs/nightly", "call", "wiki/get_page"]).code, 0);
    assert_eq!(asked(&["can-i", "--service-account", "jobs/nightly", "call", "time/now"]).code, 1);
    assert_eq!(asked(&["can-i", "--service-account", "default/job", "call", "wiki/get_page"]).code, 2);
    assert_eq!(
        asked(&["who-can", "time/now"]).out,
        "default/laptop\ndefault/anybody (anybody, without a credential)\n"
    );
    assert_eq!(asked(&["access", "matrix"]).out, switchboard(here, &["access", "matrix"]).out);
    let team = asked(&["can-i", "--team", "blue", "call", "time/now"]);
    assert_eq!(team.code, 2);
    assert!(team.error.contains("a snapshot knows callers alone"), "{}", team.error);
    fs::write(here.join("snapshot.json.txt"), shown.out.replace("\"callers\"", "\"cullers\"")).unwrap();
    let broken = asked(&["who-can", "time/now"]);
    assert_eq!(broken.code, 2);
    assert!(broken.error.contains("snapshot.json.txt: no snapshot: "), "{}", broken.error);
}

#[test]
fn the_matrix_has_a_line_for_each_caller_and_server() {
    let company = company(&[("name: laptop}\nspec:", "name: laptop}\nspec:\n  grants: {}")]);
    let here = company.path();
    check(
        here,
        &["access", "matrix"],
        0,
        "CALLER           SERVER        TOOLS                          PROMPTS  RESOURCES
default/guest    default/wiki  `get_page` but not `delete_*`  -        -
default/laptop   -             -                              -        -
default/anybody  default/time  `now`                          -        -
",
    );
    check(
        here,
        &["access", "matrix", "-o", "csv"],
        0,
        "caller,server,tools,prompts,resources
default/guest,default/wiki,`get_page` but not `delete_*`,,
default/laptop,,,,
default/anybody,default/time,`now`,,
",
    );
    let json = switchboard(here, &["access", "matrix", "-o", "json"]);
    let rows: Value = serde_json::from_str(&json.out).unwrap();
    let tools = serde_json::json!({"within": [["get_page"]], "without": ["delete_*"]});
    assert_eq!((&rows[0]["tools"], &rows[0]["prompts"]), (&tools, &Value::Null));
}

#[test]
fn a_secret_that_is_not_with_the_manifests_counts_as_there() {
    let from = "{valueFrom: {secretKeyRef: {name: elsewhere, key: token}}}";
    let key = format!("sha256: '{}'", "b".repeat(64));
    let url = "url: 'https://wiki.example/mcp'}";
    let secret = [
        (url, format!("{url}, auth: {{type: Bearer, bearer: {from}}}")),
        (&key, from.trim_start_matches('{').trim_end_matches('}').to_owned() + "}}"),
    ];
    let secret: Vec<(&str, &str)> = secret.iter().map(|(from, to)| (*from, to.as_str())).collect();
    let company_with = |more: &[(&str, &str)]| company(&[&secret[..], more].concat());
    let (old, new) = (company_with(&[]), company_with(&[("[get_page]", "[get_page, list_pages]")]));
    let asked = ["can-i", "--key", "guest", "call", "wiki/get_page"];
    assert_eq!(switchboard(old.path(), &asked).code, 0);
    let gain = "default/guest
  + default/wiki tools: `get_page` but not `delete_*` → `get_page`, `list_pages` but not `delete_*` (+ `list_pages`)
";
    check(old.path(), &["plan", ".", new.path().to_str().unwrap(), "--fail-on", "widen"], 1, gain);
    // One that is there and not marked is of no use to anybody, here and in the cluster.
    let unmarked = "apiVersion: v1\nkind: Secret\nmetadata: {name: elsewhere}\nstringData: {token: t}\n";
    fs::write(old.path().join("secret.yaml"), unmarked).unwrap();
    assert_eq!(switchboard(old.path(), &asked).code, 1);
}

#[test]
fn a_refused_claim_to_a_subject_is_in_nobodys_way() {
    let company = company(&[]);
    let late = format!(
        "{HEAD}kind: McpKeyBinding\nmetadata: {{name: zz}}\nspec: {{subject: {{type: Anonymous}}, grants: {{}}}}\n"
    );
    fs::write(company.path().join("zz.yaml"), late).unwrap();
    assert_eq!(switchboard(company.path(), &["can-i", "--anonymous", "call", "time/now"]).code, 0);
}

#[test]
fn tests_of_access_hold_or_say_why_not() {
    let company = company(&[]);
    let outside = tempfile::tempdir().unwrap();
    let (policy, wrong) = (outside.path().join("policy.yaml"), outside.path().join("wrong.yaml"));
    let tests = "tests:
- {name: the blue team reads the wiki, team: blue, call: wiki/get_page, expect: allow}
- {key: guest, call: time/now, expect: deny}
- {anonymous: true, call: time/now, expect: deny}
";
    fs::write(&policy, tests).unwrap();
    check(
        company.path(),
        &["test", policy.to_str().unwrap(), "--at", "2029-01-01T00:00:00Z"],
        1,
        "ok     the blue team reads the wiki
ok     guest may not call time/now
FAILED anybody may not call time/now
  McpKeyBinding default/anybody spec.grants.servers[0]: gives the tools `now` of McpServer default/time  (access.yaml:31)
",
    );
    fs::write(&policy, tests.replace("time/now, expect: deny}\n- {anonymous", "time/now, expect: deny}\n#")).unwrap();
    assert_eq!(switchboard(company.path(), &["test", policy.to_str().unwrap()]).code, 0);
    for (text, says) in [
        ("tests: []", "there is no test in it"),
        ("tests: [{key: guest, call: time/now, expect: maybe}]", "maybe"),
        ("tests: [{key: guest, call: time/now, read: time/x, expect: deny}]", "exactly one of call, get and read"),
        ("tests: [{call: time/now, expect: deny}]", "exactly one of key, team"),
        ("tests: [{key: nobody, call: time/now, expect: deny}]", "no McpKeyBinding"),
        ("tests: [{kee: guest, call: time/now, expect: deny}]", "kee"),
    ] {
        fs::write(&wrong, text).unwrap();
        let answer = switchboard(company.path(), &["test", wrong.to_str().unwrap()]);
        assert_eq!(answer.code, 2, "{text}");
        assert!(answer.error.contains(says), "{text}: {}", answer.error);
    }
}
