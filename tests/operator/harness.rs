//! The harness itself: several control planes at once, who may do what in them, and what becomes of them.

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::api::rbac::v1::PolicyRule;
use kube::api::{DeleteParams, ListParams, ObjectMeta, PostParams};
use kube::{Api, Client};
use tests::kube::{ApiServer, Component};
use tests::wait::{until, until_async};

fn config_map(name: &str) -> ConfigMap {
    let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
    ConfigMap { metadata, data: Some([("key".to_owned(), "value".to_owned())].into()), ..ConfigMap::default() }
}

async fn count(client: &Client) -> Result<usize, kube::Error> {
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "default");
    maps.list(&ListParams::default()).await.map(|list| list.items.len())
}

#[tokio::test]
async fn two_control_planes_do_not_meet_and_end_with_their_values() {
    let (one, two) = (ApiServer::start(), ApiServer::start());
    let (in_one, in_two) = (one.client().await, two.client().await);
    let before = count(&in_two).await.unwrap();
    Api::namespaced(in_one.clone(), "default").create(&PostParams::default(), &config_map("mine")).await.unwrap();
    assert_eq!(count(&in_one).await.unwrap(), before + 1);
    assert_eq!(count(&in_two).await.unwrap(), before);
    let folder = one.folder().to_owned();
    drop(one);
    assert!(!folder.exists());
    assert!(count(&in_one).await.is_err());
    assert_eq!(count(&in_two).await.unwrap(), before);
}

#[tokio::test]
async fn state_outlives_etcd_and_the_apiserver() {
    let server = ApiServer::start();
    let client = server.client().await;
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "default");
    maps.create(&PostParams::default(), &config_map("kept")).await.unwrap();
    server.restart(Component::Etcd);
    until_async("etcd is asked again", Duration::from_secs(30), async || maps.get("kept").await.ok()).await;
    server.stop(Component::ApiServer);
    assert!(maps.get("kept").await.is_err());
    server.resume(Component::ApiServer);
    let began = Instant::now();
    until_async("the apiserver answers again", Duration::from_secs(10), async || maps.get("kept").await.ok()).await;
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn an_account_may_do_what_it_is_granted_and_its_writes_are_seen() {
    let server = ApiServer::start();
    let account = server.account("default", "writer").await;
    let maps: Api<ConfigMap> = Api::namespaced(account.client.clone(), "default");
    let denied = maps.create(&PostParams::default(), &config_map("a")).await.unwrap_err();
    assert!(matches!(denied, kube::Error::Api(status) if status.code == 403));
    let list = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect::<Vec<_>>();
    let rule = PolicyRule {
        api_groups: Some(list(&[""])),
        resources: Some(list(&["configmaps"])),
        verbs: list(&["create"]),
        ..PolicyRule::default()
    };
    account.grant("default", &[rule]).await;
    let written = async || maps.create(&PostParams::default(), &config_map("b")).await.ok();
    until_async("the grant holds", Duration::from_secs(10), written).await;
    account.revoke("default").await;
    let refused = async || maps.create(&PostParams::default(), &config_map("c")).await.err();
    until_async("the grant is gone", Duration::from_secs(10), refused).await;

    let mine = |write: &tests::kube::Write| write.user == "system:serviceaccount:default:writer";
    let writes: Vec<_> = server.writes().into_iter().filter(mine).collect();
    let made: Vec<_> = writes.iter().filter(|write| write.status == 201 && write.name == "b").collect();
    assert_eq!(made.len(), 1, "{writes:?}");
    assert_eq!((made[0].verb.as_str(), made[0].resource.as_str()), ("create", "configmaps"));
    assert!(made[0].bytes > 50, "{made:?}");
    assert!(writes.iter().any(|write| write.status == 403 && write.verb == "create"), "{writes:?}");
}

#[tokio::test]
async fn controllers_end_namespaces() {
    let server = ApiServer::start_with_controllers();
    server.namespace("short", &[("pod-security.kubernetes.io/enforce", "restricted")]).await;
    assert!(server.kubectl(&["get", "namespace", "short", "--show-labels"]).contains("restricted"));
    let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(server.client().await);
    namespaces.delete("short", &DeleteParams::default()).await.unwrap();
    until("the namespace ends", Duration::from_secs(30), || {
        (!server.try_kubectl(&["get", "namespace", "short"]).status.success()).then_some(())
    });
}
