//! The rendered NetworkPolicies, judged by `cyclonus analyze`: flows that must be there, and flows that must not.

use std::process::Command;

use serde_json::{Value, json};

use crate::helm::{Release, value_sets};
use crate::objects::Objects;
use crate::tools::{installed, run, scratch};

/// Somebody who talks, or is talked to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Peer {
    /// A pod of this component of the release.
    Own(&'static str),
    /// A pod with a label (key, value), in a namespace of this name.
    Pod(&'static str, (&'static str, &'static str)),
    /// A pod of a namespace with a label (key, value).
    Labelled(&'static str, (&'static str, &'static str)),
    /// A pod of this component of another release, in the same namespace.
    Other(&'static str),
    /// An address that is no pod's.
    Address(&'static str),
}

use Peer::{Address, Labelled, Other, Own, Pod};

pub(crate) const PROMETHEUS: Peer = Pod("monitoring", ("app", "prometheus"));
pub(crate) const STRANGER: Peer = Pod("elsewhere", ("app", "stranger"));
const APISERVER: Peer = Address("10.77.0.1");
const METADATA: [&str; 3] = ["169.254.169.254", "100.100.100.200", "168.63.129.16"];
const INGRESS: Peer = Pod("ingress", ("app.kubernetes.io/name", "ingress-nginx"));
pub(crate) const DNS: Peer = Pod("kube-system", ("k8s-app", "kube-dns"));
const MCP_SERVER: Peer = Labelled("servers", ("mcp-servers", "true"));

pub(crate) const TCP: &str = "TCP";
pub(crate) const UDP: &str = "UDP";

/// Who, whom, port, protocol, and whether it may be.
pub(crate) type Flow = (Peer, Peer, u16, &'static str, bool);

#[test]
fn by_default_what_belongs_together_talks_and_nobody_else_to_the_inner_ports() {
    let mut flows = vec![
        // gateway, ingress
        (STRANGER, Own("gateway"), 8080, TCP, true),
        (Address("203.0.113.7"), Own("gateway"), 8080, TCP, true),
        (Own("gateway"), Own("gateway"), 8081, TCP, true),
        (Own("operator"), Own("gateway"), 8081, TCP, false),
        (STRANGER, Own("gateway"), 8081, TCP, false),
        (Own("operator"), Own("gateway"), 9090, TCP, true),
        (PROMETHEUS, Own("gateway"), 9090, TCP, true),
        (STRANGER, Own("gateway"), 9090, TCP, false),
        // gateway, egress
        (Own("gateway"), DNS, 53, UDP, true),
        (Own("gateway"), APISERVER, 6443, TCP, true),
        (Own("gateway"), Pod("servers", ("app", "any")), 8000, TCP, true),
        (Own("gateway"), Address("203.0.113.7"), 443, TCP, true),
        (Own("gateway"), Address("2001:db8::7"), 8443, TCP, true),
        (Own("gateway"), Address("fe80::1"), 80, TCP, false),
        (Own("gateway"), Address("fd00:ec2::254"), 80, TCP, false),
        // operator
        (PROMETHEUS, Own("operator"), 9090, TCP, true),
        (STRANGER, Own("operator"), 9090, TCP, false),
        (Own("gateway"), Own("operator"), 9090, TCP, false),
        (Own("operator"), DNS, 53, UDP, true),
        (Own("operator"), APISERVER, 6443, TCP, true),
        (Own("operator"), Address("203.0.113.7"), 80, TCP, false),
        (Own("operator"), STRANGER, 9090, TCP, false),
        (Own("operator"), Own("gateway"), 8080, TCP, false),
    ];
    flows.extend(METADATA.map(|address| (Own("gateway"), Address(address), 80, TCP, false)));
    judge("default", &Release::default_values(), &flows);
}

#[test]
fn named_peers_alone_may_talk_where_peers_are_named() {
    let sets = value_sets();
    let (_, closed) = sets.iter().find(|(name, _)| name == "closed").unwrap();
    judge(
        "closed",
        &Release::default_values().with_file(closed),
        &[
            (INGRESS, Own("gateway"), 8080, TCP, true),
            (Pod("ingress", ("app", "other")), Own("gateway"), 8080, TCP, false),
            (STRANGER, Own("gateway"), 8080, TCP, false),
            // `helm test` goes on working.
            (Own("test"), Own("gateway"), 8080, TCP, true),
            (Own("test"), Own("gateway"), 9090, TCP, false),
            // An empty list is nobody.
            (PROMETHEUS, Own("gateway"), 9090, TCP, false),
            (PROMETHEUS, Own("operator"), 9090, TCP, false),
            (Own("operator"), Own("gateway"), 9090, TCP, true),
            (Own("gateway"), Own("gateway"), 8081, TCP, true),
            (Own("gateway"), DNS, 53, UDP, true),
            (Own("gateway"), Address("203.0.113.53"), 53, UDP, false),
            (Own("gateway"), APISERVER, 6443, TCP, true),
            (Own("gateway"), APISERVER, 443, TCP, false),
            (Own("operator"), APISERVER, 6443, TCP, true),
            (Own("operator"), Address("10.77.0.2"), 6443, TCP, false),
            (Own("gateway"), MCP_SERVER, 8000, TCP, true),
            (Own("gateway"), MCP_SERVER, 8001, TCP, false),
            (Own("gateway"), STRANGER, 8000, TCP, false),
            (Own("gateway"), Address("203.0.113.7"), 443, TCP, false),
        ],
    );
}

#[test]
fn another_release_in_the_same_namespace_is_a_stranger() {
    judge(
        "two",
        &Release::default_values(),
        &[
            (Own("gateway"), Own("gateway"), 8081, TCP, true),
            (Other("gateway"), Own("gateway"), 8081, TCP, false),
            (Other("operator"), Own("gateway"), 9090, TCP, false),
        ],
    );
}

fn judge(name: &str, release: &Release<'_>, flows: &[Flow]) {
    judge_by(name, release, &release.objects(), flows);
}

/// The same by the policies among these objects.
pub(crate) fn judge_by(name: &str, release: &Release<'_>, objects: &Objects, flows: &[Flow]) {
    let folder = scratch(&format!("network-{name}"));
    let policies = folder.join("policies");
    std::fs::create_dir(&policies).unwrap();
    for policy in objects.of("NetworkPolicy") {
        let file = policies.join(policy["metadata"]["name"].as_str().unwrap()).with_extension("yaml");
        std::fs::write(file, policy.to_string()).unwrap();
    }
    let traffic: Vec<Value> = flows.iter().map(|flow| traffic(release, flow)).collect();
    let asked = folder.join("traffic.json");
    std::fs::write(&asked, json!(traffic).to_string()).unwrap();
    let mut command = Command::new(installed("cyclonus"));
    command.args(["analyze", "--mode", "query-traffic", "--policy-path"]).arg(policies);
    let verdicts = run(command.arg("--traffic-path").arg(asked)).unwrap();
    let verdicts: Vec<bool> =
        verdicts.lines().filter(|line| line.contains("IS ALLOWED?")).map(|line| line.contains("TRUE")).collect();
    assert_eq!(verdicts.len(), flows.len(), "a verdict for each flow");
    for (flow, verdict) in flows.iter().zip(verdicts) {
        assert_eq!(verdict, flow.4, "{name}: {flow:?}");
    }
}

/// The flow, as cyclonus reads it.
fn traffic(release: &Release<'_>, (source, destination, port, protocol, _): &Flow) -> Value {
    json!({
        "Source": peer(release, *source, "10.244.0.1"),
        "Destination": peer(release, *destination, "10.244.0.2"),
        "ResolvedPort": port,
        "ResolvedPortName": "",
        "Protocol": protocol,
    })
}

fn peer(release: &Release<'_>, peer: Peer, address: &str) -> Value {
    let pod = |namespace: &str, namespace_label: (&str, &str), labels: Value| {
        let namespace_labels = json!({"kubernetes.io/metadata.name": namespace, namespace_label.0: namespace_label.1});
        let internal = json!({"PodLabels": labels, "NamespaceLabels": namespace_labels, "Namespace": namespace});
        json!({"Internal": internal, "IP": address})
    };
    let component = |release: &str, component: &str| {
        json!({
            "app.kubernetes.io/name": "switchboard",
            "app.kubernetes.io/instance": release,
            "app.kubernetes.io/component": component,
        })
    };
    match peer {
        Own(which) => pod(release.namespace, ("own", "yes"), component(release.name, which)),
        Other(which) => pod(release.namespace, ("own", "yes"), component("another", which)),
        Pod(namespace, (key, value)) => pod(namespace, ("own", "no"), json!({key: value})),
        Labelled(namespace, label) => pod(namespace, label, json!({"app": "server"})),
        Address(address) => json!({"IP": address}),
    }
}
