//! What all objects that the operator makes have in common: who made them, and
//! with whom they go (R43).
//!
//! No label of a chart or of a GitOps tool is among it: those would take the
//! objects for their own, and take them away.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::ObjectMeta;
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::api;
use crate::release::Release;

const LABELS: [(&str, &str); 2] =
    [("app.kubernetes.io/managed-by", "switchboard-operator"), ("app.kubernetes.io/name", "switchboard")];

/// The metadata of companion objects.
#[derive(Clone, Debug, Default)]
pub(crate) struct Companion {
    owner: Option<OwnerReference>,
}

impl Companion {
    /// Of a release whose operator runs in a Deployment; without that nothing owns the objects, and they stay.
    pub(crate) async fn of(client: &Client, release: &Release) -> Self {
        let deployments: Api<Deployment> = Api::namespaced(client.clone(), &release.namespace);
        let name = release.operator();
        let uid = match deployments.get_opt(&name).await {
            Ok(found) => found.and_then(|deployment| deployment.metadata.uid),
            Err(error) => {
                tracing::warn!("the Deployment {name} cannot be read: {}", api::brief(&error));
                None
            }
        };
        if uid.is_none() {
            tracing::warn!("there is no Deployment {name} to own what is made: it stays when the release goes");
        }
        let owner = uid.map(|uid| OwnerReference {
            api_version: "apps/v1".to_owned(),
            kind: "Deployment".to_owned(),
            name,
            uid,
            ..OwnerReference::default()
        });
        Self { owner }
    }

    /// The metadata of an object, as fields of an apply.
    pub(crate) fn fields(&self, name: &str, annotations: &BTreeMap<String, String>) -> Value {
        let labels: BTreeMap<_, _> = LABELS.into();
        let mut fields = json!({ "name": name, "labels": labels });
        if !annotations.is_empty() {
            fields["annotations"] = json!(annotations);
        }
        if let Some(owner) = &self.owner {
            fields["ownerReferences"] = json!([owner]);
        }
        fields
    }

    /// The metadata of an object without annotations.
    pub(crate) fn metadata(&self, name: &str) -> ObjectMeta {
        let labels = LABELS.map(|(name, value)| (name.to_owned(), value.to_owned()));
        ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some(labels.into()),
            owner_references: self.owner.clone().map(|owner| vec![owner]),
            ..ObjectMeta::default()
        }
    }

    /// Whether an object has these metadata. Others' labels, annotations and owners beside them are theirs.
    pub(crate) fn marks(&self, metadata: &ObjectMeta, annotations: &BTreeMap<String, String>) -> bool {
        let (labels, noted) = (metadata.labels.as_ref(), metadata.annotations.as_ref());
        let labelled =
            LABELS.iter().all(|(name, value)| labels.and_then(|it| it.get(*name)).is_some_and(|it| it == value));
        let annotated = annotations.iter().all(|(name, value)| noted.and_then(|it| it.get(name)) == Some(value));
        let owners = metadata.owner_references.as_deref().unwrap_or_default();
        let owned = self.owner.as_ref().is_none_or(|owner| owners.iter().any(|it| it.uid == owner.uid));
        labelled && annotated && owned
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r43_a_companion_has_an_owner_and_no_label_of_others() {
        let owner = OwnerReference { uid: "u1".to_owned(), name: "r-operator".to_owned(), ..OwnerReference::default() };
        let companion = Companion { owner: Some(owner) };
        let noted = BTreeMap::from([("a".to_owned(), "1".to_owned())]);
        let mut metadata: ObjectMeta = serde_json::from_value(companion.fields("x", &noted)).unwrap();
        assert!(companion.marks(&metadata, &noted));
        let labels: Vec<_> = metadata.labels.clone().unwrap().into_keys().collect();
        assert_eq!(labels, ["app.kubernetes.io/managed-by", "app.kubernetes.io/name"]);
        // Others may add to it.
        metadata.labels.get_or_insert_default().insert("theirs".to_owned(), String::new());
        assert!(companion.marks(&metadata, &noted));
        metadata.owner_references = None;
        assert!(!companion.marks(&metadata, &noted), "an owner that was taken away is missed");
        assert!(Companion::default().marks(&metadata, &noted));
        assert!(!Companion::default().marks(&metadata, &BTreeMap::from([("a".to_owned(), "2".to_owned())])));
    }
}
