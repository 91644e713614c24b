//! One peer's path: credentials, validated addresses, keys, and what runs over it.

mod credentials;
mod moves;
mod pace;
#[cfg(test)]
mod tests;

use crate::batch::Destination;
use crate::clock::PublisherClock;
use crate::command::{Id, PayloadType};
use crate::extension::ExtensionIds;
use crate::feedback::SendHistory;
use crate::identify::Names;
use crate::pacer::{Pacer, Repairs};
use crate::prober::Prober;
use crate::rates::Rates;
use crate::srtp::{Opener, Sealer};
use crate::table::Key;
use crate::twcc::Recorder;
use crate::upload::Upload;
use sfu_codecs::Codec;
use std::collections::VecDeque;
use std::net::SocketAddr;

pub use credentials::Credentials;

/// Addresses that one transport may have validated at a time.
const MAX_PATHS: usize = 8;
/// Streams that one transport may send.
const MAX_STREAMS: usize = 64;
/// SSRCs that one transport may be sent under one key.
const MAX_SENT_SSRCS: usize = 4096;
/// Ended streams whose packets are refused by their SSRC alone.
const MAX_BURIED: usize = 1024;
/// Consent lasts this long after a valid check (RFC 7675 §5.1).
pub const CONSENT_US: i64 = 30_000_000;
/// A path that was nominated but has been silent for so long gives way to any other.
const STALE_US: i64 = 5_000_000;

/// An address from which a valid binding check came.
#[derive(Clone, Debug)]
struct Path {
    destination: Destination,
    priority: u32,
    nominated: bool,
    checked_us: i64,
    /// Of the credentials under which it was found.
    generation: u32,
    /// It takes no more for now, as a connection whose peer reads too slowly.
    is_full: bool,
}

/// Which received stream an SSRC is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Synchronisation source.
    pub ssrc: u32,
    /// The source that it belongs to.
    pub track: Key,
    /// The layer of that source.
    pub layer: u8,
    /// Whether it carries retransmissions of that layer (RFC 4588).
    pub rtx: bool,
}

/// One peer.
pub struct Transport {
    /// As the control plane names it.
    pub id: Id,
    /// Under which its path was found.
    pub credentials: Credentials,
    /// Under which another path is looked for.
    pub restarting: Option<Credentials>,
    /// Decrypts what comes; `None` before the handshake.
    pub opener: Option<Box<Opener>>,
    /// Encrypts what goes; `None` before the handshake.
    pub sealer: Option<Box<Sealer>>,
    /// Negotiated header extensions.
    pub extensions: ExtensionIds,
    /// Negotiated payload types.
    pub payload_types: Vec<PayloadType>,
    /// Our canonical name towards this peer (RFC 7022).
    pub cname: String,
    /// What it publishes.
    pub tracks: Vec<Key>,
    /// What it is sent.
    pub egresses: Vec<Key>,
    /// Arrival of its packets, to be reported to it.
    pub recorder: Recorder,
    /// Its sender reports' clock.
    pub clock: PublisherClock,
    /// What it was sent, and its reports on that.
    pub history: SendHistory,
    /// How much it may be sent.
    pub rates: Rates,
    /// When what it is sent may leave.
    pub pacer: Pacer,
    /// How far the turns of its pictures are that wait ([`paced`](crate::paced)).
    pub turn: u64,
    /// What it has asked for again and not been sent yet.
    pub repairs: Repairs,
    /// What tries its path.
    pub(crate) prober: Prober,
    /// When it was last reported to.
    pub reported_us: i64,
    /// When transport-wide feedback last went to it.
    pub feedback_us: i64,
    /// What it may send, and when it is told so next.
    pub upload: Upload,
    /// Last validity of consent.
    pub consent_us: i64,
    /// Bytes of all its media that was authentic.
    pub received_bytes: u64,
    /// What its SSRCs are called.
    pub names: Names,
    /// Whether the control plane believes that the path is up.
    pub is_up: bool,
    /// Whether anything authentic has come under the keys.
    is_heard: bool,
    handshakes: (i64, u32),
    sent_ssrcs: Vec<u32>,
    retired: VecDeque<u32>,
    buried: VecDeque<u32>,
    streams: Vec<Stream>,
    paths: Vec<Path>,
    selected: usize,
    generations: u32,
}

impl Transport {
    /// A peer that has not been heard of yet.
    pub fn new(id: Id, ufrag: String, pwd: String, now_us: i64) -> Self {
        Self {
            id,
            credentials: Credentials::new(ufrag, pwd),
            restarting: None,
            opener: None,
            sealer: None,
            extensions: ExtensionIds::default(),
            payload_types: Vec::new(),
            cname: String::new(),
            tracks: Vec::new(),
            egresses: Vec::new(),
            turn: 0,
            recorder: Recorder::default(),
            clock: PublisherClock::default(),
            history: SendHistory::default(),
            rates: Rates::default(),
            pacer: Pacer::default(),
            repairs: Repairs::default(),
            prober: Prober::default(),
            reported_us: now_us,
            feedback_us: now_us,
            upload: Upload::default(),
            consent_us: now_us,
            received_bytes: 0,
            names: Names::default(),
            is_up: false,
            is_heard: false,
            handshakes: (0, 0),
            sent_ssrcs: Vec::new(),
            retired: VecDeque::new(),
            buried: VecDeque::new(),
            streams: Vec::new(),
            paths: Vec::new(),
            selected: 0,
            generations: 0,
        }
    }

    /// Where packets to this peer go.
    pub fn destination(&self) -> Option<&Destination> {
        self.paths.get(self.selected).map(|path| &path.destination)
    }

    /// Every validated address.
    pub fn remotes(&self) -> impl Iterator<Item = SocketAddr> + '_ {
        self.paths.iter().map(|path| path.destination.remote)
    }

    /// A valid binding check came (RFC 8445 §7.3), under credentials of a generation. Of several
    /// addresses the one with the highest priority is used from its nomination on, until it falls
    /// silent or media shows that the peer has gone over to another one. Gives whether the selected
    /// address has changed, and an address that was given up.
    pub fn on_check(
        &mut self,
        from: &Destination,
        (priority, nominated): (u32, bool),
        generation: u32,
        now_us: i64,
    ) -> (bool, Option<SocketAddr>) {
        let before = self.destination().map(|destination| destination.remote);
        self.consent_us = now_us;
        let mut evicted = None;
        match self
            .paths
            .iter_mut()
            .find(|path| path.destination.remote == from.remote)
        {
            // What was found before a restart is selected until something is nominated after it.
            Some(path) if path.generation != generation && !nominated => {
                path.checked_us = now_us;
            }
            Some(path) => {
                path.destination = *from;
                path.checked_us = now_us;
                path.nominated = nominated || path.nominated;
                path.priority = priority;
                path.generation = path.generation.max(generation);
            }
            None => {
                if self.paths.len() == MAX_PATHS {
                    evicted = self.evict();
                }
                self.paths.push(Path {
                    destination: *from,
                    priority,
                    nominated,
                    checked_us: now_us,
                    generation,
                    is_full: false,
                });
            }
        }
        self.reselect(nominated.then_some(from.remote), now_us);
        let moved = self.destination().map(|destination| destination.remote) != before;
        if moved && before.is_some() {
            self.moved();
        }
        (moved, evicted)
    }

    /// Whether one more handshake datagram is believed: a handshake needs a few, a
    /// finished one hardly any, and each costs the control plane some work.
    pub fn may_shake_hands(&mut self, now_us: i64) -> bool {
        if now_us - self.handshakes.0 >= 1_000_000 {
            self.handshakes = (now_us, 0);
        }
        self.handshakes.1 += 1;
        let limit = if self.sealer.is_some() { 8 } else { 64 };
        self.handshakes.1 <= limit
    }

    /// A layer has begun anew: its retransmissions of before name packets of another stream.
    pub fn forget_retransmissions(&mut self, track: Key, layer: u8) {
        self.retire(|known| (known.track, known.layer, known.rtx) == (track, layer, true));
    }

    /// Takes the keys, once: under the same keys again, packet indices would repeat.
    pub fn set_keys(&mut self, opener: Box<Opener>, sealer: Box<Sealer>) -> bool {
        let is_first = self.sealer.is_none();
        if is_first {
            self.opener = Some(opener);
            self.sealer = Some(sealer);
        }
        is_first
    }

    /// Claims an SSRC for a stream to this peer. False when it was used before: a
    /// second stream of that name would repeat packet indices under one key, which
    /// gives plaintext away (RFC 3711 §9.1, RFC 7714 §8.1).
    pub fn claim_ssrc(&mut self, ssrc: u32) -> bool {
        let is_new = !self.sent_ssrcs.contains(&ssrc) && self.sent_ssrcs.len() < MAX_SENT_SSRCS;
        if is_new {
            self.sent_ssrcs.push(ssrc);
        }
        is_new
    }

    /// The stream of an SSRC.
    #[inline]
    pub fn stream(&self, ssrc: u32) -> Option<Stream> {
        self.streams
            .iter()
            .find(|stream| stream.ssrc == ssrc)
            .copied()
    }

    /// Learns which stream an SSRC is; the layer's former SSRC is forgotten. False when the table is full.
    pub fn learn(&mut self, stream: Stream) -> bool {
        let part = |known: &Stream| (known.track, known.layer, known.rtx);
        self.retire(|known| known.ssrc == stream.ssrc || part(known) == part(&stream));
        if self.streams.len() == MAX_STREAMS {
            return false;
        }
        // A source that comes back under its former SSRC goes on where its replay window stands.
        self.retired.retain(|ssrc| *ssrc != stream.ssrc);
        self.buried.retain(|ssrc| *ssrc != stream.ssrc);
        self.streams.push(stream);
        true
    }

    /// Forgets the streams of a source.
    pub fn forget(&mut self, track: Key) {
        self.retire(|known| known.track == track);
        self.tracks.retain(|known| *known != track);
    }

    /// Makes room for one more SSRC in the replay table: the stream that ended first
    /// gives up its window. Its SSRC is not opened again, or its packets could be replayed.
    pub fn bury_oldest(&mut self) {
        let (Some(opener), Some(oldest)) = (self.opener.as_mut(), self.retired.pop_front()) else {
            return;
        };
        opener.forget(oldest);
        if self.buried.len() == MAX_BURIED {
            self.buried.pop_front();
        }
        self.buried.push_back(oldest);
    }

    /// Whether packets of this SSRC are no longer opened.
    #[inline]
    pub fn is_buried(&self, ssrc: u32) -> bool {
        !self.buried.is_empty() && self.buried.contains(&ssrc)
    }

    fn retire(&mut self, ends: impl Fn(&Stream) -> bool) {
        let retired = &mut self.retired;
        self.streams.retain(|known| {
            if ends(known) {
                retired.push_back(known.ssrc);
            }
            !ends(known)
        });
    }

    /// What a payload type carries, and whether it carries retransmissions of that.
    #[inline]
    pub fn codec(&self, payload_type: u8) -> Option<(Codec, bool)> {
        self.payload_types.iter().find_map(|kind| {
            if kind.number == payload_type {
                Some((kind.codec, false))
            } else if kind.rtx == Some(payload_type) {
                Some((kind.codec, true))
            } else {
                None
            }
        })
    }

    fn reselect(&mut self, nominated: Option<SocketAddr>, now_us: i64) {
        let generation = self.credentials.generation;
        let is_of_now = |path: &Path| path.generation == generation;
        let fresh = |path: &Path| now_us - path.checked_us < STALE_US;
        if self
            .paths
            .get(self.selected)
            .is_some_and(|path| is_of_now(path) && path.nominated && fresh(path))
        {
            let current = self.paths[self.selected].priority;
            // What was nominated before is not: the peer may have left it since.
            let better = |path: &Path| {
                let is_chosen = nominated == Some(path.destination.remote);
                is_chosen && is_of_now(path) && path.priority > current
            };
            if let Some(found) = self.paths.iter().position(better) {
                self.selected = found;
            }
            return;
        }
        let rank = |path: &Path| (fresh(path), path.nominated, path.priority);
        let candidates = self.paths.iter().enumerate();
        if let Some((found, _)) = candidates
            .filter(|(_, path)| is_of_now(path))
            .max_by_key(|(_, path)| rank(path))
        {
            self.selected = found;
        }
    }

    /// Gives up the address that has been silent for longest, never the selected one.
    fn evict(&mut self) -> Option<SocketAddr> {
        let (oldest, _) = self
            .paths
            .iter()
            .enumerate()
            .filter(|(at, _)| *at != self.selected)
            .min_by_key(|(_, path)| path.checked_us)?;
        let evicted = self.paths.remove(oldest);
        if oldest < self.selected {
            self.selected -= 1;
        }
        Some(evicted.destination.remote)
    }
}
