//! The gateway's pods that serve, and what each says it has in force.
//!
//! ```text
//! watch of pods ─┐
//! answers ───────┴► run (one task) ─► View: fleet, reads, health
//! ask (a task for each pod that serves): long polls of /revision, now and then /status
//! ```
//!
//! A pod that ends still serves, and counts until its container has ended. One
//! that cannot be asked counts as running nothing new (R40).

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crds::conditions::{Fleet, Health};
use crds::diagnostic::ObjectKey;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client};
use kube_runtime::watcher::Config;
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval};

use crate::clock::since_boot;
use crate::metrics::Metrics;
use crate::release::Release;
use crate::watch::{Hearer, Told, WATCH_SECONDS, follow};

mod ask;
mod health;
mod report;

pub(crate) use report::Report;

use ask::{Answer, ask};
use health::HealthBook;

/// The gateway's container, and the port that its admin is at.
const CONTAINER: &str = "gateway";
const ADMIN_PORT: u16 = 9090;
/// How much may wait of what pods say.
const QUEUE: usize = 256;
/// How often what they say of servers is added up.
const ADD_UP: Duration = Duration::from_secs(5);

/// The pods at one moment. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct View {
    /// Whether it is known which pods there are.
    pub(crate) complete: bool,
    pods: Arc<BTreeMap<String, Member>>,
    /// How servers are for the pods, by id: what has lasted (R40).
    pub(crate) health: Arc<BTreeMap<String, Health>>,
}

/// A pod that runs.
#[derive(Clone, Debug)]
struct Member {
    name: String,
    /// Whether it serves; else it starts.
    serves: bool,
    /// What it said last. It holds for what it was, also once the pod cannot be asked.
    report: Option<Report>,
    answers: bool,
}

/// Keeps the view of a release's pods.
pub(crate) struct Pods {
    token: Arc<str>,
    members: BTreeMap<String, (SocketAddr, Member, AbortHandle)>,
    asking: JoinSet<()>,
    answers: mpsc::Sender<(String, Answer)>,
    health: HealthBook,
    listed: Option<Vec<String>>,
    view: watch::Sender<View>,
    metrics: Arc<Metrics>,
}

// === impl View ===

#[cfg(test)]
impl View {
    /// Of pods that serve and have told this, or nothing yet.
    pub(crate) fn of(reports: impl IntoIterator<Item = Option<Report>>) -> Self {
        let pods = reports.into_iter().enumerate().map(|(index, report)| {
            let name = index.to_string();
            (name.clone(), Member { name, serves: true, answers: report.is_some(), report })
        });
        Self { complete: true, pods: Arc::new(pods.collect()), ..Self::default() }
    }
}

impl View {
    /// What runs on the pods that serve.
    pub(crate) fn fleet(&self) -> Fleet {
        Fleet::new(self.those_that_serve().map(Member::runs))
    }

    /// The same by name; of a pod that cannot be asked nothing.
    pub(crate) fn by_name(&self) -> BTreeMap<String, Option<u64>> {
        self.those_that_serve().map(|pod| (pod.name.clone(), pod.runs())).collect()
    }

    /// What pods said last, those that start included: they may wait for a snapshot that they can read.
    pub(crate) fn reports(&self) -> impl Iterator<Item = &Report> {
        self.pods.values().filter_map(|pod| pod.report.as_ref())
    }

    /// Whether every pod that serves has said what it is.
    pub(crate) fn has_heard_all(&self) -> bool {
        self.complete && self.those_that_serve().all(|pod| pod.report.is_some())
    }

    /// Servers that are another way for the pods than in an earlier view.
    pub(crate) fn changed_health(&self, earlier: &Self) -> Vec<ObjectKey> {
        let (now, before) = (&self.health, &earlier.health);
        if Arc::ptr_eq(now, before) {
            return Vec::new();
        }
        let both: BTreeSet<&String> = now.keys().chain(before.keys()).collect();
        let changed = both.into_iter().filter(|id| now.get(*id) != before.get(*id));
        changed.filter_map(|id| id.split_once('/')).map(|(namespace, name)| ObjectKey::new(namespace, name)).collect()
    }

    fn those_that_serve(&self) -> impl Iterator<Item = &Member> {
        self.pods.values().filter(|pod| pod.serves)
    }
}

// === impl Member ===

impl Member {
    /// The revision that it runs, while it can be asked.
    fn runs(&self) -> Option<u64> {
        self.report.as_ref().filter(|_| self.answers).map(|report| report.revision)
    }
}

// === impl Pods ===

/// Watches and asks the pods of a release until nobody looks any more.
pub(crate) async fn run(
    client: Client,
    release: Release,
    token: String,
    view: watch::Sender<View>,
    metrics: Arc<Metrics>,
) {
    let (tell, mut told) = mpsc::channel(QUEUE);
    let (answers, mut answered) = mpsc::channel(QUEUE);
    // Pods are listed once; nobody asks for more.
    let (_again, again) = watch::channel(0);
    let config = Config::default().labels(&release.gateway_selector()).timeout(WATCH_SECONDS);
    let api: Api<Pod> = Api::namespaced(client, &release.namespace);
    let watching = tokio::spawn(follow(api, config, place, Hearer { source: (), to: tell, again }));
    let mut pods = Pods {
        token: token.into(),
        members: BTreeMap::new(),
        asking: JoinSet::new(),
        answers,
        health: HealthBook::default(),
        listed: None,
        view,
        metrics,
    };
    let mut add_up = interval(ADD_UP);
    add_up.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            Some(((), told)) = told.recv() => pods.take(told),
            Some((uid, answer)) = answered.recv() => pods.hear(&uid, answer),
            _ = add_up.tick() => pods.add_up(),
            () = pods.view.closed() => break,
        }
        while pods.asking.try_join_next().is_some() {}
    }
    watching.abort();
}

impl Pods {
    fn take(&mut self, told: Told<(String, Option<Place>)>) {
        match told {
            Told::Begins(_) => self.listed = Some(Vec::new()),
            Told::Listed((uid, place)) => {
                self.listed.get_or_insert_default().push(uid.clone());
                self.put(uid, place);
            }
            Told::Complete => {
                let listed = self.listed.take().unwrap_or_default();
                let gone: Vec<_> = self.members.keys().filter(|uid| !listed.contains(uid)).cloned().collect();
                for uid in gone {
                    self.remove(&uid);
                }
                self.view.send_modify(|view| view.complete = true);
            }
            Told::Put((uid, place)) => self.put(uid, place),
            Told::Gone((uid, _)) => self.remove(&uid),
            // Which pods there are is not known any more, and those that are known are asked as before.
            Told::Refused(why) => tracing::warn!("the gateway's pods cannot be watched: {why}"),
            Told::Fails(_) | Told::Well => return,
        }
        self.show();
    }

    fn put(&mut self, uid: String, place: Option<Place>) {
        let Some(Place { name, ip, serves }) = place else { return self.remove(&uid) };
        let address = SocketAddr::new(ip, ADMIN_PORT);
        if let Some((known, member, _)) = self.members.get_mut(&uid)
            && *known == address
        {
            member.serves = serves;
            return;
        }
        self.remove(&uid);
        let asking = ask(address, self.token.clone(), uid.clone(), self.answers.clone());
        let task = self.asking.spawn(asking);
        self.members.insert(uid, (address, Member { name, serves, report: None, answers: false }, task));
    }

    fn remove(&mut self, uid: &str) {
        if let Some((_, _, task)) = self.members.remove(uid) {
            task.abort();
            self.health.forget(uid);
        }
    }

    fn hear(&mut self, uid: &str, answer: Answer) {
        let Some((_, member, _)) = self.members.get_mut(uid) else { return };
        match answer {
            Answer::Report(report) => {
                tell_refusal(uid, member.report.as_ref(), &report);
                (member.report, member.answers) = (Some(report), true);
            }
            Answer::Silent if member.answers => member.answers = false,
            Answer::Silent => return,
            Answer::Servers(servers) => return self.health.hear(uid, servers, since_boot()),
        }
        self.show();
    }

    fn add_up(&mut self) {
        let health = self.health.add_up(since_boot());
        if health != *self.view.borrow().health {
            self.view.send_modify(|view| view.health = Arc::new(health));
        }
    }

    fn show(&self) {
        let pods: BTreeMap<_, _> = self.members.iter().map(|(uid, (_, it, _))| (uid.clone(), it.clone())).collect();
        self.view.send_modify(|view| view.pods = Arc::new(pods));
        let fleet = self.view.borrow().fleet();
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.metrics.pods_serving.set(count(fleet.serving()));
        self.metrics.pods_silent.set(count(fleet.silent()));
        let refusing = self.view.borrow().reports().filter(|report| report.refused.is_some()).count();
        self.metrics.pods_refusing.set(count(refusing));
    }
}

/// A pod that does not take what it is offered is news once.
fn tell_refusal(uid: &str, before: Option<&Report>, now: &Report) {
    if let Some(refused) = &now.refused
        && before.and_then(|before| before.refused.as_ref()) != Some(refused)
    {
        tracing::warn!("the gateway's pod {uid} does not take what it is offered: {}", refused.reason);
    }
}

/// Where a pod can be asked.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Place {
    name: String,
    ip: IpAddr,
    /// Once its container has started, which the startup probe says.
    serves: bool,
}

/// A pod, and where it can be asked: while its container runs, the pod's own end included.
fn place(pod: Pod) -> (String, Option<Place>) {
    let place = pod.status.as_ref().and_then(|status| {
        let containers = status.container_statuses.as_deref().unwrap_or_default();
        let container = containers.iter().find(|container| container.name == CONTAINER)?;
        let runs = container.state.as_ref().is_some_and(|state| state.running.is_some());
        let ip = status.pod_ip.as_deref().filter(|_| runs && status.phase.as_deref() == Some("Running"))?;
        let name = pod.metadata.name.clone()?;
        Some(Place { name, ip: ip.parse().ok()?, serves: container.started == Some(true) })
    });
    (pod.metadata.uid.unwrap_or_default(), place)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(phase: &str, started: bool, state: &str, deleted: bool) -> Pod {
        let mut pod = json!({
            "metadata": {"uid": "u", "name": "p"},
            "status": {"phase": phase, "podIP": "10.0.0.7", "containerStatuses": [
                {"name": "proxy", "ready": true, "image": "", "imageID": "", "restartCount": 0},
                {"name": "gateway", "ready": false, "image": "", "imageID": "", "restartCount": 0,
                 "started": started, "state": {state: {}}},
            ]},
        });
        if state == "terminated" {
            pod["status"]["containerStatuses"][1]["state"][state] = json!({"exitCode": 0});
        }
        if deleted {
            pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        }
        serde_json::from_value(pod).unwrap()
    }

    #[test]
    fn r40_a_pod_serves_from_its_start_to_its_end() {
        let at = |serves| Some(Place { name: "p".to_owned(), ip: "10.0.0.7".parse().unwrap(), serves });
        for (pod, expected, why) in [
            (pod("Running", true, "running", false), at(true), "it runs, ready or not"),
            (pod("Running", true, "running", true), at(true), "it ends, and serves what it has begun"),
            (pod("Running", false, "running", false), at(false), "its startup probe has not passed"),
            (pod("Running", true, "terminated", true), None, "its container has ended"),
            (pod("Pending", false, "waiting", false), None, "it has not begun"),
            (pod("Failed", true, "terminated", false), None, "it is over"),
        ] {
            assert_eq!(place(pod), ("u".to_owned(), expected), "{why}");
        }
    }

    #[test]
    fn r40_a_pod_that_cannot_be_asked_runs_nothing_that_counts() {
        let member =
            |serves, answers| Member { name: "p".to_owned(), serves, report: Some(Report::of_revision(7)), answers };
        let pods = [("a", member(true, true)), ("b", member(true, false)), ("c", member(false, true))];
        let pods = pods.map(|(uid, member)| (uid.to_owned(), member));
        let view = View { complete: true, pods: Arc::new(pods.into()), ..View::default() };
        let fleet = view.fleet();
        assert_eq!((fleet.serving(), fleet.running(7), fleet.silent()), (2, 1, 1));
        assert!(view.has_heard_all(), "what it can read is still known");
    }
}
