use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{Builder as ClientBuilder, SendRequest};
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncReadExt, duplex};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::*;
use crate::body::{Chunk, Stream};
use crate::drain::Drain;
use crate::serve::tests::conversing;
use crate::serve::version::Version;
use crate::steady::Steady;

/// A ceiling, not a claim.
const SOON: Duration = Duration::from_secs(5);

/// A client and what it is served by.
struct Connected {
    client: SendRequest<Full<Bytes>>,
    /// The client's side of the connection.
    driver: JoinHandle<hyper::Result<()>>,
    end: Arc<watch::Sender<bool>>,
    drain: Arc<Drain>,
}

impl Connected {
    async fn to<H, F>(handler: H) -> Self
    where
        H: Fn(Request<Incoming>, IpAddr, GoesOn) -> F + Send + Sync + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let (ours, theirs) = duplex(256 * 1024);
        let drain = Arc::<Drain>::default();
        let stream = Steady::new(theirs, STALL);
        let (end, conversing) = conversing(Version::Http2, stream, handler, drain.clone());
        tokio::spawn(conversing);
        let mut builder = ClientBuilder::new(TokioExecutor::new());
        builder.initial_stream_window_size(64 * 1024).initial_connection_window_size(16 * 1024 * 1024);
        let (client, connection) = builder.handshake(TokioIo::new(ours)).await.unwrap();
        Self { client, driver: tokio::spawn(connection), end, drain }
    }

    /// Sends a request, and waits for the head of its answer.
    fn get(&self, path: &str) -> impl Future<Output = hyper::Result<Response<Incoming>>> + Send + 'static {
        let request = Request::get(format!("http://localhost{path}")).body(Full::default()).unwrap();
        let mut client = self.client.clone();
        async move {
            client.ready().await?;
            client.send_request(request).await
        }
    }
}

fn whole(bytes: impl Into<Bytes>) -> Response<Body> {
    Response::new(Body::whole(bytes.into()))
}

async fn read(response: Response<Incoming>) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}

/// Waits until something is so, on a clock that may stand still.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, waiting).await.expect(what);
}

#[tokio::test(start_paused = true)]
async fn r13_a_connection_without_a_request_is_told_to_go() {
    let connected = Connected::to(|_, _, _| async { whole("ok") }).await;
    sleep(HEAD_TIMEOUT / 2).await;
    assert_eq!(read(connected.get("/").await.unwrap()).await, "ok");
    let began = Instant::now();
    connected.driver.await.unwrap().unwrap();
    assert!(began.elapsed() >= HEAD_TIMEOUT / 2 && began.elapsed() < HEAD_TIMEOUT * 2, "{:?}", began.elapsed());
}

/// A client that says nothing at all, and one that does not go when it is told to.
#[tokio::test(start_paused = true)]
async fn r13_a_connection_that_does_nothing_is_closed() {
    for preface in [&b""[..], b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"] {
        let (mut client, server) = duplex(4096);
        let (_, serving) = conversing(Version::Http2, server, |_, _, _| async { whole("ok") }, Arc::default());
        tokio::spawn(serving);
        let began = Instant::now();
        tokio::io::AsyncWriteExt::write_all(&mut client, preface).await.unwrap();
        // It hears of pings, and does not answer them.
        client.read_to_end(&mut Vec::new()).await.unwrap();
        assert!(began.elapsed() < HEAD_TIMEOUT * 2, "{:?}", began.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn r13_a_stream_that_is_not_read_is_reset_and_no_other() {
    let large = Bytes::from(vec![b'x'; 1024 * 1024]);
    let body = large.clone();
    let connected = Connected::to(move |request: Request<Incoming>, _, _| {
        let body = if request.uri().path() == "/large" { body.clone() } else { Bytes::from_static(b"ok") };
        async { whole(body) }
    })
    .await;
    let unread = connected.get("/large").await.unwrap();
    let slow = connected.get("/large").await.unwrap();
    let (mut slow, mut taken) = (slow.into_body(), 0);
    // On the paused clock: the time for which one client does nothing, and another little.
    for _ in 0..4 {
        sleep(STALL / 2).await;
        taken += slow.frame().await.unwrap().unwrap().into_data().unwrap().len();
        assert_eq!(read(connected.get("/").await.unwrap()).await, "ok");
    }
    assert!(unread.into_body().collect().await.is_err(), "it was reset");
    taken += slow.collect().await.unwrap().to_bytes().len();
    assert_eq!(taken, large.len(), "who is slow but reads gets all");
}

#[tokio::test]
async fn r13_more_streams_than_there_may_be_wait() {
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let go_on = Arc::new(Semaphore::new(0));
    let (counted, highest, waiting) = (running.clone(), most.clone(), go_on.clone());
    let connected = Connected::to(move |_, _, _| {
        let (running, most, go_on) = (counted.clone(), highest.clone(), waiting.clone());
        async move {
            let now = running.fetch_add(1, Ordering::SeqCst) + 1;
            most.fetch_max(now, Ordering::SeqCst);
            go_on.acquire().await.unwrap().forget();
            running.fetch_sub(1, Ordering::SeqCst);
            whole("ok")
        }
    })
    .await;
    // Settings of the server have arrived with this.
    go_on.add_permits(1);
    read(connected.get("/").await.unwrap()).await;
    let all: Vec<_> = (0..200).map(|_| tokio::spawn(connected.get("/"))).collect();
    until("as many as there may be", || running.load(Ordering::SeqCst) == MAX_STREAMS as usize).await;
    go_on.add_permits(all.len());
    for one in all {
        assert_eq!(read(one.await.unwrap().unwrap()).await, "ok");
    }
    assert_eq!(most.load(Ordering::SeqCst), MAX_STREAMS as usize);
}

/// A legacy call goes on though its stream is reset. Reset and sent again without end it would be work without a limit.
#[tokio::test]
async fn r13_who_resets_streams_does_not_begin_without_limit_what_goes_on() {
    let (begun, go_on) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
    let (counted, waiting) = (begun.clone(), go_on.clone());
    let connected = Connected::to(move |_, _, goes_on: GoesOn| {
        goes_on.set();
        counted.fetch_add(1, Ordering::SeqCst);
        let go_on = waiting.clone();
        async move {
            go_on.acquire().await.unwrap().forget();
            whole("ok")
        }
    })
    .await;
    for number in 1..=MAX_REQUESTS {
        let asked = tokio::spawn(connected.get("/"));
        until("it has begun", || begun.load(Ordering::SeqCst) == number).await;
        asked.abort();
    }
    let refused = timeout(SOON, connected.get("/")).await.unwrap().unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(begun.load(Ordering::SeqCst), MAX_REQUESTS);
    go_on.add_permits(MAX_REQUESTS + 1);
    until("what went on has ended", || go_on.available_permits() == 1).await;
    let answer = async {
        while connected.get("/").await.unwrap().status() != StatusCode::OK {
            go_on.add_permits(1);
        }
    };
    timeout(SOON, answer).await.unwrap();
}

/// What became of requests.
#[derive(Default)]
struct Counts {
    begun: AtomicUsize,
    finished: AtomicUsize,
    dropped: AtomicUsize,
}

/// A request, until it is finished or dropped.
struct Counted(Arc<Counts>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn of_requests_at_once_each_says_for_itself_whether_it_goes_on() {
    let (counts, go_on) = (Arc::<Counts>::default(), Arc::new(Semaphore::new(0)));
    let (counting, waiting) = (counts.clone(), go_on.clone());
    let connected = Connected::to(move |request: Request<Incoming>, _, goes_on: GoesOn| {
        if request.uri().path() == "/goes-on" {
            goes_on.set();
        }
        let (counted, waiting) = (Counted(counting.clone()), waiting.clone());
        async move {
            counted.0.begun.fetch_add(1, Ordering::SeqCst);
            waiting.acquire().await.unwrap().forget();
            counted.0.finished.fetch_add(1, Ordering::SeqCst);
            whole("ok")
        }
    })
    .await;
    let asked = ["/goes-on", "/"].map(|path| tokio::spawn(connected.get(path)));
    until("both have begun", || counts.begun.load(Ordering::SeqCst) == 2).await;
    asked.iter().for_each(JoinHandle::abort);
    until("the one that does not go on is dropped", || counts.dropped.load(Ordering::SeqCst) == 1).await;
    go_on.add_permits(2);
    until("the other is heard out", || counts.dropped.load(Ordering::SeqCst) == 2).await;
    assert_eq!(counts.finished.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_leaving_port_answers_and_says_that_it_was_the_last() {
    let go_on = Arc::new(Semaphore::new(0));
    let waiting = go_on.clone();
    let connected = Connected::to(move |request: Request<Incoming>, _, _| {
        let slow = (request.uri().path() == "/slow").then(|| waiting.clone());
        async move {
            if let Some(slow) = slow {
                slow.acquire().await.unwrap().forget();
            }
            whole("ok")
        }
    })
    .await;
    let slow = tokio::spawn(connected.get("/slow"));
    assert_eq!(read(connected.get("/").await.unwrap()).await, "ok");
    connected.drain.leave();
    let last = connected.get("/").await.unwrap();
    assert_eq!(last.headers().get("connection"), None);
    assert_eq!(read(last).await, "ok");
    let told = async { while connected.get("/").await.is_ok() {} };
    timeout(SOON, told).await.expect("the client knows that it is to send no more");
    go_on.add_permits(1);
    assert_eq!(read(slow.await.unwrap().unwrap()).await, "ok", "what has begun is finished");
    timeout(SOON, connected.driver).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_port_that_closes_finishes_streams_and_closes_connections() {
    let (sender, stream) = Stream::channel(1);
    let stream = Arc::new(parking_lot::Mutex::new(Some(stream)));
    let connected = Connected::to(move |_, _, _| {
        let stream = stream.lock().take().unwrap();
        async { Response::new(Body::Stream(stream)) }
    })
    .await;
    let mut body = connected.get("/").await.unwrap().into_body();
    sender.send(Chunk::Data(Bytes::from_static(b"one"))).await.unwrap();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "one");
    connected.end.send_replace(true);
    sender.send(Chunk::Data(Bytes::from_static(b"two"))).await.unwrap();
    sender.send(Chunk::End).await.unwrap();
    assert_eq!(timeout(SOON, body.collect()).await.unwrap().unwrap().to_bytes(), "two");
    timeout(SOON, connected.driver).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn r3_a_stream_that_goes_wrong_is_cut_and_its_connection_goes_on() {
    let (sender, stream) = Stream::channel(1);
    let stream = Arc::new(parking_lot::Mutex::new(Some(stream)));
    let connected = Connected::to(move |_, _, _| {
        let stream = stream.lock().take();
        async { stream.map_or_else(|| whole("ok"), |stream| Response::new(Body::Stream(stream))) }
    })
    .await;
    let mut cut = connected.get("/").await.unwrap().into_body();
    sender.send(Chunk::Data(Bytes::from_static(b"a part"))).await.unwrap();
    assert_eq!(cut.frame().await.unwrap().unwrap().into_data().unwrap(), "a part");
    drop(sender);
    assert!(timeout(SOON, cut.collect()).await.unwrap().is_err());
    assert_eq!(read(connected.get("/").await.unwrap()).await, "ok");
}

/// What closes a connection of HTTP/1.1 costs one here too.
#[tokio::test]
async fn an_answer_that_closes_its_connection_does_so_without_saying_it_in_a_header() {
    let connected = Connected::to(|_, _, _| async {
        let mut response = whole("no");
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        response
    })
    .await;
    let response = connected.get("/").await.unwrap();
    assert_eq!(response.headers().get("connection"), None);
    assert_eq!(read(response).await, "no");
    timeout(SOON, connected.driver).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_whole_body_has_its_length_and_arrives_in_parts() {
    let large = Bytes::from((0..100_000_u32).map(|number| number as u8).collect::<Vec<_>>());
    let body = large.clone();
    let connected = Connected::to(move |_, _, _| {
        let body = body.clone();
        async { whole(body) }
    })
    .await;
    let response = connected.get("/").await.unwrap();
    assert_eq!(response.headers()["content-length"], "100000");
    assert_eq!(read(response).await, large);
}
