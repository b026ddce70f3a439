//! Pods of the gateway, as the operator sees them: objects of the apiserver,
//! and an admin port each, all of this process. What they have in force they
//! read as a gateway does.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::Pod as PodObject;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use tests::wait::until_async;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::address::{ADMIN_PORT, own_address};
use crate::reader::{InForce, Reader};
use crate::release::{OWN, Release};

/// How often the snapshot is looked at. A gateway watches it.
const LOOK: Duration = Duration::from_millis(10);
/// A ceiling for a loaded machine, not a claim.
const IN_FORCE_WITHIN: Duration = Duration::from_secs(20);

/// The pods of a release. Dropped, their ports are closed.
pub(crate) struct Pods {
    newest: watch::Receiver<Option<Arc<InForce>>>,
    running: Vec<Pod>,
    objects: Api<PodObject>,
    instance: String,
    reading: JoinHandle<()>,
    token: Arc<str>,
}

/// A pod.
pub(crate) struct Pod {
    pub(crate) name: String,
    state: Arc<State>,
    serving: JoinHandle<()>,
}

struct State {
    /// What it has in force; it follows the newest unless it is frozen.
    revision: watch::Sender<u64>,
    frozen: AtomicBool,
    asked: AtomicU64,
    reads: Vec<u32>,
    servers: std::sync::Mutex<Value>,
    token: Arc<str>,
}

impl Pods {
    /// No pod yet. Waits for the fleet's token.
    pub(crate) async fn of(release: &Release) -> Self {
        let reader = Reader::of(release);
        let token = until_async("the fleet's token", IN_FORCE_WITHIN, async || reader.token().await).await;
        let (tell, newest) = watch::channel(None::<Arc<InForce>>);
        let reading = tokio::spawn(async move {
            loop {
                let before = tell.borrow().as_ref().map_or(0, |newest| newest.revision);
                if let Some(newer) = reader.read(before).await {
                    tell.send_replace(Some(Arc::new(newer)));
                }
                sleep(LOOK).await;
            }
        });
        let objects = Api::namespaced(release.client.clone(), OWN);
        let instance = release.named("").trim_end_matches('-').to_owned();
        Self { newest, running: Vec::new(), objects, instance, reading, token: token.into() }
    }

    /// Starts a pod that reads these schemas.
    pub(crate) async fn start(&mut self, reads: &[u32]) {
        let name = format!("{}-gateway-{}", self.instance, self.running.len());
        let address = SocketAddr::from((own_address(), ADMIN_PORT));
        let listener = TcpListener::bind(address).await.unwrap();
        let state = Arc::new(State {
            revision: watch::Sender::new(0),
            frozen: AtomicBool::new(false),
            asked: AtomicU64::new(0),
            reads: reads.to_vec(),
            servers: std::sync::Mutex::new(json!([])),
            token: self.token.clone(),
        });
        let (following, newest) = (state.clone(), self.newest.clone());
        let serving = tokio::spawn(async move {
            tokio::select! {
                () = follow(&following, newest) => {}
                () = serve(listener, following.clone()) => {}
            }
        });
        let labels = json!({
            "app.kubernetes.io/name": "switchboard",
            "app.kubernetes.io/instance": self.instance,
            "app.kubernetes.io/component": "gateway",
        });
        let pod = json!({
            "metadata": {"name": name, "labels": labels},
            "spec": {
                "serviceAccountName": format!("{}-operator", self.instance),
                "automountServiceAccountToken": false,
                "containers": [{"name": "gateway", "image": "switchboard-gateway"}],
            },
        });
        self.objects.create(&PostParams::default(), &serde_json::from_value(pod).unwrap()).await.unwrap();
        let status = json!({"status": {
            "phase": "Running",
            "podIP": address.ip().to_string(),
            "podIPs": [{"ip": address.ip().to_string()}],
            "containerStatuses": [{
                "name": "gateway", "image": "switchboard-gateway", "imageID": "", "ready": true, "restartCount": 0,
                "started": true, "state": {"running": {}},
            }],
        }});
        let params = PatchParams::default();
        self.objects.patch_status(&name, &params, &Patch::Merge(status)).await.unwrap();
        self.running.push(Pod { name, state, serving });
    }

    /// Starts some that read all schemas.
    pub(crate) async fn start_some(&mut self, count: usize) {
        for _ in 0..count {
            self.start(&[4, 5]).await;
        }
    }

    /// Ends a pod and takes its object away.
    pub(crate) async fn end(&mut self, number: usize) {
        let pod = self.running.remove(number);
        pod.serving.abort();
        self.objects.delete(&pod.name, &DeleteParams::default().grace_period(0)).await.unwrap();
    }

    /// The pods.
    pub(crate) fn all(&self) -> &[Pod] {
        &self.running
    }

    /// Waits until a snapshot is offered that is accepted; gives it.
    pub(crate) async fn until(&self, what: &str, accept: impl Fn(&InForce) -> bool) -> Arc<InForce> {
        let mut newest = self.newest.clone();
        let accepted = newest.wait_for(|newest| newest.as_ref().is_some_and(|newest| accept(newest)));
        let found = timeout(IN_FORCE_WITHIN, accepted).await.unwrap_or_else(|_| panic!("{what}: not in force in time"));
        found.unwrap().clone().unwrap()
    }

    /// What is offered now.
    pub(crate) fn newest(&self) -> Arc<InForce> {
        self.newest.borrow().clone().unwrap()
    }
}

impl Drop for Pods {
    fn drop(&mut self) {
        self.reading.abort();
        self.running.iter().for_each(|pod| pod.serving.abort());
    }
}

impl Pod {
    /// As SIGSTOP does: connections are taken, and nothing is answered; what is in force stays.
    pub(crate) fn freeze(&self, frozen: bool) {
        self.state.frozen.store(frozen, Ordering::Release);
    }

    /// How often it was asked for its revision.
    pub(crate) fn asked(&self) -> u64 {
        self.state.asked.load(Ordering::Acquire)
    }

    /// What `/status` says of servers from now on.
    pub(crate) fn tells_of(&self, servers: Value) {
        *self.state.servers.lock().unwrap() = servers;
    }
}

async fn follow(state: &State, mut newest: watch::Receiver<Option<Arc<InForce>>>) {
    loop {
        let offered = newest.borrow_and_update().as_ref().map(|newest| (newest.revision, newest.schema));
        if let Some((revision, schema)) = offered
            && !state.frozen.load(Ordering::Acquire)
            && state.reads.contains(&schema)
        {
            state.revision.send_replace(revision);
        }
        // A pod that wakes up looks again.
        let _ = timeout(Duration::from_millis(100), newest.changed()).await;
    }
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let state = state.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let state = state.clone();
                async move { Ok::<_, Infallible>(answer(&request, &state).await) }
            });
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(request: &Request<Incoming>, state: &State) -> Response<Full<Bytes>> {
    let token = request.headers().get(AUTHORIZATION).map(|value| value.as_bytes().to_vec());
    if token != Some(format!("Bearer {}", state.token).into_bytes()) {
        let mut refused = Response::new(Full::default());
        *refused.status_mut() = StatusCode::UNAUTHORIZED;
        return refused;
    }
    let body = if request.uri().path() == "/status" {
        json!({"revision": 0, "servers": *state.servers.lock().unwrap()})
    } else {
        state.asked.fetch_add(1, Ordering::AcqRel);
        let known = request.uri().query().and_then(|query| query.split('&').find_map(|it| it.strip_prefix("not=")));
        if let Some(known) = known.and_then(|known| known.parse::<u64>().ok()) {
            let mut revision = state.revision.subscribe();
            let _ = timeout(Duration::from_secs(20), revision.wait_for(|revision| *revision != known)).await;
        }
        let revision = *state.revision.borrow();
        json!({
            "boot": "0000000000000000", "revision": revision, "digest": "", "schema": 5, "reads": state.reads,
            "source": "api", "refused": null, "pendingCredentials": 0, "ready": revision > 0,
        })
    };
    while state.frozen.load(Ordering::Acquire) {
        sleep(Duration::from_millis(50)).await;
    }
    Response::new(Full::new(body.to_string().into()))
}
