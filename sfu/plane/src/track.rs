//! A published source: its layers, its ring, and where it is shown.

mod begin;

use crate::audible::Audible;
use crate::command::{Id, LayerSource, MAX_LAYERS};
use crate::ingress::Ingress;
use crate::ring::{Meta, Ring};
use crate::select::Select;
use crate::table::Key;
use crate::upload::Excess;
use sfu_codecs::Codec;

/// How long a burst's packets may wait for the rest of it, to leave together.
const HOLD_US: i64 = 2_000;
/// A joiner starts from a cached keyframe no older than this …
const REPLAY_AGE_US: i64 = 2_500_000;
/// … with no more packets since then than this.
const REPLAY_PACKETS: u64 = 384;
/// How long layers that were sent before a source fell silent may take to come back one after
/// another, once one of them has.
const SETTLE_US: i64 = 300_000;

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
    /// So many of its lowest layers are forwarded.
    pub cap: u8,
    /// Of sound, what has come beyond what it may.
    pub excess: Excess,
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
    /// Which layers were arriving before all of them stopped.
    slept: [bool; MAX_LAYERS],
    settles_us: Option<i64>,
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
            cap: MAX_LAYERS as u8,
            excess: Excess::default(),
            audible: None,
            top_speakers: None,
            alive: [false; MAX_LAYERS],
            flush_us: None,
            waiting_from: 0,
            open_frames: 0,
            silent: false,
            keyframes: [None; MAX_LAYERS],
            slept: [false; MAX_LAYERS],
            settles_us: None,
        }
    }

    /// Looks which layers still arrive; a source without simulcast lives as long as it is published.
    pub fn refresh_alive(&mut self, now_us: i64) {
        let before = self.alive;
        let settles = self.settles(now_us);
        for (layer, ingress) in self.layers.iter().enumerate() {
            let spared = self.layers.len() == 1 || (settles && before[layer]);
            let is_alive = spared || ingress.is_alive(now_us);
            self.alive[layer] = is_alive && layer < usize::from(self.cap);
        }
        if self.alive == [false; MAX_LAYERS] && before != self.alive {
            self.slept = before;
        }
    }

    /// Whether layers that were sent before a silence of all of them may still come back.
    pub fn settles(&self, now_us: i64) -> bool {
        self.settles_us.is_some_and(|until| now_us < until)
    }

    /// A packet of a layer has come. Where a source goes on after a silence of all its layers, the
    /// others are about to come as well: nobody needs to begin with this one. With a keyframe it
    /// begins anew, maybe without them.
    fn wake(&mut self, meta: &Meta, now_us: i64) {
        if meta.layer >= self.cap {
            // It was on its way from another worker when its layer was cut.
            return;
        }
        if self.alive == [false; MAX_LAYERS] {
            let mut slept = std::mem::take(&mut self.slept);
            slept[self.cap.into()..].fill(false);
            if !meta.payload.keyframe {
                self.alive = slept;
                self.settles_us = Some(now_us + SETTLE_US);
            }
        }
        self.alive[meta.layer as usize] = true;
        if self.settles_us.is_some_and(|until| now_us >= until) {
            self.settles_us = None;
            self.refresh_alive(now_us);
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
        self.wake(&meta, now_us);
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
        let begins = meta.payload.keyframe && self.codec.is_video();
        if begins {
            ingress.keyframes.on_keyframe();
        }
        self.wake(&meta, now_us);
        let index = self.ring.push(meta, payload);
        if begins {
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

    /// Asks for the keyframe that an egress waits for, unless it is in the ring and has yet to be
    /// looked at; says whether it has asked.
    pub fn ask_for_keyframe(&mut self, select: &Select, cursor: u64) -> bool {
        let is_there = |layer: &u8| self.keyframe(*layer).is_some_and(|index| index >= cursor);
        let waits_for = select.waits_for(&self.alive).filter(|_| !self.muted);
        let layer = waits_for.filter(|layer| !is_there(layer));
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

    /// Forgets the cached keyframes from a layer on: what follows has no connection with them.
    pub fn forget_keyframes(&mut self, layer: usize) {
        self.keyframes[layer..].fill(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::tests::meta;

    #[test]
    fn a_layer_that_was_cut_is_not_woken_by_what_was_under_way() {
        let layers = vec![LayerSource::default(); 2];
        let mut track = Track::new(1, Origin::Peer(0), String::new(), Codec::Vp8, layers, 16);
        track.cap = 1;
        let late = Meta {
            layer: 1,
            ..meta(1)
        };
        track.push_relayed(late, false, &[0; 4], 0);
        assert_eq!(track.alive, [false; MAX_LAYERS]);
        track.push_relayed(meta(1), false, &[0; 4], 0);
        assert_eq!(track.alive, [true, false, false, false]);
    }
}
