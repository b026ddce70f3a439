//! How servers are for the pods: what each pod has said for 30 s or longer
//! (R40), added up by server.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crds::conditions::{Failure, Health};

use super::ask::ServerState;

/// How long something is said before it counts.
const LASTING: Duration = Duration::from_secs(30);

/// What the detail of a server begins with that is off because its credential has not arrived.
const PENDING: &str = "CredentialPending";

/// What all pods say of all servers.
#[derive(Default)]
pub(super) struct HealthBook {
    /// By server, then by pod.
    servers: BTreeMap<String, BTreeMap<Arc<str>, Said>>,
}

/// What a pod says of a server.
struct Said {
    now: State,
    since: Duration,
    /// What it said before, if that had lasted.
    lasted: Option<State>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct State {
    how: How,
    protocol: Option<String>,
    tools: u32,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum How {
    Ready,
    /// Its credential has not arrived.
    Waiting,
    Fails(Failure),
    /// Each caller is listed to by itself.
    PerCaller,
    /// Not known yet, or switched off.
    Silent,
}

impl HealthBook {
    /// A pod has told of all its servers.
    pub(super) fn hear(&mut self, pod: &str, servers: Vec<ServerState>, now: Duration) {
        let pod: Arc<str> = pod.into();
        let told: BTreeMap<String, State> = servers.into_iter().map(|it| (it.name.clone(), State::of(it))).collect();
        // A server that it does not have any more.
        self.servers.retain(|name, pods| {
            if !told.contains_key(name) {
                pods.remove(&pod);
            }
            !pods.is_empty()
        });
        for (name, state) in told {
            let said = self.servers.entry(name).or_default();
            match said.get_mut(&pod) {
                Some(said) if said.now == state => {}
                Some(said) => {
                    let lasted = said.lasting(now).cloned();
                    *said = Said { now: state, since: now, lasted };
                }
                None => drop(said.insert(pod.clone(), Said { now: state, since: now, lasted: None })),
            }
        }
    }

    /// A pod is gone.
    pub(super) fn forget(&mut self, pod: &str) {
        self.servers.retain(|_, pods| {
            pods.remove(pod);
            !pods.is_empty()
        });
    }

    /// Of each server of which something has lasted.
    pub(super) fn add_up(&self, now: Duration) -> BTreeMap<String, Health> {
        let all = self.servers.iter();
        all.filter_map(|(name, pods)| {
            let lasting: Vec<&State> = pods.values().filter_map(|said| said.lasting(now)).collect();
            (!lasting.is_empty()).then(|| (name.clone(), health(&lasting)))
        })
        .collect()
    }
}

impl Said {
    fn lasting(&self, now: Duration) -> Option<&State> {
        if now.saturating_sub(self.since) >= LASTING { Some(&self.now) } else { self.lasted.as_ref() }
    }
}

impl State {
    fn of(server: ServerState) -> Self {
        let how = match server.state.as_str() {
            "ready" => How::Ready,
            "off" if server.detail.is_some_and(|detail| detail.starts_with(PENDING)) => How::Waiting,
            "per_caller" => How::PerCaller,
            "discovering" | "off" => How::Silent,
            word => How::Fails(Failure::of_state(word)),
        };
        Self { how, protocol: server.protocol, tools: server.tools }
    }
}

fn health(pods: &[&State]) -> Health {
    let count = |how: &dyn Fn(How) -> bool| pods.iter().filter(|pod| how(pod.how)).count();
    let named = |failure: Failure| count(&|how| how == How::Fails(failure));
    // The most frequent; of equals the first.
    let worst = Failure::ALL.into_iter().filter(|failure| named(*failure) > 0);
    let failure = worst.rev().max_by_key(|failure| named(*failure));
    let ready: Vec<&&State> = pods.iter().filter(|pod| pod.how == How::Ready).collect();
    Health {
        ready: ready.len(),
        failing: count(&|how| matches!(how, How::Fails(_))),
        waiting: count(&|how| how == How::Waiting),
        per_caller: count(&|how| how == How::PerCaller),
        failure,
        protocol: ready.iter().filter_map(|pod| pod.protocol.clone()).max(),
        tools: ready.iter().map(|pod| pod.tools).max(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(name: &str, state: &str, tools: u32) -> ServerState {
        let protocol = (state == "ready").then(|| "2025-11-25".to_owned());
        let (state, detail) = state.split_once(' ').map_or((state, None), |(state, why)| (state, Some(why.to_owned())));
        ServerState { name: name.to_owned(), state: state.to_owned(), detail, protocol, tools }
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn r40_what_has_not_lasted_half_a_minute_is_not_told() {
        let mut book = HealthBook::default();
        book.hear("p", vec![server("a/x", "ready", 3)], at(100));
        assert_eq!(book.add_up(at(129)), BTreeMap::new());
        assert_eq!(book.add_up(at(130))["a/x"].ready, 1);
        // It fails for a moment, and is well again before anybody hears of it.
        book.hear("p", vec![server("a/x", "timeout", 0)], at(140));
        assert_eq!(book.add_up(at(169))["a/x"].tools, Some(3));
        book.hear("p", vec![server("a/x", "ready", 3)], at(165));
        assert_eq!((book.add_up(at(165))["a/x"].ready, book.add_up(at(300))["a/x"].failing), (1, 0));
        book.hear("p", vec![server("a/x", "timeout", 0)], at(300));
        book.hear("p", vec![server("a/x", "timeout", 0)], at(320));
        let told = book.add_up(at(330));
        assert_eq!((told["a/x"].failing, told["a/x"].failure), (1, Some(Failure::Timeout)));
    }

    #[test]
    fn pods_are_added_up_and_most_of_them_name_the_failure() {
        let mut book = HealthBook::default();
        let states = ["ready", "unreachable", "timeout", "timeout", "off CredentialPending: wait", "off", "per_caller"];
        for (pod, state) in states.into_iter().enumerate() {
            book.hear(&pod.to_string(), vec![server("a/x", state, 2)], at(0));
        }
        let health = &book.add_up(at(30))["a/x"];
        let expected = Health {
            ready: 1,
            failing: 3,
            waiting: 1,
            per_caller: 1,
            failure: Some(Failure::Timeout),
            protocol: Some("2025-11-25".to_owned()),
            tools: Some(2),
        };
        assert_eq!(*health, expected);
        book.forget("2");
        let health = &book.add_up(at(30))["a/x"];
        assert_eq!(health.failure, Some(Failure::Unreachable), "of equals the first");
        for pod in 0..7 {
            book.forget(&pod.to_string());
        }
        assert_eq!(book.add_up(at(60)), BTreeMap::new());
    }

    #[test]
    fn a_server_that_a_pod_does_not_have_any_more_is_forgotten() {
        let mut book = HealthBook::default();
        book.hear("p", vec![server("a/x", "ready", 1), server("a/y", "ready", 1)], at(0));
        book.hear("p", vec![server("a/y", "ready", 1)], at(20));
        assert_eq!(book.add_up(at(60)).into_keys().collect::<Vec<_>>(), ["a/y"]);
    }
}
