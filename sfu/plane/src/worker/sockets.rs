//! The two sockets of a worker, on one port number: UDP, and TCP for who cannot use it.

use super::Settings;
use crate::batch::Inbox;
use crate::clock::Now;
use crate::forwarder::Forwarder;
use crate::tcp::TcpSockets;
use crate::udp::UdpSocket;
use std::io;

/// Datagrams per round, or one receive call's, so that a flood cannot starve timers and commands.
const DATAGRAMS_PER_ROUND: usize = 256;
/// What the outbox keeps free for the answers to one datagram.
const MESSAGES_FREE: usize = 256;
const BYTES_FREE: usize = 1 << 18;
/// Of a port that the system chooses the same number may be taken for TCP.
const ATTEMPTS: usize = 16;

pub(super) struct Sockets {
    pub(super) udp: UdpSocket,
    pub(super) tcp: TcpSockets,
    inbox: Inbox,
}

impl Sockets {
    pub(super) fn bind(settings: &Settings) -> io::Result<Self> {
        let mut attempts = if settings.port == 0 { ATTEMPTS } else { 1 };
        loop {
            attempts -= 1;
            let udp = UdpSocket::bind(settings.host, settings.port, settings.socket_buffer)?;
            match TcpSockets::bind(settings.host, udp.local_port(), settings.tcp) {
                Ok(tcp) => {
                    let inbox = match udp.coalesce() {
                        Ok(()) => Inbox::coalescing(),
                        Err(_) => Inbox::new(),
                    };
                    return Ok(Self { udp, tcp, inbox });
                }
                Err(error) if attempts == 0 => return Err(error),
                Err(_) => {}
            }
        }
    }

    pub(super) fn receive(&mut self, forwarder: &mut Forwarder, now: Now) {
        let mut handled = 0;
        while handled < DATAGRAMS_PER_ROUND {
            // Without memory for a datagram the kernel says so and drops it: nothing to do here.
            let received = self.udp.recv(&mut self.inbox).unwrap_or(0);
            for (datagram, meta) in self.inbox.iter_mut() {
                handled += 1;
                if meta.truncated {
                    forwarder.counters_mut().drop_truncated += 1;
                    continue;
                }
                forwarder.handle(datagram, &meta.from, now);
                make_room(&mut self.udp, &mut self.tcp, forwarder);
            }
            if received < self.inbox.capacity() {
                break;
            }
        }
    }

    pub(super) fn receive_streams(&mut self, forwarder: &mut Forwarder, now: Now) {
        let udp = &mut self.udp;
        self.tcp
            .receive(forwarder, now.us, |tcp, forwarder, datagram, from| {
                forwarder.handle(datagram, from, now);
                make_room(udp, tcp, forwarder);
            });
    }

    /// Sends early when the outbox could become too small for what one step may write.
    pub(super) fn make_room(&mut self, forwarder: &mut Forwarder) {
        make_room(&mut self.udp, &mut self.tcp, forwarder);
    }

    pub(super) fn send(&mut self, forwarder: &mut Forwarder) {
        send(&mut self.udp, &mut self.tcp, forwarder);
        self.tcp.settle(forwarder);
    }
}

fn make_room(udp: &mut UdpSocket, tcp: &mut TcpSockets, forwarder: &mut Forwarder) {
    let outbox = forwarder.outbox();
    if outbox.messages_free() < MESSAGES_FREE || outbox.bytes_free() < BYTES_FREE {
        send(udp, tcp, forwarder);
    }
}

fn send(udp: &mut UdpSocket, tcp: &mut TcpSockets, forwarder: &mut Forwarder) {
    tcp.send(forwarder.outbox());
    let sent = udp.send(forwarder.outbox());
    let counters = forwarder.counters_mut();
    counters.send_calls += sent.calls;
    counters.send_messages += sent.messages;
    counters.drop_send_error += sent.failed + sent.dropped;
}
