//! Who may ask the admin port for more than whether the process lives: those
//! of the fleet, who have its token (R9); on one machine, whoever is on it.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use hmac::{Hmac, Mac};
use http::{HeaderValue, StatusCode};
use sha2::Sha256;

const LABEL: &[u8] = b"switchboard.dev/fleet-token/v1";
/// Shorter tokens could be guessed; in bytes.
const SHORTEST: usize = 32;

/// Who is answered.
pub enum Askers {
    /// Whoever reaches a listener on loopback.
    OfThisMachine,
    /// Whoever has the token; nobody before there is one.
    OfFleet(ArcSwapOption<FleetToken>),
}

/// The token of a fleet: not itself, but what it takes to know it again.
pub struct FleetToken(Hmac<Sha256>);

/// Why somebody is not answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Stranger {
    /// The listener is not on loopback, and there is no token.
    Open,
    /// There is no token yet.
    Early,
    /// They do not have it.
    WithoutToken,
}

impl Askers {
    /// Those of a fleet whose token is not known yet.
    pub fn of_fleet() -> Self {
        Askers::OfFleet(ArcSwapOption::empty())
    }

    /// This is the token from now on, if it takes one.
    pub fn take_token(&self, token: FleetToken) {
        if let Askers::OfFleet(known) = self {
            known.store(Some(Arc::new(token)));
        }
    }

    /// Whether somebody who sent this `Authorization` to this listener is answered.
    pub(super) fn admit(&self, listener: SocketAddr, authorization: Option<&HeaderValue>) -> Result<(), Stranger> {
        let known = match self {
            Askers::OfThisMachine if listener.ip().to_canonical().is_loopback() => return Ok(()),
            Askers::OfThisMachine => return Err(Stranger::Open),
            Askers::OfFleet(known) => known.load(),
        };
        let known = known.as_ref().ok_or(Stranger::Early)?;
        let token = authorization.and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
        if token.is_some_and(|token| known.is(token)) { Ok(()) } else { Err(Stranger::WithoutToken) }
    }
}

impl FleetToken {
    /// The token of these bytes; none if they are too few to keep anybody out.
    pub fn new(token: &[u8]) -> Option<Self> {
        (token.len() >= SHORTEST).then(|| Self(of(token)))
    }

    /// In a time that says nothing of how much is right.
    fn is(&self, token: &[u8]) -> bool {
        of(token).verify(&self.0.clone().finalize().into_bytes()).is_ok()
    }
}

fn of(token: &[u8]) -> Hmac<Sha256> {
    let mac = <Hmac<Sha256> as Mac>::new_from_slice(LABEL).expect("HMAC takes a key of any length");
    mac.chain_update(token)
}

impl Stranger {
    /// As it is answered.
    pub(super) fn status(self) -> StatusCode {
        match self {
            Stranger::Open => StatusCode::FORBIDDEN,
            Stranger::Early => StatusCode::SERVICE_UNAVAILABLE,
            Stranger::WithoutToken => StatusCode::UNAUTHORIZED,
        }
    }
}

impl fmt::Display for Stranger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stranger::Open => "this is answered on a loopback address only: start with --admin 127.0.0.1:PORT",
            Stranger::Early => "the keys of this process have not arrived",
            Stranger::WithoutToken => "this needs `Authorization: Bearer` and the fleet's token",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef0123456789abcdef";

    /// Why somebody who says this is not answered.
    fn stranger(askers: &Askers, listener: &str, authorization: Option<&str>) -> Option<Stranger> {
        let header = authorization.map(|value| HeaderValue::from_str(value).unwrap());
        askers.admit(listener.parse().unwrap(), header.as_ref()).err()
    }

    #[test]
    fn on_one_machine_who_is_on_it_is_answered_and_nobody_else() {
        for (listener, expected) in [
            ("127.0.0.1:9090", None),
            ("[::1]:9090", None),
            ("[::ffff:127.0.0.1]:9090", None),
            ("0.0.0.0:9090", Some(Stranger::Open)),
            ("[::]:9090", Some(Stranger::Open)),
            ("10.0.0.7:9090", Some(Stranger::Open)),
        ] {
            assert_eq!(stranger(&Askers::OfThisMachine, listener, Some("Bearer x")), expected, "{listener}");
        }
    }

    #[test]
    fn in_a_fleet_who_has_its_token_is_answered_and_nobody_else() {
        let fleet = Askers::of_fleet();
        let with_token = format!("Bearer {TOKEN}");
        // On loopback too: a child of the gateway is there.
        for listener in ["127.0.0.1:9090", "0.0.0.0:9090"] {
            assert_eq!(stranger(&fleet, listener, Some(&with_token)), Some(Stranger::Early));
        }
        fleet.take_token(FleetToken::new(TOKEN.as_bytes()).unwrap());
        for listener in ["127.0.0.1:9090", "0.0.0.0:9090"] {
            assert_eq!(stranger(&fleet, listener, Some(&with_token)), None);
            for header in
                [None, Some(TOKEN), Some(&*format!("Bearer {TOKEN}0")), Some(&with_token[..20]), Some("Bearer ")]
            {
                assert_eq!(stranger(&fleet, listener, header), Some(Stranger::WithoutToken), "{header:?}");
            }
        }
        fleet.take_token(FleetToken::new(&[b'f'; 64]).unwrap());
        assert_eq!(stranger(&fleet, "0.0.0.0:9090", Some(&with_token)), Some(Stranger::WithoutToken), "the old one");
        assert!(FleetToken::new(b"short").is_none());
    }
}
