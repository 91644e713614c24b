//! Socket addresses as the kernel lays them out: `sockaddr_in`, `sockaddr_in6`.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// Room for the address of either family.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(super) struct Name {
    bytes: [u8; Self::CAPACITY],
}

impl Name {
    /// Bytes of a `sockaddr_in6`: family, port, flow, address, scope.
    pub(super) const CAPACITY: usize = 28;
    /// Bytes of a `sockaddr_in`: family, port, address, padding.
    const V4_LEN: usize = 16;

    pub(super) const fn new() -> Self {
        Self {
            bytes: [0; Self::CAPACITY],
        }
    }

    pub(super) fn as_mut_ptr(&mut self) -> *mut u8 {
        self.bytes.as_mut_ptr()
    }

    /// Returns the length that counts. A dual-stack socket takes IPv4 as mapped addresses.
    pub(super) fn encode(&mut self, address: SocketAddr, dual_stack: bool) -> usize {
        self.bytes.fill(0);
        self.bytes[2..4].copy_from_slice(&address.port().to_be_bytes());
        let (ip, scope) = match address {
            SocketAddr::V4(address) if !dual_stack => {
                self.set_family(libc::AF_INET);
                self.bytes[4..8].copy_from_slice(&address.ip().octets());
                return Self::V4_LEN;
            }
            SocketAddr::V4(address) => (address.ip().to_ipv6_mapped(), 0),
            SocketAddr::V6(address) => (*address.ip(), address.scope_id()),
        };
        self.set_family(libc::AF_INET6);
        self.bytes[8..24].copy_from_slice(&ip.octets());
        self.bytes[24..].copy_from_slice(&scope.to_ne_bytes());
        Self::CAPACITY
    }

    /// The address, a mapped one as IPv4.
    pub(super) fn decode(&self) -> SocketAddr {
        let field = |at: usize| [0, 1, 2, 3].map(|byte| self.bytes[at + byte]);
        let port = u16::from_be_bytes([self.bytes[2], self.bytes[3]]);
        let family = i32::from(u16::from_ne_bytes([self.bytes[0], self.bytes[1]]));
        if family != libc::AF_INET6 {
            return SocketAddrV4::new(Ipv4Addr::from(field(4)), port).into();
        }
        let mut octets = [0; 16];
        octets.copy_from_slice(&self.bytes[8..24]);
        let ip = Ipv6Addr::from(octets);
        match ip.to_ipv4_mapped() {
            Some(ip) => SocketAddrV4::new(ip, port).into(),
            None => SocketAddrV6::new(ip, port, 0, u32::from_ne_bytes(field(24))).into(),
        }
    }

    fn set_family(&mut self, family: i32) {
        self.bytes[..2].copy_from_slice(&(family as libc::sa_family_t).to_ne_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_back_as_they_went_in() {
        for text in ["192.0.2.7:4660", "[2001:db8::7]:1", "[fe80::1%3]:65535"] {
            let address: SocketAddr = text.parse().unwrap();
            for dual_stack in [address.is_ipv6(), true] {
                let mut name = Name::new();
                let len = name.encode(address, dual_stack);
                assert_eq!(len, if dual_stack { 28 } else { 16 });
                assert_eq!(name.decode(), address);
            }
        }
    }

    #[test]
    fn the_layouts_are_the_kernels() {
        assert_eq!(size_of::<libc::sockaddr_in6>(), Name::CAPACITY);
        assert_eq!(size_of::<libc::sockaddr_in>(), Name::V4_LEN);
        let mut name = Name::new();
        name.encode("1.2.3.4:258".parse().unwrap(), false);
        assert_eq!(name.bytes[2..8], [1, 2, 1, 2, 3, 4]);
    }
}
