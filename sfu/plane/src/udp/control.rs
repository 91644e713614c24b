//! Control messages: our address on the path (RFC 3542 §6.1 and its IPv4 twin)
//! and the segment size of UDP GSO.
//!
//! Written as the kernel lays them out: `cmsg_len` as size_t, level and type as
//! int, then the data; each message is aligned to a size_t.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const WORD: usize = size_of::<usize>();
const HEADER: usize = WORD + 8;

/// Room for the control messages of one datagram or message.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(super) struct Control {
    bytes: [u8; 96],
    len: usize,
}

impl Control {
    pub(super) const CAPACITY: usize = 96;

    pub(super) const fn new() -> Self {
        Self {
            bytes: [0; Self::CAPACITY],
            len: 0,
        }
    }

    pub(super) fn clear(&mut self) {
        self.len = 0;
    }

    /// Bytes written since `clear`.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn as_mut_ptr(&mut self) -> *mut u8 {
        self.bytes.as_mut_ptr()
    }

    /// The source address to send from. IPv4 has its own message, which Linux takes on dual-stack
    /// sockets too: it is shorter, and only what fits 36 bytes costs the kernel no allocation.
    pub(super) fn put_source(&mut self, local: IpAddr) {
        match local {
            IpAddr::V4(address) => {
                // struct in_pktinfo: interface (0: any), source, unused.
                let mut info = [0; 12];
                info[4..8].copy_from_slice(&address.octets());
                self.put(libc::IPPROTO_IP, libc::IP_PKTINFO, &info);
            }
            IpAddr::V6(address) => {
                // struct in6_pktinfo: address, interface (0: any).
                let mut info = [0; 20];
                info[..16].copy_from_slice(&address.octets());
                self.put(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &info);
            }
        }
    }

    /// The size of each segment but the last.
    pub(super) fn put_segment(&mut self, size: u16) {
        self.put(libc::SOL_UDP, libc::UDP_SEGMENT, &size.to_ne_bytes());
    }

    fn put(&mut self, level: i32, kind: i32, data: &[u8]) {
        let start = self.len.next_multiple_of(WORD);
        let message = &mut self.bytes[start..];
        message[..WORD].copy_from_slice(&(HEADER + data.len()).to_ne_bytes());
        message[WORD..WORD + 4].copy_from_slice(&level.to_ne_bytes());
        message[WORD + 4..HEADER].copy_from_slice(&kind.to_ne_bytes());
        message[HEADER..HEADER + data.len()].copy_from_slice(data);
        // The last one needs no padding, and is dearer with it.
        self.len = start + HEADER + data.len();
    }

    /// The address that a message was sent to, and the size of its datagrams if it is several;
    /// `len` is what the kernel filled.
    pub(super) fn received(&self, len: usize) -> (Option<IpAddr>, Option<usize>) {
        let (mut local, mut segment) = (None, None);
        let mut rest = &self.bytes[..len.min(Self::CAPACITY)];
        while let Some((level, kind, data, after)) = first(rest) {
            match (level, kind) {
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                    if let Some(octets) = data.first_chunk::<16>() {
                        local = Some(Ipv6Addr::from(*octets).to_canonical());
                    }
                }
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                    // ipi_spec_dst: the address that an answer comes from.
                    if let Some(octets) = data.get(4..).and_then(|data| data.first_chunk::<4>()) {
                        local = local.or(Some(Ipv4Addr::from(*octets).into()));
                    }
                }
                (libc::SOL_UDP, libc::UDP_GRO) => {
                    let size = data
                        .first_chunk::<4>()
                        .map(|size| i32::from_ne_bytes(*size));
                    segment = size
                        .and_then(|size| usize::try_from(size).ok())
                        .filter(|size| *size > 0);
                }
                _ => {}
            }
            rest = after;
        }
        (local, segment)
    }
}

/// Level, kind and data of the first message, and what is behind it.
fn first(bytes: &[u8]) -> Option<(i32, i32, &[u8], &[u8])> {
    let size = usize::from_ne_bytes(*bytes.first_chunk()?);
    let level = i32::from_ne_bytes(bytes.get(WORD..WORD + 4)?.try_into().ok()?);
    let kind = i32::from_ne_bytes(bytes.get(WORD + 4..HEADER)?.try_into().ok()?);
    let data = bytes.get(HEADER..size)?;
    let after = bytes.get(size.next_multiple_of(WORD)..).unwrap_or_default();
    Some((level, kind, data, after))
}
