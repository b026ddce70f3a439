//! What the service accounts may do, as the apiserver answers it, against a
//! list that was reviewed.

use std::fmt::Write as _;

use futures_util::future::join_all;
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use kube::Api;
use kube::api::PostParams;

use crate::scene::{QUICKSTART, RELEASE, Scene};

/// What is asked of every account, in every namespace: verbs and what they are tried on.
const VERBS: [&str; 8] = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];
const RESOURCES: [&str; 16] = [
    "configmaps",
    "configmaps/switchboard-settings",
    "configmaps/switchboard-snapshot",
    "configmaps/switchboard-snapshot-31",
    "configmaps/switchboard-rollout",
    "secrets",
    "secrets/switchboard-keys",
    "secrets/switchboard-credentials-15",
    "mcpservers.switchboard.dev",
    "mcpkeybindings.switchboard.dev",
    "leases.coordination.k8s.io",
    "leases.coordination.k8s.io/switchboard-operator",
    "pods",
    "deployments.apps/switchboard-operator",
    "roles.rbac.authorization.k8s.io",
    "namespaces/quickstart",
];
/// With a subresource each.
const SUBRESOURCES: [(&str, &str); 4] =
    [("mcpservers.switchboard.dev", "status"), ("pods", "exec"), ("pods", "log"), ("serviceaccounts", "token")];

/// Asks for every verb on every resource, for each account, as `kubectl auth can-i` does, and compares what is allowed.
pub(crate) fn are_as_reviewed(scene: &Scene) {
    let mut found = String::new();
    for account in ["operator", "gateway"] {
        for namespace in [RELEASE, QUICKSTART, "default"] {
            let asked = RESOURCES.iter().map(|resource| (*resource, None));
            let asked = asked.chain(SUBRESOURCES.iter().map(|(resource, sub)| (*resource, Some(*sub))));
            for (resource, sub) in asked {
                let of = |verb| may(scene, account, namespace, verb, (resource, sub));
                let answers = scene.block_on(join_all(VERBS.map(of)));
                let allowed = VERBS.into_iter().zip(answers).filter(|(_, allowed)| *allowed);
                let allowed: Vec<&str> = allowed.map(|(verb, _)| verb).collect();
                if !allowed.is_empty() {
                    let resource = sub.map_or(resource.to_owned(), |sub| format!("{resource} --subresource={sub}"));
                    let _ = writeln!(found, "{account} in {namespace}: {resource}: {}", allowed.join(", "));
                }
            }
        }
    }
    let reviewed = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("release/rights.txt");
    if tests::args::update() {
        std::fs::write(&reviewed, &found).unwrap();
    }
    let reviewed = std::fs::read_to_string(reviewed).unwrap();
    assert_eq!(
        found, reviewed,
        "the rights are others than in tests/release/rights.txt; if that is right, UPDATE=1 tests/run cluster writes it"
    );
    let reads = |line: &str| line.ends_with(": get, list, watch");
    assert!(found.lines().filter(|line| line.starts_with("gateway")).all(reads), "a gateway only reads");
}

/// `resource`: as in `configmaps.group/name`, and its subresource.
async fn may(scene: &Scene, account: &str, namespace: &str, verb: &str, (resource, sub): (&str, Option<&str>)) -> bool {
    let (resource, name) = resource.split_once('/').map_or((resource, None), |(kind, name)| (kind, Some(name)));
    let (resource, group) = resource.split_once('.').unwrap_or((resource, ""));
    let attributes = ResourceAttributes {
        group: Some(group.to_owned()),
        name: name.map(str::to_owned),
        namespace: Some(namespace.to_owned()),
        resource: Some(resource.to_owned()),
        subresource: sub.map(str::to_owned),
        verb: Some(verb.to_owned()),
        ..ResourceAttributes::default()
    };
    let spec = SubjectAccessReviewSpec {
        resource_attributes: Some(attributes),
        user: Some(format!("system:serviceaccount:{RELEASE}:{RELEASE}-{account}")),
        ..SubjectAccessReviewSpec::default()
    };
    let review = SubjectAccessReview { spec, ..SubjectAccessReview::default() };
    let answer = Api::all(scene.client.clone()).create(&PostParams::default(), &review).await.unwrap();
    answer.status.unwrap().allowed
}
