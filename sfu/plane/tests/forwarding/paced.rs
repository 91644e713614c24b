//! What a subscriber on a slow path gets, and when.

use crate::call::{Call, SUBSCRIBER};
use crate::picture::Frame;
use _plane::command::{Command, Target};
use _plane::rates::Rates;

const SSRC: u32 = 2000;
const RTX: u32 = 2001;
/// A route beside the usual one.
const OTHER: u32 = 77;

fn pace(call: &mut Call, bps: u32) {
    call.apply(Command::SetRates(vec![Rates {
        transport: SUBSCRIBER,
        pacing_bps: bps,
        ..Rates::default()
    }]));
}

fn picture(call: &mut Call, ssrc: u32, key: bool, packets: usize) {
    call.frame(Frame::new(ssrc, key, packets));
}

/// A subscriber paced at so much, of a publisher with these layers.
fn paced(bps: u32, layers: &[(&str, u32, u32)]) -> Call {
    let mut call = Call::new();
    call.publish_video(1, layers);
    call.subscribe_video(10, SSRC, RTX);
    pace(&mut call, bps);
    call
}

#[test]
fn a_keyframe_is_spread_over_time_and_nothing_is_left_out() {
    let mut call = paced(800_000, &[("", 1000, 1001)]);
    picture(&mut call, 1000, true, 80);
    // 0.1 bytes per microsecond: 4,000 bytes at once, and 100 more each millisecond.
    let at_once = call.sent_media(SUBSCRIBER).iter().sum::<usize>();
    assert!((3_500..=4_500).contains(&at_once), "{at_once}");
    call.run(100);
    let later = call.sent_media(SUBSCRIBER).iter().sum::<usize>();
    assert!((10_000..=13_000).contains(&later), "{later}");
    call.run(200);
    let got = call.received(SUBSCRIBER);
    assert_eq!(got.len(), 80);
    assert!(got
        .windows(2)
        .all(|pair| pair[1].sequence == pair[0].sequence.wrapping_add(1)));
}

#[test]
fn a_picture_on_a_good_path_leaves_at_once() {
    let mut call = paced(2_000_000, &[("", 1000, 1001)]);
    picture(&mut call, 1000, true, 30);
    assert_eq!(call.received(SUBSCRIBER).len(), 30, "40 ms of 2 Mbit/s");
}

#[test]
fn a_higher_rate_counts_at_once_and_none_ends_the_wait() {
    let mut call = paced(50_000, &[("", 1000, 1001)]);
    picture(&mut call, 1000, true, 80);
    call.run(100);
    assert!(call.received(SUBSCRIBER).len() < 20);
    pace(&mut call, 8_000_000);
    call.run(20);
    assert!(call.received(SUBSCRIBER).len() > 50);
    picture(&mut call, 1000, false, 80);
    pace(&mut call, 0);
    call.run(1);
    call.received(SUBSCRIBER);
    picture(&mut call, 1000, false, 80);
    assert_eq!(call.received(SUBSCRIBER).len(), 80);
}

#[test]
fn old_pictures_give_way_to_a_newer_keyframe() {
    let mut call = paced(80_000, &[("", 1000, 1001)]);
    picture(&mut call, 1000, true, 60);
    call.run(500);
    picture(&mut call, 1000, true, 4);
    call.run(400);
    let got = call.received(SUBSCRIBER);
    assert!(got.len() < 40, "{}", got.len());
    assert!(got
        .windows(2)
        .all(|pair| pair[1].sequence == pair[0].sequence.wrapping_add(1)));
    let newest = got.iter().rev().take(4).map(|packet| packet.picture_id);
    assert!(newest.clone().all(|id| id == got[got.len() - 1].picture_id));
    assert_eq!(call.plane.counters().skips, 1);
}

#[test]
fn what_waits_too_long_asks_for_a_keyframe() {
    let mut call = paced(8_000, &[("", 1000, 1001)]);
    picture(&mut call, 1000, true, 60);
    let before = call.plane.counters().plis_out;
    call.run(4_900);
    let counters = call.plane.counters();
    assert_eq!(
        counters.plis_out, before,
        "it may be the keyframe that takes so long"
    );
    call.run(2_000);
    assert!(call.plane.counters().plis_out > before);
}

#[test]
fn a_step_down_does_not_wait_for_what_is_left_of_the_higher_layer() {
    let mut call = paced(100_000, &[("q", 1000, 1001), ("h", 1010, 1011)]);
    picture(&mut call, 1000, true, 1);
    picture(&mut call, 1010, true, 1);
    call.run(200);
    picture(&mut call, 1010, false, 60);
    call.run(50);
    call.received(SUBSCRIBER);
    call.target(10, 0, 9);
    picture(&mut call, 1000, true, 3);
    call.run(150);
    let got = call.received(SUBSCRIBER);
    assert!(got.len() <= 20, "{}", got.len());
    assert_eq!(
        got[got.len() - 1].body.len(),
        204,
        "the lower layer's last packet"
    );
    assert_eq!(call.plane.counters().skips, 1);
}

#[test]
fn repairs_are_paced_and_go_before_pictures() {
    let mut call = paced(400_000, &[("", 1000, 1001)]);
    picture(&mut call, 1000, true, 8);
    call.run(200);
    let first = call.received(SUBSCRIBER);
    picture(&mut call, 1000, false, 60);
    let lost: Vec<u16> = first.iter().skip(4).map(|packet| packet.sequence).collect();
    call.nack(SSRC, &lost);
    call.sent.clear();
    call.run(100);
    let got = call.received(SUBSCRIBER);
    let repairs: Vec<u16> = got
        .iter()
        .take_while(|packet| packet.ssrc == RTX)
        .map(|packet| packet.original)
        .collect();
    assert_eq!(repairs, lost, "before anything else");
    assert!(got.len() > lost.len() && got.len() < 40);
}

#[test]
fn a_lower_layer_does_not_wait_for_repairs_of_the_one_before() {
    for drop_now in [false, true] {
        let mut call = paced(100_000, &[("q", 1000, 1001), ("h", 1010, 1011)]);
        picture(&mut call, 1000, true, 1);
        picture(&mut call, 1010, true, 12);
        call.run(2_200);
        let higher = call.received(SUBSCRIBER);
        picture(&mut call, 1010, false, 60);
        call.run(50);
        let lost: Vec<u16> = higher.iter().map(|packet| packet.sequence).collect();
        call.nack(SSRC, &lost);
        call.received(SUBSCRIBER);
        call.apply(Command::SetTargets(vec![Target {
            egress: 10,
            spatial: 0,
            temporal: 9,
            drop_now,
        }]));
        picture(&mut call, 1000, true, 3);
        call.run(150);
        let got = call.received(SUBSCRIBER);
        let repairs = got.iter().filter(|packet| packet.ssrc == RTX).count();
        assert_eq!(repairs, 0, "at once: {drop_now}");
        assert_eq!(got.last().map(|packet| packet.body.len()), Some(204));
    }
}

#[test]
fn requests_for_repair_beyond_what_may_wait_are_passed_over() {
    let mut call = paced(60_000, &[("", 1000, 1001)]);
    picture(&mut call, 1000, true, 60);
    for _ in 0..40 {
        call.nack(SSRC, &(0..60).collect::<Vec<u16>>());
    }
    assert!(call.plane.counters().retransmit_missed > 1_000);
}

#[test]
fn a_path_that_ends_while_it_waits_leaves_nothing_behind() {
    let mut call = paced(60_000, &[("", 1000, 1001)]);
    picture(&mut call, 1000, true, 60);
    call.close(SUBSCRIBER);
    call.sent.clear();
    call.run(2_000);
    assert!(call.sent_media(SUBSCRIBER).is_empty());
}

/// The same with a second publisher's picture on another route.
fn shared(bps: u32) -> Call {
    let mut call = paced(bps, &[("", 1000, 1001)]);
    publish_other(&mut call);
    show_other(&mut call);
    call
}

fn publish_other(call: &mut Call) {
    call.publish_video(2, &[("", 3000, 3001)]);
    call.add_route(OTHER, true, 2);
}

fn show_other(call: &mut Call) {
    call.apply(Command::AddEgress {
        egress: 11,
        transport: SUBSCRIBER,
        route: OTHER,
        mid: "v1".into(),
        ssrc: 4000,
        rtx_ssrc: 4001,
    });
}

fn other(call: &mut Call, key: bool, packets: usize) {
    call.frame(Frame {
        nameless: true,
        ..Frame::new(3000, key, packets)
    });
}

#[test]
fn a_quiet_stream_does_not_wait_behind_a_loud_one() {
    let mut call = shared(400_000);
    other(&mut call, true, 1);
    picture(&mut call, 1000, true, 150);
    call.run(150);
    call.received(SUBSCRIBER);
    other(&mut call, false, 1);
    call.run(100);
    let got = call.received(SUBSCRIBER);
    let at = got.iter().position(|packet| packet.ssrc == 4000);
    assert!(at.is_some_and(|at| at < 12), "{at:?} of {}", got.len());
}

#[test]
fn a_keyframe_is_through_before_what_came_after_it() {
    let mut call = shared(1_000_000);
    other(&mut call, true, 1);
    picture(&mut call, 1000, true, 1);
    call.run(50);
    call.received(SUBSCRIBER);
    picture(&mut call, 1000, true, 12);
    other(&mut call, false, 1);
    call.run(140);
    let got = call.received(SUBSCRIBER);
    let at = got.iter().position(|packet| packet.ssrc == 4000);
    assert_eq!(at, Some(12), "of {}", got.len());
}

#[test]
fn streams_that_wait_for_each_other_share_by_weight_and_none_starves() {
    let mut call = shared(400_000);
    call.apply(Command::Weigh {
        route: OTHER,
        weight: 3,
    });
    picture(&mut call, 1000, true, 250);
    other(&mut call, true, 250);
    call.received(SUBSCRIBER);
    call.run(800);
    let got = call.received(SUBSCRIBER);
    let theirs = got.iter().filter(|packet| packet.ssrc == 4000).count();
    let share = theirs as f64 / got.len() as f64;
    assert!((0.7..0.8).contains(&share), "{theirs} of {}", got.len());
}

#[test]
fn what_was_sent_while_nothing_waited_counts_for_nobody() {
    let mut call = shared(400_000);
    other(&mut call, true, 1);
    picture(&mut call, 1000, true, 40);
    call.run(1_500);
    picture(&mut call, 1000, false, 40);
    other(&mut call, false, 40);
    call.received(SUBSCRIBER);
    call.run(600);
    let got = call.received(SUBSCRIBER);
    let theirs = got.iter().filter(|packet| packet.ssrc == 4000).count();
    let share = theirs as f64 / got.len() as f64;
    assert!((0.4..0.6).contains(&share), "{theirs} of {}", got.len());
}

#[test]
fn a_layer_that_ends_at_once_leaves_nothing_waiting_and_its_successor_is_asked_for() {
    let mut call = paced(100_000, &[("q", 1000, 1001), ("h", 1010, 1011)]);
    picture(&mut call, 1000, true, 1);
    picture(&mut call, 1010, true, 1);
    // So long that nobody begins with the keyframe that the lower layer has had.
    call.run(2_500);
    picture(&mut call, 1010, false, 60);
    call.run(50);
    call.received(SUBSCRIBER);
    let before = call.plane.counters().plis_out;
    call.apply(Command::SetTargets(vec![Target {
        egress: 10,
        spatial: 0,
        temporal: 9,
        drop_now: true,
    }]));
    call.run(15);
    assert_eq!(call.plane.counters().plis_out, before + 1);
    call.run(200);
    assert_eq!(call.received(SUBSCRIBER).len(), 0);
    picture(&mut call, 1000, true, 3);
    call.run(150);
    assert_eq!(call.received(SUBSCRIBER).len(), 3);
}

/// A long picture of one stream waits, and the other begins, whose keyframe is this old in ms; and
/// how many keyframes had been asked for until then.
fn begun(age: i64) -> (Call, u64) {
    let mut call = paced(100_000, &[("", 1000, 1001)]);
    publish_other(&mut call);
    other(&mut call, true, 1);
    call.run(age);
    picture(&mut call, 1000, true, 60);
    call.received(SUBSCRIBER);
    let asked = call.plane.counters().plis_out;
    show_other(&mut call);
    call.run(20);
    (call, asked)
}

#[test]
fn a_picture_that_begins_has_its_turn_among_those_that_wait() {
    let (mut call, asked) = begun(2_000);
    call.report(&[(0, call.now_us)]);
    let waits = call.row(["queued_us"]).expect("a row");
    assert!(waits < [100_000], "{waits:?}, however old its keyframe is");
    // The burst that leaves next is the first stream's, the one behind that its own.
    call.run(400);
    let got = call.received(SUBSCRIBER);
    let at = got.iter().position(|packet| packet.ssrc == 4000);
    assert!(at.is_some_and(|at| at < 20), "{at:?} of {}", got.len());
    assert_eq!(call.plane.counters().plis_out, asked);
}

#[test]
fn a_picture_that_begins_while_others_wait_is_asked_for_at_once() {
    let (call, asked) = begun(3_000);
    assert_eq!(call.plane.counters().plis_out, asked + 1);
}

#[test]
fn a_keyframe_that_is_there_and_waits_is_not_asked_for() {
    let mut call = Call::new();
    pace(&mut call, 100_000);
    call.publish_video(1, &[("", 1000, 1001)]);
    publish_other(&mut call);
    // As much as leaves at once.
    picture(&mut call, 1000, true, 9);
    other(&mut call, true, 2);
    call.subscribe_video(10, SSRC, RTX);
    show_other(&mut call);
    assert_eq!(call.received(SUBSCRIBER).len(), 9);
    call.run(300);
    let got = call.received(SUBSCRIBER);
    assert!(got.iter().all(|packet| packet.ssrc == 4000));
    assert_eq!(got.len(), 2);
    assert_eq!(call.plane.counters().plis_out, 0);
}
