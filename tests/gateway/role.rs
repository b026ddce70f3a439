//! What the gateway may: read its own objects by name, and nothing else.

use k8s_openapi::api::rbac::v1::PolicyRule;
use tests::kube::ApiServer;
use tests::upstream::{Script, Upstream};

use crate::harness::{Gateway, Start, call};
use crate::release::{NAME, Release};

/// Reading of the objects of a resource that have these names.
fn may_read(resource: &str, names: Vec<String>) -> PolicyRule {
    PolicyRule {
        api_groups: Some(vec![String::new()]),
        resources: Some(vec![resource.to_owned()]),
        resource_names: Some(names),
        verbs: ["get", "list", "watch"].map(str::to_owned).into(),
        ..PolicyRule::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_needs_to_read_its_named_objects_and_nothing_else() {
    let server = ApiServer::start();
    let upstream = Upstream::start(Script::echo());
    let mut release = Release::new(&server, "mcp").await;
    release.write_keys().await;
    release.write(&release.compile(&upstream.url(), &["me"]), 7).await;
    let account = server.account("mcp", "gateway").await;
    let start = Start { kubeconfig: account.kubeconfig.clone(), ..Start::of(&server, &release) };
    let gateway = Gateway::start(&start);
    gateway.unready("is forbidden").await;
    let slots = |name: &str, count: u8| (0..count).map(|slot| format!("{NAME}-{name}-{slot:02}")).collect::<Vec<_>>();
    let maps = [vec![format!("{NAME}-snapshot")], slots("snapshot", 32)].concat();
    let secrets = [vec![format!("{NAME}-keys")], slots("credentials", 16)].concat();
    account.grant("mcp", &[may_read("configmaps", maps), may_read("secrets", secrets)]).await;
    let mut client = gateway.ready().await;
    call(&mut client).await;
    release.write(&release.compile(&upstream.url(), &["me", "ann"]), 8).await;
    gateway.runs(8).await;
    let wrote = server.writes().into_iter().filter(|write| write.user.ends_with(":gateway")).count();
    assert_eq!(wrote, 0, "it writes nothing");
}
