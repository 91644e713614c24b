//! The header that an egress puts before each payload: laid out once, patched per packet.

use crate::extension::ExtensionIds;

/// Longest header that is ever written: fixed part, extension block, every element.
pub const MAX_HEADER: usize = 96;

/// What differs from packet to packet.
#[derive(Clone, Copy, Debug)]
pub struct Fields {
    /// RTP marker bit.
    pub marker: bool,
    /// Whether padding ends the packet.
    pub padding: bool,
    /// Negotiated payload type.
    pub payload_type: u8,
    /// Low half of the egress's sequence number.
    pub sequence: u16,
    /// RTP timestamp.
    pub timestamp: u32,
    /// Transport-wide sequence number, where negotiated.
    pub transport_sequence: u16,
    /// Absolute send time, 6.18 fixed point in 24 bits, where negotiated.
    pub send_time: u32,
    /// Audio level as received, where there is one.
    pub audio_level: Option<u8>,
    /// Video orientation as received, where there is one.
    pub orientation: Option<u8>,
    /// Playout delay limits as received, where there are some.
    pub playout_delay: Option<[u8; 3]>,
}

/// A header with one-byte extension elements (RFC 8285 §4.2); ids above 14 are left out.
#[derive(Clone, Debug)]
pub struct Template {
    bytes: [u8; 48],
    /// End of the elements, before they are padded to a word.
    end: u8,
    transport_sequence_at: u8,
    send_time_at: u8,
    audio_level_at: u8,
    orientation_id: u8,
    playout_delay_id: u8,
}

const FIXED: usize = 12;
const BLOCK: usize = FIXED + 4;

impl Template {
    /// Lays the header out for one egress. The absolute send time serves receivers
    /// that report no transport-wide feedback, so it is left out where they do.
    pub fn new(ssrc: u32, mid: &str, ids: &ExtensionIds, video: bool) -> Self {
        let mut template = Self {
            bytes: [0; 48],
            end: BLOCK as u8,
            transport_sequence_at: 0,
            send_time_at: 0,
            audio_level_at: 0,
            orientation_id: if video { one_byte(ids.orientation) } else { 0 },
            playout_delay_id: if video {
                one_byte(ids.playout_delay)
            } else {
                0
            },
        };
        template.bytes[8..12].copy_from_slice(&ssrc.to_be_bytes());
        template.bytes[FIXED..FIXED + 2].copy_from_slice(&[0xbe, 0xde]);
        template.transport_sequence_at = template.lay(ids.transport_cc, &[0; 2]);
        if template.transport_sequence_at == 0 {
            template.send_time_at = template.lay(ids.abs_send_time, &[0; 3]);
        }
        if !video {
            template.audio_level_at = template.lay(ids.audio_level, &[0x7f]);
        }
        if !mid.is_empty() && mid.len() <= 8 {
            template.lay(ids.mid, mid.as_bytes());
        }
        template
    }

    /// Whether packets carry a transport-wide sequence number.
    #[inline]
    pub fn has_transport_sequence(&self) -> bool {
        self.transport_sequence_at != 0
    }

    /// Writes the header at the start of `out`, which has [`MAX_HEADER`] bytes of room; gives its length.
    #[inline]
    pub fn write(&self, out: &mut [u8], fields: &Fields) -> usize {
        let mut end = self.end as usize;
        out[..48].copy_from_slice(&self.bytes);
        if self.transport_sequence_at != 0 {
            let at = self.transport_sequence_at as usize;
            out[at..at + 2].copy_from_slice(&fields.transport_sequence.to_be_bytes());
        }
        if self.send_time_at != 0 {
            let at = self.send_time_at as usize;
            out[at..at + 3].copy_from_slice(&fields.send_time.to_be_bytes()[1..]);
        }
        if self.audio_level_at != 0 {
            out[self.audio_level_at as usize] = fields.audio_level.unwrap_or(0x7f);
        }
        if let (Some(value), id @ 1..) = (fields.orientation, self.orientation_id) {
            end = append(out, end, id, &[value]);
        }
        if let (Some(value), id @ 1..) = (fields.playout_delay, self.playout_delay_id) {
            end = append(out, end, id, &value);
        }
        let has_block = end > BLOCK;
        let header_len = if has_block {
            let padded = end.next_multiple_of(4);
            out[end..padded].fill(0);
            let words = ((padded - BLOCK) / 4) as u16;
            out[FIXED + 2..BLOCK].copy_from_slice(&words.to_be_bytes());
            padded
        } else {
            FIXED
        };
        out[0] = 0x80 | u8::from(fields.padding) << 5 | u8::from(has_block) << 4;
        out[1] = u8::from(fields.marker) << 7 | fields.payload_type;
        out[2..4].copy_from_slice(&fields.sequence.to_be_bytes());
        out[4..8].copy_from_slice(&fields.timestamp.to_be_bytes());
        header_len
    }

    /// The same layout for another SSRC (retransmissions, RFC 4588 §4).
    pub fn with_ssrc(&self, ssrc: u32) -> Self {
        let mut other = self.clone();
        other.bytes[8..12].copy_from_slice(&ssrc.to_be_bytes());
        other
    }

    fn lay(&mut self, id: u8, value: &[u8]) -> u8 {
        let id = one_byte(id);
        if id == 0 {
            return 0;
        }
        let at = self.end as usize + 1;
        self.end = append(&mut self.bytes, self.end as usize, id, value) as u8;
        at as u8
    }
}

fn append(out: &mut [u8], end: usize, id: u8, value: &[u8]) -> usize {
    out[end] = id << 4 | (value.len() as u8 - 1);
    out[end + 1..end + 1 + value.len()].copy_from_slice(value);
    end + 1 + value.len()
}

/// Ids that fit a one-byte element header; 0 stands for absent.
fn one_byte(id: u8) -> u8 {
    if id <= 14 {
        id
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::Rtp;

    fn fields() -> Fields {
        Fields {
            marker: true,
            padding: false,
            payload_type: 96,
            sequence: 7,
            timestamp: 9,
            transport_sequence: 0x1234,
            send_time: 0x00ab_cdef,
            audio_level: Some(0x85),
            orientation: None,
            playout_delay: None,
        }
    }

    fn ids(names: &[(&str, u8)]) -> ExtensionIds {
        let mut ids = ExtensionIds::default();
        for (name, id) in names {
            assert!(ids.set(name, *id));
        }
        ids
    }

    fn element(out: &[u8], id: u8) -> Option<Vec<u8>> {
        let header = Rtp::parse(out).expect("valid header");
        let found = header.extensions.find(out, id).map(<[u8]>::to_vec);
        found
    }

    #[test]
    fn reads_back_what_was_negotiated() {
        let ids = ids(&[
            ("transport-cc", 3),
            ("audio-level", 1),
            ("mid", 4),
            ("abs-send-time", 2),
        ]);
        let mut out = [0u8; MAX_HEADER];
        let len = Template::new(0xdead_beef, "a0", &ids, false).write(&mut out, &fields());
        let header = Rtp::parse(&out[..len]).expect("valid header");
        assert_eq!(
            (header.header_len, header.ssrc, header.sequence),
            (len, 0xdead_beef, 7)
        );
        assert_eq!(element(&out[..len], 3).as_deref(), Some(&[0x12, 0x34][..]));
        assert_eq!(element(&out[..len], 1).as_deref(), Some(&[0x85][..]));
        assert_eq!(element(&out[..len], 4).as_deref(), Some(&b"a0"[..]));
        assert_eq!(
            element(&out[..len], 2),
            None,
            "not beside transport-wide numbers"
        );
    }

    #[test]
    fn is_bare_without_extensions() {
        let mut out = [0u8; MAX_HEADER];
        let template = Template::new(1, "", &ExtensionIds::default(), true);
        assert_eq!(template.write(&mut out, &fields()), 12);
        assert!(Rtp::parse(&out[..12]).is_ok());
    }

    #[test]
    fn appends_what_only_some_packets_have() {
        let ids = ids(&[
            ("transport-cc", 3),
            ("playout-delay", 5),
            ("video-orientation", 13),
        ]);
        let template = Template::new(1, "v0", &ids, true);
        let mut out = [0u8; MAX_HEADER];
        let plain = template.write(&mut out, &fields());
        let mut more = fields();
        more.orientation = Some(1);
        more.playout_delay = Some([1, 2, 3]);
        let len = template.write(&mut out, &more);
        assert!(len > plain);
        assert_eq!(element(&out[..len], 13).as_deref(), Some(&[1][..]));
        assert_eq!(element(&out[..len], 5).as_deref(), Some(&[1, 2, 3][..]));
    }
}
