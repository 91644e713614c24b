//! A synthetic attendee: counts what it receives, reports as a browser does, and when
//! it verifies, opens every packet and compares it with what was sent.

use crate::continuity::Continuity;
use crate::latencies::Meter;
use crate::pattern::{self, Stamp};
use _plane::batch::{Destination, Outbox};
use _plane::missing::Missing;
use _plane::reception::Reception;
use _plane::rtcp::{self, Compound, Rtcp};
use _plane::rtp::Rtp;
use _plane::srtp::{Opener, Sealer};
use _plane::{rtx, twcc};

const REPORT_NS: u64 = 1_000_000_000;
const FEEDBACK_NS: u64 = 100_000_000;
const ROUND_TRIP_US: i64 = 20_000;
/// The room has at most so many slots.
const MAX_STREAMS: usize = 64;

/// What the server's offer calls things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// Payload type of VP8.
    pub video: u8,
    /// Payload type of its retransmissions (RFC 4588).
    pub retransmission: u8,
    /// Payload type of Opus.
    pub audio: u8,
    /// Id of the header extension with the transport-wide sequence number.
    pub transport_cc: u8,
}

impl Default for Format {
    /// That of this server's offers.
    fn default() -> Self {
        Self {
            video: pattern::VP8,
            retransmission: pattern::VP8_RTX,
            audio: pattern::OPUS,
            transport_cc: 3,
        }
    }
}

/// What attendees have counted; sums of several are made by [`Tally::add`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Tally {
    pub video: u64,
    pub audio: u64,
    pub retransmissions: u64,
    pub bytes: u64,
    /// By sequence numbers, what should have come.
    pub expected: u64,
    /// What of that has come, retransmissions included.
    pub received: u64,
    pub recovered: u64,
    pub duplicates: u64,
    pub late: u64,
    pub nacks: u64,
    pub verified: u64,
    /// Verified packets that were not as sent, or could not be opened.
    pub damaged: u64,
    /// Packets of the presenter that never came, by their counters.
    pub skipped: u64,
    /// Datagrams that are no packet of a stream.
    pub strange: u64,
}

impl Tally {
    /// Adds another's counts.
    pub fn add(&mut self, other: &Tally) {
        self.video += other.video;
        self.audio += other.audio;
        self.retransmissions += other.retransmissions;
        self.bytes += other.bytes;
        self.expected += other.expected;
        self.received += other.received;
        self.recovered += other.recovered;
        self.duplicates += other.duplicates;
        self.late += other.late;
        self.nacks += other.nacks;
        self.verified += other.verified;
        self.damaged += other.damaged;
        self.skipped += other.skipped;
        self.strange += other.strange;
    }
}

/// One attendee behind its transport.
pub struct Attendee {
    verifies: bool,
    format: Format,
    ssrc: u32,
    streams: Vec<Stream>,
    recorder: twcc::Recorder,
    tally: Tally,
    next_report_ns: u64,
    next_feedback_ns: u64,
    rtcp: Vec<u8>,
    wanted: Vec<u16>,
}

impl Attendee {
    /// `ssrc` is what it reports under; its times are spread by it.
    pub fn new(verifies: bool, ssrc: u32, format: Format) -> Self {
        Self {
            verifies,
            format,
            ssrc,
            streams: Vec::new(),
            recorder: twcc::Recorder::default(),
            tally: Tally::default(),
            next_report_ns: 0,
            next_feedback_ns: 0,
            rtcp: Vec::with_capacity(1500),
            wanted: Vec::new(),
        }
    }

    /// All counts since the beginning.
    pub fn tally(&self) -> Tally {
        let mut tally = self.tally;
        for stream in &self.streams {
            tally.expected += stream.continuity.expected();
            tally.received += stream.continuity.received();
            tally.duplicates += stream.continuity.duplicates();
            tally.late += stream.continuity.late();
        }
        tally
    }

    /// Whether a picture has begun to come.
    pub fn sees(&self) -> bool {
        self.tally.video > 0
    }

    /// Streams of which something has come, of video and of sound.
    pub fn streams(&self) -> (u64, u64) {
        let video = self.streams.iter().filter(|stream| stream.video).count();
        (video as u64, (self.streams.len() - video) as u64)
    }

    /// Takes an RTP packet.
    pub fn on_rtp(
        &mut self,
        packet: &mut [u8],
        opener: &mut Opener,
        meter: &mut Meter,
        now_ns: u64,
    ) {
        let Ok(header) = Rtp::parse(packet) else {
            self.tally.strange += 1;
            return;
        };
        self.tally.bytes += packet.len() as u64;
        if let Some(&[high, low]) = header.extensions.find(packet, self.format.transport_cc) {
            let sequence = u16::from_be_bytes([high, low]);
            self.recorder.record(sequence, us(now_ns));
        }
        let video = match header.payload_type {
            video if video == self.format.video => true,
            audio if audio == self.format.audio => false,
            again if again == self.format.retransmission => {
                return self.on_retransmission(packet, &header, opener);
            }
            _ => {
                self.tally.strange += 1;
                return;
            }
        };
        let Some(stream) = find(&mut self.streams, header.ssrc, video) else {
            self.tally.strange += 1;
            return;
        };
        if video {
            self.tally.video += 1;
        } else {
            self.tally.audio += 1;
        }
        stream.on_header(&header, packet.len(), now_ns);
        if !self.verifies {
            return;
        }
        self.tally.verified += 1;
        let payload = opened(packet, &header, opener);
        // Padding alone: some servers probe with it.
        if payload.is_some_and(<[u8]>::is_empty) {
            return;
        }
        match payload.and_then(|payload| stream.stamp(payload)) {
            Some(stamp) => {
                self.tally.skipped += stream.passed_over(stamp.counter);
                meter.record(video, stamp.sent_ns, now_ns);
            }
            None => self.tally.damaged += 1,
        }
    }

    /// Takes a decrypted compound.
    pub fn on_rtcp(&mut self, compound: &[u8], now_ns: u64) {
        for packet in rtcp::walk(compound).flatten() {
            if let Rtcp::SenderReport { ssrc, ntp, .. } = packet {
                if let Some(stream) = self.streams.iter_mut().find(|stream| stream.ssrc == ssrc) {
                    stream.reception.on_sender_report(ntp, us(now_ns));
                }
            }
        }
    }

    /// Sends the reports that are due.
    pub fn advance(
        &mut self,
        now_ns: u64,
        sealer: &mut Sealer,
        to: &Destination,
        outbox: &mut Outbox,
    ) {
        if self.next_report_ns == 0 {
            self.next_report_ns = now_ns + u64::from(self.ssrc) * 7919 % REPORT_NS;
            self.next_feedback_ns = now_ns + u64::from(self.ssrc) * 7919 % FEEDBACK_NS;
        }
        self.rtcp.clear();
        if now_ns >= self.next_report_ns {
            self.next_report_ns = now_ns + REPORT_NS;
            self.report(now_ns);
        }
        if now_ns >= self.next_feedback_ns {
            self.next_feedback_ns = now_ns + FEEDBACK_NS;
            let media = self.streams.first().map_or(0, |stream| stream.ssrc);
            self.recorder.build(self.ssrc, media, &mut self.rtcp);
        }
        for stream in self
            .streams
            .iter_mut()
            .filter(|each| each.missing.is_waiting())
        {
            self.wanted.clear();
            stream
                .missing
                .due(us(now_ns), ROUND_TRIP_US, &mut self.wanted);
            if !self.wanted.is_empty() {
                self.tally.nacks += 1;
                let wanted = self.wanted.iter().copied();
                Compound::new(&mut self.rtcp).nack(self.ssrc, stream.ssrc, wanted);
            }
        }
        if !self.rtcp.is_empty() {
            sealer.seal_rtcp(&mut self.rtcp);
            crate::path::put(outbox, to, &self.rtcp);
        }
    }

    fn report(&mut self, now_ns: u64) {
        let blocks: Vec<_> = self
            .streams
            .iter_mut()
            .filter_map(|stream| stream.reception.report_block(stream.ssrc, us(now_ns)))
            .collect();
        let mut compound = Compound::new(&mut self.rtcp);
        compound.receiver_report(self.ssrc, &blocks);
        compound.sdes_cname(self.ssrc, "attendee");
    }

    /// RFC 4588 §4: the original number stands before the payload, encrypted.
    fn on_retransmission(&mut self, packet: &mut [u8], header: &Rtp, opener: &mut Opener) {
        self.tally.retransmissions += 1;
        let Some(payload) = opened(packet, header, opener) else {
            self.tally.damaged += 1;
            return;
        };
        let Some((sequence, payload)) = rtx::original_sequence(payload) else {
            return;
        };
        let mut streams = self.streams.iter_mut();
        let lacking = streams.find(|each| each.video && each.continuity.lacks(sequence));
        if let Some(stream) = lacking {
            let number = stream.continuity.on_sequence(sequence);
            stream.missing.on_packet(number, 0);
            self.tally.recovered += 1;
            if self.verifies && stream.stamp(payload).is_some() {
                self.tally.skipped = self.tally.skipped.saturating_sub(1);
            }
        }
    }
}

fn opened<'a>(packet: &'a mut [u8], header: &Rtp, opener: &mut Opener) -> Option<&'a [u8]> {
    let len = opener.open_rtp(packet, header).ok()?;
    header.payload(&packet[..len]).ok()
}

fn find(streams: &mut Vec<Stream>, ssrc: u32, video: bool) -> Option<&mut Stream> {
    let at = match streams.iter().position(|stream| stream.ssrc == ssrc) {
        Some(at) => at,
        None if streams.len() < MAX_STREAMS => {
            streams.push(Stream::new(ssrc, video));
            streams.len() - 1
        }
        None => return None,
    };
    streams.get_mut(at)
}

struct Stream {
    ssrc: u32,
    video: bool,
    continuity: Continuity,
    missing: Missing,
    reception: Reception,
    next_counter: Option<u64>,
}

impl Stream {
    fn new(ssrc: u32, video: bool) -> Self {
        Self {
            ssrc,
            video,
            continuity: Continuity::default(),
            missing: Missing::default(),
            reception: Reception::new(if video { 90_000 } else { 48_000 }),
            next_counter: None,
        }
    }

    fn on_header(&mut self, header: &Rtp, len: usize, now_ns: u64) {
        let number = self.continuity.on_sequence(header.sequence);
        let now_us = us(now_ns);
        // Sound is not asked for again: it would come too late.
        if self.video {
            self.missing.on_packet(number, now_us);
        }
        self.reception
            .on_packet(number, header.timestamp, header.marker, len, now_us);
    }

    fn stamp(&self, payload: &[u8]) -> Option<Stamp> {
        if self.video {
            pattern::read_video(payload)
        } else {
            pattern::read_audio(payload)
        }
    }

    /// How many of the presenter's packets were left out before this one.
    fn passed_over(&mut self, counter: u64) -> u64 {
        let expected = self.next_counter.unwrap_or(counter);
        self.next_counter = Some(expected.max(counter + 1));
        counter.saturating_sub(expected)
    }
}

fn us(ns: u64) -> i64 {
    (ns / 1000) as i64
}

#[cfg(test)]
mod tests;
