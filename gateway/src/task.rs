//! Ids of tasks: a server's own id of a task, sealed to the caller whose call
//! became it and to the tool that was called (R8; the tasks extension, SEP-2663).

use crds::snapshot::UnixSeconds;

use crate::seal::{Purpose, Sealer};
use crate::session::caller_digest;

/// How long a task may be asked for, in seconds.
const LIFETIME: UnixSeconds = 24 * 60 * 60;
/// The longest that is sealed, in bytes: what is given out is of at most 1 KiB (R9).
const LONGEST: usize = 720;
/// Expiry and caller.
const HEAD: usize = 8 + 16;

/// A task of a server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Task {
    /// The server's id.
    pub server: String,
    /// The tool whose call it is, by its native name.
    pub tool: String,
    /// The server's id of it.
    pub id: String,
}

impl Task {
    /// The id that a caller gets; none if it would be too long, or there is no randomness.
    pub fn seal(&self, sealer: &Sealer, caller: &str, now: UnixSeconds) -> Option<String> {
        let mut plain = (now + LIFETIME).to_be_bytes().to_vec();
        plain.extend_from_slice(&caller_digest(caller));
        // What names are told apart by.
        if [&self.server, &self.tool].into_iter().any(|name| name.contains('\0')) {
            return None;
        }
        plain.extend_from_slice([&*self.server, &*self.tool, &*self.id].join("\0").as_bytes());
        if plain.len() > LONGEST {
            return None;
        }
        sealer.seal(Purpose::Task, &plain).ok()
    }

    /// The task of an id, if it was sealed for this caller and is not too old.
    pub fn open(sealer: &Sealer, id: &str, caller: &str, now: UnixSeconds) -> Option<Self> {
        let plain = sealer.open(Purpose::Task, id.as_bytes())?;
        let (head, names) = plain.split_first_chunk::<HEAD>()?;
        let (expires, of) = head.split_first_chunk::<8>()?;
        if UnixSeconds::from_be_bytes(*expires) <= now || of[..] != caller_digest(caller) {
            return None;
        }
        let mut names = str::from_utf8(names).ok()?.splitn(3, '\0').map(str::to_owned);
        Some(Self { server: names.next()?, tool: names.next()?, id: names.next()? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::seal::SealKey;

    const NOW: UnixSeconds = 1_000_000;

    fn sealer(id: u8, key: u8) -> Sealer {
        Sealer::new(&[SealKey { id, key: [key; 32] }])
    }

    fn task(id: &str) -> Task {
        Task { server: "tools/one".to_owned(), tool: "slow".to_owned(), id: id.to_owned() }
    }

    #[test]
    fn r8_a_task_is_its_callers_for_a_day() {
        let sealer = sealer(1, 1);
        for id in ["", "t-1", "with\0nul and \u{1F600}"] {
            let given = task(id).seal(&sealer, "caller", NOW).unwrap();
            assert!(given.len() <= 1024 && given.bytes().all(|byte| byte.is_ascii_graphic()));
            assert_eq!(Task::open(&sealer, &given, "caller", NOW + LIFETIME - 1), Some(task(id)));
            assert_eq!(Task::open(&sealer, &given, "caller", NOW + LIFETIME), None);
            assert_eq!(Task::open(&sealer, &given, "another", NOW), None);
        }
        let longest = task(&"x".repeat(LONGEST - HEAD - "tools/one".len() - "slow".len() - 2));
        assert!(longest.seal(&sealer, "caller", NOW).is_some_and(|sealed| sealed.len() <= 1024));
        assert_eq!(task(&"x".repeat(LONGEST)).seal(&sealer, "caller", NOW), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn r8_an_id_that_we_did_not_seal_is_none(at in any::<prop::sample::Index>(), other: char, how in 0..5_u8) {
            let own = sealer(1, 1);
            let sealed = task("t-1").seal(&own, "caller", NOW).unwrap();
            let at = at.index(sealed.len());
            let forged = match how {
                0 => format!("{}{other}{}", &sealed[..at], &sealed[at + 1..]),
                1 => sealed[..at].to_owned(),
                2 => task("t-1").seal(&sealer(1, 2), "caller", NOW).unwrap(),
                3 => task("t-1").seal(&sealer(2, 1), "caller", NOW).unwrap(),
                _ => own.seal(Purpose::Session, sealed.as_bytes()).unwrap(),
            };
            prop_assume!(forged != sealed);
            prop_assert_eq!(Task::open(&own, &forged, "caller", NOW), None);
        }
    }
}
