//! What a peer got, opened and read.

use crate::call::{address, opener, Call};
use _plane::rtcp::{walk, Rtcp};
use _plane::rtp::Rtp;

/// A packet as a subscriber got it.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) ssrc: u32,
    pub(crate) payload_type: u8,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) picture_id: u16,
    pub(crate) original: u16,
    pub(crate) transport_sequence: Option<u16>,
    pub(crate) body: Vec<u8>,
}

/// What RTCP a peer got.
#[derive(Debug, Default)]
pub(crate) struct Control {
    pub(crate) reports: usize,
    /// Of each sender report: NTP time, and the RTP timestamp at that time.
    pub(crate) sender_reports: Vec<(u64, u32)>,
    pub(crate) feedback: usize,
    pub(crate) nacked: Vec<u16>,
    /// Each REMB: bit/s, and the streams that it names.
    pub(crate) limits: Vec<(u64, Vec<u32>)>,
}

impl Call {
    /// Media that a peer got since the last look.
    pub(crate) fn received(&mut self, transport: u32) -> Vec<Got> {
        let mut opener = opener(transport, false);
        let mut got = Vec::new();
        for (to, mut datagram) in std::mem::take(&mut self.sent) {
            if to != address(transport).remote || _plane::rtp::is_rtcp(&datagram) {
                continue;
            }
            let Ok(header) = Rtp::parse(&datagram) else {
                continue;
            };
            let len = opener
                .open_rtp(&mut datagram, &header)
                .expect("sealed for this peer");
            let payload = header.payload(&datagram[..len]).expect("payload");
            let is_rtx = header.payload_type == 97;
            let (original, payload) = if is_rtx && !payload.is_empty() {
                (u16::from_be_bytes([payload[0], payload[1]]), &payload[2..])
            } else {
                (0, payload)
            };
            got.push(Got {
                ssrc: header.ssrc,
                payload_type: header.payload_type,
                sequence: header.sequence,
                timestamp: header.timestamp,
                picture_id: payload
                    .get(2..4)
                    .map_or(0, |id| u16::from_be_bytes([id[0], id[1]]) & 0x7fff),
                original,
                transport_sequence: (header.extensions.find(&datagram, 3))
                    .map(|number| u16::from_be_bytes([number[0], number[1]])),
                body: payload.to_vec(),
            });
        }
        got
    }

    /// Bytes of each media packet that a peer got.
    pub(crate) fn sent_media(&self, transport: u32) -> Vec<usize> {
        let to_peer = self.sent.iter().filter(|(to, datagram)| {
            *to == address(transport).remote && !_plane::rtp::is_rtcp(datagram)
        });
        to_peer.map(|(_, datagram)| datagram.len()).collect()
    }

    pub(crate) fn control(&mut self, transport: u32) -> Control {
        let mut opener = opener(transport, false);
        let mut control = Control::default();
        for (to, datagram) in &self.sent {
            if *to != address(transport).remote || !_plane::rtp::is_rtcp(datagram) {
                continue;
            }
            let mut packet = datagram.clone();
            let len = opener.open_rtcp(&mut packet).expect("sealed for this peer");
            for packet in walk(&packet[..len]) {
                match packet.expect("well formed") {
                    Rtcp::ReceiverReport { .. } => control.reports += 1,
                    Rtcp::SenderReport { ntp, rtp, .. } => {
                        control.sender_reports.push((ntp, rtp));
                    }
                    Rtcp::TransportFeedback(_) => control.feedback += 1,
                    Rtcp::Nack { items, .. } => control.nacked.extend(items),
                    Rtcp::Remb { bitrate, ssrcs } => {
                        control.limits.push((bitrate, ssrcs.collect()));
                    }
                    _ => {}
                }
            }
        }
        control
    }
}
