//! Whether the processor runs at its usual speed. A machine whose host saves power, or shares it,
//! slows down for tens of milliseconds to a tenth of it, on all cores at once, and says so nowhere:
//! everything takes longer then, and what a server adds cannot be told from what the machine does.

use crate::clock;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::Arc;

/// How often the speed is looked at.
const EVERY_NS: u64 = 1_000_000;
/// Multiplications, each waiting for the one before: some 5 µs, in registers alone.
const STEPS: u32 = 4_000;
/// More than this many times what it takes at best is slow.
const SLOW: u64 = 2;
/// For so long afterwards what has piled up is worked off, and receivers tell of the delay, which servers
/// pace pictures by.
const AFTERMATH_NS: u64 = 150_000_000;

/// A look at the speed each millisecond.
pub struct Pulse {
    /// The same work at best.
    best_ns: u64,
    looked_ns: u64,
    slow_at_ns: u64,
    slow_ns: Arc<AtomicU64>,
    work: fn() -> u64,
}

impl Default for Pulse {
    fn default() -> Self {
        Self::new(multiply)
    }
}

impl Pulse {
    /// `work` gives how long the same work takes now.
    fn new(work: fn() -> u64) -> Self {
        Self {
            best_ns: u64::MAX,
            looked_ns: 0,
            slow_at_ns: 0,
            slow_ns: Arc::default(),
            work,
        }
    }

    /// Looks at it if it is time to.
    pub fn look(&mut self, now_ns: u64) {
        if now_ns < self.looked_ns + EVERY_NS {
            return;
        }
        // Who was interrupted in one of them was not slow in the other.
        let took_ns = (self.work)().min((self.work)());
        self.best_ns = self.best_ns.min(took_ns);
        if took_ns > SLOW * self.best_ns {
            let since_ns = self.looked_ns.max(now_ns.saturating_sub(10 * EVERY_NS));
            self.slow_ns.fetch_add(now_ns - since_ns, Relaxed);
            self.slow_at_ns = now_ns;
        }
        self.looked_ns = now_ns;
    }

    /// Whether it has been slow since then, or so shortly before that work had piled up.
    #[inline]
    pub fn was_slow_since(&self, ns: u64) -> bool {
        self.slow_at_ns != 0 && self.slow_at_ns + AFTERMATH_NS >= ns
    }

    /// Nanoseconds of slowness so far, for other threads to read.
    pub fn slow_ns(&self) -> &Arc<AtomicU64> {
        &self.slow_ns
    }
}

fn multiply() -> u64 {
    let start_ns = clock::monotonic_ns();
    let mut x = 1_u64;
    for _ in 0..STEPS {
        x = black_box(x.wrapping_mul(0x5851_f42d_4c95_7f2d));
    }
    black_box(x);
    clock::monotonic_ns() - start_ns
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    thread_local!(static TOOK_NS: Cell<u64> = const { Cell::new(5_000) });

    const MS: u64 = 1_000_000;

    fn look(pulse: &mut Pulse, took_ns: u64, now_ns: u64) {
        TOOK_NS.set(took_ns);
        pulse.look(now_ns);
    }

    #[test]
    fn twice_as_slow_as_at_best_is_slow_for_as_long_as_it_lasts() {
        let mut pulse = Pulse::new(|| TOOK_NS.get());
        for ms in 1..100 {
            let took_ns = if (50..70).contains(&ms) {
                60_000
            } else {
                5_000 + 50 * ms
            };
            look(&mut pulse, took_ns, ms * MS);
        }
        assert_eq!(pulse.slow_ns().load(Relaxed), 20 * MS);
        assert!(pulse.was_slow_since(69 * MS), "while it lasted");
        assert!(pulse.was_slow_since(219 * MS), "what comes of it");
        assert!(!pulse.was_slow_since(220 * MS));
    }

    #[test]
    fn it_is_looked_at_once_a_millisecond() {
        let mut pulse = Pulse::new(|| {
            TOOK_NS.set(TOOK_NS.get() + 1);
            1
        });
        TOOK_NS.set(0);
        (0..1_000).for_each(|n| pulse.look(MS + n * 10_000));
        assert_eq!(TOOK_NS.get(), 2 * 10);
    }

    #[test]
    fn a_long_pause_is_not_all_slow() {
        let mut pulse = Pulse::new(|| TOOK_NS.get());
        look(&mut pulse, 5_000, MS);
        look(&mut pulse, 50_000, 1_000 * MS);
        assert_eq!(pulse.slow_ns().load(Relaxed), 10 * MS);
    }

    #[test]
    fn the_work_takes_time() {
        assert!(multiply() > 0);
    }
}
