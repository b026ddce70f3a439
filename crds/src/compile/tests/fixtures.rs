//! Golden fixtures: `crds/testdata/compile/CASE/in.yaml`, manifests, and `out.yaml`, all that follows from them.
//! `UPDATE=1 cargo test -p crds` writes the latter anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use k8s_openapi::jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::load::load;
use super::*;
use crate::conditions::{Facts, Fleet, Programmed, conditions};
use crate::diagnostic::{Kind, ObjectKey, Reason};
use crate::resources::Observed;
use crate::snapshot::{Fingerprint, Secrets};
use crate::status::Status;

#[derive(Serialize)]
struct Golden {
    conditions: BTreeMap<String, String>,
    diagnostics: Vec<Diagnostic>,
    snapshot: Snapshot,
    credentials: BTreeMap<String, Secrets>,
}

#[test]
fn manifests_compile_to_what_their_fixture_says() {
    let mut reasons = BTreeSet::new();
    for case in cases() {
        let input = fs::read_to_string(case.join("in.yaml")).unwrap();
        let (resources, scope) = load(&input);
        let compiled = compile(&resources, &scope, &pepper());
        reasons.extend(compiled.diagnostics.iter().map(|fault| fault.reason));
        assert_eq!(compiled.snapshot.check(), Ok(()));
        let found = serde_yaml::to_string(&golden(&resources, compiled)).unwrap();
        let path = case.join("out.yaml");
        if rewrites() {
            fs::write(&path, &found).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        assert!(found == expected, "{} differs; what was found:\n{found}", path.display());
    }
    assert_eq!(reasons, BTreeSet::from(Reason::ALL), "every reason has a case");
}

#[expect(clippy::disallowed_methods, reason = "how a person asks a test to rewrite its fixtures")]
fn rewrites() -> bool {
    std::env::var("UPDATE").is_ok()
}

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/compile");
    let mut cases: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(!cases.is_empty());
    cases
}

fn golden(resources: &Resources, compiled: Compiled) -> Golden {
    let Compiled { snapshot, credentials, diagnostics } = compiled;
    let keys = |kind: Kind, keys: Vec<&ObjectKey>| keys.into_iter().map(move |key| (kind, key.clone())).collect();
    let objects: [Vec<(Kind, ObjectKey)>; 4] = [
        keys(Kind::McpServer, resources.servers.keys().collect()),
        keys(Kind::McpAccessGroup, resources.groups.keys().collect()),
        keys(Kind::McpKeyBinding, resources.bindings.keys().collect()),
        resources.refused.keys().cloned().collect(),
    ];
    let fleet = Fleet::new([Some(1)]);
    let facts = Facts { programmed: Programmed::Since(1), fleet: &fleet, health: None, now: Timestamp::UNIX_EPOCH };
    let statuses = objects.into_iter().flatten().map(|(kind, key)| {
        let (uid, resource_version, status) = (String::new(), String::new(), Status::read(kind, Value::Null));
        let object = Observed { kind, key: key.clone(), uid, resource_version, generation: 1, status };
        // The others follow from these, or from what a compiler does not know.
        let compiled = conditions(&object, &diagnostics, &facts).into_iter().take(3);
        let shown = compiled.map(|condition| {
            let reason =
                if condition.reason == condition.type_ { String::new() } else { format!(" {}", condition.reason) };
            format!("{}={}{reason}", condition.type_, condition.status)
        });
        (format!("{} {key}", kind.as_str()), shown.collect::<Vec<_>>().join(", "))
    });
    Golden {
        conditions: statuses.collect(),
        diagnostics: diagnostics.clone(),
        snapshot,
        credentials: credentials
            .into_iter()
            .map(|(name, values): (Fingerprint, Secrets)| (name.to_string(), values))
            .collect(),
    }
}
