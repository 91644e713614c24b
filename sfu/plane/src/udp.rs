//! The worker's UDP socket: many datagrams per system call, in both directions,
//! for both address families. The only unsafe code of the crate.

#![allow(unsafe_code)]

mod control;
mod name;

use crate::batch::{Destination, Filled, Inbox, Message, Outbox, INBOX_MESSAGES};
use crate::tcp::peer;
use control::Control;
use name::Name;
use rustix::event::{poll, PollFd, PollFlags, Timespec};
use rustix::net::{self, AddressFamily, SocketFlags, SocketType};
use std::io;
use std::mem::zeroed;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// Messages per system call; more gain nothing.
const MESSAGES_PER_CALL: usize = 64;
/// How often a full send buffer is waited for within one [`UdpSocket::send`], and how long each.
const WAITS: u32 = 2;
const WAIT_NS: i64 = 1_500_000;

/// What became of an outbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SendStats {
    /// System calls.
    pub calls: u64,
    /// Messages sent; one is several datagrams with UDP GSO.
    pub messages: u64,
    /// Datagrams sent.
    pub datagrams: u64,
    /// Bytes of payload sent.
    pub bytes: u64,
    /// Datagrams that the kernel refused, as without a route.
    pub failed: u64,
    /// Datagrams dropped since the send buffer stayed full.
    pub dropped: u64,
}

/// A nonblocking UDP socket with its own buffers for batches.
pub struct UdpSocket {
    fd: OwnedFd,
    /// Speaks IPv6 addresses to the kernel, mapped ones for IPv4.
    dual_stack: bool,
    port: u16,
    segmentation: bool,
    incoming: Vectors,
    outgoing: Vectors,
    units: Vec<Unit>,
}

impl UdpSocket {
    /// Binds `host`, or every address of both families. Port 0 takes any free one.
    ///
    /// `buffer_bytes` is asked for in both directions; the kernel may give less without
    /// CAP_NET_ADMIN (net.core.rmem_max, wmem_max).
    pub fn bind(host: Option<IpAddr>, port: u16, buffer_bytes: usize) -> io::Result<Self> {
        let (fd, dual_stack) = match host {
            Some(host) => (bound(SocketAddr::new(host, port))?, host.is_ipv6()),
            None => match bound((Ipv6Addr::UNSPECIFIED, port).into()) {
                Ok(fd) => (fd, true),
                // Hosts without IPv6.
                Err(error) if error.raw_os_error() == Some(libc::EADDRINUSE) => return Err(error),
                Err(_) => (bound((Ipv4Addr::UNSPECIFIED, port).into())?, false),
            },
        };
        // Bound to one address, the kernel knows the source: no need to tell, nor to pay for it.
        if host.is_none_or(|host| host.is_unspecified()) {
            let (level, name) = match dual_stack {
                true => (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO),
                false => (libc::IPPROTO_IP, libc::IP_PKTINFO),
            };
            set_option(fd.as_fd(), level, name, 1)?;
        }
        let bytes = buffer_bytes.try_into().unwrap_or(i32::MAX);
        for (force, plain) in [
            (libc::SO_RCVBUFFORCE, libc::SO_RCVBUF),
            (libc::SO_SNDBUFFORCE, libc::SO_SNDBUF),
        ] {
            set_option(fd.as_fd(), libc::SOL_SOCKET, force, bytes)
                .or_else(|_| set_option(fd.as_fd(), libc::SOL_SOCKET, plain, bytes))?;
        }
        let port = SocketAddr::try_from(net::getsockname(&fd)?)?.port();
        // Kernels before 4.18 do not know the option.
        let segmentation = set_option(fd.as_fd(), libc::SOL_UDP, libc::UDP_SEGMENT, 0).is_ok();
        Ok(Self {
            fd,
            dual_stack,
            port,
            segmentation,
            incoming: Vectors::new(INBOX_MESSAGES),
            outgoing: Vectors::new(MESSAGES_PER_CALL),
            units: Vec::new(),
        })
    }

    /// The port that the socket is bound to.
    pub fn local_port(&self) -> u16 {
        self.port
    }

    /// Whether equal datagrams leave together; false after the kernel has refused once.
    pub fn segments(&self) -> bool {
        self.segmentation
    }

    /// Asks for a sender's burst as one message (UDP GRO), for an [`Inbox::coalescing`].
    pub fn coalesce(&self) -> io::Result<()> {
        set_option(self.fd.as_fd(), libc::SOL_UDP, libc::UDP_GRO, 1)
    }

    /// Takes what has arrived, without waiting; returns how many messages, 0 for none.
    pub fn recv(&mut self, inbox: &mut Inbox) -> io::Result<usize> {
        let (slots, list) = inbox.slots();
        let vectors = &mut self.incoming;
        let mut count = 0;
        for (slot, vector) in slots.zip(&mut vectors.vectors) {
            vector.iov_base = slot.as_mut_ptr().cast();
            vector.iov_len = slot.len();
            count += 1;
        }
        for at in 0..count {
            vectors.point(at, Name::CAPACITY, Control::CAPACITY);
        }
        let filled = loop {
            // SAFETY: the first `count` headers point to a vector, a name and a control buffer of
            // `self.incoming` and the lengths are theirs (see `point`); each vector covers one slot
            // of the inbox, which `slots` borrows mutably; a null timeout is allowed.
            let filled = unsafe {
                libc::recvmmsg(
                    self.fd.as_raw_fd(),
                    vectors.headers.as_mut_ptr(),
                    count as libc::c_uint,
                    libc::MSG_DONTWAIT,
                    std::ptr::null_mut(),
                )
            };
            if filled >= 0 {
                break filled as usize;
            }
            let error = io::Error::last_os_error();
            match error.kind() {
                io::ErrorKind::WouldBlock => return Ok(0),
                io::ErrorKind::Interrupted => {}
                _ => return Err(error),
            }
        };
        for at in 0..filled {
            let (header, control) = (&vectors.headers[at], &vectors.controls[at]);
            let (local, segment) = control.received(header.msg_hdr.msg_controllen as _);
            let (remote, len) = (vectors.names[at].decode(), header.msg_len as usize);
            list.push(Filled {
                from: Destination { remote, local },
                len,
                segment: segment.unwrap_or(len),
                truncated: header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
            });
        }
        Ok(filled)
    }

    /// Sends and clears the outbox. A full send buffer is waited for a few milliseconds at most.
    pub fn send(&mut self, outbox: &mut Outbox) -> SendStats {
        let mut stats = SendStats::default();
        self.plan(outbox.messages());
        let (mut next, mut waits) = (0, 0);
        while next < self.units.len() {
            stats.calls += 1;
            let error = match self.send_from(next, outbox) {
                Ok(sent) => {
                    for unit in &self.units[next..next + sent] {
                        stats.messages += 1;
                        stats.datagrams += u64::from(unit.segments);
                        stats.bytes += unit.len as u64;
                    }
                    next += sent;
                    continue;
                }
                Err(error) => error.raw_os_error(),
            };
            match error {
                Some(libc::EINTR) => {}
                Some(libc::EAGAIN | libc::ENOBUFS) => {
                    if waits == WAITS {
                        let rest = &self.units[next..];
                        stats.dropped += rest
                            .iter()
                            .map(|unit| u64::from(unit.segments))
                            .sum::<u64>();
                        break;
                    }
                    waits += 1;
                    self.wait_writable();
                }
                // EIO: this path has no checksum offload and GSO will never work on it. Others,
                // like EINVAL for segments above the path's MTU, are the destination's alone.
                Some(errno) if self.units[next].segments > 1 => {
                    self.segmentation &= errno != libc::EIO;
                    self.split_from(next);
                }
                _ => {
                    stats.failed += u64::from(self.units[next].segments);
                    next += 1;
                }
            }
        }
        outbox.clear();
        stats
    }

    fn plan(&mut self, messages: &[Message]) {
        self.units.clear();
        for (at, message) in messages.iter().enumerate() {
            if peer::connection(&message.to.remote).is_some() {
                continue;
            }
            let unit = Unit {
                message: at,
                start: message.start,
                len: message.len,
                segment: message.segment,
                segments: message.segments,
            };
            if self.segmentation {
                self.units.push(unit);
            } else {
                self.units.extend(unit.singles());
            }
        }
    }

    /// Turns the unit at `next` into single datagrams, and all later ones too when GSO is off.
    fn split_from(&mut self, next: usize) {
        let rest = self.units.split_off(next);
        for (at, unit) in rest.into_iter().enumerate() {
            if at == 0 || !self.segmentation {
                self.units.extend(unit.singles());
            } else {
                self.units.push(unit);
            }
        }
    }

    /// One system call; returns how many units went out.
    fn send_from(&mut self, next: usize, outbox: &Outbox) -> io::Result<usize> {
        let vectors = &mut self.outgoing;
        let mut count = 0;
        for unit in self.units[next..].iter().take(MESSAGES_PER_CALL) {
            let to = outbox.messages()[unit.message].to;
            let bytes = outbox.range(unit.start, unit.len);
            vectors.vectors[count].iov_base = bytes.as_ptr().cast_mut().cast();
            vectors.vectors[count].iov_len = bytes.len();
            let name_len = vectors.names[count].encode(to.remote, self.dual_stack);
            let control = &mut vectors.controls[count];
            control.clear();
            if let Some(local) = to.local {
                control.put_source(local);
            }
            if unit.segments > 1 {
                control.put_segment(unit.segment as u16);
            }
            let control_len = control.len();
            vectors.point(count, name_len, control_len);
            count += 1;
        }
        // SAFETY: the first `count` headers point to a vector, a name and a control buffer of
        // `self.outgoing`, with the lengths that were written to them (see `point`); each vector
        // covers initialised bytes of the outbox, borrowed for this call, and sendmmsg only reads.
        let sent = unsafe {
            libc::sendmmsg(
                self.fd.as_raw_fd(),
                vectors.headers.as_mut_ptr(),
                count as libc::c_uint,
                libc::MSG_DONTWAIT,
            )
        };
        if sent < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(sent as usize)
    }

    fn wait_writable(&self) {
        let timeout = Timespec {
            tv_sec: 0,
            tv_nsec: WAIT_NS as _,
        };
        // Failing or not, the next attempt to send tells.
        let _ = poll(&mut [PollFd::new(&self.fd, PollFlags::OUT)], Some(&timeout));
    }
}

impl AsFd for UdpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// What one message header sends: a whole message of the outbox, or one datagram of it.
#[derive(Clone, Copy, Debug)]
struct Unit {
    message: usize,
    start: usize,
    len: usize,
    segment: usize,
    segments: u16,
}

impl Unit {
    fn singles(self) -> impl Iterator<Item = Unit> {
        (0..usize::from(self.segments)).map(move |at| {
            let before = at * self.segment;
            Unit {
                start: self.start + before,
                len: self.segment.min(self.len - before),
                segments: 1,
                ..self
            }
        })
    }
}

/// What `recvmmsg` and `sendmmsg` take, kept between calls.
struct Vectors {
    headers: Box<[libc::mmsghdr]>,
    vectors: Box<[libc::iovec]>,
    names: Box<[Name]>,
    controls: Box<[Control]>,
}

impl Vectors {
    fn new(count: usize) -> Self {
        // SAFETY: both are plain C structures of integers and pointers; zero and null are valid.
        let (header, vector): (libc::mmsghdr, libc::iovec) = unsafe { (zeroed(), zeroed()) };
        Self {
            headers: vec![header; count].into(),
            vectors: vec![vector; count].into(),
            names: vec![Name::new(); count].into(),
            controls: vec![Control::new(); count].into(),
        }
    }

    /// Points header `at` to its vector, name and control buffer, so many bytes of which count.
    fn point(&mut self, at: usize, name_len: usize, control_len: usize) {
        assert!(name_len <= Name::CAPACITY && control_len <= Control::CAPACITY);
        let header = &mut self.headers[at];
        header.msg_len = 0;
        header.msg_hdr.msg_iov = &mut self.vectors[at];
        header.msg_hdr.msg_iovlen = 1;
        header.msg_hdr.msg_name = self.names[at].as_mut_ptr().cast();
        header.msg_hdr.msg_namelen = name_len as libc::socklen_t;
        header.msg_hdr.msg_control = match control_len {
            0 => std::ptr::null_mut(),
            _ => self.controls[at].as_mut_ptr().cast(),
        };
        header.msg_hdr.msg_controllen = control_len as _;
        header.msg_hdr.msg_flags = 0;
    }
}

// SAFETY: the pointers in headers and vectors are set anew before each system call and are never
// followed between calls, so it does not matter which thread the structure is moved to.
unsafe impl Send for Vectors {}

fn bound(address: SocketAddr) -> io::Result<OwnedFd> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let fd = net::socket_with(family, SocketType::DGRAM, flags, None)?;
    if address.is_ipv6() {
        net::sockopt::set_ipv6_v6only(&fd, false)?;
    }
    net::bind(&fd, &address)?;
    Ok(fd)
}

fn set_option(fd: BorrowedFd<'_>, level: i32, name: i32, value: i32) -> io::Result<()> {
    // SAFETY: the pointer and the length are those of an integer that outlives the call.
    let result = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            level,
            name,
            std::ptr::from_ref(&value).cast(),
            size_of::<i32>() as libc::socklen_t,
        )
    };
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests;
