//! What a subscriber's reports say of its link, as one row per transport and tick.
//!
//! Every packet sent under a transport-wide number is remembered until it is
//! reported on (draft-holmer-rmcat-transport-wide-cc-extensions-01). Loss that
//! receiver reports tell of (RFC 3550 §6.4) is kept apart: the two are never mixed.

mod row;

use crate::command::Id;
use crate::twcc::Feedback;

pub use row::{
    Delta, Row, DELTA_BYTES, DELTA_DTYPE, FEEDBACK_DTYPE, FLAG_REMB, FLAG_REPORT,
    FLAG_TRANSPORT_FEEDBACK, ROW_BYTES,
};

/// Packets remembered per transport, a power of two: 1.5 s at 600 packets a second.
const REMEMBERED: usize = 1024;

/// Bytes of repairs that may be saved up for.
const MAX_REPAIR_BUDGET: u32 = 256 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Empty,
    Sent,
    Lost,
    Acked,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Low 32 bits of the send time; differences within the memory never wrap.
    sent_us: u32,
    size: u16,
    sequence: u16,
    state: State,
}

const EMPTY: Entry = Entry {
    sent_us: 0,
    size: 0,
    sequence: 0,
    state: State::Empty,
};

/// What one transport was sent, and what its receiver says of it.
#[derive(Debug, Default)]
pub struct SendHistory {
    entries: Option<Box<[Entry; REMEMBERED]>>,
    next: u16,
    sent_bytes: u32,
    sent_rtx_bytes: u32,
    total_bytes: u64,
    repair_budget: u32,
    row: Row,
    news: bool,
    listed: bool,
}

impl SendHistory {
    /// The number that the next packet goes under.
    #[inline]
    pub fn peek(&self) -> u16 {
        self.next
    }

    /// Bytes of all packets that left, numbered or not.
    pub fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    /// A packet left.
    #[inline]
    pub fn count(&mut self, size: usize) {
        self.total_bytes += size as u64;
        self.repair_budget = (self.repair_budget + size as u32 / 2).min(MAX_REPAIR_BUDGET);
    }

    /// A packet left for the second time.
    pub fn count_repair(&mut self, size: usize) {
        self.total_bytes += size as u64;
    }

    /// Whether a packet may be sent again: repairs cost half of what else is sent at
    /// the most, so that requests cannot make a flood.
    pub fn spend_on_repair(&mut self, size: usize) -> bool {
        let affordable = self.repair_budget >= size as u32;
        if affordable {
            self.repair_budget -= size as u32;
        }
        affordable
    }

    /// A packet left under the number that [`peek`](Self::peek) gave.
    #[inline]
    pub fn record(&mut self, size: usize, retransmission: bool, now_us: i64) {
        let entries = self
            .entries
            .get_or_insert_with(|| Box::new([EMPTY; REMEMBERED]));
        let sequence = self.next;
        self.next = sequence.wrapping_add(1);
        entries[sequence as usize % REMEMBERED] = Entry {
            sent_us: now_us as u32,
            size: size as u16,
            sequence,
            state: State::Sent,
        };
        let total = if retransmission {
            &mut self.sent_rtx_bytes
        } else {
            &mut self.sent_bytes
        };
        *total = total.wrapping_add(size as u32);
    }

    /// Takes a transport-wide report in. Numbers never sent are passed over: a
    /// lying receiver changes its own row only.
    pub fn on_feedback(&mut self, feedback: &Feedback<'_>, now_us: i64) {
        let Some(entries) = self.entries.as_mut() else {
            return;
        };
        let row = &mut self.row;
        row.flags |= FLAG_TRANSPORT_FEEDBACK;
        row.reports = row.reports.saturating_add(1);
        self.news = true;
        for (sequence, arrival_us) in feedback.iter() {
            let entry = &mut entries[sequence as usize % REMEMBERED];
            if entry.sequence != sequence {
                continue;
            }
            match (entry.state, arrival_us) {
                (State::Sent | State::Lost, Some(_)) => {
                    if entry.state == State::Lost {
                        row.unlost += 1;
                        row.unlost_bytes += u32::from(entry.size);
                    }
                    let age_us = (now_us as u32).wrapping_sub(entry.sent_us);
                    row.last_sent_us = row.last_sent_us.max(now_us - i64::from(age_us));
                    row.acked += 1;
                    row.acked_bytes += u32::from(entry.size);
                    entry.state = State::Acked;
                }
                (State::Sent, None) => {
                    row.lost += 1;
                    row.lost_bytes += u32::from(entry.size);
                    entry.state = State::Lost;
                }
                _ => {}
            }
        }
    }

    /// A round trip was measured (RFC 3550 §6.4.1) along with the worst fraction lost, in 1/256.
    pub fn on_report(&mut self, round_trip_us: Option<u32>, fraction_lost: u8) {
        self.news = true;
        self.row.flags |= FLAG_REPORT;
        if let Some(round_trip_us) = round_trip_us {
            self.row.round_trip_us = round_trip_us;
        }
        self.row.report_loss = self.row.report_loss.max(u16::from(fraction_lost));
    }

    /// The receiver's own estimate.
    pub fn on_remb(&mut self, bitrate: u64) {
        self.news = true;
        self.row.flags |= FLAG_REMB;
        self.row.remb_bps = u32::try_from(bitrate).unwrap_or(u32::MAX);
    }

    /// So many packets were asked for again.
    pub fn on_nack(&mut self, count: usize) {
        self.news = true;
        self.row.nacked = self.row.nacked.saturating_add(count.min(0xffff) as u16);
    }

    /// Whether there is news that was not asked for before: the caller puts the transport on its list.
    pub fn is_to_be_listed(&mut self) -> bool {
        self.news && !std::mem::replace(&mut self.listed, true)
    }

    /// Appends the row and its deltas in packed form, if there is news, and begins the next.
    pub fn take_row(
        &mut self,
        transport: Id,
        now_us: i64,
        rows: &mut Vec<u8>,
        _deltas: &mut Vec<u8>,
    ) {
        self.listed = false;
        if !std::mem::take(&mut self.news) {
            return;
        }
        let mut row = std::mem::take(&mut self.row);
        row.time_us = now_us;
        row.sent_bytes = std::mem::take(&mut self.sent_bytes);
        row.sent_rtx_bytes = std::mem::take(&mut self.sent_rtx_bytes);
        row.pack(transport, 0, rows);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::twcc::{parse, Recorder};

    fn field(row: &[u8], name: &str) -> u64 {
        row::tests::field(FEEDBACK_DTYPE, row, name)
    }

    fn taken(history: &mut SendHistory) -> Vec<u8> {
        let (mut rows, mut deltas) = (Vec::new(), Vec::new());
        history.take_row(9, 77, &mut rows, &mut deltas);
        rows
    }

    fn report(received: &[u16]) -> Vec<u8> {
        let mut recorder = Recorder::default();
        for (n, sequence) in received.iter().enumerate() {
            recorder.record(*sequence, 1_000_000 + n as i64 * 10_000);
        }
        let mut packet = Vec::new();
        assert!(recorder.build(1, 2, &mut packet));
        packet
    }

    #[test]
    fn counts_what_came_and_what_did_not() {
        let mut history = SendHistory::default();
        for n in 0..5 {
            history.record(1000, false, n * 1000);
        }
        let packet = report(&[0, 1, 4]);
        history.on_feedback(&parse(&packet).expect("valid"), 10_000);
        let row = taken(&mut history);
        assert_eq!(field(&row, "transport"), 9);
        assert_eq!((field(&row, "acked"), field(&row, "lost")), (3, 2));
        assert_eq!(field(&row, "sent_bytes"), 5000);
        assert_eq!(field(&row, "last_sent_us"), 4000);

        let late = report(&[0, 1, 2, 3, 4]);
        history.on_feedback(&parse(&late).expect("valid"), 10_000);
        let row = taken(&mut history);
        assert_eq!(
            (
                field(&row, "acked"),
                field(&row, "lost"),
                field(&row, "unlost")
            ),
            (2, 0, 2)
        );
        assert!(taken(&mut history).is_empty(), "no news");
    }

    #[test]
    fn a_report_on_numbers_never_sent_moves_nothing() {
        let mut history = SendHistory::default();
        history.record(1000, false, 0);
        let packet = report(&[500, 501]);
        history.on_feedback(&parse(&packet).expect("valid"), 10_000);
        let row = taken(&mut history);
        assert_eq!((field(&row, "acked"), field(&row, "lost")), (0, 0));
    }
}
