//! A published source: its layers, its ring, and where it is shown.

use crate::audible::Audible;
use crate::command::{Id, LayerSource, MAX_LAYERS};
use crate::ingress::Ingress;
use crate::ring::{Meta, Ring};
use crate::select::Select;
use crate::table::Key;
use sfu_codecs::Codec;

/// How long a burst's packets may wait for the rest of it, to leave together.
const HOLD_US: i64 = 2_000;
/// A joiner starts from a cached keyframe no older than this …
const REPLAY_AGE_US: i64 = 2_500_000;
/// … with no more packets since then than this.
const REPLAY_PACKETS: u64 = 384;

/// The last keyframe of a layer.
#[derive(Clone, Copy, Debug)]
struct Keyframe {
    index: u64,
    arrived_us: i64,
}

/// Where a track's packets come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// From its publisher.
    Transport(Key),
    /// From the worker that its publisher is on.
    Peer(Key),
}

/// How far another worker has been given a track: the egress towards its receivers there.
#[derive(Clone, Copy, Debug)]
pub struct Relaying {
    /// The other worker.
    pub peer: Key,
    /// Index in the track's ring of the next packet to pass on.
    pub cursor: u64,
    /// What follows has no connection with what was passed on before.
    pub anew: bool,
}

/// A published source.
pub struct Track {
    /// As the control plane names it.
    pub id: Id,
    /// Where it comes from.
    pub origin: Origin,
    /// Media identification of its m-line (RFC 8843).
    pub mid: String,
    /// What was negotiated for it.
    pub codec: Codec,
    /// Lowest first.
    pub layers: Vec<Ingress>,
    /// Its recent packets.
    pub ring: Ring,
    /// The places that show it.
    pub routes: Vec<Key>,
    /// The workers that show it besides this one.
    pub relayings: Vec<Relaying>,
    /// Of a track of another worker, which of that one's packets should come next.
    pub expected: Option<u64>,
    /// Nothing is forwarded, whatever arrives.
    pub muted: bool,
    /// Speech activity; `None` where no level is signalled.
    pub audible: Option<Audible>,
    /// The top speakers that it competes with; `None` where it is forwarded whenever it is heard.
    pub top_speakers: Option<Key>,
    /// Which layers are arriving.
    pub alive: [bool; MAX_LAYERS],
    /// When the packets that wait shall leave; `None` while none wait.
    pub flush_us: Option<i64>,
    waiting_from: u64,
    open_frames: u8,
    silent: bool,
    keyframes: [Option<Keyframe>; MAX_LAYERS],
}

impl Track {
    /// A source that nothing has been received of yet.
    pub fn new(
        id: Id,
        origin: Origin,
        mid: String,
        codec: Codec,
        layers: Vec<LayerSource>,
        ring: usize,
    ) -> Self {
        let clock_rate = codec.clock_rate();
        Self {
            id,
            origin,
            mid,
            codec,
            layers: layers
                .into_iter()
                .map(|source| Ingress::new(source, clock_rate))
                .collect(),
            ring: Ring::new(ring),
            routes: Vec::new(),
            relayings: Vec::new(),
            expected: None,
            muted: false,
            audible: None,
            top_speakers: None,
            alive: [false; MAX_LAYERS],
            flush_us: None,
            waiting_from: 0,
            open_frames: 0,
            silent: false,
            keyframes: [None; MAX_LAYERS],
        }
    }

    /// Looks which layers still arrive; a source without simulcast lives as long as it is published.
    pub fn refresh_alive(&mut self, now_us: i64) {
        for (layer, ingress) in self.layers.iter().enumerate() {
            self.alive[layer] = self.layers.len() == 1 || ingress.is_alive(now_us);
        }
    }

    /// Whether packets are left out by our own choice until one resumes.
    pub fn is_silent(&self) -> bool {
        self.silent
    }

    /// From now on packets are left out by our own choice: the next one resumes.
    pub fn fall_silent(&mut self) {
        self.silent = true;
    }

    /// Stores a packet that is to be forwarded. Gives whether a keyframe begins with it.
    pub fn push(&mut self, mut meta: Meta, payload: &[u8], now_us: i64) -> bool {
        let layer = meta.layer as usize;
        meta.resumes = std::mem::take(&mut self.silent);
        self.alive[layer] = true;
        if self.flush_us.is_none() {
            self.flush_us = Some(now_us + HOLD_US);
            self.waiting_from = self.ring.next();
            self.open_frames = 0;
        }
        if meta.marker {
            self.open_frames &= !(1 << layer);
        } else if !payload.is_empty() {
            self.open_frames |= 1 << layer;
        }
        // Sound has no frames of several packets, and never waits.
        if self.open_frames == 0 || !self.codec.is_video() {
            self.flush_us = Some(now_us);
        }
        let begins = self.begins_keyframe(&meta);
        if self.codec.is_video() {
            // Parameter sets and slices say it alike; a receiver starts with the first of them only.
            meta.payload.keyframe = begins;
        }
        let index = self.ring.push(meta, payload);
        if begins {
            self.keyframes[layer] = Some(Keyframe {
                index,
                arrived_us: now_us,
            });
        }
        begins
    }

    /// Stores a packet of another worker's track as it stands in the ring there.
    pub fn push_relayed(&mut self, meta: Meta, timed: bool, payload: &[u8], now_us: i64) {
        let layer = meta.layer as usize;
        let Some(ingress) = self.layers.get_mut(layer) else {
            return;
        };
        ingress.on_relayed(&meta, timed, now_us);
        self.alive[layer] = true;
        let index = self.ring.push(meta, payload);
        if meta.payload.keyframe && self.codec.is_video() {
            ingress.keyframes.on_keyframe();
            self.keyframes[layer] = Some(Keyframe {
                index,
                arrived_us: meta.arrived_us,
            });
        }
    }

    /// Where another worker begins: with all that a receiver there could start from at once.
    pub fn relay_from(&self, now_us: i64) -> u64 {
        let layers = 0..self.layers.len() as u8;
        let starts = layers.filter_map(|layer| self.replay_from(layer, now_us));
        starts.min().unwrap_or(self.ring.next())
    }

    /// Ends the wait: what has gathered goes out as one burst.
    pub fn release(&mut self) {
        if self.flush_us.take().is_some() && self.codec.is_video() {
            self.ring.equalise(self.waiting_from);
        }
    }

    /// Where a receiver of this layer can start at once without a new keyframe.
    pub fn replay_from(&self, layer: u8, now_us: i64) -> Option<u64> {
        let keyframe = self.keyframes[layer as usize]?;
        let fresh = now_us - keyframe.arrived_us <= REPLAY_AGE_US;
        let short = self.ring.next() - keyframe.index <= REPLAY_PACKETS;
        (fresh && short && keyframe.index >= self.ring.oldest()).then_some(keyframe.index)
    }

    /// Asks for what an egress waits for; says whether that is anything.
    pub fn ask_for_keyframe(&mut self, select: &Select) -> bool {
        let layer = select.waits_for(&self.alive).filter(|_| !self.muted);
        let ingress = layer.and_then(|layer| self.layers.get_mut(layer as usize));
        if let Some(ingress) = ingress {
            ingress.keyframes.want();
            return true;
        }
        false
    }

    /// The last keyframe of a layer, while it is in the ring.
    pub fn keyframe(&self, layer: u8) -> Option<u64> {
        let keyframe = self.keyframes[layer as usize]?;
        (keyframe.index >= self.ring.oldest()).then_some(keyframe.index)
    }

    /// How long ago the last keyframe of a layer came.
    pub fn keyframe_age_us(&self, layer: u8, now_us: i64) -> i64 {
        let keyframe = self.keyframes[layer as usize];
        keyframe.map_or(i64::MAX, |keyframe| now_us - keyframe.arrived_us)
    }

    /// Forgets the cached keyframes: what follows has no connection with them.
    pub fn forget_keyframes(&mut self) {
        self.keyframes = [None; MAX_LAYERS];
    }

    /// H.264 marks parameter sets and slices alike; only the first packet of the frame begins it.
    fn begins_keyframe(&self, meta: &Meta) -> bool {
        if !meta.payload.keyframe {
            return false;
        }
        let same_frame = self.keyframes[meta.layer as usize]
            .and_then(|last| self.ring.get(last.index))
            .is_some_and(|(last, _)| last.timestamp == meta.timestamp);
        !same_frame
    }
}
