//! Reports on packets: matched with what was sent, in the order of arrival.

use super::groups::Grouped;
use super::sent::State;
use super::{Arrived, SendHistory, LEISURE_DELTAS, MAX_DELTAS, SILENT_US};
use super::{DELTA_BYTES, FLAG_RESET, FLAG_TRANSPORT_FEEDBACK};
use crate::{ccfb, twcc};

impl SendHistory {
    /// Takes a transport-wide report in. Numbers never sent are passed over.
    pub fn on_transport_feedback(
        &mut self,
        feedback: &twcc::Feedback<'_>,
        arrived: &mut Vec<Arrived>,
        now_us: i64,
    ) {
        self.begin_report(feedback.reference_time_us, twcc::CLOCK_WRAP_US, now_us);
        let shift_us = self.clock.shift_us();
        let mut highest = None;
        for (sequence, arrival_us) in feedback.iter() {
            let Some(number) = self.sent.unwrap(sequence) else {
                continue;
            };
            highest = highest.max(Some(number));
            match arrival_us {
                Some(us) => self.acknowledge(number, Some(us + shift_us), arrived, now_us),
                None => self.lose(number),
            }
        }
        self.end_report(highest, arrived, now_us);
    }

    /// Takes a report on packets by stream and number in (RFC 8888).
    pub fn on_congestion_feedback(
        &mut self,
        report: &ccfb::Report<'_>,
        arrived: &mut Vec<Arrived>,
        now_us: i64,
    ) {
        self.begin_report(report.time_us, ccfb::CLOCK_WRAP_US, now_us);
        let shift_us = self.clock.shift_us();
        let mut found = Vec::new();
        for (number, name) in self.sent.by_stream() {
            if let Some(status) = report.status(name.ssrc, name.sequence) {
                found.push((number, status));
            }
        }
        let highest = found.last().map(|(number, _)| *number);
        for (number, status) in found {
            let is_news = self
                .sent
                .get(number)
                .is_some_and(|p| p.state != State::Acked);
            if status.received && is_news {
                self.row.marks = self.row.marks.saturating_add(u16::from(status.marked));
                let arrival_us = status.arrival_us.map(|us| us + shift_us);
                self.acknowledge(number, arrival_us, arrived, now_us);
            } else if !status.received {
                self.lose(number);
            }
        }
        self.end_report(highest, arrived, now_us);
    }

    fn begin_report(&mut self, time_us: i64, wrap_us: i64, now_us: i64) {
        self.news = true;
        self.row.flags |= FLAG_TRANSPORT_FEEDBACK;
        self.row.reports = self.row.reports.saturating_add(1);
        self.row.time_us = now_us;
        if let Some(last_us) = self.last_feedback_us {
            let interval_us = (now_us - last_us).clamp(1, SILENT_US);
            let former_us = self.feedback_interval_us;
            let share = if former_us == 0 { 1 } else { 8 };
            self.feedback_interval_us += (interval_us - former_us) / share;
        }
        self.last_feedback_us = Some(now_us);
        if self.clock.advance(time_us, wrap_us) {
            self.reset();
        }
    }

    fn acknowledge(
        &mut self,
        number: u64,
        arrival_us: Option<i64>,
        arrived: &mut Vec<Arrived>,
        now_us: i64,
    ) {
        let Some(packet) = self.sent.get_mut(number) else {
            return;
        };
        let size = u32::from(packet.size);
        let row = &mut self.row;
        match packet.state {
            State::Acked => return,
            State::Sent => {}
            State::Lost => {
                row.unlost += 1;
                row.unlost_bytes += size;
            }
        }
        packet.state = State::Acked;
        row.acked += 1;
        row.acked_bytes += size;
        if let Some(arrival_us) = arrival_us {
            arrived.push(Arrived {
                number,
                arrival_us,
                sent_us: packet.sent_us(now_us),
                size,
                cluster: packet.cluster,
            });
        }
    }

    fn lose(&mut self, number: u64) {
        if let Some(packet) = self.sent.get_mut(number) {
            if packet.state == State::Sent {
                packet.state = State::Lost;
                self.row.lost += 1;
                self.row.lost_bytes += u32::from(packet.size);
            }
        }
    }

    fn end_report(&mut self, highest: Option<u64>, arrived: &mut Vec<Arrived>, now_us: i64) {
        arrived.sort_by_key(|packet| (packet.arrival_us, packet.number));
        if let Some(newest) = arrived.iter().max_by_key(|packet| packet.number) {
            let round_trip_us = (now_us - newest.sent_us).clamp(1, i64::from(u32::MAX)) as u32;
            let row = &mut self.row;
            row.last_sent_us = row.last_sent_us.max(newest.sent_us);
            self.round_trip_us = round_trip_us;
            if row.round_trip_us == 0 || round_trip_us < row.round_trip_us {
                row.round_trip_us = round_trip_us;
            }
        }
        let mut least_us = u32::MAX;
        for packet in arrived.iter() {
            least_us = least_us.min(self.arrive(packet, now_us));
        }
        if !arrived.is_empty() {
            self.delay_us = least_us;
        }
        arrived.clear();
        if let Some(highest) = highest {
            self.sent.settle(highest);
        }
        self.clusters.settle(self.sent.reported(), now_us);
    }

    /// Forgets all deltas but so many.
    pub(super) fn keep_latest(&mut self, count: usize) {
        let older = self.deltas.len().saturating_sub(count * DELTA_BYTES);
        self.deltas.drain(..older);
    }

    /// One packet, in the order of arrival; gives its delay above the least.
    fn arrive(&mut self, packet: &Arrived, now_us: i64) -> u32 {
        let Arrived {
            arrival_us,
            sent_us,
            size,
            cluster,
            ..
        } = *packet;
        match self.groups.add(sent_us, arrival_us, size, now_us) {
            Grouped::Joined => {}
            Grouped::Complete(delta) => {
                if self.at_leisure && self.deltas.len() >= 2 * LEISURE_DELTAS * DELTA_BYTES {
                    self.keep_latest(LEISURE_DELTAS);
                }
                if self.deltas.len() >= MAX_DELTAS * DELTA_BYTES {
                    self.deltas.clear();
                    self.row.flags |= FLAG_RESET;
                }
                delta.pack(&mut self.deltas);
            }
            Grouped::Reset => self.reset(),
        }
        self.throughput.add(sent_us, arrival_us, size);
        if cluster != 0 {
            self.clusters.add(cluster, sent_us, arrival_us, size);
        }
        let delay_us = self.base.above(arrival_us - sent_us, now_us);
        self.row.see_delay(delay_us);
        delay_us
    }
}
