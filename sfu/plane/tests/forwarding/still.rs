//! Pictures that stand still: what is counted, and against whom.

use crate::call::{Call, SUBSCRIBER};
use crate::picture::Frame;
use _plane::command::{Command, Target};
use _plane::rates::Rates;

const LAYERS: [(&str, u32, u32); 2] = [("q", 1000, 1001), ("f", 1002, 1003)];

/// Somebody who has watched a picture of two layers for a while, the lower one.
fn watched() -> Call {
    let mut call = Call::new();
    call.publish_video(1, &LAYERS);
    call.subscribe_video(10, 2000, 2001);
    call.target(10, 0, 9);
    picture(&mut call, true);
    play(&mut call, 900);
    call
}

fn picture(call: &mut Call, key: bool) {
    for (rid, ssrc, _) in LAYERS {
        call.frame(Frame {
            rid: Some(rid),
            ..Frame::new(ssrc, key, 2)
        });
    }
}

/// 20 frames a second.
fn play(call: &mut Call, ms: i64) {
    for _ in 0..ms / 50 {
        picture(call, false);
        call.run(44);
    }
}

fn pace(call: &mut Call, bps: u32) {
    call.apply(Command::SetRates(vec![Rates {
        transport: SUBSCRIBER,
        pacing_bps: bps,
        ..Rates::default()
    }]));
}

/// Freezes by link, keyframe and publisher; tenths of a second of each.
fn counted(call: &Call) -> ([u64; 3], [u64; 3]) {
    let counters = call.plane.counters();
    let times = [
        counters.frozen_us_link,
        counters.frozen_us_keyframe,
        counters.frozen_us_publisher,
    ];
    let counts = [
        counters.freezes_link,
        counters.freezes_keyframe,
        counters.freezes_publisher,
    ];
    (counts, times.map(|us| us / 100_000))
}

/// What the receiver's rows tell: all of the path, of it what was for a keyframe, the publisher's.
fn told(call: &mut Call) -> [(u64, u64); 3] {
    let (mut rows, mut deltas) = (Vec::new(), Vec::new());
    let now = call.now();
    call.plane.take_feedback(true, now, &mut rows, &mut deltas);
    let rows = rows.chunks_exact(_plane::feedback::ROW_BYTES);
    let last = |row: &[u8], at: usize| {
        let at = row.len() - at;
        u64::from(u16::from_le_bytes([row[at], row[at + 1]]))
    };
    let pairs = |row| [12, 8, 4].map(|at| (last(row, at), last(row, at - 2)));
    rows.map(pairs).fold([(0, 0); 3], |sum, row| {
        std::array::from_fn(|n| (sum[n].0 + row[n].0, sum[n].1 + row[n].1))
    })
}

#[test]
fn a_picture_that_moves_does_not_stand_still() {
    let mut call = watched();
    assert_eq!(counted(&call), ([0; 3], [0; 3]));
    call.target(10, 0, 0);
    play(&mut call, 500);
    call.target(10, -1, 0);
    call.run(3_000);
    call.target(10, 0, 9);
    picture(&mut call, true);
    call.mute(1, true);
    call.run(3_000);
    call.mute(1, false);
    picture(&mut call, true);
    play(&mut call, 500);
    assert_eq!(counted(&call), ([0; 3], [0; 3]), "paused and muted");
}

#[test]
fn a_publisher_that_sends_nothing_is_told_when_it_goes_on() {
    let mut call = watched();
    call.run(1_200);
    assert_eq!(counted(&call), ([0; 3], [0; 3]), "it may be gone");
    picture(&mut call, false);
    assert_eq!(counted(&call), ([0, 0, 1], [0, 0, 12]));
    let [path, keyframe, publisher] = told(&mut call);
    assert_eq!((path, keyframe), ((0, 0), (0, 0)), "no fault of the path");
    assert!(publisher.0 == 1 && publisher.1 >= 1_200, "{publisher:?}");
}

#[test]
fn a_keyframe_that_is_waited_for_is_told_as_it_lasts() {
    let mut call = watched();
    call.apply(Command::SetTargets(vec![Target {
        egress: 10,
        spatial: 1,
        temporal: 9,
        drop_now: false,
    }]));
    // The lower layer's keyframe must be too old to begin with once more.
    play(&mut call, 2_000);
    assert_eq!(counted(&call).0, [0; 3], "the lower layer goes on");
    call.frame(Frame {
        rid: Some("f"),
        ..Frame::key(1002, 2)
    });
    call.apply(Command::SetTargets(vec![Target {
        egress: 10,
        spatial: 0,
        temporal: 9,
        drop_now: true,
    }]));
    play(&mut call, 2_000);
    let (freezes, tenths) = counted(&call);
    assert_eq!(freezes, [0, 1, 0]);
    assert!((5..=20).contains(&tenths[1]), "{tenths:?}");
    picture(&mut call, true);
    let (freezes, tenths) = counted(&call);
    assert_eq!((freezes, tenths), ([0, 1, 0], [0, 20, 0]));
    let [path, (freezes, ms), publisher] = told(&mut call);
    assert_eq!((path, publisher), ((freezes, ms), (0, 0)));
    assert!(freezes == 1 && (1_990..=2_060).contains(&ms), "{ms}");
}

#[test]
fn what_waits_for_the_pace_is_the_paths() {
    let mut call = watched();
    // A frame of 2,000 bytes needs 4 s, the second one comes after that.
    pace(&mut call, 4_000);
    play(&mut call, 3_000);
    let (freezes, tenths) = counted(&call);
    assert_eq!(freezes, [1, 0, 0]);
    pace(&mut call, 8_000_000);
    play(&mut call, 100);
    let (after, later) = counted(&call);
    assert_eq!(after[0], 1, "the same one");
    assert!((tenths[0]..=32).contains(&later[0]), "{later:?}");
    assert!(later[0] >= 25, "{later:?}");
}

#[test]
fn a_screen_rests_by_itself() {
    let mut call = watched();
    call.apply(Command::AddRoute {
        route: 77,
        video: true,
        rests: true,
    });
    call.bind(None);
    call.apply(Command::Bind {
        route: 77,
        track: Some(1),
    });
    call.apply(Command::ShowRoutes(vec![(10, 77)]));
    picture(&mut call, true);
    play(&mut call, 500);
    call.run(3_000);
    play(&mut call, 200);
    assert_eq!(counted(&call), ([0; 3], [0; 3]));
}
