//! A synthetic presenter: one camera, one microphone, paced like a browser.

use crate::pattern::{self, Camera, Piece, Stamp};
use _plane::batch::{Destination, Outbox};
use _plane::extension::Writer;
use _plane::rtcp::{self, Compound, Rtcp};
use _plane::srtp::{Sealer, MAX_RTP_OVERHEAD};
use std::collections::VecDeque;

/// Ids of the header extensions that the presenter's offer names.
pub const AUDIO_LEVEL: u8 = 1;
#[allow(missing_docs)]
pub const ABS_SEND_TIME: u8 = 2;
#[allow(missing_docs)]
pub const TRANSPORT_CC: u8 = 3;
#[allow(missing_docs)]
pub const MID: u8 = 4;

const MICROPHONE_NS: u64 = 20_000_000;
const REPORT_NS: u64 = 1_000_000_000;
/// Speech that is clearly there, with the voice flag (RFC 6464 §3).
const LEVEL: u8 = 0x80 | 25;
/// A keyframe is made for requests no nearer than this.
const KEYFRAME_NS: u64 = 300_000_000;
/// A pacer's burst and rate: 40 ms at two and a half times the bit rate, as browsers do.
const BURST_NS: u64 = 40_000_000;
/// Packets kept for retransmission.
const HISTORY: usize = 512;
const HEADROOM: usize = 64;

/// What a presenter has to say of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Sent {
    pub video: u64,
    pub audio: u64,
    pub keyframes: u64,
    pub keyframe_requests: u64,
    pub retransmitted: u64,
}

impl Sent {
    /// Adds another's counts.
    pub fn add(&mut self, other: &Sent) {
        self.video += other.video;
        self.audio += other.audio;
        self.keyframes += other.keyframes;
        self.keyframe_requests += other.keyframe_requests;
        self.retransmitted += other.retransmitted;
    }
}

/// The presenter's streams and their timing.
pub struct Presenter {
    camera: Camera,
    frame_ns: u64,
    pace: u64,
    queue: VecDeque<Piece>,
    budget: u64,
    budget_ns: u64,
    video: Stream,
    audio: Stream,
    microphone: bool,
    audio_timestamp: u32,
    transport_sequence: u16,
    next_frame_ns: u64,
    next_audio_ns: u64,
    next_report_ns: u64,
    keyframe_ns: u64,
    sent: Sent,
    rtcp: Vec<u8>,
}

impl Presenter {
    /// Begins when first advanced. `ssrcs` are of camera and microphone, whose mids are "0" and "1";
    /// without a `microphone` only the camera sends.
    pub fn new(bitrate: u32, fps: u32, seed: u64, ssrcs: (u32, u32), microphone: bool) -> Self {
        Self {
            camera: Camera::new(bitrate, fps, seed),
            frame_ns: 1_000_000_000 / u64::from(fps),
            pace: u64::from(bitrate) * 5 / 2 / 8,
            queue: VecDeque::with_capacity(64),
            budget: 0,
            budget_ns: 0,
            video: Stream::new(ssrcs.0, pattern::VP8, b'0', seed as u16 & 0x7fff),
            audio: Stream::new(ssrcs.1, pattern::OPUS, b'1', (seed >> 16) as u16 & 0x7fff),
            microphone,
            audio_timestamp: (seed >> 9) as u32,
            transport_sequence: 0,
            next_frame_ns: 0,
            next_audio_ns: 0,
            next_report_ns: 0,
            keyframe_ns: 0,
            sent: Sent::default(),
            rtcp: Vec::with_capacity(256),
        }
    }

    /// What was sent so far.
    pub fn sent(&self) -> Sent {
        self.sent
    }

    /// Sends what is due; gives the time of the next call. `ntp` is the wall clock now.
    pub fn advance(
        &mut self,
        now_ns: u64,
        ntp: u64,
        sealer: &mut Sealer,
        to: &Destination,
        outbox: &mut Outbox,
    ) -> u64 {
        if self.next_frame_ns == 0 {
            self.next_frame_ns = now_ns;
            // Between two frames, so that the two sources do not always coincide.
            self.next_audio_ns = match self.microphone {
                true => now_ns + self.frame_ns / 3,
                false => u64::MAX,
            };
            self.next_report_ns = now_ns + REPORT_NS / 4;
        }
        if now_ns >= self.next_audio_ns {
            self.next_audio_ns = later(self.next_audio_ns, MICROPHONE_NS, now_ns);
            self.send_audio(now_ns, ntp, sealer, to, outbox);
        }
        if now_ns >= self.next_frame_ns {
            self.next_frame_ns = later(self.next_frame_ns, self.frame_ns, now_ns);
            self.queue.extend(self.camera.frame());
            let keyframe = self.queue.back().is_some_and(|piece| piece.keyframe);
            self.sent.keyframes += u64::from(keyframe);
        }
        self.send_video(now_ns, ntp, sealer, to, outbox);
        if now_ns >= self.next_report_ns {
            self.next_report_ns = later(self.next_report_ns, REPORT_NS, now_ns);
            self.send_report(ntp, sealer, to, outbox);
        }
        let paced_ns = if self.queue.is_empty() {
            u64::MAX
        } else {
            now_ns + 5_000_000
        };
        let sources_ns = self.next_frame_ns.min(self.next_audio_ns);
        sources_ns.min(self.next_report_ns).min(paced_ns)
    }

    /// Takes a decrypted compound from the server.
    pub fn on_rtcp(&mut self, compound: &[u8], now_ns: u64, to: &Destination, outbox: &mut Outbox) {
        for packet in rtcp::walk(compound).flatten() {
            match packet {
                Rtcp::Pli { .. } | Rtcp::Fir { .. } => {
                    self.sent.keyframe_requests += 1;
                    if now_ns >= self.keyframe_ns + KEYFRAME_NS {
                        self.keyframe_ns = now_ns;
                        self.camera.request_keyframe();
                    }
                }
                Rtcp::Nack { media, items, .. } => {
                    let stream = [&self.video, &self.audio]
                        .into_iter()
                        .find(|stream| stream.ssrc == media);
                    for packet in items.filter_map(|sequence| stream?.remembered(sequence)) {
                        // The very same packet again: it is as if it had been late.
                        crate::path::put(outbox, to, packet);
                        self.sent.retransmitted += 1;
                    }
                }
                _ => {}
            }
        }
    }

    fn send_audio(
        &mut self,
        now_ns: u64,
        ntp: u64,
        sealer: &Sealer,
        to: &Destination,
        outbox: &mut Outbox,
    ) {
        self.audio_timestamp = self.audio_timestamp.wrapping_add(960);
        let stamp = Stamp {
            sent_ns: now_ns,
            counter: self.sent.audio,
        };
        self.sent.audio += 1;
        let (timestamp, len) = (self.audio_timestamp, pattern::AUDIO_PAYLOAD);
        let extensions = Extensions::new(&mut self.transport_sequence, ntp, Some(LEVEL));
        self.audio.send(
            extensions,
            timestamp,
            false,
            len,
            sealer,
            to,
            outbox,
            |payload| {
                pattern::write_audio(payload, stamp);
            },
        );
    }

    fn send_video(
        &mut self,
        now_ns: u64,
        ntp: u64,
        sealer: &Sealer,
        to: &Destination,
        outbox: &mut Outbox,
    ) {
        let most = self.pace * BURST_NS / 1_000_000_000;
        let gained = (now_ns - self.budget_ns).min(BURST_NS) * self.pace / 1_000_000_000;
        self.budget = (self.budget + gained).min(most);
        self.budget_ns = now_ns;
        while let Some(piece) = self.queue.front().copied() {
            if self.budget < piece.len as u64 {
                break;
            }
            self.budget -= piece.len as u64;
            self.queue.pop_front();
            let stamp = Stamp {
                sent_ns: now_ns,
                counter: self.sent.video,
            };
            self.sent.video += 1;
            let extensions = Extensions::new(&mut self.transport_sequence, ntp, None);
            let (timestamp, len) = (piece.timestamp, piece.len);
            self.video.send(
                extensions,
                timestamp,
                piece.ends,
                len,
                sealer,
                to,
                outbox,
                |payload| {
                    pattern::write_video(payload, &piece, stamp);
                },
            );
        }
    }

    fn send_report(
        &mut self,
        ntp: u64,
        sealer: &mut Sealer,
        to: &Destination,
        outbox: &mut Outbox,
    ) {
        let audio = self.microphone.then_some(&self.audio);
        for stream in [&self.video].into_iter().chain(audio) {
            self.rtcp.clear();
            let mut compound = Compound::new(&mut self.rtcp);
            let (packets, octets) = (stream.packets as u32, stream.octets as u32);
            compound.sender_report(stream.ssrc, ntp, stream.timestamp, packets, octets, &[]);
            compound.sdes_cname(stream.ssrc, "presenter");
            sealer.seal_rtcp(&mut self.rtcp);
            crate::path::put(outbox, to, &self.rtcp);
        }
    }
}

/// The next time of something periodic; after a long delay it is not caught up with.
fn later(due_ns: u64, period_ns: u64, now_ns: u64) -> u64 {
    let next = due_ns + period_ns;
    if next + 10 * period_ns < now_ns {
        now_ns + period_ns
    } else {
        next
    }
}

/// Values of the header extensions of one packet.
struct Extensions {
    transport_sequence: u16,
    send_time: u32,
    level: Option<u8>,
}

impl Extensions {
    fn new(transport_sequence: &mut u16, ntp: u64, level: Option<u8>) -> Self {
        *transport_sequence = transport_sequence.wrapping_add(1);
        Self {
            transport_sequence: *transport_sequence,
            // 24 bits, 6.18 fixed point, of the NTP timestamp.
            send_time: (ntp >> 14) as u32,
            level,
        }
    }

    fn write(&self, to: &mut [u8], mid: u8) -> usize {
        let mut writer = Writer::new(to, false);
        writer.put(ABS_SEND_TIME, &self.send_time.to_be_bytes()[1..]);
        writer.put(TRANSPORT_CC, &self.transport_sequence.to_be_bytes());
        writer.put(MID, &[mid]);
        if let Some(level) = self.level {
            writer.put(AUDIO_LEVEL, &[level]);
        }
        writer.finish()
    }
}

struct Stream {
    ssrc: u32,
    payload_type: u8,
    mid: u8,
    /// ROC and sequence number of the next packet.
    index: u64,
    timestamp: u32,
    packets: u64,
    octets: u64,
    history: VecDeque<(u16, Vec<u8>)>,
}

impl Stream {
    fn new(ssrc: u32, payload_type: u8, mid: u8, first: u16) -> Self {
        Self {
            ssrc,
            payload_type,
            mid,
            index: first.into(),
            timestamp: 0,
            packets: 0,
            octets: 0,
            history: VecDeque::with_capacity(HISTORY),
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn send(
        &mut self,
        extensions: Extensions,
        timestamp: u32,
        marker: bool,
        len: usize,
        sealer: &Sealer,
        to: &Destination,
        outbox: &mut Outbox,
        write_payload: impl FnOnce(&mut [u8]),
    ) {
        let (sequence, index) = (self.index as u16, self.index);
        let mut packet = match self.history.len() {
            HISTORY => self
                .history
                .pop_front()
                .map_or_else(Vec::new, |(_, packet)| packet),
            _ => Vec::new(),
        };
        packet.clear();
        packet.resize(HEADROOM + len + MAX_RTP_OVERHEAD, 0);
        packet[0] = 0x90;
        packet[1] = self.payload_type | if marker { 0x80 } else { 0 };
        packet[2..4].copy_from_slice(&sequence.to_be_bytes());
        packet[4..8].copy_from_slice(&timestamp.to_be_bytes());
        packet[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        let header = 12 + extensions.write(&mut packet[12..HEADROOM], self.mid);
        write_payload(&mut packet[header..header + len]);
        let sealed = sealer.seal_rtp(&mut packet, header + len, header, self.ssrc, index);
        packet.truncate(sealed);
        crate::path::put(outbox, to, &packet);
        self.history.push_back((sequence, packet));
        self.index += 1;
        self.timestamp = timestamp;
        self.packets += 1;
        self.octets += len as u64;
    }

    fn remembered(&self, sequence: u16) -> Option<&[u8]> {
        let mut packets = self.history.iter();
        packets
            .find(|(known, _)| *known == sequence)
            .map(|(_, packet)| &packet[..])
    }
}

#[cfg(test)]
mod tests;
