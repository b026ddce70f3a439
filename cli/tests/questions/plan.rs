//! `plan`: who gains and who loses by a change, from directories, revisions and the jobs of pipelines.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::{HEAD, SETTINGS, WITH_SECRET, check, company, switchboard, write};

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
fn a_plan_follows_tokens_too() {
    let token = |name: &str, subject: &str, tools: &str| {
        format!(
            "---
{HEAD}kind: McpKeyBinding
metadata: {{name: {name}}}
spec: {{subject: {subject}, grants: {{servers: [{{name: time, tools: [{tools}]}}]}}}}
"
        )
    };
    let blue = |tools: &str| token("blue-token", "{type: Claims, claims: [{claim: team, values: [blue]}]}", tools);
    let ann = |tools: &str| token("ann", "{type: User, user: ann}", tools);
    let job =
        |tools: &str| token("job", "{type: ServiceAccount, serviceAccount: {namespace: jobs, name: nightly}}", tools);
    let (old, new) = (company(&[]), company(&[]));
    let with = |folder: &TempDir, bindings: &[String]| {
        fs::write(folder.path().join("tokens.yaml"), bindings.concat()).unwrap();
    };
    let plan =
        |fail_on: &str| switchboard(old.path(), &["plan", ".", new.path().to_str().unwrap(), "--fail-on", fail_on]);

    with(&old, &[blue("now"), ann("now, convert"), job("now")]);
    with(&new, &[blue("now, zones"), ann("now"), job("now, convert")]);
    let told = plan("widen");
    let expected = "default/ann
  - default/time tools: `convert`, `now` → `now` (- `convert`)
default/blue-token
  + default/time tools: `now` → `now`, `zones` (+ `zones`)
default/job
  + default/time tools: `now` → `convert`, `now` (+ `convert`)
";
    assert_eq!((told.code, &*told.out), (1, expected), "{}", told.error);

    // Whoever has no binding of their own any more is let in by their claims: that may be more, and is told as more.
    with(&old, &[blue("now, zones"), ann("now")]);
    with(&new, &[blue("now, zones")]);
    let told = plan("widen");
    let expected = "default/ann (with a token that no binding of its own lets in any more)
  - default/time tools: `now` → nothing
default/blue-token (with a token that was of default/ann)
  + default/time tools: `now` → `now`, `zones` (+ `zones`)
";
    assert_eq!((told.code, &*told.out), (1, expected), "{}", told.error);
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
    // As in a repository that a cluster is made of: with the release's settings, and without the Secrets.
    fs::write(here.join("deploy/cluster.yaml"), [HEAD, SETTINGS, "---\n", HEAD, WITH_SECRET].concat()).unwrap();
    git(here, &["add", "deploy"]);
    git(here, &["commit", "--quiet", "--message", "for a cluster"]);
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
        assert_eq!(codes(&[("[now]", "[now, convert]")]), gains, "{file}");
    }
}

#[test]
fn a_context_that_nothing_asks_is_an_error() {
    let company = company(&[]);
    let answer = switchboard(company.path(), &["plan", ".", ".", "--context", "prod"]);
    assert_eq!(answer.code, 2);
    assert!(answer.error.contains("neither OLD nor NEW is `live`"), "{}", answer.error);
}
