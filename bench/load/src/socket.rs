//! Sending as a bare loop does it: batches of messages, each a run of equal datagrams
//! to one destination (UDP GSO), and nothing around it. The only unsafe code of the crate.

#![allow(unsafe_code)]

use rustix::net::{self, AddressFamily, SocketFlags, SocketType};
use std::io;
use std::mem::zeroed;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsRawFd, OwnedFd};

/// Messages per system call. Small enough that what was sealed is still in the cache.
pub const MESSAGES: usize = 16;
/// Bytes of one message.
const MESSAGE_BYTES: usize = 1 << 15;
const SEND_BUFFER: usize = 4 << 20;
const CONTROL_LEN: usize =
    // SAFETY: CMSG_SPACE only computes.
    unsafe { libc::CMSG_SPACE(size_of::<u16>() as u32) } as usize;

/// A control message with the size of the segments, aligned as `cmsghdr` wants it.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Control([u8; CONTROL_LEN]);

/// A blocking socket and one batch for it.
pub struct BurstSocket {
    fd: OwnedFd,
    slab: Box<[u8]>,
    headers: Box<[libc::mmsghdr]>,
    vectors: Box<[libc::iovec]>,
    names: Box<[libc::sockaddr_in]>,
    controls: Box<[Control]>,
    count: usize,
}

impl BurstSocket {
    /// Binds a port on loopback.
    pub fn new() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC;
        let fd = net::socket_with(AddressFamily::INET, SocketType::DGRAM, flags, None)?;
        net::bind(&fd, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0))?;
        net::sockopt::set_socket_send_buffer_size_force(&fd, SEND_BUFFER)
            .or_else(|_| net::sockopt::set_socket_send_buffer_size(&fd, SEND_BUFFER))?;
        // SAFETY: plain C structures of integers and pointers; zero and null are valid.
        let (header, vector, name) = unsafe { (zeroed(), zeroed(), zeroed()) };
        Ok(Self {
            fd,
            slab: vec![0; MESSAGES * MESSAGE_BYTES].into(),
            headers: vec![header; MESSAGES].into(),
            vectors: vec![vector; MESSAGES].into(),
            names: vec![name; MESSAGES].into(),
            controls: vec![Control([0; CONTROL_LEN]); MESSAGES].into(),
            count: 0,
        })
    }

    /// Adds a message: `write` fills the room and gives the number of bytes, a multiple of
    /// `segment`. A full batch is sent.
    pub fn push(
        &mut self,
        to: SocketAddrV4,
        segment: usize,
        write: impl FnOnce(&mut [u8]) -> usize,
    ) -> io::Result<()> {
        let at = self.count;
        let room = &mut self.slab[at * MESSAGE_BYTES..(at + 1) * MESSAGE_BYTES];
        let len = write(room);
        assert!(len <= room.len() && len % segment == 0);
        self.vectors[at].iov_base = room.as_mut_ptr().cast();
        self.vectors[at].iov_len = len;
        let name = &mut self.names[at];
        name.sin_family = libc::AF_INET as libc::sa_family_t;
        name.sin_port = to.port().to_be();
        name.sin_addr.s_addr = u32::from_ne_bytes(to.ip().octets());
        self.point(at, (len > segment).then_some(segment as u16));
        self.count += 1;
        if self.count == MESSAGES {
            self.flush()?;
        }
        Ok(())
    }

    /// Sends what the batch holds.
    pub fn flush(&mut self) -> io::Result<()> {
        let mut sent = 0;
        while sent < self.count {
            // SAFETY: headers `sent` to `count` point to a vector, a name and possibly a control
            // buffer of this structure (see `point`); each vector covers initialised bytes of
            // the slab; sendmmsg only reads them, within the call.
            let result = unsafe {
                libc::sendmmsg(
                    self.fd.as_raw_fd(),
                    self.headers[sent..].as_mut_ptr(),
                    (self.count - sent) as libc::c_uint,
                    0,
                )
            };
            match result {
                1.. => sent += result as usize,
                _ => {
                    let error = io::Error::last_os_error();
                    if error.kind() != io::ErrorKind::Interrupted {
                        return Err(error);
                    }
                }
            }
        }
        self.count = 0;
        Ok(())
    }

    fn point(&mut self, at: usize, segment: Option<u16>) {
        let header = &mut self.headers[at].msg_hdr;
        header.msg_name = std::ptr::from_mut(&mut self.names[at]).cast();
        header.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
        header.msg_iov = &mut self.vectors[at];
        header.msg_iovlen = 1;
        header.msg_control = std::ptr::null_mut();
        header.msg_controllen = 0;
        let Some(segment) = segment else { return };
        header.msg_control = self.controls[at].0.as_mut_ptr().cast();
        header.msg_controllen = CONTROL_LEN as _;
        // SAFETY: the control buffer is aligned for a header and has the length that CMSG_SPACE
        // asks for one u16, so CMSG_FIRSTHDR is not null and CMSG_DATA has room for it.
        unsafe {
            let control = libc::CMSG_FIRSTHDR(header);
            (*control).cmsg_level = libc::SOL_UDP;
            (*control).cmsg_type = libc::UDP_SEGMENT;
            (*control).cmsg_len = libc::CMSG_LEN(size_of::<u16>() as u32) as _;
            libc::CMSG_DATA(control)
                .cast::<u16>()
                .write_unaligned(segment);
        }
    }
}

// SAFETY: the pointers in headers and vectors lead into boxes of the same structure and are set
// anew before each system call, so it does not matter which thread it is moved to.
unsafe impl Send for BurstSocket {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;
    use std::time::Duration;

    #[test]
    fn messages_arrive_as_their_datagrams() {
        let receivers: Vec<UdpSocket> = (0..40)
            .map(|_| {
                let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
                let patience = Some(Duration::from_secs(5));
                socket.set_read_timeout(patience).expect("a timeout");
                socket
            })
            .collect();
        let mut sender = BurstSocket::new().expect("a port");
        for (n, receiver) in receivers.iter().enumerate() {
            let std::net::SocketAddr::V4(to) = receiver.local_addr().expect("bound") else {
                panic!("IPv4")
            };
            let segments = 1 + n % 3;
            sender
                .push(to, 100, |room| {
                    for (at, chunk) in room[..segments * 100].chunks_mut(100).enumerate() {
                        chunk.fill((10 * n + at) as u8);
                    }
                    segments * 100
                })
                .expect("sent");
        }
        sender.flush().expect("sent");
        for (n, receiver) in receivers.iter().enumerate() {
            for at in 0..1 + n % 3 {
                let mut datagram = [0; 200];
                let len = receiver.recv(&mut datagram).expect("a datagram");
                assert_eq!(datagram[..len], [(10 * n + at) as u8; 100]);
            }
        }
    }
}
