//! Clusters and padding: sent when they are due, whatever media does or does not flow.

use crate::clock::Now;
use crate::command::Id;
use crate::egress::{Wire, MAX_PACKET};
use crate::fanout::send_time;
use crate::forwarder::Forwarder;
use crate::prober::{bytes, Run, CLUSTER_US};
use crate::table::Key;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Transports wake together on this grid, so that a crowd of them costs few wake-ups.
const GRID_US: i64 = 1_000;
/// A cluster leaves in bursts of so long (goog_cc, min_probe_delta).
const BURST_US: i64 = 2_000;
/// However late, no more than this many bytes beyond two bursts are made up for.
const LEAST_BURST: u64 = 1_500;
/// Between two looks at a transport that cannot be sent to yet, and at one that cannot be padded.
const RETRY_US: i64 = 20_000;
const NO_PADDING_US: i64 = 5_000;
/// Between bursts of padding, at the least and at the most.
const PADDING_US: (i64, i64) = (10_000, 100_000);
/// Packets of padding in one turn.
const MAX_PADDING: usize = 64;
/// What the outbox keeps free for one transport's turn.
const MESSAGES_FREE: usize = 128;
const BYTES_FREE: usize = 1 << 18;

/// Which transports are due when; an entry holds while the transport still has that time.
pub(crate) type DueList = BinaryHeap<Reverse<(i64, Key, Id)>>;

impl Forwarder {
    /// A transport has something to try its path with, unless it is due sooner anyway.
    pub(crate) fn wake_prober(&mut self, key: Key, us: i64) {
        let Some(transport) = self.transports.get_mut(key) else {
            return;
        };
        let us = us.div_euclid(GRID_US) * GRID_US + i64::from(us % GRID_US != 0) * GRID_US;
        if transport.prober.wake_us.is_none_or(|wake_us| us < wake_us) {
            transport.prober.wake_us = Some(us);
            self.probing.push(Reverse((us, key, transport.id)));
        }
    }

    /// Serves the transports that are due. Gives when the next one is; now when the outbox
    /// has to be sent before.
    pub(crate) fn run_probes(&mut self, now: Now) -> i64 {
        while let Some(Reverse((us, key, id))) = self.probing.peek().copied() {
            if us > now.us {
                return us;
            }
            let outbox = &self.outbox;
            if outbox.messages_free() < MESSAGES_FREE || outbox.bytes_free() < BYTES_FREE {
                return now.us;
            }
            self.probing.pop();
            let transport = self.transports.get_mut(key).filter(|row| row.id == id);
            if let Some(transport) = transport.filter(|row| row.prober.wake_us == Some(us)) {
                transport.prober.wake_us = None;
                let next_us = self.send_cluster(key, now).min(self.send_padding(key, now));
                if next_us != i64::MAX {
                    self.wake_prober(key, next_us.max(now.us + GRID_US));
                }
            }
        }
        i64::MAX
    }

    /// Goes on with a cluster, or begins the next; gives when it goes on.
    fn send_cluster(&mut self, key: Key, now: Now) -> i64 {
        let Some(transport) = self.transports.get_mut(key) else {
            return i64::MAX;
        };
        // Without transport-wide numbers nobody tells of it: it would have no end, and no use.
        let is_numbered = |key: &Key| {
            let egress = self.egresses.get(*key);
            egress.is_some_and(|egress| egress.has_transport_sequence())
        };
        let is_ready = transport.sealer.is_some()
            && transport.destination().is_some()
            && transport.egresses.iter().any(is_numbered);
        let (prober, history) = (&mut transport.prober, &mut transport.history);
        if prober.run.is_none() {
            if !is_ready && prober.has_cluster(now.us) {
                return now.us + RETRY_US;
            }
            let Some(cluster) = prober.next_cluster(now.us) else {
                return i64::MAX;
            };
            prober.run = Some(Run {
                cluster,
                started_us: now.us,
                until_us: now.us + CLUSTER_US,
                bytes_before: history.total_bytes(),
                number_before: history.next_number(),
            });
            history.begin_cluster(cluster, now.us);
            self.counters.probes += 1;
        }
        self.go_on(key, now)
    }

    fn go_on(&mut self, key: Key, now: Now) -> i64 {
        for _ in 0..MAX_PADDING {
            let Some(transport) = self.transports.get_mut(key) else {
                return i64::MAX;
            };
            let history = &mut transport.history;
            let Some(run) = &mut transport.prober.run else {
                return i64::MAX;
            };
            let bps = u64::from(run.cluster.bps);
            let sent = history.total_bytes() - run.bytes_before;
            let packets = history.next_number() - run.number_before;
            let is_complete =
                sent >= u64::from(run.cluster.bytes) && packets >= u64::from(run.cluster.packets);
            if is_complete || now.us >= run.until_us {
                history.end_cluster();
                transport.prober.run = None;
                let more = transport.prober.has_cluster(now.us);
                return if more { now.us + GRID_US } else { i64::MAX };
            }
            // What was missed while we were late is not made up for: that would be another rate.
            let lag = bytes(bps, now.us - run.started_us).saturating_sub(sent);
            let late = lag.saturating_sub(bytes(bps, 2 * BURST_US).max(LEAST_BURST));
            run.started_us += (late * 8_000_000 / bps) as i64;
            let allowed = bytes(bps, now.us - run.started_us + BURST_US);
            if sent >= allowed {
                let behind_us = ((sent - allowed) * 8_000_000 / bps) as i64;
                return now.us + behind_us.clamp(BURST_US, CLUSTER_US);
            }
            // Media that waits leaves at the cluster's rate, before any padding.
            if transport.pacer.is_waiting() {
                transport.pacer.forgive(now.us);
                if self.resume_waiting(key, now) {
                    continue;
                }
            }
            if self.pad(key, now) == 0 {
                return now.us + NO_PADDING_US;
            }
        }
        now.us + BURST_US
    }

    /// Serves a transport that waits; gives whether anything left.
    fn resume_waiting(&mut self, key: Key, now: Now) -> bool {
        let total = |row: &crate::transport::Transport| (row.id, row.history.total_bytes());
        let Some((id, before)) = self.transports.get(key).map(total) else {
            return false;
        };
        if self.resume(key, id, now).is_err() {
            self.hold_back(key);
        }
        self.transports.get(key).map(total) != Some((id, before))
    }

    /// Fills up to the rate that is ordered; gives when to go on.
    fn send_padding(&mut self, key: Key, now: Now) -> i64 {
        for _ in 0..MAX_PADDING {
            let Some(transport) = self.transports.get_mut(key) else {
                return i64::MAX;
            };
            let bps = transport.prober.padding_bps();
            if bps == 0 {
                return i64::MAX;
            }
            let lack = transport
                .prober
                .lack(transport.history.total_bytes(), now.us);
            let waits = transport.pacer.is_waiting() || transport.prober.run.is_some();
            if lack <= 0 || waits || transport.is_in_trouble(now.us) {
                let us = (lack.min(0).unsigned_abs() * 8_000_000 / bps).min(1 << 30) as i64;
                return now.us + us.clamp(PADDING_US.0, PADDING_US.1);
            }
            if self.pad(key, now) == 0 {
                return now.us + PADDING_US.1;
            }
        }
        now.us + PADDING_US.0
    }

    /// Sends one packet that only fills the path, on the stream that was sent to last; gives
    /// its bytes, 0 where that is not possible.
    fn pad(&mut self, key: Key, now: Now) -> usize {
        let Some(transport) = self.transports.get_mut(key) else {
            return 0;
        };
        if transport.pacer.is_held() || !transport.history.fits_budget(MAX_PACKET, now.us) {
            return 0;
        }
        let padded = transport.egresses.iter().filter_map(|key| {
            let egress = self.egresses.get(*key)?;
            (egress.rtx_ssrc != 0 && egress.has_transport_sequence())
                .then_some((egress.last_sent_us, *key))
        });
        let egress = padded.max().and_then(|(_, key)| self.egresses.get_mut(key));
        let destination = transport.destination().copied();
        let (Some(egress), Some(sealer), Some(destination)) =
            (egress, &transport.sealer, destination)
        else {
            return 0;
        };
        let track = self.routes.get(egress.route).and_then(|route| route.track);
        let track = track.and_then(|track| self.tracks.get(track));
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
        let ring = track.map(|track| &track.ring);
        egress.pad(ring, &transport.payload_types, &mut wire)
    }
}
