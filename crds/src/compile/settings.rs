//! The settings that a request meets, with defaults filled in.

use crate::settings::{Algorithm, ClaimName, IssuerSettings, Settings};
use crate::snapshot::{ClaimMapping, Issuer, WireSettings};

const DEFAULT_SEPARATOR: &str = "-";
const DEFAULT_MAX_TOOL_NAME_LENGTH: u32 = 64;
const DEFAULT_CLIENT_SIDE_AUTH_HEADER: &str = "x-mcp-auth";
const DEFAULT_ALGORITHMS: [Algorithm; 2] = [Algorithm::RS256, Algorithm::ES256];

/// Lists are sets: sorted, each entry once.
pub(super) fn wire(settings: &Settings) -> WireSettings {
    let header = settings.client_side_auth_header.as_deref().unwrap_or(DEFAULT_CLIENT_SIDE_AUTH_HEADER);
    let origins = settings.allowed_origins.iter().flatten().map(|origin| origin.to_ascii_lowercase());
    let egress = settings.egress.iter().flat_map(|egress| egress.allow.iter().flatten().cloned());
    WireSettings {
        separator: settings.separator.as_deref().unwrap_or(DEFAULT_SEPARATOR).to_owned(),
        max_tool_name_length: settings.max_tool_name_length.unwrap_or(DEFAULT_MAX_TOOL_NAME_LENGTH),
        client_side_auth_header: header.to_ascii_lowercase(),
        allowed_origins: set(origins),
        egress_allow: set(egress),
        snapshot_max_age_seconds: settings.snapshot_max_age_seconds,
        issuers: settings.issuers.iter().flatten().map(issuer).collect(),
        service_account_audience: settings.service_accounts.as_ref().and_then(|accounts| accounts.audience.clone()),
        public_url: settings.public_url.as_ref().map(|url| url.to_ascii_lowercase()),
        currency: settings.currency.clone(),
        trusted_proxies: set(settings.trusted_proxies.iter().flatten().cloned()),
        internal_networks: settings.internal_networks.as_ref().map(|networks| set(networks.iter().cloned())),
    }
}

fn issuer(issuer: &IssuerSettings) -> Issuer {
    let mapping = |name: Option<&ClaimName>| {
        name.map(|ClaimName { claim, prefix }| ClaimMapping {
            claim: claim.clone(),
            prefix: prefix.clone().unwrap_or_default(),
        })
    };
    let claims = issuer.claims.clone().unwrap_or_default();
    let mut algorithms = issuer.algorithms.clone().unwrap_or_else(|| DEFAULT_ALGORITHMS.to_vec());
    algorithms.sort_unstable();
    algorithms.dedup();
    Issuer {
        issuer: issuer.issuer.clone(),
        audiences: set(issuer.audiences.iter().cloned()),
        jwks_uri: issuer.jwks_uri.clone(),
        algorithms,
        user: mapping(claims.user.as_ref()),
        team: mapping(claims.team.as_ref()),
        organization: mapping(claims.organization.as_ref()),
    }
}

fn set(entries: impl Iterator<Item = String>) -> Vec<String> {
    let mut entries: Vec<String> = entries.collect();
    entries.sort_unstable();
    entries.dedup();
    entries
}
