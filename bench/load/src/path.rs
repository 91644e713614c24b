//! The ICE side of a synthetic client: it controls, nominates at once, and repeats its
//! check for consent (RFC 8445 §7.2, RFC 7675 §5.1).

use _plane::batch::{Destination, Outbox};
use _plane::stun::{self, Class, TransactionId};
use std::net::SocketAddr;

/// Between checks until the first is answered.
const RETRY_NS: u64 = 50_000_000;
/// Between checks for consent.
const CONSENT_NS: u64 = 5_000_000_000;
/// Of a host candidate (RFC 8445 §5.1.2.1).
const PRIORITY: u32 = 0x6eff_ffff;

/// One path to a server.
pub struct Path {
    server: Destination,
    username: String,
    password: Vec<u8>,
    own_password: Vec<u8>,
    tie_breaker: u64,
    checks: u32,
    next_ns: u64,
    up: bool,
    datagram: Vec<u8>,
}

impl Path {
    /// `username` is "theirs:ours", `password` theirs (RFC 8445 §7.2.2); checks of a server that
    /// makes some itself are answered with `own_password`.
    pub fn new(
        server: SocketAddr,
        username: String,
        password: String,
        own_password: String,
        tie_breaker: u64,
        now_ns: u64,
    ) -> Self {
        Self {
            server: Destination {
                remote: server,
                local: None,
            },
            username,
            password: password.into_bytes(),
            own_password: own_password.into_bytes(),
            tie_breaker,
            checks: 0,
            next_ns: now_ns,
            up: false,
            datagram: Vec::new(),
        }
    }

    /// Where everything goes.
    pub fn server(&self) -> &Destination {
        &self.server
    }

    /// The client has another address now: the server learns of it by a check, at once.
    pub fn moved(&mut self, now_ns: u64) {
        self.up = false;
        self.next_ns = now_ns;
    }

    /// Sends a check when one is due.
    pub fn advance(&mut self, now_ns: u64, outbox: &mut Outbox) {
        if now_ns < self.next_ns {
            return;
        }
        self.next_ns = now_ns + if self.up { CONSENT_NS } else { RETRY_NS };
        self.checks += 1;
        let transaction = self.transaction();
        stun::binding_request(
            &mut self.datagram,
            transaction,
            &self.username,
            &self.password,
            PRIORITY,
            true,
            self.tie_breaker,
            true,
        );
        put(outbox, &self.server, &self.datagram);
    }

    /// Takes a STUN datagram; true when the path has just come up.
    pub fn on_datagram(&mut self, datagram: &[u8], now_ns: u64, outbox: &mut Outbox) -> bool {
        let Ok(message) = stun::parse(datagram) else {
            return false;
        };
        if message.class == Class::Request {
            if message.check_integrity(&self.own_password) {
                let transaction = message.transaction_id;
                let to = self.server.remote;
                stun::binding_success(&mut self.datagram, transaction, to, &self.own_password);
                put(outbox, &self.server, &self.datagram);
            }
            return false;
        }
        // An answer may be one check late.
        let ours = message.transaction_id[..8] == self.transaction()[..8];
        let good = message.class == Class::Success && message.check_integrity(&self.password);
        if self.up || !ours || !good {
            return false;
        }
        self.up = true;
        // Spread over the interval, as clients that came one after the other.
        self.next_ns = now_ns + CONSENT_NS / 2 + self.tie_breaker % (CONSENT_NS / 2);
        true
    }

    fn transaction(&self) -> TransactionId {
        let mut id = TransactionId::default();
        id[..8].copy_from_slice(&self.tie_breaker.to_be_bytes());
        id[8..].copy_from_slice(&self.checks.to_be_bytes());
        id
    }
}

/// Adds a datagram to what is to be sent; without room it is lost, as on any network.
pub fn put(outbox: &mut Outbox, to: &Destination, datagram: &[u8]) {
    if let Some(room) = outbox.reserve(datagram.len()) {
        room.copy_from_slice(datagram);
        outbox.commit(to, datagram.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(outbox: &mut Outbox) -> Vec<Vec<u8>> {
        let datagrams = outbox
            .iter()
            .map(|(_, datagram)| datagram.to_vec())
            .collect();
        outbox.clear();
        datagrams
    }

    #[test]
    fn checks_are_repeated_until_answered_and_then_for_consent() {
        let server = SocketAddr::from(([127, 0, 0, 1], 7801));
        let mut path = Path::new(
            server,
            "them:us".into(),
            "secret".into(),
            "ours".into(),
            77,
            1000,
        );
        let mut outbox = Outbox::new(4096, 16);
        path.advance(1000, &mut outbox);
        path.advance(1000 + RETRY_NS - 1, &mut outbox);
        path.advance(1000 + RETRY_NS, &mut outbox);
        let checks = sent(&mut outbox);
        assert_eq!(checks.len(), 2);
        let check = stun::parse(&checks[0]).expect("a check");
        assert!(check.use_candidate && check.controlling == Some(77));
        assert!(check.check_integrity(b"secret") && check.username == Some(b"them:us"));

        let mut answer = Vec::new();
        stun::binding_success(&mut answer, check.transaction_id, server, b"wrong");
        assert!(
            !path.on_datagram(&answer, 2000, &mut outbox),
            "an answer that anybody could have made"
        );
        stun::binding_success(&mut answer, check.transaction_id, server, b"secret");
        assert!(path.on_datagram(&answer, 2000, &mut outbox));
        assert!(
            !path.on_datagram(&answer, 3000, &mut outbox),
            "it comes up once"
        );
        path.advance(2000 + CONSENT_NS / 2 - 1, &mut outbox);
        assert!(outbox.is_empty());
        path.advance(2000 + CONSENT_NS, &mut outbox);
        assert_eq!(sent(&mut outbox).len(), 1);
    }

    #[test]
    fn a_server_that_checks_itself_is_answered_if_it_knows_the_password() {
        let server = SocketAddr::from(([127, 0, 0, 1], 7801));
        let mut path = Path::new(
            server,
            "them:us".into(),
            "secret".into(),
            "ours".into(),
            7,
            0,
        );
        let mut outbox = Outbox::new(4096, 16);
        for (password, answers) in [("theirs", 0), ("ours", 1)] {
            let mut check = Vec::new();
            let id = [9; 12];
            let password = password.as_bytes();
            stun::binding_request(&mut check, id, "us:them", password, 1, false, 5, false);
            assert!(!path.on_datagram(&check, 1, &mut outbox));
            let sent = sent(&mut outbox);
            assert_eq!(sent.len(), answers);
            for answer in &sent {
                let answer = stun::parse(answer).expect("an answer");
                assert!(answer.class == Class::Success && answer.transaction_id == id);
                assert!(answer.check_integrity(b"ours"));
            }
        }
    }
}
