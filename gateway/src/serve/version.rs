//! Which version of HTTP a connection speaks: as TLS agreed, or as the client begins.
//!
//! In clear text both are spoken: a mesh or an ingress that ends TLS may go on in HTTP/2 without asking (RFC 9113, 3.3). It
//! is found out by looking at what waits to be read, so that a connection of HTTP/1.1 is read as ever.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::HEAD_TIMEOUT;

/// HTTP/1.1, as TLS names it (RFC 7301).
pub const HTTP1: &[u8] = b"http/1.1";
/// HTTP/2, as TLS names it (RFC 9113, 3.2).
pub const HTTP2: &[u8] = b"h2";

/// How the preface of HTTP/2 begins (RFC 9113, 3.4): as a request of HTTP/1.1 never does.
const PREFACE: &[u8] = b"PRI ";
/// What is waited for more where so little has come that it may be either.
const AGAIN: Duration = Duration::from_millis(10);
/// How often. Who takes longer for these bytes is none of HTTP/2, and has the time that a head has.
const LOOKS: usize = 100;

/// A version of HTTP.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Version {
    Http1,
    Http2,
}

impl Version {
    /// The one that TLS agreed on. Who asks for none means the one that everybody knows.
    pub(super) fn agreed(protocol: Option<&[u8]>) -> Self {
        if protocol == Some(HTTP2) { Version::Http2 } else { Version::Http1 }
    }

    /// The one that the client's first bytes are of; none if it sends none in time, or before the `end`.
    pub(super) async fn of_clear_text(stream: &TcpStream, end: &mut watch::Receiver<bool>) -> Option<Self> {
        let looking = async {
            let mut first = [0; PREFACE.len()];
            for _ in 0..LOOKS {
                match stream.peek(&mut first).await {
                    Ok(0) | Err(_) => return None,
                    Ok(_) if PREFACE == &first[..] => return Some(Version::Http2),
                    Ok(some) if PREFACE.starts_with(&first[..some]) => sleep(AGAIN).await,
                    Ok(_) => break,
                }
            }
            Some(Version::Http1)
        };
        tokio::select! {
            looked = timeout(HEAD_TIMEOUT, looking) => looked.ok().flatten(),
            _ = end.wait_for(|end| *end) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn who_agrees_on_nothing_speaks_the_version_that_everybody_knows() {
        assert_eq!(Version::agreed(Some(b"h2")), Version::Http2);
        assert_eq!(Version::agreed(Some(b"http/1.1")), Version::Http1);
        assert_eq!(Version::agreed(None), Version::Http1);
    }

    /// What a server finds whose client sends these, each when the one before has arrived, and then leaves.
    async fn found(parts: &[&[u8]]) -> Option<Version> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        client.set_nodelay(true).unwrap();
        let server = Arc::new(listener.accept().await.unwrap().0);
        let (open, arriving) = (watch::Sender::new(false), server.clone());
        let mut end = open.subscribe();
        let looking = tokio::spawn(async move { Version::of_clear_text(&server, &mut end).await });
        let mut sent = 0;
        for part in parts {
            client.write_all(part).await.unwrap();
            sent += part.len();
            while arriving.peek(&mut [0; 64]).await.unwrap() < sent {}
        }
        if parts.is_empty() {
            drop(client);
            return looking.await.unwrap();
        }
        looking.await.unwrap()
    }

    #[tokio::test]
    async fn the_first_bytes_tell_which_version_it_is_however_they_come() {
        assert_eq!(found(&[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]).await, Some(Version::Http2));
        assert_eq!(found(&[b"P", b"R", b"I", b" * HTTP/2.0\r\n"]).await, Some(Version::Http2));
        assert_eq!(found(&[b"POST /mcp HTTP/1.1\r\n"]).await, Some(Version::Http1));
        assert_eq!(found(&[b"P", b"OST /mcp HTTP/1.1\r\n"]).await, Some(Version::Http1));
        assert_eq!(found(&[b"G"]).await, Some(Version::Http1));
        assert_eq!(found(&[b"P"]).await, Some(Version::Http1), "it is not waited for long");
        assert_eq!(found(&[]).await, None, "it left");
    }

    #[tokio::test]
    async fn who_has_sent_nothing_when_the_port_closes_is_not_waited_for() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        let closes = watch::Sender::new(false);
        let mut end = closes.subscribe();
        let looking = Version::of_clear_text(&server, &mut end);
        let (found, _) = tokio::join!(looking, async { closes.send_replace(true) });
        assert_eq!(found, None);
    }
}
