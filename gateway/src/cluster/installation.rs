//! Where the other parts of the installation are, so that no McpServer leads
//! there (R20): the apiserver, and pods and Services of the release.
//!
//! Known are what the names of its Services resolve to, the pods that are
//! peers, and this pod. Not known, and left to NetworkPolicies, are pods of an
//! operator without a Service, and further addresses of the apiserver, as those
//! of its nodes.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use http::Uri;
use tokio::net::lookup_host;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::Options;
use crate::egress::EgressPolicy;
use crate::gateway::Gateway;

/// How often names are resolved again.
const ROUND: Duration = Duration::from_secs(10);
/// How long a name may take.
const ANSWER: Duration = Duration::from_secs(2);

/// What of it is known.
pub(super) struct Installation {
    /// Services of the release, and what they last resolved to.
    services: BTreeMap<String, Vec<IpAddr>>,
    /// Names of the apiserver with its port, and what they last resolved to.
    apiserver: BTreeMap<(String, u16), Vec<SocketAddr>>,
    /// This pod.
    own: Option<IpAddr>,
    /// The pods that are peers.
    peers: Vec<IpAddr>,
}

impl Installation {
    /// That of a release whose apiserver this process reaches at `url`. Nothing is resolved yet. `own`: this pod.
    pub(super) fn new(options: &Options, url: &Uri, own: Option<IpAddr>) -> Self {
        let Options { release, namespace, .. } = options;
        let services = ["gateway", "gateway-peers", "operator"];
        let services = services.map(|part| (format!("{release}-{part}.{namespace}.svc"), Vec::new()));
        // Of an address in a URL the brackets are no part.
        let host = url.host().map(|host| host.trim_matches(['[', ']']).to_owned());
        let port = url.port_u16().unwrap_or(if url.scheme_str() == Some("http") { 80 } else { 443 });
        let asked = host.map(|host| (host, port));
        let apiserver = options.apiserver.clone().into_iter().chain(asked);
        let apiserver = apiserver.map(|name| (name, Vec::new())).collect();
        Self { services: services.into(), apiserver, own, peers: Vec::new() }
    }

    /// Refuses what is known, and what is learnt from time to time.
    pub(super) async fn keep(&mut self, gateway: &Arc<Gateway>) {
        let mut round = interval(ROUND);
        round.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            round.tick().await;
            self.look(Some(gateway)).await;
            gateway.egress().change_policy(|policy| self.refuse(policy));
        }
    }

    /// Resolves the names. What one led to stays when it cannot be resolved: nobody is gone because a resolver is.
    pub(super) async fn look(&mut self, gateway: Option<&Arc<Gateway>>) {
        if let Some(peers) = gateway.and_then(|gateway| gateway.peers.get()) {
            self.peers = peers.status().iter().map(|peer| peer.address.ip()).collect();
        }
        let services = self.services.iter_mut().map(async |(name, known)| {
            if let Some(found) = resolved(name, 0).await {
                *known = found.iter().map(SocketAddr::ip).collect();
            }
        });
        let apiserver = self.apiserver.iter_mut().map(async |((name, port), known)| {
            if let Some(found) = resolved(name, *port).await {
                *known = found;
            }
        });
        tokio::join!(join_all(services), join_all(apiserver));
    }

    /// Has a policy refuse all that is known.
    pub(super) fn refuse(&self, policy: &mut EgressPolicy) {
        let own = self.own.into_iter().chain(self.peers.iter().copied());
        let mut installation: Vec<IpAddr> = own.chain(self.services.values().flatten().copied()).collect();
        installation.sort_unstable();
        installation.dedup();
        policy.installation = installation;
        for address in self.apiserver.values().flatten() {
            if !policy.own.contains(address) {
                policy.own.push(*address);
            }
        }
    }
}

async fn resolved(name: &str, port: u16) -> Option<Vec<SocketAddr>> {
    let found = timeout(ANSWER, lookup_host((name, port))).await.ok()?.ok()?;
    Some(found.map(|found| SocketAddr::new(found.ip().to_canonical(), found.port())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node;

    fn options(apiserver: Option<(&str, u16)>) -> Options {
        let address: SocketAddr = ([127, 0, 0, 1], 0).into();
        Options {
            release: "sb".to_owned(),
            namespace: "mcp".to_owned(),
            kept: None,
            apiserver: apiserver.map(|(host, port)| (host.to_owned(), port)),
            node: node::Options {
                listen: address,
                certificates: None,
                admin: address,
                peers: None,
                cache: "cache".into(),
                scratch: "scratch".into(),
                binary: "switchboard-gateway".into(),
                environment: Vec::new(),
                client_side_auth_header: None,
            },
        }
    }

    #[tokio::test]
    async fn r20_apiserver_own_pod_peers_and_services_are_refused_whatever_is_allowed() {
        let url = Uri::from_static("https://[fd00::1]:6443");
        let mut installation =
            Installation::new(&options(Some(("10.96.0.1", 443))), &url, Some([10, 244, 0, 7].into()));
        let names: Vec<&String> = installation.services.keys().collect();
        assert_eq!(names, ["sb-gateway-peers.mcp.svc", "sb-gateway.mcp.svc", "sb-operator.mcp.svc"]);
        installation.peers.push([10, 244, 0, 8].into());
        installation.services.insert("sb-gateway.mcp.svc".to_owned(), vec![[10, 96, 0, 9].into()]);
        installation.look(None).await;
        let mut policy = EgressPolicy { allow: vec!["0.0.0.0/0".parse().unwrap()], ..EgressPolicy::default() };
        installation.refuse(&mut policy);
        installation.refuse(&mut policy);
        assert_eq!(policy.own.len(), 2, "each stands once");
        let permits = |address: &str| policy.permits_socket(address.parse().unwrap());
        let refused =
            ["10.96.0.1:443", "[fd00::1]:6443", "10.244.0.7:8080", "10.244.0.7:1", "10.244.0.8:9090", "10.96.0.9:80"];
        for address in refused {
            assert!(!permits(address), "{address}");
        }
        for address in ["10.96.0.1:80", "10.244.0.9:80", "10.96.0.10:80", "[fd00::1]:80"] {
            assert!(permits(address), "{address}");
        }
    }
}
