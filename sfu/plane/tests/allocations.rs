//! No memory is asked for on the path of a packet, in the steady state.

#[path = "../examples/fanout/audience.rs"]
mod audience;

use audience::Audience;

const SUBSCRIBERS: u32 = 20;
/// Tenths of a second: what grows with the first packets has its size after `WARM_UP`.
const WARM_UP: u64 = 50;
const MEASURED: u64 = 10;

/// Allocations of a piece of work, unless it reports to the control plane: reports are made of memory.
fn allocations(work: impl FnOnce() -> usize) -> u64 {
    let mut reports = 0;
    let allocated = allocation_counter::measure(|| reports = work());
    if reports == 0 {
        allocated.count_total
    } else {
        0
    }
}

#[test]
fn packets_cost_no_allocation() {
    let mut audience = Audience::new(SUBSCRIBERS);
    let (mut media, mut feedback, mut rows) = (0, 0, 0);
    for tenth in 0..WARM_UP + MEASURED {
        if tenth == WARM_UP {
            (media, feedback, rows) = (0, 0, 0);
        }
        for step in 0..5 {
            audience.now_us += 20_000;
            let mut datagrams = audience.picture(tenth == 0 && step == 0);
            datagrams.push(audience.sound());
            media += allocations(|| audience.receive(&mut datagrams));
        }
        let mut reports = audience.feedback(tenth % 10 == 0);
        feedback += allocations(|| audience.receive(&mut reports));
        rows += allocation_counter::measure(|| assert!(audience.take_rows() > 0)).count_total;
    }
    let packets = (WARM_UP + MEASURED) * 5 * (audience::PICTURE as u64 + 1);
    assert_eq!(audience.sent(), packets * u64::from(SUBSCRIBERS));
    assert_eq!((media, feedback, rows), (0, 0, 0));
}
