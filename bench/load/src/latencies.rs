//! How long packets took, and in how far it is the machine that made it so long.

use crate::histogram::Histogram;
use crate::pulse::Pulse;

/// Latencies of the packets that were verified.
#[derive(Clone, Default)]
#[allow(missing_docs)]
pub struct Latencies {
    pub video: Histogram,
    pub audio: Histogram,
    /// Of those alone that were not under way while the machine was slow.
    pub steady_video: Histogram,
    pub steady_audio: Histogram,
}

impl Latencies {
    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

/// What measures latencies.
#[derive(Default)]
#[allow(missing_docs)]
pub struct Meter {
    pub latencies: Latencies,
    pub pulse: Pulse,
}

impl Meter {
    /// A packet has come that was sent then.
    pub fn record(&mut self, video: bool, sent_ns: u64, now_ns: u64) {
        let latencies = &mut self.latencies;
        let (all, steady) = match video {
            true => (&mut latencies.video, &mut latencies.steady_video),
            false => (&mut latencies.audio, &mut latencies.steady_audio),
        };
        let took_ns = now_ns.saturating_sub(sent_ns);
        all.record(took_ns);
        if !self.pulse.was_slow_since(sent_ns) {
            steady.record(took_ns);
        }
    }
}
