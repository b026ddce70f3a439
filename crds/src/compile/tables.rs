//! Lists that repeat, each once, and the arithmetic of access sets on their
//! numbers. Numbers here are in order of arrival; [`Tables::finish`] gives those
//! of the snapshot, which follow from content alone.

use std::collections::HashMap;
use std::hash::Hash;
use std::rc::Rc;

use crate::patterns::matches_all;
use crate::snapshot::{AccessIndex, ByKind, FilterIndex, PatternsIndex, ServerIndex, Share};

/// An access set: servers in rising order, each with what of it.
type AccessSet = [(ServerIndex, Share)];

/// A way to a server: what an entry of a grant or a group gives of it, never nothing of all kinds.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct Way {
    server: ServerIndex,
    parts: ByKind<Part>,
}

/// What a way gives of one kind of item.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
enum Part {
    Nothing,
    /// What matches this list.
    List(PatternsIndex),
    Everything,
}

/// Values by number, each once.
struct Interner<T: ?Sized> {
    numbers: HashMap<Rc<T>, u32>,
    values: Vec<Rc<T>>,
}

/// Every pattern list, filter and access set that came up.
#[derive(Default)]
pub(super) struct Tables {
    patterns: Interner<[String]>,
    filters: Interner<[PatternsIndex]>,
    access: Interner<AccessSet>,
    intersections: HashMap<(AccessIndex, AccessIndex), AccessIndex>,
    conjunctions: HashMap<(FilterIndex, FilterIndex), FilterIndex>,
}

/// The tables as a snapshot has them, and the numbers that the old ones became.
#[derive(Default)]
pub(super) struct Finished {
    pub(super) patterns: Vec<Vec<String>>,
    pub(super) filters: Vec<Vec<PatternsIndex>>,
    pub(super) access: Vec<Vec<(ServerIndex, Share)>>,
    pattern_at: HashMap<PatternsIndex, PatternsIndex>,
    access_at: HashMap<AccessIndex, AccessIndex>,
}

// === impl Way ===

impl Way {
    /// Everything of a server.
    pub(super) fn whole(server: ServerIndex) -> Self {
        Self { server, parts: ByKind::all(Part::Everything) }
    }
}

// === impl Tables ===

impl Tables {
    /// The number of a list of globs. Order and repetition do not count.
    pub(super) fn patterns(&mut self, globs: &[String]) -> PatternsIndex {
        let mut globs = globs.to_vec();
        globs.sort_unstable();
        globs.dedup();
        self.patterns.number(globs)
    }

    /// The way that an entry gives: without any list the whole server, else what its lists match; a list that is not
    /// given beside others is as an empty one.
    pub(super) fn way(&mut self, server: ServerIndex, lists: ByKind<Option<&[String]>>) -> Option<Way> {
        if lists.iter().all(Option::is_none) {
            return Some(Way::whole(server));
        }
        let parts = lists.map(|globs| match globs.unwrap_or_default() {
            [] => Part::Nothing,
            globs if globs.iter().any(|glob| matches_all(glob)) => Part::Everything,
            globs => Part::List(self.patterns(globs)),
        });
        parts.iter().any(|part| *part != Part::Nothing).then_some(Way { server, parts })
    }

    /// The server that a way leads to, and the globs of what it gives there: none for nothing, `*` for everything.
    pub(super) fn given(&self, way: Way) -> (ServerIndex, ByKind<Vec<String>>) {
        let globs = way.parts.map(|part| match part {
            Part::Nothing => Vec::new(),
            Part::List(list) => self.patterns.value(list).to_vec(),
            Part::Everything => vec!["*".to_owned()],
        });
        (way.server, globs)
    }

    /// The set that several ways give together. Ways to one server unite.
    pub(super) fn unite(&mut self, mut ways: Vec<Way>) -> AccessIndex {
        ways.sort_unstable();
        ways.dedup();
        let servers = ways.chunk_by(|one, next| one.server == next.server);
        let set = servers.map(|ways| (ways[0].server, self.share(ways))).collect();
        self.access.number(set)
    }

    /// What ways to one server give together, kind by kind.
    fn share(&mut self, ways: &[Way]) -> Share {
        let parts = |part: fn(&ByKind<Part>) -> Part| ways.iter().map(|way| part(&way.parts)).collect::<Vec<_>>();
        let parts = ByKind {
            tools: parts(|it| it.tools),
            prompts: parts(|it| it.prompts),
            resources: parts(|it| it.resources),
        };
        parts.map(|parts| self.filter_of(&parts))
    }

    fn filter_of(&mut self, parts: &[Part]) -> Option<FilterIndex> {
        if parts.contains(&Part::Everything) {
            return Some(self.filters.number(vec![]));
        }
        let lists = parts.iter().filter_map(|part| if let Part::List(list) = part { Some(*list) } else { None });
        let lists = match distinct(lists)[..] {
            [] => return None,
            [list] => vec![list],
            ref lists => {
                let globs: Vec<_> = lists.iter().map(|list| self.patterns.value(*list)).collect();
                vec![self.patterns(&globs.concat())]
            }
        };
        Some(self.filters.number(lists))
    }

    /// What both sets give.
    pub(super) fn intersect(&mut self, one: AccessIndex, other: AccessIndex) -> AccessIndex {
        if one == other {
            return one;
        }
        let pair = (one.min(other), one.max(other));
        if let Some(known) = self.intersections.get(&pair) {
            return *known;
        }
        let (one, other) = (self.access.value(one), self.access.value(other));
        let (small, large) = if one.len() <= other.len() { (one, other) } else { (other, one) };
        let mut set = Vec::new();
        for (server, share) in small.iter() {
            if let Ok(position) = large.binary_search_by_key(server, |(server, _)| *server) {
                let both = share.zip(large[position].1);
                let share = both.map(|(one, other)| Some(self.conjunction(one?, other?)));
                set.extend(share.iter().any(Option::is_some).then_some((*server, share)));
            }
        }
        let number = self.access.number(set);
        self.intersections.insert(pair, number);
        number
    }

    /// What passes both filters: the lists of both, each once.
    fn conjunction(&mut self, one: FilterIndex, other: FilterIndex) -> FilterIndex {
        if one == other {
            return one;
        }
        let pair = (one.min(other), one.max(other));
        if let Some(known) = self.conjunctions.get(&pair) {
            return *known;
        }
        let mut lists = [&*self.filters.value(one), &*self.filters.value(other)].concat();
        lists.sort_unstable();
        lists.dedup();
        let number = self.filters.number(lists);
        self.conjunctions.insert(pair, number);
        number
    }

    /// What the set gives of the servers that `keep` holds, and all of each server of `whole`, which is in rising order.
    pub(super) fn reshape(
        &mut self,
        set: AccessIndex,
        keep: impl Fn(ServerIndex) -> bool,
        whole: &[ServerIndex],
    ) -> AccessIndex {
        let all = ByKind::all(Some(self.filters.number(vec![])));
        let kept = self.access.value(set);
        let kept = kept.iter().copied().filter(|(server, _)| keep(*server) && whole.binary_search(server).is_err());
        let mut set: Vec<_> = kept.chain(whole.iter().map(|server| (*server, all))).collect();
        set.sort_unstable_by_key(|(server, _)| *server);
        self.access.number(set)
    }

    /// The tables that hold these sets and lists, and what they are made of, and nothing else.
    pub(super) fn finish(
        &self,
        access: impl IntoIterator<Item = AccessIndex>,
        patterns: impl IntoIterator<Item = PatternsIndex>,
    ) -> Finished {
        let access = distinct(access);
        let shares = access.iter().flat_map(|set| self.access.values[*set as usize].iter().map(|(_, share)| share));
        let filters = distinct(shares.flat_map(|share| share.iter().copied().flatten()));
        let lists = filters.iter().flat_map(|filter| self.filters.values[*filter as usize].iter().copied());
        let patterns = distinct(lists.chain(patterns));

        let (patterns, pattern_at) = renumber(patterns, |list| self.patterns.value(list).to_vec());
        let (filters, filter_at) = renumber(filters, |filter| {
            let mut lists: Vec<_> = self.filters.value(filter).iter().map(|list| pattern_at[list]).collect();
            lists.sort_unstable();
            lists
        });
        let (access, access_at) = renumber(access, |set| {
            let renumbered = |share: Share| share.map(|filter| filter.map(|filter| filter_at[&filter]));
            self.access.value(set).iter().map(|(server, share)| (*server, renumbered(*share))).collect()
        });
        Finished { patterns, filters, access, pattern_at, access_at }
    }
}

/// The values in rising order, and the old numbers' places there.
fn renumber<T: Ord>(numbers: Vec<u32>, value: impl Fn(u32) -> Vec<T>) -> (Vec<Vec<T>>, HashMap<u32, u32>) {
    let mut values: Vec<(Vec<T>, u32)> = numbers.into_iter().map(|number| (value(number), number)).collect();
    values.sort_unstable();
    let at = values.iter().enumerate().map(|(at, (_, number))| (*number, at as u32)).collect();
    (values.into_iter().map(|(value, _)| value).collect(), at)
}

fn distinct(numbers: impl IntoIterator<Item = u32>) -> Vec<u32> {
    let mut numbers: Vec<u32> = numbers.into_iter().collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

// === impl Finished ===

impl Finished {
    /// Where the snapshot has an access set that was asked for.
    pub(super) fn access_at(&self, number: AccessIndex) -> AccessIndex {
        self.access_at[&number]
    }

    /// Where the snapshot has a pattern list that was asked for.
    pub(super) fn pattern_at(&self, number: PatternsIndex) -> PatternsIndex {
        self.pattern_at[&number]
    }
}

// === impl Interner ===

impl<T: ?Sized> Default for Interner<T> {
    fn default() -> Self {
        Self { numbers: HashMap::new(), values: Vec::new() }
    }
}

impl<T> Interner<[T]>
where
    [T]: Eq + Hash,
{
    fn number(&mut self, value: Vec<T>) -> u32 {
        if let Some(number) = self.numbers.get(value.as_slice()) {
            return *number;
        }
        let value: Rc<[T]> = value.into();
        let number = self.values.len() as u32;
        self.values.push(Rc::clone(&value));
        self.numbers.insert(value, number);
        number
    }

    fn value(&self, number: u32) -> Rc<[T]> {
        Rc::clone(&self.values[number as usize])
    }
}
