//! Tracks that are shown on other workers than their publisher's: an egress towards each such
//! worker, which gets every packet once, and there a track that is fed by it as if it were local.
//!
//! All that receivers ask for is answered on their own worker, from the ring there; only the wish
//! for a keyframe travels back, coalesced on both sides.

use crate::clock::{Now, PublisherClock};
use crate::command::{Id, LayerSource, MAX_LAYERS};
use crate::forwarder::Forwarder;
use crate::relay::{End, Relayed};
use crate::table::Key;
use crate::track::{Origin, Relaying, Track};
use sfu_codecs::Codec;

/// Another worker of the process.
pub(crate) struct Peer {
    end: End,
    /// What it feeds here.
    pub(crate) tracks: Vec<Key>,
}

impl Forwarder {
    /// Another worker can be reached from now on.
    pub(crate) fn add_peer(&mut self, id: Id, end: End) -> Result<(), &'static str> {
        let tracks = Vec::new();
        let row = Peer { end, tracks };
        self.peers.insert(id, row).map(drop).ok_or("id taken")
    }

    /// Another worker is gone, and the tracks that it fed with it.
    pub(crate) fn remove_peer(&mut self, id: Id) -> Result<(), &'static str> {
        let (key, row) = self.peers.remove(id).ok_or("no such peer")?;
        for (_, track) in self.tracks.iter_mut() {
            track.relayings.retain(|relaying| relaying.peer != key);
        }
        for track in row.tracks {
            if let Some(id) = self.tracks.get(track).map(|track| track.id) {
                self.remove_track(id)?;
            }
        }
        Ok(())
    }

    /// A track of a peer is shown here, too, under the same id.
    pub(crate) fn add_relayed_track(
        &mut self,
        id: Id,
        peer: Id,
        codec: Codec,
        layers: usize,
    ) -> Result<(), &'static str> {
        let peer_key = self.peers.key(peer).ok_or("no such peer")?;
        if !(1..=MAX_LAYERS).contains(&layers) {
            return Err("one to four layers");
        }
        let ring = self.limits.ring(codec);
        let sources = vec![LayerSource::default(); layers];
        let origin = Origin::Peer(peer_key);
        let row = Track::new(id, origin, String::new(), codec, sources, ring);
        let key = self.tracks.insert(id, row).ok_or("id taken")?;
        if let Some(peer) = self.peers.get_mut(peer_key) {
            peer.tracks.push(key);
        }
        Ok(())
    }

    /// A track of this worker is shown on a peer from now on.
    pub(crate) fn relay(&mut self, track: Id, peer: Id, now: Now) -> Result<(), &'static str> {
        let peer = self.peers.key(peer).ok_or("no such peer")?;
        let key = self.tracks.key(track).ok_or("no such track")?;
        let track = self.tracks.get_mut(key).ok_or("no such track")?;
        if matches!(track.origin, Origin::Peer(_)) {
            return Err("a peer's own track");
        }
        if track.relayings.iter().any(|known| known.peer == peer) {
            return Err("relayed already");
        }
        track.relayings.push(Relaying {
            peer,
            cursor: track.relay_from(now.us),
            anew: true,
        });
        self.pass_on(key);
        // Many tracks may begin in one round, each with all that can be started from.
        self.publish_relayed();
        Ok(())
    }

    /// It is not any more.
    pub(crate) fn end_relay(&mut self, track: Id, peer: Id) -> Result<(), &'static str> {
        let peer = self.peers.key(peer).ok_or("no such peer")?;
        let key = self.tracks.key(track).ok_or("no such track")?;
        let track = self.tracks.get_mut(key).ok_or("no such track")?;
        track.relayings.retain(|known| known.peer != peer);
        Ok(())
    }

    /// Gives the peers that show a track what they have not had of it.
    pub(crate) fn pass_on(&mut self, key: Key) {
        let Some(track) = self.tracks.get_mut(key) else {
            return;
        };
        let Origin::Transport(transport) = track.origin else {
            return;
        };
        if track.relayings.is_empty() {
            return;
        }
        let Some(publisher) = self.transports.get(transport) else {
            return;
        };
        let (layers, ring, codec) = (&track.layers, &track.ring, track.codec);
        for relaying in &mut track.relayings {
            let Some(peer) = self.peers.get_mut(relaying.peer) else {
                continue;
            };
            // Where the ring has gone round meanwhile, the peer sees a hole.
            let mut index = relaying.cursor.max(ring.oldest());
            while let Some((meta, payload)) = ring.get(index) {
                let clock = layers.get(meta.layer as usize).map(|layer| &layer.clock);
                let packet = Relayed {
                    track: track.id,
                    index,
                    anew: std::mem::take(&mut relaying.anew),
                    timed: clock.is_some_and(|clock| {
                        let rate = codec.clock_rate();
                        clock
                            .local_us(&publisher.clock, meta.timestamp, rate)
                            .is_some()
                    }),
                    meta: *meta,
                };
                peer.end.writer.push(packet, payload);
                self.counters.relayed_out += 1;
                index += 1;
            }
            relaying.cursor = index;
        }
    }

    /// What follows of a track has no connection with what went before, on any worker.
    pub(crate) fn pass_on_anew(&mut self, key: Key) {
        self.pass_on(key);
        if let Some(track) = self.tracks.get_mut(key) {
            for relaying in &mut track.relayings {
                relaying.anew = true;
            }
        }
    }

    /// Leaves what has gathered for the peers; false while one of them is just taking something.
    pub(crate) fn publish_relayed(&mut self) -> bool {
        let mut all = true;
        for (_, peer) in self.peers.iter_mut() {
            all &= peer.end.writer.publish();
            self.counters.drop_relay_full += peer.end.writer.take_dropped();
        }
        all
    }

    /// Whether a peer has left something: then it is no time to sleep.
    pub fn has_relayed(&self) -> bool {
        self.peers
            .iter()
            .any(|(_, peer)| peer.end.reader.has_news())
    }

    /// Takes what the peers have left.
    pub(crate) fn take_relayed(&mut self, now: Now) {
        let mut at = 0;
        while let Some(peer) = self.peers.next_key(at) {
            at = peer + 1;
            let taken = self
                .peers
                .get_mut(peer)
                .and_then(|row| row.end.reader.take());
            let Some(batch) = taken else {
                continue;
            };
            let mut last = None;
            for (packet, payload) in batch.packets() {
                let key = self.tracks.key(packet.track);
                if last != key {
                    // A track's packets stand together, as they left its ring.
                    last.into_iter().for_each(|key| self.show_relayed(key, now));
                    last = key;
                }
                if let Some(key) = key {
                    self.keep_relayed(key, peer, packet, payload, now);
                }
            }
            last.into_iter().for_each(|key| self.show_relayed(key, now));
            for (track, layer) in batch.wishes() {
                self.fulfil(*track, *layer);
            }
            if let Some(row) = self.peers.get_mut(peer) {
                row.end.reader.give_back(batch);
            }
        }
    }

    fn keep_relayed(&mut self, key: Key, peer: Key, packet: &Relayed, payload: &[u8], now: Now) {
        let Some(track) = self.tracks.get_mut(key) else {
            return;
        };
        if track.origin != Origin::Peer(peer) {
            return;
        }
        self.counters.relayed_in += 1;
        let is_hole = track
            .expected
            .is_some_and(|expected| expected != packet.index);
        track.expected = Some(packet.index + 1);
        let mut meta = packet.meta;
        if is_hole {
            self.counters.relay_holes += 1;
            // Nobody has what is missing: numbers go on, sound at once, a picture with a keyframe.
            meta.resumes = true;
        }
        // That it began anew may have been told by what is missing.
        if packet.anew || is_hole {
            self.begin_anew(key);
        }
        if let Some(track) = self.tracks.get_mut(key) {
            track.push_relayed(meta, packet.timed, payload, now.us);
        }
    }

    fn show_relayed(&mut self, key: Key, now: Now) {
        if let Some(track) = self.tracks.get_mut(key) {
            track.refresh_alive(now.us);
        }
        self.schedule(key);
    }

    /// Somebody on a peer waits for a keyframe.
    fn fulfil(&mut self, track: Id, layer: u8) {
        let key = self.tracks.key(track);
        let Some(track) = key.and_then(|key| self.tracks.get_mut(key)) else {
            return;
        };
        let is_muted = track.muted;
        let wanted = track.layers.get_mut(layer as usize);
        if let Some(layer) = wanted.filter(|_| !is_muted) {
            layer.keyframes.want();
            self.agenda.hasten(track.origin);
        }
    }

    /// Passes wishes for keyframes on to the peer that feeds the tracks; gives whether to look
    /// again soon.
    pub(crate) fn ask_peer(&mut self, key: Key, now: Now) -> bool {
        let Some(peer) = self.peers.get_mut(key) else {
            return false;
        };
        let mut again = false;
        for key in &peer.tracks {
            let Some(track) = self.tracks.get_mut(*key) else {
                continue;
            };
            if track.expected.is_none() {
                // A keyframe may be on its way already; who waits asks again with the first packet.
                continue;
            }
            let may_end = track.layers.len() > 1 && !track.settles(now.us);
            for (layer, ingress) in track.layers.iter_mut().enumerate() {
                if may_end && !ingress.is_alive(now.us) {
                    ingress.keyframes.cancel();
                }
                if ingress.keyframes.due(now.us) {
                    peer.end.writer.wish(track.id, layer as u8);
                    self.counters.relayed_wishes += 1;
                }
                again |= ingress.keyframes.is_wanted();
            }
        }
        again
    }

    /// Whose clock the times of a track's layers are by.
    pub(crate) fn clock_of(&self, track: &Track) -> Option<PublisherClock> {
        match track.origin {
            Origin::Transport(key) => self.transports.get(key).map(|row| row.clock),
            Origin::Peer(_) => Some(PublisherClock::ours()),
        }
    }
}
