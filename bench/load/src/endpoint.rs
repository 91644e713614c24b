//! One synthetic client on one socket: path, keys, and what it does with media.

use crate::attendee::Attendee;
use crate::latencies::Meter;
use crate::path::{put, Path};
use crate::presenter::Presenter;
use _plane::batch::{Inbox, Outbox};
use _plane::demux::{classify, Kind};
use _plane::srtp::{KeyLength, Opener, Profile, Sealer};
use _plane::udp::UdpSocket;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

/// Bytes of the kernel's buffers of each socket: what comes in while the others are served.
const BUFFER: usize = 1 << 20;

/// What an endpoint does once it has keys.
pub enum Part {
    /// It receives.
    Attendee(Box<Attendee>),
    /// It sends.
    Presenter(Box<Presenter>),
}

/// What the control side needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The first binding check was answered.
    PathUp,
    /// A DTLS datagram has come.
    Handshake(Vec<u8>),
    /// The first packet of a picture has come, at that time in nanoseconds.
    Picture(u64),
}

/// One client.
pub struct Endpoint {
    socket: UdpSocket,
    path: Option<Path>,
    keys: Option<(Sealer, Opener)>,
    part: Part,
    /// Of 2^32: how much is lost of what comes, and of the batches that go.
    loss: u32,
    chance: u64,
}

impl Endpoint {
    /// Binds a socket; servers to be measured are on this machine.
    pub fn new(part: Part) -> io::Result<Self> {
        Ok(Self {
            socket: UdpSocket::bind(Some(Ipv4Addr::UNSPECIFIED.into()), 0, BUFFER)?,
            path: None,
            keys: None,
            part,
            loss: 0,
            chance: 0x9e37_79b9_7f4a_7c15,
        })
    }

    /// Goes on from another port, as a client whose network has changed.
    pub fn relocate(&mut self, now_ns: u64) -> io::Result<()> {
        self.socket = UdpSocket::bind(Some(Ipv4Addr::UNSPECIFIED.into()), 0, BUFFER)?;
        if let Some(path) = &mut self.path {
            path.moved(now_ns);
        }
        Ok(())
    }

    /// From now on so much of 2^32 is lost, in both directions.
    pub fn impair(&mut self, loss: u32) {
        self.loss = loss;
    }

    /// The socket, for the poll.
    pub fn socket(&self) -> &UdpSocket {
        &self.socket
    }

    /// What it does.
    pub fn part(&self) -> &Part {
        &self.part
    }

    /// From now on it checks this path; `passwords` are theirs and ours.
    pub fn connect(
        &mut self,
        server: SocketAddr,
        username: String,
        passwords: (String, String),
        tie_breaker: u64,
        now_ns: u64,
    ) {
        let (theirs, ours) = passwords;
        self.path = Some(Path::new(
            server,
            username,
            theirs,
            ours,
            tie_breaker,
            now_ns,
        ));
    }

    /// From now on it sends and receives media. Key and salt follow each other.
    pub fn set_keys(
        &mut self,
        profile: Profile,
        receive: &[u8],
        send: &[u8],
    ) -> Result<(), KeyLength> {
        let split = |keys: &[u8]| keys.len().min(profile.key_len());
        let (receive_key, receive_salt) = receive.split_at(split(receive));
        let (send_key, send_salt) = send.split_at(split(send));
        self.keys = Some((
            Sealer::new(profile, send_key, send_salt)?,
            Opener::new(profile, receive_key, receive_salt)?,
        ));
        Ok(())
    }

    /// Sends DTLS datagrams.
    pub fn send(&mut self, datagrams: &[Vec<u8>], outbox: &mut Outbox) {
        let Some(path) = &self.path else { return };
        for datagram in datagrams {
            put(outbox, path.server(), datagram);
        }
        self.flush(outbox);
    }

    /// Takes what has arrived, one batch.
    pub fn receive(
        &mut self,
        inbox: &mut Inbox,
        outbox: &mut Outbox,
        meter: &mut Meter,
        mut on_event: impl FnMut(Event),
        clock: impl Fn() -> u64,
    ) {
        // A refused packet comes back as an error of the socket, once; reading goes on.
        if !matches!(self.socket.recv(inbox), Ok(count) if count > 0) {
            return;
        }
        let now_ns = clock();
        for (datagram, received) in inbox.iter_mut() {
            if loses(self.loss, &mut self.chance) {
                continue;
            }
            match (classify(datagram), &mut self.path, &mut self.keys) {
                (Kind::Stun, Some(path), _) => {
                    let came_up = path.on_datagram(datagram, now_ns, outbox);
                    if came_up {
                        on_event(Event::PathUp);
                    }
                }
                (Kind::Dtls, _, _) => on_event(Event::Handshake(datagram.to_vec())),
                (Kind::Rtp, _, Some((_, opener))) => {
                    if let Part::Attendee(attendee) = &mut self.part {
                        let saw = attendee.sees();
                        attendee.on_rtp(datagram, opener, meter, now_ns);
                        if !saw && attendee.sees() {
                            on_event(Event::Picture(now_ns));
                        }
                    }
                }
                (Kind::Rtcp, _, Some((_, opener))) => {
                    let Ok(len) = opener.open_rtcp(datagram) else {
                        continue;
                    };
                    match &mut self.part {
                        Part::Attendee(attendee) => attendee.on_rtcp(&datagram[..len], now_ns),
                        Part::Presenter(presenter) => {
                            presenter.on_rtcp(&datagram[..len], now_ns, &received.from, outbox);
                        }
                    }
                }
                _ => {}
            }
        }
        self.flush(outbox);
    }

    /// Sends what is due; gives the time of the next call for those who cannot wait.
    pub fn advance(&mut self, now_ns: u64, ntp: u64, outbox: &mut Outbox) -> u64 {
        let Some(path) = &mut self.path else {
            return u64::MAX;
        };
        path.advance(now_ns, outbox);
        let mut next_ns = u64::MAX;
        if let Some((sealer, _)) = &mut self.keys {
            match &mut self.part {
                Part::Attendee(attendee) => {
                    attendee.advance(now_ns, sealer, path.server(), outbox);
                }
                Part::Presenter(presenter) => {
                    next_ns = presenter.advance(now_ns, ntp, sealer, path.server(), outbox);
                }
            }
        }
        self.flush(outbox);
        next_ns
    }

    fn flush(&mut self, outbox: &mut Outbox) {
        if outbox.is_empty() {
            return;
        }
        if loses(self.loss, &mut self.chance) {
            outbox.clear();
        } else {
            self.socket.send(outbox);
        }
    }
}

/// Throws the dice (xorshift64, Marsaglia 2003).
fn loses(loss: u32, chance: &mut u64) -> bool {
    if loss == 0 {
        return false;
    }
    *chance ^= *chance << 13;
    *chance ^= *chance >> 7;
    *chance ^= *chance << 17;
    ((*chance >> 32) as u32) < loss
}
