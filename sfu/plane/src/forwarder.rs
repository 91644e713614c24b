//! The plane's state and the commands that change it.
//!
//! What happens to a packet stands in [`connect`](crate::connect) (checks and
//! handshakes), [`receive`](crate::receive) (media in), [`fanout`](crate::fanout)
//! (media out), [`listen`](crate::listen) (RTCP in) and
//! [`periodic`](crate::periodic) (everything that time brings).

mod microphones;
mod news;
mod show;
mod topology;

use crate::batch::{Destination, Outbox};
use crate::clock::Now;
use crate::command::{Command, Id};
use crate::counters::Counters;
use crate::demux::{classify, Kind};
use crate::egress::Egress;
use crate::fanout::FanOut;
use crate::feedback::Arrived;
use crate::periodic::Agenda;
use crate::probing::DueList;
use crate::relaying::Peer;
use crate::report::Report;
use crate::table::{Key, Table};
use crate::top_speakers::TopSpeakers;
use crate::track::Track;
use crate::transport::Transport;
use news::News;
use sfu_codecs::Codec;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

/// Datagrams of one round: room for a slice of the fan-out and the answers to what came in.
const OUTBOX_BYTES: usize = 1 << 20;
const OUTBOX_MESSAGES: usize = 512;
/// Sources per transport and egresses per transport; beyond that a command is refused.
const MAX_TRACKS: usize = 32;
const MAX_EGRESSES: usize = 256;

/// How large the plane may grow.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Peers at a time.
    pub transports: usize,
    /// Packets kept per video track.
    pub video_ring: usize,
    /// Packets kept per audio track.
    pub audio_ring: usize,
}

impl Limits {
    /// Packets kept of a track.
    pub(crate) fn ring(&self, codec: Codec) -> usize {
        match codec.is_video() {
            true => self.video_ring,
            false => self.audio_ring,
        }
    }
}

/// A fixed place on the stage: at most one source, any number of receivers.
pub(crate) struct Route {
    pub(crate) video: bool,
    /// Whether its picture sends no frames while nothing in it changes.
    pub(crate) rests: bool,
    pub(crate) track: Option<Key>,
    pub(crate) egresses: Vec<Key>,
    /// Its share of a receiver's pace where pictures have to wait for each other; at least 1.
    pub(crate) weight: u8,
}

/// One worker's state; see the crate's contract.
pub struct Forwarder {
    pub(crate) limits: Limits,
    pub(crate) transports: Table<Transport>,
    pub(crate) tracks: Table<Track>,
    pub(crate) routes: Table<Route>,
    /// By the group that the control plane names: a room.
    pub(crate) top_speakers: Table<TopSpeakers>,
    pub(crate) egresses: Table<Egress>,
    /// The other workers that this one has to do with.
    pub(crate) peers: Table<Peer>,
    pub(crate) by_ufrag: HashMap<String, Key>,
    pub(crate) by_address: HashMap<SocketAddr, Key>,
    /// Tracks whose packets wait for the rest of their burst.
    pub(crate) held: Vec<Key>,
    pub(crate) urgent: VecDeque<FanOut>,
    pub(crate) bulk: VecDeque<FanOut>,
    /// Transports that their pace holds back, by when they are due.
    pub(crate) paced: BinaryHeap<Reverse<(i64, Key, Id)>>,
    /// Transports whose paths are tried, by when they are due.
    pub(crate) probing: DueList,
    /// Transports whose receivers have reported something.
    news: News,
    pub(crate) agenda: Agenda,
    pub(crate) outbox: Outbox,
    pub(crate) reports: Vec<Report>,
    pub(crate) counters: Counters,
    pub(crate) scratch: Vec<u8>,
    pub(crate) arrived: Vec<Arrived>,
    random: u64,
}

impl Forwarder {
    /// An empty plane; `seed` makes the first sequence numbers and timestamps unpredictable (RFC 3550 §5.1).
    pub fn new(limits: Limits, seed: u64) -> Self {
        Self {
            limits,
            transports: Table::default(),
            tracks: Table::default(),
            routes: Table::default(),
            top_speakers: Table::default(),
            egresses: Table::default(),
            peers: Table::default(),
            by_ufrag: HashMap::new(),
            by_address: HashMap::new(),
            held: Vec::new(),
            urgent: VecDeque::new(),
            bulk: VecDeque::new(),
            paced: BinaryHeap::new(),
            probing: DueList::new(),
            news: News::default(),
            agenda: Agenda::default(),
            outbox: Outbox::new(OUTBOX_BYTES, OUTBOX_MESSAGES),
            reports: Vec::new(),
            counters: Counters::default(),
            scratch: Vec::with_capacity(2048),
            arrived: Vec::with_capacity(256),
            random: seed | 1,
        }
    }

    /// One datagram from the socket; it is decrypted in place.
    pub fn handle(&mut self, datagram: &mut [u8], from: &Destination, now: Now) {
        let len = datagram.len() as u64;
        let counters = &mut self.counters;
        match classify(datagram) {
            Kind::Rtp => {
                counters.packets_in_rtp += 1;
                counters.bytes_in_rtp += len;
                self.on_rtp(datagram, from, now);
            }
            Kind::Rtcp => {
                counters.packets_in_rtcp += 1;
                counters.bytes_in_rtcp += len;
                self.on_rtcp(datagram, from, now);
            }
            Kind::Stun => {
                counters.packets_in_stun += 1;
                counters.bytes_in_stun += len;
                self.on_stun(datagram, from, now);
            }
            Kind::Dtls => {
                counters.packets_in_dtls += 1;
                counters.bytes_in_dtls += len;
                self.on_dtls(datagram, from, now);
            }
            Kind::Unknown => counters.drop_unknown_kind += 1,
        }
    }

    /// Timers, and a slice of the fan-out that is pending. Gives the time after
    /// which to call again at the latest: zero while work is left.
    pub fn advance(&mut self, now: Now) -> Duration {
        self.take_relayed(now);
        self.release_held(now.us);
        self.publish_relayed();
        let paced_us = self.run_paced(now).min(self.run_probes(now));
        let drained = self.fan_out(now);
        let timer_us = self.run_agenda(now).min(paced_us);
        let published = self.publish_relayed();
        if !drained || !published {
            return Duration::ZERO;
        }
        let flush_us = self
            .held
            .iter()
            .filter_map(|key| self.tracks.get(*key)?.flush_us)
            .min();
        let next_us = flush_us.map_or(timer_us, |flush| flush.min(timer_us));
        Duration::from_micros((next_us - now.us).max(0) as u64)
    }

    /// Where datagrams wait for the worker to send them.
    pub fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }

    /// Moves the news out.
    pub fn take_reports(&mut self, into: &mut Vec<Report>) {
        into.append(&mut self.reports);
    }

    /// Totals so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// For the worker, to add its own.
    pub fn counters_mut(&mut self) -> &mut Counters {
        &mut self.counters
    }

    /// Carries a command out; one that cannot be is reported as refused.
    pub fn apply(&mut self, command: Command, now: Now) {
        self.counters.commands += 1;
        let (name, done) = match command {
            Command::OpenTransport {
                transport,
                ufrag,
                pwd,
            } => (
                "open_transport",
                self.open_transport(transport, ufrag, pwd, now),
            ),
            Command::RestartIce {
                transport,
                ufrag,
                pwd,
            } => ("restart_ice", self.restart_ice(transport, ufrag, pwd)),
            Command::SetRemote {
                transport,
                extensions,
                payload_types,
                cname,
            } => (
                "set_remote",
                self.with_transport(transport, |row| {
                    row.extensions = extensions;
                    row.payload_types = payload_types;
                    row.cname = cname;
                }),
            ),
            Command::SetKeys {
                transport,
                opener,
                sealer,
            } => ("set_keys", self.set_keys(transport, opener, sealer)),
            Command::SendHandshake {
                transport,
                datagrams,
            } => ("send_handshake", self.send_handshake(transport, &datagrams)),
            Command::CloseTransport { transport } => {
                ("close_transport", self.close_transport(transport))
            }
            Command::AddTrack {
                track,
                transport,
                mid,
                codec,
                layers,
            } => (
                "add_track",
                self.add_track(track, transport, mid, codec, layers),
            ),
            Command::AddPeer { peer, end } => ("add_peer", self.add_peer(peer, *end)),
            Command::RemovePeer { peer } => ("remove_peer", self.remove_peer(peer)),
            Command::AddRelayedTrack {
                track,
                peer,
                codec,
                layers,
            } => (
                "add_relayed_track",
                self.add_relayed_track(track, peer, codec, layers),
            ),
            Command::Relay { track, peer } => ("relay", self.relay(track, peer, now)),
            Command::EndRelay { track, peer } => ("end_relay", self.end_relay(track, peer)),
            Command::RemoveTrack { track } => ("remove_track", self.remove_track(track)),
            Command::Mute { track, muted } => ("mute", self.mute(track, muted)),
            Command::Compete { track, group, most } => {
                ("compete", self.compete(track, group, most))
            }
            Command::AddRoute {
                route,
                video,
                rests,
            } => {
                let row = Route {
                    video,
                    rests,
                    track: None,
                    egresses: Vec::new(),
                    weight: 1,
                };
                (
                    "add_route",
                    self.routes.insert(route, row).map(drop).ok_or("id taken"),
                )
            }
            Command::Bind { route, track } => ("bind", self.bind(route, track, now)),
            Command::Weigh { route, weight } => ("weigh", self.weigh(route, weight)),
            Command::RemoveRoute { route } => ("remove_route", self.remove_route(route)),
            Command::AddEgress {
                egress,
                transport,
                route,
                mid,
                ssrc,
                rtx_ssrc,
            } => (
                "add_egress",
                self.add_egress(egress, transport, route, &mid, (ssrc, rtx_ssrc), now),
            ),
            Command::ShowRoutes(moves) => ("show_routes", self.show_routes(&moves, now)),
            Command::RemoveEgress { egress } => ("remove_egress", self.remove_egress(egress)),
            Command::SetTargets(targets) => ("set_targets", self.set_targets(&targets, now)),
            Command::Cap { track, layers } => ("cap", self.cap(track, layers, now)),
            Command::SetUpload {
                transport,
                bps,
                sound_bps,
            } => ("set_upload", self.set_upload(transport, bps, sound_bps)),
            Command::SetRates(rates) => ("set_rates", self.set_rates(&rates, now)),
            Command::ReportTraffic => ("report_traffic", self.report_traffic()),
            Command::RequestKeyframe { track } => {
                ("request_keyframe", self.request_keyframe(track))
            }
            Command::Panic => panic!("on purpose"),
        };
        if let Err(reason) = done {
            self.counters.commands_refused += 1;
            self.reports.push(Report::Refused {
                command: name,
                reason,
            });
        }
    }

    /// xorshift64*: good enough for numbers that only must not be guessed by chance.
    fn draw(&mut self) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }
}
