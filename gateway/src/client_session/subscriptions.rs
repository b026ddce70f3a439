//! What one client subscribed to: resources of servers that are there for it alone, by the URIs that it knows them by.

use std::collections::HashMap;

/// The most resources that a client is subscribed to.
const MAX_SUBSCRIPTIONS: usize = 1024;

/// The URIs as the client said them, by server and native URI.
#[derive(Default)]
pub struct Subscriptions(HashMap<(String, String), String>);

impl Subscriptions {
    /// Notes that a client knows a server's resource by this URI. False if it is subscribed to too many.
    pub fn add(&mut self, server: &str, native: &str, said: &str) -> bool {
        let key = (server.to_owned(), native.to_owned());
        if self.0.len() >= MAX_SUBSCRIPTIONS && !self.0.contains_key(&key) {
            return false;
        }
        self.0.insert(key, said.to_owned());
        true
    }

    /// Forgets one.
    pub fn remove(&mut self, server: &str, native: &str) {
        self.0.remove(&(server.to_owned(), native.to_owned()));
    }

    /// The URI that the client knows it by, if it is subscribed.
    pub fn said(&self, server: &str, native: &str) -> Option<&str> {
        self.0.get(&(server.to_owned(), native.to_owned())).map(String::as_str)
    }
}

impl super::ClientSession {
    /// Notes that the client knows a server's resource by this URI. False if it is subscribed to too many.
    pub fn subscribe(&self, server: &str, native: &str, said: &str) -> bool {
        self.subscriptions.lock().add(server, native, said)
    }

    /// Forgets it.
    pub fn unsubscribe(&self, server: &str, native: &str) {
        self.subscriptions.lock().remove(server, native);
    }
}
