//! Receivers that cannot show what is published.

use crate::call::{Call, SUBSCRIBER};
use crate::microphone::{Microphone, SPEECH};
use crate::picture::Frame;
use _plane::command::{Command, PayloadType};
use _plane::extension::ExtensionIds;
use _plane::rates::Rates;
use sfu_codecs::Codec;

/// The subscriber takes H.264 and Opus, at this pace, and nothing else.
fn only_h264(call: &mut Call, pacing_bps: u32) {
    let mut extensions = ExtensionIds::default();
    assert!(extensions.set("transport-cc", 3));
    let kind = |number, codec, rtx| PayloadType { number, codec, rtx };
    call.apply(Command::SetRemote {
        transport: SUBSCRIBER,
        extensions,
        payload_types: vec![
            kind(102, Codec::H264, Some(103)),
            kind(111, Codec::Opus, None),
        ],
        cname: "sfu".into(),
    });
    call.apply(Command::SetRates(vec![Rates {
        transport: SUBSCRIBER,
        pacing_bps,
        ..Rates::default()
    }]));
}

#[test]
fn who_cannot_show_a_picture_costs_its_publisher_no_keyframes() {
    let mut call = Call::new();
    only_h264(&mut call, 0);
    call.publish_video(1, &[("", 1000, 1001)]);
    call.subscribe_video(10, 2000, 2001);
    for _ in 0..6 {
        call.frame(Frame::key(1000, 2));
        call.run(500);
        call.frame(Frame::delta(1000, 2));
        call.run(500);
    }
    assert_eq!(call.plane.counters().plis_out, 0);
    assert!(call.received(SUBSCRIBER).is_empty());
}

#[test]
fn a_picture_that_cannot_be_shown_does_not_wait() {
    let mut call = Call::new();
    // Less than its sound alone needs: there is always something owed.
    only_h264(&mut call, 8_000);
    call.publish_video(1, &[("", 1000, 1001)]);
    call.subscribe_video(10, 2000, 2001);
    call.add_audio_track(7, 3000);
    call.add_route(6, false, 7);
    call.subscribe_audio(70, 6, 4000);
    let mut microphone = Microphone::new(3000, 10);
    call.frame(Frame::key(1000, 2));
    for _ in 0..50 {
        microphone.speak(&mut call, SPEECH);
        call.run(20);
    }
    call.frame(Frame::delta(1000, 2));
    let got = call.received(SUBSCRIBER);
    assert_eq!(got.len(), 50, "its sound");
    let last = got[49].transport_sequence.expect("numbered");
    call.report(&[(last, call.now_us)]);
    assert_eq!(call.row(["queued_us"]), Some([0]));
}
