//! Service accounts that may do what a test grants them, and nothing else.

use std::path::{Path, PathBuf};

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject};
use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope};
use kube::api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::api_server::{ApiServer, client};

/// Who the tests' own objects are applied by.
const MANAGER: &str = "switchboard-tests";

/// A service account with a token of its own.
pub struct Account {
    /// Its kubeconfig, for processes.
    pub kubeconfig: PathBuf,
    /// A client of its, in the runtime that it was made in.
    pub client: Client,
    namespace: String,
    name: String,
    admin: Client,
}

impl ApiServer {
    /// Makes a service account in a namespace that is there. It may do nothing yet.
    pub async fn account(&self, namespace: &str, name: &str) -> Account {
        let admin = self.client().await;
        let accounts: Api<ServiceAccount> = Api::namespaced(admin.clone(), namespace);
        let account = ServiceAccount { metadata: named(name), ..ServiceAccount::default() };
        accounts.create(&PostParams::default(), &account).await.unwrap();
        let kubeconfig = self.folder().join(format!("{namespace}-{name}.kubeconfig"));
        let request = TokenRequest {
            spec: TokenRequestSpec { expiration_seconds: Some(24 * 3600), ..TokenRequestSpec::default() },
            ..TokenRequest::default()
        };
        let issued = accounts.create_token_request(name, &PostParams::default(), &request).await.unwrap();
        write_kubeconfig(self.kubeconfig(), &kubeconfig, &issued.status.unwrap().token);
        let client = client(&kubeconfig).await;
        Account { kubeconfig, client, namespace: namespace.to_owned(), name: name.to_owned(), admin }
    }
}

impl Account {
    /// A token of it for an audience, for ten minutes.
    pub async fn token(&self, audience: &str) -> String {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.admin.clone(), &self.namespace);
        let spec = TokenRequestSpec {
            audiences: vec![audience.to_owned()],
            expiration_seconds: Some(600),
            ..TokenRequestSpec::default()
        };
        let request = TokenRequest { spec, ..TokenRequest::default() };
        let issued = accounts.create_token_request(&self.name, &PostParams::default(), &request).await.unwrap();
        issued.status.unwrap().token
    }

    /// May do this in a namespace; replaces what it was granted there.
    pub async fn grant(&self, namespace: &str, rules: &[PolicyRule]) {
        let role = Role { metadata: named(&self.full_name()), rules: Some(rules.to_vec()) };
        let binding = RoleBinding {
            metadata: named(&self.full_name()),
            role_ref: self.role("Role"),
            subjects: Some(vec![self.subject()]),
        };
        apply_in(&self.admin, namespace, &role).await;
        apply_in(&self.admin, namespace, &binding).await;
    }

    /// May do this in every namespace; replaces what it was granted so.
    pub async fn grant_everywhere(&self, rules: &[PolicyRule]) {
        let role =
            ClusterRole { metadata: named(&self.full_name()), rules: Some(rules.to_vec()), ..ClusterRole::default() };
        let binding = ClusterRoleBinding {
            metadata: named(&self.full_name()),
            role_ref: self.role("ClusterRole"),
            subjects: Some(vec![self.subject()]),
        };
        apply_anywhere(&self.admin, &role).await;
        apply_anywhere(&self.admin, &binding).await;
    }

    /// May do nothing in a namespace any more, but for what it may everywhere.
    pub async fn revoke(&self, namespace: &str) {
        let bindings: Api<RoleBinding> = Api::namespaced(self.admin.clone(), namespace);
        bindings.delete(&self.full_name(), &DeleteParams::default()).await.unwrap();
    }

    fn full_name(&self) -> String {
        format!("{}-{}", self.namespace, self.name)
    }

    fn subject(&self) -> Subject {
        Subject {
            kind: "ServiceAccount".to_owned(),
            name: self.name.clone(),
            namespace: Some(self.namespace.clone()),
            ..Subject::default()
        }
    }

    fn role(&self, kind: &str) -> RoleRef {
        RoleRef { api_group: "rbac.authorization.k8s.io".to_owned(), kind: kind.to_owned(), name: self.full_name() }
    }
}

fn named(name: &str) -> ObjectMeta {
    ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() }
}

async fn apply_in<K>(client: &Client, namespace: &str, object: &K)
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + Serialize
        + DeserializeOwned,
{
    apply(&Api::namespaced(client.clone(), namespace), object).await;
}

async fn apply_anywhere<K>(client: &Client, object: &K)
where
    K: Resource<Scope = ClusterResourceScope, DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + Serialize
        + DeserializeOwned,
{
    apply(&Api::all(client.clone()), object).await;
}

async fn apply<K>(api: &Api<K>, object: &K)
where
    K: Resource + Clone + std::fmt::Debug + Serialize + DeserializeOwned,
{
    let name = object.meta().name.clone().unwrap();
    api.patch(&name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(object)).await.unwrap();
}

/// The administrator's kubeconfig with another token.
fn write_kubeconfig(admin: &Path, path: &Path, token: &str) {
    let mut kubeconfig: serde_json::Value = serde_yaml::from_str(&std::fs::read_to_string(admin).unwrap()).unwrap();
    kubeconfig["users"][0]["user"] = serde_json::json!({ "token": token });
    std::fs::write(path, kubeconfig.to_string()).unwrap();
}
