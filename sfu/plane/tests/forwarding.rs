//! Whole paths through the forwarder, packet by packet, without sockets or clocks.

mod peer;

use _plane::report::Report;
use peer::{Call, Frame, PUBLISHER, SUBSCRIBER};

#[test]
fn a_keyframe_starts_the_picture_and_numbers_continue() {
    let mut call = Call::new();
    call.publish_video(1, &[("", 1000, 1001)]);
    call.subscribe_video(10, 2000, 2001);
    call.frame(Frame {
        ssrc: 1000,
        key: false,
        packets: 2,
        ..Frame::default()
    });
    assert!(
        call.received(SUBSCRIBER).is_empty(),
        "nothing before a keyframe"
    );
    call.frame(Frame {
        ssrc: 1000,
        key: true,
        packets: 3,
        ..Frame::default()
    });
    call.frame(Frame {
        ssrc: 1000,
        key: false,
        packets: 2,
        ..Frame::default()
    });
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
    call.frame(Frame {
        ssrc: 1000,
        key: true,
        packets: 3,
        ..Frame::default()
    });
    call.frame(Frame {
        ssrc: 1000,
        key: false,
        packets: 1,
        ..Frame::default()
    });
    call.subscribe_video(10, 2000, 2001);
    call.run(20);
    assert_eq!(call.received(SUBSCRIBER).len(), 4);
    assert_eq!(call.plane.counters().plis_out, 0);
}

#[test]
fn a_crowd_of_joiners_causes_one_request() {
    let mut call = Call::new();
    call.publish_video(1, &[("", 1000, 1001)]);
    call.frame(Frame {
        ssrc: 1000,
        key: false,
        packets: 1,
        ..Frame::default()
    });
    for n in 0..50 {
        call.subscribe_video(10 + n, 2000 + 2 * n, 2001 + 2 * n);
    }
    call.run(100);
    assert_eq!(call.plane.counters().plis_out, 1);
    call.frame(Frame {
        ssrc: 1000,
        key: true,
        packets: 2,
        ..Frame::default()
    });
    assert_eq!(call.received(SUBSCRIBER).len(), 100);
}

#[test]
fn a_layer_switch_happens_at_the_keyframe_of_the_other_layer() {
    let mut call = Call::new();
    call.publish_video(1, &[("q", 1000, 1001), ("h", 1010, 1011)]);
    call.subscribe_video(10, 2000, 2001);
    call.target(10, 0, 9);
    for ssrc in [1000, 1010] {
        call.frame(Frame {
            ssrc,
            key: true,
            packets: 1,
            ..Frame::default()
        });
    }
    assert_eq!(call.received(SUBSCRIBER).len(), 1);
    call.target(10, 1, 9);
    call.run(3000);
    call.received(SUBSCRIBER);
    call.frame(Frame {
        ssrc: 1000,
        key: false,
        packets: 1,
        ..Frame::default()
    });
    call.frame(Frame {
        ssrc: 1010,
        key: false,
        packets: 1,
        ..Frame::default()
    });
    assert_eq!(
        call.received(SUBSCRIBER).len(),
        1,
        "the old layer until the new one can start"
    );
    assert!(
        call.plane.counters().plis_out > 0,
        "its keyframe was asked for"
    );
    call.frame(Frame {
        ssrc: 1010,
        key: true,
        packets: 2,
        ..Frame::default()
    });
    call.frame(Frame {
        ssrc: 1000,
        key: false,
        packets: 1,
        ..Frame::default()
    });
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
    call.frame(Frame {
        ssrc: 1000,
        key: true,
        packets: 2,
        ..Frame::default()
    });
    let before = call.received(SUBSCRIBER);
    call.bind(Some(2));
    call.frame(Frame {
        ssrc: 1000,
        key: false,
        packets: 2,
        ..Frame::default()
    });
    assert!(
        call.received(SUBSCRIBER).is_empty(),
        "the former source has gone"
    );
    call.frame(Frame {
        ssrc: 1100,
        key: true,
        packets: 2,
        ..Frame::default()
    });
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
    call.frame(Frame {
        ssrc: 1000,
        key: true,
        packets: 2,
        ..Frame::default()
    });
    let before = call.received(SUBSCRIBER);
    call.mute(1, true);
    call.frame(Frame {
        ssrc: 1000,
        key: true,
        packets: 2,
        ..Frame::default()
    });
    assert!(call.received(SUBSCRIBER).is_empty());
    call.mute(1, false);
    call.frame(Frame {
        ssrc: 1000,
        key: false,
        packets: 2,
        ..Frame::default()
    });
    assert!(
        call.received(SUBSCRIBER).is_empty(),
        "a picture comes back with a keyframe"
    );
    call.frame(Frame {
        ssrc: 1000,
        key: true,
        packets: 1,
        ..Frame::default()
    });
    let after = call.received(SUBSCRIBER);
    assert_eq!(after[0].sequence, before[1].sequence.wrapping_add(1));
}

#[test]
fn a_lost_packet_is_sent_again_on_request() {
    let mut call = Call::new();
    call.publish_video(1, &[("", 1000, 1001)]);
    call.subscribe_video(10, 2000, 2001);
    call.frame(Frame {
        ssrc: 1000,
        key: true,
        packets: 3,
        ..Frame::default()
    });
    let sent = call.received(SUBSCRIBER);
    call.nack(2000, &[sent[1].sequence, sent[1].sequence, 9999]);
    let again = call.received(SUBSCRIBER);
    assert_eq!(again.len(), 1, "once, and nothing that was never sent");
    assert_eq!((again[0].ssrc, again[0].payload_type), (2001, 97));
    assert_eq!(again[0].original, sent[1].sequence);
    assert_eq!(again[0].body, sent[1].body);
}

#[test]
fn a_hole_is_asked_for_and_its_repair_keeps_its_place() {
    let mut call = Call::new();
    call.publish_video(1, &[("", 1000, 1001)]);
    call.subscribe_video(10, 2000, 2001);
    call.frame(Frame {
        ssrc: 1000,
        key: true,
        packets: 2,
        ..Frame::default()
    });
    call.frame(Frame {
        ssrc: 1000,
        key: false,
        packets: 3,
        lose: Some(1),
        ..Frame::default()
    });
    call.run(200);
    assert_eq!(call.asked_of_publisher().len(), 1);
    let before = call.received(SUBSCRIBER);
    assert_eq!(before.len(), 4);
    call.repair(1001);
    let late = call.received(SUBSCRIBER);
    assert_eq!(late.len(), 1);
    assert_eq!(late[0].sequence, before[3].sequence.wrapping_sub(1));
    assert_eq!(call.plane.counters().recovered, 1);
}

#[test]
fn layers_are_found_by_their_header_extensions() {
    let mut call = Call::new();
    call.publish_video(1, &[("q", 0, 0), ("h", 0, 0)]);
    call.subscribe_video(10, 2000, 2001);
    call.frame(Frame {
        ssrc: 77,
        rid: Some("h"),
        key: true,
        packets: 2,
        ..Frame::default()
    });
    assert_eq!(call.received(SUBSCRIBER).len(), 2);
    call.frame(Frame {
        ssrc: 78,
        rid: Some("x"),
        key: true,
        packets: 1,
        ..Frame::default()
    });
    assert_eq!(call.plane.counters().drop_unknown_stream, 1);
}

#[test]
fn the_publisher_hears_what_arrived() {
    let mut call = Call::new();
    call.publish_video(1, &[("", 1000, 1001)]);
    for _ in 0..40 {
        call.frame(Frame {
            ssrc: 1000,
            key: false,
            packets: 2,
            ..Frame::default()
        });
        call.run(33);
    }
    let control = call.control(PUBLISHER);
    assert!(control.feedback >= 10, "{control:?}");
    assert!(control.reports >= 1, "{control:?}");
}

#[test]
fn sender_reports_carry_one_clock_for_sound_and_picture() {
    let mut call = Call::new();
    call.publish_video(1, &[("", 1000, 1001)]);
    call.subscribe_video(10, 2000, 2001);
    call.sender_report(1000, 5_000_000);
    for _ in 0..40 {
        call.frame(Frame {
            ssrc: 1000,
            key: true,
            packets: 1,
            ..Frame::default()
        });
        call.run(33);
    }
    assert!(call.control(SUBSCRIBER).sender_reports >= 1);
}

#[test]
fn strangers_and_forgeries_change_nothing() {
    let mut call = Call::new();
    call.publish_video(1, &[("", 1000, 1001)]);
    call.subscribe_video(10, 2000, 2001);
    call.frame(Frame {
        ssrc: 1000,
        key: true,
        packets: 1,
        ..Frame::default()
    });
    call.received(SUBSCRIBER);
    let genuine = call.sealed_frame(1000);
    call.datagram_from_stranger(genuine.clone());
    assert!(call.received(SUBSCRIBER).is_empty());
    let mut forged = genuine.clone();
    *forged.last_mut().expect("not empty") ^= 1;
    call.datagram(PUBLISHER, forged);
    assert_eq!(call.plane.counters().srtp_failures, 1);
    call.datagram(PUBLISHER, genuine.clone());
    call.datagram(PUBLISHER, genuine);
    assert_eq!(call.plane.counters().srtp_replayed, 1);
    assert_eq!(call.received(SUBSCRIBER).len(), 1);
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
        ssrc: 77,
        rid: Some("h"),
        key: true,
        packets: 1,
        ..Frame::default()
    });
    call.unpublish(1);
    call.publish_again(3, "m1", &["q", "h"]);
    call.received(SUBSCRIBER);
    call.frame(Frame {
        ssrc: 77,
        nameless: true,
        key: true,
        packets: 1,
        ..Frame::default()
    });
    assert_eq!(call.received(SUBSCRIBER).len(), 1);
}
