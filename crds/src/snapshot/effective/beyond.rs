//! Is there a name that one rule has and another does not? Settled for all
//! names there may be, and not for those that are known: both rules are walked
//! through at once, character by character, as an automaton each of whose
//! states is the set of places in the globs that a name may have come to.

use std::collections::{HashSet, VecDeque};

use super::Effective;
use crate::patterns::has_dot_segment;
use crate::snapshot::ItemKind;

/// So many states are looked at. Real rules need some dozens; only many globs of many stars need more.
const ENOUGH: usize = 20_000;

/// What one rule has beyond another.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Beyond {
    /// Nothing: whatever the one has, the other has.
    Nothing,
    /// This name, and maybe others.
    Name(String),
    /// The rules are too entangled to tell; whoever wants to be sure takes it that there is something.
    Unknown,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Token {
    Char(char),
    AnyOne,
    AnyMany,
}

/// A place in a glob: the glob's number, and how many of its tokens are behind.
type Place = (u32, u32);

/// Places that the characters so far may have led to, sorted.
type State = Vec<Place>;

/// A rule by the numbers of its globs.
struct Walked {
    within: Vec<Vec<u32>>,
    without: Vec<u32>,
}

struct Automaton {
    globs: Vec<Vec<Token>>,
    ours: Walked,
    /// None: the other has nothing.
    theirs: Option<Walked>,
    /// A character that stands in no glob, for all of those.
    other: char,
}

impl Effective<'_> {
    /// What this has beyond the other rule, of which there may be nothing.
    pub fn beyond(&self, other: Option<&Effective>) -> Beyond {
        if other.is_some_and(|other| self.is_same_as(other)) {
            return Beyond::Nothing;
        }
        let only_ours = |name: &str| self.has(name) && !other.is_some_and(|other| other.has(name));
        let globs = || self.globs().chain(other.into_iter().flat_map(Effective::globs));
        // What is written out is asked about as it is, so that the automaton has to know of ours what has wildcards alone.
        if let Some(name) = globs().filter(|glob| is_literal(glob) && only_ours(glob)).min_by_key(|glob| glob.len()) {
            return Beyond::Name(name.clone());
        }
        // URIs with dot segments go by rules of their own, which the automaton does not know: the text of a glob is one that
        // it matches, and one that nobody wrote stands for all others.
        if self.kind == ItemKind::Resource {
            let mut unwritten = "a:/../".to_owned();
            while globs().any(|glob| *glob == unwritten) {
                unwritten.push('a');
            }
            let odd = globs().chain([&unwritten]).find(|uri| has_dot_segment(uri) && only_ours(uri));
            if let Some(odd) = odd {
                return Beyond::Name(odd.clone());
            }
        }
        Automaton::new(self, other).walk(only_ours)
    }

    fn globs(&self) -> impl Iterator<Item = &String> {
        self.within.iter().copied().chain(self.without).flatten()
    }
}

// === impl Automaton ===

impl Automaton {
    fn new(ours: &Effective, theirs: Option<&Effective>) -> Self {
        let mut globs = Vec::new();
        let mut ours = Walked::new(ours, &mut globs);
        // A name that they match was asked about.
        for list in &mut ours.within {
            list.retain(|glob| !globs[*glob as usize].iter().all(|token| matches!(token, Token::Char(_))));
        }
        let theirs = theirs.map(|theirs| Walked::new(theirs, &mut globs));
        let written: HashSet<char> = globs
            .iter()
            .flatten()
            .filter_map(|token| if let Token::Char(it) = token { Some(*it) } else { None })
            .collect();
        let mut others = ('a'..='z').rev().chain('\u{e0}'..).filter(|other| !written.contains(other));
        Self { globs, ours, theirs, other: others.next().unwrap_or('\u{fffd}') }
    }

    /// The shortest name that is only ours; it is the evaluator that says so in the end.
    fn walk(&self, only_ours: impl Fn(&str) -> bool) -> Beyond {
        let mut none = Beyond::Nothing;
        let all = self.ours.globs().chain(self.theirs.iter().flat_map(Walked::globs));
        let start = self.closed(all.map(|glob| (glob, 0)).collect());
        let mut seen = HashSet::from([start.clone()]);
        let mut waiting = VecDeque::from([(start, String::new())]);
        while let Some((state, name)) = waiting.pop_front() {
            for next in self.characters(&state) {
                let after = self.after(&state, next);
                // What is not ours any more will not be ours again.
                if !self.ours.within.iter().all(|list| list.iter().any(|glob| lives(&after, *glob))) {
                    continue;
                }
                let name = format!("{name}{next}");
                if self.ours.has(self, &after) && !self.theirs.as_ref().is_some_and(|theirs| theirs.has(self, &after)) {
                    if only_ours(&name) {
                        return Beyond::Name(name);
                    }
                    none = Beyond::Unknown;
                }
                if seen.len() == ENOUGH {
                    return Beyond::Unknown;
                }
                if seen.insert(after.clone()) {
                    waiting.push_back((after, name));
                }
            }
        }
        none
    }

    /// Characters after which something differs: those that a glob waits for, and one for all others.
    fn characters(&self, state: &State) -> Vec<char> {
        let mut characters: Vec<char> = state
            .iter()
            .filter_map(|(glob, at)| match self.globs[*glob as usize].get(*at as usize) {
                Some(Token::Char(wanted)) => Some(*wanted),
                _ => None,
            })
            .chain([self.other])
            .collect();
        characters.sort_unstable();
        characters.dedup();
        characters
    }

    fn after(&self, state: &State, next: char) -> State {
        let places = state.iter().filter_map(|(glob, at)| match self.globs[*glob as usize].get(*at as usize)? {
            Token::Char(wanted) => (*wanted == next).then_some((*glob, at + 1)),
            Token::AnyOne => Some((*glob, at + 1)),
            Token::AnyMany => Some((*glob, *at)),
        });
        self.closed(places.collect())
    }

    /// With the places that are reached without a character more: a `*` may stand for none.
    fn closed(&self, mut places: State) -> State {
        let mut at = 0;
        while let Some((glob, place)) = places.get(at).copied() {
            if self.globs[glob as usize].get(place as usize) == Some(&Token::AnyMany) {
                places.push((glob, place + 1));
            }
            at += 1;
        }
        places.sort_unstable();
        places.dedup();
        places
    }

    fn is_at_end(&self, state: &State, glob: u32) -> bool {
        state.binary_search(&(glob, self.globs[glob as usize].len() as u32)).is_ok()
    }
}

fn is_literal(glob: &str) -> bool {
    !glob.contains(['*', '?'])
}

fn lives(state: &State, glob: u32) -> bool {
    let at = state.partition_point(|(other, _)| *other < glob);
    state.get(at).is_some_and(|(other, _)| *other == glob)
}

// === impl Walked ===

impl Walked {
    fn new(rule: &Effective, globs: &mut Vec<Vec<Token>>) -> Self {
        let mut number = |list: &[String]| -> Vec<u32> {
            let first = globs.len() as u32;
            globs.extend(list.iter().map(|glob| tokens(glob)));
            (first..globs.len() as u32).collect()
        };
        let within = rule.within.iter().map(|list| number(list)).collect();
        Self { within, without: rule.without.map(number).unwrap_or_default() }
    }

    fn globs(&self) -> impl Iterator<Item = u32> {
        self.within.iter().flatten().chain(&self.without).copied()
    }

    fn has(&self, automaton: &Automaton, state: &State) -> bool {
        let any = |list: &[u32]| list.iter().any(|glob| automaton.is_at_end(state, *glob));
        self.within.iter().all(|list| any(list)) && !any(&self.without)
    }
}

fn tokens(glob: &str) -> Vec<Token> {
    let token = |it| match it {
        '*' => Token::AnyMany,
        '?' => Token::AnyOne,
        it => Token::Char(it),
    };
    let mut tokens: Vec<Token> = glob.chars().map(token).collect();
    tokens.dedup_by(|one, next| *one == Token::AnyMany && *next == Token::AnyMany);
    tokens
}

#[cfg(test)]
mod tests;
