//! What a subscriber's reports say of its link, as one row per transport and tick.
//!
//! Every packet sent under a transport-wide number is remembered until it is
//! reported on (draft-holmer-rmcat-transport-wide-cc-extensions-01). Loss that
//! receiver reports tell of (RFC 3550 §6.4) is kept apart: the two are never mixed.

use crate::command::Id;
use crate::twcc::Feedback;

/// Packets remembered per transport, a power of two: 1.5 s at 600 packets a second.
const REMEMBERED: usize = 1024;

/// Bytes of repairs that may be saved up for.
const MAX_REPAIR_BUDGET: u32 = 256 * 1024;

/// Name and numpy type of each field of a packed row, in order.
pub const DTYPE: &[(&str, &str)] = &[
    ("transport", "<u4"),
    ("flags", "<u2"),
    ("reports", "<u2"),
    ("time_us", "<i8"),
    ("acked_bytes", "<u4"),
    ("acked", "<u4"),
    ("lost", "<u4"),
    ("lost_bytes", "<u4"),
    ("unlost", "<u4"),
    ("sent_bytes", "<u4"),
    ("sent_rtx_bytes", "<u4"),
    ("send_span_us", "<u4"),
    ("arrival_span_us", "<u4"),
    ("round_trip_us", "<u4"),
    ("remb_bps", "<u4"),
    ("report_loss", "<u2"),
    ("nacked", "<u2"),
];

/// Bytes of one packed row.
pub const ROW_BYTES: usize = 4 + 2 + 2 + 8 + 4 * 11 + 2 + 2;

/// Transport-wide feedback came.
pub const FLAG_TRANSPORT_FEEDBACK: u16 = 1;
/// A receiver estimate (REMB) came.
pub const FLAG_REMB: u16 = 2;
/// A receiver report came.
pub const FLAG_REPORT: u16 = 4;

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

/// One row while it is gathered.
#[derive(Clone, Copy, Debug, Default)]
struct Row {
    flags: u16,
    reports: u16,
    acked_bytes: u32,
    acked: u32,
    lost: u32,
    lost_bytes: u32,
    unlost: u32,
    first_sent_us: u32,
    last_sent_us: u32,
    first_arrival_us: i64,
    last_arrival_us: i64,
    round_trip_us: u32,
    remb_bps: u32,
    report_loss: u16,
    nacked: u16,
}

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
    pub fn on_feedback(&mut self, feedback: &Feedback<'_>) {
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
                (State::Sent | State::Lost, Some(arrival_us)) => {
                    if entry.state == State::Lost {
                        row.unlost += 1;
                    }
                    row.acknowledge(entry, arrival_us);
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

    /// Appends the row in packed form, if there is news, and begins the next.
    pub fn take_row(&mut self, transport: Id, now_us: i64, into: &mut Vec<u8>) {
        self.listed = false;
        if !std::mem::take(&mut self.news) {
            return;
        }
        let row = std::mem::take(&mut self.row);
        let sent_bytes = std::mem::take(&mut self.sent_bytes);
        let sent_rtx_bytes = std::mem::take(&mut self.sent_rtx_bytes);
        into.extend_from_slice(&transport.to_le_bytes());
        into.extend_from_slice(&row.flags.to_le_bytes());
        into.extend_from_slice(&row.reports.to_le_bytes());
        into.extend_from_slice(&now_us.to_le_bytes());
        let send_span = row.last_sent_us.wrapping_sub(row.first_sent_us);
        let arrival_span =
            (row.last_arrival_us - row.first_arrival_us).clamp(0, i64::from(u32::MAX)) as u32;
        for value in [
            row.acked_bytes,
            row.acked,
            row.lost,
            row.lost_bytes,
            row.unlost,
            sent_bytes,
            sent_rtx_bytes,
            send_span,
            arrival_span,
            row.round_trip_us,
            row.remb_bps,
        ] {
            into.extend_from_slice(&value.to_le_bytes());
        }
        into.extend_from_slice(&row.report_loss.to_le_bytes());
        into.extend_from_slice(&row.nacked.to_le_bytes());
    }
}

impl Row {
    fn acknowledge(&mut self, entry: &Entry, arrival_us: i64) {
        if self.acked == 0 {
            self.first_sent_us = entry.sent_us;
            self.last_sent_us = entry.sent_us;
            self.first_arrival_us = arrival_us;
            self.last_arrival_us = arrival_us;
        }
        self.acked += 1;
        self.acked_bytes += u32::from(entry.size);
        if (entry.sent_us.wrapping_sub(self.last_sent_us) as i32) > 0 {
            self.last_sent_us = entry.sent_us;
        }
        self.first_arrival_us = self.first_arrival_us.min(arrival_us);
        self.last_arrival_us = self.last_arrival_us.max(arrival_us);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::twcc::{parse, Recorder};

    fn field(row: &[u8], name: &str) -> u64 {
        let mut at = 0;
        for (field, kind) in DTYPE {
            let size = kind[2..].parse::<usize>().expect("size");
            if *field == name {
                return row[at..at + size]
                    .iter()
                    .rev()
                    .fold(0, |value, byte| value << 8 | u64::from(*byte));
            }
            at += size;
        }
        panic!("no field {name}");
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
    fn the_type_matches_the_row() {
        let size: usize = DTYPE
            .iter()
            .map(|(_, kind)| kind[2..].parse::<usize>().expect("size"))
            .sum();
        assert_eq!(size, ROW_BYTES);
        let mut rows = Vec::new();
        let mut history = SendHistory::default();
        history.on_remb(1);
        history.take_row(1, 0, &mut rows);
        assert_eq!(rows.len(), ROW_BYTES);
    }

    #[test]
    fn counts_what_came_and_what_did_not() {
        let mut history = SendHistory::default();
        for n in 0..5 {
            history.record(1000, false, n * 1000);
        }
        let packet = report(&[0, 1, 4]);
        history.on_feedback(&parse(&packet).expect("valid"));
        let mut row = Vec::new();
        history.take_row(9, 77, &mut row);
        assert_eq!(field(&row, "transport"), 9);
        assert_eq!((field(&row, "acked"), field(&row, "lost")), (3, 2));
        assert_eq!(field(&row, "sent_bytes"), 5000);
        assert_eq!(field(&row, "send_span_us"), 4000);

        let late = report(&[0, 1, 2, 3, 4]);
        history.on_feedback(&parse(&late).expect("valid"));
        row.clear();
        history.take_row(9, 78, &mut row);
        assert_eq!(
            (
                field(&row, "acked"),
                field(&row, "lost"),
                field(&row, "unlost")
            ),
            (2, 0, 2)
        );
        row.clear();
        history.take_row(9, 79, &mut row);
        assert!(row.is_empty(), "no news");
    }

    #[test]
    fn a_report_on_numbers_never_sent_moves_nothing() {
        let mut history = SendHistory::default();
        history.record(1000, false, 0);
        let packet = report(&[500, 501]);
        history.on_feedback(&parse(&packet).expect("valid"));
        let mut row = Vec::new();
        history.take_row(1, 0, &mut row);
        assert_eq!((field(&row, "acked"), field(&row, "lost")), (0, 0));
    }
}
