//! The port for peers: their questions, and requests that one of them took
//! and that belong to this process. TLS has made sure that it is a peer who
//! asks; whose request it passes on is settled again, as at the first hop.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use hyper::body::Incoming;

use super::{BOOT, FROM, HELLO, LEAVING, Peers, SESSIONS, SIDE, boot_of, header, read};
use crate::body::Body;
use crate::clock;
use crate::gateway::Gateway;
use crate::hop::Hop;
use crate::proxy;
use crate::serve::GoesOn;
use crate::session::{Told, What};

/// Answers a request of a peer. Paths of clients end in `/mcp` or begin with it, so that none is one of these.
pub async fn handle(
    gateway: Arc<Gateway>,
    peers: Arc<Peers>,
    goes_on: GoesOn,
    mut request: Request<Incoming>,
) -> Response<Body> {
    match (request.method(), request.uri().path()) {
        (&Method::GET, HELLO) => {
            introduce(&peers, request.headers());
            let mut response = empty(StatusCode::OK);
            response.headers_mut().insert(BOOT, header(peers.own.boot));
            response
        }
        (&Method::GET, SESSIONS) => {
            // Known from before the copy is made, it is told all that comes after.
            introduce(&peers, request.headers());
            Response::new(Body::whole(Bytes::from(Told::write_all(&gateway.sessions.told()))))
        }
        (&Method::POST, SESSIONS) => {
            let Some(body) = read(request.into_body()).await else { return empty(StatusCode::BAD_REQUEST) };
            let now = clock::now();
            for told in Told::read_all(&body) {
                gateway.sessions.note(told, now);
                if told.what == What::Ended {
                    let (_, nonce) = told.session;
                    gateway.clients.end(&nonce);
                }
            }
            empty(StatusCode::NO_CONTENT)
        }
        (&Method::POST, LEAVING) => {
            let boot = request.headers().get(BOOT).and_then(boot_of);
            if let (Some(boot), Some(address)) = (boot, address(request.headers())) {
                peers.roster.leaves(address, boot);
            }
            empty(StatusCode::NO_CONTENT)
        }
        _ if request.headers().get(BOOT).and_then(boot_of) == Some(peers.own.boot) => {
            request.headers_mut().remove(BOOT);
            // One of an older release does not say.
            let inside = request.headers_mut().remove(SIDE).is_some_and(|side| side == "inside");
            proxy::handle(gateway, Hop::Peer { inside }, goes_on, request).await
        }
        _ => empty(StatusCode::MISDIRECTED_REQUEST),
    }
}

fn introduce(peers: &Peers, headers: &HeaderMap) {
    if let (Some(address), Some(boot)) = (address(headers), headers.get(BOOT).and_then(boot_of)) {
        peers.roster.learn(address, boot);
    }
}

/// Where a peer says that it is.
fn address(headers: &HeaderMap) -> Option<std::net::SocketAddr> {
    headers.get(FROM)?.to_str().ok()?.parse().ok()
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::Whole(None));
    *response.status_mut() = status;
    response
}
