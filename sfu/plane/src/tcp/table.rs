//! Who is connected, and what waits for each: bounded, whoever connects.

use super::framing::{self, PREFIX};
use super::peer;
use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// How many connections there may be, and what each may hold.
#[derive(Clone, Copy, Debug)]
pub struct TcpLimits {
    /// Connections at a time; 0 takes none.
    pub connections: usize,
    /// Of these, from one address.
    pub per_address: usize,
    /// Bytes that may wait for one peer.
    pub waiting: usize,
    /// From the connection to its first valid binding check, and from the end of a transport to
    /// the end of its connection.
    pub first_check_us: i64,
}

/// One connection; `S` is its socket.
pub struct Connection<S> {
    /// Its socket.
    pub socket: S,
    /// How its peer is named.
    pub name: SocketAddr,
    /// The beginning of a datagram whose end has not come.
    pub partial: Vec<u8>,
    /// Whether the path was told to be full.
    pub is_full: bool,
    /// Whether the socket is watched for room to write.
    pub is_watched: bool,
    /// Whether it has been given something in this round.
    pub is_touched: bool,
    /// What the kernel has not taken yet begins at `sent`.
    waiting: Vec<u8>,
    sent: usize,
    /// When it was last seen to belong to a transport, or made.
    known_us: i64,
}

impl<S> Connection<S> {
    /// Frames a datagram behind what waits; false when that is too much.
    pub fn push(&mut self, datagram: &[u8], most: usize) -> bool {
        if self.waiting().len() + PREFIX + datagram.len() > most {
            return false;
        }
        framing::put(&mut self.waiting, datagram);
        true
    }

    /// What is to be written.
    pub fn waiting(&self) -> &[u8] {
        &self.waiting[self.sent..]
    }

    /// The kernel has taken so much of it.
    pub fn advance(&mut self, taken: usize) {
        self.sent += taken;
        if self.sent == self.waiting.len() {
            self.waiting.clear();
            self.sent = 0;
        } else if self.sent > self.waiting.len() / 2 {
            self.waiting.drain(..self.sent);
            self.sent = 0;
        }
    }

    /// Whether what waits is so much that pictures are to be held back: a quarter of what may.
    /// The rest is for sound, reports and what had left before.
    pub fn is_filling(&self, most: usize) -> bool {
        self.waiting().len() > most / 4
    }
}

/// The connections of one worker, by their numbers.
pub struct ConnectionTable<S> {
    limits: TcpLimits,
    rows: HashMap<u32, Connection<S>>,
    /// By the source that a limit counts: an address of IPv4, a /64 of IPv6, which one host has.
    by_source: HashMap<IpAddr, usize>,
    /// Those not yet seen to belong to a transport, oldest first, and some that are gone.
    unproven: VecDeque<u32>,
    last: u32,
}

impl<S> ConnectionTable<S> {
    /// An empty one.
    pub fn new(limits: TcpLimits) -> Self {
        Self {
            limits,
            rows: HashMap::new(),
            by_source: HashMap::new(),
            unproven: VecDeque::new(),
            last: 0,
        }
    }

    /// Takes a connection in and gives its number; `None` when it is refused. A full table gives
    /// up the oldest that belongs to no transport yet, so that no flood keeps others out.
    pub fn admit(
        &mut self,
        socket: S,
        peer: SocketAddr,
        belongs: impl Fn(&SocketAddr) -> bool,
        now_us: i64,
    ) -> Option<u32> {
        let source = source(peer.ip());
        let from_there = self.by_source.get(&source).copied().unwrap_or(0);
        if from_there >= self.limits.per_address {
            return None;
        }
        if self.rows.len() >= self.limits.connections {
            self.give_up_oldest(belongs)?;
        }
        loop {
            self.last = self.last.wrapping_add(1);
            if self.last != 0 && !self.rows.contains_key(&self.last) {
                break;
            }
        }
        *self.by_source.entry(source).or_default() += 1;
        self.unproven.push_back(self.last);
        let row = Connection {
            socket,
            name: peer::name(peer, self.last),
            partial: Vec::new(),
            is_full: false,
            is_watched: false,
            is_touched: false,
            waiting: Vec::new(),
            sent: 0,
            known_us: now_us,
        };
        self.rows.insert(self.last, row);
        Some(self.last)
    }

    /// Ends a connection; gives how its peer was named.
    pub fn remove(&mut self, number: u32) -> Option<SocketAddr> {
        let row = self.rows.remove(&number)?;
        let source = source(row.name.ip());
        if let Some(count) = self.by_source.get_mut(&source) {
            *count -= 1;
            if *count == 0 {
                self.by_source.remove(&source);
            }
        }
        Some(row.name)
    }

    fn give_up_oldest(&mut self, belongs: impl Fn(&SocketAddr) -> bool) -> Option<()> {
        while let Some(number) = self.unproven.pop_front() {
            let name = self.rows.get(&number).map(|row| row.name);
            if name.is_some_and(|name| !belongs(&name)) {
                self.remove(number);
                return Some(());
            }
        }
        None
    }

    /// The connection of a number.
    pub fn get_mut(&mut self, number: u32) -> Option<&mut Connection<S>> {
        self.rows.get_mut(&number)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// What each may hold.
    pub fn limits(&self) -> &TcpLimits {
        &self.limits
    }

    /// Looks which connections belong to a transport, and ends those that have not for too long.
    pub fn sweep(&mut self, belongs: impl Fn(&SocketAddr) -> bool, now_us: i64) {
        let mut ended = Vec::new();
        for (number, row) in &mut self.rows {
            if belongs(&row.name) {
                row.known_us = now_us;
            } else if now_us - row.known_us >= self.limits.first_check_us {
                ended.push(*number);
            }
        }
        for number in ended {
            self.remove(number);
        }
        let rows = &self.rows;
        let is_unproven = |row: &Connection<S>| !belongs(&row.name);
        self.unproven
            .retain(|number| rows.get(number).is_some_and(is_unproven));
    }
}

/// What the limit per address counts as one.
fn source(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64).into(),
        ip => ip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: TcpLimits = TcpLimits {
        connections: 3,
        per_address: 2,
        waiting: 1000,
        first_check_us: 10,
    };

    fn nobody(_: &SocketAddr) -> bool {
        false
    }

    fn peer(host: u8, port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, host], port))
    }

    #[test]
    fn one_address_has_its_share_and_gets_it_back() {
        let mut table = ConnectionTable::new(LIMITS);
        let first = table.admit((), peer(1, 1), nobody, 0).unwrap();
        assert!(table.admit((), peer(1, 2), nobody, 0).is_some());
        assert_eq!(table.admit((), peer(1, 3), nobody, 0), None);
        assert_eq!(table.remove(first), Some(peer::name(peer(1, 1), first)));
        assert!(table.admit((), peer(1, 3), nobody, 0).is_some());
    }

    #[test]
    fn a_full_table_gives_up_who_has_shown_nothing_and_never_a_participant() {
        let mut table = ConnectionTable::new(LIMITS);
        let member = table.admit((), peer(1, 1), nobody, 0).unwrap();
        let silent = table.admit((), peer(2, 1), nobody, 1).unwrap();
        table.admit((), peer(3, 1), nobody, 2).unwrap();
        // It has become one since the last sweep.
        let belongs = |name: &SocketAddr| peer::connection(name) == Some(member);
        assert!(table.admit((), peer(4, 1), belongs, 3).is_some());
        assert!(table.get_mut(silent).is_none() && table.get_mut(member).is_some());
        table.sweep(|_| true, 4);
        assert_eq!(table.admit((), peer(5, 1), |_| true, 5), None);
        assert_eq!(table.len(), 3);
    }

    #[test]
    fn a_host_has_one_share_however_many_addresses_of_its_network_it_uses() {
        let mut table = ConnectionTable::new(LIMITS);
        let peer =
            |end: u16| SocketAddr::from((Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, end), 1));
        assert!(table.admit((), peer(1), nobody, 0).is_some());
        assert!(table.admit((), peer(2), nobody, 0).is_some());
        assert_eq!(table.admit((), peer(3), nobody, 0), None);
    }

    #[test]
    fn connections_that_come_and_go_leave_nothing_behind() {
        let mut table = ConnectionTable::new(LIMITS);
        for port in 0..100 {
            let number = table.admit((), peer(1, port), nobody, 0).unwrap();
            table.remove(number);
        }
        table.sweep(nobody, 1);
        assert!(table.unproven.is_empty());
    }

    #[test]
    fn who_belongs_to_no_transport_goes_in_time() {
        let mut table = ConnectionTable::new(LIMITS);
        let member = table.admit((), peer(1, 1), nobody, 0).unwrap();
        table.admit((), peer(2, 1), nobody, 0).unwrap();
        let belongs = |name: &SocketAddr| peer::connection(name) == Some(member);
        table.sweep(belongs, 9);
        assert_eq!(table.len(), 2);
        table.sweep(belongs, 10);
        assert_eq!(table.len(), 1);
        table.sweep(|_| false, 19);
        assert_eq!(table.len(), 1, "its transport ended 9 us ago");
        table.sweep(|_| false, 20);
        assert!(table.is_empty() && table.by_source.is_empty());
    }

    proptest! {
        #[test]
        fn a_slow_reader_has_so_much_and_gets_it_in_order(
            steps in prop::collection::vec((0usize..300, 0usize..600), 0..60),
        ) {
            let mut table = ConnectionTable::new(LIMITS);
            let number = table.admit((), peer(1, 1), nobody, 0).unwrap();
            let row = table.get_mut(number).unwrap();
            let (mut expected, mut written) = (Vec::new(), Vec::new());
            for (at, (len, taken)) in steps.into_iter().enumerate() {
                let datagram = vec![at as u8; len];
                if row.push(&datagram, LIMITS.waiting) {
                    framing::put(&mut expected, &datagram);
                } else {
                    prop_assert!(row.waiting().len() + PREFIX + len > LIMITS.waiting);
                }
                prop_assert!(row.waiting().len() <= LIMITS.waiting);
                let taken = taken.min(row.waiting().len());
                written.extend_from_slice(&row.waiting()[..taken]);
                row.advance(taken);
            }
            written.extend_from_slice(row.waiting());
            prop_assert_eq!(written, expected);
        }
    }
}
