//! RTCP in: what subscribers ask for and report, what publishers tell of their clocks.

use crate::batch::Destination;
use crate::ccfb;
use crate::clock::Now;
use crate::forwarder::Forwarder;
use crate::rtcp::{self, ReportBlock, Rtcp};
use crate::table::Key;
use crate::twcc;

/// Packets answered per request: a request names at most 17 per item, and a
/// receiver that asks for more than this has lost the picture anyway.
const MAX_RETRANSMITTED: usize = 128;

/// Packets of one compound, and entries of one packet, that are looked at.
const MAX_REQUESTS: usize = 32;

impl Forwarder {
    /// A protected compound packet (RFC 3711 §3.4), opened in place.
    pub(crate) fn on_rtcp(&mut self, datagram: &mut [u8], from: &Destination, now: Now) {
        let Some(key) = self.by_address.get(&from.remote).copied() else {
            self.counters.drop_unknown_address += 1;
            return;
        };
        let Some(transport) = self.transports.get_mut(key) else {
            return;
        };
        let Some(opener) = transport.opener.as_mut() else {
            self.counters.drop_no_keys += 1;
            return;
        };
        let Ok(len) = opener.open_rtcp(datagram) else {
            self.counters.srtp_failures += 1;
            return;
        };
        transport.on_media_from(from.remote);
        for packet in rtcp::walk(&datagram[..len]).take(MAX_REQUESTS) {
            match packet {
                Ok(packet) => self.on_control_packet(key, &packet, now),
                Err(_) => {
                    self.counters.drop_malformed += 1;
                    break;
                }
            }
        }
        self.list_news(key, now.us);
    }

    fn on_control_packet(&mut self, key: Key, packet: &Rtcp<'_>, now: Now) {
        match packet {
            Rtcp::SenderReport {
                ssrc,
                ntp,
                rtp,
                blocks,
                ..
            } => {
                self.on_sender_report(key, *ssrc, *ntp, *rtp, now);
                self.on_report_blocks(key, blocks.iter(), now);
            }
            Rtcp::ReceiverReport { blocks, .. } => self.on_report_blocks(key, blocks.iter(), now),
            Rtcp::Nack { media, items, .. } => self.on_nack(key, *media, items.clone(), now),
            Rtcp::Pli { media, .. } => {
                self.counters.plis_in += 1;
                self.want_keyframe(key, *media);
            }
            Rtcp::Fir { entries } => {
                for (media, _) in entries.clone().take(MAX_REQUESTS) {
                    self.counters.firs_in += 1;
                    self.want_keyframe(key, media);
                }
            }
            Rtcp::Remb { bitrate, ssrcs } => {
                if let Some(transport) = self.transports.get_mut(key) {
                    transport.history.on_remb(*bitrate, ssrcs.clone(), now.us);
                }
            }
            Rtcp::TransportFeedback(packet) => self.on_transport_feedback(key, packet, now),
            Rtcp::CongestionFeedback(packet) => self.on_congestion_feedback(key, packet, now),
            Rtcp::Sdes { .. } | Rtcp::Bye { .. } | Rtcp::Other { .. } => {}
        }
    }

    fn on_transport_feedback(&mut self, key: Key, packet: &[u8], now: Now) {
        let Some(transport) = self.transports.get_mut(key) else {
            return;
        };
        let history = &mut transport.history;
        if !history.may_look_at(twcc::claimed(packet), now.us) {
            self.counters.drop_feedback_flood += 1;
            return;
        }
        match twcc::parse(packet) {
            Ok(feedback) => {
                history.on_transport_feedback(&feedback, &mut self.arrived, now.us);
            }
            Err(_) => self.counters.drop_malformed += 1,
        }
    }

    fn on_congestion_feedback(&mut self, key: Key, packet: &[u8], now: Now) {
        let Some(transport) = self.transports.get_mut(key) else {
            return;
        };
        let history = &mut transport.history;
        if !history.may_look_at(history.remembered(), now.us) {
            self.counters.drop_feedback_flood += 1;
            return;
        }
        match ccfb::parse(packet) {
            Ok(report) => history.on_congestion_feedback(&report, &mut self.arrived, now.us),
            Err(_) => self.counters.drop_malformed += 1,
        }
    }

    fn on_sender_report(&mut self, key: Key, ssrc: u32, ntp: u64, rtp: u32, now: Now) {
        let Some(transport) = self.transports.get_mut(key) else {
            return;
        };
        let Some(stream) = transport.stream(ssrc).filter(|stream| !stream.rtx) else {
            return;
        };
        let set_ahead = transport.clock.on_sender_report(ntp, now.us);
        if let Some(us) = set_ahead.filter(|us| *us != 0) {
            for track in &transport.tracks {
                let layers = self.tracks.get_mut(*track).map(|row| &mut row.layers);
                let layers = layers.into_iter().flatten();
                layers.for_each(|layer| layer.clock.set_ahead(us));
            }
        }
        if let Some(ingress) = self
            .tracks
            .get_mut(stream.track)
            .and_then(|track| track.layers.get_mut(stream.layer as usize))
        {
            if set_ahead.is_some() {
                ingress.clock.on_sender_report(ntp, rtp);
            }
            ingress.reception.on_sender_report(ntp, now.us);
        }
    }

    fn on_report_blocks(&mut self, key: Key, blocks: impl Iterator<Item = ReportBlock>, now: Now) {
        let Some(transport) = self.transports.get_mut(key) else {
            return;
        };
        for block in blocks {
            let is_ours = transport.egresses.iter().any(|egress| {
                self.egresses
                    .get(*egress)
                    .is_some_and(|egress| egress.ssrc == block.ssrc)
            });
            if is_ours {
                transport
                    .history
                    .on_report(round_trip_us(&block, now.ntp), block.fraction_lost);
            }
        }
    }

    fn want_keyframe(&mut self, key: Key, media: u32) {
        let Some(egress) = self
            .egress_of(key, media)
            .and_then(|egress| self.egresses.get(egress))
        else {
            return;
        };
        let track = self.routes.get(egress.route).and_then(|route| route.track);
        let Some(track) = track.and_then(|track| self.tracks.get_mut(track)) else {
            return;
        };
        let (spatial, _) = egress.select.current();
        if let Some(layer) = usize::try_from(spatial)
            .ok()
            .and_then(|layer| track.layers.get_mut(layer))
        {
            layer.keyframes.want();
            self.agenda.hasten(track.origin);
        }
    }

    fn on_nack(&mut self, key: Key, media: u32, items: impl Iterator<Item = u16>, now: Now) {
        self.counters.nacks_in += 1;
        let Some(egress_key) = self.egress_of(key, media) else {
            return;
        };
        let mut asked = 0;
        for sequence in items.take(MAX_RETRANSMITTED) {
            asked += 1;
            self.ask_again(key, (egress_key, media), sequence, now);
        }
        if let Some(transport) = self.transports.get_mut(key) {
            transport.history.on_nack(asked);
        }
    }

    /// The egress of a transport that an SSRC names.
    pub(crate) fn egress_of(&self, key: Key, ssrc: u32) -> Option<Key> {
        let transport = self.transports.get(key)?;
        let names = |egress: &Key| {
            self.egresses
                .get(*egress)
                .is_some_and(|egress| egress.ssrc == ssrc)
        };
        transport.egresses.iter().copied().find(names)
    }
}

/// RFC 3550 §6.4.1: now − LSR − DLSR in 1/65536 s; nothing before the first sender report.
fn round_trip_us(block: &ReportBlock, ntp: u64) -> Option<u32> {
    if block.last_sr == 0 {
        return None;
    }
    let now = (ntp >> 16) as u32;
    let units = now
        .wrapping_sub(block.last_sr)
        .wrapping_sub(block.delay_since_sr);
    // A difference below zero or beyond a minute is a clock's mistake or a lie.
    (units < 60 << 16).then(|| ((u64::from(units) * 1_000_000) >> 16) as u32)
}
