//! One stream to one subscriber: select, rewrite, remember, seal.

mod again;

use crate::batch::{Destination, Outbox};
use crate::command::MAX_LAYERS;
use crate::command::{Id, PayloadType};
use crate::counters::Counters;
use crate::feedback::SendHistory;
use crate::header::{Fields, Template, MAX_HEADER};
use crate::pacer::Pacer;
use crate::retransmit::History;
use crate::rewrite::{Numbers, Rewrite};
use crate::ring::{Meta, Ring, MAX_PAYLOAD};
use crate::select::{Select, Verdict};
use crate::srtp::Sealer;
use crate::stillness::Motion;
use crate::table::Key;
use sfu_codecs::Codec;

/// Room that any sealed packet of ours fits in: header, retransmission number, payload, tag.
pub const MAX_PACKET: usize = MAX_HEADER + 2 + MAX_PAYLOAD + 32;

/// What a packet is longer than its payload by, for pacing: header with extensions and tag, about.
const OVERHEAD: usize = 40;

/// The way out that all egresses of a transport share, for one round of sending.
pub struct Wire<'a> {
    /// Encrypts.
    pub sealer: &'a Sealer,
    /// Where to, and from which of our addresses.
    pub destination: &'a Destination,
    /// Transport-wide numbers and what was sent under them.
    pub history: &'a mut SendHistory,
    /// When what is not sound may leave.
    pub pacer: &'a mut Pacer,
    /// Where datagrams wait to be sent.
    pub outbox: &'a mut Outbox,
    /// Totals.
    pub counters: &'a mut Counters,
    /// Local time.
    pub now_us: i64,
    /// Absolute send time (24 bits, 6.18 fixed point seconds).
    pub send_time: u32,
}

/// Why a packet does not leave now; the caller comes back to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// The outbox has no room: it is to be sent first.
    Full,
    /// The transport's pace does not allow it yet.
    Paced,
}

/// What an offered packet led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offered {
    /// It left.
    Sent,
    /// It left, as the first of another layer or source.
    Switched,
    /// It was not for this egress.
    Passed,
}

/// One stream to one subscriber.
pub struct Egress {
    /// As the control plane names it.
    pub id: Id,
    /// The subscriber.
    pub transport: Key,
    /// The place that it shows.
    pub route: Key,
    /// Index in the track's ring of the next packet to look at.
    pub cursor: u64,
    /// Layer choice.
    pub select: Select,
    /// How its frames follow each other.
    pub motion: Motion,
    /// Its own stream.
    pub ssrc: u32,
    /// Its retransmissions, zero for audio.
    pub rtx_ssrc: u32,
    /// Totals of the stream, for sender reports (RFC 3550 §6.4.1).
    pub packets: u32,
    /// Payload octets, likewise.
    pub octets: u32,
    /// When the last packet left, in local time.
    pub last_sent_us: i64,
    /// When its next packet's turn is among the pictures that wait ([`paced`](crate::paced)).
    pub turn: u64,
    /// Nothing has waited for it for longer: when it began with what was there before.
    pub since_us: i64,
    rewrite: Rewrite,
    history: History,
    template: Template,
    rtx_sequence: u64,
    /// Counts the packets that were sent again only to fill the path.
    repeated: u64,
    /// Of the codec that is forwarded now; `None` where the subscriber did not accept it.
    payload_type: Option<PayloadType>,
    codec: Option<Codec>,
    clock_rate: u32,
}

impl Egress {
    /// An egress that forwards nothing yet; `start` is where its numbers begin.
    pub fn new(
        id: Id,
        transport: Key,
        route: Key,
        ssrcs: (u32, u32),
        template: Template,
        start: (u16, u32),
        video: bool,
    ) -> Self {
        Self {
            id,
            transport,
            route,
            cursor: 0,
            select: Select::default(),
            motion: Motion::default(),
            ssrc: ssrcs.0,
            rtx_ssrc: ssrcs.1,
            packets: 0,
            octets: 0,
            last_sent_us: i64::MIN / 2,
            turn: 0,
            since_us: i64::MIN,
            rewrite: Rewrite::new(start.0, start.1),
            history: History::default(),
            template,
            rtx_sequence: 0,
            repeated: 0,
            payload_type: None,
            codec: None,
            clock_rate: if video { 90_000 } else { 48_000 },
        }
    }

    /// Another source from `cursor` on: nothing passes before its first clean point.
    pub fn attach(&mut self, cursor: u64) {
        self.select.reset();
        self.motion.begin_anew();
        self.cursor = cursor;
        self.codec = None;
        self.history.clear();
    }

    /// It begins with the keyframe at `cursor`, which was there before it.
    pub fn replay(&mut self, cursor: u64, now_us: i64) {
        self.cursor = cursor;
        self.since_us = now_us;
    }

    /// What has not left yet is left out: it goes on with the keyframe at `cursor`.
    pub fn skip_to(&mut self, cursor: u64) {
        self.select.reset();
        self.motion.give_way();
        self.cursor = cursor;
    }

    /// Another layer begins with what waits now: nothing of the one before is sent again.
    pub fn begin_anew(&mut self) {
        self.history.clear();
    }

    /// The next packet that may be for it: its index, and when it came.
    pub fn next(&self, ring: &Ring, alive: &[bool; MAX_LAYERS]) -> Option<(u64, i64)> {
        if self.cursor < ring.oldest() {
            // The ring has gone round: it begins anew, whatever is there.
            return ring
                .get(ring.oldest())
                .map(|(meta, _)| (self.cursor, meta.arrived_us));
        }
        let mut index = self.cursor;
        while let Some((meta, _)) = ring.get(index) {
            if self.select.concerns(meta, alive) {
                return Some((index, meta.arrived_us));
            }
            index += 1;
        }
        None
    }

    /// What a codec goes out as, of the types that the subscriber has accepted; `None` where it has not.
    #[inline]
    pub fn payload_type(&mut self, codec: Codec, accepted: &[PayloadType]) -> Option<PayloadType> {
        if self.codec != Some(codec) || self.payload_type.is_none() {
            self.codec = Some(codec);
            self.payload_type = accepted.iter().find(|kind| kind.codec == codec).copied();
        }
        self.payload_type
    }

    /// Looks at the next packet of the track.
    #[inline]
    pub fn offer(
        &mut self,
        index: u64,
        meta: &Meta,
        payload: &[u8],
        alive: &[bool; MAX_LAYERS],
        payload_types: &[PayloadType],
        wire: &mut Wire<'_>,
    ) -> Result<Offered, Stopped> {
        if meta.repeated && !self.rewrite.is_ahead(meta) {
            return Ok(Offered::Passed);
        }
        if wire.outbox.reserve(MAX_PACKET).is_none() {
            return Err(Stopped::Full);
        }
        if meta.codec.is_video()
            && !wire.pacer.admits(usize::from(meta.padded) + OVERHEAD)
            && self.select.concerns(meta, alive)
        {
            return Err(Stopped::Paced);
        }
        let Some(kind) = self.payload_type(meta.codec, payload_types) else {
            return Ok(Offered::Passed);
        };
        let verdict = self.select.judge(meta, alive);
        if verdict == Verdict::Ignore {
            return Ok(Offered::Passed);
        }
        let mut offered = Offered::Sent;
        match verdict {
            Verdict::Forward { switch } => {
                if switch {
                    let step = self.clock_rate / 50;
                    self.rewrite
                        .switch(meta, meta.captured_us, self.clock_rate, step);
                    offered = Offered::Switched;
                    self.motion.switch();
                } else if meta.resumes {
                    self.rewrite.resume(meta);
                }
                let Some(numbers) = self.rewrite.forward(meta, meta.captured_us) else {
                    return Ok(Offered::Passed);
                };
                self.send(meta, payload, &numbers, kind.number, wire);
                if meta.marker && meta.codec.is_video() {
                    let still = self.motion.on_frame(meta.arrived_us, wire.now_us);
                    still.into_iter().for_each(|still| wire.on_still(still));
                }
                if kind.rtx.is_some() && self.rtx_ssrc != 0 {
                    self.history.record(
                        numbers.sequence,
                        index,
                        numbers.picture_id_shift,
                        self.rewrite.epoch,
                    );
                }
            }
            Verdict::Drop => {
                let Some(numbers) = self.rewrite.drop(meta) else {
                    return Ok(Offered::Passed);
                };
                // All of a frame: nothing of it was left out, so its picture id is free as well.
                if meta.payload.frame_start && meta.marker {
                    self.send(meta, payload, &numbers, kind.number, wire);
                } else {
                    self.fill(meta, &numbers, kind.number, wire);
                }
            }
            Verdict::Ignore => {}
        }
        Ok(offered)
    }

    /// An incoming timestamp as it leaves (for sender reports).
    pub fn timestamp(&self, incoming: u32) -> u32 {
        self.rewrite.timestamp(incoming)
    }

    #[inline]
    fn send(
        &mut self,
        meta: &Meta,
        payload: &[u8],
        numbers: &Numbers,
        payload_type: u8,
        wire: &mut Wire<'_>,
    ) {
        let Some(room) = wire.outbox.reserve(MAX_PACKET) else {
            return;
        };
        let mut fields = fields(
            meta,
            numbers,
            numbers.sequence,
            payload_type,
            wire.history.peek(),
            wire.send_time,
        );
        let padding = (meta.padded - meta.len) as usize;
        fields.padding = padding > 0;
        let header_len = self.template.write(room, &fields);
        room[header_len..header_len + payload.len()].copy_from_slice(payload);
        patch(meta, numbers, &mut room[header_len..]);
        let mut len = header_len + payload.len();
        if padding > 0 {
            // RFC 3550 §5.1: the last octet counts the padding, itself included.
            room[len..len + padding - 1].fill(0);
            len += padding;
            room[len - 1] = padding as u8;
        }
        self.seal(len, header_len, numbers.sequence, wire);
        self.octets = self.octets.wrapping_add(u32::from(meta.len));
    }

    /// Fills a number that was left free for a packet which is then not wanted.
    fn fill(&mut self, meta: &Meta, numbers: &Numbers, payload_type: u8, wire: &mut Wire<'_>) {
        const PADDING: u8 = 4;
        let Some(room) = wire.outbox.reserve(MAX_PACKET) else {
            return;
        };
        let mut fields = fields(
            meta,
            numbers,
            numbers.sequence,
            payload_type,
            wire.history.peek(),
            wire.send_time,
        );
        fields.marker = false;
        fields.padding = true;
        let header_len = self.template.write(room, &fields);
        let len = header_len + PADDING as usize;
        room[header_len..len].fill(0);
        room[len - 1] = PADDING;
        self.seal(len, header_len, numbers.sequence, wire);
        wire.counters.padding_out += 1;
    }

    /// Whether its packets carry transport-wide numbers.
    pub fn has_transport_sequence(&self) -> bool {
        self.template.has_transport_sequence()
    }

    #[inline]
    fn seal(&mut self, len: usize, header_len: usize, sequence: u64, wire: &mut Wire<'_>) {
        let Some(room) = wire.outbox.reserve(MAX_PACKET) else {
            return;
        };
        let sealed = wire
            .sealer
            .seal_rtp(room, len, header_len, self.ssrc, sequence);
        wire.outbox.commit(wire.destination, sealed);
        wire.pacer.charge(sealed, wire.now_us);
        wire.history.count(sealed);
        if self.template.has_transport_sequence() {
            let number = sequence as u16;
            wire.history.record(sealed, self.ssrc, number, wire.now_us);
        } else {
            wire.history.miss();
        }
        self.packets = self.packets.wrapping_add(1);
        self.last_sent_us = wire.now_us;
        wire.counters.packets_out_rtp += 1;
        wire.counters.bytes_out_rtp += sealed as u64;
    }
}

fn fields(
    meta: &Meta,
    numbers: &Numbers,
    sequence: u64,
    payload_type: u8,
    transport_sequence: u16,
    send_time: u32,
) -> Fields {
    Fields {
        marker: meta.marker || (meta.resumes && !meta.codec.is_video()),
        padding: false,
        payload_type,
        sequence: sequence as u16,
        timestamp: numbers.timestamp,
        transport_sequence,
        send_time,
        audio_level: meta.audio_level,
        orientation: meta.orientation,
        playout_delay: meta.playout_delay,
    }
}

/// Puts our picture ids where the publisher's were.
fn patch(meta: &Meta, numbers: &Numbers, payload: &mut [u8]) {
    if let Some(id) = &meta.payload.picture_id {
        id.write(payload, id.value.wrapping_sub(numbers.picture_id_shift));
    }
    if let Some(tl0) = &meta.payload.tl0_pic_idx {
        tl0.write(payload, tl0.value.wrapping_sub(numbers.tl0_shift));
    }
}
