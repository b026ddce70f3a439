//! Both sides are asked the same; what they answer differently is told.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use gateway::caller::Caller;
use gateway::catalogue::List;
use gateway::scope::Scope;
use tests::oracle::{Credential, Identity, Items, Oracle, tokens};
use tests::world::{Id, NOW, Subject, World};

use crate::answers::{Refusals, VoidSet};
use crate::offered::Offered;
use crate::product::{Bench, Product};
use crate::questions::{filters, names};

/// So many differences say enough.
const TOLD: usize = 12;

/// What the product and the oracle answer differently about a world.
pub(crate) fn differences(world: &World, bench: &Bench) -> Vec<String> {
    bench.runtime.block_on(async {
        let product = Product::new(world, bench);
        let oracle = Oracle::new(world, NOW);
        let offered = Offered::new(world, &oracle);
        let (product, oracle, offered) = (&product, &oracle, &offered);
        let mut comparison = Comparison { world, bench, product, oracle, offered, told: Vec::new() };
        comparison.objects();
        comparison.identities();
        comparison.same("published", &product.holders(List::Tools), &oracle.holders());
        for list in List::ALL {
            comparison.same(&format!("published {list:?}"), &product.holders(list), offered.holders(list));
        }
        comparison.reasons();
        comparison.callers().await;
        comparison.told
    })
}

struct Comparison<'a> {
    world: &'a World,
    bench: &'a Bench,
    product: &'a Product,
    oracle: &'a Oracle<'a>,
    offered: &'a Offered<'a>,
    told: Vec<String>,
}

impl Comparison<'_> {
    fn same<T: Debug + PartialEq>(&mut self, what: &str, product: &T, oracle: &T) {
        if product != oracle && self.told.len() < TOLD {
            self.told.push(format!("{what}\n     product: {product:?}\n     oracle:  {oracle:?}"));
        }
    }

    /// Accepted objects and void references.
    fn objects(&mut self) {
        let faults = self.oracle.faults().iter();
        let refusals: Refusals =
            faults.map(|(object, reason)| (object.clone(), BTreeSet::from([reason.as_str()]))).collect();
        self.same("not accepted", &self.product.refusals(), &refusals);
        // `compile` has no clock: its diagnostics are those of a time at which nothing has expired.
        let voids = Oracle::new(self.world, i64::MIN).voids();
        let voids: VoidSet = voids
            .into_iter()
            .map(|void| (void.object, void.field.to_owned(), void.index, void.reason.as_str()))
            .collect();
        self.same("void references", &self.product.voids(), &voids);
    }

    fn credentials(&self) -> impl Iterator<Item = Credential> + use<> {
        let tokens = tokens(self.world).into_iter().map(Credential::Token);
        self.world.keys().into_iter().map(Credential::Key).chain(tokens).chain([Credential::None])
    }

    fn identities(&mut self) {
        for credential in self.credentials() {
            let (product, oracle) = (self.product.identify(&credential), self.oracle.identify(&credential));
            self.same(&format!("identity of {credential:?}"), &product, &oracle);
        }
    }

    /// The reasons come to what the evaluator says, for everybody who may or may not be somebody; so do the rules.
    fn reasons(&mut self) {
        let mut usable: BTreeMap<Id, Items> = BTreeMap::new();
        for credential in self.credentials() {
            if let Identity::Bindings(ids) = self.oracle.identify(&credential) {
                if let Some(caller) = self.product.caller(&credential) {
                    self.same(
                        &format!("{ids:?} by its rules"),
                        &self.product.ruled(self.world, &caller),
                        &self.oracle.united(&ids),
                    );
                }
                for id in ids {
                    usable.entry(id.clone()).or_insert_with(|| self.oracle.usable(&id));
                }
            }
        }
        for binding in &self.world.bindings {
            if !matches!(binding.subject, Subject::Team(_) | Subject::Organization(_)) {
                let id = binding.meta.id();
                let (explained, unsaid) = self.product.explained(self.world, &id);
                self.same(&format!("{id} with reasons"), &explained, &usable.remove(&id).unwrap_or_default());
                self.same(&format!("{id} without a reason"), &unsaid, &Vec::new());
            }
        }
    }

    /// Everything that a caller may ask, once for each caller.
    async fn callers(&mut self) {
        let mut callers: BTreeMap<BTreeSet<Id>, Caller<'_>> = BTreeMap::new();
        for credential in self.credentials() {
            if let (Identity::Bindings(ids), Some(caller)) =
                (self.oracle.identify(&credential), self.product.caller(&credential))
            {
                callers.insert(ids, caller);
            }
        }
        let filters = filters(self.world);
        let names = List::ALL.map(|list| match list {
            List::Tools => names(self.world, self.oracle, &self.world.tools),
            List::Prompts => names(self.world, self.oracle, &self.world.prompts),
            List::Resources | List::Templates => self.offered.uris(),
        });
        for (ids, caller) in &callers {
            // The names depend on what a filter leaves, not on its words.
            let mut asked: BTreeSet<Items> = BTreeSet::new();
            for (at, words) in filters.iter().enumerate() {
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                let scope = self.scope(caller, &words, at);
                let product = self.product.permitted(self.world, caller, &scope);
                let oracle = self.oracle.filtered(ids, &words);
                self.same(&format!("{ids:?} under {words:?} may use"), &product, &oracle);
                if !asked.contains(&oracle) {
                    for (list, names) in List::ALL.into_iter().zip(&names) {
                        self.names((ids, caller), (&words, &scope), (list, &oracle), names).await;
                    }
                    asked.insert(oracle);
                }
            }
        }
    }

    /// The filter as one header, as two, or as a path; all mean the same.
    fn scope(&self, caller: &Caller<'_>, words: &[&str], at: usize) -> Scope {
        let table = &self.product.view.table;
        let joined = words.join(" , ");
        match at % 3 {
            0 if !words.is_empty() => Scope::read(table, caller, NOW, Some(&joined), &[b"nobody_knows"]),
            1 => Scope::read(table, caller, NOW, None, &words.iter().map(|word| word.as_bytes()).collect::<Vec<_>>()),
            _ => Scope::read(table, caller, NOW, None, &[joined.as_bytes(), b" "]),
        }
    }

    /// A list, and what every name leads to: list == call.
    async fn names(
        &mut self,
        (ids, caller): (&BTreeSet<Id>, &Caller<'_>),
        (words, scope): (&[&str], &Scope),
        (list, usable): (List, &Items),
        names: &BTreeSet<String>,
    ) {
        let seen = match list {
            List::Tools => self.oracle.list(ids, words),
            _ => self.offered.list(list, usable),
        };
        let product = self.product.list(self.bench, (caller, scope), list).await;
        self.same(&format!("{ids:?} under {words:?} lists {list:?}"), &product, &seen.keys().cloned().collect());
        for name in seen.keys().chain(names) {
            let product = self.product.call(self.bench, (caller, scope), list, name).await;
            let meaning = seen.get(name).cloned().or_else(|| self.offered.meaning(list, (&seen, usable), name));
            self.same(&format!("{ids:?} under {words:?} calls {name:?} of {list:?}"), &product, &meaning);
        }
    }
}
