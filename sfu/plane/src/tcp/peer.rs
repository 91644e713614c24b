//! How a connection is named among peers' addresses.
//!
//! The same address and port may be one peer's over UDP and another's over TCP, and a connection
//! that is made anew from the same port is another one. So a connection's peer is an IPv6 address
//! whose flow label is the number of the connection; the kernel never gives one with a datagram.

use std::net::{SocketAddr, SocketAddrV6};

/// The name of a connection's peer; `number` is not zero.
pub fn name(peer: SocketAddr, number: u32) -> SocketAddr {
    let (ip, scope) = match peer {
        SocketAddr::V4(peer) => (peer.ip().to_ipv6_mapped(), 0),
        SocketAddr::V6(peer) => (*peer.ip(), peer.scope_id()),
    };
    SocketAddrV6::new(ip, peer.port(), number, scope).into()
}

/// The number of the connection that is named; `None` for a peer over UDP.
#[inline]
pub fn connection(name: &SocketAddr) -> Option<u32> {
    match name {
        SocketAddr::V6(name) if name.flowinfo() != 0 => Some(name.flowinfo()),
        _ => None,
    }
}

/// The peer's address as it is, of IPv4 not as a mapped one.
pub fn address(name: &SocketAddr) -> SocketAddr {
    match name {
        SocketAddr::V6(v6) => match v6.ip().to_ipv4_mapped() {
            Some(ip) => SocketAddr::new(ip.into(), v6.port()),
            None => SocketAddrV6::new(*v6.ip(), v6.port(), 0, v6.scope_id()).into(),
        },
        SocketAddr::V4(_) => *name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_connections_apart_and_give_the_address_back() {
        for text in ["192.0.2.7:4660", "[2001:db8::7]:1", "[fe80::1%3]:65535"] {
            let peer: SocketAddr = text.parse().unwrap();
            assert_eq!(connection(&peer), None);
            assert_eq!(connection(&name(peer, 7)), Some(7));
            assert_ne!(name(peer, 7), name(peer, 8));
            assert_eq!(address(&name(peer, 7)), peer);
            assert_eq!(address(&peer), peer);
        }
    }
}
