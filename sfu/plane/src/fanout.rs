//! Media out: each burst of a track to each egress of each place that shows it.
//!
//! The work is done in slices, so that a large audience of one picture delays
//! nobody's sound: a task remembers how far it has come, an egress remembers what
//! it has had. A task therefore needs no list of packets, and an egress that
//! joins, or missed its turn, catches up with the next one; one that its transport's pace
//! holds back catches up when the transport is due ([`paced`](crate::paced)).

use crate::clock::Now;
use crate::command::{Target, MAX_LAYERS};
use crate::egress::{Egress, Offered, Stopped, Wire};
use crate::forwarder::Forwarder;
use crate::report::Report;
use crate::table::Key;
use crate::track::Track;

/// The outbox has no room: it is sent, then the work goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// Packets sent in one slice, before the socket is looked at again: what sound waits for, and little
/// enough that the kernel finds it in the cache.
const SLICE: usize = 64;

/// A round through the receivers of one track.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FanOut {
    pub(crate) track: Key,
    route: usize,
    egress: usize,
}

impl FanOut {
    fn is_fresh(&self) -> bool {
        self.route == 0 && self.egress == 0
    }
}

impl Forwarder {
    /// Queues a round for a track; sound goes before pictures.
    pub(crate) fn schedule(&mut self, key: Key) {
        let Some(track) = self.tracks.get_mut(key) else {
            return;
        };
        track.release();
        let is_video = track.codec.is_video();
        // Other workers first: theirs can begin while this one is busy with its own.
        self.pass_on(key);
        let queue = if is_video {
            &mut self.bulk
        } else {
            &mut self.urgent
        };
        if !queue
            .iter()
            .any(|task| task.track == key && task.is_fresh())
        {
            queue.push_back(FanOut {
                track: key,
                route: 0,
                egress: 0,
            });
        }
    }

    /// What these egresses may show from now on.
    pub(crate) fn set_targets(&mut self, targets: &[Target], now: Now) -> Result<(), &'static str> {
        let mut missing = false;
        for target in targets {
            let Some(key) = self.egresses.key(target.egress) else {
                missing = true;
                continue;
            };
            let Some(egress) = self.egresses.get_mut(key) else {
                continue;
            };
            let resumes = egress.select.is_paused() && target.spatial >= 0;
            let (spatial, temporal) = (target.spatial, target.temporal);
            let descends = egress.select.current().0 > spatial;
            egress.select.set_target(spatial, temporal, target.drop_now);
            let track = self.routes.get(egress.route).and_then(|route| route.track);
            if let Some(row) = track.and_then(|track| self.tracks.get_mut(track)) {
                row.refresh_alive(now.us);
                if resumes {
                    egress.attach(row.ring.next());
                }
                // The pace may hold the egress back for long; the keyframe shall be there by then.
                if descends && row.ask_for_keyframe(&egress.select, egress.cursor) {
                    self.agenda.hasten(row.origin);
                }
            }
            if let Some(track) = track {
                self.schedule(track);
            }
        }
        if missing {
            Err("no such egress")
        } else {
            Ok(())
        }
    }

    /// Queues the tracks whose bursts are complete or have waited long enough.
    pub(crate) fn release_held(&mut self, now_us: i64) {
        let mut at = 0;
        while at < self.held.len() {
            let key = self.held[at];
            let due = self
                .tracks
                .get(key)
                .map_or(Some(now_us), |track| track.flush_us);
            match due {
                Some(due) if due > now_us => at += 1,
                _ => {
                    self.held.swap_remove(at);
                    self.schedule(key);
                }
            }
        }
    }

    /// Sends a slice. Gives whether everything is done; otherwise the outbox is to be sent first.
    pub(crate) fn fan_out(&mut self, now: Now) -> bool {
        let mut budget = SLICE;
        loop {
            let urgent = !self.urgent.is_empty();
            let queue = if urgent { &self.urgent } else { &self.bulk };
            let Some(mut task) = queue.front().copied() else {
                return true;
            };
            let outcome = self.run(&mut task, &mut budget, now);
            let queue = if urgent {
                &mut self.urgent
            } else {
                &mut self.bulk
            };
            match outcome {
                Ok(true) => {
                    queue.pop_front();
                }
                Ok(false) | Err(Full) => {
                    if let Some(front) = queue.front_mut() {
                        *front = task;
                    }
                    return false;
                }
            }
        }
    }

    /// Goes on with a round; true when it is complete, false when the budget is spent.
    fn run(&mut self, task: &mut FanOut, budget: &mut usize, now: Now) -> Result<bool, Full> {
        loop {
            let Some(track) = self.tracks.get(task.track) else {
                return Ok(true);
            };
            let Some(route) = track
                .routes
                .get(task.route)
                .and_then(|key| self.routes.get(*key))
            else {
                return Ok(true);
            };
            let Some(egress) = route.egresses.get(task.egress).copied() else {
                task.route += 1;
                task.egress = 0;
                continue;
            };
            if *budget == 0 {
                return Ok(false);
            }
            let sent = self.serve(egress, task.track, now)?;
            *budget = budget.saturating_sub(sent);
            task.egress += 1;
        }
    }

    /// Brings one egress up to date with its track, as far as its transport's pace allows; gives how
    /// many packets that took.
    pub(crate) fn serve(&mut self, key: Key, track_key: Key, now: Now) -> Result<usize, Full> {
        let (Some(egress), Some(track)) =
            (self.egresses.get_mut(key), self.tracks.get_mut(track_key))
        else {
            return Ok(0);
        };
        let newest = track.ring.next();
        if egress.select.is_paused() {
            egress.cursor = newest;
            return Ok(0);
        }
        let Some(transport) = self.transports.get_mut(egress.transport) else {
            return Ok(0);
        };
        let destination = transport.destination().copied();
        let (Some(destination), true) = (destination, transport.sealer.is_some()) else {
            // It misses what passes meanwhile, the end of a silence, too: it begins anew then.
            egress.attach(newest);
            return Ok(0);
        };
        let is_video = track.codec.is_video();
        if is_video {
            let types = &transport.payload_types;
            if egress.payload_type(track.codec, types).is_none() {
                // Nothing of it is for this receiver, no keyframe either.
                egress.cursor = newest;
                return Ok(0);
            }
            if egress.select.current().0 < 0 && begin(egress, track, now.us) {
                self.agenda.hasten(track.origin);
            }
            if transport.pacer.is_waiting() {
                return Ok(0);
            }
            transport.pace(0, now.us);
        }
        let Some(sealer) = &transport.sealer else {
            return Ok(0);
        };
        if is_video && egress.cursor < track.ring.oldest() {
            // It was held back until the ring had gone round: it begins anew with a keyframe.
            let motion = egress.motion;
            egress.attach(track.ring.oldest());
            egress.motion = motion;
            egress.motion.give_way();
        }
        let alive: [bool; MAX_LAYERS] = track.alive;
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
        let mut sent = 0;
        let mut held_back = false;
        let mut index = egress.cursor.max(track.ring.oldest());
        while let Some((meta, payload)) = track.ring.get(index) {
            let types = &transport.payload_types;
            let offered = egress.offer(index, meta, payload, &alive, types, &mut wire);
            match offered {
                Err(Stopped::Full) => return Err(Full),
                Err(Stopped::Paced) => {
                    held_back = true;
                    break;
                }
                Ok(_) => {
                    index += 1;
                    egress.cursor = index;
                }
            }
            match offered.unwrap_or(Offered::Passed) {
                Offered::Passed => continue,
                Offered::Sent => {}
                Offered::Switched if is_video => {
                    wire.counters.switches += 1;
                    let (spatial, temporal) = egress.select.current();
                    self.reports.push(Report::Switched {
                        egress: egress.id,
                        track: Some(track.id),
                        spatial,
                        temporal,
                    });
                }
                Offered::Switched => {}
            }
            sent += 1;
        }
        let transport_key = egress.transport;
        if track.ask_for_keyframe(&egress.select, egress.cursor) {
            self.agenda.hasten(track.origin);
        }
        if held_back {
            self.hold_back(transport_key);
        }
        Ok(sent)
    }
}

/// Has an egress that forwards nothing yet begin with the keyframe in the ring, where that is recent
/// enough; says whether one has to be asked for. What waits for its pace begins like that, too: it
/// has its turn then, and its keyframe is there by the time.
fn begin(egress: &mut Egress, track: &mut Track, now_us: i64) -> bool {
    let cached = egress
        .select
        .wanted(&track.alive)
        .and_then(|layer| track.replay_from(layer, now_us));
    if let Some(cached) = cached.filter(|cached| *cached < egress.cursor) {
        egress.replay(cached, now_us);
    }
    track.ask_for_keyframe(&egress.select, egress.cursor)
}

/// Absolute send time: the middle of an NTP timestamp, 6 bits of seconds and 18 of fraction.
pub(crate) fn send_time(ntp: u64) -> u32 {
    (ntp >> 14) as u32 & 0x00ff_ffff
}
