//! The admin port of a sidecar: alive, ready, counters. Kubelet asks it by the
//! pod's address, so that it may be open to all; there is nothing else to ask.

use std::net::SocketAddr;

use http::request::Parts;
use http::{Method, Response, StatusCode};

use super::Sidecar;
use crate::admin::text;
use crate::body::Body;
use crate::front;
use crate::head::Head;

/// Answers a request; `listener`: the address that is listened on.
pub(super) fn answer(sidecar: &Sidecar, listener: SocketAddr, parts: &Parts) -> Response<Body> {
    let admitted = Head::read(&parts.headers, "").and_then(|head| front::check(&parts.uri, &head, listener, &[]));
    if let Err(reject) = admitted {
        return reject.into_response();
    }
    if parts.method != Method::GET {
        return text(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "this port takes GET\n");
    }
    match parts.uri.path() {
        "/livez" => text(StatusCode::OK, "text/plain", "ok\n"),
        "/readyz" => match unready(sidecar) {
            None => text(StatusCode::OK, "text/plain", "ok\n"),
            Some(why) => text(StatusCode::SERVICE_UNAVAILABLE, "text/plain", why + "\n"),
        },
        "/metrics" => text(StatusCode::OK, "text/plain; version=0.0.4", sidecar.metrics.text()),
        _ => text(StatusCode::NOT_FOUND, "text/plain", "/livez /readyz /metrics\n"),
    }
}

/// Why it is not ready. Whether the fleet can be reached is no part of that: no pod is better for being taken out of its
/// Service, or for not starting, because another one is away.
fn unready(sidecar: &Sidecar) -> Option<String> {
    if sidecar.drain.is_leaving() {
        return Some("this process ends".to_owned());
    }
    sidecar.token.bearer().err().map(|why| why.to_string())
}
