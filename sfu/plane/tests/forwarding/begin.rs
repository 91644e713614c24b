//! Where pictures begin: keyframes whose packets come out of order, sources that were silent.

use crate::call::{Call, SUBSCRIBER};
use crate::inbox::Got;
use crate::picture::Frame;

const KEY: Frame = Frame {
    ssrc: 1000,
    key: true,
    packets: 4,
    rid: None,
    temporal: 0,
    nameless: false,
    lose: None,
};
const DELTA: Frame = Frame { key: false, ..KEY };

/// What each of two egresses got: one that has been shown the picture, one that waits for it.
fn overtaken(order: &[usize]) -> [Vec<Got>; 2] {
    let mut call = Call::new();
    call.publish_video(1, &[("", 1000, 1001)]);
    call.subscribe_video(10, 2000, 2001);
    call.frame(KEY);
    for _ in 0..30 {
        call.frame(DELTA);
        call.run(100);
    }
    let asked = call.plane.counters().plis_out;
    call.subscribe_video(11, 2010, 2011);
    call.run(20);
    assert_eq!(call.plane.counters().plis_out, asked + 1, "it is too old");
    call.received(SUBSCRIBER);
    let packets = call.packets(KEY);
    for index in order {
        call.publish_packet(packets[*index].clone());
    }
    call.frame(DELTA);
    let got = call.received(SUBSCRIBER);
    [2000, 2010].map(|ssrc| got.iter().filter(|got| got.ssrc == ssrc).cloned().collect())
}

#[test]
fn a_keyframe_begins_although_its_first_packet_was_overtaken() {
    for order in [[1, 0, 2, 3], [1, 2, 3, 0], [2, 0, 1, 3]] {
        let [shown, waiting] = overtaken(&order);
        for got in [&shown, &waiting] {
            let mut numbers: Vec<u16> = got.iter().map(|got| got.sequence).collect();
            numbers.sort_unstable();
            let first = numbers[0];
            assert_eq!(numbers, (first..first + 8).collect::<Vec<_>>(), "{order:?}");
        }
        let mut sorted = waiting.clone();
        sorted.sort_by_key(|got| got.sequence);
        let bodies: Vec<u8> = sorted[..4].iter().map(|got| got.body[199]).collect();
        assert_eq!(bodies, [0, 1, 2, 3], "{order:?}");
        assert_eq!(waiting[0].body[199], 0, "it begins with the first packet");
    }
}

#[test]
fn what_was_overtaken_by_too_much_begins_nothing() {
    let mut call = Call::new();
    call.publish_video(1, &[("", 1000, 1001)]);
    call.subscribe_video(10, 2000, 2001);
    let packets = call.packets(KEY);
    for packet in &packets[1..] {
        call.publish_packet(packet.clone());
    }
    for _ in 0..40 {
        call.frame(DELTA);
    }
    call.publish_packet(packets[0].clone());
    call.run(20);
    assert!(call.received(SUBSCRIBER).is_empty());
}

/// Two layers, the upper one shown, after a silence of both.
fn silent() -> (Call, Frame, Frame) {
    let mut call = Call::new();
    call.publish_video(1, &[("q", 1000, 1001), ("h", 1010, 1011)]);
    call.subscribe_video(10, 2000, 2001);
    let upper = Frame { ssrc: 1010, ..KEY };
    call.frame(KEY);
    call.frame(upper);
    call.run(3_000);
    call.received(SUBSCRIBER);
    let asked = call.plane.counters().plis_out;
    assert_eq!(asked, 0);
    call.frame(DELTA);
    call.run(20);
    (
        call,
        DELTA,
        Frame {
            key: false,
            ..upper
        },
    )
}

#[test]
fn a_source_that_goes_on_after_a_silence_is_asked_for_no_lower_layer() {
    let (mut call, _, upper) = silent();
    call.frame(upper);
    call.run(1_500);
    assert_eq!(call.received(SUBSCRIBER).len(), 4);
    assert_eq!(call.plane.counters().plis_out, 0);
}

#[test]
fn a_layer_that_stays_away_after_a_silence_is_replaced() {
    let (mut call, lower, _) = silent();
    call.run(400);
    call.frame(lower);
    call.run(20);
    assert_eq!(call.plane.counters().plis_out, 1);
    call.frame(KEY);
    assert_eq!(call.received(SUBSCRIBER).len(), 4);
}
