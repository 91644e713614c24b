//! Rows and deltas in the packed form that the control plane reads (`sfu.bandwidth.rows`).

use super::probe::Outcome;
use crate::command::Id;

/// Name and numpy type of each field of a feedback row, in order.
pub const FEEDBACK_DTYPE: &[(&str, &str)] = &[
    ("transport", "<u4"),
    ("flags", "<u2"),
    ("reports", "<u2"),
    ("time_us", "<i8"),
    ("last_sent_us", "<i8"),
    ("acked_bytes", "<u4"),
    ("acked", "<u4"),
    ("lost_bytes", "<u4"),
    ("lost", "<u4"),
    ("unlost_bytes", "<u4"),
    ("unlost", "<u4"),
    ("sent_bytes", "<u4"),
    ("sent_rtx_bytes", "<u4"),
    ("sent_padding_bytes", "<u4"),
    ("throughput_bps", "<u4"),
    ("round_trip_us", "<u4"),
    ("delay_min_us", "<u4"),
    ("delay_max_us", "<u4"),
    ("in_flight_bytes", "<u4"),
    ("queued_us", "<u4"),
    ("probe", "<u2"),
    ("probe_packets", "<u2"),
    ("probe_bytes", "<u4"),
    ("probe_send_bps", "<u4"),
    ("probe_receive_bps", "<u4"),
    ("marks", "<u2"),
    ("remb_bps", "<u4"),
    ("report_loss", "<u2"),
    ("nacked", "<u2"),
    ("deltas", "<u2"),
    ("freezes", "<u2"),
    ("frozen_ms", "<u2"),
    ("freezes_keyframe", "<u2"),
    ("frozen_keyframe_ms", "<u2"),
    ("freezes_publisher", "<u2"),
    ("frozen_publisher_ms", "<u2"),
];

/// Bytes of one packed row.
pub const ROW_BYTES: usize = 4 + 2 + 2 + 8 + 8 + 4 * 15 + 2 + 2 + 4 * 3 + 2 + 4 + 2 * 9;

/// Name and numpy type of each field of a delta, in order.
pub const DELTA_DTYPE: &[(&str, &str)] = &[
    ("send_delta_us", "<i4"),
    ("arrival_delta_us", "<i4"),
    ("arrival_us", "<i8"),
    ("size", "<u4"),
];

/// Bytes of one packed delta.
pub const DELTA_BYTES: usize = 4 + 4 + 8 + 4;

/// Transport-wide feedback came.
pub const FLAG_TRANSPORT_FEEDBACK: u16 = 1;
/// A receiver estimate (REMB) came.
pub const FLAG_REMB: u16 = 2;
/// A receiver report came.
pub const FLAG_REPORT: u16 = 4;
/// Sending, but not reported on.
pub const FLAG_SILENT: u16 = 8;
/// Another path or clock.
pub const FLAG_RESET: u16 = 16;
/// A probe cluster is over.
pub const FLAG_PROBE: u16 = 32;
/// Some of what was sent has no number.
pub const FLAG_PARTIAL: u16 = 64;

/// What one transport did and heard since the row before; meanings stand in `_plane.pyi`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Row {
    pub flags: u16,
    pub reports: u16,
    pub time_us: i64,
    pub last_sent_us: i64,
    pub acked_bytes: u32,
    pub acked: u32,
    pub lost_bytes: u32,
    pub lost: u32,
    pub unlost_bytes: u32,
    pub unlost: u32,
    pub sent_bytes: u32,
    pub sent_rtx_bytes: u32,
    pub sent_padding_bytes: u32,
    pub throughput_bps: u32,
    pub round_trip_us: u32,
    pub delay_min_us: u32,
    pub delay_max_us: u32,
    pub in_flight_bytes: u32,
    pub queued_us: u32,
    pub probe: u16,
    pub probe_packets: u16,
    pub probe_bytes: u32,
    pub probe_send_bps: u32,
    pub probe_receive_bps: u32,
    pub marks: u16,
    pub remb_bps: u32,
    pub report_loss: u16,
    pub nacked: u16,
    pub freezes: u16,
    pub frozen_ms: u16,
    pub freezes_keyframe: u16,
    pub frozen_keyframe_ms: u16,
    pub freezes_publisher: u16,
    pub frozen_publisher_ms: u16,
    has_delay: bool,
}

impl Row {
    /// A packet was so long under way, beyond the least.
    pub(super) fn see_delay(&mut self, us: u32) {
        let least = if self.has_delay {
            self.delay_min_us
        } else {
            us
        };
        self.delay_min_us = least.min(us);
        self.delay_max_us = self.delay_max_us.max(us);
        self.has_delay = true;
    }

    /// Delays seen so far are of another path.
    pub(super) fn forget_delay(&mut self) {
        (self.delay_min_us, self.delay_max_us, self.has_delay) = (0, 0, false);
    }

    /// A probe cluster is over.
    pub(super) fn see_outcome(&mut self, outcome: &Outcome) {
        self.flags |= FLAG_PROBE;
        self.probe = outcome.id;
        self.probe_packets = outcome.packets;
        self.probe_bytes = outcome.bytes;
        self.probe_send_bps = outcome.send_bps;
        self.probe_receive_bps = outcome.receive_bps;
    }

    /// Appends the row in packed form.
    pub fn pack(&self, transport: Id, deltas: u16, into: &mut Vec<u8>) {
        into.extend_from_slice(&transport.to_le_bytes());
        into.extend_from_slice(&self.flags.to_le_bytes());
        into.extend_from_slice(&self.reports.to_le_bytes());
        into.extend_from_slice(&self.time_us.to_le_bytes());
        into.extend_from_slice(&self.last_sent_us.to_le_bytes());
        for value in [
            self.acked_bytes,
            self.acked,
            self.lost_bytes,
            self.lost,
            self.unlost_bytes,
            self.unlost,
            self.sent_bytes,
            self.sent_rtx_bytes,
            self.sent_padding_bytes,
            self.throughput_bps,
            self.round_trip_us,
            self.delay_min_us,
            self.delay_max_us,
            self.in_flight_bytes,
            self.queued_us,
        ] {
            into.extend_from_slice(&value.to_le_bytes());
        }
        into.extend_from_slice(&self.probe.to_le_bytes());
        into.extend_from_slice(&self.probe_packets.to_le_bytes());
        for value in [
            self.probe_bytes,
            self.probe_send_bps,
            self.probe_receive_bps,
        ] {
            into.extend_from_slice(&value.to_le_bytes());
        }
        into.extend_from_slice(&self.marks.to_le_bytes());
        into.extend_from_slice(&self.remb_bps.to_le_bytes());
        for value in [
            self.report_loss,
            self.nacked,
            deltas,
            self.freezes,
            self.frozen_ms,
            self.freezes_keyframe,
            self.frozen_keyframe_ms,
            self.freezes_publisher,
            self.frozen_publisher_ms,
        ] {
            into.extend_from_slice(&value.to_le_bytes());
        }
    }
}

/// How far two successive groups of packets left and came in apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delta {
    /// Between the last packets of both, as sent.
    pub send_us: i32,
    /// Likewise, as received.
    pub arrival_us: i32,
    /// When the later one had come in, on the receiver's clock.
    pub at_us: i64,
    /// Bytes of the later one.
    pub size: u32,
}

impl Delta {
    /// Appends the delta in packed form.
    pub fn pack(&self, into: &mut Vec<u8>) {
        into.extend_from_slice(&self.send_us.to_le_bytes());
        into.extend_from_slice(&self.arrival_us.to_le_bytes());
        into.extend_from_slice(&self.at_us.to_le_bytes());
        into.extend_from_slice(&self.size.to_le_bytes());
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn width(kind: &str) -> usize {
        kind[2..].parse().expect("size")
    }

    /// A field of a packed row, as an unsigned number.
    pub(crate) fn field(dtype: &[(&str, &str)], row: &[u8], name: &str) -> u64 {
        let mut at = 0;
        for (field, kind) in dtype {
            let bytes = &row[at..at + width(kind)];
            if *field == name {
                let place = |value, byte: &u8| value << 8 | u64::from(*byte);
                return bytes.iter().rev().fold(0, place);
            }
            at += width(kind);
        }
        panic!("no field {name}");
    }

    #[test]
    fn the_types_match_what_is_packed() {
        let total = |dtype: &[(&str, &str)]| dtype.iter().map(|(_, kind)| width(kind)).sum();
        let (row, delta): (usize, usize) = (total(FEEDBACK_DTYPE), total(DELTA_DTYPE));
        assert_eq!((row, delta), (ROW_BYTES, DELTA_BYTES));
        let row = Row {
            time_us: -1,
            queued_us: 15,
            probe: 16,
            probe_receive_bps: 20,
            marks: 21,
            remb_bps: 22,
            nacked: 24,
            freezes: 26,
            frozen_ms: 27,
            frozen_keyframe_ms: 29,
            freezes_publisher: 30,
            frozen_publisher_ms: 31,
            ..Row::default()
        };
        let mut packed = Vec::new();
        row.pack(9, 25, &mut packed);
        assert_eq!(packed.len(), ROW_BYTES);
        let named = |name| field(FEEDBACK_DTYPE, &packed, name);
        assert_eq!((named("transport"), named("time_us")), (9, u64::MAX));
        assert_eq!((named("queued_us"), named("probe")), (15, 16));
        assert_eq!((named("probe_receive_bps"), named("marks")), (20, 21));
        assert_eq!((named("remb_bps"), named("nacked")), (22, 24));
        assert_eq!(named("deltas"), 25);
        assert_eq!((named("freezes"), named("frozen_ms")), (26, 27));
        assert_eq!(named("frozen_keyframe_ms"), 29);
        assert_eq!(named("freezes_publisher"), 30);
        assert_eq!(named("frozen_publisher_ms"), 31);
        let delta = Delta {
            send_us: 1,
            arrival_us: 2,
            at_us: 3,
            size: 4,
        };
        packed.clear();
        delta.pack(&mut packed);
        assert_eq!(packed.len(), DELTA_BYTES);
        assert_eq!(field(DELTA_DTYPE, &packed, "size"), 4);
    }
}
