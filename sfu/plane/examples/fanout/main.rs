//! What a forwarded packet costs without the kernel: one camera and one microphone before an audience
//! that reports ten times a second, and how often memory is asked for meanwhile.
//!
//!     cargo run --release -p sfu-plane --no-default-features --example fanout [SUBSCRIBERS]
//!
//! Between two pieces of work other memory is read and written, as the kernel does for each packet:
//! caches are as cold as they are in a server.

mod audience;

use audience::Audience;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Tenths of a second: warm-up, then what is measured.
const WARM_UP: i64 = 20;
const MEASURED: i64 = 200;
/// Bytes that others touch for each packet sent: its copies, their bookkeeping, the receiver's.
const OTHERS: usize = 6_000;
const OTHERS_MEMORY: usize = 8 << 20;

fn main() {
    let subscribers = std::env::args()
        .nth(1)
        .map_or(200, |n| n.parse().expect("a number"));
    let mut audience = Audience::new(subscribers);
    let mut others = Others::new();
    for tenth in 0..WARM_UP {
        run(&mut audience, tenth, &mut others);
    }
    let before = audience.sent();
    let mut total = Cost::default();
    for tenth in WARM_UP..WARM_UP + MEASURED {
        let cost = run(&mut audience, tenth, &mut others);
        total.media += cost.media;
        total.feedback += cost.feedback;
        total.allocations += cost.allocations;
    }
    let packets = (audience.sent() - before) as f64;
    let ns = |time: Duration| time.as_nanos() as f64 / packets;
    println!("{subscribers} subscribers, {packets} packets");
    println!(
        "media in and out: {:.0} ns per packet sent",
        ns(total.media)
    );
    println!(
        "feedback in, rows out: {:.0} ns per packet sent",
        ns(total.feedback)
    );
    println!(
        "allocations: {:.5} per packet sent",
        total.allocations as f64 / packets
    );
}

#[derive(Default)]
struct Cost {
    media: Duration,
    feedback: Duration,
    allocations: u64,
}

/// A tenth of a second: three pictures, five packets of sound, a report of each subscriber.
fn run(audience: &mut Audience, tenth: i64, others: &mut Others) -> Cost {
    let mut cost = Cost::default();
    for step in 0..100 {
        audience.now_us += 1_000;
        let mut datagrams = Vec::new();
        if step % 33 == 1 && step < 99 {
            datagrams = audience.picture(tenth % 100 == 0 && step == 1);
        }
        if step % 20 == 10 {
            datagrams.push(audience.sound());
        }
        let sent = audience.sent();
        cost.media += timed(&mut cost.allocations, || {
            audience.receive(&mut datagrams);
        });
        others.touch((audience.sent() - sent) as usize * OTHERS);
    }
    let mut reports = audience.feedback(tenth % 10 == 0);
    // As many at a time as come in while a picture leaves.
    for reports in reports.chunks_mut(16) {
        cost.feedback += timed(&mut cost.allocations, || {
            audience.receive(reports);
        });
        others.touch(reports.len() * OTHERS);
    }
    cost.feedback += timed(&mut cost.allocations, || {
        black_box(audience.take_rows());
    });
    cost
}

/// How long a piece of work takes; adds how often it asks for memory.
fn timed(allocations: &mut u64, work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    *allocations += allocation_counter::measure(work).count_total;
    start.elapsed()
}

/// Memory of the kernel and of other processes on the core.
struct Others {
    memory: Vec<u8>,
    at: usize,
}

impl Others {
    fn new() -> Self {
        Self {
            memory: vec![1; OTHERS_MEMORY],
            at: 0,
        }
    }

    fn touch(&mut self, bytes: usize) {
        for _ in 0..bytes / 64 {
            self.at = (self.at + 64) % OTHERS_MEMORY;
            self.memory[self.at] = self.memory[self.at].wrapping_add(1);
        }
    }
}
