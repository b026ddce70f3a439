//! The measure of all speed here: a reverse proxy that parses nothing. One
//! thread, HTTP/1.1 by hyper on both sides, bodies streamed as they come,
//! upstream connections pooled.

use std::cell::RefCell;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;

use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{LocalSet, spawn_local};

/// Serves for ever what the upstream answers.
pub async fn serve(listener: TcpListener, upstream: SocketAddr) {
    LocalSet::new().run_until(accept(listener, upstream)).await;
}

async fn accept(listener: TcpListener, upstream: SocketAddr) {
    let pool = Rc::new(Pool {
        upstream,
        host: HeaderValue::from_str(&upstream.to_string()).expect("an address is a header value"),
        idle: RefCell::default(),
    });
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true);
        let pool = Rc::clone(&pool);
        let service = service_fn(move |request| forward(Rc::clone(&pool), request));
        spawn_local(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

struct Pool {
    upstream: SocketAddr,
    host: HeaderValue,
    idle: RefCell<Vec<SendRequest<Incoming>>>,
}

async fn forward(
    pool: Rc<Pool>,
    mut request: Request<Incoming>,
) -> Result<Response<BoxBody<Bytes, hyper::Error>>, Infallible> {
    request.headers_mut().insert("host", pool.host.clone());
    let Ok(mut connection) = pool.take().await else { return Ok(bad_gateway()) };
    let response = connection.send_request(request).await;
    // It becomes ready again once the body has passed; until then `take` passes it by.
    pool.idle.borrow_mut().push(connection);
    Ok(response.map_or_else(|_| bad_gateway(), |response| response.map(BodyExt::boxed)))
}

impl Pool {
    async fn take(&self) -> std::io::Result<SendRequest<Incoming>> {
        let ready = {
            let mut idle = self.idle.borrow_mut();
            idle.retain(|connection| !connection.is_closed());
            idle.iter().rposition(SendRequest::is_ready).map(|place| idle.swap_remove(place))
        };
        if let Some(connection) = ready {
            return Ok(connection);
        }
        let stream = TcpStream::connect(self.upstream).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(std::io::Error::other)?;
        spawn_local(connection);
        Ok(sender)
    }
}

fn bad_gateway() -> Response<BoxBody<Bytes, hyper::Error>> {
    let body = Empty::new().map_err(|never| match never {}).boxed();
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Client;
    use crate::upstream::{Script, Upstream};

    #[test]
    fn forwards_both_ways_over_pooled_connections() {
        let upstream = Upstream::start(Script::echo());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}/mcp", listener.local_addr().unwrap());
            let talk = async {
                let mut client = Client::new(&url);
                client.initialize("2025-11-25").await;
                for number in 0..20 {
                    let answer = client.call("echo", &format!(r#"{{"n":{number}}}"#)).await;
                    assert_eq!(answer.json()["result"]["structuredContent"]["params"]["arguments"]["n"], number);
                }
            };
            tokio::select! {
                () = serve(listener, upstream.address()) => unreachable!("it serves for ever"),
                () = talk => {}
            }
        });
        assert_eq!(upstream.posts("tools/call"), 20);
        assert!(upstream.connections() <= 2, "{}", upstream.connections());
    }
}
