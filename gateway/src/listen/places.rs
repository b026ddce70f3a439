//! How many of something there may be at once, in all and of one caller (R13).

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

/// The most of something.
#[derive(Clone, Copy)]
pub struct Most {
    /// Of all callers together.
    pub all: usize,
    /// Of one caller.
    pub of_caller: usize,
}

/// Places that are taken and given back.
pub struct Places {
    most: Most,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    /// None stands at zero, so that there are never more of them than places.
    of_caller: HashMap<Arc<str>, usize>,
}

/// A place that is taken, until it is dropped.
pub struct Place {
    taken: Arc<Mutex<Taken>>,
    caller: Arc<str>,
}

impl Places {
    /// All of them free.
    pub fn new(most: Most) -> Self {
        Self { most, taken: Arc::default() }
    }

    /// Takes one for a caller, if there is one left.
    pub fn take(&self, caller: &Arc<str>) -> Option<Place> {
        let mut taken = self.taken.lock();
        let of_caller = taken.of_caller.get(caller).copied().unwrap_or_default();
        if taken.all >= self.most.all || of_caller >= self.most.of_caller {
            return None;
        }
        taken.all += 1;
        taken.of_caller.insert(caller.clone(), of_caller + 1);
        Some(Place { taken: self.taken.clone(), caller: caller.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock();
        taken.all -= 1;
        match taken.of_caller.get_mut(&self.caller) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(taken.of_caller.remove(&self.caller)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r13_places_are_counted_in_all_and_by_caller_and_given_back() {
        let places = Places::new(Most { all: 3, of_caller: 2 });
        let [one, other, third] = ["one", "other", "third"].map(Arc::from);
        let mut taken = vec![places.take(&one).unwrap(), places.take(&one).unwrap()];
        assert!(places.take(&one).is_none(), "one more of a caller");
        taken.push(places.take(&other).unwrap());
        assert!(places.take(&third).is_none(), "one more in all");
        drop(taken.swap_remove(0));
        assert!(places.take(&one).is_some(), "the place that was given back");
        drop(taken);
        let left = places.taken.lock();
        assert!(left.all == 0 && left.of_caller.is_empty());
    }
}
