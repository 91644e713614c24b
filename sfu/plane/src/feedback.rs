//! What a subscriber's reports say of its link, as one row per transport and tick.
//!
//! Every packet sent under a transport-wide number is remembered until it is
//! reported on (draft-holmer-rmcat-transport-wide-cc-extensions-01, RFC 8888). Loss
//! that receiver reports tell of (RFC 3550 §6.4) is kept apart: the two are never mixed.
//!
//! Whoever lies moves its own row only, and costs no more than an honest receiver.

mod clock;
mod cluster_rate;
mod delay;
mod estimates;
mod groups;
mod lately;
mod probe;
mod report;
mod row;
mod sent;
#[cfg(test)]
mod tests;
mod throughput;

use crate::command::Id;
use crate::rates::Cluster;
use crate::stillness::{Cause, Still};
use clock::ArrivalClock;
use delay::BaseDelay;
use estimates::Estimates;
use groups::Groups;
use lately::Lately;
use probe::Clusters;
use sent::{SentPackets, StreamNumber};
use throughput::Throughput;

pub use row::{
    Delta, Row, DELTA_BYTES, DELTA_DTYPE, FEEDBACK_DTYPE, FLAG_PARTIAL, FLAG_PROBE, FLAG_REMB,
    FLAG_REPORT, FLAG_RESET, FLAG_SILENT, FLAG_TRANSPORT_FEEDBACK, ROW_BYTES,
};

/// Bytes of repairs that may be saved up for.
const MAX_REPAIR_BUDGET: u32 = 256 * 1024;
/// Delay above the least that is told at once.
const URGENT_DELAY_US: u32 = 10_000;
/// For so long after something urgent all is told at once.
const URGENT_FOR_US: i64 = 1_000_000;
/// Deltas that wait to be taken; more than that begin anew.
const MAX_DELTAS: usize = 512;
/// Where nobody is in a hurry the last ones are told, as many as a slope is fitted to.
const LEISURE_DELTAS: usize = 20;
/// Sending without being reported on for so long is told.
const SILENT_US: i64 = 500_000;
/// Packets of reports that are looked at: so many at once, and so many per second.
const MAX_LOOKED_AT: i64 = 16_384;
const LOOKED_AT_PER_S: i64 = 20_000;

/// A packet that a report says has come in.
#[derive(Clone, Copy, Debug)]
pub struct Arrived {
    number: u64,
    arrival_us: i64,
    sent_us: i64,
    size: u32,
    cluster: u8,
}

/// What one transport was sent, and what its receiver says of it.
#[derive(Debug, Default)]
pub struct SendHistory {
    sent: SentPackets,
    total_bytes: u64,
    /// The same as of some time ago, and when it was last found to have grown.
    grown: (u64, i64),
    repair_budget: u32,
    lately: Lately,
    /// Bytes per second that all may come to where repairs are among it; 0 without a limit.
    ceiling: u64,
    clock: ArrivalClock,
    groups: Groups,
    base: BaseDelay,
    throughput: Throughput,
    clusters: Clusters,
    cluster: u8,
    estimates: Estimates,
    row: Row,
    deltas: Vec<u8>,
    last_feedback_us: Option<i64>,
    feedback_interval_us: i64,
    delay_us: u32,
    round_trip_us: u32,
    silence_told_us: i64,
    looked_at: (i64, i64),
    urgent_us: Option<i64>,
    news: bool,
    listed: bool,
    hurried: bool,
    at_leisure: bool,
    /// Of telling, in which this one was last.
    round: u64,
}

impl SendHistory {
    /// The number that the next packet goes under.
    #[inline]
    pub fn peek(&self) -> u16 {
        self.sent.next() as u16
    }

    /// The same in full.
    pub fn next_number(&self) -> u64 {
        self.sent.next()
    }

    /// How long nothing has left, as far as earlier calls tell.
    pub fn silent_us(&mut self, now_us: i64) -> i64 {
        if self.total_bytes != self.grown.0 {
            self.grown = (self.total_bytes, now_us);
        }
        now_us - self.grown.1
    }

    /// Bytes of all packets that left, numbered or not.
    #[inline]
    pub fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    /// A packet of media left.
    #[inline]
    pub fn count(&mut self, size: usize) {
        self.total_bytes += size as u64;
        self.row.sent_bytes = self.row.sent_bytes.wrapping_add(size as u32);
        self.repair_budget = (self.repair_budget + size as u32 / 2).min(MAX_REPAIR_BUDGET);
    }

    /// A packet left for the second time.
    pub fn count_repair(&mut self, size: usize) {
        self.total_bytes += size as u64;
        self.row.sent_rtx_bytes = self.row.sent_rtx_bytes.wrapping_add(size as u32);
    }

    /// A packet left only to fill the path.
    pub fn count_padding(&mut self, size: usize) {
        self.total_bytes += size as u64;
        self.row.sent_padding_bytes = self.row.sent_padding_bytes.wrapping_add(size as u32);
    }

    /// The receiver's budget in bit/s, 0 for none. A part is left to media that follow repairs.
    pub fn set_ceiling(&mut self, bps: u32) {
        self.ceiling = u64::from(bps) / 8 * 15 / 16;
    }

    /// Whether so much more than media fits into what the budget leaves of the last second.
    pub fn fits_budget(&mut self, size: usize, now_us: i64) -> bool {
        self.lately.note(self.total_bytes, now_us);
        let second = self.lately.bytes(self.total_bytes) + size as u64;
        self.ceiling == 0 || second <= self.ceiling
    }

    /// Whether a packet may be sent again: repairs cost half of what else is sent at
    /// the most, so that requests cannot make a flood, and no second with any comes to more
    /// than the budget.
    pub fn spend_on_repair(&mut self, size: usize, now_us: i64) -> bool {
        let affordable = self.repair_budget >= size as u32 && self.fits_budget(size, now_us);
        if affordable {
            self.repair_budget -= size as u32;
        }
        affordable
    }

    /// A packet left under the number that [`peek`](Self::peek) gave.
    #[inline]
    pub fn record(&mut self, size: usize, ssrc: u32, sequence: u16, now_us: i64) {
        self.lately
            .note(self.total_bytes.saturating_sub(size as u64), now_us);
        let name = StreamNumber { ssrc, sequence };
        self.sent.record(size, self.cluster, name, now_us);
    }

    /// A packet left without a number: reports will not tell of it.
    pub fn miss(&mut self) {
        self.row.flags |= FLAG_PARTIAL;
    }

    /// Whether so many packets of a report may be looked at; an honest receiver is far from the limit.
    pub fn may_look_at(&mut self, packets: usize, now_us: i64) -> bool {
        let (left, since_us) = &mut self.looked_at;
        let elapsed_us = (now_us - *since_us).clamp(0, 1_000_000);
        *since_us = now_us;
        *left = (*left + elapsed_us * LOOKED_AT_PER_S / 1_000_000).min(MAX_LOOKED_AT);
        // What is left may go below zero once, or a large report would never be looked at.
        let may = *left > 0;
        if may {
            *left -= packets as i64 + 8;
        }
        may
    }

    /// Packets to look through for one that is named by stream and number.
    pub fn remembered(&self) -> usize {
        self.sent.len()
    }

    /// What comes has nothing to do with what came: another path, or another clock.
    pub fn reset(&mut self) {
        self.groups = Groups::default();
        self.base.reset();
        self.throughput.reset();
        self.delay_us = 0;
        self.deltas.clear();
        self.row.forget_delay();
        self.row.flags |= FLAG_RESET;
    }

    /// A round trip was measured (RFC 3550 §6.4.1) along with the worst fraction lost, in 1/256.
    pub fn on_report(&mut self, round_trip_us: Option<u32>, fraction_lost: u8) {
        self.news = true;
        self.row.flags |= FLAG_REPORT;
        if self.row.flags & FLAG_TRANSPORT_FEEDBACK == 0 {
            self.row.round_trip_us = round_trip_us.unwrap_or(self.row.round_trip_us);
        }
        self.round_trip_us = round_trip_us.unwrap_or(self.round_trip_us);
        self.row.report_loss = self.row.report_loss.max(u16::from(fraction_lost));
    }

    /// The receiver's own estimate, and the streams that it is for.
    pub fn on_remb(&mut self, bitrate: u64, streams: impl Iterator<Item = u32>, now_us: i64) {
        self.news = true;
        self.row.flags |= FLAG_REMB;
        let bitrate = self.estimates.take(bitrate, streams, now_us);
        self.row.remb_bps = u32::try_from(bitrate).unwrap_or(u32::MAX);
    }

    /// So many packets were asked for again.
    pub fn on_nack(&mut self, count: usize) {
        self.news = true;
        self.row.nacked = self.row.nacked.saturating_add(count.min(0xffff) as u16);
    }

    /// A picture stood still. What the publisher does not send is no fault of the way to a receiver:
    /// it is told together with the next news.
    pub fn on_still(&mut self, still: Still) {
        let row = &mut self.row;
        match still.cause {
            Cause::Link => {}
            Cause::Keyframe => still.add_to(&mut row.freezes_keyframe, &mut row.frozen_keyframe_ms),
            Cause::Publisher => {
                still.add_to(&mut row.freezes_publisher, &mut row.frozen_publisher_ms);
                return;
            }
        }
        still.add_to(&mut row.freezes, &mut row.frozen_ms);
        self.news = true;
    }

    /// What comes in, in bit/s; 0 while unknown.
    pub fn throughput_bps(&self) -> u32 {
        self.throughput.bps()
    }

    /// Whether something that is in flight should have been reported on for so long.
    #[inline]
    pub fn is_unheard(&self, for_us: i64, now_us: i64) -> bool {
        let since_feedback_us = now_us - self.last_feedback_us.unwrap_or(i64::MIN / 2);
        // This first: of what was sent nothing is in the cache.
        since_feedback_us >= for_us && self.sent.waiting_us(now_us) >= for_us
    }

    /// How far apart reports come.
    pub fn feedback_interval_us(&self) -> i64 {
        self.feedback_interval_us
    }

    /// The last round trip that was measured, queues included; 0 before.
    #[inline]
    pub fn round_trip_us(&self) -> u32 {
        self.round_trip_us
    }

    /// Delay above the least, of the luckiest packet of the last report.
    pub fn delay_us(&self) -> u32 {
        self.delay_us
    }

    /// A probe cluster begins: packets belong to it from now on.
    pub fn begin_cluster(&mut self, cluster: Cluster, now_us: i64) {
        self.cluster = self.clusters.begin(cluster, now_us);
    }

    /// What leaves from now on belongs to no cluster.
    pub fn end_cluster(&mut self) {
        self.clusters.end(self.cluster, self.sent.next());
        self.cluster = 0;
    }

    /// Forgets the clusters that have not ended.
    pub fn abort_clusters(&mut self) {
        self.cluster = 0;
        self.clusters.abort();
    }

    /// Whether an answer is waited for, so that [`look_after`](Self::look_after) may have news soon.
    pub fn is_waiting(&self) -> bool {
        self.sent.in_flight_bytes() > 0 || self.clusters.is_open()
    }

    /// What is told without anybody reporting: silence, and clusters that came to nothing.
    pub fn look_after(&mut self, now_us: i64) {
        if self.is_unheard(SILENT_US, now_us) && now_us - self.silence_told_us >= SILENT_US {
            self.silence_told_us = now_us;
            self.row.flags |= FLAG_SILENT;
            self.news = true;
        }
        self.news |= self.clusters.settle(self.sent.reported(), now_us);
    }

    /// Whether there is news that was not asked for before: the caller puts the transport on its list.
    pub fn is_to_be_listed(&mut self) -> bool {
        self.news && !std::mem::replace(&mut self.listed, true)
    }

    /// Whether news may wait for long, unless it is urgent. Gives whether that makes a difference to
    /// what is listed already: the caller has to list it anew.
    pub fn set_leisure(&mut self, at_leisure: bool) -> bool {
        let former = std::mem::replace(&mut self.at_leisure, at_leisure);
        if former && !at_leisure {
            self.listed = false;
        }
        former != at_leisure
    }

    /// As was set last.
    pub fn is_at_leisure(&self) -> bool {
        self.at_leisure
    }

    /// Whether nothing was told in this round yet.
    pub fn begin_round(&mut self, round: u64) -> bool {
        std::mem::replace(&mut self.round, round) != round
    }

    /// The same for news that does not bear waiting: a queue in the path, losses, a probe that is over,
    /// and what follows on that, for it is waited for. What would wait for longer than usual must be
    /// ordinary as well.
    pub fn is_to_be_hurried(&mut self, now_us: i64) -> bool {
        // Who has never reported is not expected to.
        let is_silent = self.row.flags & FLAG_SILENT != 0 && self.last_feedback_us.is_some();
        let is_odd = is_silent || self.row.flags & FLAG_RESET != 0;
        if self.delay_us >= URGENT_DELAY_US
            || self.row.lost > self.row.unlost
            || self.clusters.has_more()
            || self.at_leisure && is_odd
        {
            self.urgent_us = Some(now_us);
        }
        let urgent = self
            .urgent_us
            .is_some_and(|us| now_us - us <= URGENT_FOR_US);
        self.news && urgent && !std::mem::replace(&mut self.hurried, true)
    }

    /// Appends the row and its deltas in packed form, if there is news, and begins the next.
    /// `queued_us` is the age of the oldest packet that is held back. There may be more to tell in
    /// another row.
    pub fn take_row(
        &mut self,
        transport: Id,
        queued_us: u32,
        now_us: i64,
        rows: &mut Vec<u8>,
        deltas: &mut Vec<u8>,
    ) {
        (self.listed, self.hurried) = (false, false);
        if !std::mem::take(&mut self.news) {
            return;
        }
        let mut row = std::mem::take(&mut self.row);
        if row.time_us == 0 {
            row.time_us = now_us;
        }
        row.throughput_bps = self.throughput.bps();
        row.in_flight_bytes = self.sent.in_flight_bytes();
        row.queued_us = queued_us;
        if let Some(outcome) = self.clusters.take() {
            row.see_outcome(&outcome);
        }
        if self.at_leisure {
            self.keep_latest(LEISURE_DELTAS);
        }
        row.pack(transport, (self.deltas.len() / DELTA_BYTES) as u16, rows);
        deltas.append(&mut self.deltas);
        self.news = self.clusters.has_more();
    }
}
