//! Bytes on a socket, for requests that no HTTP library would send.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// How long an exchange may take in all.
const DEADLINE: Duration = Duration::from_secs(30);

/// What came back, to the end of the connection.
#[derive(Clone, Debug)]
pub struct RawReply {
    /// All bytes, as text.
    pub text: String,
}

impl RawReply {
    /// The status of the first response; none if the connection ended without one.
    pub fn status(&self) -> Option<StatusCode> {
        self.text.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
    }

    /// All behind the head of the first response.
    pub fn body(&self) -> &str {
        self.text.split_once("\r\n\r\n").map_or("", |(_, body)| body)
    }
}

/// Sends a request head (without its last empty line) and a body, then reads until the peer closes.
/// The peer may answer and close before it has read everything; that is an answer, not a failure.
pub async fn exchange(address: SocketAddr, head: &str, body: &[u8]) -> RawReply {
    exchange_from(Ipv4Addr::UNSPECIFIED, address, head, body).await
}

/// As [`exchange`], from this address of the machine's.
pub async fn exchange_from(source: Ipv4Addr, address: SocketAddr, head: &str, body: &[u8]) -> RawReply {
    let talk = async {
        let (mut reader, mut writer) = connect_from(source, address).await.unwrap().into_split();
        let request = [head.as_bytes(), b"Connection: close\r\n\r\n", body].concat();
        // Writing and reading go on at once, or an early answer to a large body is lost in a reset.
        let write = async { writer.write_all(&request).await };
        let read = async {
            let mut bytes = Vec::new();
            let mut chunk = vec![0; 16 * 1024];
            while let Ok(read @ 1..) = reader.read(&mut chunk).await {
                bytes.extend_from_slice(&chunk[..read]);
            }
            bytes
        };
        let (_, bytes) = tokio::join!(write, read);
        RawReply { text: String::from_utf8_lossy(&bytes).into_owned() }
    };
    timeout(DEADLINE, talk).await.expect("an exchange of bytes ends within its deadline")
}

/// Connects from this address of the machine's.
pub async fn connect_from(source: Ipv4Addr, address: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((source, 0).into())?;
    socket.connect(address).await
}
