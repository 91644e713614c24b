//! Loss, reports, and packets that should not be there.

use crate::call::{address, Call, PUBLISHER, SUBSCRIBER};
use crate::picture::Frame;
use _plane::command::Command;
use _plane::rates::Rates;
use _plane::report::Report;
use _plane::stun;

#[test]
fn a_lost_packet_is_sent_again_on_request() {
    let mut call = Call::new();
    call.publish_video(1, &[("", 1000, 1001)]);
    call.subscribe_video(10, 2000, 2001);
    call.frame(Frame::key(1000, 3));
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
    call.frame(Frame::key(1000, 2));
    call.frame(Frame {
        lose: Some(1),
        ..Frame::delta(1000, 3)
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
fn the_publisher_hears_what_arrived() {
    let mut call = Call::new();
    call.publish_video(1, &[("", 1000, 1001)]);
    for _ in 0..40 {
        call.frame(Frame::delta(1000, 2));
        call.run(33);
    }
    let control = call.control(PUBLISHER);
    assert!(control.feedback >= 10, "{control:?}");
    assert!(control.reports >= 1, "{control:?}");
}

#[test]
fn strangers_and_forgeries_change_nothing() {
    let mut call = Call::new();
    call.publish_video(1, &[("", 1000, 1001)]);
    call.subscribe_video(10, 2000, 2001);
    call.frame(Frame::key(1000, 1));
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
fn a_layer_under_a_new_ssrc_is_another_picture() {
    let mut call = Call::new();
    call.publish_video(1, &[("q", 0, 0), ("h", 0, 0)]);
    call.subscribe_video(10, 2000, 2001);
    let first = Frame {
        rid: Some("h"),
        ..Frame::key(77, 3)
    };
    call.frame(first);
    let before = call.received(SUBSCRIBER);
    for key in [false, true] {
        call.frame(Frame {
            ssrc: 40_000,
            key,
            packets: 2,
            ..first
        });
    }
    let after = call.received(SUBSCRIBER);
    assert_eq!(after.len(), 2, "it begins with a keyframe");
    let last = before.last().expect("sent");
    assert_eq!(after[0].sequence, last.sequence.wrapping_add(1));
    assert_eq!(after[0].picture_id, (last.picture_id + 1) & 0x7fff);
}

#[test]
fn repairs_cost_no_more_than_their_share() {
    let mut call = Call::new();
    call.publish_video(1, &[("", 1000, 1001)]);
    call.subscribe_video(10, 2000, 2001);
    for n in 0..10 {
        call.frame(Frame::new(1000, n == 0, 4));
    }
    let sent = call.received(SUBSCRIBER);
    let all: Vec<u16> = sent.iter().map(|packet| packet.sequence).collect();
    for _ in 0..5 {
        call.nack(2000, &all);
        call.run(50);
    }
    let again = call.received(SUBSCRIBER).len();
    assert!(again > 0 && again <= sent.len() / 2, "{again}");
}

#[test]
fn repairs_fit_into_the_receivers_budget() {
    let mut call = Call::new();
    call.publish_video(1, &[("", 1000, 1001)]);
    call.subscribe_video(10, 2000, 2001);
    call.apply(Command::SetRates(vec![Rates {
        transport: SUBSCRIBER,
        ceiling_bps: 100_000,
        ..Rates::default()
    }]));
    let (mut media, mut repairs) = (0, 0);
    let mut seconds = vec![0; 4];
    for n in 0..72 {
        call.frame(Frame::new(1000, n == 0, 2));
        let sizes = call.sent_media(SUBSCRIBER);
        media += sizes.len();
        let got = call.received(SUBSCRIBER);
        let all: Vec<u16> = got.iter().map(|packet| packet.sequence).collect();
        call.nack(2000, &all);
        call.run(50);
        let again = call.sent_media(SUBSCRIBER);
        repairs += call.received(SUBSCRIBER).len();
        seconds[n / 18] += sizes.iter().chain(&again).sum::<usize>();
    }
    // All of it would be 75 kbit/s and half as much again
    assert!(seconds.iter().all(|bytes| *bytes <= 12_500), "{seconds:?}");
    assert!(repairs > media / 20, "{repairs} of {media}");
}

#[test]
fn a_frame_to_be_left_out_that_comes_late_leaves_no_hole_in_the_picture_ids() {
    let mut call = Call::new();
    call.publish_video(1, &[("", 1000, 1001)]);
    call.subscribe_video(10, 2000, 2001);
    call.target(10, 0, 1);
    call.frame(Frame::key(1000, 1));
    let upper = |temporal, lose| Frame {
        temporal,
        lose,
        ..Frame::delta(1000, 1)
    };
    call.frame(upper(2, Some(0)));
    call.frame(upper(1, None));
    call.frame(upper(2, None));
    call.repair(1001);
    call.frame(Frame::delta(1000, 1));
    let mut got = call.received(SUBSCRIBER);
    got.sort_by_key(|packet| packet.sequence);
    let first = got[0].clone();
    let ids: Vec<u16> = got
        .iter()
        .map(|packet| packet.picture_id - first.picture_id)
        .collect();
    assert_eq!(ids, [0, 1, 2, 3]);
    assert!(got
        .windows(2)
        .all(|pair| pair[1].sequence == pair[0].sequence.wrapping_add(1)));
}

#[test]
fn an_address_is_not_taken_from_a_live_peer() {
    let mut call = Call::new();
    call.check_as(SUBSCRIBER, PUBLISHER);
    assert_eq!(call.plane.counters().drop_stun_address_taken, 1);
    call.publish_video(1, &[("", 1000, 1001)]);
    call.frame(Frame::key(1000, 1));
    assert_eq!(call.plane.counters().srtp_failures, 0);
}

#[test]
fn an_address_is_free_as_soon_as_its_peer_is_elsewhere() {
    let mut call = Call::new();
    let left = 3;
    call.check_as(SUBSCRIBER, left);
    call.check_as(PUBLISHER, left);
    assert_eq!(call.plane.counters().drop_stun_address_taken, 1);
    call.run(100);
    call.check_as(SUBSCRIBER, SUBSCRIBER);
    call.sent.clear();
    call.check_as(PUBLISHER, left);
    assert_eq!(call.plane.counters().drop_stun_address_taken, 1);
    assert_eq!(call.sent.len(), 1, "an answer");
}

#[test]
fn an_address_that_a_peer_has_left_is_free_for_another() {
    let mut call = Call::new();
    let left = 3;
    call.check_as(SUBSCRIBER, left);
    for _ in 0..4 {
        call.run(3_000);
        call.check_as(SUBSCRIBER, SUBSCRIBER);
        call.check_as(PUBLISHER, PUBLISHER);
    }
    call.sent.clear();
    call.check_as(PUBLISHER, left);
    assert_eq!(call.plane.counters().drop_stun_address_taken, 0);
    assert_eq!(call.sent.len(), 1, "an answer");
    // Whoever has left it gets nothing there any more.
    call.run(6_000);
    call.check_as(SUBSCRIBER, left);
    assert_eq!(call.plane.counters().drop_stun_address_taken, 1);
}

#[test]
fn an_address_goes_only_to_whose_check_succeeds_there() {
    let mut call = Call::new();
    call.run(11_000);
    let mut conflicting = Vec::new();
    let (username, pwd) = (format!("user{SUBSCRIBER}:peer"), b"password-of-22-letters");
    stun::binding_request(&mut conflicting, [7; 12], &username, pwd, 1, false, 5, true);
    call.datagram(PUBLISHER, conflicting);
    call.publish_video(1, &[("", 1000, 1001)]);
    call.frame(Frame::key(1000, 1));
    call.run(1_000);
    assert!(call.control(PUBLISHER).reports > 0, "it is still there");
    call.close(PUBLISHER);
    assert!(!call.plane.knows(&address(PUBLISHER).remote));
}

#[test]
fn a_layer_begins_anew_once_a_second_at_most() {
    let mut call = Call::new();
    call.publish_video(1, &[("h", 0, 0), ("f", 0, 0)]);
    call.subscribe_video(10, 2000, 2001);
    let frame = |call: &mut Call, ssrc| {
        call.frame(Frame {
            rid: Some("h"),
            ..Frame::key(ssrc, 1)
        });
    };
    frame(&mut call, 77);
    for n in 0..200 {
        frame(&mut call, [40_000, 77][n % 2]);
    }
    // What is late of the stream before, or of any other, is not of this picture.
    assert_eq!(call.received(SUBSCRIBER).len(), 1 + 100);
    let begun = call.reports.iter();
    let begun = begun.filter(|report| matches!(report, Report::Switched { .. }));
    assert_eq!(begun.count(), 2);
    call.run(500);
    frame(&mut call, 77);
    assert_eq!(call.received(SUBSCRIBER).len(), 1, "a second has passed");
}
