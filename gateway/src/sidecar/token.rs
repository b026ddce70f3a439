//! What the gateway knows the pod by: the token that kubelet keeps in a file,
//! and renews there long before it expires.
//!
//! In: the file, as it is when a request comes. Out: the header that goes with
//! that request. A file that holds no token for a moment takes nothing away:
//! the last good one stays, until the time that it says it expires at.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crds::snapshot::UnixSeconds;
use http::HeaderValue;
use jiff::Timestamp;
use parking_lot::Mutex;

use super::metrics::TokenMetrics;
use crate::clock;
use crate::token;

/// What goes before a token in its header.
const BEARER: &str = "Bearer ";
/// The most bytes of a token, as a number of a file's (R27).
const LARGEST: u64 = token::LONGEST as u64;
/// How long a file has to stay without a token before that is told: it may be about to be written.
const SETTLED: Duration = Duration::from_secs(1);

/// A file with a token.
pub(super) struct TokenFile {
    path: PathBuf,
    now: Mutex<Now>,
    metrics: TokenMetrics,
}

/// How it stood when it was last read.
#[derive(Default)]
struct Now {
    /// The last good one.
    token: Option<Token>,
    /// Why there is none in the file.
    doubt: Option<Doubt>,
}

/// A token that can be sent.
struct Token {
    bearer: HeaderValue,
    /// None for what is no JWT, and for one that does not say.
    expires: Option<UnixSeconds>,
}

/// Since when the file is at fault, and whether that was told.
struct Doubt {
    since: Instant,
    told: bool,
}

/// Why no request can be made. Never a word of what the file holds.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoToken {
    /// There was none yet.
    #[error(
        "{}: {fault}; the pod needs a projected volume there with a serviceAccountToken for the audience of the gateway",
        path.display()
    )]
    Never {
        /// The file.
        path: PathBuf,
        /// Why.
        fault: Fault,
    },
    /// The last one is of no use any more.
    #[error("{}: the token has expired on {}{}", path.display(), date(*expired), because(fault.as_ref()))]
    Expired {
        /// The file.
        path: PathBuf,
        /// When.
        expired: UnixSeconds,
        /// Why there is no other.
        fault: Option<Fault>,
    },
}

/// Why a file holds no token.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// It cannot be read.
    #[error("{}", .0.kind())]
    Read(#[from] io::Error),
    /// There is nothing in it.
    #[error("the file is empty")]
    Empty,
    /// There is something else in it.
    #[error("the file holds something else than one token")]
    Else,
}

impl TokenFile {
    /// A file that need not be there yet.
    pub(super) fn new(path: PathBuf, metrics: TokenMetrics) -> Self {
        Self { path, now: Mutex::default(), metrics }
    }

    /// What the header of the credential says at this moment.
    ///
    /// The file is read each time, so that a new token goes with the next request, however the old one was replaced. That
    /// is a small file, in memory where kubelet keeps it: it costs less than the request by far.
    pub(super) fn bearer(&self) -> Result<HeaderValue, NoToken> {
        let mut now = self.now.lock();
        match read(&self.path) {
            Ok(bearer) => self.take(&mut now, bearer).unless_expired(&self.path, None),
            Err(fault) => {
                self.doubt(&mut now, &fault);
                match &now.token {
                    Some(token) => token.unless_expired(&self.path, Some(fault)),
                    None => Err(NoToken::Never { path: self.path.clone(), fault }),
                }
            }
        }
    }

    fn take<'n>(&self, now: &'n mut Now, bearer: HeaderValue) -> &'n Token {
        now.doubt = None;
        let token = match now.token.take() {
            Some(known) if known.bearer == bearer => known,
            before => {
                let expires = expiry(&bearer);
                self.metrics.expires.set(expires.unwrap_or(0));
                let until = expires.map(|expires| tracing::field::display(date(expires)));
                let which = if before.is_some() { "another" } else { "a" };
                tracing::info!(until, "{} holds {which} token", self.path.display());
                Token { bearer, expires }
            }
        };
        now.token.insert(token)
    }

    fn doubt(&self, now: &mut Now, fault: &Fault) {
        let doubt = now.doubt.get_or_insert_with(|| Doubt { since: Instant::now(), told: false });
        if doubt.told || doubt.since.elapsed() < SETTLED {
            return;
        }
        doubt.told = true;
        self.metrics.failures.inc();
        let rest =
            if now.token.is_some() { "the last good token stays until it expires" } else { "requests are refused" };
        tracing::error!("{}: {fault}; {rest}", self.path.display());
    }
}

impl Token {
    /// What is sent; `fault`: why there is no newer one.
    fn unless_expired(&self, path: &Path, fault: Option<Fault>) -> Result<HeaderValue, NoToken> {
        match self.expires {
            Some(expired) if expired <= clock::now() => Err(NoToken::Expired { path: path.to_owned(), expired, fault }),
            _ => Ok(self.bearer.clone()),
        }
    }
}

/// The token in a file, as it is sent.
fn read(path: &Path) -> Result<HeaderValue, Fault> {
    let mut text = String::new();
    let read = File::open(path)?.take(LARGEST + 1).read_to_string(&mut text);
    match read {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(Fault::Else),
        read => read?,
    };
    let token = text.trim();
    if token.is_empty() {
        return Err(Fault::Empty);
    }
    if text.len() as u64 > LARGEST || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Fault::Else);
    }
    let mut bearer = HeaderValue::try_from(format!("{BEARER}{token}")).map_err(|_| Fault::Else)?;
    bearer.set_sensitive(true);
    Ok(bearer)
}

/// When a token says that it expires. Whether that is true is for the gateway to find out.
fn expiry(bearer: &HeaderValue) -> Option<UnixSeconds> {
    token::expiry(bearer.as_bytes().strip_prefix(BEARER.as_bytes())?)
}

fn date(seconds: UnixSeconds) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
}

fn because(fault: Option<&Fault>) -> String {
    fault.map(|fault| format!(", and there is no other: {fault}")).unwrap_or_default()
}

#[cfg(test)]
mod tests;
