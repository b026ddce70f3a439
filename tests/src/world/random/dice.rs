//! Seeded chance: SplitMix64, so that a seed gives the same world everywhere.

/// A stream of throws.
pub(super) struct Dice(u64);

impl Dice {
    /// The stream of this seed.
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        // The remainder is below `bound`, so it fits again.
        usize::try_from(self.next() % bound as u64).unwrap_or(0)
    }

    /// A number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    /// True in so many of a hundred throws.
    pub(super) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of the items, of which there is at least one.
    pub(super) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// One of the words, of which there is at least one.
    pub(super) fn word(&mut self, words: &[&str]) -> String {
        (*self.pick(words)).to_owned()
    }

    /// `low` to `high` different ones of the items, or all where there are fewer.
    pub(super) fn some_of<T: ToString>(&mut self, items: &[T], low: usize, high: usize) -> Vec<String> {
        let mut all: Vec<String> = items.iter().map(ToString::to_string).collect();
        self.shuffle(&mut all);
        all.truncate(self.between(low, high));
        all
    }

    /// Puts the items in any order.
    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}
