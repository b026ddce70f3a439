//! An agent without a key: the example of deploy/sidecar as it stands, but for the images.

use std::time::Duration;

use serde_json::{Value, json};
use tests::kube::repository;
use tests::wait::until;

use crate::scene::{RELEASE, Scene};

const NAMESPACE: &str = "agents";
/// The gateway's image with Node in it.
const IMAGE: &str = "localhost/switchboard-gateway:0.1.0-runtimes";
/// What the example has in its place, and the lines that keep an agent alive that does nothing by itself.
const AGENT: (&str, &str) =
    ("image: registry.example.com/researcher:v1", "image: registry.example.com/switchboard-gateway:0.1.0");
const STAYS: &str = r#"command: [node, -e, "setInterval(() => {}, 1000000)"]"#;

/// One request to the address that the agent is told.
const ASK: &str = r#"
const [message] = process.argv.slice(1);
const headers = { "content-type": "application/json", accept: "application/json, text/event-stream" };
fetch(process.env.MCP_URL, { method: "POST", headers, body: message })
  .then(async (answer) => console.log(JSON.stringify({ status: answer.status, body: await answer.text() })));
"#;

/// What a container can read of what it was not given: files, and the apiserver's objects with the token that it has.
const LOOK: &str = r#"
const fs = require("node:fs");
const read = (path) => { try { return fs.readFileSync(path, "utf8"); } catch { return ""; } };
const token = read("/var/run/secrets/switchboard/token");
const there = fs.existsSync("/var/run/secrets") ? fs.readdirSync("/var/run/secrets") : [];
const ask = (path) => fetch(`https://kubernetes.default.svc${path}`, { headers: { authorization: `Bearer ${token}` } });
process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
Promise.all(["/api/v1/namespaces/agents/secrets", "/apis/switchboard.dev/v1alpha1/mcpservers"].map(ask)).then((answers) =>
  console.log(JSON.stringify({ there, has: token.length > 0, statuses: answers.map(({ status }) => status) })));
"#;

/// Installs the example; its agent is nobody until its account has a binding, and then may do what that gives.
pub(crate) fn lets_an_agent_call_without_a_key(scene: &Scene) {
    scene.cluster.load("gateway-runtimes");
    scene.apply(&manifests(scene));
    scene.kubectl(&["-n", NAMESPACE, "rollout", "status", "deployment/researcher", "--timeout=120s"]);
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    assert_eq!(ask(scene, &list)["status"], 401, "nobody has granted it anything");

    let access = repository().join("deploy/sidecar/example/access.yaml");
    scene.kubectl(&["apply", "-f", access.to_str().unwrap()]);
    scene.settled();
    let listed = until("the binding is in force", Duration::from_secs(20), || {
        let answer = ask(scene, &list);
        (answer["status"] == 200).then(|| serde_json::from_str::<Value>(answer["body"].as_str().unwrap()).unwrap())
    });
    let tools = listed["result"]["tools"].as_array().unwrap().iter().map(|tool| tool["name"].clone());
    assert_eq!(tools.collect::<Vec<_>>(), ["demo-echo", "demo-add", "demo-now", "demo-fail", "demo-slow"]);
    let mut denied = Vec::new();
    for (tool, expected) in [("demo-add", "5"), ("lab-add", "Error: Tool 'lab-add' not found")] {
        let params = json!({"name": tool, "arguments": {"a": 2, "b": 3}});
        let answer = ask(scene, &json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params}));
        let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
        assert_eq!(body["result"]["content"][0]["text"], expected, "{answer}");
        if let Some(id) = body["result"]["_meta"]["switchboard.dev/requestId"].as_str() {
            denied.push(id.to_owned());
        }
    }
    let [denied] = &denied[..] else { panic!("one is: {denied:?}") };
    is_explained(scene, denied);
    reads_nothing_else(scene);

    scene.kubectl(&["delete", "-f", access.to_str().unwrap()]);
    until("the binding is gone", Duration::from_secs(20), || (ask(scene, &list)["status"] == 401).then_some(()));
    scene.kubectl(&["delete", "namespace", NAMESPACE, "--timeout=120s"]);
    scene.settled();
}

/// The id that the agent was told leads, by the log of whichever pod answered, to the binding of its account.
fn is_explained(scene: &Scene, id: &str) {
    let explained = scene.switchboard(&["explain", id, "--live", "--release-namespace", RELEASE]);
    let told = String::from_utf8_lossy(&explained.stdout).into_owned();
    let rule =
        "server_not_granted: nothing of the server is granted\n  McpKeyBinding quickstart/researcher spec.grants: ";
    assert!(explained.status.success() && told.contains(rule), "{explained:?}");
    assert!(told.contains("may not call `lab-add`, which is `add` of McpServer quickstart/lab"), "{told}");
}

/// Neither container has a credential for anything but the gateway, and the agent has none at all.
fn reads_nothing_else(scene: &Scene) {
    let sidecar = look(scene, "switchboard");
    assert_eq!(sidecar, json!({"there": ["switchboard"], "has": true, "statuses": [401, 401]}));
    let agent = look(scene, "agent");
    assert_eq!((&agent["there"], &agent["has"]), (&json!([]), &json!(false)), "{agent}");
}

fn look(scene: &Scene, container: &str) -> Value {
    serde_json::from_str(&exec(scene, container, &[LOOK])).unwrap()
}

fn ask(scene: &Scene, message: &Value) -> Value {
    serde_json::from_str(&exec(scene, "agent", &[ASK, &message.to_string()])).unwrap()
}

/// Runs a script of Node in a container of the agent's pod.
fn exec(scene: &Scene, container: &str, arguments: &[&str]) -> String {
    let pod = ["-n", NAMESPACE, "exec", "deployment/researcher", "-c", container, "--", "node", "-e"];
    scene.kubectl(&[&pod, arguments].concat())
}

/// The example, with an image that is there.
fn manifests(scene: &Scene) -> String {
    let example = repository().join("deploy/sidecar/example");
    let rendered = scene.kubectl(&["kustomize", example.to_str().unwrap()]);
    let (theirs, ours) = AGENT;
    assert!(rendered.contains(theirs), "{rendered}");
    let agent = rendered.lines().find(|line| line.contains(theirs)).unwrap();
    let indentation = &agent[..agent.len() - agent.trim_start().len()];
    let rendered = rendered.replace(agent, &format!("{indentation}{ours}\n{indentation}{STAYS}"));
    rendered.replace("registry.example.com/switchboard-gateway:0.1.0", IMAGE)
}
