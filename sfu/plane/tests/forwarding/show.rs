//! An egress that goes from one route to another.

use crate::call::{Call, SUBSCRIBER};
use crate::picture::Frame;
use _plane::command::Command;
use _plane::report::Report;

const OTHER: u32 = 6;

fn frame(ssrc: u32, key: bool) -> Frame {
    Frame::new(ssrc, key, 2)
}

fn show(call: &mut Call, egress: u32, route: u32) {
    call.apply(Command::ShowRoutes(vec![(egress, route)]));
}

#[test]
fn the_stream_goes_on_with_what_the_other_route_shows() {
    let mut call = Call::new();
    call.publish_video(1, &[("", 1000, 1001)]);
    call.publish_video(2, &[("", 1100, 1101)]);
    call.add_route(OTHER, true, 2);
    call.subscribe_video(10, 2000, 2001);
    call.frame(frame(1000, true));
    call.frame(frame(1100, true));
    let before = call.received(SUBSCRIBER);
    assert_eq!(before.len(), 2);
    show(&mut call, 10, OTHER);
    // From the keyframe in the ring, under numbers that go on.
    call.run(20);
    call.frame(frame(1000, false));
    call.frame(frame(1100, false));
    let after = call.received(SUBSCRIBER);
    assert_eq!(after.len(), 4);
    let all: Vec<_> = before.iter().chain(&after).collect();
    assert!(all.iter().all(|packet| packet.ssrc == 2000));
    assert!(all
        .windows(2)
        .all(|pair| pair[1].sequence == pair[0].sequence.wrapping_add(1)));
    // What is bound to the former route later is not for it.
    call.bind(None);
    call.bind(Some(1));
    call.frame(frame(1000, true));
    assert!(call.received(SUBSCRIBER).is_empty());
}

#[test]
fn what_is_not_there_or_does_not_fit_is_refused() {
    let mut call = Call::new();
    call.publish_video(1, &[("", 1000, 1001)]);
    call.subscribe_video(10, 2000, 2001);
    call.apply(Command::AddRoute {
        route: OTHER,
        video: false,
        rests: false,
    });
    for (egress, route) in [(10, OTHER), (10, 77), (77, 5)] {
        show(&mut call, egress, route);
    }
    let refused = |report: &&Report| matches!(report, Report::Refused { command, .. } if *command == "show_routes");
    assert_eq!(call.reports.iter().filter(refused).count(), 3);
    call.frame(frame(1000, true));
    assert_eq!(call.received(SUBSCRIBER).len(), 2);
}
