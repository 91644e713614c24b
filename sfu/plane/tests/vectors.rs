//! Messages that other implementations made (tests/packets/make_vectors.py).

use _plane::rtcp::{walk, Rtcp};
use _plane::stun::{self, Class};

const STUN: &[u8] = include_bytes!("../../../tests/packets/stun-request-aioice.bin");
const ANSWER_V4: &[u8] = include_bytes!("../../../tests/packets/stun-answer-v4-aioice.bin");
const ANSWER_V6: &[u8] = include_bytes!("../../../tests/packets/stun-answer-v6-aioice.bin");
const REFUSAL: &[u8] = include_bytes!("../../../tests/packets/stun-refusal-aioice.bin");
const RTCP: &[u8] = include_bytes!("../../../tests/packets/rtcp-compound-aiortc.bin");

#[test]
fn a_check_by_aioice_reads_as_it_was_meant() {
    let message = stun::parse(STUN).expect("valid");
    assert_eq!(message.username, Some(&b"ours:theirs"[..]));
    assert_eq!(message.priority, Some(0x6e00_01ff));
    assert_eq!(message.controlling, Some(0x1122_3344_5566_7788));
    assert!(message.use_candidate && message.check_fingerprint());
    assert!(message.check_integrity(b"a-password-of-22-chars"));
    assert!(!message.check_integrity(b"a-password-of-22-charz"));
}

#[test]
fn answers_by_aioice_read_as_they_were_meant() {
    for (bytes, class, mapped, error_code) in [
        (ANSWER_V4, Class::Success, Some("192.0.2.1:32853"), None),
        (ANSWER_V6, Class::Success, Some("[2001:db8::1]:4000"), None),
        (REFUSAL, Class::Error, None, Some(487)),
    ] {
        let message = stun::parse(bytes).expect("valid");
        assert_eq!(message.class, class);
        assert_eq!(&message.transaction_id, b"123456789012");
        assert_eq!(
            message.mapped,
            mapped.map(|text| text.parse().expect("address"))
        );
        assert_eq!(message.error_code, error_code);
        assert!(message.check_integrity(b"a-password-of-22-chars") && message.check_fingerprint());
    }
}

#[test]
fn a_compound_by_aiortc_reads_as_it_was_meant() {
    let packets: Vec<Rtcp<'_>> = walk(RTCP).map(|packet| packet.expect("valid")).collect();
    let [Rtcp::SenderReport {
        ssrc: 1,
        ntp: 0x0102_0304_0506_0708,
        rtp: 9,
        packets: 10,
        octets: 11,
        blocks,
    }, Rtcp::ReceiverReport {
        ssrc: 2,
        blocks: again,
    }, Rtcp::Sdes { .. }, Rtcp::Nack {
        sender: 3,
        media: 4,
        items,
    }, Rtcp::Pli {
        sender: 5,
        media: 6,
    }, Rtcp::Remb { bitrate, ssrcs }, Rtcp::Bye { ssrcs: left }] = &packets[..]
    else {
        panic!("{packets:?}");
    };
    for blocks in [blocks, again] {
        let block = blocks.iter().next().expect("one block");
        assert_eq!(
            (block.ssrc, block.fraction_lost, block.cumulative_lost),
            (7, 64, -3)
        );
        assert_eq!((block.highest_seq, block.jitter), (70_000, 5));
        assert_eq!((block.last_sr, block.delay_since_sr), (6, 8));
    }
    assert_eq!(items.clone().collect::<Vec<_>>(), [100, 101, 116, 200]);
    assert_eq!(*bitrate, 1_500_000);
    assert_eq!(ssrcs.clone().collect::<Vec<_>>(), [21, 22]);
    assert_eq!(left.clone().collect::<Vec<_>>(), [1, 2]);
}
