//! What is asked about a world: filters and called names.

use std::collections::BTreeSet;

use tests::oracle::Oracle;
use tests::world::World;

/// Pairs of words that are tried, of all that there are.
const PAIRS: usize = 12;

/// The words of filters: none, each word alone, some pairs.
pub(crate) fn filters(world: &World) -> Vec<Vec<String>> {
    let words: Vec<String> = world.words().into_iter().collect();
    let alone = words.iter().map(|word| vec![word.clone()]);
    // Strides that share no factor with most lengths, so that pairs differ from world to world.
    let pairs =
        (0..PAIRS).map(|at| vec![words[at * 7 % words.len()].clone(), words[(at * 11 + 3) % words.len()].clone()]);
    let mut filters: Vec<Vec<String>> = std::iter::once(Vec::new()).chain(alone).chain(pairs).collect();
    filters.sort();
    filters.dedup();
    filters
}

/// Names that somebody could call a tool or prompt by: published ones, spellings of their prefixes, of aliases and of
/// server names before these native names, native names alone, and what is none.
pub(crate) fn names(world: &World, oracle: &Oracle, natives: &[String]) -> BTreeSet<String> {
    let separator = world.settings.separator.as_deref().unwrap_or("-");
    let mut names = BTreeSet::from([String::new(), "nobody_knows".to_owned(), separator.to_owned()]);
    for server in &world.servers {
        let id = server.meta.id().to_string();
        let heads = [Some(server.meta.name.clone()), server.alias.clone(), server.prefix.clone(), Some(id)];
        for native in natives {
            names.insert(native.clone());
            names.insert(format!("{separator}{native}"));
            names.insert(oracle.published(server, native));
            for head in heads.iter().flatten() {
                for head in [head.clone(), head.to_uppercase(), head.replace(['-', '.', '_'], " ")] {
                    names.insert(format!("{head}{separator}{native}"));
                }
                names.insert(format!("{head}_{separator}{native}"));
                names.insert(format!("{}{separator}{native}", head.replace(['-', '.', '_'], "")));
                names.insert(format!("{}{separator}{native}", head.replace(['-', '.'], "_")));
            }
        }
    }
    names
}
