//! Streams over a path that is lost and found again, as a TCP connection and the next one.

use crate::call::{address, Call, SUBSCRIBER};
use crate::inbox::Got;
use crate::microphone::{Microphone, SILENCE, SPEECH};
use crate::picture::Frame;

fn lose(call: &mut Call) {
    call.plane.connection_closed(&address(SUBSCRIBER).remote);
}

fn find(call: &mut Call) {
    call.check_as(SUBSCRIBER, SUBSCRIBER);
}

fn follow(before: &[Got], after: &[Got]) {
    let all: Vec<&Got> = before.iter().chain(after).collect();
    assert!(all
        .windows(2)
        .all(|pair| pair[1].sequence == pair[0].sequence.wrapping_add(1)));
}

#[test]
fn sound_that_comes_back_while_there_is_no_path_goes_on_without_a_gap() {
    let mut call = Call::new();
    call.add_audio_track(7, 3000);
    call.add_route(6, false, 7);
    call.subscribe_audio(70, 6, 4000);
    let mut microphone = Microphone::new(3000, 10);
    microphone.speak(&mut call, SPEECH);
    call.run(3_000);
    // More than half of all numbers pass in silence.
    for _ in 0..80 {
        microphone.sequence += 499;
        microphone.speak(&mut call, SILENCE);
    }
    let before = call.received(SUBSCRIBER);
    lose(&mut call);
    microphone.speak(&mut call, SPEECH);
    find(&mut call);
    microphone.speak(&mut call, SPEECH);
    microphone.speak(&mut call, SPEECH);
    let after = call.received(SUBSCRIBER);
    assert_eq!(after.len(), 2);
    follow(&before, &after);
}

#[test]
fn a_picture_goes_on_with_a_keyframe_after_a_time_without_a_path() {
    let mut call = Call::new();
    call.publish_video(1, &[("", 1000, 1001)]);
    call.subscribe_video(10, 2000, 2001);
    call.frame(Frame::key(1000, 2));
    call.run(3_000);
    let before = call.received(SUBSCRIBER);
    let asked = call.plane.counters().plis_out;
    lose(&mut call);
    for _ in 0..10 {
        call.frame(Frame::delta(1000, 2));
    }
    assert_eq!(call.plane.counters().plis_out, asked);
    find(&mut call);
    call.frame(Frame::delta(1000, 2));
    call.run(20);
    assert!(call.received(SUBSCRIBER).is_empty());
    assert_eq!(call.plane.counters().plis_out, asked + 1);
    call.frame(Frame::key(1000, 2));
    let after = call.received(SUBSCRIBER);
    assert_eq!(after.len(), 2);
    follow(&before, &after);
}
