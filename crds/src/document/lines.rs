//! Which line each part of a value stands in.

/// Lines of a value: its own, and those of its parts.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Lines {
    /// Where the value's key stands, or the value itself where it has none. Counts from 1.
    pub(crate) line: u32,
    pub(crate) parts: Parts,
}

/// See [`Lines::parts`].
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) enum Parts {
    /// A scalar.
    #[default]
    None,
    /// A list.
    Items(Box<[Lines]>),
    /// A mapping.
    Fields(Box<[(Box<str>, Lines)]>),
}

impl Lines {
    /// A scalar's.
    pub(super) fn scalar(line: usize) -> Self {
        Self { line: line as u32, parts: Parts::None }
    }

    /// The line of `path` (`spec.grants.servers[2].name`), or of its nearest ancestor that is there.
    pub(crate) fn locate(&self, path: &str) -> u32 {
        let (mut here, mut rest) = (self, path);
        while let Some((below, after)) = here.step(rest) {
            (here, rest) = (below, after);
        }
        here.line
    }

    /// The part under `path` itself, if it is there.
    pub(crate) fn part(&self, path: &str) -> Option<&Lines> {
        let (below, rest) = self.step(path)?;
        if rest.is_empty() { Some(below) } else { below.part(rest) }
    }

    /// One step down the path. A key may itself hold dots and brackets: the longest that fits is meant.
    fn step<'path>(&self, path: &'path str) -> Option<(&Lines, &'path str)> {
        match &self.parts {
            Parts::None => None,
            Parts::Items(items) => {
                let (index, rest) = path.strip_prefix('[')?.split_once(']')?;
                Some((items.get(index.parse::<usize>().ok()?)?, rest))
            }
            Parts::Fields(fields) => {
                let path = path.strip_prefix('.').unwrap_or(path);
                let fits = fields.iter().filter_map(|(name, lines)| {
                    let rest = path.strip_prefix(&**name)?;
                    (rest.is_empty() || rest.starts_with(['.', '['])).then_some((lines, rest))
                });
                fits.min_by_key(|(_, rest)| rest.len())
            }
        }
    }
}
