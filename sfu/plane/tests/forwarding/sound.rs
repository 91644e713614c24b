//! Microphones: heard at once, gated by their level, continuous for receivers.

use crate::call::{Call, SUBSCRIBER};
use _plane::command::Command;
use _plane::extension::Writer;
use _plane::report::Report;
use sfu_codecs::Codec;

const ROUTE: u32 = 6;
const SPEECH: u8 = 0x80 | 30;
const SILENCE: u8 = 127;

struct Microphone {
    sequence: u16,
    timestamp: u32,
}

impl Microphone {
    fn publish(call: &mut Call) -> Self {
        call.apply(Command::AddRoute {
            route: ROUTE,
            video: false,
        });
        call.add_audio_track(7, 3000);
        call.apply(Command::Bind {
            route: ROUTE,
            track: Some(7),
        });
        call.apply(Command::AddEgress {
            egress: 70,
            transport: SUBSCRIBER,
            route: ROUTE,
            mid: "a0".into(),
            ssrc: 4000,
            rtx_ssrc: 0,
        });
        Self {
            sequence: 10,
            timestamp: 0,
        }
    }

    /// 20 ms of sound at a level; no time passes for the server.
    fn speak(&mut self, call: &mut Call, level: u8) {
        self.sequence += 1;
        self.timestamp += 960;
        let mut packet = vec![0x90, 111];
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(self.timestamp.to_be_bytes());
        packet.extend(3000u32.to_be_bytes());
        let mut block = [0u8; 16];
        let mut writer = Writer::new(&mut block, false);
        writer.put(1, &[level]);
        let len = writer.finish();
        packet.extend(&block[..len]);
        packet.extend([0x78; 40]);
        call.publish_packet(packet);
    }
}

#[test]
fn sound_is_forwarded_the_moment_it_comes() {
    let mut call = Call::new();
    let mut microphone = Microphone::publish(&mut call);
    microphone.speak(&mut call, SPEECH);
    let sent = call.received(SUBSCRIBER);
    assert_eq!(sent.len(), 1);
    assert_eq!((sent[0].ssrc, sent[0].payload_type), (4000, 111));
}

#[test]
fn a_silent_microphone_costs_nothing_and_comes_back_without_a_gap() {
    let mut call = Call::new();
    let mut microphone = Microphone::publish(&mut call);
    microphone.speak(&mut call, SPEECH);
    for _ in 0..200 {
        call.run(20);
        microphone.speak(&mut call, SILENCE);
    }
    let before = call.received(SUBSCRIBER);
    assert!(
        before.len() < 110,
        "two seconds of hang-over, then nothing: {}",
        before.len()
    );
    microphone.speak(&mut call, SPEECH);
    let after = call.received(SUBSCRIBER);
    let last = before.last().expect("hang-over");
    assert_eq!(after[0].sequence, last.sequence.wrapping_add(1));
    assert!(
        after[0].timestamp.wrapping_sub(last.timestamp) > 48_000,
        "time went on"
    );
    let told: Vec<bool> = call
        .reports
        .iter()
        .filter_map(|report| match report {
            Report::Audible { track: 7, audible } => Some(*audible),
            _ => None,
        })
        .collect();
    assert_eq!(told, [true, false, true]);
}

#[test]
fn a_muted_microphone_is_not_forwarded_however_loud() {
    let mut call = Call::new();
    let mut microphone = Microphone::publish(&mut call);
    microphone.speak(&mut call, SPEECH);
    let before = call.received(SUBSCRIBER);
    call.mute(7, true);
    microphone.speak(&mut call, SPEECH);
    assert!(call.received(SUBSCRIBER).is_empty());
    call.mute(7, false);
    microphone.speak(&mut call, SPEECH);
    let after = call.received(SUBSCRIBER);
    assert_eq!(after[0].sequence, before[0].sequence.wrapping_add(1));
}

#[test]
fn sound_is_not_the_codec_of_a_picture() {
    let mut call = Call::new();
    Microphone::publish(&mut call);
    call.apply(Command::AddTrack {
        track: 8,
        transport: 1,
        mid: "x".into(),
        codec: Codec::Vp8,
        layers: vec![Default::default()],
    });
    call.apply(Command::Bind {
        route: ROUTE,
        track: Some(8),
    });
    let refused = |report: &Report| {
        matches!(
            report,
            Report::Refused {
                command: "bind",
                ..
            }
        )
    };
    assert!(call.reports.iter().any(refused));
}
