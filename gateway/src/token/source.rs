//! Where the keys of issuers are: one document behind an https URL, which the
//! issuer's discovery document may have to name first (OpenID Connect Discovery
//! 1.0, section 4); or the apiserver.

use std::time::Duration;

use crds::snapshot::Issuer;
use serde::Deserialize;

use crate::egress::Egress;
use crate::fetch;

/// How long a document may take.
const TIMEOUT: Duration = Duration::from_secs(10);
const DISCOVERY: &str = "/.well-known/openid-configuration";
const JWKS: &str = "/openid/v1/jwks";

/// Where the keys are.
pub(super) enum Source {
    /// Of an issuer of the settings.
    Https { issuer: String, jwks_uri: Option<String> },
    /// Of the cluster.
    Cluster(kube::Client),
}

/// The keys as they stand there, and whose they are.
pub(super) struct Fetched {
    pub(super) issuer: String,
    pub(super) jwks: Vec<u8>,
}

#[derive(Deserialize)]
struct Configuration {
    issuer: String,
    jwks_uri: Option<String>,
}

impl Source {
    /// Where an issuer of the settings has its keys.
    pub(super) fn of(issuer: &Issuer) -> Self {
        Source::Https { issuer: issuer.issuer.clone(), jwks_uri: issuer.jwks_uri.clone() }
    }

    /// As it is called in logs.
    pub(super) fn name(&self) -> &str {
        match self {
            Source::Https { issuer, .. } => issuer,
            Source::Cluster(_) => "the cluster",
        }
    }

    /// Asks for the keys; says in words why there are none. Nothing that the other side sent is in it.
    pub(super) async fn fetch(&self, egress: &Egress) -> Result<Fetched, String> {
        match self {
            Source::Https { issuer, jwks_uri } => {
                let uri = match jwks_uri {
                    Some(uri) => uri.clone(),
                    None => discover(egress, issuer).await?,
                };
                let jwks = fetch::get(egress, &uri, TIMEOUT).await.map_err(|error| format!("its keys: {error}"))?;
                Ok(Fetched { issuer: issuer.clone(), jwks })
            }
            Source::Cluster(client) => {
                let asking = async { Ok((of_cluster(client, DISCOVERY).await?, of_cluster(client, JWKS).await?)) };
                let asked = tokio::time::timeout(TIMEOUT, asking).await;
                let (configuration, jwks) = asked.unwrap_or_else(|_| Err("no answer in time".to_owned()))?;
                let configuration: Configuration =
                    serde_json::from_str(&configuration).map_err(|_| "its discovery document does not parse")?;
                Ok(Fetched { issuer: configuration.issuer, jwks: jwks.into_bytes() })
            }
        }
    }
}

async fn discover(egress: &Egress, issuer: &str) -> Result<String, String> {
    let uri = format!("{}{DISCOVERY}", issuer.trim_end_matches('/'));
    let document =
        fetch::get(egress, &uri, TIMEOUT).await.map_err(|error| format!("its discovery document: {error}"))?;
    let configuration: Configuration =
        serde_json::from_slice(&document).map_err(|_| "its discovery document does not parse")?;
    if configuration.issuer != issuer {
        return Err("its discovery document is of another issuer".to_owned());
    }
    let uri = configuration.jwks_uri.filter(|uri| uri.starts_with("https://"));
    uri.ok_or_else(|| "its discovery document names no https `jwks_uri`".to_owned())
}

async fn of_cluster(client: &kube::Client, path: &str) -> Result<String, String> {
    let request = http::Request::get(path).body(Vec::new()).map_err(|_| "no request".to_owned())?;
    client.request_text(request).await.map_err(|error| match error {
        kube::Error::Api(status) => format!("the apiserver answers {} to {path}", status.code),
        _ => "the apiserver does not answer".to_owned(),
    })
}
