//! The admin port: alive, ready, counters, status. On a loopback listener
//! only requests that name a loopback host are answered (R14).

use std::net::SocketAddr;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::json;

use crate::body::Body;
use crate::front;
use crate::gateway::Gateway;
use crate::head::Head;
use crate::status;

/// Answers a request to the admin port. `ready`: whether start-up is over; `listener`: the address that is listened on.
pub fn handle(gateway: &Gateway, ready: bool, listener: SocketAddr, request: &Request<Incoming>) -> Response<Body> {
    let head = match Head::read(request.headers(), "") {
        Ok(head) => head,
        Err(reject) => return reject.into_response(),
    };
    if let Err(reject) = front::check(request.uri(), &head, listener, &[]) {
        return reject.into_response();
    }
    if request.method() != Method::GET {
        return text(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "this port takes GET\n");
    }
    match request.uri().path() {
        "/livez" => text(StatusCode::OK, "text/plain", "ok\n"),
        "/readyz" if gateway.drain.is_leaving() => {
            text(StatusCode::SERVICE_UNAVAILABLE, "text/plain", "this process ends\n")
        }
        "/readyz" if ready => text(StatusCode::OK, "text/plain", "ok\n"),
        "/readyz" => text(StatusCode::SERVICE_UNAVAILABLE, "text/plain", "servers are being discovered\n"),
        "/metrics" => text(StatusCode::OK, "text/plain; version=0.0.4", gateway.metrics.text()),
        "/status" => {
            let table = gateway.view.load().table.clone();
            let peers = gateway.peers.get().map(|peers| peers.status());
            let mut status = json!({
                "revision": table.revision,
                "clientSideAuthHeader": table.snapshot.settings.client_side_auth_header,
                "servers": status::servers(gateway),
            });
            if let Some(peers) = peers {
                status["peers"] = json!(peers);
            }
            text(StatusCode::OK, "application/json", status.to_string())
        }
        _ => text(StatusCode::NOT_FOUND, "text/plain", "/livez /readyz /metrics /status\n"),
    }
}

fn text(status: StatusCode, media_type: &'static str, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::whole(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}
