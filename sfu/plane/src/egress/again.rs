//! What leaves on the retransmission stream: repairs, and what only fills the path.

use super::{fields, patch, Egress, Wire, MAX_PACKET};
use crate::command::PayloadType;
use crate::header::{Fields, MAX_HEADER};
use crate::retransmit::Sent;
use crate::ring::{Meta, Ring};

/// Bytes of bare padding in one packet: the count has one octet (RFC 3550 §5.1).
const PADDING: usize = 252;
/// Packets that padding repeats in turn: the latest are the likeliest to be of use.
const REPEATED: u64 = 16;
/// A stream that has been silent for longer has nothing worth repeating.
const RECENT_US: i64 = 2_000_000;

impl Egress {
    /// Answers a request for a packet that was lost (RFC 4585 §6.2.1) with its
    /// retransmission (RFC 4588).
    pub fn retransmit(&mut self, sequence: u16, ring: &Ring, wire: &mut Wire<'_>) -> bool {
        let Some(rtx_type) = self.payload_type.and_then(|kind| kind.rtx) else {
            return false;
        };
        let highest = self.rewrite.highest();
        let full = highest.wrapping_sub(u64::from((highest as u16).wrapping_sub(sequence)));
        let round_trip_us = wire.history.round_trip_us();
        let epoch = self.rewrite.epoch;
        let Some(found) = self.history.take(full, epoch, round_trip_us, wire.now_us) else {
            return false;
        };
        let Some((meta, payload)) = ring.get(found.index) else {
            return false;
        };
        if !wire
            .history
            .spend_on_repair(payload.len() + MAX_HEADER, wire.now_us)
        {
            return false;
        }
        let sealed = self.send_again(full, found, rtx_type, (meta, payload), wire);
        if sealed == 0 {
            return false;
        }
        wire.pacer.charge(sealed, wire.now_us);
        wire.history.count_repair(sealed);
        self.record_again(sealed, wire);
        wire.counters.packets_out_rtx += 1;
        wire.counters.bytes_out_rtx += sealed as u64;
        wire.counters.retransmitted += 1;
        true
    }

    /// Sends a packet that only fills the path, whatever the pace: one of the latest once
    /// more, or bare padding. Gives its bytes, 0 where the subscriber takes neither.
    pub fn pad(
        &mut self,
        ring: Option<&Ring>,
        payload_types: &[PayloadType],
        wire: &mut Wire<'_>,
    ) -> usize {
        let any = || {
            payload_types
                .iter()
                .find(|kind| kind.codec.is_video())
                .copied()
        };
        let kind = self.payload_type.or_else(any);
        let Some(rtx_type) = kind
            .and_then(|kind| kind.rtx)
            .filter(|_| self.rtx_ssrc != 0)
        else {
            return 0;
        };
        let mut sealed = 0;
        if wire.now_us - self.last_sent_us < RECENT_US {
            sealed = ring.map_or(0, |ring| self.repeat(ring, rtx_type, wire));
        }
        if sealed == 0 {
            sealed = self.pad_bare(rtx_type, wire);
        }
        if sealed > 0 {
            wire.history.count_padding(sealed);
            self.record_again(sealed, wire);
            wire.counters.packets_out_padding += 1;
            wire.counters.bytes_out_padding += sealed as u64;
        }
        sealed
    }

    fn repeat(&mut self, ring: &Ring, rtx_type: u8, wire: &mut Wire<'_>) -> usize {
        self.repeated += 1;
        let full = self
            .rewrite
            .highest()
            .saturating_sub(self.repeated % REPEATED);
        let found = self.history.find(full, self.rewrite.epoch);
        let stored = found.and_then(|found| Some((found, ring.get(found.index)?)));
        stored.map_or(0, |(found, stored)| {
            self.send_again(full, found, rtx_type, stored, wire)
        })
    }

    /// Seals a packet's retransmission; gives its bytes, 0 when the outbox is full.
    fn send_again(
        &mut self,
        full: u64,
        found: Sent,
        rtx_type: u8,
        (meta, payload): (&Meta, &[u8]),
        wire: &mut Wire<'_>,
    ) -> usize {
        let numbers = self.rewrite.again(meta, full, found.picture_id_shift);
        let Some(room) = wire.outbox.reserve(MAX_PACKET) else {
            wire.counters.drop_outbox_full += 1;
            return 0;
        };
        self.rtx_sequence += 1;
        let transport_sequence = wire.history.peek();
        let sequence = self.rtx_sequence;
        let fields = fields(
            meta,
            &numbers,
            sequence,
            rtx_type,
            transport_sequence,
            wire.send_time,
        );
        let header_len = self.template.with_ssrc(self.rtx_ssrc).write(room, &fields);
        // RFC 4588 §4: the original number, then the payload as it was.
        room[header_len..header_len + 2].copy_from_slice(&(full as u16).to_be_bytes());
        let body = header_len + 2;
        room[body..body + payload.len()].copy_from_slice(payload);
        patch(meta, &numbers, &mut room[body..]);
        self.seal_again(body + payload.len(), header_len, wire)
    }

    /// A packet of nothing but padding: no original number, since there is no original.
    fn pad_bare(&mut self, rtx_type: u8, wire: &mut Wire<'_>) -> usize {
        let Some(room) = wire.outbox.reserve(MAX_PACKET) else {
            wire.counters.drop_outbox_full += 1;
            return 0;
        };
        self.rtx_sequence += 1;
        let fields = Fields {
            marker: false,
            padding: true,
            payload_type: rtx_type,
            sequence: self.rtx_sequence as u16,
            timestamp: self.rewrite.last_timestamp(),
            transport_sequence: wire.history.peek(),
            send_time: wire.send_time,
            audio_level: None,
            orientation: None,
            playout_delay: None,
        };
        let header_len = self.template.with_ssrc(self.rtx_ssrc).write(room, &fields);
        let len = header_len + PADDING;
        room[header_len..len].fill(0);
        room[len - 1] = PADDING as u8;
        self.seal_again(len, header_len, wire)
    }

    fn seal_again(&self, len: usize, header_len: usize, wire: &mut Wire<'_>) -> usize {
        let Some(room) = wire.outbox.reserve(MAX_PACKET) else {
            return 0;
        };
        let (ssrc, sequence) = (self.rtx_ssrc, self.rtx_sequence);
        let sealed = wire.sealer.seal_rtp(room, len, header_len, ssrc, sequence);
        wire.outbox.commit(wire.destination, sealed);
        sealed
    }

    fn record_again(&self, sealed: usize, wire: &mut Wire<'_>) {
        if self.template.has_transport_sequence() {
            let (ssrc, number) = (self.rtx_ssrc, self.rtx_sequence as u16);
            wire.history.record(sealed, ssrc, number, wire.now_us);
        }
    }
}
