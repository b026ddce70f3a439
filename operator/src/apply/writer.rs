//! Writes of the operator's own objects, each only while this process surely
//! leads and only over what it knows.

use std::collections::BTreeMap;

use crds::snapshot::stored::Pointer;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{Patch, PatchParams, PostParams};
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::held::{Data, Stored};
use crate::api::{self, MANAGER, WriteError};
use crate::companion::Companion;
use crate::hex::hex;
use crate::lease::Leadership;
use crate::release::{Own, Release};

/// Annotations of the pointer, for people.
const REVISION: &str = "switchboard.dev/revision";
const DIGEST: &str = "switchboard.dev/digest";

/// Writes the objects of a release.
#[derive(Clone)]
pub(crate) struct Writer {
    /// The way to the apiserver.
    pub(crate) client: Client,
    /// Whose objects they are.
    pub(crate) release: Release,
    /// Their metadata.
    pub(crate) companion: Companion,
    /// Asked before each write.
    pub(crate) leadership: Leadership,
}

impl Writer {
    /// The annotations of a pointer.
    pub(crate) fn notes(pointer: &Pointer) -> BTreeMap<String, String> {
        [(REVISION.to_owned(), pointer.revision.to_string()), (DIGEST.to_owned(), hex(&pointer.digest))].into()
    }

    /// Those of all other objects.
    #[expect(clippy::unused_self, reason = "beside `notes` it reads as what it is")]
    pub(crate) fn no_notes(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    /// Writes an object: over the one that is held, if nobody has changed that, or as a new one. Fields of others that
    /// are not ours stay.
    pub(crate) async fn put(
        &self,
        own: Own,
        data: &Data,
        notes: &BTreeMap<String, String>,
        held: Option<&Stored>,
    ) -> Result<Stored, WriteError> {
        let data: BTreeMap<_, _> = data.iter().map(|(name, value)| (name, ByteString(value.clone()))).collect();
        let mut metadata = self.companion.fields(&self.release.own(own), notes);
        if let Some(held) = held {
            metadata["resourceVersion"] = json!(held.metadata.resource_version);
        }
        match own {
            Own::Pointer | Own::Slot(_) => {
                let fields =
                    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "binaryData": data });
                let map: ConfigMap = self.send(own, fields, held.is_some()).await?;
                Ok(Self::stored(own, map))
            }
            Own::Credentials(_) | Own::Keys => {
                let fields = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data });
                self.send(own, fields, held.is_some()).await.map(Stored::of_secret)
            }
        }
    }

    /// Takes entries out of a Secret, whoever put them there.
    pub(crate) async fn remove(&self, own: Own, names: &[String], held: &Stored) -> Result<Stored, WriteError> {
        let nothing: BTreeMap<_, Value> = names.iter().map(|name| (name, Value::Null)).collect();
        let metadata = json!({ "resourceVersion": held.metadata.resource_version });
        let patch = Patch::Merge(json!({ "metadata": metadata, "data": nothing }));
        let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        let (secrets, name) = (self.objects::<Secret>(), self.release.own(own));
        api::write(&self.leadership, secrets.patch(&name, &params, &patch)).await.map(Stored::of_secret)
    }

    /// What stands there now.
    pub(crate) async fn read(&self, own: Own) -> Result<Option<Stored>, kube::Error> {
        let name = self.release.own(own);
        match own {
            Own::Pointer | Own::Slot(_) => {
                let map = self.objects::<ConfigMap>().get_opt(&name).await?;
                Ok(map.map(|map| Self::stored(own, map)))
            }
            Own::Credentials(_) | Own::Keys => {
                Ok(self.objects::<Secret>().get_opt(&name).await?.map(Stored::of_secret))
            }
        }
    }

    async fn send<K>(&self, own: Own, fields: Value, is_there: bool) -> Result<K, WriteError>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + Clone
            + Serialize
            + DeserializeOwned
            + std::fmt::Debug,
    {
        let objects = self.objects::<K>();
        // Entries of credentials come and go: all of them are ours by apply from the first one on, so that what an
        // apply leaves out is gone. The others always have the same entries, and are not made over one that is there.
        if is_there || matches!(own, Own::Credentials(_)) {
            return api::apply(&self.leadership, &objects, &self.release.own(own), &fields).await;
        }
        let object = serde_json::from_value(fields).map_err(|error| WriteError::Failed(error.to_string()))?;
        let params = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
        api::write(&self.leadership, objects.create(&params, &object)).await
    }

    fn objects<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.release.namespace)
    }

    fn stored(own: Own, map: ConfigMap) -> Stored {
        match own {
            Own::Slot(_) => Stored::of_slot(map),
            _ => Stored::of_config_map(map),
        }
    }
}
