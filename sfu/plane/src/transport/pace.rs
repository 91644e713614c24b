//! How fast a peer is sent to, between two words of the control plane.

use super::Transport;

/// A receiver that reports is not silent for so long, nor for three of its intervals.
const UNHEARD_US: i64 = 500_000;
/// A queue of so much on the path …
const LONG_QUEUE_US: u32 = 250_000;
/// … is the control plane's to deal with, for so long after its last word.
const ANSWER_US: i64 = 100_000;
/// Of what arrives, what is sent in trouble.
const BRAKE_PERCENT: u64 = 70;

impl Transport {
    /// Fits the pace to what its reports say of the path.
    #[inline]
    pub fn pace(&mut self, waited_us: i64, now_us: i64) {
        let brake = self.is_in_trouble(now_us).then(|| {
            let arriving = u64::from(self.history.throughput_bps());
            (arriving * BRAKE_PERCENT / 100) as u32
        });
        let queue_us = self.history.delay_us();
        self.pacer.adapt(queue_us, brake, waited_us, now_us);
    }

    /// Whether to slow down without being told: nothing is heard of what was sent, or it stands in
    /// a long queue and the control plane has not answered that yet.
    pub(crate) fn is_in_trouble(&self, now_us: i64) -> bool {
        let history = &self.history;
        let patience_us = UNHEARD_US.max(3 * history.feedback_interval_us());
        let is_unanswered = now_us - self.pacer.ordered_us() > ANSWER_US;
        let is_troubled = history.is_unheard(patience_us, now_us)
            || (history.delay_us() > LONG_QUEUE_US && is_unanswered);
        // Last, for it goes through a second's packets.
        is_troubled && history.throughput_bps() > 0
    }
}
