use super::*;
use _plane::rtp::Rtp;
use _plane::srtp::{Opener, Profile};

const KEY: [u8; 16] = [7; 16];
const SALT: [u8; 12] = [9; 12];

struct Bench {
    presenter: Presenter,
    sealer: Sealer,
    to: Destination,
    outbox: Outbox,
    now_ns: u64,
}

impl Bench {
    fn new() -> Self {
        Self {
            presenter: Presenter::new(1_200_000, 30, 5, (11, 12), true),
            sealer: Sealer::new(Profile::AeadAes128Gcm, &KEY, &SALT).expect("lengths"),
            to: Destination {
                remote: ([127, 0, 0, 1], 1).into(),
                local: None,
            },
            outbox: Outbox::new(1 << 17, 64),
            now_ns: 1_000_000_000,
        }
    }

    /// Runs for so long; gives what was sent, each with its time.
    fn run(&mut self, ns: u64) -> Vec<(u64, Vec<u8>)> {
        let (mut sent, end) = (Vec::new(), self.now_ns + ns);
        while self.now_ns < end {
            let due = self.presenter.advance(
                self.now_ns,
                1 << 40,
                &mut self.sealer,
                &self.to,
                &mut self.outbox,
            );
            sent.extend(
                self.outbox
                    .iter()
                    .map(|(_, bytes)| (self.now_ns, bytes.to_vec())),
            );
            self.outbox.clear();
            assert!(due > self.now_ns);
            self.now_ns = due;
        }
        sent
    }
}

#[test]
fn packets_open_and_carry_their_stamps() {
    let mut bench = Bench::new();
    let mut opener = Opener::new(Profile::AeadAes128Gcm, &KEY, &SALT).expect("lengths");
    let (mut video, mut audio, mut reports) = (0, 0, 0);
    for (sent_ns, mut packet) in bench.run(2_000_000_000) {
        if _plane::rtp::is_rtcp(&packet) {
            opener.open_rtcp(&mut packet).expect("a report");
            reports += 1;
            continue;
        }
        let header = Rtp::parse(&packet).expect("RTP");
        let len = opener.open_rtp(&mut packet, &header).expect("authentic");
        let payload = header.payload(&packet[..len]).expect("payload");
        let (stamp, counter) = match header.ssrc {
            11 => (pattern::read_video(payload), &mut video),
            _ => (pattern::read_audio(payload), &mut audio),
        };
        assert_eq!(
            stamp,
            Some(Stamp {
                sent_ns,
                counter: *counter
            })
        );
        *counter += 1;
    }
    assert!((95..=101).contains(&audio), "{audio}");
    assert!((260..320).contains(&video), "{video}");
    assert_eq!(reports, 4);
}

#[test]
fn a_keyframe_is_spread_and_a_frame_is_a_burst() {
    let mut bench = Bench::new();
    let sent = bench.run(1_000_000_000);
    let mut bursts = std::collections::BTreeMap::new();
    for (at, packet) in &sent {
        if packet[1] & 0x7f == pattern::VP8 {
            *bursts.entry(*at).or_insert(0) += packet.len();
        }
    }
    assert!(bursts.values().all(|bytes| *bytes <= 17_000), "{bursts:?}");
    let late: Vec<_> = bursts.values().rev().take(20).collect();
    assert!(late.iter().all(|bytes| **bytes > 4_000), "{late:?}");
}

#[test]
fn keyframes_and_packets_come_when_asked_for() {
    let mut bench = Bench::new();
    let before = bench.run(1_000_000_000);
    let mut request = Vec::new();
    Compound::new(&mut request).pli(1, 11);
    Compound::new(&mut request).pli(1, 11);
    let to = bench.to;
    let now_ns = bench.now_ns;
    bench
        .presenter
        .on_rtcp(&request, now_ns, &to, &mut bench.outbox);
    bench.run(200_000_000);
    assert_eq!(bench.presenter.sent().keyframes, 2);
    assert_eq!(bench.presenter.sent().keyframe_requests, 2);

    let (_, wanted) = before
        .iter()
        .rev()
        .find(|(_, packet)| packet[1] & 0x7f == 96)
        .expect("video");
    let sequence = u16::from_be_bytes([wanted[2], wanted[3]]);
    let mut nack = Vec::new();
    Compound::new(&mut nack).nack(1, 11, [sequence].into_iter());
    bench
        .presenter
        .on_rtcp(&nack, now_ns, &to, &mut bench.outbox);
    let again: Vec<_> = bench
        .outbox
        .iter()
        .map(|(_, bytes)| bytes.to_vec())
        .collect();
    assert_eq!(again, std::slice::from_ref(wanted));
}
