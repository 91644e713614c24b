//! The clocks of the load: read by threads, given to everything else.

use rustix::time::{clock_gettime, ClockId, Timespec};

/// CLOCK_MONOTONIC in nanoseconds, the same in every process of the machine.
#[inline]
pub fn monotonic_ns() -> u64 {
    ns(clock_gettime(ClockId::Monotonic))
}

/// CPU time of the calling thread in nanoseconds.
pub fn thread_cpu_ns() -> u64 {
    ns(clock_gettime(ClockId::ThreadCPUTime))
}

/// Wall clock as an NTP timestamp (RFC 5905 §6).
pub fn ntp() -> u64 {
    /// Seconds from 1900 to 1970.
    const EPOCH: u64 = 2_208_988_800;
    let now = clock_gettime(ClockId::Realtime);
    let fraction = ((now.tv_nsec as u64) << 32) / 1_000_000_000;
    (now.tv_sec as u64).wrapping_add(EPOCH) << 32 | fraction
}

fn ns(time: Timespec) -> u64 {
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
