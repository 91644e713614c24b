//! What every parser must survive: any bytes at all. Each function is one target;
//! what they assert beyond "no panic" is that nothing is read or written out of bounds.

mod sequence;

use _plane::batch::INBOX_BYTES;
use _plane::rtcp::{walk, Rtcp};
use _plane::rtp::Rtp;
use _plane::srtp::{Opener, Profile, Sealer};
use _plane::tcp::framing::{self, TooLong};
use _plane::{ccfb, demux, stun, twcc};
use sfu_codecs::Codec;

pub use sequence::forwarder;

const PROFILES: [Profile; 2] = [Profile::AeadAes128Gcm, Profile::Aes128CmHmacSha1_80];
const CODECS: [Codec; 6] = [
    Codec::Opus,
    Codec::Red,
    Codec::Vp8,
    Codec::H264,
    Codec::Vp9,
    Codec::Av1,
];

/// RTP headers, extensions and padding.
pub fn rtp(data: &[u8]) {
    let _ = demux::classify(data);
    if let Ok(header) = Rtp::parse(data) {
        assert!(header.header_len <= data.len());
        let elements = header.extensions.iter(data);
        // Zero stands for what was not negotiated: no element may pass for that.
        assert!(elements.clone().all(|(id, _)| id != 0));
        assert!(elements.map(|(_, value)| value.len()).sum::<usize>() <= data.len());
        if let Ok(payload) = header.payload(data) {
            assert!(payload.len() + header.header_len <= data.len());
        }
    }
}

/// RTCP compounds, transport-wide feedback and congestion control feedback.
pub fn rtcp(data: &[u8]) {
    for packet in walk(data).flatten() {
        match packet {
            Rtcp::SenderReport { blocks, .. } | Rtcp::ReceiverReport { blocks, .. } => {
                assert!(blocks.iter().count() <= 31);
            }
            Rtcp::Nack { items, .. } => assert!(items.count() <= 17 * data.len()),
            Rtcp::Fir { entries } => assert!(entries.count() <= data.len()),
            Rtcp::Bye { ssrcs } | Rtcp::Remb { ssrcs, .. } => assert!(ssrcs.count() <= data.len()),
            Rtcp::TransportFeedback(packet) => {
                if let Ok(feedback) = twcc::parse(packet) {
                    assert_eq!(feedback.iter().count(), usize::from(feedback.count));
                }
            }
            Rtcp::CongestionFeedback(packet) => {
                if let Ok(report) = ccfb::parse(packet) {
                    let reported: usize = report.blocks().iter().map(ccfb::Block::len).sum();
                    assert!(2 * reported <= packet.len());
                }
            }
            Rtcp::Sdes { .. } | Rtcp::Pli { .. } | Rtcp::Other { .. } => {}
        }
    }
}

/// STUN messages and their sums.
pub fn stun(data: &[u8]) {
    if let Ok(message) = stun::parse(data) {
        let _ = (message.check_fingerprint(), message.unknown().len());
        assert!(!message.check_integrity(b"nobody knows this password"));
    }
}

/// Datagrams on a stream (RFC 4571): they are the same however the stream is cut, and what is left
/// over is bounded. The first byte says how long the pieces are.
pub fn framing(data: &[u8]) {
    let Some((cut, stream)) = data.split_first() else {
        return;
    };
    let (whole, rest) = unframed(stream, stream.len().max(1));
    let (pieces, left) = unframed(stream, usize::from(*cut) + 1);
    assert_eq!((&whole, &rest), (&pieces, &left));
    if let Ok(rest) = rest {
        let mut again = Vec::new();
        whole.iter().for_each(|each| framing::put(&mut again, each));
        // Empty datagrams are passed over, and nothing else is missing.
        assert!(again.len() + rest <= stream.len());
        assert_eq!(unframed(&again, again.len().max(1)), (whole, Ok(0)));
    }
}

/// What comes out of a stream that comes in pieces, and how much is kept of it at the end.
fn unframed(stream: &[u8], piece: usize) -> (Vec<Vec<u8>>, Result<usize, TooLong>) {
    let (mut came, mut kept) = (Vec::new(), Vec::new());
    for piece in stream.chunks(piece) {
        kept.extend_from_slice(piece);
        let used = framing::unframe(&mut kept, |datagram| came.push(datagram.to_vec()));
        match used {
            Ok(used) => drop(kept.drain(..used)),
            Err(error) => return (came, Err(error)),
        }
        assert!(kept.len() < framing::PREFIX + INBOX_BYTES);
    }
    (came, Ok(kept.len()))
}

/// Protected packets that nobody protected: none may pass.
pub fn srtp(data: &[u8]) {
    for profile in PROFILES {
        let (key, salt) = ([1; 16], vec![2; profile.salt_len()]);
        let mut opener = Opener::new(profile, &key, &salt).expect("lengths are right");
        if let Ok(header) = Rtp::parse(data) {
            assert!(opener.open_rtp(&mut data.to_vec(), &header).is_err());
            round_trip(profile, &key, &salt, data, &header);
        }
        assert!(opener.open_rtcp(&mut data.to_vec()).is_err());
    }
}

/// What is sealed opens again, whatever it is.
fn round_trip(profile: Profile, key: &[u8], salt: &[u8], data: &[u8], header: &Rtp) {
    let sealer = Sealer::new(profile, key, salt).expect("lengths are right");
    let mut opener = Opener::new(profile, key, salt).expect("lengths are right");
    let mut packet = data.to_vec();
    packet.resize(data.len() + profile.rtp_overhead(), 0);
    let index = u64::from(header.sequence);
    let sealed = sealer.seal_rtp(
        &mut packet,
        data.len(),
        header.header_len,
        header.ssrc,
        index,
    );
    let len = opener.open_rtp(&mut packet[..sealed], header);
    assert_eq!(len.map(|len| &packet[..len]), Ok(data));
}

/// Payload descriptors of every codec, and rewriting in them.
pub fn codecs(data: &[u8]) {
    for codec in CODECS {
        if let Ok(found) = sfu_codecs::parse(codec, data) {
            let mut copy = data.to_vec();
            if let Some(id) = found.picture_id {
                id.write(&mut copy, id.value);
            }
            if let Some(index) = found.tl0_pic_idx {
                index.write(&mut copy, index.value);
            }
            assert_eq!(copy, data, "what is written back changes nothing");
        }
    }
}
