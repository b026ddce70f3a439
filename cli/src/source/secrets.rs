//! Secrets that manifests refer to and do not hold.

use std::collections::BTreeSet;

use crds::diagnostic::ObjectKey;
use crds::resources::Resources;
use serde_json::Value;

/// Secrets are seldom kept with manifests. One that is referred to and not here counts as one that is in the cluster,
/// with a value of its own: what needs it would be nobody's otherwise, and a change of it no change. Those that are here
/// and cannot be used (`unmarked`) stay as they are.
pub(crate) fn take_to_be_there(resources: &mut Resources, unmarked: &BTreeSet<ObjectKey>) {
    let mut wanted = BTreeSet::new();
    let Resources { servers, bindings, .. } = &*resources;
    let servers = servers.iter().map(|(key, server)| (key, serde_json::to_value(&server.spec)));
    let bindings = bindings.iter().map(|(key, binding)| (key, serde_json::to_value(&binding.spec)));
    for (key, spec) in servers.chain(bindings) {
        // Specs are plain data.
        references(&spec.unwrap_or_default(), &key.namespace, &mut wanted);
    }
    wanted.retain(|(secret, _)| !resources.secrets.contains_key(secret) && !unmarked.contains(secret));
    for (secret, key) in wanted {
        // Whatever it is for can carry it: a key, a header, a variable, a URL.
        let value = format!("https://secret.invalid/{secret}/{key}");
        resources.secrets.entry(secret).or_default().insert(key, value.into_bytes());
    }
}

/// Every `secretKeyRef` in a spec: the Secret, and the key in it.
fn references(value: &Value, namespace: &str, found: &mut BTreeSet<(ObjectKey, String)>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::Object(reference)) = members.get("secretKeyRef")
                && let (Some(Value::String(name)), Some(Value::String(key))) =
                    (reference.get("name"), reference.get("key"))
            {
                found.insert((ObjectKey::new(namespace, name), key.clone()));
            }
            members.values().for_each(|value| references(value, namespace, found));
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, namespace, found)),
        _ => {}
    }
}
