//! Where a client of HTTP+SSE posts its messages to: an id, sealed to the
//! caller, of one stream of one process (R8, R12).

use crds::snapshot::UnixSeconds;

use crate::owner::Owner;
use crate::seal::{NoRandomness, Purpose, Sealer};
use crate::session::{Nonce, caller_digest};

/// The parameter of the query that has it.
pub const PARAMETER: &str = "session_id";

/// How long a stream may be open, in seconds.
const LIFETIME: UnixSeconds = 24 * 60 * 60;

/// What is sealed: nonce, expiry, caller, owner.
type Plain = [u8; 32 + Owner::BYTES];

/// The stream that an id leads to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Endpoint {
    /// Tells streams apart.
    pub nonce: Nonce,
    /// From then on there is no such stream.
    pub expires: UnixSeconds,
    /// The process that has it.
    pub owner: Owner,
}

impl Endpoint {
    /// One for a new stream of a process.
    pub fn begin(owner: Owner, now: UnixSeconds) -> Result<Self, NoRandomness> {
        let mut nonce = Nonce::default();
        getrandom::fill(&mut nonce).map_err(|_| NoRandomness)?;
        Ok(Self { nonce, expires: now + LIFETIME, owner })
    }

    /// The id for a caller.
    pub fn seal(&self, sealer: &Sealer, caller: &str) -> Result<String, NoRandomness> {
        let mut plain: Plain = [0; 32 + Owner::BYTES];
        plain[..8].copy_from_slice(&self.nonce);
        plain[8..16].copy_from_slice(&self.expires.to_be_bytes());
        plain[16..32].copy_from_slice(&caller_digest(caller));
        plain[32..].copy_from_slice(&self.owner.to_bytes());
        sealer.seal(Purpose::Endpoint, &plain)
    }

    /// What an id leads to, if it is ours, the caller's own and not expired.
    pub fn open(sealer: &Sealer, id: &[u8], caller: &str, now: UnixSeconds) -> Option<Self> {
        let plain: Plain = sealer.open(Purpose::Endpoint, id)?.try_into().ok()?;
        let expires = UnixSeconds::from_be_bytes(plain[8..16].try_into().ok()?);
        let endpoint = Self {
            nonce: plain[..8].try_into().ok()?,
            expires,
            owner: Owner::from_bytes(plain[32..].try_into().ok()?),
        };
        (plain[16..32] == caller_digest(caller) && expires > now).then_some(endpoint)
    }
}

/// The id in a query; none if it does not stand there just once. It has nothing that would be percent-encoded.
pub fn id(query: Option<&str>) -> Option<&[u8]> {
    let members = query?.split('&').filter_map(|member| member.split_once('='));
    let mut ids = members.filter(|(name, _)| *name == PARAMETER).map(|(_, id)| id.as_bytes());
    ids.next().filter(|_| ids.next().is_none())
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

    fn begun() -> Endpoint {
        Endpoint::begin(Owner::begin(Some("[2001:db8::1]:65535".parse().unwrap())).unwrap(), NOW).unwrap()
    }

    #[test]
    fn r12_an_id_is_short_and_leads_its_own_caller_to_its_stream_until_it_expires() {
        let (sealer, endpoint) = (sealer(1, 1), begun());
        let id = endpoint.seal(&sealer, "caller").unwrap();
        assert!(id.len() <= 1024 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        let open = |caller, now| Endpoint::open(&sealer, id.as_bytes(), caller, now);
        assert_eq!(open("caller", NOW + LIFETIME - 1), Some(endpoint));
        assert_eq!(open("caller", NOW + LIFETIME), None, "expired");
        assert_eq!(open("another", NOW), None, "foreign");
    }

    #[test]
    fn an_id_stands_in_the_query_once() {
        for (query, expected) in [
            (Some("session_id=a"), Some(&b"a"[..])),
            (Some("x=1&session_id=a&y"), Some(b"a")),
            (Some("session_id=a&session_id=a"), None),
            (Some("session_id"), None),
            (Some("Session_id=a"), None),
            (Some(""), None),
            (None, None),
        ] {
            assert_eq!(id(query), expected, "{query:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn r12_an_id_that_we_did_not_seal_for_this_is_none(at in any::<prop::sample::Index>(), digit in any::<u8>(), how in 0..6_u8) {
            let (own, endpoint) = (sealer(1, 1), begun());
            let id = endpoint.seal(&own, "caller").unwrap();
            let at = at.index(id.len());
            let forged = match how {
                0 => [&id.as_bytes()[..at], &[digit], &id.as_bytes()[at + 1..]].concat(),
                1 => id.as_bytes()[..at].to_vec(),
                2 => [id.as_bytes(), &[digit]].concat(),
                3 => endpoint.seal(&sealer(1, 2), "caller").unwrap().into_bytes(),
                4 => endpoint.seal(&sealer(2, 1), "caller").unwrap().into_bytes(),
                _ => own.seal(Purpose::Session, &[7; 32 + Owner::BYTES]).unwrap().into_bytes(),
            };
            prop_assume!(forged != id.as_bytes());
            prop_assert_eq!(Endpoint::open(&own, &forged, "caller", NOW), None);
        }
    }
}
