//! Who is connected to what: transports, tracks, routes, egresses come and go.
//!
//! Who removes whom: a transport takes its tracks and egresses with it, a track
//! leaves its routes empty, a route takes its egresses with it.

use super::{Forwarder, MAX_EGRESSES, MAX_TRACKS};
use crate::clock::Now;
use crate::command::MAX_LAYERS;
use crate::command::{Id, LayerSource};
use crate::egress::Egress;
use crate::header::Template;
use crate::keyframe::KeyframeRequests;
use crate::report::Report;
use crate::srtp::{Opener, Sealer};
use crate::stillness::Motion;
use crate::table::Key;
use crate::track::{Origin, Track};
use crate::transport::{Stream, Transport};
use sfu_codecs::Codec;

impl Forwarder {
    pub(super) fn open_transport(
        &mut self,
        id: Id,
        ufrag: String,
        pwd: String,
        now: Now,
    ) -> Result<(), &'static str> {
        if self.transports.len() >= self.limits.transports {
            return Err("too many transports");
        }
        if self.by_ufrag.contains_key(&ufrag) {
            return Err("ufrag taken");
        }
        let row = Transport::new(id, ufrag.clone(), pwd, now.us);
        let key = self.transports.insert(id, row).ok_or("id taken")?;
        self.by_ufrag.insert(ufrag, key);
        self.agenda.begin(key, id, now.us);
        Ok(())
    }

    /// New credentials for the transport's next path; keys and streams stay (RFC 8445 §9).
    pub(super) fn restart_ice(
        &mut self,
        id: Id,
        ufrag: String,
        pwd: String,
    ) -> Result<(), &'static str> {
        let key = self.transports.key(id).ok_or("no such transport")?;
        if self.by_ufrag.contains_key(&ufrag) {
            return Err("ufrag taken");
        }
        let row = self.transports.get_mut(key).ok_or("no such transport")?;
        if let Some(in_vain) = row.restart(ufrag.clone(), pwd) {
            self.by_ufrag.remove(&in_vain);
        }
        self.by_ufrag.insert(ufrag, key);
        Ok(())
    }

    pub(crate) fn with_transport(
        &mut self,
        id: Id,
        change: impl FnOnce(&mut Transport),
    ) -> Result<(), &'static str> {
        let row = self
            .transports
            .key(id)
            .and_then(|key| self.transports.get_mut(key));
        row.map(change).ok_or("no such transport")
    }

    pub(super) fn set_keys(
        &mut self,
        id: Id,
        opener: Box<Opener>,
        sealer: Box<Sealer>,
    ) -> Result<(), &'static str> {
        let mut is_first = false;
        self.with_transport(id, |row| is_first = row.set_keys(opener, sealer))?;
        is_first.then_some(()).ok_or("keys were set before")
    }

    pub(super) fn close_transport(&mut self, id: Id) -> Result<(), &'static str> {
        let Some((key, row)) = self.transports.remove(id) else {
            self.reports.push(Report::Closed {
                transport: id,
                received: 0,
                sent: 0,
            });
            return Err("no such transport");
        };
        for known in [Some(&row.credentials), row.restarting.as_ref()] {
            known.and_then(|known| self.by_ufrag.remove(&known.ufrag));
        }
        for remote in row.remotes() {
            if self.by_address.get(&remote) == Some(&key) {
                self.by_address.remove(&remote);
            }
        }
        for track in row.tracks {
            if let Some(id) = self.tracks.get(track).map(|track| track.id) {
                self.remove_track(id)?;
            }
        }
        for egress in row.egresses {
            if let Some(id) = self.egresses.get(egress).map(|egress| egress.id) {
                self.remove_egress(id)?;
            }
        }
        self.reports.push(Report::Closed {
            transport: id,
            received: row.received_bytes,
            sent: row.history.total_bytes(),
        });
        Ok(())
    }

    pub(super) fn add_track(
        &mut self,
        id: Id,
        transport: Id,
        mid: String,
        codec: Codec,
        layers: Vec<LayerSource>,
    ) -> Result<(), &'static str> {
        let transport_key = self.transports.key(transport).ok_or("no such transport")?;
        let owner = self
            .transports
            .get_mut(transport_key)
            .ok_or("no such transport")?;
        if layers.is_empty() || layers.len() > MAX_LAYERS {
            return Err("one to four layers");
        }
        if owner.tracks.len() >= MAX_TRACKS {
            return Err("too many tracks");
        }
        let ring = self.limits.ring(codec);
        let known: Vec<(u32, u32)> = layers
            .iter()
            .map(|layer| (layer.ssrc, layer.rtx_ssrc))
            .collect();
        let row = Track::new(
            id,
            Origin::Transport(transport_key),
            mid,
            codec,
            layers,
            ring,
        );
        let key = self.tracks.insert(id, row).ok_or("id taken")?;
        owner.tracks.push(key);
        for (layer, (ssrc, rtx_ssrc)) in known.into_iter().enumerate() {
            for (ssrc, rtx) in [(ssrc, false), (rtx_ssrc, true)] {
                if ssrc != 0 {
                    owner.learn(Stream {
                        ssrc,
                        track: key,
                        layer: layer as u8,
                        rtx,
                    });
                }
            }
        }
        Ok(())
    }

    pub(crate) fn remove_track(&mut self, id: Id) -> Result<(), &'static str> {
        let (key, row) = self.tracks.remove(id).ok_or("no such track")?;
        match row.origin {
            Origin::Transport(owner) => {
                if let Some(owner) = self.transports.get_mut(owner) {
                    owner.forget(key);
                }
            }
            Origin::Peer(peer) => {
                if let Some(peer) = self.peers.get_mut(peer) {
                    peer.tracks.retain(|known| *known != key);
                }
            }
        }
        self.leave_top_speakers(key, row.top_speakers);
        self.held.retain(|held| *held != key);
        self.urgent.retain(|task| task.track != key);
        self.bulk.retain(|task| task.track != key);
        for route in row.routes {
            self.detach(route);
        }
        Ok(())
    }

    /// What is muted is not kept either: nobody can ask for it later.
    pub(super) fn mute(&mut self, id: Id, muted: bool) -> Result<(), &'static str> {
        let key = self.tracks.key(id).ok_or("no such track")?;
        let track = self.tracks.get_mut(key).ok_or("no such track")?;
        if track.muted == muted {
            return Ok(());
        }
        track.muted = muted;
        track.fall_silent();
        if let Some(top) = track
            .top_speakers
            .and_then(|key| self.top_speakers.get_mut(key))
        {
            top.release(key);
        }
        for layer in &mut track.layers {
            layer.keyframes = KeyframeRequests::default();
        }
        if track.codec.is_video() {
            // A picture continues with a keyframe; sound goes on where it is.
            self.begin_anew(key);
        }
        Ok(())
    }

    /// What follows of a track has no connection with what went before: every
    /// receiver waits for a clean point.
    pub(crate) fn begin_anew(&mut self, key: Key) {
        self.pass_on_anew(key);
        let Some(track) = self.tracks.get_mut(key) else {
            return;
        };
        track.forget_keyframes(0);
        for route in track.routes.clone() {
            self.restart(route, key);
        }
    }

    pub(super) fn bind(&mut self, id: Id, track: Option<Id>, now: Now) -> Result<(), &'static str> {
        let key = self.routes.key(id).ok_or("no such route")?;
        let track = match track {
            Some(track) => Some(self.tracks.key(track).ok_or("no such track")?),
            None => None,
        };
        let route = self.routes.get_mut(key).ok_or("no such route")?;
        if let Some(track) = track.and_then(|track| self.tracks.get(track)) {
            if track.codec.is_video() != route.video {
                return Err("wrong kind of track");
            }
        }
        if route.track == track {
            return Ok(());
        }
        if let Some(former) = route.track.and_then(|former| self.tracks.get_mut(former)) {
            former.routes.retain(|known| *known != key);
        }
        self.detach(key);
        if let Some(track) = track {
            if let Some(row) = self.tracks.get_mut(track) {
                row.routes.push(key);
                row.refresh_alive(now.us);
            }
            if let Some(route) = self.routes.get_mut(key) {
                route.track = Some(track);
            }
            self.restart(key, track);
        }
        Ok(())
    }

    /// Leaves a route without a source.
    fn detach(&mut self, key: Key) {
        let Some(route) = self.routes.get_mut(key) else {
            return;
        };
        route.track = None;
        for egress in &route.egresses {
            if let Some(egress) = self.egresses.get_mut(*egress) {
                egress.attach(0);
            }
        }
    }

    /// Every receiver of a route waits for a clean point of the track, which may be in the ring already.
    fn restart(&mut self, route: Key, track: Key) {
        let (Some(route), Some(row)) = (self.routes.get(route), self.tracks.get(track)) else {
            return;
        };
        for egress in &route.egresses {
            if let Some(egress) = self.egresses.get_mut(*egress) {
                egress.attach(row.ring.next());
            }
        }
        self.schedule(track);
    }

    pub(super) fn remove_route(&mut self, id: Id) -> Result<(), &'static str> {
        let (key, row) = self.routes.remove(id).ok_or("no such route")?;
        if let Some(track) = row.track.and_then(|track| self.tracks.get_mut(track)) {
            track.routes.retain(|known| *known != key);
        }
        for egress in row.egresses {
            if let Some(id) = self.egresses.get(egress).map(|egress| egress.id) {
                self.remove_egress(id)?;
            }
        }
        Ok(())
    }

    pub(super) fn add_egress(
        &mut self,
        id: Id,
        transport: Id,
        route: Id,
        mid: &str,
        ssrcs: (u32, u32),
        now: Now,
    ) -> Result<(), &'static str> {
        let transport_key = self.transports.key(transport).ok_or("no such transport")?;
        let route_key = self.routes.key(route).ok_or("no such route")?;
        let start = (self.draw() as u16, self.draw() as u32);
        let owner = self
            .transports
            .get_mut(transport_key)
            .ok_or("no such transport")?;
        let route = self.routes.get_mut(route_key).ok_or("no such route")?;
        if owner.egresses.len() >= MAX_EGRESSES {
            return Err("too many egresses");
        }
        if self.egresses.key(id).is_some() {
            return Err("id taken");
        }
        if !owner.claim_ssrc(ssrcs.0) || (ssrcs.1 != 0 && !owner.claim_ssrc(ssrcs.1)) {
            return Err("SSRC used before");
        }
        let template = Template::new(ssrcs.0, mid, &owner.extensions, route.video);
        let mut row = Egress::new(
            id,
            transport_key,
            route_key,
            ssrcs,
            template,
            start,
            route.video,
        );
        row.motion = Motion::new(route.rests);
        let track = route.track;
        if let Some(track) = track.and_then(|track| self.tracks.get_mut(track)) {
            track.refresh_alive(now.us);
            row.attach(track.ring.next());
        }
        let key = self.egresses.insert(id, row).ok_or("id taken")?;
        owner.egresses.push(key);
        route.egresses.push(key);
        if let Some(track) = track {
            self.schedule(track);
        }
        Ok(())
    }

    pub(super) fn remove_egress(&mut self, id: Id) -> Result<(), &'static str> {
        let (key, row) = self.egresses.remove(id).ok_or("no such egress")?;
        if let Some(route) = self.routes.get_mut(row.route) {
            // The order stays, so that a fan-out in progress misses nobody for longer than a burst.
            route.egresses.retain(|known| *known != key);
        }
        if let Some(owner) = self.transports.get_mut(row.transport) {
            owner.egresses.retain(|known| *known != key);
        }
        Ok(())
    }

    pub(super) fn request_keyframe(&mut self, id: Id) -> Result<(), &'static str> {
        let key = self.tracks.key(id).ok_or("no such track")?;
        let track = self.tracks.get_mut(key).ok_or("no such track")?;
        track
            .layers
            .iter_mut()
            .for_each(|layer| layer.keyframes.want());
        self.agenda.hasten(track.origin);
        Ok(())
    }
}
