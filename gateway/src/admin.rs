//! The admin port: alive, ready, counters for everybody; status and the
//! revision in force for those who may ask. On a loopback listener only
//! requests that name a loopback host are answered (R14).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{SetOnce, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::body::Body;
use crate::connections::{Connections, Limits};
use crate::drain::Drain;
use crate::front;
use crate::gateway::Gateway;
use crate::head::Head;
use crate::metrics::Metrics;
use crate::serve::serve;
use crate::standing::Standing;
use crate::status;

mod askers;
mod revision;

pub use askers::{Askers, FleetToken};

/// How long questions that are being answered may take when the port ends.
const LAST: Duration = Duration::from_secs(1);

/// What the admin port answers from. It is open before there is a gateway.
pub struct Admin {
    /// Who may ask for more than whether it lives.
    pub askers: Askers,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// How it stands with the snapshot.
    pub standing: Standing,
    /// Tells this process from those before it at its address.
    pub boot: [u8; 8],
    running: SetOnce<Running>,
    drain: Drain,
}

/// What there is once a first snapshot is in force.
struct Running {
    gateway: Arc<Gateway>,
    /// Whether start-up is over.
    ready: watch::Receiver<bool>,
}

/// The port, open.
pub struct AdminPort {
    /// What it answers from.
    pub admin: Arc<Admin>,
    task: JoinHandle<()>,
    drain: Arc<Drain>,
}

impl Admin {
    /// Of a process that has nothing in force yet.
    pub fn new(askers: Askers, boot: [u8; 8], metrics: Arc<Metrics>) -> Arc<Self> {
        let standing = Standing::new(metrics.clone());
        Arc::new(Self { askers, metrics, standing, boot, running: SetOnce::new(), drain: Drain::default() })
    }

    /// From now on there is a gateway. `ready`: whether start-up is over.
    pub fn is_running(&self, gateway: Arc<Gateway>, ready: watch::Receiver<bool>) {
        // It runs once.
        let _ = self.running.set(Running { gateway, ready });
    }

    /// Answers a request; `listener`: the address that is listened on.
    async fn answer(&self, parts: Parts, listener: SocketAddr) -> Response<Body> {
        let head = match Head::read(&parts.headers, "") {
            Ok(head) => head,
            Err(reject) => return reject.into_response(),
        };
        if let Err(reject) = front::check(&parts.uri, &head, listener, &[]) {
            return reject.into_response();
        }
        if parts.method != Method::GET {
            return text(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "this port takes GET\n");
        }
        match parts.uri.path() {
            "/livez" => text(StatusCode::OK, "text/plain", "ok\n"),
            "/readyz" => self.readyz(),
            "/metrics" => text(StatusCode::OK, "text/plain; version=0.0.4", self.metrics.text()),
            "/status" | "/revision" => {
                if let Err(why) = self.askers.admit(listener, parts.headers.get(AUTHORIZATION)) {
                    return refused(why);
                }
                match parts.uri.path() {
                    "/status" => self.status(),
                    _ => self.revision(parts.uri.query().unwrap_or_default()).await,
                }
            }
            _ => text(StatusCode::NOT_FOUND, "text/plain", "/livez /readyz /metrics /status /revision\n"),
        }
    }

    fn readyz(&self) -> Response<Body> {
        match self.unready() {
            None => text(StatusCode::OK, "text/plain", "ok\n"),
            Some(why) => text(StatusCode::SERVICE_UNAVAILABLE, "text/plain", why + "\n"),
        }
    }

    /// Why it is not ready.
    fn unready(&self) -> Option<String> {
        match self.running.get() {
            None => Some(self.standing.waiting()),
            Some(running) if running.gateway.drain.is_leaving() => Some("this process ends".to_owned()),
            Some(running) if !*running.ready.borrow() => Some("servers are being discovered".to_owned()),
            Some(running) => self.too_old(&running.gateway),
        }
    }

    /// Why what is in force is too old, if the settings say so (R42).
    fn too_old(&self, gateway: &Gateway) -> Option<String> {
        let most = gateway.view.load().table.snapshot.settings.snapshot_max_age_seconds?;
        let age = self.metrics.snapshots.age();
        let why = || format!("there may have been a newer snapshot for {age} s, and snapshotMaxAgeSeconds is {most}");
        (age > u64::from(most)).then(why)
    }

    fn status(&self) -> Response<Body> {
        let Some(Running { gateway, .. }) = self.running.get() else {
            return text(StatusCode::SERVICE_UNAVAILABLE, "text/plain", self.standing.waiting() + "\n");
        };
        let table = gateway.view.load().table.clone();
        let peers = gateway.peers.get().map(|peers| peers.status());
        let mut status = json!({
            "revision": table.version.revision,
            "digest": table.version.digest_in_hex(),
            "source": self.standing.source(),
            "refused": self.standing.refused(),
            "clientSideAuthHeader": table.snapshot.settings.client_side_auth_header,
            "servers": status::servers(gateway),
        });
        if let Some(peers) = peers {
            status["peers"] = json!(peers);
        }
        text(StatusCode::OK, "application/json", status.to_string())
    }
}

impl AdminPort {
    /// Answers from now on.
    pub fn open(listener: TcpListener, address: SocketAddr, admin: Arc<Admin>) -> Self {
        let drain = Arc::<Drain>::default();
        let connections = Connections::new(Limits::ADMIN, admin.metrics.closed_connections.clone());
        let answering = admin.clone();
        let handler = move |request: Request<Incoming>, _, _| {
            let (admin, (parts, _)) = (answering.clone(), request.into_parts());
            async move { admin.answer(parts, address).await }
        };
        let task = tokio::spawn(serve(listener, connections, handler, drain.clone(), None));
        Self { admin, task, drain }
    }

    /// Takes no more questions and answers those that were asked.
    pub async fn end(self) {
        let until = Instant::now() + LAST;
        self.admin.drain.close(until);
        self.drain.close(until);
        // It ends because it is told to; a panic of its was reported where it happened.
        let _ = self.task.await;
    }
}

fn refused(why: askers::Stranger) -> Response<Body> {
    let mut response = text(why.status(), "text/plain", format!("{why}\n"));
    if why.status() == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// An answer in text.
pub(crate) fn text(status: StatusCode, media_type: &'static str, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::whole(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}
