use std::future::ready;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{Instant, sleep};

use super::*;
use crate::connections::Limits;
use crate::egress::{Egress, EgressPolicy};
use crate::gateway::Gateway;
use crate::hop::Hop;
use crate::metrics::Metrics;
use crate::owner::Owner;
use crate::proxy;
use crate::scope::tests::{KEY, table};
use crate::seal::{SealKey, Sealer};
use crate::upstream::Connectors;
use crate::upstream::stdio::Children;

/// A connection whose other end is served in the background.
fn connected<H, F>(handler: H) -> DuplexStream
where
    H: Fn(Request<Incoming>, IpAddr, GoesOn) -> F + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let (client, server) = duplex(4096);
    let (_, conversing) = conversing(Version::Http1, Steady::new(server, STALL), handler, Arc::default());
    tokio::spawn(conversing);
    client
}

/// What serves a connection, and what its port has to be told to close.
pub(super) fn conversing<S, H, F>(
    version: Version,
    stream: S,
    handler: H,
    drain: Arc<Drain>,
) -> (Arc<watch::Sender<bool>>, impl Future<Output = ()> + Send + 'static)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Fn(Request<Incoming>, IpAddr, GoesOn) -> F + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let end = Arc::new(watch::Sender::new(false));
    let conversation = Conversation { address: address(), handler, drain, end: end.subscribe() };
    let held = end.clone();
    let conversing = async move {
        conversation.run(version, stream).await;
        drop(held);
    };
    (end, conversing)
}

fn address() -> IpAddr {
    IpAddr::from([192, 0, 2, 1])
}

fn answer(
    body: Bytes,
) -> impl Fn(Request<Incoming>, IpAddr, GoesOn) -> std::future::Ready<Response<Body>> + Clone + Send + Sync {
    move |_, _, _| ready(Response::new(Body::whole(body.clone())))
}

#[tokio::test(start_paused = true)]
async fn r13_a_head_that_does_not_end_and_an_idle_connection_are_closed() {
    for sent in ["", "POST /mcp HTTP/1.1\r\nHost: local", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"] {
        let mut client = connected(answer(Bytes::from_static(b"ok")));
        client.write_all(sent.as_bytes()).await.unwrap();
        let began = Instant::now();
        let mut reply = Vec::new();
        client.read_to_end(&mut reply).await.unwrap();
        assert!(
            began.elapsed() >= HEAD_TIMEOUT && began.elapsed() < HEAD_TIMEOUT * 2,
            "{sent:?}: {:?}",
            began.elapsed()
        );
        assert_eq!(reply.ends_with(b"ok"), sent.starts_with("GET"));
    }
}

/// A byte now and then does not help: it is the whole head that has a time.
#[tokio::test(start_paused = true)]
async fn r13_a_head_that_trickles_is_cut() {
    let mut client = connected(answer(Bytes::new()));
    let began = Instant::now();
    client.write_all(b"POST /mcp HTTP/1.1\r\nX: ").await.unwrap();
    while client.write_all(b"x").await.is_ok() {
        assert!(began.elapsed() < HEAD_TIMEOUT * 2);
        sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn r13_a_client_that_reads_nothing_is_cut() {
    let body = Bytes::from(vec![b'x'; 64 * 1024]);
    let mut client = connected(answer(body.clone()));
    client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    // On the paused clock: the time for which this client does nothing.
    sleep(STALL + Duration::from_secs(1)).await;
    let mut reply = Vec::new();
    client.read_to_end(&mut reply).await.unwrap();
    assert!(reply.starts_with(b"HTTP/1.1 200") && reply.len() < body.len(), "{} bytes", reply.len());
}

/// To its client a connection is there once the kernel has it; what it sends then must not be lost to a port that closes.
#[tokio::test]
async fn what_waits_to_be_accepted_when_a_port_closes_is_still_answered() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut clients = Vec::new();
    for _ in 0..50 {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        clients.push(client);
    }
    let drain = Arc::<Drain>::default();
    drain.close(Instant::now() + Duration::from_secs(10));
    let limits = Limits { all: 100, of_peer: 100 };
    let connections = Connections::new(limits, Metrics::new().closed_connections);
    serve(listener, connections, answer(Bytes::from_static(b"ok")), drain, None).await;
    for mut client in clients {
        let mut reply = String::new();
        client.read_to_string(&mut reply).await.unwrap();
        assert!(reply.starts_with("HTTP/1.1 200 OK") && reply.contains("connection: close"), "{reply}");
    }
    assert!(TcpStream::connect(address).await.is_err(), "and nobody is let in any more");
}

/// A gateway whose one caller has [`KEY`] and no server.
fn gateway() -> Arc<Gateway> {
    let sealer = Sealer::new(&[SealKey { id: 1, key: [1; 32] }]);
    let children = Children::new(
        "switchboard".into(),
        Vec::new(),
        "scratch".into(),
        "homes".into(),
        tokio::runtime::Handle::current(),
    );
    let egress = Arc::new(Egress::new(EgressPolicy::default()));
    Gateway::new(
        table("", "{}"),
        (Arc::new(sealer), Owner::begin(None).unwrap()),
        Arc::new(Connectors { egress, children: Arc::new(children) }),
        Arc::default(),
    )
}

/// What a client reads that sends this head and then a byte of the body every second.
async fn trickled(head: &str) -> String {
    let gateway = gateway();
    let listener = ([127, 0, 0, 1], 8080).into();
    let client = connected(move |request, address, goes_on| {
        proxy::handle(gateway.clone(), Hop::Client { listener, address, scheme: "http" }, goes_on, request)
    });
    let (mut reader, mut writer) = tokio::io::split(client);
    writer.write_all(head.as_bytes()).await.unwrap();
    let trickle = tokio::spawn(async move {
        while writer.write_all(b" ").await.is_ok() {
            sleep(Duration::from_secs(1)).await;
        }
    });
    let mut reply = String::new();
    reader.read_to_string(&mut reply).await.unwrap();
    trickle.abort();
    reply
}

#[tokio::test(start_paused = true)]
async fn r13_a_body_that_trickles_is_408_in_half_a_minute() {
    let began = Instant::now();
    let head = |key: &str| {
        format!(
            "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nX-Api-Key: {key}\r\nContent-Length: 1000\r\n\r\n"
        )
    };
    let reply = trickled(&head(KEY)).await;
    assert!(reply.starts_with("HTTP/1.1 408 ") && reply.contains(r#""error""#), "{reply}");
    assert!(began.elapsed() >= Duration::from_secs(30) && began.elapsed() < Duration::from_secs(60), "{reply}");
    let began = Instant::now();
    let reply = trickled(&head("sb-wrong")).await;
    assert!(reply.starts_with("HTTP/1.1 401 "), "{reply}");
    assert!(began.elapsed() < Duration::from_secs(10), "who may not ask is not waited for: {:?}", began.elapsed());
}
