//! The admin port: alive, ready, counters. Nothing of it is secret.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::metrics::Metrics;

/// Connections at once.
const CONNECTIONS: usize = 64;
/// How long a request's head may take, and a connection with all its requests.
const HEAD: Duration = Duration::from_secs(10);
const WHOLE: Duration = Duration::from_secs(600);
/// After a connection that could not be accepted: out of file descriptors, most likely.
const PAUSE: Duration = Duration::from_millis(50);

/// Whether the operator is ready, and in words what it lacks. A process that does not lead is ready once it knows all
/// that a leader has to know.
#[derive(Default)]
pub(crate) struct Readiness(Mutex<State>);

#[derive(Default)]
struct State {
    ready: bool,
    detail: String,
}

impl Readiness {
    /// It is so from now on. Once ready it stays so: what fails later is told beside it.
    pub(crate) fn set(&self, ready: bool, detail: String) {
        let mut state = self.0.lock();
        state.ready |= ready;
        state.detail = detail;
    }
}

/// Answers until it is aborted.
pub(crate) async fn serve(listener: TcpListener, readiness: Arc<Readiness>, metrics: Arc<Metrics>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let (readiness, metrics) = (readiness.clone(), metrics.clone());
                tokio::spawn(async move {
                    // How a client leaves is its own affair.
                    let _ = timeout(WHOLE, converse(stream, &readiness, &metrics)).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!("connections to the admin port cannot be accepted: {error}");
                sleep(PAUSE).await;
            }
        }
    }
}

async fn converse(stream: TcpStream, readiness: &Readiness, metrics: &Metrics) -> hyper::Result<()> {
    let service = service_fn(|request: Request<Incoming>| {
        let response = answer(request.method(), request.uri().path(), readiness, metrics);
        async move { Ok::<_, Infallible>(response) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD);
    builder.serve_connection(TokioIo::new(stream), service).await
}

fn answer(method: &Method, path: &str, readiness: &Readiness, metrics: &Metrics) -> Response<Full<Bytes>> {
    let plain = |status, body: String| text(status, "text/plain; charset=utf-8", body.into());
    match path {
        _ if method != Method::GET => plain(StatusCode::METHOD_NOT_ALLOWED, "this port takes GET\n".to_owned()),
        "/livez" => plain(StatusCode::OK, "ok\n".to_owned()),
        "/readyz" => {
            let State { ready, detail } = &*readiness.0.lock();
            let status = if *ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            let word = if *ready { "ok" } else { "not ready" };
            plain(status, format!("{word}\n{detail}"))
        }
        "/metrics" => text(StatusCode::OK, "text/plain; version=0.0.4", metrics.text().into()),
        _ => plain(StatusCode::NOT_FOUND, "/livez /readyz /metrics\n".to_owned()),
    }
}

fn text(status: StatusCode, media_type: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(readiness: &Readiness, method: &Method, path: &str) -> u16 {
        answer(method, path, readiness, &Metrics::default()).status().as_u16()
    }

    #[test]
    fn it_is_ready_once_it_knows_everything_and_stays_so() {
        let readiness = Readiness::default();
        let ready = || status(&readiness, &Method::GET, "/readyz");
        assert_eq!(ready(), 503);
        readiness.set(false, "mcpservers of all namespaces: being listed\n".to_owned());
        assert_eq!(ready(), 503);
        readiness.set(true, String::new());
        assert_eq!(ready(), 200);
        readiness.set(false, "mcpservers of all namespaces: forbidden\n".to_owned());
        assert_eq!(ready(), 200, "what is in force stays in force");
    }

    #[test]
    fn nothing_else_is_answered() {
        let readiness = Readiness::default();
        for (path, expected) in [("/livez", 200), ("/metrics", 200), ("/", 404), ("/status", 404)] {
            assert_eq!(status(&readiness, &Method::GET, path), expected, "{path}");
        }
        assert_eq!(status(&readiness, &Method::POST, "/metrics"), 405);
    }
}
