//! What transports are sent whose pace has held something back: repairs, then pictures.
//!
//! Pictures that wait for each other go in the order in which they came as long as none has waited for
//! long: a keyframe is through before anybody sees that the others wait. Then they share the pace by the
//! weights of their routes (start-time fair queueing, Goyal et al. 1996): each stream's turn is as late as
//! what it was sent in this wait costs, divided by its weight. So a stream that needs less than its share
//! does not wait for longer, however much the others have to send, and nobody starves.

use crate::clock::Now;
use crate::command::Id;
use crate::egress::{Egress, Wire, MAX_PACKET};
use crate::fanout::{send_time, Full};
use crate::forwarder::Forwarder;
use crate::rates::Rates;
use crate::table::Key;
use std::cmp::Reverse;

/// Transports served before the socket is looked at again.
const SLICE: usize = 64;
/// Repairs that may wait for one transport; its receiver asks again for the rest.
const MAX_REPAIRS: usize = 256;
/// A picture that has waited for longer than this gives way to a newer keyframe …
const STALE_US: i64 = 300_000;
/// … which is asked for when it has waited for longer than this …
const TOO_LATE_US: i64 = 1_000_000;
/// … unless the last one is more recent than this: it may be what takes so long.
const SPACED_US: i64 = 5_000_000;

/// So long pictures wait for what came before them: one that is 150 ms late is a freeze to whoever
/// looks at it (W3C webrtc-stats, freezeCount).
const PATIENCE_US: i64 = 140_000;
/// A byte of a stream of weight 1, in turns.
const TURN: u64 = 256;
/// What a packet is longer than its payload by, about.
const OVERHEAD: u32 = 60;

/// What has not left yet of one stream.
#[derive(Clone, Copy)]
struct Waiting {
    /// Its turn: the least is next where somebody has waited for long.
    turn: u64,
    /// Since when the first packet waits.
    since_us: i64,
    egress: Key,
    track: Key,
}

impl Forwarder {
    /// Each of these transports goes at its new rates from now on.
    pub(crate) fn set_rates(&mut self, rates: &[Rates], now: Now) -> Result<(), &'static str> {
        let mut missing = false;
        for rates in rates {
            let key = self.transports.key(rates.transport);
            let Some((key, transport)) =
                key.and_then(|key| Some((key, self.transports.get_mut(key)?)))
            else {
                missing = true;
                continue;
            };
            transport.rates = *rates;
            let pacer = &mut transport.pacer;
            pacer.set_rate(rates.pacing_bps, rates.target_bps, now.us);
            if rates.abort_probes {
                transport.history.abort_clusters();
            }
            transport.history.set_ceiling(rates.ceiling_bps);
            let is_relisted = transport.history.set_leisure(rates.at_leisure);
            let total = transport.history.total_bytes();
            transport.prober.set(rates, total, now.us);
            let is_idle = transport.prober.is_idle();
            if transport.pacer.is_waiting() {
                // It may be due earlier than was thought.
                transport.pacer.list(now.us);
                self.paced.push(Reverse((now.us, key, rates.transport)));
            }
            if !is_idle {
                self.wake_prober(key, now.us);
            }
            if is_relisted {
                self.list_news(key, now.us);
            }
        }
        if missing {
            Err("no such transport")
        } else {
            Ok(())
        }
    }

    /// The transport has more to send than it may now.
    pub(crate) fn hold_back(&mut self, key: Key) {
        if let Some(transport) = self.transports.get_mut(key) {
            if transport.pacer.wait() {
                let due_us = transport.pacer.list(transport.pacer.due_us());
                self.paced.push(Reverse((due_us, key, transport.id)));
            }
        }
    }

    /// Serves the transports that are due; gives when the next one is.
    pub(crate) fn run_paced(&mut self, now: Now) -> i64 {
        for _ in 0..SLICE {
            match self.paced.peek().copied() {
                Some(Reverse((due_us, ..))) if due_us > now.us => return due_us,
                None => return i64::MAX,
                Some(Reverse((due_us, key, id))) => {
                    self.paced.pop();
                    if self.is_listed(key, due_us) && self.resume(key, id, now).is_err() {
                        self.hold_back(key);
                        return now.us;
                    }
                }
            }
        }
        now.us
    }

    /// A transport that is due is sent what waits for it.
    pub(crate) fn resume(&mut self, key: Key, id: Id, now: Now) -> Result<(), Full> {
        let Some(transport) = self.transports.get_mut(key) else {
            return Ok(());
        };
        if transport.id != id || !transport.pacer.is_waiting() {
            return Ok(());
        }
        if transport.pacer.due_us() > now.us {
            let due_us = transport.pacer.list(transport.pacer.due_us());
            self.paced.push(Reverse((due_us, key, id)));
            return Ok(());
        }
        transport.pacer.resume();
        self.skip_stale(key, now);
        let waited_us = self.waited_us(key, now.us);
        if let Some(transport) = self.transports.get_mut(key) {
            transport.pace(waited_us, now.us);
        }
        self.repair_waiting(key, now)?;
        while !self.is_held_back(key) {
            let Some((next, least)) = self.next_waiting(key, now.us) else {
                self.end_turns(key);
                break;
            };
            let before = self.sent_bytes(next.egress);
            let served = self.serve(next.egress, next.track, now);
            let sent = self.sent_bytes(next.egress).wrapping_sub(before);
            self.take_turn(key, &next, least, sent);
            served?;
        }
        Ok(())
    }

    /// A route's share of each receiver's pace, where pictures have to wait for each other.
    pub(crate) fn weigh(&mut self, route: Id, weight: u8) -> Result<(), &'static str> {
        let key = self.routes.key(route).ok_or("no such route")?;
        let route = self.routes.get_mut(key).ok_or("no such route")?;
        route.weight = weight.max(1);
        Ok(())
    }

    /// Whether an entry of the list is the transport's last: a new rate makes another one.
    fn is_listed(&self, key: Key, due_us: i64) -> bool {
        let transport = self.transports.get(key);
        transport.is_some_and(|transport| transport.pacer.listed_us() == due_us)
    }

    fn is_held_back(&self, key: Key) -> bool {
        let transport = self.transports.get(key);
        transport.is_none_or(|transport| transport.pacer.is_waiting())
    }

    /// Age of what has waited longest for this transport, 0 when nothing is held back.
    pub(crate) fn queued_us(&self, key: Key, now_us: i64) -> u32 {
        if self.is_held_back(key) {
            self.waited_us(key, now_us) as u32
        } else {
            0
        }
    }

    fn waited_us(&self, key: Key, now_us: i64) -> i64 {
        let since = self.waiting(key).map(|waiting| waiting.since_us);
        since.min().map_or(0, |since_us| now_us - since_us)
    }

    /// The stream that is next, and the least turn of all: the one that has waited longest while
    /// that is not long, or else where it is equal among those whose turn it is.
    fn next_waiting(&self, key: Key, now_us: i64) -> Option<(Waiting, u64)> {
        let by_turn = |waiting: &Waiting| (waiting.turn, waiting.since_us);
        // Each is looked for in its ring, so once.
        let both = self.waiting(key).map(|waiting| (waiting, waiting));
        let (least, oldest) = both.reduce(|(least, oldest), (one, _)| {
            let is_less = by_turn(&one) < by_turn(&least);
            let is_older = one.since_us < oldest.since_us;
            (
                if is_less { one } else { least },
                if is_older { one } else { oldest },
            )
        })?;
        let is_patient = now_us - oldest.since_us < PATIENCE_US;
        Some((if is_patient { oldest } else { least }, least.turn))
    }

    /// Pictures of this transport that have not left yet.
    fn waiting(&self, key: Key) -> impl Iterator<Item = Waiting> + '_ {
        let transport = self.transports.get(key);
        let turn = transport.map_or(0, |row| row.turn);
        let egresses = transport.map(|row| row.egresses.as_slice());
        egresses.unwrap_or_default().iter().filter_map(move |key| {
            let egress = self.egresses.get(*key)?;
            let track_key = self.routes.get(egress.route)?.track?;
            let track = self.tracks.get(track_key)?;
            if !track.codec.is_video() || egress.select.is_paused() {
                return None;
            }
            let (_, arrived_us) = egress.next(&track.ring, &track.alive)?;
            Some(Waiting {
                turn: egress.turn.max(turn),
                since_us: arrived_us.max(egress.since_us),
                egress: *key,
                track: track_key,
            })
        })
    }

    /// Payload and headers that an egress has sent so far, more or less.
    fn sent_bytes(&self, egress: Key) -> u32 {
        let sent = |egress: &Egress| {
            let headers = egress.packets.wrapping_mul(OVERHEAD);
            egress.octets.wrapping_add(headers)
        };
        self.egresses.get(egress).map_or(0, sent)
    }

    /// A stream was sent so much, while the least turn of all was this.
    fn take_turn(&mut self, key: Key, turn: &Waiting, least: u64, bytes: u32) {
        let Some(egress) = self.egresses.get_mut(turn.egress) else {
            return;
        };
        let weight = self.routes.get(egress.route).map_or(1, |row| row.weight);
        egress.turn = turn.turn + u64::from(bytes) * TURN / u64::from(weight);
        if let Some(transport) = self.transports.get_mut(key) {
            transport.turn = least;
        }
    }

    /// Nothing waits any more: what was sent until now counts for nobody.
    fn end_turns(&mut self, key: Key) {
        if let Some(transport) = self.transports.get_mut(key) {
            let egresses = &self.egresses;
            let turns = transport
                .egresses
                .iter()
                .filter_map(|key| egresses.get(*key));
            let last = turns.map(|egress| egress.turn).max();
            transport.turn = transport.turn.max(last.unwrap_or(0));
        }
    }

    /// Passes over what is not for a stream any more. Nobody is sent old pictures while there is a
    /// newer beginning; of a layer that is to go down not even recent ones.
    fn skip_stale(&mut self, key: Key, now: Now) {
        let Some(transport) = self.transports.get(key) else {
            return;
        };
        for key in &transport.egresses {
            let Some(egress) = self.egresses.get_mut(*key) else {
                continue;
            };
            let track = self.routes.get(egress.route).and_then(|route| route.track);
            let Some(track) = track.and_then(|track| self.tracks.get_mut(track)) else {
                continue;
            };
            let Some(wanted) = egress.select.wanted(&track.alive) else {
                continue;
            };
            let Some((index, arrived_us)) = egress.next(&track.ring, &track.alive) else {
                egress.cursor = track.ring.next();
                continue;
            };
            egress.cursor = index;
            let (spatial, _) = egress.select.current();
            let waited_us = now.us - arrived_us;
            let descends = i16::from(wanted) < i16::from(spatial);
            match track.keyframe(wanted) {
                Some(index) if index > egress.cursor && (descends || waited_us > STALE_US) => {
                    egress.skip_to(index);
                    self.counters.skips += 1;
                }
                _ if waited_us > TOO_LATE_US
                    && track.codec.is_video()
                    && track.keyframe_age_us(wanted, now.us) > SPACED_US =>
                {
                    if let Some(layer) = track.layers.get_mut(wanted as usize) {
                        layer.keyframes.want();
                        self.agenda.hasten(track.origin);
                    }
                }
                _ => {}
            }
            // The keyframe that is there now is worth more than repairs, and goes behind them.
            if egress.select.current().0 < 0 {
                egress.begin_anew();
            }
        }
    }

    /// A receiver asks for a packet again (RFC 4585 §6.2.1): at once, or in its turn.
    pub(crate) fn ask_again(&mut self, key: Key, egress: (Key, u32), sequence: u16, now: Now) {
        let Some(transport) = self.transports.get_mut(key) else {
            return;
        };
        if transport.pacer.is_waiting() || !transport.pacer.admits(MAX_PACKET) {
            if transport.repairs.len() < MAX_REPAIRS {
                transport.repairs.push_back((egress.1, sequence));
            } else {
                self.counters.retransmit_missed += 1;
            }
            self.hold_back(key);
        } else {
            self.repair(key, egress.0, sequence, now);
        }
    }

    fn repair_waiting(&mut self, key: Key, now: Now) -> Result<(), Full> {
        loop {
            if self.outbox.messages_free() == 0 || self.outbox.bytes_free() < MAX_PACKET {
                return Err(Full);
            }
            let Some(transport) = self.transports.get_mut(key) else {
                return Ok(());
            };
            if transport.repairs.is_empty() {
                return Ok(());
            }
            if !transport.pacer.admits(MAX_PACKET) {
                self.hold_back(key);
                return Ok(());
            }
            if let Some((ssrc, sequence)) = transport.repairs.pop_front() {
                if let Some(egress) = self.egress_of(key, ssrc) {
                    self.repair(key, egress, sequence, now);
                }
            }
        }
    }

    fn repair(&mut self, key: Key, egress: Key, sequence: u16, now: Now) {
        let (Some(egress), Some(transport)) =
            (self.egresses.get_mut(egress), self.transports.get_mut(key))
        else {
            return;
        };
        let destination = transport.destination().copied();
        let (Some(sealer), Some(destination)) = (&transport.sealer, destination) else {
            return;
        };
        let track = self.routes.get(egress.route).and_then(|route| route.track);
        let Some(track) = track.and_then(|track| self.tracks.get(track)) else {
            return;
        };
        let mut wire = Wire {
            sealer,
            destination: &destination,
            history: &mut transport.history,
            pacer: &mut transport.pacer,
            outbox: &mut self.outbox,
            counters: &mut self.counters,
            now_us: now.us,
            send_time: send_time(now.ntp),
        };
        if !egress.retransmit(sequence, &track.ring, &mut wire) {
            wire.counters.retransmit_missed += 1;
        }
    }
}
