//! Objects of the release that somebody changes: nothing changes for callers,
//! and the operator puts them right.

use std::time::Duration;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{DeleteParams, ListParams, PostParams};
use tests::wait::until_async;

use crate::large;
use crate::operator::Operator;
use crate::pods::Pods;
use crate::release::{OWN, Release, binding, server};

/// Changes a ConfigMap as somebody does who may.
async fn alter(release: &Release, name: &str, alter: impl Fn(&mut ConfigMap)) {
    let maps = release.config_maps();
    until_async("the change", Duration::from_secs(10), async || {
        let mut map = maps.get(name).await.ok()?;
        alter(&mut map);
        maps.replace(name, &PostParams::default(), &map).await.ok()
    })
    .await;
}

fn entry<'m>(map: &'m mut ConfigMap, name: &str) -> &'m mut Vec<u8> {
    &mut map.binary_data.as_mut().unwrap().get_mut(name).unwrap().0
}

async fn mended(operator: &Operator, pods: &Pods, object: &str, change: impl AsyncFn()) {
    let metric = format!("mended_total{{object=\"{object}\"}}");
    let (before, revision) = (operator.metric(&metric).unwrap_or(0), pods.newest().revision);
    change().await;
    operator.until_metric(&metric, |mended| mended > before);
    // A pointer is never written with a revision that was there before.
    let least = if object == "pointer" { revision + 1 } else { revision };
    let now = pods.until("it as it was", |it| it.revision >= least && it.knows("key-1")).await;
    assert_eq!(now.servers(), ["tools/docs"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pointer_that_somebody_alters_cuts_brings_back_or_deletes_is_mended() {
    let release = Release::install(&["tools"]).await;
    let operator = release.operator("one");
    let pods = Pods::of(&release).await;
    release.apply(&server("tools", "docs"));
    let old = pods.until("the server", |it| it.servers().len() == 1).await;
    let maps = release.config_maps();
    let old_bytes = maps.get("sb-snapshot").await.unwrap().binary_data.unwrap()["pointer"].clone();
    release.apply(&binding("tools", "laptop", "key-1", &["docs"]));
    let live = pods.until("the key", |it| it.knows("key-1")).await;
    assert!(live.revision > old.revision);

    let change = |bytes: fn(&mut Vec<u8>)| {
        let release = &release;
        async move || alter(release, "sb-snapshot", |map| bytes(entry(map, "pointer"))).await
    };
    let altered = |bytes: &mut Vec<u8>| *bytes.last_mut().unwrap() ^= 1;
    mended(&operator, &pods, "pointer", change(altered)).await;
    mended(&operator, &pods, "pointer", change(|bytes| bytes.truncate(40))).await;
    // With the highest revision there is, and no right code: it is not believed.
    let foreign = |bytes: &mut Vec<u8>| {
        let text = String::from_utf8_lossy(&bytes[..40]).into_owned();
        let end = bytes.iter().position(|byte| *byte == b'\n').unwrap();
        let magic = text.split(' ').next().unwrap().to_owned();
        let header = format!("{magic} schema=5 revision={} sha256={}", u64::MAX, "0".repeat(64));
        bytes.splice(..end, header.into_bytes());
    };
    mended(&operator, &pods, "pointer", change(foreign)).await;
    let before = pods.newest().revision;
    assert!(before < 100, "{before}");
    mended(&operator, &pods, "pointer", async || {
        alter(&release, "sb-snapshot", |map| entry(map, "pointer").clone_from(&old_bytes.0)).await;
    })
    .await;
    mended(&operator, &pods, "pointer", async || {
        maps.delete("sb-snapshot", &DeleteParams::default()).await.unwrap();
    })
    .await;
    mended(&operator, &pods, "pointer", async || {
        alter(&release, "sb-snapshot", |map| map.metadata.labels = None).await;
    })
    .await;
    let events = ["get", "events.events.k8s.io", "--namespace", OWN, "-o", "jsonpath={.items[*].reason}"];
    assert!(release.server.kubectl(&events).contains("Mended"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_and_keys_that_somebody_alters_or_deletes_are_mended() {
    let release = Release::install(&["tools"]).await;
    let operator = release.operator("one");
    let pods = Pods::of(&release).await;
    release.apply(&[server("tools", "docs"), binding("tools", "laptop", "key-1", &["docs"])].concat());
    pods.until("the key", |it| it.knows("key-1") && it.secrets.contains_key("tools/docs")).await;
    let secrets = release.secrets();
    let named = secrets.list(&ListParams::default()).await.unwrap().items.into_iter();
    let named: Vec<_> = named.filter_map(|secret| secret.metadata.name).collect();
    let credentials = named.iter().find(|name| name.starts_with("sb-credentials-")).unwrap();
    let keys = secrets.get("sb-keys").await.unwrap().data;

    mended(&operator, &pods, "credentials", async || {
        until_async("the change", Duration::from_secs(10), async || {
            let mut secret = secrets.get(credentials).await.ok()?;
            secret.data.as_mut()?.values_mut().for_each(|value| *value = ByteString(b"{}".to_vec()));
            secrets.replace(credentials, &PostParams::default(), &secret).await.ok()
        })
        .await;
    })
    .await;
    mended(&operator, &pods, "credentials", async || {
        secrets.delete(credentials, &DeleteParams::default()).await.unwrap();
    })
    .await;
    mended(&operator, &pods, "keys", async || {
        secrets.delete("sb-keys", &DeleteParams::default()).await.unwrap();
    })
    .await;
    assert_eq!(secrets.get("sb-keys").await.unwrap().data, keys, "the same keys");
    mended(&operator, &pods, "keys", async || {
        until_async("the change", Duration::from_secs(10), async || {
            let mut secret = secrets.get("sb-keys").await.ok()?;
            secret.data.as_mut()?.insert("mac".to_owned(), ByteString(vec![7; 32]));
            secrets.replace("sb-keys", &PostParams::default(), &secret).await.ok()
        })
        .await;
    })
    .await;
    assert_eq!(secrets.get("sb-keys").await.unwrap().data, keys);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_that_somebody_alters_or_deletes_is_left_for_another_one() {
    let release = Release::install(&["tools"]).await;
    release.settings("stdio: {namespaces: [tools]}");
    let operator = release.operator("one");
    let pods = Pods::of(&release).await;
    release.apply(&[large::servers(), binding("tools", "laptop", "key-1", &["s1"])].concat());
    let whole = |it: &crate::reader::InForce| it.servers().len() == 90 && it.knows("key-1") && it.parts > 1;
    let live = pods.until("all of it", whole).await;
    let maps = release.config_maps();
    let named = maps.list(&ListParams::default()).await.unwrap().items.into_iter();
    let slots: Vec<_> =
        named.filter_map(|map| map.metadata.name).filter(|name| name.starts_with("sb-snapshot-")).collect();

    // A few are left over from while the servers were applied; at least one of these is in use.
    for slot in &slots {
        alter(&release, slot, |map| entry(map, "part")[0] ^= 1).await;
    }
    operator.until_metric("mended_total{object=\"slot\"}", |mended| mended > 0);
    let next = pods.until("all of it again", |it| it.revision > live.revision && whole(it)).await;
    for slot in &slots {
        maps.delete(slot, &DeleteParams::default()).await.unwrap();
    }
    // A change needs a slot, whatever became of the others.
    release.apply(&binding("tools", "ci", "key-2", &["s1"]));
    pods.until("the second key", |it| it.revision > next.revision && whole(it) && it.knows("key-2")).await;
}
