//! Whole paths through the forwarder, packet by packet, without sockets or clocks.

mod begin;
mod call;
mod clock;
mod codec;
mod h264;
mod inbox;
mod microphone;
mod paced;
mod path;
mod picture;
mod probe;
mod relay;
mod repair;
mod show;
mod sound;
mod still;
mod upload;

use _plane::report::Report;
use call::{Call, PUBLISHER, SUBSCRIBER};
use picture::Frame;

#[test]
fn a_keyframe_starts_the_picture_and_numbers_continue() {
    let mut call = Call::new();
    call.publish_video(1, &[("", 1000, 1001)]);
    call.subscribe_video(10, 2000, 2001);
    call.frame(Frame::delta(1000, 2));
    assert!(
        call.received(SUBSCRIBER).is_empty(),
        "nothing before a keyframe"
    );
    call.frame(Frame::key(1000, 3));
    call.frame(Frame::delta(1000, 2));
    let sent = call.received(SUBSCRIBER);
    assert_eq!(sent.len(), 5);
    assert!(sent
        .windows(2)
        .all(|pair| pair[1].sequence == pair[0].sequence.wrapping_add(1)));
    assert!(sent
        .iter()
        .all(|packet| packet.ssrc == 2000 && packet.payload_type == 96));
    assert_eq!(sent[3].timestamp.wrapping_sub(sent[2].timestamp), 3000);
}

#[test]
fn a_late_joiner_starts_from_the_ring_without_a_request() {
    let mut call = Call::new();
    call.publish_video(1, &[("", 1000, 1001)]);
    call.frame(Frame::key(1000, 3));
    call.frame(Frame::delta(1000, 1));
    call.subscribe_video(10, 2000, 2001);
    call.run(20);
    assert_eq!(call.received(SUBSCRIBER).len(), 4);
    assert_eq!(call.plane.counters().plis_out, 0);
}

#[test]
fn a_crowd_of_joiners_causes_one_request() {
    let mut call = Call::new();
    call.publish_video(1, &[("", 1000, 1001)]);
    call.frame(Frame::delta(1000, 1));
    for n in 0..50 {
        call.subscribe_video(10 + n, 2000 + 2 * n, 2001 + 2 * n);
    }
    call.run(100);
    assert_eq!(call.plane.counters().plis_out, 1);
    call.frame(Frame::key(1000, 2));
    assert_eq!(call.received(SUBSCRIBER).len(), 100);
}

#[test]
fn a_layer_switch_happens_at_the_keyframe_of_the_other_layer() {
    let mut call = Call::new();
    call.publish_video(1, &[("q", 1000, 1001), ("h", 1010, 1011)]);
    call.subscribe_video(10, 2000, 2001);
    call.target(10, 0, 9);
    for ssrc in [1000, 1010] {
        call.frame(Frame::key(ssrc, 1));
    }
    assert_eq!(call.received(SUBSCRIBER).len(), 1);
    call.target(10, 1, 9);
    call.run(3000);
    call.received(SUBSCRIBER);
    call.frame(Frame::delta(1000, 1));
    call.frame(Frame::delta(1010, 1));
    assert_eq!(
        call.received(SUBSCRIBER).len(),
        1,
        "the old layer until the new one can start"
    );
    assert!(
        call.plane.counters().plis_out > 0,
        "its keyframe was asked for"
    );
    call.frame(Frame::key(1010, 2));
    call.frame(Frame::delta(1000, 1));
    assert_eq!(call.received(SUBSCRIBER).len(), 2);
    assert!(call.reports.iter().any(|report| matches!(
        report,
        Report::Switched {
            egress: 10,
            spatial: 1,
            ..
        }
    )));
}

#[test]
fn a_route_changes_its_source_for_everybody_at_once() {
    let mut call = Call::new();
    call.publish_video(1, &[("", 1000, 1001)]);
    call.publish_video(2, &[("", 1100, 1101)]);
    call.subscribe_video(10, 2000, 2001);
    call.frame(Frame::key(1000, 2));
    let before = call.received(SUBSCRIBER);
    call.bind(Some(2));
    call.frame(Frame::delta(1000, 2));
    assert!(
        call.received(SUBSCRIBER).is_empty(),
        "the former source has gone"
    );
    call.frame(Frame::key(1100, 2));
    let after = call.received(SUBSCRIBER);
    assert_eq!(after.len(), 2);
    assert_eq!(after[0].ssrc, before[1].ssrc);
    assert_eq!(after[0].sequence, before[1].sequence.wrapping_add(1));
    assert_eq!(after[0].picture_id, (before[1].picture_id + 1) & 0x7fff);
    assert!(after[0].timestamp.wrapping_sub(before[1].timestamp) < 90_000);
}

#[test]
fn what_is_muted_is_not_forwarded() {
    let mut call = Call::new();
    call.publish_video(1, &[("", 1000, 1001)]);
    call.subscribe_video(10, 2000, 2001);
    call.frame(Frame::key(1000, 2));
    let before = call.received(SUBSCRIBER);
    call.mute(1, true);
    call.frame(Frame::key(1000, 2));
    assert!(call.received(SUBSCRIBER).is_empty());
    call.mute(1, false);
    call.frame(Frame::delta(1000, 2));
    assert!(
        call.received(SUBSCRIBER).is_empty(),
        "a picture comes back with a keyframe"
    );
    call.frame(Frame::key(1000, 1));
    let after = call.received(SUBSCRIBER);
    assert_eq!(after[0].sequence, before[1].sequence.wrapping_add(1));
}

#[test]
fn layers_are_found_by_their_header_extensions() {
    let mut call = Call::new();
    call.publish_video(1, &[("q", 0, 0), ("h", 0, 0)]);
    call.subscribe_video(10, 2000, 2001);
    call.frame(Frame {
        rid: Some("h"),
        ..Frame::key(77, 2)
    });
    assert_eq!(call.received(SUBSCRIBER).len(), 2);
    call.frame(Frame {
        rid: Some("x"),
        ..Frame::key(78, 1)
    });
    assert_eq!(call.plane.counters().drop_unknown_stream, 1);
}

#[test]
fn closing_takes_everything_along() {
    let mut call = Call::new();
    call.publish_video(1, &[("", 1000, 1001)]);
    call.subscribe_video(10, 2000, 2001);
    call.close(PUBLISHER);
    call.close(SUBSCRIBER);
    call.run(5000);
    assert!(!call
        .reports
        .iter()
        .any(|report| matches!(report, Report::Refused { .. })));
    call.mute(1, true);
    assert!(call.reports.iter().any(|report| matches!(
        report,
        Report::Refused {
            command: "mute",
            ..
        }
    )));
}

#[test]
fn an_ssrc_is_never_used_twice_under_one_key() {
    let mut call = Call::new();
    call.subscribe_video(10, 2000, 2001);
    call.subscribe_video(11, 2000, 2003);
    assert!(call.reports.iter().any(|report| matches!(
        report,
        Report::Refused {
            command: "add_egress",
            ..
        }
    )));
}

#[test]
fn a_source_that_comes_back_is_known_by_the_names_of_before() {
    let mut call = Call::new();
    call.publish_video(1, &[("q", 0, 0), ("h", 0, 0)]);
    call.subscribe_video(10, 2000, 2001);
    call.frame(Frame {
        rid: Some("h"),
        ..Frame::key(77, 1)
    });
    call.unpublish(1);
    call.publish_again(3, "m1", &["q", "h"]);
    call.received(SUBSCRIBER);
    call.frame(Frame {
        nameless: true,
        ..Frame::key(77, 1)
    });
    assert_eq!(call.received(SUBSCRIBER).len(), 1);
}
