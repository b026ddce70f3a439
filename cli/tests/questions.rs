//! `can-i`, `who-can`, `access matrix`, `plan` and `test`, as a person and a
//! pipeline use them: the binary, files, exit codes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails in a test has to be seen, in its helpers too")]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

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
    let nobody = switchboard(here, &["who-can", "wiki/delete_page", "-o", "json"]);
    let answer: Value = serde_json::from_str(&nobody.out).unwrap();
    assert_eq!((nobody.code, &answer["callers"]), (0, &Value::Array(Vec::new())));
}

#[test]
fn a_snapshot_answers_for_its_callers_without_a_reason() {
    let company = company(&[]);
    let here = company.path();
    let shown = switchboard(here, &["snapshot", "show", "."]);
    fs::write(here.join("snapshot.json.txt"), &shown.out).unwrap();
    let asked = |arguments: &[&str]| switchboard(here, &[arguments, &["--snapshot", "snapshot.json.txt"]].concat());
    let yes = asked(&["can-i", "--key", "laptop", "call", "wiki/get_page"]);
    assert_eq!((yes.code, yes.out.as_str()), (0, "yes\n"), "{}", yes.error);
    assert_eq!(asked(&["can-i", "--key", "default/laptop", "call", "default/wiki/delete_page"]).code, 1);
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
fn a_plan_is_about_what_callers_may_use() {
    let (old, same) = (company(&[]), company(&[("'*_page'", "'*_page', '**_page'")]));
    let new = company(&[("'*_page'", "'*_page', '*_file'"), ("[get_page]", "[list_pages]"), ("[now]", "[]")]);
    let folder = |folder: &TempDir| folder.path().to_str().unwrap().to_owned();
    let (here, old, same, new) = (old.path().to_owned(), folder(&old), folder(&same), folder(&new));
    let plan = switchboard(&here, &["plan", &old, &same, "--fail-on", "any"]);
    assert_eq!((plan.code, plan.out.as_str(), plan.error.as_str()), (0, "", "Nobody's access changes.\n"));
    check(
        &here,
        &["plan", &old, &new],
        0,
        "default/anybody
  - default/time tools: `now` → nothing
default/guest
  ~ default/wiki tools: `get_page` but not `delete_*` → `list_pages` but not `delete_*` (+ `list_pages`) (- `get_page`)
default/laptop
  + default/wiki tools: `*_page` but not `delete_*` → `*_file`, `*_page` but not `delete_*` (+ `_file`)
",
    );
    for (fail_on, code) in [("widen", 1), ("narrow", 1), ("any", 1)] {
        assert_eq!(switchboard(&here, &["plan", &old, &new, "--fail-on", fail_on]).code, code, "{fail_on}");
    }
    let wider = company(&[("'*_page'", "'*_page', '*_file'")]);
    for (fail_on, code) in [("widen", 1), ("narrow", 0), ("any", 1)] {
        assert_eq!(switchboard(&here, &["plan", &old, &folder(&wider), "--fail-on", fail_on]).code, code, "{fail_on}");
    }
    check(
        &here,
        &["plan", &old, &folder(&wider), "-o", "markdown"],
        0,
        "### Access

Access is widened.

| Who | Server | What | Before | After | |
|---|---|---|---|---|---|
| default/laptop | default/wiki | tools | `*_page` but not `delete_*` | `*_file`, `*_page` but not `delete_*` | (+ `_file`) |
",
    );
    let json = switchboard(&here, &["plan", &old, &new, "-o", "json"]);
    let answer: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((&answer["widens"], &answer["narrows"]), (&true.into(), &true.into()));
    assert_eq!(answer["changes"][1]["access"][0]["widens"]["name"], "list_pages");
}

#[test]
fn a_plan_follows_a_key_to_another_binding() {
    let old = company(&[]);
    let [a, b, c] = ["a", "b", "c"].map(|digit| digit.repeat(64));
    let new = company(&[(&a, &c), (&b, &a)]);
    let plan = switchboard(old.path(), &["plan", ".", new.path().to_str().unwrap()]);
    let who: Vec<&str> = plan.out.lines().filter(|line| !line.starts_with(' ')).collect();
    let expected = [
        "default/laptop (with a key that let nobody in)",
        "default/guest (with a key that lets nobody in any more)",
        "default/guest (with a key that was of default/laptop)",
        // The binding that it goes to expires, that which it was of does not.
        "from 2030-01-01T00:00:00Z on: default/laptop (with a key that lets nobody in any more)",
    ];
    assert_eq!(who, expected, "{}", plan.out);
}

/// A repository whose branch main has the company below `deploy`.
fn repository() -> TempDir {
    let repository = tempfile::tempdir().unwrap();
    git(repository.path(), &["init", "--quiet", "--initial-branch", "main"]);
    let deploy = repository.path().join("deploy");
    fs::create_dir(&deploy).unwrap();
    write(&deploy, &[]);
    git(repository.path(), &["add", "."]);
    git(repository.path(), &["commit", "--quiet", "--message", "one"]);
    repository
}

fn git(repository: &Path, arguments: &[&str]) -> String {
    let mut git = Command::new("git");
    git.current_dir(repository).args(["-c", "user.name=a", "-c", "user.email=a@example.com"]);
    let run = git.args(arguments).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap()
}

#[test]
fn a_plan_reads_revisions_of_a_repository() {
    let repository = repository();
    let here = repository.path();
    write(&here.join("deploy"), &[("[now]", "[now, convert]")]);
    let plan = switchboard(here, &["plan", "main:deploy", "deploy", "--fail-on", "widen"]);
    let expected = "default/anybody\n  + default/time tools: `now` → `convert`, `now` (+ `convert`)\n";
    assert_eq!((plan.code, plan.out.as_str()), (1, expected), "{}", plan.error);
    assert_eq!(
        git(here, &["status", "--short"]),
        " M deploy/access.yaml\n",
        "the repository and its index are as they were"
    );
    // From below the top of the repository too, where git itself would write nothing.
    let plan = switchboard(&here.join("deploy"), &["plan", "main:deploy", ".", "--fail-on", "widen"]);
    assert_eq!((plan.code, plan.out.as_str()), (1, expected), "{}", plan.error);
    let plan = switchboard(here, &["plan", "nowhere:deploy", "deploy"]);
    assert_eq!(plan.code, 2);
    assert!(plan.error.contains("nowhere:deploy: git: "), "{}", plan.error);
    std::os::unix::fs::symlink("../shared.yaml", here.join("deploy/link.yaml")).unwrap();
    git(here, &["add", "."]);
    git(here, &["commit", "--quiet", "--message", "two"]);
    let plan = switchboard(here, &["plan", "main:deploy", "main~1:deploy"]);
    assert_eq!(plan.code, 2);
    assert!(plan.error.contains("link.yaml is a link"), "{}", plan.error);
}

#[test]
fn a_plan_sees_what_changes_when_something_expires() {
    let (old, new) = (company(&[]), company(&[("  expirationTime: '2030-01-01T00:00:00Z'\n", "")]));
    let (here, new) = (old.path(), new.path().to_str().unwrap().to_owned());
    let gain = "from 2030-01-01T00:00:00Z on: default/guest (with a key that let nobody in)
  + default/wiki tools: nothing → `get_page` but not `delete_*`
";
    check(here, &["plan", ".", &new, "--fail-on", "widen"], 1, gain);
    let loss = gain.replace('+', "-").replace("let nobody in", "lets nobody in any more");
    let loss = loss.replace("nothing → `get_page` but not `delete_*`", "`get_page` but not `delete_*` → nothing");
    check(here, &["plan", &new, ".", "--fail-on", "widen"], 0, &loss);
    let now = "default/guest (with a key that let nobody in)
  + default/wiki tools: nothing → `get_page` but not `delete_*`
";
    check(here, &["plan", ".", &new, "--at", "2031-01-01T00:00:00Z"], 0, now);
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

/// The scripts of the jobs in `deploy/gitops` for a pipeline, which name `switchboard`.
fn scripts(file: &str) -> Vec<String> {
    fn collect(value: &Value, scripts: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    match value {
                        Value::String(script) if name == "run" => scripts.push(script.clone()),
                        Value::Array(lines) if name == "script" => {
                            scripts
                                .push(lines.iter().map(|line| line.as_str().unwrap()).collect::<Vec<_>>().join("\n"));
                        }
                        other => collect(other, scripts),
                    }
                }
            }
            Value::Array(values) => values.iter().for_each(|value| collect(value, scripts)),
            _ => {}
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/gitops").join(file);
    let jobs: Value = serde_yaml::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let mut scripts = Vec::new();
    collect(&jobs, &mut scripts);
    scripts
}

#[test]
fn the_jobs_for_pipelines_run_and_stop_a_change_by_which_somebody_gains() {
    let repository = repository();
    let here = repository.path();
    fs::write(here.join("access-tests.yaml"), "tests: [{key: laptop, call: time/now, expect: allow}]\n").unwrap();
    let base = git(here, &["rev-parse", "HEAD"]);
    let bin = Path::new(env!("CARGO_BIN_EXE_switchboard")).parent().unwrap();
    let run = |script: &str| {
        // The comment on the pull request is for its own machine.
        let script: Vec<&str> = script.lines().filter(|line| !line.starts_with("gh ")).collect();
        let mut shell = Command::new("sh");
        shell.current_dir(here).args(["-e", "-c", &script.join("\n")]);
        shell.env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", bin.display()));
        for name in ["BASE", "CI_MERGE_REQUEST_DIFF_BASE_SHA"] {
            shell.env(name, base.trim());
        }
        shell.env("CI_COMMIT_SHA", "a-commit-that-nobody-reviewed");
        shell.env("GITHUB_STEP_SUMMARY", here.join("summary.md")).output().unwrap().status.code().unwrap()
    };
    for (file, count) in [("github/access.yaml", 5), ("gitlab/access.yaml", 2)] {
        let scripts = scripts(file);
        assert_eq!(scripts.len(), count, "{file}");
        let codes = |edits: &[(&str, &str)]| {
            write(&here.join("deploy"), edits);
            scripts.iter().map(|script| run(script)).collect::<Vec<_>>()
        };
        assert_eq!(codes(&[]), vec![0; count], "{file}");
        let gains = [vec![0; count - 1], vec![1]].concat();
        assert_eq!(codes(&[("[get_page]", "[get_page, list_pages]")]), gains, "{file}");
        assert!(fs::read_to_string(here.join("plan.md")).unwrap().contains("| default/guest |"), "{file}");
        // Without a platform namespace nobody is let in without a credential, in the cluster and so in the plan.
        assert_eq!(codes(&[("[now]", "[now, convert]")]), vec![0; count], "{file}");
    }
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
