//! A TCP relay before a server that keeps what its clients sent, to see which credential reached the server.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A relay on a port of its own. Its threads end with the connections they carry.
pub(crate) struct Recorder {
    /// Where it listens, on loopback.
    pub(crate) port: u16,
    sent: Arc<Mutex<Vec<u8>>>,
}

impl Recorder {
    /// Relays to a port of this machine.
    pub(crate) fn before(server: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let sent = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&sent);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                relay(&client, &TcpStream::connect(("127.0.0.1", server)).unwrap(), &record);
            }
        });
        Self { port, sent }
    }

    /// The values of a header in all requests so far, in the order of their arrival.
    pub(crate) fn header(&self, name: &str) -> Vec<String> {
        let sent = self.sent.lock().unwrap();
        let text = String::from_utf8_lossy(&sent);
        let fields = text.lines().filter_map(|line| line.split_once(": "));
        fields.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).collect()
    }
}

fn relay(client: &TcpStream, server: &TcpStream, record: &Arc<Mutex<Vec<u8>>>) {
    let record = Arc::clone(record);
    copy(client, server, move |bytes| record.lock().unwrap().extend_from_slice(bytes));
    copy(server, client, |_| ());
}

fn copy(from: &TcpStream, to: &TcpStream, mut seen: impl FnMut(&[u8]) + Send + 'static) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    std::thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            seen(&buffer[..count]);
            if to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        // Either side may be gone already.
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    });
}
