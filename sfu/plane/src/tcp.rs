//! ICE-TCP (RFC 6544): a passive candidate on the worker's port number, for peers whose network
//! lets no UDP through. What comes is handed to the forwarder as datagrams, under a name that
//! tells the connection ([`peer`]); what goes to such a name is framed and written here.
//!
//! Nothing blocks: what the kernel does not take waits, within bounds, and the forwarder is told
//! to hold pictures back meanwhile.

pub mod framing;
mod paths;
pub mod peer;
pub mod table;

use crate::batch::{Destination, Outbox, INBOX_BYTES};
use crate::forwarder::Forwarder;
use framing::PREFIX;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::event::Timespec;
use rustix::io::Errno;
use rustix::net::{self, sockopt, AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use std::io;
use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use table::{ConnectionTable, TcpLimits};

/// Connections that are looked at, and taken in, per round: a flood cannot starve the rest.
const EVENTS_PER_ROUND: usize = 64;
/// Bytes read from one connection per round.
const READ_BYTES: usize = 1 << 16;
/// Bytes that the kernel may hold for a peer: what waits there is late, and nobody can drop it.
const KERNEL_BYTES: usize = 1 << 17;
/// Between looks at who belongs to no transport.
const SWEEP_US: i64 = 500_000;
/// In a busy round the sockets are looked at when so long has passed.
const LOOK_US: i64 = 2_000;
const BACKLOG: i32 = 256;
/// The listener among the connections' numbers.
const LISTENER: u64 = 0;

/// A worker's listener and its connections.
pub struct TcpSockets {
    listener: Option<OwnedFd>,
    epoll: OwnedFd,
    table: ConnectionTable<OwnedFd>,
    buffer: Vec<u8>,
    touched: Vec<u32>,
    changed: Vec<u32>,
    closed: Vec<u32>,
    /// The process has no descriptors left: nobody is taken in until the next sweep.
    is_deaf: bool,
    looked_us: i64,
    swept_us: i64,
    dropped: u64,
    accepted: u64,
    refused: u64,
}

impl TcpSockets {
    /// Listens on a port, on one address or on all of both families, if the limits allow any
    /// connection.
    pub fn bind(host: Option<IpAddr>, port: u16, limits: TcpLimits) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let listener = match (limits.connections, host) {
            (0, _) => None,
            (_, Some(host)) => Some(listening((host, port).into())?),
            (_, None) => Some(match listening((Ipv6Addr::UNSPECIFIED, port).into()) {
                Err(error) if error.raw_os_error() != Some(libc::EADDRINUSE) => {
                    // Hosts without IPv6.
                    listening((Ipv4Addr::UNSPECIFIED, port).into())?
                }
                other => other?,
            }),
        };
        if let Some(listener) = &listener {
            epoll::add(
                &epoll,
                listener,
                EventData::new_u64(LISTENER),
                EventFlags::IN,
            )?;
        }
        Ok(Self {
            listener,
            epoll,
            table: ConnectionTable::new(limits),
            buffer: vec![0; READ_BYTES + PREFIX + INBOX_BYTES],
            touched: Vec::new(),
            changed: Vec::new(),
            closed: Vec::new(),
            is_deaf: false,
            looked_us: 0,
            swept_us: 0,
            dropped: 0,
            accepted: 0,
            refused: 0,
        })
    }

    /// Whether the sockets are to be looked at in this round; `readable` is what a wait said.
    pub fn is_due(&self, readable: bool, now_us: i64) -> bool {
        self.listener.is_some() && (readable || now_us - self.looked_us >= LOOK_US)
    }

    /// Takes in what has come, without waiting; each datagram is given to `each`, with the forwarder.
    pub fn receive(
        &mut self,
        forwarder: &mut Forwarder,
        now_us: i64,
        mut each: impl FnMut(&mut Self, &mut Forwarder, &mut [u8], &Destination),
    ) {
        self.looked_us = now_us;
        if now_us - self.swept_us >= SWEEP_US {
            self.swept_us = now_us;
            self.table.sweep(|name| forwarder.knows(name), now_us);
            self.listen_again();
        }
        let mut events = [const { MaybeUninit::uninit() }; EVENTS_PER_ROUND];
        // An interrupted look is an empty one.
        let ready = epoll::wait(&self.epoll, &mut events, Some(&Timespec::default()));
        for event in ready.map_or(&mut [][..], |(ready, _)| ready) {
            let (flags, number) = (event.flags, event.data.u64());
            if number == LISTENER {
                self.accept(forwarder, now_us);
                continue;
            }
            let number = number as u32;
            if flags.contains(EventFlags::OUT) {
                self.write(number);
            }
            if flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
                self.read(number, forwarder, &mut each);
            }
        }
        self.settle(forwarder);
    }

    /// Frames and writes what the outbox holds for connections; the rest is not looked at.
    pub fn send(&mut self, outbox: &Outbox) {
        if self.table.is_empty() {
            return;
        }
        let most = self.table.limits().waiting;
        for message in outbox.messages() {
            let Some(number) = peer::connection(&message.to.remote) else {
                continue;
            };
            let Some(row) = self.table.get_mut(number) else {
                self.dropped += u64::from(message.segments);
                continue;
            };
            for datagram in outbox.bytes(message).chunks(message.segment.max(1)) {
                self.dropped += u64::from(!row.push(datagram, most));
            }
            if !std::mem::replace(&mut row.is_touched, true) {
                self.touched.push(number);
            }
        }
        let mut touched = std::mem::take(&mut self.touched);
        for number in touched.drain(..) {
            if let Some(row) = self.table.get_mut(number) {
                row.is_touched = false;
            }
            self.write(number);
        }
        self.touched = touched;
    }

    /// Tells the forwarder which connections are full, free again, or gone.
    pub fn settle(&mut self, forwarder: &mut Forwarder) {
        for number in self.changed.drain(..) {
            if let Some(row) = self.table.get_mut(number) {
                forwarder.connection_full(&row.name, row.is_full);
            }
        }
        for number in self.closed.drain(..) {
            if let Some(name) = self.table.remove(number) {
                forwarder.connection_closed(&name);
            }
        }
        let counters = forwarder.counters_mut();
        counters.drop_tcp_full += std::mem::take(&mut self.dropped);
        counters.tcp_accepted += std::mem::take(&mut self.accepted);
        counters.tcp_refused += std::mem::take(&mut self.refused);
    }

    fn accept(&mut self, forwarder: &Forwarder, now_us: i64) {
        let Some(listener) = &self.listener else {
            return;
        };
        for _ in 0..EVENTS_PER_ROUND {
            let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
            let (socket, peer) = match net::acceptfrom_with(listener, flags) {
                Ok(accepted) => accepted,
                Err(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => {
                    self.is_deaf = epoll::delete(&self.epoll, listener).is_ok();
                    return;
                }
                // Nobody else, or one that has gone meanwhile (accept(2)).
                Err(_) => return,
            };
            let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok());
            // Best effort, all of them: without, it is only slower.
            let _ = sockopt::set_tcp_nodelay(&socket, true);
            let _ = sockopt::set_socket_send_buffer_size(&socket, KERNEL_BYTES);
            let belongs = |name: &SocketAddr| forwarder.knows(name);
            let number = peer.and_then(|peer| self.table.admit(socket, peer, belongs, now_us));
            let Some(row) = number.and_then(|number| self.table.get_mut(number)) else {
                self.refused += 1;
                continue;
            };
            self.accepted += 1;
            let number = number.unwrap_or_default();
            let data = EventData::new_u64(number.into());
            if epoll::add(&self.epoll, &row.socket, data, EventFlags::IN).is_err() {
                self.closed.push(number);
            }
        }
    }

    fn listen_again(&mut self) {
        if let (true, Some(listener)) = (self.is_deaf, &self.listener) {
            let data = EventData::new_u64(LISTENER);
            self.is_deaf = epoll::add(&self.epoll, listener, data, EventFlags::IN).is_err();
        }
    }

    fn read(&mut self, number: u32, forwarder: &mut Forwarder, each: &mut impl Each) {
        let mut buffer = std::mem::take(&mut self.buffer);
        let is_open = self.read_into(&mut buffer, number, forwarder, each);
        self.buffer = buffer;
        if !is_open {
            self.closed.push(number);
        }
    }

    /// Reads once; false when the connection is to end.
    fn read_into(
        &mut self,
        buffer: &mut [u8],
        number: u32,
        forwarder: &mut Forwarder,
        each: &mut impl Each,
    ) -> bool {
        let Some(row) = self.table.get_mut(number) else {
            return true;
        };
        let before = row.partial.len();
        buffer[..before].copy_from_slice(&row.partial);
        let room = &mut buffer[before..before + READ_BYTES];
        let came = match net::recv(&row.socket, room, RecvFlags::DONTWAIT) {
            Ok((0, _)) => return false,
            Ok((came, _)) => came,
            Err(Errno::AGAIN | Errno::INTR) => return true,
            Err(_) => return false,
        };
        let from = Destination {
            remote: row.name,
            local: None,
        };
        let came = &mut buffer[..before + came];
        let used = framing::unframe(came, |datagram| each(self, forwarder, datagram, &from));
        let Ok(used) = used else {
            return false;
        };
        if let Some(row) = self.table.get_mut(number) {
            row.partial.clear();
            row.partial.extend_from_slice(&came[used..]);
        }
        true
    }

    /// Gives the kernel what waits, as much as it takes.
    fn write(&mut self, number: u32) {
        let most = self.table.limits().waiting;
        let Some(row) = self.table.get_mut(number) else {
            return;
        };
        while !row.waiting().is_empty() {
            let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
            match net::send(&row.socket, row.waiting(), flags) {
                Ok(taken) => row.advance(taken),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(_) => {
                    self.closed.push(number);
                    return;
                }
            }
        }
        let waits = !row.waiting().is_empty();
        if waits != row.is_watched {
            row.is_watched = waits;
            let flags = match waits {
                true => EventFlags::IN | EventFlags::OUT,
                false => EventFlags::IN,
            };
            let data = EventData::new_u64(number.into());
            if epoll::modify(&self.epoll, &row.socket, data, flags).is_err() {
                self.closed.push(number);
            }
        }
        if row.is_filling(most) != row.is_full {
            row.is_full = !row.is_full;
            self.changed.push(number);
        }
    }
}

impl AsFd for TcpSockets {
    /// Readable while [`TcpSockets::receive`] has something to do.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

/// What is done with each datagram.
trait Each: FnMut(&mut TcpSockets, &mut Forwarder, &mut [u8], &Destination) {}
impl<F: FnMut(&mut TcpSockets, &mut Forwarder, &mut [u8], &Destination)> Each for F {}

fn listening(address: SocketAddr) -> io::Result<OwnedFd> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let fd = net::socket_with(family, SocketType::STREAM, flags, None)?;
    // A restarted server finds its port with connections of before still ending on it.
    sockopt::set_socket_reuseaddr(&fd, true)?;
    if address.is_ipv6() {
        sockopt::set_ipv6_v6only(&fd, false)?;
    }
    net::bind(&fd, &address)?;
    net::listen(&fd, BACKLOG)?;
    Ok(fd)
}
