//! Binding checks and handshakes: how a peer's address becomes a transport.
//!
//! We are an ICE-lite agent (RFC 8445 §2.5): we answer checks and make none. An
//! address that has passed no check is answered nothing but a STUN error, and
//! its handshake datagrams go nowhere.

use crate::batch::Destination;
use crate::clock::Now;
use crate::command::Id;
use crate::forwarder::Forwarder;
use crate::report::Report;
use crate::stun::{self, Class};
use crate::table::Key;
use crate::tcp::peer;

/// An address belongs to the peer whose checks came from it, for as long as two of them may be apart,
/// or until it is seen elsewhere.
const HELD_US: i64 = 10_000_000;
/// Longest handshake datagram that is passed on either way.
const MAX_HANDSHAKE: usize = 2048;

impl Forwarder {
    /// A STUN message (RFC 8489); only binding requests are of interest to a lite agent.
    pub(crate) fn on_stun(&mut self, datagram: &[u8], from: &Destination, now: Now) {
        let Ok(message) = stun::parse(datagram) else {
            self.counters.drop_malformed += 1;
            return;
        };
        if message.class != Class::Request || message.method != stun::BINDING {
            return;
        }
        // RFC 8445 §7.2.2: the user name is our fragment, a colon, and the peer's.
        let ours = message
            .username
            .and_then(|name| name.split(|byte| *byte == b':').next());
        let ours = ours.and_then(|ours| std::str::from_utf8(ours).ok());
        let key = ours.and_then(|ours| self.by_ufrag.get(ours)).copied();
        let key = key.unwrap_or_default();
        let transport = self.transports.get(key);
        let Some(credentials) = transport.and_then(|row| row.credentials(ours?)) else {
            self.counters.drop_stun_unknown_user += 1;
            return;
        };
        if !message.check_fingerprint() || !message.check_integrity(&credentials.pwd) {
            self.counters.drop_stun_integrity += 1;
            return;
        }
        if !self.is_free(from, key, now.us) {
            self.counters.drop_stun_address_taken += 1;
            return;
        }
        let Some(transport) = self.transports.get_mut(key) else {
            return;
        };
        let Some(credentials) = ours.and_then(|ours| transport.credentials(ours)) else {
            return;
        };
        let mut answer = std::mem::take(&mut self.scratch);
        answer.clear();
        let unknown = message.unknown();
        if !unknown.is_empty() {
            stun::binding_error(
                &mut answer,
                message.transaction_id,
                420,
                "Unknown Attribute",
                Some(&credentials.pwd),
                unknown,
            );
        } else if message.controlled.is_some() {
            // Both controlled: a lite agent cannot take the other role (RFC 8445 §7.3.1.1).
            stun::binding_error(
                &mut answer,
                message.transaction_id,
                487,
                "Role Conflict",
                Some(&credentials.pwd),
                &[],
            );
        } else {
            stun::binding_success(
                &mut answer,
                message.transaction_id,
                peer::address(&from.remote),
                &credentials.pwd,
            );
            let (id, generation) = (transport.id, credentials.generation);
            if message.use_candidate {
                if let Some(former) = transport.settle(generation) {
                    self.by_ufrag.remove(&former);
                }
            }
            let check = (message.priority.unwrap_or(0), message.use_candidate);
            let (moved, evicted) = transport.on_check(from, check, generation, now.us);
            let is_new = !std::mem::replace(&mut transport.is_up, true);
            let selected = transport.destination().map_or(from.remote, |to| to.remote);
            if let Some(evicted) = evicted {
                if self.by_address.get(&evicted) == Some(&key) {
                    self.by_address.remove(&evicted);
                }
            }
            self.take(from, key);
            if moved || is_new {
                self.reports.push(Report::PathUp {
                    transport: id,
                    remote: peer::address(&selected),
                });
            }
        }
        if self.put(from, &answer) {
            self.counters.packets_out_stun += 1;
            self.counters.bytes_out_stun += answer.len() as u64;
        }
        self.scratch = answer;
    }

    /// Whether a peer may answer for an address: nobody takes it from another one whose checks still
    /// come from there. One that has moved on loses it, as it does where a NAT gives it to the next.
    fn is_free(&self, from: &Destination, key: Key, now_us: i64) -> bool {
        let holder = self.by_address.get(&from.remote);
        let holder = holder.filter(|holder| **holder != key);
        let holder = holder.and_then(|holder| self.transports.get(*holder));
        holder.is_none_or(|holder| !holder.is_at(&from.remote, now_us - HELD_US))
    }

    /// An address is this peer's from now on, and nobody else's.
    fn take(&mut self, from: &Destination, key: Key) {
        let former = self.by_address.insert(from.remote, key);
        let former = former.filter(|former| *former != key);
        if let Some(former) = former.and_then(|former| self.transports.get_mut(former)) {
            former.lose(&from.remote);
        }
    }

    /// A handshake datagram goes up, if a check has validated where it comes from (RFC 5763 §6.7.1).
    pub(crate) fn on_dtls(&mut self, datagram: &[u8], from: &Destination, now: Now) {
        let Some(transport) = self
            .by_address
            .get(&from.remote)
            .and_then(|key| self.transports.get_mut(*key))
        else {
            self.counters.drop_unknown_address += 1;
            return;
        };
        if datagram.len() > MAX_HANDSHAKE {
            self.counters.drop_oversize += 1;
            return;
        }
        if !transport.may_shake_hands(now.us) {
            self.counters.drop_handshake_flood += 1;
            return;
        }
        transport.on_handshake_from(from.remote);
        self.reports.push(Report::Handshake {
            transport: transport.id,
            datagram: datagram.to_vec(),
        });
    }

    pub(crate) fn send_handshake(
        &mut self,
        id: Id,
        datagrams: &[Vec<u8>],
    ) -> Result<(), &'static str> {
        let key = self.transports.key(id).ok_or("no such transport")?;
        let transport = self.transports.get(key).ok_or("no such transport")?;
        let destination = transport.destination().copied().ok_or("no path")?;
        for datagram in datagrams
            .iter()
            .filter(|datagram| datagram.len() <= MAX_HANDSHAKE)
        {
            if self.put(&destination, datagram) {
                self.counters.packets_out_dtls += 1;
                self.counters.bytes_out_dtls += datagram.len() as u64;
            }
        }
        Ok(())
    }

    /// Puts a complete datagram into the outbox; counted and dropped when that is full.
    pub(crate) fn put(&mut self, to: &Destination, datagram: &[u8]) -> bool {
        let Some(room) = self.outbox.reserve(datagram.len()) else {
            self.counters.drop_outbox_full += 1;
            return false;
        };
        room[..datagram.len()].copy_from_slice(datagram);
        self.outbox.commit(to, datagram.len());
        true
    }
}
