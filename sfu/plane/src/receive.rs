//! Media in: open, account, repair, read, store.

use crate::audible::Audible;
use crate::batch::Destination;
use crate::clock::Now;
use crate::extension::ExtensionIds;
use crate::forwarder::Forwarder;
use crate::identify::identify;
use crate::missing::Arrival;
use crate::report::Report;
use crate::ring::{Meta, MAX_PAYLOAD};
use crate::rtp::Rtp;
use crate::rtx;
use crate::srtp::SrtpError;
use crate::table::Key;
use crate::top_speakers::TopSpeakers;
use crate::track::{Origin, Track};
use crate::transport::{Stream, Transport};
use sfu_codecs::Codec;

/// One opened media packet on its way into a track's ring.
struct Received<'a> {
    header: &'a Rtp,
    packet: &'a [u8],
    payload: &'a [u8],
    sequence: u16,
    repaired: bool,
    codec: Codec,
    wire_len: usize,
}

impl Forwarder {
    /// A protected RTP packet (RFC 3711 §3.3), opened in place.
    pub(crate) fn on_rtp(&mut self, datagram: &mut [u8], from: &Destination, now: Now) {
        let Some(key) = self.by_address.get(&from.remote).copied() else {
            self.counters.drop_unknown_address += 1;
            return;
        };
        let Some(transport) = self.transports.get_mut(key) else {
            return;
        };
        let Ok(header) = Rtp::parse(datagram) else {
            self.counters.drop_malformed += 1;
            return;
        };
        if transport.is_buried(header.ssrc) {
            self.counters.drop_unknown_stream += 1;
            return;
        }
        let wire_len = datagram.len();
        let Some(opener) = transport.opener.as_mut() else {
            self.counters.drop_no_keys += 1;
            return;
        };
        let len = match opener.open_rtp(datagram, &header) {
            Ok(len) => len,
            Err(SrtpError::Replayed) => {
                self.counters.srtp_replayed += 1;
                return;
            }
            Err(SrtpError::TooManySsrcs) => {
                // The next packet of this stream finds room.
                transport.bury_oldest();
                self.counters.drop_unknown_stream += 1;
                return;
            }
            Err(_) => {
                self.counters.srtp_failures += 1;
                return;
            }
        };
        let packet = &datagram[..len];
        transport.received_bytes += wire_len as u64;
        transport.on_media_from(from.remote);
        note_transport_sequence(transport, &header, packet, now.us);
        let Some(found) = identify(transport, &mut self.tracks, &header, packet, now.us) else {
            self.counters.drop_unknown_stream += 1;
            return;
        };
        let stream = found.stream;
        if found.restarted {
            self.begin_anew(stream.track);
        }
        self.on_stream(key, stream, &header, packet, wire_len, now);
    }

    fn on_stream(
        &mut self,
        key: Key,
        stream: Stream,
        header: &Rtp,
        packet: &[u8],
        wire_len: usize,
        now: Now,
    ) {
        let (Some(transport), Some(track)) =
            (self.transports.get(key), self.tracks.get_mut(stream.track))
        else {
            return;
        };
        let Some((codec, is_rtx)) = transport.codec(header.payload_type) else {
            self.counters.drop_payload_type += 1;
            return;
        };
        let expected = codec == track.codec || (codec == Codec::Red && track.codec == Codec::Opus);
        if !expected || is_rtx != stream.rtx {
            self.counters.drop_payload_type += 1;
            return;
        }
        let Ok(mut payload) = header.payload(packet) else {
            self.counters.drop_malformed += 1;
            return;
        };
        let mut sequence = header.sequence;
        if is_rtx {
            // Probing padding is sent on the retransmission stream, too: nothing inside.
            let Some((original, inner)) = rtx::original_sequence(payload) else {
                return;
            };
            sequence = original;
            payload = inner;
        }
        if payload.len() > MAX_PAYLOAD {
            self.counters.drop_oversize += 1;
            return;
        }
        let received = Received {
            header,
            packet,
            payload,
            sequence,
            repaired: is_rtx,
            codec,
            wire_len,
        };
        let extensions = transport.extensions;
        self.store(stream, &received, &extensions, now);
    }

    fn store(
        &mut self,
        stream: Stream,
        received: &Received<'_>,
        extensions: &ExtensionIds,
        now: Now,
    ) {
        let Some(track) = self.tracks.get_mut(stream.track) else {
            return;
        };
        let Origin::Transport(key) = track.origin else {
            return;
        };
        let Some(transport) = self.transports.get(key) else {
            return;
        };
        let Some(ingress) = track.layers.get_mut(stream.layer as usize) else {
            return;
        };
        let Received {
            header,
            packet,
            payload,
            ..
        } = *received;
        let accepted = ingress.accept(
            header,
            received.sequence,
            received.wire_len,
            received.repaired,
            now.us,
        );
        let Some((sequence, arrival)) = accepted else {
            self.counters.drop_duplicate += 1;
            return;
        };
        if received.repaired && arrival == Arrival::Late {
            self.counters.recovered += 1;
        }
        let is_forwarded = stream.layer < track.cap;
        if track.codec.is_video() && is_forwarded && ingress.missing.is_waiting() {
            self.agenda.hasten(track.origin);
        }
        let parsed = if payload.is_empty() {
            None
        } else {
            sfu_codecs::parse(received.codec, payload).ok()
        };
        if parsed.is_none() && !payload.is_empty() {
            self.counters.drop_payload += 1;
        }
        // What cannot be read keeps its number, so that receivers see no hole.
        let body = if parsed.is_some() { payload } else { &[] };
        let meta = Meta {
            sequence,
            captured_us: ingress.captured_us(&transport.clock, header.timestamp, now.us),
            arrived_us: now.us,
            timestamp: header.timestamp,
            len: 0,
            padded: 0,
            layer: stream.layer,
            marker: header.marker,
            resumes: false,
            repeated: false,
            codec: received.codec,
            payload: parsed.unwrap_or_default(),
            audio_level: one_byte(header, packet, extensions.audio_level),
            orientation: one_byte(header, packet, extensions.orientation),
            playout_delay: header
                .extensions
                .find(packet, extensions.playout_delay)
                .and_then(|value| value.try_into().ok()),
        };
        if let (true, Some((width, height))) = (meta.payload.keyframe, meta.payload.resolution) {
            ingress.resolution = (width, height);
        }
        if self.is_within_upload(stream, received.wire_len, now.us) {
            self.keep(stream, meta, body, arrival, now);
        }
    }

    fn keep(&mut self, stream: Stream, meta: Meta, body: &[u8], arrival: Arrival, now: Now) {
        let Some(track) = self.tracks.get_mut(stream.track) else {
            return;
        };
        if track.muted {
            self.counters.drop_muted += 1;
            track.fall_silent();
            return;
        }
        if !track.codec.is_video() {
            let heard = heard(track, meta.audio_level, now.us, &mut self.reports);
            let group = track.top_speakers;
            let top = group.and_then(|key| self.top_speakers.get_mut(key));
            if !heard || top.is_some_and(|top| !competes(top, stream.track, track, &meta, now.us)) {
                track.fall_silent();
                return;
            }
        }
        if track.is_silent() && (arrival == Arrival::Late || body.is_empty()) {
            // It belongs to the silence; only new sound or pictures end that.
            return;
        }
        let begins = if arrival == Arrival::Late {
            track.push_late(meta, body, now.us)
        } else {
            track.push(meta, body, now.us)
        };
        if begins && track.codec.is_video() {
            let ingress = &mut track.layers[stream.layer as usize];
            ingress.keyframes.on_keyframe();
            ingress.missing.skip_before(meta.sequence);
            self.counters.keyframes_in += 1;
        }
        if !self.held.contains(&stream.track) {
            self.held.push(stream.track);
        }
    }
}

/// Whether a microphone's packet is to be forwarded: while somebody speaks, and a little longer.
/// A sender that signals no level is always heard.
fn heard(track: &mut Track, level: Option<u8>, now_us: i64, reports: &mut Vec<Report>) -> bool {
    let Some(level) = level else {
        return track.audible.as_ref().is_none_or(Audible::is_audible);
    };
    let audible = track.audible.get_or_insert_with(Audible::default);
    if let Some(audible) = audible.on_level(level & 0x7f, level & 0x80 != 0, now_us) {
        reports.push(Report::Audible {
            track: track.id,
            audible,
        });
    }
    audible.is_audible()
}

/// Whether a microphone that is heard is one of the top speakers as well.
fn competes(top: &mut TopSpeakers, key: Key, track: &Track, meta: &Meta, now_us: i64) -> bool {
    let level = meta.audio_level.map(|level| level & 0x7f);
    let sound = track
        .audible
        .as_ref()
        .is_none_or(|audible| audible.is_sounding(now_us));
    top.admit(key, level, sound, now_us)
}

fn note_transport_sequence(transport: &mut Transport, header: &Rtp, packet: &[u8], now_us: i64) {
    let id = transport.extensions.transport_cc;
    if id == 0 {
        return;
    }
    if let Some([high, low]) = header.extensions.find(packet, id) {
        transport
            .recorder
            .record(u16::from_be_bytes([*high, *low]), now_us);
    }
}

fn one_byte(header: &Rtp, packet: &[u8], id: u8) -> Option<u8> {
    if id == 0 {
        return None;
    }
    header.extensions.find(packet, id)?.first().copied()
}
