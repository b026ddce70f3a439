//! A snapshot that takes several parts.

use std::fmt::Write;

use crate::pods::Pods;
use crate::release::{Release, binding};

/// Servers that hardly compress: together more than one part holds.
pub(crate) fn servers() -> String {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut word = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    (0..90).fold(String::new(), |mut all, number| {
        let mut argument = || {
            (0..256).fold(String::new(), |mut text, _| {
                let _ = write!(text, "{:016x}", word());
                text
            })
        };
        let arguments = [argument(), argument(), argument()].join(", ");
        let _ = write!(
            all,
            "---\napiVersion: switchboard.dev/v1alpha1\nkind: McpServer\nmetadata: {{name: s{number}, namespace: tools}}\n\
             spec: {{stdio: {{command: run, args: [{arguments}]}}}}\n"
        );
        all
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_one_key_rewrites_one_slot_and_the_pointer() {
    let release = Release::install(&["tools"]).await;
    release.settings("stdio: {namespaces: [tools]}");
    let _operator = release.operator("one");
    let pods = Pods::of(&release).await;
    release.apply(&[servers(), binding("tools", "laptop", "key-1", &["s1"])].concat());
    pods.until("all servers", |it| it.servers().len() == 90 && it.knows("key-1") && it.parts > 1).await;
    let before = release.server.writes().len();
    release.apply(&binding("tools", "laptop", "key-2", &["s1"]));
    let in_force = pods.until("the new key", |it| it.knows("key-2")).await;
    assert!(!in_force.knows("key-1") && in_force.servers().len() == 90);
    let writes = release.server.writes().split_off(before);
    let of_snapshot = |write: &&tests::kube::Write| write.name.starts_with("sb-snapshot");
    let maps: Vec<_> = writes.iter().filter(of_snapshot).map(|it| it.name.as_str()).collect();
    assert!(maps.len() == 2 && maps[0].starts_with("sb-snapshot-") && maps[1] == "sb-snapshot", "{maps:?}");
    let bytes: usize = writes.iter().filter(of_snapshot).map(|it| it.bytes).sum();
    assert!(bytes < 64 << 10, "{bytes} bytes for one key");
}
