//! What a relayed packet costs: a camera's frames of 1,100-byte packets, from the ring of one worker
//! into that of another, on one thread and over two.
//!
//!     cargo run --release -p sfu-plane --no-default-features --example relay

use _plane::relay::{connect, End, Relayed};
use _plane::ring::{Meta, Ring};
use _plane::wake::Wake;
use sfu_codecs::{Codec, Payload};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

const FRAMES: u64 = 200_000;
/// Packets of a frame: 1.2 Mbit/s in 30 frames a second.
const FRAME: u64 = 5;
const BYTES: usize = 1_100;
/// Packets that a worker keeps of a picture by default.
const RING: usize = 1_024;

fn main() {
    let wake = || Arc::new(Wake::new().expect("an eventfd"));
    let (home, away) = connect(&wake(), &wake(), 4_096);
    let mut writing = Writing::new(home);
    let mut reading = Reading::new(away);
    let (mut written, mut read) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..FRAMES {
        let start = Instant::now();
        writing.frame();
        written += start.elapsed();
        let start = Instant::now();
        reading.take();
        read += start.elapsed();
    }
    report("one thread, writing", written);
    report("one thread, reading", read);

    let taken = Arc::new(AtomicU64::new(0));
    let progress = Arc::clone(&taken);
    let reader = std::thread::spawn(move || {
        let mut read = Duration::ZERO;
        let mut count = 0;
        while count < FRAMES * FRAME {
            let start = Instant::now();
            match reading.take() {
                0 => std::thread::yield_now(),
                more => {
                    read += start.elapsed();
                    count += more;
                    progress.store(count, Ordering::Release);
                }
            }
        }
        read
    });
    let mut written = Duration::ZERO;
    for frame in 0..FRAMES {
        let start = Instant::now();
        writing.frame();
        written += start.elapsed();
        // A camera waits for its next frame; the other worker is done with this one by then.
        while taken.load(Ordering::Acquire) < (frame + 1) * FRAME {
            std::thread::yield_now();
        }
    }
    report("two threads, writing", written);
    report("two threads, reading", reader.join().expect("no panic"));
}

/// The worker that has received the packets.
struct Writing {
    peer: End,
    ring: Ring,
    cursor: u64,
}

impl Writing {
    fn new(peer: End) -> Self {
        let mut ring = Ring::new(RING);
        for sequence in 0..RING as u64 {
            ring.push(meta(sequence), &[sequence as u8; BYTES]);
        }
        let cursor = ring.oldest();
        Self { peer, ring, cursor }
    }

    fn frame(&mut self) {
        for _ in 0..FRAME {
            // The same packets over and over: what they are like does not matter.
            let index = self.cursor % RING as u64;
            let (meta, payload) = self.ring.get(index).expect("in the ring");
            let packet = Relayed {
                track: 1,
                index: self.cursor,
                anew: false,
                timed: true,
                meta: *meta,
            };
            self.peer.writer.push(packet, payload);
            self.cursor += 1;
        }
        while !self.peer.writer.publish() {}
    }
}

/// The worker to which they are relayed.
struct Reading {
    peer: End,
    ring: Ring,
}

impl Reading {
    fn new(peer: End) -> Self {
        let ring = Ring::new(RING);
        Self { peer, ring }
    }

    fn take(&mut self) -> u64 {
        let Some(batch) = self.peer.reader.take() else {
            return 0;
        };
        let mut count = 0;
        for (packet, payload) in batch.packets() {
            black_box(self.ring.push(packet.meta, payload));
            count += 1;
        }
        self.peer.reader.give_back(batch);
        count
    }
}

fn meta(sequence: u64) -> Meta {
    Meta {
        sequence,
        captured_us: 0,
        arrived_us: 0,
        timestamp: 0,
        len: 0,
        padded: 0,
        layer: 0,
        marker: false,
        resumes: false,
        repeated: false,
        codec: Codec::Vp8,
        payload: Payload::default(),
        audio_level: None,
        orientation: None,
        playout_delay: None,
    }
}

fn report(what: &str, time: Duration) {
    let ns = time.as_nanos() as f64 / (FRAMES * FRAME) as f64;
    println!("{what}: {ns:.0} ns per packet");
}
