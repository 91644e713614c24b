use super::*;
use proptest::prelude::*;

fn only(packet: &[u8]) -> Rtcp<'_> {
    let mut packets = walk(packet);
    let first = packets.next().expect("one").expect("well formed");
    assert!(packets.next().is_none());
    first
}

fn built(build: impl FnOnce(&mut Compound<'_>)) -> Vec<u8> {
    let mut out = Vec::new();
    build(&mut Compound::new(&mut out));
    out
}

#[test]
fn reads_a_compound_in_order() {
    let packet = built(|compound| {
        compound.sender_report(
            1,
            2 << 32 | 3,
            4,
            5,
            6,
            &[ReportBlock {
                ssrc: 9,
                cumulative_lost: -2,
                ..ReportBlock::default()
            }],
        );
        compound.sdes_cname(1, "name");
        compound.bye(&[1, 2]);
    });
    let packets: Vec<Rtcp<'_>> = walk(&packet)
        .map(|packet| packet.expect("well formed"))
        .collect();
    let [Rtcp::SenderReport {
        ssrc: 1,
        ntp,
        rtp: 4,
        packets: 5,
        octets: 6,
        blocks,
    }, Rtcp::Sdes { .. }, Rtcp::Bye { ssrcs }] = &packets[..]
    else {
        panic!("{packets:?}");
    };
    assert_eq!(*ntp, 2 << 32 | 3);
    assert_eq!(
        blocks
            .iter()
            .next()
            .map(|block| (block.ssrc, block.cumulative_lost)),
        Some((9, -2))
    );
    assert_eq!(ssrcs.clone().collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn keyframe_requests_name_their_stream() {
    assert!(matches!(
        only(&built(|compound| compound.pli(1, 7))),
        Rtcp::Pli {
            sender: 1,
            media: 7
        }
    ));
    let packet = built(|compound| compound.fir(1, 7, 3));
    let Rtcp::Fir { mut entries } = only(&packet) else {
        panic!("no FIR")
    };
    assert_eq!(entries.next(), Some((7, 3)));
}

#[test]
fn padding_is_taken_off() {
    let mut packet = built(|compound| compound.pli(1, 7));
    packet[0] |= 0x20;
    packet.extend([0, 0, 0, 4]);
    packet[3] += 1;
    assert!(matches!(only(&packet), Rtcp::Pli { media: 7, .. }));
    *packet.last_mut().expect("padded") = 200;
    assert!(walk(&packet).next().expect("one").is_err());
}

#[test]
fn goes_on_behind_a_packet_that_cannot_be_read() {
    let mut packet = built(|compound| {
        compound.pli(1, 7);
        compound.pli(1, 8);
    });
    packet[0] |= 0x20;
    packet[11] = 99;
    let read: Vec<_> = walk(&packet).collect();
    assert!(matches!(read[..], [Err(_), Ok(Rtcp::Pli { media: 8, .. })]));
    packet[3] = 200;
    let read: Vec<_> = walk(&packet).collect();
    assert!(matches!(read[..], [Err(_)]));
}

#[test]
fn a_request_for_nothing_is_not_written() {
    let packet = built(|compound| compound.nack(1, 2, std::iter::empty()));
    assert!(packet.is_empty());
}

#[test]
fn an_absurd_estimate_is_clamped() {
    let mut packet = built(|compound| compound.remb(1, 1_000_000, &[]));
    packet[17] = 0xff;
    let Rtcp::Remb { bitrate, .. } = only(&packet) else {
        panic!("no REMB")
    };
    assert!(bitrate > 1 << 60);
}

proptest! {
    #[test]
    fn asks_for_exactly_what_was_listed(start: u16, steps in prop::collection::vec(1u16..40, 0..60)) {
        let mut sequences = vec![start];
        for step in steps {
            sequences.push(sequences[sequences.len() - 1].wrapping_add(step));
        }
        let packet = built(|compound| compound.nack(1, 2, sequences.iter().copied()));
        let Rtcp::Nack { media: 2, items, .. } = only(&packet) else { panic!("no NACK") };
        prop_assert_eq!(items.collect::<Vec<_>>(), sequences);
    }

    #[test]
    fn estimates_keep_eighteen_bits(bitrate in 0u64..1 << 60, ssrcs in prop::collection::vec(any::<u32>(), 0..5)) {
        let packet = built(|compound| compound.remb(1, bitrate, &ssrcs));
        let Rtcp::Remb { bitrate: read, ssrcs: listed } = only(&packet) else { panic!("no REMB") };
        prop_assert!(read <= bitrate && bitrate - read <= bitrate >> 17);
        prop_assert_eq!(listed.collect::<Vec<_>>(), ssrcs);
    }

    #[test]
    fn any_bytes_are_survived(mut packet in prop::collection::vec(any::<u8>(), 0..200), kind in 200u8..207) {
        if packet.len() >= 4 {
            packet[0] = 0x80 | packet[0] & 0x3f;
            packet[1] = kind;
            packet[2] = 0;
        }
        for part in walk(&packet).flatten() {
            let count = match part {
                Rtcp::SenderReport { blocks, .. } | Rtcp::ReceiverReport { blocks, .. } => blocks.iter().count(),
                Rtcp::Nack { items, .. } => items.count() / 17,
                Rtcp::Fir { entries } => entries.count(),
                Rtcp::Bye { ssrcs } | Rtcp::Remb { ssrcs, .. } => ssrcs.count(),
                _ => 0,
            };
            prop_assert!(count <= packet.len());
        }
    }
}
