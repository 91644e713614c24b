//! What a publisher is told of its upload, and what was counted when a path ends.

use crate::call::{Call, PUBLISHER, SUBSCRIBER};
use crate::picture::Frame;
use _plane::command::Command;
use _plane::report::Report;
use std::time::Duration;

fn limit(call: &mut Call, bps: u32) {
    call.apply(Command::SetUpload {
        transport: PUBLISHER,
        bps,
        sound_bps: 0,
    });
}

#[test]
fn a_publisher_is_told_its_ceiling_once_a_second() {
    let mut call = Call::new();
    call.publish_video(1, &[("q", 1000, 1001), ("f", 1002, 1003)]);
    call.run(3_000);
    assert_eq!(call.control(PUBLISHER).limits, [], "none was set");
    limit(&mut call, 2_512_000);
    call.sent.clear();
    call.run(4_000);
    let limits = call.control(PUBLISHER).limits;
    assert!((4..=5).contains(&limits.len()), "{limits:?}");
    assert!(limits
        .iter()
        .all(|(bps, ssrcs)| (2_511_900..=2_512_000).contains(bps) && *ssrcs == [1000, 1002]));
    assert_eq!(call.control(SUBSCRIBER).limits, []);
}

#[test]
fn a_new_ceiling_is_told_at_once_and_none_not_at_all() {
    let mut call = Call::new();
    call.publish_video(1, &[("", 1000, 1001)]);
    limit(&mut call, 2_000_000);
    call.run(100);
    call.sent.clear();
    limit(&mut call, 400_000);
    call.run(60);
    let limits = call.control(PUBLISHER).limits;
    assert_eq!(limits, [(400_000, vec![1000])]);
    call.sent.clear();
    limit(&mut call, 0);
    call.run(3_000);
    assert_eq!(call.control(PUBLISHER).limits, []);
}

#[test]
fn nobody_who_publishes_nothing_is_told_a_ceiling() {
    let mut call = Call::new();
    limit(&mut call, 2_000_000);
    call.run(2_000);
    assert_eq!(call.control(PUBLISHER).limits, []);
}

#[test]
fn a_closed_transport_leaves_its_totals() {
    let mut call = Call::new();
    call.publish_video(1, &[("", 1000, 1001)]);
    call.subscribe_video(10, 2000, 2001);
    call.frame(Frame::key(1000, 3));
    let sent: usize = call.sent_media(SUBSCRIBER).iter().sum();
    call.apply(Command::ReportTraffic);
    call.close(SUBSCRIBER);
    call.close(PUBLISHER);
    let counted = |wanted| {
        call.reports.iter().find_map(|report| match report {
            Report::Traffic { totals } => totals.iter().find(|(id, ..)| *id == wanted).copied(),
            _ => None,
        })
    };
    let closed: Vec<_> = call
        .reports
        .iter()
        .filter_map(|report| match report {
            Report::Closed {
                transport,
                received,
                sent,
            } => Some((*transport, *received, *sent)),
            _ => None,
        })
        .collect();
    assert_eq!(closed.len(), 2);
    assert_eq!(Some(closed[0]), counted(SUBSCRIBER));
    assert_eq!(Some(closed[1]), counted(PUBLISHER));
    assert_eq!(closed[0], (SUBSCRIBER, 0, sent as u64));
    assert!(closed[1].1 > 0 && closed[1].2 == 0);
    let before = call.reports.len();
    call.close(SUBSCRIBER);
    assert!(matches!(
        call.reports[before..],
        [Report::Closed { sent: 0, .. }, Report::Refused { .. }]
    ));
}

/// A publisher of a picture in two layers who may send so much, and somebody who watches.
fn limited(bps: u32) -> Call {
    let mut call = Call::new();
    call.publish_video(1, &[("q", 1000, 1001), ("f", 1002, 1003)]);
    call.subscribe_video(10, 2000, 2001);
    limit(&mut call, bps);
    send(&mut call, true);
    call
}

fn send(call: &mut Call, key: bool) {
    for (rid, ssrc, packets) in [("q", 1000, 2), ("f", 1002, 10)] {
        call.frame(Frame {
            rid: Some(rid),
            ..Frame::new(ssrc, key, packets)
        });
    }
}

/// 20 frames a second.
fn play(call: &mut Call, frames: usize) {
    for _ in 0..frames {
        send(call, false);
        call.run(44);
    }
}

fn exceeded(call: &Call) -> usize {
    let is = |report: &&Report| {
        matches!(
            report,
            Report::Exceeded {
                transport: PUBLISHER
            }
        )
    };
    call.reports.iter().filter(is).count()
}

#[test]
fn whoever_sends_more_than_allowed_is_reported() {
    for (bps, at_least, at_most) in [(4_000_000, 0, 0), (200_000, 2, 40)] {
        let mut call = limited(bps);
        play(&mut call, 80);
        let found = exceeded(&call);
        assert!((at_least..=at_most).contains(&found), "{bps}: {found}");
    }
}

#[test]
fn a_new_ceiling_forgets_nothing_of_what_came_beyond() {
    let mut call = limited(200_000);
    for n in 0..8 {
        limit(&mut call, 200_000 + n);
        play(&mut call, 10);
    }
    assert!(exceeded(&call) > 0);
}

fn cap(call: &mut Call, layers: u8) {
    call.apply(Command::Cap { track: 1, layers });
}

/// A frame of the upper layer arrives without its second packet; gives how long the plane may sleep.
fn lose(call: &mut Call) -> Duration {
    call.frame(Frame {
        rid: Some("f"),
        lose: Some(1),
        ..Frame::delta(1002, 3)
    });
    let now = call.now();
    call.plane.advance(now)
}

#[test]
fn what_is_lost_of_a_layer_that_is_cut_is_not_asked_for() {
    let mut call = limited(0);
    lose(&mut call);
    cap(&mut call, 1);
    let sleeps = (0..20).map(|_| lose(&mut call));
    let long = sleeps.filter(|sleep| *sleep > Duration::from_millis(10));
    assert!(long.count() > 10, "it is woken for nothing");
    cap(&mut call, 2);
    call.run(100);
    assert!(call.asked_of_publisher().is_empty());
    lose(&mut call);
    call.run(100);
    assert_eq!(call.asked_of_publisher().len(), 1);
}

#[test]
fn a_layer_that_is_cut_gives_way_to_the_one_below_and_comes_back_with_a_keyframe() {
    let mut call = limited(200_000);
    play(&mut call, 20);
    cap(&mut call, 1);
    call.sent.clear();
    play(&mut call, 4);
    let got = call.received(SUBSCRIBER).len();
    assert_eq!(got, 4 * 2, "from its last keyframe on");
    assert_eq!(call.plane.counters().drop_over_budget, 4 * 10);
    let before = exceeded(&call);
    play(&mut call, 60);
    assert_eq!(exceeded(&call), before, "what is cut does not count");
    cap(&mut call, 2);
    call.sent.clear();
    play(&mut call, 4);
    assert_eq!(call.received(SUBSCRIBER).len(), 4 * 2);
    send(&mut call, true);
    call.sent.clear();
    play(&mut call, 4);
    assert_eq!(call.received(SUBSCRIBER).len(), 4 * 10);
}

#[test]
fn a_source_that_is_cut_whole_goes_on_with_a_keyframe() {
    let mut call = limited(1_000_000);
    play(&mut call, 4);
    call.apply(Command::Cap {
        track: 1,
        layers: 0,
    });
    call.sent.clear();
    send(&mut call, true);
    play(&mut call, 4);
    assert_eq!(call.received(SUBSCRIBER).len(), 0);
    call.apply(Command::Cap {
        track: 1,
        layers: 2,
    });
    play(&mut call, 4);
    assert_eq!(call.received(SUBSCRIBER).len(), 0);
    send(&mut call, true);
    play(&mut call, 1);
    assert_eq!(call.received(SUBSCRIBER).len(), 20);
}

/// Frames of one byte, so many in a second.
fn trickle(call: &mut Call, packets: u32) {
    for n in 0..packets {
        call.now_us += i64::from(1_000_000 / packets);
        let mut packet = vec![0x80, 96 | 0x80];
        packet.extend((n as u16).to_be_bytes());
        packet.extend((n * 3_000).to_be_bytes());
        packet.extend(1000u32.to_be_bytes());
        packet.extend([0x10, 1]);
        call.publish_packet(packet);
    }
}

#[test]
fn many_packets_are_too_much_however_small() {
    for (packets, at_least, at_most) in [(500, 0, 0), (10_000, 1, 10)] {
        let mut call = Call::new();
        call.publish_video(1, &[("", 1000, 1001)]);
        limit(&mut call, 2_500_000);
        trickle(&mut call, packets);
        let found = exceeded(&call);
        assert!((at_least..=at_most).contains(&found), "{packets}: {found}");
        call.run(1_000);
        let measured = call.reports.iter().filter_map(|report| match report {
            Report::TrackRates { layers, .. } => Some(layers[0].bps),
            _ => None,
        });
        let is_measured = measured.max().expect("told") > 2_500_000;
        assert_eq!(is_measured, at_least > 0, "what is cut is what is measured");
    }
}
