//! Admission policies: what `compile` would refuse is refused by the apiserver
//! already, where a rule of a definition cannot say it, since it is about the
//! settings, the namespace or `metadata.name`.
//!
//! Each rule is made of what `compile` decides by, and says the same words. What
//! depends on other objects (who has a name or a subject first) is in no policy:
//! of two objects that come at once neither could be asked about the other. The
//! policies are a service to the person who applies; without them nothing is let
//! in that should not be, and the object's status says the same.

use k8s_openapi::api::admissionregistration::v1::{
    MatchCondition, MatchResources, NamedRuleWithOperations, ValidatingAdmissionPolicy,
    ValidatingAdmissionPolicyBinding, ValidatingAdmissionPolicyBindingSpec, ValidatingAdmissionPolicySpec, Validation,
    Variable,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement, ObjectMeta};

use crate::compile::Scope;
use crate::compile::tenancy::Tenancy;
use crate::crd::{KINDS, definition};
use crate::diagnostic::Kind;
use crate::settings::Settings;
use crate::v1alpha1::GROUP;

mod cel;
mod rules;

/// The label that every namespace has, with its name as the value.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// Objects whose spec stays as it is may be changed otherwise, also if settings that have come since would refuse it:
/// labels, and the finalizers that a deletion waits for.
const SPEC_CHANGES: &str = "request.operation == 'CREATE' || object.spec != oldObject.spec";

/// The release that the policies are for.
#[derive(Clone, Copy, Debug)]
pub struct Release<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its namespace.
    pub namespace: &'a str,
    /// The namespaces that it watches; none: all. Objects of others are another release's, or nobody's.
    pub watched: Option<&'a [String]>,
}

/// A policy and where it holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// The kind that it is about.
    pub kind: Kind,
    /// The rules.
    pub policy: ValidatingAdmissionPolicy,
    /// That they deny, and in which namespaces.
    pub binding: ValidatingAdmissionPolicyBinding,
}

/// The policies of a release, one a kind.
pub fn policies(release: Release, settings: &Settings) -> [Policy; 3] {
    let scope = Scope::Cluster { namespace: release.namespace.to_owned() };
    let tenancy = Tenancy::new(settings, &scope);
    KINDS.map(|kind| {
        let rules::Rules { variables, validations } = match kind {
            Kind::McpServer => rules::of_servers(&tenancy),
            Kind::McpAccessGroup => rules::of_groups(),
            Kind::McpKeyBinding => rules::of_bindings(&tenancy),
        };
        let names = definition(kind).spec.names;
        // Names of policies are the whole cluster's.
        let name = format!("{}.{}.{}.{GROUP}", names.plural, release.name, release.namespace);
        Policy { kind, policy: policy(&name, &names.plural, variables, validations), binding: binding(&name, release) }
    })
}

/// The policies as one YAML stream, ready for `kubectl apply -f -`. Always the same bytes.
pub fn policies_yaml(release: Release, settings: &Settings) -> String {
    let mut text = String::new();
    for Policy { policy, binding, .. } in policies(release, settings) {
        for document in [serde_yaml::to_string(&policy), serde_yaml::to_string(&binding)] {
            text += "---\n";
            text += &document.expect("a policy is plain data with string keys");
        }
    }
    text
}

fn policy(
    name: &str,
    resource: &str,
    variables: Vec<Variable>,
    validations: Vec<Validation>,
) -> ValidatingAdmissionPolicy {
    let texts = |texts: &[&str]| Some(texts.iter().map(ToString::to_string).collect());
    let rule = NamedRuleWithOperations {
        api_groups: texts(&[GROUP]),
        api_versions: texts(&["v1alpha1"]),
        operations: texts(&["CREATE", "UPDATE"]),
        resources: texts(&[resource]),
        ..NamedRuleWithOperations::default()
    };
    let matching = MatchResources { resource_rules: Some(vec![rule]), ..MatchResources::default() };
    let changes = MatchCondition { name: "spec-changes".to_owned(), expression: SPEC_CHANGES.to_owned() };
    ValidatingAdmissionPolicy {
        metadata: metadata(name),
        spec: Some(ValidatingAdmissionPolicySpec {
            failure_policy: Some("Fail".to_owned()),
            match_constraints: Some(matching),
            match_conditions: Some(vec![changes]),
            variables: Some(variables),
            validations: Some(validations),
            ..ValidatingAdmissionPolicySpec::default()
        }),
        status: None,
    }
}

fn binding(name: &str, release: Release) -> ValidatingAdmissionPolicyBinding {
    let watched = release.watched.map(|namespaces| {
        let requirement = LabelSelectorRequirement {
            key: NAME_LABEL.to_owned(),
            operator: "In".to_owned(),
            values: Some(namespaces.to_vec()),
        };
        let selector = LabelSelector { match_expressions: Some(vec![requirement]), match_labels: None };
        MatchResources { namespace_selector: Some(selector), ..MatchResources::default() }
    });
    ValidatingAdmissionPolicyBinding {
        metadata: metadata(name),
        spec: Some(ValidatingAdmissionPolicyBindingSpec {
            match_resources: watched,
            policy_name: Some(name.to_owned()),
            validation_actions: Some(vec!["Deny".to_owned()]),
            ..ValidatingAdmissionPolicyBindingSpec::default()
        }),
    }
}

fn metadata(name: &str) -> ObjectMeta {
    let labels = [("app.kubernetes.io/name".to_owned(), "switchboard".to_owned())];
    ObjectMeta { name: Some(name.to_owned()), labels: Some(labels.into()), ..ObjectMeta::default() }
}

#[cfg(test)]
mod tests;
