use super::*;
use crate::pattern::{Camera, Piece};
use _plane::extension::Writer;
use _plane::srtp::Profile;

const KEY: [u8; 16] = [1; 16];
const SALT: [u8; 12] = [2; 12];
const VIDEO: u32 = 100;
const RTX: u32 = 101;

/// A server that sends the frames of a camera to one attendee.
struct Call {
    attendee: Attendee,
    opener: Opener,
    sealer: Sealer,
    meter: Meter,
    camera: Camera,
    counter: u64,
    now_ns: u64,
}

impl Call {
    fn new() -> Self {
        let profile = Profile::AeadAes128Gcm;
        Self {
            attendee: Attendee::new(true, 5, Format::default()),
            opener: Opener::new(profile, &KEY, &SALT).expect("lengths"),
            sealer: Sealer::new(profile, &KEY, &SALT).expect("lengths"),
            meter: Meter::default(),
            camera: Camera::new(1_200_000, 30, 3),
            counter: 0,
            now_ns: 5_000_000_000,
        }
    }

    fn payloads(&mut self) -> Vec<Vec<u8>> {
        let pieces: Vec<Piece> = self.camera.frame().collect();
        let sent_ns = self.now_ns;
        let write = |piece: &Piece| {
            let counter = self.counter;
            self.counter += 1;
            let mut payload = vec![0; piece.len];
            pattern::write_video(&mut payload, piece, Stamp { sent_ns, counter });
            payload
        };
        pieces.iter().map(write).collect()
    }

    fn give(&mut self, payload_type: u8, ssrc: u32, sequence: u16, payload: &[u8]) {
        let mut packet = vec![0x90, payload_type, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        packet[2..4].copy_from_slice(&sequence.to_be_bytes());
        packet[8..12].copy_from_slice(&ssrc.to_be_bytes());
        let mut block = [0; 16];
        let mut writer = Writer::new(&mut block, false);
        writer.put(Format::default().transport_cc, &sequence.to_be_bytes());
        let len = writer.finish();
        packet.extend(&block[..len]);
        let header = packet.len();
        packet.extend(payload);
        let len = packet.len();
        packet.resize(len + 16, 0);
        self.sealer
            .seal_rtp(&mut packet, len, header, ssrc, sequence.into());
        self.attendee
            .on_rtp(&mut packet, &mut self.opener, &mut self.meter, self.now_ns);
    }

    /// What the attendee sends now, opened.
    fn reports(&mut self) -> Vec<u8> {
        let to = Destination {
            remote: ([127, 0, 0, 1], 1).into(),
            local: None,
        };
        let mut outbox = Outbox::new(1 << 14, 16);
        self.attendee
            .advance(self.now_ns, &mut self.sealer, &to, &mut outbox);
        let mut compound: Vec<u8> = outbox
            .iter()
            .flat_map(|(_, bytes)| bytes.to_vec())
            .collect();
        if compound.is_empty() {
            return compound;
        }
        let len = self.opener.open_rtcp(&mut compound).expect("a compound");
        compound.truncate(len);
        compound
    }
}

#[test]
fn a_whole_stream_is_verified() {
    let mut call = Call::new();
    let mut sequence = 1000u16;
    for _ in 0..30 {
        let payloads = call.payloads();
        call.now_ns += 2_000_000;
        for payload in payloads {
            call.give(pattern::VP8, VIDEO, sequence, &payload);
            sequence += 1;
        }
    }
    let tally = call.attendee.tally();
    assert_eq!(tally.video, call.counter);
    assert_eq!(
        (tally.verified, tally.expected, tally.received),
        (tally.video, tally.video, tally.video)
    );
    assert_eq!(
        (tally.damaged, tally.skipped, tally.duplicates, tally.late),
        (0, 0, 0, 0)
    );
    assert_eq!(call.meter.latencies.video.largest(), 2_000_000);
    assert_eq!(call.meter.latencies.video.total(), tally.video);
}

#[test]
fn what_is_missing_damaged_or_left_out_is_counted() {
    let mut call = Call::new();
    let payloads: Vec<_> = (0..4).flat_map(|_| call.payloads()).collect();
    let mut hurt = payloads[1].clone();
    *hurt.last_mut().expect("not empty") ^= 1;
    call.give(pattern::VP8, VIDEO, 1, &payloads[0]);
    call.give(pattern::VP8, VIDEO, 2, &hurt);
    // The server numbered on, but two of the presenter's packets never came.
    call.give(pattern::VP8, VIDEO, 3, &payloads[4]);
    // And these are holes in the numbers.
    call.give(pattern::VP8, VIDEO, 6, &payloads[7]);
    call.give(72, VIDEO, 7, &payloads[8]);
    let tally = call.attendee.tally();
    assert_eq!((tally.damaged, tally.expected, tally.received), (1, 6, 4));
    assert_eq!(tally.skipped, 3 + 2);
    assert_eq!(tally.strange, 1, "a payload type that was never offered");
}

#[test]
fn a_hole_is_asked_for_and_filled_by_a_retransmission() {
    let mut call = Call::new();
    let payloads = call.payloads();
    call.give(pattern::VP8, VIDEO, 1, &payloads[0]);
    call.give(pattern::VP8, VIDEO, 3, &payloads[2]);
    call.reports();
    call.now_ns += 10_000_000;
    let asked = call.reports();
    let nacks: Vec<u16> = rtcp::walk(&asked)
        .flatten()
        .filter_map(|packet| match packet {
            Rtcp::Nack { media, items, .. } => {
                assert_eq!(media, VIDEO);
                Some(items)
            }
            _ => None,
        })
        .flatten()
        .collect();
    assert_eq!(nacks, [2]);
    let mut again = vec![0, 2];
    again.extend(&payloads[1]);
    call.give(pattern::VP8_RTX, RTX, 1, &again);
    let tally = call.attendee.tally();
    assert_eq!((tally.expected, tally.received, tally.recovered), (3, 3, 1));
    assert_eq!((tally.skipped, tally.damaged), (0, 0));
}

#[test]
fn reports_come_at_their_times() {
    let mut call = Call::new();
    let payloads = call.payloads();
    call.reports();
    let (mut receiver_reports, mut feedback) = (0, 0);
    for step in 0..300 {
        call.give(pattern::VP8, VIDEO, step, &payloads[0]);
        for packet in rtcp::walk(&call.reports()).flatten() {
            match packet {
                Rtcp::ReceiverReport { blocks, .. } => {
                    receiver_reports += 1;
                    assert_eq!(
                        blocks.iter().map(|block| block.ssrc).collect::<Vec<_>>(),
                        [VIDEO]
                    );
                }
                Rtcp::TransportFeedback(bytes) => {
                    feedback += usize::from(twcc::parse(bytes).expect("feedback").count);
                }
                _ => {}
            }
        }
        call.now_ns += 10_000_000;
    }
    assert_eq!(receiver_reports, 3);
    assert!((280..=300).contains(&feedback), "{feedback}");
}
