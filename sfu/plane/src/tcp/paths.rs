//! What connections mean to transports: a full one holds pictures back, an ended one is no path.

use crate::forwarder::Forwarder;
use std::cmp::Reverse;
use std::net::SocketAddr;

impl Forwarder {
    /// Whether a peer's address has passed a binding check and its transport is still there.
    pub fn knows(&self, name: &SocketAddr) -> bool {
        self.by_address.contains_key(name)
    }

    /// A connection takes no more for now, or takes all again.
    pub(super) fn connection_full(&mut self, name: &SocketAddr, is_full: bool) {
        let Some(key) = self.by_address.get(name).copied() else {
            return;
        };
        let Some(transport) = self.transports.get_mut(key) else {
            return;
        };
        transport.fill(name, is_full);
        if !transport.pacer.is_held() && transport.pacer.is_waiting() {
            let due_us = transport.pacer.list(transport.pacer.due_us());
            self.paced.push(Reverse((due_us, key, transport.id)));
        }
    }

    /// A connection has ended; another path of its transport takes over, if there is one.
    pub fn connection_closed(&mut self, name: &SocketAddr) {
        if let Some(key) = self.by_address.remove(name) {
            if let Some(transport) = self.transports.get_mut(key) {
                transport.lose(name);
            }
        }
    }
}
