//! The chart's admission policies are those of `crds::admission`, for any release and settings.

use crds::admission::{Policy, Release as Of, policies};
use crds::crd::definition;
use crds::resources::parse_settings;
use crds::settings::Settings;
use serde_json::{Map, Value, json};

use crate::derived::assert_is;
use crate::helm::{Release, chart};

const HEADER: &str = "\
# Written by UPDATE=1 tests/run charts, from crds/src/admission: the specs of the policies by resource. The lists that
# are of the settings are filled in by templates/admission.yaml.
";

/// Every list that a policy can hold.
fn all_lists() -> Value {
    json!({
        "platformNamespaces": ["platform"],
        "bareNaming": {"namespaces": ["bare"]},
        "stdio": {"namespaces": ["stdio"], "commands": ["command"]},
    })
}

fn settings(values: &Value) -> Settings {
    let mut document = json!({"apiVersion": "switchboard.dev/v1alpha1", "kind": "Settings"});
    document.as_object_mut().unwrap().extend(values.as_object().unwrap().clone());
    parse_settings(&document.to_string()).unwrap()
}

#[test]
fn the_chart_has_every_rule() {
    let of = policies(Of { name: "any", namespace: "any", watched: None }, &settings(&all_lists()));
    let specs: Map<String, Value> = of
        .iter()
        .map(|Policy { kind, policy, .. }| {
            let mut spec = json!(policy.spec);
            for variable in spec["variables"].as_array_mut().unwrap() {
                let expression = variable["expression"].as_str().unwrap();
                // A list of the settings; the chart fills it in.
                if expression.starts_with('[') {
                    variable["expression"] = json!("[]");
                }
            }
            (definition(*kind).spec.names.plural, spec)
        })
        .collect();
    let text = serde_yaml::to_string(&specs).unwrap();
    assert_is(&chart().join("files/admission.yaml"), &format!("{HEADER}{text}"));
}

#[test]
fn the_chart_renders_the_policies_that_switchboard_admission_prints() {
    let some = json!({"stdio": {"namespaces": ["team-a", "quickstart"]}, "separator": "__"});
    let odd = json!({"stdio": {"namespaces": ["team-a"], "commands": ["it's <\"odd\"> & \\ {{ braces }}", "npx"]}});
    for values in [json!({}), some, odd, all_lists()] {
        for watch in [json!({}), json!({"namespaces": ["team-b", "team-a"]}), json!({"allNamespaces": true})] {
            assert_same(&values, &watch);
        }
    }
}

fn assert_same(values: &Value, watch: &Value) {
    let release = Release::named("prod", "tools").with("settings", values).with("watch", watch);
    let objects = release.objects();
    let watched = match &watch["namespaces"] {
        Value::Null => vec!["tools".to_owned()],
        named => serde_json::from_value(named.clone()).unwrap(),
    };
    let watched = (watch["allNamespaces"] != true).then_some(watched.as_slice());
    let of = Of { name: "prod-switchboard", namespace: "tools", watched };
    for Policy { policy, binding, .. } in policies(of, &settings(values)) {
        let name = policy.metadata.name.as_deref().unwrap();
        let rendered = objects.get("ValidatingAdmissionPolicy", name);
        assert_eq!(rendered["spec"], json!(policy.spec), "{values} {watch}");
        let rendered = objects.get("ValidatingAdmissionPolicyBinding", binding.metadata.name.as_deref().unwrap());
        assert_eq!(rendered["spec"], json!(binding.spec), "{values} {watch}");
    }
    assert_eq!(objects.of("ValidatingAdmissionPolicy").count(), 3);
}

#[test]
fn who_may_not_make_policies_goes_without() {
    let objects = Release::default_values().with("admissionPolicies.enabled", &json!(false)).objects();
    assert_eq!(objects.of("ValidatingAdmissionPolicy").count(), 0);
    assert_eq!(objects.of("ValidatingAdmissionPolicyBinding").count(), 0);
}
