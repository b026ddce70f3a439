//! What operator and gateway may do is a list that somebody reviewed, `roles.txt`: it grows nowhere else.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use serde_json::{Value, json};

use crate::derived::assert_is;
use crate::helm::{Release, releases, value_sets};
use crate::objects::{Objects, name, texts};

const HEADER: &str = "\
# What the service accounts of a release may do, by the values that decide it. A change of this file is a change of what
# an attacker who takes over a pod may do: it is reviewed as one. Written by UPDATE=1 tests/run charts.
";

#[test]
fn the_accounts_may_do_what_was_reviewed_and_no_more() {
    let release = Release::default_values();
    let teams = release.clone().with("watch.namespaces", &json!(["team-a", "team-b"]));
    let all = release.clone().with("watch.allNamespaces", &json!(true));
    let mut text = HEADER.to_owned();
    for (about, release) in
        [("default values", release), ("watch.namespaces: [team-a, team-b]", teams), ("watch.allNamespaces", all)]
    {
        write!(text, "\n## {about}\n").unwrap();
        for line in permissions(&release.objects()) {
            writeln!(text, "{line}").unwrap();
        }
    }
    assert_is(&Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/roles.txt"), &text);
}

#[test]
fn no_value_gives_anybody_more() {
    for release in releases(&value_sets()) {
        let objects = release.objects();
        let all = objects.of("ClusterRole").all(|role| !is_named(role)) && objects.of("ClusterRole").count() == 1;
        assert_eq!(all, release.name == "all-namespaces", "{}: what is not namespaced is named", release.name);
        for role in objects.of("Role").chain(objects.of("ClusterRole")) {
            for rule in role["rules"].as_array().unwrap() {
                assert!(!rule.to_string().contains('*'), "{}: {rule}", name(role));
            }
        }
        for rule in rules_of(&objects, "gateway") {
            assert_eq!(texts(&rule["verbs"]), ["get", "list", "watch"], "{}: DESIGN 5", release.name);
            assert!(!texts(&rule["resourceNames"]).is_empty(), "{}: {rule}", release.name);
        }
    }
}

/// A line for each rule that is bound: who, where, what, which ones, and the verbs.
fn permissions(objects: &Objects) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for binding in objects.of("RoleBinding").chain(objects.of("ClusterRoleBinding")) {
        let [subject] = binding["subjects"].as_array().unwrap().as_slice() else { panic!("{}", name(binding)) };
        assert_eq!((&subject["kind"], &subject["namespace"]), (&json!("ServiceAccount"), &json!("switchboard")));
        let place = binding["metadata"]["namespace"].as_str().map_or("everywhere".into(), |it| format!("in {it}"));
        for rule in role_of(objects, binding)["rules"].as_array().unwrap() {
            let groups = texts(&rule["apiGroups"]);
            let [group] = groups.as_slice() else { panic!("{rule}: one group a rule") };
            let dot = if group.is_empty() { "" } else { "." };
            for resource in texts(&rule["resources"]) {
                let which = which(&texts(&rule["resourceNames"]));
                let (account, verbs) = (subject["name"].as_str().unwrap(), texts(&rule["verbs"]).join(", "));
                lines.insert(format!("{account} {place}: {resource}{dot}{group} {which}: {verbs}"));
            }
        }
    }
    lines
}

/// The role that a binding binds, of its own namespace.
fn role_of<'o>(objects: &'o Objects, binding: &Value) -> &'o Value {
    let mut roles = objects.of(binding["roleRef"]["kind"].as_str().unwrap());
    let is = |role: &&Value| {
        role["metadata"]["name"] == binding["roleRef"]["name"]
            && role["metadata"]["namespace"] == binding["metadata"]["namespace"]
    };
    roles.find(is).unwrap_or_else(|| panic!("{} binds nothing", name(binding)))
}

/// The rules of all that is bound to a component's account.
fn rules_of(objects: &Objects, component: &str) -> Vec<Value> {
    let bindings = objects.of("RoleBinding").chain(objects.of("ClusterRoleBinding"));
    let of_component =
        bindings.filter(|it| it["subjects"][0]["name"].as_str().unwrap().ends_with(&format!("-{component}")));
    of_component.flat_map(|binding| role_of(objects, binding)["rules"].as_array().unwrap().clone()).collect()
}

fn is_named(role: &Value) -> bool {
    role["rules"].as_array().unwrap().iter().all(|rule| !texts(&rule["resourceNames"]).is_empty())
}

/// Names of objects, with those that go on by number as a range.
fn which(names: &[&str]) -> String {
    let number = |name: &str| name.rsplit_once('-').and_then(|(_, number)| number.parse::<u8>().ok());
    let mut parts: Vec<String> = Vec::new();
    let mut last = None;
    for name in names {
        let follows = number(name).zip(last).is_some_and(|(number, last): (u8, u8)| number == last + 1);
        last = number(name);
        match parts.last_mut().filter(|_| follows) {
            Some(range) => {
                let first = range.split('…').next().unwrap().to_owned();
                *range = format!("{first}…{:02}", last.unwrap());
            }
            None => parts.push((*name).to_owned()),
        }
    }
    if parts.is_empty() { "(any)".to_owned() } else { format!("[{}]", parts.join(" ")) }
}
