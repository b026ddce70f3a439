//! How far the newest snapshot has come: what the operator writes for
//! pipelines, which cannot wait for the status of an object that is deleted.

use std::collections::BTreeMap;

/// The most gateways that are named; of further ones there is the count.
const NAMED: usize = 10;

/// What stands in the ConfigMap `RELEASE-rollout`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Rollout {
    /// The newest revision that was written.
    pub revision: u64,
    /// The revision that every serving gateway runs, or a newer one; 0 if that is not known of some.
    pub in_force: u64,
    /// Gateways that serve.
    pub pods: usize,
    /// Those of them that do not run [`Rollout::revision`] yet, by name, in order; ten at most.
    pub behind: Vec<String>,
}

/// Why a ConfigMap does not say how far a rollout is.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0} is missing, or is no number")]
pub struct NotARollout(&'static str);

impl Rollout {
    /// The name of the ConfigMap of a release.
    pub fn name_of(release: &str) -> String {
        format!("{release}-rollout")
    }

    /// Of the newest revision, and what each serving gateway runs, if it said so.
    pub fn of(revision: u64, pods: &BTreeMap<String, Option<u64>>) -> Self {
        let behind = pods.iter().filter(|(_, runs)| runs.is_none_or(|runs| runs < revision));
        let in_force = pods.values().map(|runs| runs.unwrap_or(0)).min().unwrap_or(0).min(revision);
        Self {
            revision,
            in_force,
            pods: pods.len(),
            behind: behind.map(|(name, _)| name.clone()).take(NAMED).collect(),
        }
    }

    /// Whether this revision, or a newer one, is in force at every serving gateway, and there is one.
    pub fn has(&self, revision: u64) -> bool {
        self.pods > 0 && self.in_force >= revision
    }

    /// As the data of a ConfigMap.
    pub fn to_data(&self) -> BTreeMap<String, String> {
        BTreeMap::from([
            ("revision".to_owned(), self.revision.to_string()),
            ("inForce".to_owned(), self.in_force.to_string()),
            ("pods".to_owned(), self.pods.to_string()),
            ("behind".to_owned(), self.behind.join(",")),
        ])
    }

    /// From the data of a ConfigMap.
    pub fn from_data(data: &BTreeMap<String, String>) -> Result<Self, NotARollout> {
        let number = |name: &'static str| data.get(name).and_then(|text| text.parse().ok()).ok_or(NotARollout(name));
        let behind = data.get("behind").map(String::as_str).unwrap_or_default();
        Ok(Self {
            revision: number("revision")?,
            in_force: number("inForce")?,
            pods: usize::try_from(number("pods")?).map_err(|_| NotARollout("pods"))?,
            behind: behind.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(revision: u64, pods: &[(&str, Option<u64>)]) -> Rollout {
        Rollout::of(revision, &pods.iter().map(|(name, runs)| ((*name).to_owned(), *runs)).collect())
    }

    #[test]
    fn a_revision_is_in_force_once_the_last_gateway_runs_it() {
        let rollout = of(7, &[("a", Some(7)), ("b", Some(6)), ("c", Some(8))]);
        assert_eq!((rollout.in_force, rollout.pods, rollout.behind.clone()), (6, 3, vec!["b".to_owned()]));
        assert!(rollout.has(6) && !rollout.has(7));
        let rollout = of(7, &[("a", Some(7)), ("b", Some(8))]);
        assert_eq!((rollout.in_force, rollout.behind.len()), (7, 0), "what is not written yet is not promised");
        assert!(rollout.has(7) && !rollout.has(8));
    }

    #[test]
    fn r40_a_gateway_that_cannot_be_asked_is_behind_and_no_gateway_has_nothing() {
        let rollout = of(7, &[("a", Some(7)), ("b", None)]);
        assert!(!rollout.has(1) && rollout.behind == ["b"]);
        assert!(!of(7, &[]).has(0), "nobody serves");
    }

    #[test]
    fn what_is_written_is_read_back_and_nothing_else() {
        for rollout in [of(7, &[("a", Some(7)), ("b", None), ("c", None)]), of(3, &[]), Rollout::default()] {
            assert_eq!(Rollout::from_data(&rollout.to_data()), Ok(rollout));
        }
        let many: Vec<String> = (0..30).map(|number| format!("pod-{number:02}")).collect();
        let many: Vec<(&str, Option<u64>)> = many.iter().map(|name| (name.as_str(), None)).collect();
        assert_eq!(of(1, &many).behind.len(), NAMED);
        let mut data = of(7, &[("a", Some(7))]).to_data();
        data.insert("inForce".to_owned(), "-1".to_owned());
        assert_eq!(Rollout::from_data(&data).unwrap_err().to_string(), "inForce is missing, or is no number");
    }
}
