//! A publisher on one worker, receivers on another, with relays between the two.

use crate::call::{Call, SUBSCRIBER};
use crate::microphone::{Microphone, SPEECH};
use crate::picture::Frame;
use _plane::command::Command;
use _plane::relay;
use _plane::report::Report;
use _plane::wake::Wake;
use sfu_codecs::Codec;
use std::sync::Arc;

const HOME: u32 = 90;
const AWAY: u32 = 91;
const CAPACITY: usize = 64;

/// Two workers whose time goes together.
struct Pair {
    home: Call,
    away: Call,
}

impl Pair {
    fn new() -> Self {
        let wake = || Arc::new(Wake::new().expect("an eventfd"));
        let (home_end, away_end) = relay::connect(&wake(), &wake(), CAPACITY);
        let (mut home, mut away) = (Call::new(), Call::new());
        home.apply(Command::AddPeer {
            peer: AWAY,
            end: Box::new(home_end),
        });
        away.apply(Command::AddPeer {
            peer: HOME,
            end: Box::new(away_end),
        });
        Self { home, away }
    }

    /// A source of the home worker's that both show.
    fn publish(&mut self, track: u32, layers: &[(&str, u32, u32)]) {
        self.home.publish_video(track, layers);
        self.show(track, layers.len());
    }

    fn show(&mut self, track: u32, layers: usize) {
        self.away.apply(Command::AddRelayedTrack {
            track,
            peer: HOME,
            codec: Codec::Vp8,
            layers,
        });
        self.away.bind(Some(track));
        self.home.apply(Command::Relay { track, peer: AWAY });
        self.settle();
    }

    /// The other worker comes to the time of the first, then both go on.
    fn settle(&mut self) {
        for _ in 0..2 {
            let behind = (self.home.now_us - self.away.now_us) / 1_000;
            self.away.run(behind.max(0));
            self.home.run(1);
        }
    }

    fn run(&mut self, milliseconds: usize) {
        (0..milliseconds).for_each(|_| self.settle());
    }

    fn frame(&mut self, ssrc: u32, key: bool, packets: usize) {
        self.home.frame(Frame::new(ssrc, key, packets));
        self.settle();
    }

    fn cap(&mut self, layers: u8) {
        for call in [&mut self.home, &mut self.away] {
            call.apply(Command::Cap { track: 1, layers });
        }
        self.settle();
    }

    /// How many packets came to each of two streams on the other worker since the last look.
    fn got(&mut self, ssrcs: [u32; 2]) -> [usize; 2] {
        let got = self.away.received(SUBSCRIBER);
        ssrcs.map(|ssrc| got.iter().filter(|packet| packet.ssrc == ssrc).count())
    }
}

#[test]
fn receivers_on_another_worker_get_what_those_at_home_get() {
    let mut pair = Pair::new();
    pair.publish(1, &[("", 1000, 1001)]);
    pair.home.subscribe_video(10, 2000, 2001);
    pair.away.subscribe_video(11, 2000, 2001);
    pair.frame(1000, false, 1);
    pair.frame(1000, true, 3);
    pair.frame(1000, false, 2);
    let (here, there) = (
        pair.home.received(SUBSCRIBER),
        pair.away.received(SUBSCRIBER),
    );
    assert_eq!(here.len(), 5);
    assert_eq!(there.len(), 5);
    for (here, there) in here.iter().zip(&there) {
        assert_eq!(here.body[4..], there.body[4..], "but for the picture id");
    }
    assert!(there
        .windows(2)
        .all(|pair| pair[1].sequence == pair[0].sequence.wrapping_add(1)));
    assert_eq!(there[3].timestamp.wrapping_sub(there[2].timestamp), 3000);
    assert_eq!(pair.home.plane.counters().relayed_out, 6);
    assert_eq!(pair.away.plane.counters().relayed_in, 6);
    assert_eq!(pair.away.plane.counters().relay_holes, 0);
}

#[test]
fn a_lost_packet_is_sent_again_from_the_ring_of_the_receivers_worker() {
    let mut pair = Pair::new();
    pair.publish(1, &[("", 1000, 1001)]);
    pair.away.subscribe_video(10, 2000, 2001);
    pair.frame(1000, true, 3);
    let sent = pair.away.received(SUBSCRIBER);
    pair.away.nack(2000, &[sent[1].sequence]);
    let again = pair.away.received(SUBSCRIBER);
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].body, sent[1].body);
}

#[test]
fn the_wish_for_a_keyframe_travels_back_once() {
    let mut pair = Pair::new();
    pair.publish(1, &[("", 1000, 1001)]);
    pair.frame(1000, false, 1);
    for n in 0..50 {
        pair.away
            .subscribe_video(10 + n, 2000 + 2 * n, 2001 + 2 * n);
    }
    pair.run(100);
    assert_eq!(pair.home.plane.counters().plis_out, 1);
    assert_eq!(pair.away.plane.counters().relayed_wishes, 1);
    pair.frame(1000, true, 2);
    assert_eq!(pair.away.received(SUBSCRIBER).len(), 100);
}

#[test]
fn a_wish_that_is_not_fulfilled_is_made_again() {
    let mut pair = Pair::new();
    pair.publish(1, &[("", 1000, 1001)]);
    pair.away.subscribe_video(10, 2000, 2001);
    pair.frame(1000, true, 1);
    assert_eq!(pair.away.received(SUBSCRIBER).len(), 1);
    pair.run(3_000);
    pair.away.subscribe_video(11, 2002, 2003);
    for _ in 0..100 {
        pair.frame(1000, false, 1);
        pair.run(30);
    }
    assert!(pair.away.plane.counters().relayed_wishes > 2);
    assert!(pair.home.plane.counters().plis_out > 2);
}

#[test]
fn a_worker_that_comes_later_begins_with_the_keyframe_in_the_ring() {
    let mut pair = Pair::new();
    pair.home.publish_video(1, &[("", 1000, 1001)]);
    pair.away.subscribe_video(10, 2000, 2001);
    pair.frame(1000, true, 3);
    pair.frame(1000, false, 1);
    pair.show(1, 1);
    pair.run(5);
    assert_eq!(pair.away.received(SUBSCRIBER).len(), 4);
    assert_eq!(pair.home.plane.counters().plis_out, 0);
}

#[test]
fn layers_switch_on_the_other_worker_too() {
    let mut pair = Pair::new();
    pair.publish(1, &[("q", 1000, 1001), ("h", 1010, 1011)]);
    pair.away.subscribe_video(10, 2000, 2001);
    pair.away.target(10, 0, 9);
    pair.frame(1000, true, 1);
    pair.frame(1010, true, 1);
    assert_eq!(pair.away.received(SUBSCRIBER).len(), 1);
    pair.run(1_400);
    pair.frame(1010, false, 1);
    pair.run(1_400);
    pair.frame(1010, false, 1);
    pair.away.target(10, 1, 9);
    pair.run(20);
    assert!(
        pair.home.plane.counters().plis_out > 0,
        "the upper layer's keyframe is asked for"
    );
    pair.frame(1010, true, 2);
    assert_eq!(pair.away.received(SUBSCRIBER).len(), 2);
    assert!(pair
        .away
        .reports
        .iter()
        .any(|report| matches!(report, Report::Switched { spatial: 1, .. })));
}

#[test]
fn a_layer_that_is_cut_gives_way_there_at_once_and_its_return_freezes_nobody() {
    let mut pair = Pair::new();
    pair.publish(1, &[("q", 1000, 1001), ("h", 1010, 1011)]);
    let high_and_low = [2000, 2002];
    pair.away.subscribe_video(10, 2000, 2001);
    pair.away.subscribe_video(11, 2002, 2003);
    pair.away.target(11, 0, 9);
    for ssrc in [1000, 1010] {
        pair.frame(ssrc, true, 1);
    }
    pair.got(high_and_low);
    pair.cap(1);
    assert_eq!(pair.got(high_and_low), [1, 0], "from its last keyframe on");
    pair.frame(1000, false, 2);
    pair.frame(1010, false, 2);
    assert_eq!(pair.got(high_and_low), [2, 2]);
    pair.cap(2);
    pair.frame(1000, false, 2);
    pair.frame(1010, false, 2);
    assert_eq!(pair.got(high_and_low), [2, 2]);
    pair.run(20);
    assert_eq!(pair.home.plane.counters().plis_out, 1, "of what is back");
    pair.frame(1010, true, 3);
    pair.frame(1000, false, 2);
    assert_eq!(pair.got(high_and_low), [3, 2]);
}

#[test]
fn nobody_wishes_for_a_keyframe_of_a_layer_that_is_cut() {
    let mut pair = Pair::new();
    pair.publish(1, &[("q", 1000, 1001), ("h", 1010, 1011)]);
    pair.away.subscribe_video(10, 2000, 2001);
    pair.away.target(10, 0, 9);
    for ssrc in [1000, 1010] {
        pair.frame(ssrc, true, 1);
    }
    pair.away.target(10, 1, 9);
    pair.run(20);
    let wishes = |pair: &Pair| pair.away.plane.counters().relayed_wishes;
    let before = wishes(&pair);
    assert_eq!(before, 1);
    pair.cap(1);
    pair.run(1_000);
    assert_eq!(wishes(&pair), before);
}

#[test]
fn a_picture_that_was_muted_comes_back_with_a_keyframe() {
    let mut pair = Pair::new();
    pair.publish(1, &[("", 1000, 1001)]);
    pair.away.subscribe_video(10, 2000, 2001);
    pair.frame(1000, true, 2);
    let before = pair.away.received(SUBSCRIBER);
    pair.home.mute(1, true);
    pair.frame(1000, true, 2);
    pair.home.mute(1, false);
    pair.frame(1000, false, 2);
    assert!(pair.away.received(SUBSCRIBER).is_empty());
    pair.frame(1000, true, 1);
    let after = pair.away.received(SUBSCRIBER);
    assert_eq!(after[0].sequence, before[1].sequence.wrapping_add(1));
}

#[test]
fn a_worker_that_sleeps_too_long_sees_a_hole_and_asks_for_a_keyframe() {
    let mut pair = Pair::new();
    pair.publish(1, &[("", 1000, 1001)]);
    pair.away.subscribe_video(10, 2000, 2001);
    pair.frame(1000, true, 2);
    let before = pair.away.received(SUBSCRIBER);
    for _ in 0..CAPACITY {
        pair.home.frame(Frame::delta(1000, 2));
    }
    assert!(pair.home.plane.counters().drop_relay_full > 0);
    pair.run(500);
    assert_eq!(pair.away.plane.counters().relay_holes, 1);
    assert!(pair.away.received(SUBSCRIBER).is_empty());
    assert!(pair.home.plane.counters().plis_out > 0);
    pair.frame(1000, true, 1);
    let after = pair.away.received(SUBSCRIBER);
    assert_eq!(after[0].sequence, before[1].sequence.wrapping_add(1));
}

#[test]
fn sound_goes_on_where_it_began_anew_while_nobody_took_it() {
    let mut pair = Pair::new();
    pair.home.add_audio_track(7, 3000);
    pair.away.apply(Command::AddRelayedTrack {
        track: 7,
        peer: HOME,
        codec: Codec::Opus,
        layers: 1,
    });
    pair.away.add_route(6, false, 7);
    pair.away.subscribe_audio(70, 6, 4000);
    pair.home.apply(Command::Relay {
        track: 7,
        peer: AWAY,
    });
    pair.settle();
    let mut microphone = Microphone {
        named: true,
        ..Microphone::new(3000, 40_000)
    };
    for _ in 0..3 {
        microphone.speak(&mut pair.home, SPEECH);
        pair.run(20);
    }
    let before = pair.away.received(SUBSCRIBER);
    assert_eq!(before.len(), 3);
    // The source goes on under another SSRC, and what tells so is given up with what waits.
    (microphone.ssrc, microphone.sequence) = (3001, 100);
    for _ in 0..2 * CAPACITY {
        microphone.speak(&mut pair.home, SPEECH);
    }
    assert!(pair.home.plane.counters().drop_relay_full > 0);
    pair.run(20);
    microphone.speak(&mut pair.home, SPEECH);
    pair.run(20);
    let after = pair.away.received(SUBSCRIBER);
    assert!(!after.is_empty());
    assert_eq!(after[0].sequence, before[2].sequence.wrapping_add(1));
    assert!(after
        .windows(2)
        .all(|pair| pair[1].sequence == pair[0].sequence.wrapping_add(1)));
}

#[test]
fn sender_reports_are_on_the_publishers_clock() {
    let mut pair = Pair::new();
    pair.publish(1, &[("", 1000, 1001)]);
    pair.away.subscribe_video(10, 2000, 2001);
    pair.frame(1000, true, 1);
    pair.run(1_100);
    assert!(pair.away.control(SUBSCRIBER).sender_reports.is_empty());
    pair.home.sender_report(1000, 5_000);
    pair.frame(1000, false, 1);
    pair.run(1_100);
    assert!(!pair.away.control(SUBSCRIBER).sender_reports.is_empty());
}

#[test]
fn a_peer_takes_its_tracks_along_and_an_end_is_an_end() {
    let mut pair = Pair::new();
    pair.publish(1, &[("", 1000, 1001)]);
    pair.away.subscribe_video(10, 2000, 2001);
    pair.frame(1000, true, 1);
    pair.home.apply(Command::EndRelay {
        track: 1,
        peer: AWAY,
    });
    pair.frame(1000, true, 1);
    assert_eq!(pair.home.plane.counters().relayed_out, 1);
    pair.away.apply(Command::RemovePeer { peer: HOME });
    pair.away.mute(1, true);
    pair.home.apply(Command::RemovePeer { peer: AWAY });
    pair.frame(1000, true, 1);
    let refused = |call: &Call| {
        let refused = call.reports.iter().filter_map(|report| match report {
            Report::Refused { command, .. } => Some(*command),
            _ => None,
        });
        refused.collect::<Vec<_>>()
    };
    assert_eq!(refused(&pair.away), ["mute"], "the track is gone");
    assert!(refused(&pair.home).is_empty());
}
