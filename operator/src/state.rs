//! What is known of the cluster: the one store of all objects that are
//! compiled, and of each what its status is written by.
//!
//! A stream takes something away in two ways only: by saying that it is gone,
//! or by a complete list without it. One that is refused or fails takes nothing
//! away. Before each has been complete once nothing is compiled, and in a term
//! of leading not before each was listed anew: whoever was frozen knows what
//! was, and others have acted since.

use std::collections::{BTreeMap, BTreeSet};

use crds::crd::KINDS;
use crds::diagnostic::{Kind, ObjectKey};
use crds::resources::{FileFault, Resources, parse_settings};

use crate::watch::{Item, Of, SecretData, Stream, Told};

mod binding;
mod known;

pub(crate) use known::{Course, Known, newer};

/// An object of one of the kinds.
pub(crate) type Id = (Kind, ObjectKey);

/// What is known.
pub(crate) struct State {
    /// What is compiled.
    pub(crate) resources: Resources,
    /// The objects of the kinds, right or wrong.
    pub(crate) objects: BTreeMap<Id, Known>,
    /// The settings document that does not parse: the last good one stays.
    pub(crate) settings_fault: Option<FileFault>,
    streams: BTreeMap<Stream, Standing>,
    /// Whether settings were ever read, or there were none to read.
    settled: bool,
    /// Namespaces that another release serves: nothing of them is taken in.
    foreign: BTreeSet<String>,
    /// How many objects each namespace has that has any.
    namespaces: BTreeMap<String, usize>,
}

/// How it stands with a stream.
#[derive(Default)]
struct Standing {
    /// The round of the last complete list.
    complete: Option<u64>,
    /// While it is listed: the round, and what came so far.
    listed: Option<(u64, BTreeSet<ObjectKey>)>,
    trouble: Trouble,
}

/// Why a stream does not tell what is.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) enum Trouble {
    /// It does.
    #[default]
    None,
    /// It is tried again and again.
    Fails(String),
    /// Somebody has to let us see, or to install the kind.
    Refused(String),
}

/// What follows from a change. What comes later is more urgent.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Follows {
    /// Nothing.
    #[default]
    Nothing,
    /// Somebody else may have written a status.
    Look(Id),
    /// Something new: it can wait for what comes with it.
    Soon,
    /// Something may have been taken from somebody (R42).
    Now {
        /// Ids of callers that have nothing any more.
        denied: Vec<String>,
    },
}

impl State {
    /// Nothing is known yet of these streams.
    pub(crate) fn new(streams: &[Stream]) -> Self {
        Self {
            resources: Resources::default(),
            objects: BTreeMap::new(),
            settings_fault: None,
            streams: streams.iter().map(|stream| (stream.clone(), Standing::default())).collect(),
            settled: false,
            foreign: BTreeSet::new(),
            namespaces: BTreeMap::new(),
        }
    }

    /// Takes in what a stream tells.
    pub(crate) fn take(&mut self, stream: &Stream, told: Told<Item>) -> Vec<Follows> {
        let Some(standing) = self.streams.get_mut(stream) else { return Vec::new() };
        match told {
            Told::Begins(round) => standing.listed = Some((round, BTreeSet::new())),
            Told::Listed(item) => {
                if let Some((_, listed)) = &mut standing.listed {
                    listed.insert(item.key());
                }
                return vec![self.put(stream.of, item)];
            }
            Told::Complete => {
                let (round, listed) = standing.listed.take().unwrap_or_default();
                standing.complete = Some(round);
                return self.keep_only(stream, &listed);
            }
            Told::Put(item) => return vec![self.put(stream.of, item)],
            Told::Gone(item) => return vec![self.remove(stream.of, &item.key())],
            Told::Refused(why) => standing.trouble = Trouble::Refused(why),
            Told::Fails(why) => standing.trouble = Trouble::Fails(why),
            Told::Well => standing.trouble = Trouble::None,
        }
        Vec::new()
    }

    /// What is not known yet and must be, before anything is compiled; none if all is. `round`: the first in which a list
    /// is new enough. One that was complete before and is refused now is as new as it can be.
    pub(crate) fn missing(&self, round: u64) -> Option<String> {
        let is_known = |stream, standing: &Standing| match standing.complete {
            Some(of) => of >= round || matches!(standing.trouble, Trouble::Refused(_)),
            None => self.is_empty(stream, standing),
        };
        let incomplete = self.streams.iter().find(|(stream, standing)| !is_known(stream, standing));
        if let Some((stream, standing)) = incomplete {
            return Some(match &standing.trouble {
                Trouble::None => format!("{stream}: being listed"),
                Trouble::Fails(why) | Trouble::Refused(why) => format!("{stream}: {why}"),
            });
        }
        let fault = self.settings_fault.as_ref().filter(|_| !self.settled);
        fault.map(|fault| format!("the settings do not parse, and there are no earlier ones: {fault}"))
    }

    /// How it stands with each stream.
    pub(crate) fn troubles(&self) -> impl Iterator<Item = (&Stream, &Trouble)> {
        self.streams.iter().map(|(stream, standing)| (stream, &standing.trouble))
    }

    /// How it stands with a stream.
    pub(crate) fn trouble(&self, stream: &Stream) -> Option<&Trouble> {
        self.streams.get(stream).map(|standing| &standing.trouble)
    }

    /// Namespaces that have objects. Sorted.
    pub(crate) fn namespaces(&self) -> impl Iterator<Item = &String> {
        self.namespaces.keys()
    }

    /// How many objects of a kind there are.
    pub(crate) fn count(&self, kind: Kind) -> usize {
        self.objects.keys().filter(|(of, _)| *of == kind).count()
    }

    /// From now on other releases serve these namespaces: their objects are left out. Whether there is one that is ours
    /// again, so that everything has to be listed anew.
    pub(crate) fn leave_out(&mut self, foreign: BTreeSet<String>) -> bool {
        let ours_again = self.foreign.iter().any(|namespace| !foreign.contains(namespace));
        self.foreign = foreign;
        let left: Vec<Id> =
            self.objects.keys().filter(|(_, key)| self.foreign.contains(&key.namespace)).cloned().collect();
        for (kind, key) in left {
            self.remove(Of::Kind(kind), &key);
        }
        ours_again
    }

    /// A namespace that is known not to be there has nothing, whether we may look or not.
    fn is_empty(&self, stream: &Stream, standing: &Standing) -> bool {
        let Some(namespace) = &stream.namespace else { return false };
        let of_namespaces = Stream { of: Of::Namespaces, namespace: Some(namespace.clone()) };
        let known =
            self.streams.get(&of_namespaces).is_some_and(|it| it.complete.is_some() && it.trouble == Trouble::None);
        matches!(standing.trouble, Trouble::Refused(_)) && known && !self.resources.namespaces.contains_key(namespace)
    }

    fn put(&mut self, of: Of, item: Item) -> Follows {
        match item {
            Item::Object(key, _) if self.foreign.contains(&key.namespace) => Follows::Nothing,
            Item::Object(key, raw) => {
                let Of::Kind(kind) = of else { return Follows::Nothing };
                self.put_object(kind, key, raw)
            }
            Item::Secret(key, SecretData(data)) => {
                let before = self.resources.secrets.get(&key);
                if before == Some(&data) {
                    return Follows::Nothing;
                }
                let follows = if before.is_some() { Follows::now() } else { Follows::Soon };
                self.resources.put_secret(key, data);
                follows
            }
            Item::Namespace(name, labels) => {
                let before = self.resources.namespaces.get(&name).cloned();
                self.resources.put_namespace(&name, labels);
                match before {
                    None => Follows::Soon,
                    Some(before) if Some(&before) == self.resources.namespaces.get(&name) => Follows::Nothing,
                    Some(_) => Follows::now(),
                }
            }
            Item::Settings(text) => self.put_settings(&text.unwrap_or_default()),
        }
    }

    fn put_settings(&mut self, text: &str) -> Follows {
        match parse_settings(text) {
            Ok(settings) => {
                self.settled = true;
                let cured = self.settings_fault.take().is_some();
                let changed = settings != self.resources.settings;
                self.resources.settings = settings;
                if changed || cured { Follows::now() } else { Follows::Nothing }
            }
            Err(fault) => {
                self.settings_fault = Some(fault);
                Follows::Nothing
            }
        }
    }

    fn remove(&mut self, of: Of, key: &ObjectKey) -> Follows {
        match of {
            Of::Kind(kind) => {
                let caller = binding::caller(&self.resources, kind, key);
                self.resources.remove(kind, key);
                if self.objects.remove(&(kind, key.clone())).is_none() {
                    return Follows::Nothing;
                }
                if let Some(count) = self.namespaces.get_mut(&key.namespace) {
                    *count -= 1;
                    self.namespaces.retain(|_, count| *count > 0);
                }
                Follows::Now { denied: caller.into_iter().collect() }
            }
            Of::Secrets => {
                let there = self.resources.secrets.contains_key(key);
                self.resources.remove_secret(key);
                if there { Follows::now() } else { Follows::Nothing }
            }
            Of::Namespaces => {
                self.resources.remove_namespace(&key.name);
                Follows::now()
            }
            // The last good ones stay: whoever deletes the ConfigMap by mistake loosens nothing. A new process begins
            // with the defaults.
            Of::Settings => Follows::Nothing,
        }
    }

    /// Removes what a stream told before and did not list now.
    fn keep_only(&mut self, stream: &Stream, listed: &BTreeSet<ObjectKey>) -> Vec<Follows> {
        if stream.of == Of::Settings {
            // None is there, or one that does not parse; see `missing`.
            self.settled |= self.settings_fault.is_none();
            return vec![Follows::Soon];
        }
        let of_stream = |key: &&ObjectKey| stream.namespace.as_ref().is_none_or(|it| *it == key.namespace);
        let resources = &self.resources;
        let gone: Vec<ObjectKey> = match stream.of {
            Of::Kind(kind) => {
                let keys = self.objects.keys().filter(|(of, _)| *of == kind).map(|(_, key)| key);
                keys.filter(of_stream).filter(|key| !listed.contains(key)).cloned().collect()
            }
            Of::Secrets => {
                resources.secrets.keys().filter(of_stream).filter(|key| !listed.contains(key)).cloned().collect()
            }
            Of::Namespaces => {
                let names = resources.namespaces.keys().map(|name| ObjectKey::new("", name));
                let of_stream = |key: &ObjectKey| stream.namespace.as_ref().is_none_or(|it| *it == key.name);
                names.filter(of_stream).filter(|key| !listed.contains(key)).collect()
            }
            Of::Settings => Vec::new(),
        };
        let follows = gone.iter().map(|key| self.remove(stream.of, key));
        follows.chain([Follows::Soon]).collect()
    }
}

impl Follows {
    /// Nobody is known to have lost everything.
    fn now() -> Self {
        Follows::Now { denied: Vec::new() }
    }
}

/// The kinds, and how many objects of each there are.
pub(crate) fn counts(state: &State) -> impl Iterator<Item = (Kind, usize)> {
    KINDS.into_iter().map(|kind| (kind, state.count(kind)))
}

#[cfg(test)]
mod tests;
