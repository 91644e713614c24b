//! The fuzz targets on the stable toolchain: any bytes, and valid packets with a few bytes changed.

use _plane::rtcp::{Compound, ReportBlock};
use _plane::{stun, twcc};
use proptest::prelude::*;

/// Valid packets to start from.
fn seeds() -> Vec<Vec<u8>> {
    let mut compound = Vec::new();
    let mut builder = Compound::new(&mut compound);
    builder.sender_report(1, 2, 3, 4, 5, &[ReportBlock::default()]);
    builder.sdes_cname(1, "cname");
    builder.nack(1, 2, [5, 6, 40].into_iter());
    builder.pli(1, 2);
    builder.fir(1, 2, 3);
    builder.remb(1, 1_000_000, &[2, 3]);
    builder.bye(&[1]);
    let mut recorder = twcc::Recorder::default();
    (0..30).for_each(|n| recorder.record(n * 3, i64::from(n) * 20_000));
    let mut feedback = Vec::new();
    recorder.build(1, 2, &mut feedback);
    let congestion = vec![
        0x8b, 205, 0, 6, 0, 0, 0, 1, 0, 0, 0, 5, 0, 1, 0, 3, 0x83, 0xff, 0, 0, 0xe1, 0, 0, 0, 0,
        20, 0, 0,
    ];
    let mut check = Vec::new();
    stun::binding_request(&mut check, [1; 12], "ab:cd", b"key", 1, true, 2, true);
    let media = [
        &[0x90, 0xe0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xbe, 0xde, 0, 2][..],
        &[0x10, 1, 0x31, 1, 2, 0, 0, 0, 0x90, 0xf0, 0x81, 2, 3, 0x40],
        &[
            0x10, 0x02, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01, 9, 9,
        ],
    ]
    .concat();
    vec![compound, feedback, congestion, check, media]
}

fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let mutated = (
        prop::sample::select(seeds()),
        prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        any::<prop::sample::Index>(),
    )
        .prop_map(|(mut seed, changes, cut)| {
            for (at, value) in changes {
                let at = at.index(seed.len());
                seed[at] = value;
            }
            if seed[0] & 3 == 3 {
                seed.truncate(cut.index(seed.len()));
            }
            seed
        });
    prop_oneof![3 => mutated, 1 => prop::collection::vec(any::<u8>(), 0..300)]
}

/// Framed as they should be, or with a length that is not theirs.
fn hostile_stream() -> impl Strategy<Value = Vec<u8>> {
    let datagram = prop::collection::vec(any::<u8>(), 0..300);
    (datagram, prop::option::weighted(0.1, any::<u16>())).prop_map(|(datagram, lie)| {
        let len = lie.unwrap_or(datagram.len() as u16);
        [&len.to_be_bytes()[..], &datagram].concat()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rtp(data in hostile()) {
        sfu_fuzz::rtp(&data);
    }

    #[test]
    fn rtcp(data in hostile()) {
        sfu_fuzz::rtcp(&data);
    }

    #[test]
    fn stun(data in hostile()) {
        sfu_fuzz::stun(&data);
    }

    #[test]
    fn framing(cut in any::<u8>(), streams in prop::collection::vec(hostile_stream(), 0..4)) {
        sfu_fuzz::framing(&[vec![cut], streams.concat()].concat());
    }

    #[test]
    fn srtp(data in hostile()) {
        sfu_fuzz::srtp(&data);
    }

    #[test]
    fn codecs(data in hostile()) {
        sfu_fuzz::codecs(&data);
    }

    #[test]
    fn forwarder(data in prop::collection::vec(any::<u8>(), 0..2_000)) {
        sfu_fuzz::forwarder(&data);
    }
}
