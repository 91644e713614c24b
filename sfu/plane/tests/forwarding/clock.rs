//! The clock of a publisher, as its reports tell it and its receivers are told.

use crate::call::{Call, PUBLISHER, SUBSCRIBER};
use crate::picture::Frame;
use _plane::rtcp::Compound;

/// A publisher of two pictures, of which the second is watched.
fn watched() -> Call {
    let mut call = Call::new();
    call.publish_video(1, &[("", 1000, 1001)]);
    call.publish_video(2, &[("", 1100, 1101)]);
    call.bind(Some(2));
    call.subscribe_video(10, 2000, 2001);
    for ssrc in [1000, 1100] {
        report(&mut call, ssrc, 0);
    }
    call
}

/// A sender report by a clock that is so many seconds ahead; timestamps go on.
fn report(call: &mut Call, ssrc: u32, ahead_s: u64) {
    let ntp = call.now().ntp + (ahead_s << 32);
    let rtp = (call.now_us * 9 / 100) as u32;
    let mut packet = Vec::new();
    Compound::new(&mut packet).sender_report(ssrc, ntp, rtp, 1, 1, &[]);
    call.rtcp(PUBLISHER, packet);
}

/// Two seconds pass; gives by which timestamp our time begins in what receivers are told last.
fn told(call: &mut Call) -> Option<u32> {
    for _ in 0..20 {
        call.frame(Frame::key(1100, 1));
        call.run(97);
    }
    let told = call.control(SUBSCRIBER).sender_reports;
    call.sent.clear();
    let (ntp, rtp) = told.last()?;
    let passed = (u128::from(*ntp) * 90_000) >> 32;
    Some(rtp.wrapping_sub(passed as u32))
}

fn assert_near(first: Option<u32>, second: Option<u32>) {
    let (Some(first), Some(second)) = (first, second) else {
        panic!("nothing was told: {first:?} {second:?}");
    };
    let moved = (second.wrapping_sub(first) as i32).abs();
    assert!(moved < 9_000, "by {} ms", moved / 90);
}

#[test]
fn one_absurd_report_moves_nothing() {
    let mut call = watched();
    let before = told(&mut call);
    report(&mut call, 1100, 10);
    assert_near(before, told(&mut call));
    report(&mut call, 1100, 0);
    assert_near(before, told(&mut call));
}

#[test]
fn a_clock_that_was_set_moves_nothing_of_what_others_reported_before() {
    let mut call = watched();
    let before = told(&mut call);
    for _ in 0..3 {
        report(&mut call, 1000, 10);
    }
    assert_near(before, told(&mut call));
    report(&mut call, 1100, 10);
    assert_near(before, told(&mut call));
}
