//! Microphones: heard at once, gated by their level, continuous for receivers.

use crate::call::{Call, PUBLISHER, SUBSCRIBER};
use crate::microphone::{Microphone, SILENCE, SPEECH};
use _plane::command::Command;
use _plane::report::Report;
use sfu_codecs::Codec;

const ROUTE: u32 = 6;

/// A microphone that is published and subscribed to.
fn publish(call: &mut Call) -> Microphone {
    publish_nth(call, 0)
}

/// Track 7 + n, on a route of its own, subscribed to as SSRC 4000 + n.
fn publish_nth(call: &mut Call, n: u32) -> Microphone {
    let (route, track, ssrc) = (ROUTE + n, 7 + n, 3000 + n);
    call.add_audio_track(track, ssrc);
    call.add_route(route, false, track);
    call.subscribe_audio(70 + n, route, 4000 + n);
    Microphone::new(ssrc, 10)
}

#[test]
fn sound_is_forwarded_the_moment_it_comes() {
    let mut call = Call::new();
    let mut microphone = publish(&mut call);
    microphone.speak(&mut call, SPEECH);
    let sent = call.received(SUBSCRIBER);
    assert_eq!(sent.len(), 1);
    assert_eq!((sent[0].ssrc, sent[0].payload_type), (4000, 111));
}

#[test]
fn a_silent_microphone_costs_nothing_and_comes_back_without_a_gap() {
    let mut call = Call::new();
    let mut microphone = publish(&mut call);
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
    let mut microphone = publish(&mut call);
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

/// Three microphones compete for two places; gives how often each has been forwarded.
fn forwarded(call: &mut Call, talk: &[u8; 3], microphones: &mut [Microphone; 3]) -> [usize; 3] {
    for (microphone, level) in microphones.iter_mut().zip(talk) {
        microphone.speak(call, *level);
    }
    let sent = call.received(SUBSCRIBER);
    call.run(20);
    [0, 1, 2].map(|n| sent.iter().filter(|packet| packet.ssrc == 4000 + n).count())
}

#[test]
fn only_the_loudest_few_of_a_room_are_forwarded() {
    let mut call = Call::new();
    let mut microphones = [0, 1, 2].map(|n| publish_nth(&mut call, n));
    for track in 7..10 {
        call.apply(Command::Compete {
            track,
            group: 900,
            most: 2,
        });
    }
    for _ in 0..60 {
        let heard = forwarded(&mut call, &[SPEECH, SPEECH, SPEECH], &mut microphones);
        assert_eq!(heard, [1, 1, 0]);
    }
    let told = call.reports.iter().rev().find_map(|report| match report {
        Report::Levels { levels } => Some(levels.iter().map(|(track, _)| *track).collect()),
        _ => None,
    });
    assert_eq!(told, Some(vec![7, 8]), "the third is nobody's speaker");
    // Clearly louder than the others, from its first packet on, and without a hole for receivers.
    let heard = forwarded(
        &mut call,
        &[SPEECH, SPEECH - 3, SPEECH - 10],
        &mut microphones,
    );
    assert_eq!(heard, [1, 1, 1]);
    let heard = forwarded(
        &mut call,
        &[SPEECH, SPEECH - 3, SPEECH - 10],
        &mut microphones,
    );
    assert_eq!(heard, [0, 1, 1]);
    // A mute, or the end of a track, frees the place at once.
    call.mute(8, true);
    let heard = forwarded(&mut call, &[SPEECH, SPEECH, SPEECH], &mut microphones);
    assert_eq!(heard, [1, 0, 1]);
    call.unpublish(9);
    call.mute(8, false);
    let heard = forwarded(&mut call, &[SPEECH, SPEECH, SPEECH], &mut microphones);
    assert_eq!(heard, [1, 1, 0]);
}

#[test]
fn who_sends_nothing_any_more_is_no_speaker() {
    let mut call = Call::new();
    let mut microphone = publish(&mut call);
    microphone.speak(&mut call, SPEECH);
    call.run(2_400);
    call.reports.clear();
    call.run(1_000);
    assert!(
        !call
            .reports
            .iter()
            .any(|report| matches!(report, Report::Levels { .. })),
        "its last level is no news"
    );
}

#[test]
fn sound_is_not_the_codec_of_a_picture() {
    let mut call = Call::new();
    publish(&mut call);
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

#[test]
fn sound_beyond_what_any_needs_is_dropped_and_leaves_no_hole() {
    let mut call = Call::new();
    let mut microphone = publish(&mut call);
    call.apply(Command::SetUpload {
        transport: PUBLISHER,
        bps: 0,
        sound_bps: 16_000,
    });
    for _ in 0..1_000 {
        call.run(2);
        microphone.speak(&mut call, SPEECH);
    }
    let got = call.received(SUBSCRIBER);
    let dropped = call.plane.counters().drop_over_budget as usize;
    assert_eq!(got.len() + dropped, 1_000);
    // 16 kbit/s for 2 s, and the second that it may be ahead, of packets that count as 160 bytes.
    assert!((36..=40).contains(&got.len()), "{}", got.len());
    assert!(got
        .windows(2)
        .all(|pair| pair[1].sequence == pair[0].sequence.wrapping_add(1)));
}
