//! Keyframe requests of all receivers of one layer, made into as few as possible
//! towards its publisher (RFC 4585 §6.3.1, RFC 5104 §3.5.1.2).

/// Between two requests that were both answered by a keyframe.
const STEADY_INTERVAL_US: i64 = 2_000_000;
/// Until a request that no keyframe answered is repeated; doubles up to the steady interval.
const FIRST_RETRY_US: i64 = 400_000;

/// The requests for one layer.
#[derive(Clone, Debug)]
pub struct KeyframeRequests {
    wanted: bool,
    answered: bool,
    requested_us: i64,
    retry_us: i64,
}

impl Default for KeyframeRequests {
    fn default() -> Self {
        Self {
            wanted: false,
            answered: true,
            requested_us: i64::MIN / 2,
            retry_us: FIRST_RETRY_US,
        }
    }
}

impl KeyframeRequests {
    /// A receiver needs a keyframe.
    pub fn want(&mut self) {
        self.wanted = true;
    }

    /// A keyframe has arrived: whoever waited is served.
    pub fn on_keyframe(&mut self) {
        self.wanted = false;
        self.answered = true;
        self.retry_us = FIRST_RETRY_US;
    }

    /// Nobody can be served: the layer is not sent, or not forwarded. Whoever still
    /// waits asks again when it is.
    pub fn cancel(&mut self) {
        *self = Self {
            requested_us: self.requested_us,
            ..Self::default()
        };
    }

    /// Whether to send a request now; called as often as the caller likes.
    pub fn due(&mut self, now_us: i64) -> bool {
        let interval = if self.answered {
            STEADY_INTERVAL_US
        } else {
            self.retry_us
        };
        if !self.wanted || now_us - self.requested_us < interval {
            return false;
        }
        if !self.answered {
            self.retry_us = (self.retry_us * 2).min(STEADY_INTERVAL_US);
        }
        self.answered = false;
        self.requested_us = now_us;
        true
    }

    /// Whether somebody waits for a keyframe.
    pub fn is_wanted(&self) -> bool {
        self.wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_causes_one_request() {
        let mut requests = KeyframeRequests::default();
        for _ in 0..1000 {
            requests.want();
        }
        assert!(requests.due(0));
        assert!(!requests.due(1000));
        requests.on_keyframe();
        requests.want();
        assert!(!requests.due(500_000), "answered a moment ago");
        assert!(requests.due(2_000_000));
    }

    #[test]
    fn an_unanswered_request_is_repeated_ever_slower() {
        let mut requests = KeyframeRequests::default();
        requests.want();
        let sent: Vec<i64> = (0..100)
            .map(|n| n * 100_000)
            .filter(|now| requests.due(*now))
            .collect();
        assert_eq!(sent[..4], [0, 400_000, 1_200_000, 2_800_000]);
        assert!(sent.windows(2).all(|pair| pair[1] - pair[0] <= 2_000_000));
    }
}
