//! Whether the thread may nap: datagrams of an idle audience are taken some at a time.

use crate::counters::Counters;

/// How long there must have been no media.
const QUIET_US: i64 = 1_000_000;
/// Datagrams of one round that would fill the socket's buffer in a nap, if they go on like that.
const FLOOD: u64 = 160;

/// What has come and gone as of some time ago.
#[derive(Default)]
pub(super) struct Quiet {
    media: u64,
    others: u64,
    stirred_us: i64,
}

impl Quiet {
    /// Whether there has been neither media nor a flood for a while, as far as earlier calls tell.
    pub(super) fn holds(&mut self, counters: &Counters, now_us: i64) -> bool {
        let media = counters.packets_in_rtp + counters.packets_out_rtp;
        let others = counters.packets_in_rtcp + counters.packets_in_stun + counters.packets_in_dtls;
        let others = others + counters.drop_unknown_kind + counters.drop_truncated;
        if media != self.media || others - self.others >= FLOOD {
            self.stirred_us = now_us;
        }
        (self.media, self.others) = (media, others);
        now_us - self.stirred_us >= QUIET_US
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_and_floods_stir() {
        let mut quiet = Quiet::default();
        let mut counters = Counters::default();
        assert!(quiet.holds(&counters, QUIET_US));
        let mut now_us = QUIET_US;
        for stir in [
            |counters: &mut Counters| counters.packets_in_rtp += 1,
            |counters: &mut Counters| counters.packets_out_rtp += 1,
            |counters: &mut Counters| counters.packets_in_stun += FLOOD,
            |counters: &mut Counters| counters.drop_unknown_kind += FLOOD,
            |counters: &mut Counters| counters.drop_truncated += FLOOD,
        ] {
            stir(&mut counters);
            assert!(!quiet.holds(&counters, now_us));
            assert!(!quiet.holds(&counters, now_us + QUIET_US - 1));
            now_us += QUIET_US;
            counters.packets_in_rtcp += FLOOD - 1;
            assert!(quiet.holds(&counters, now_us), "reports do not");
        }
    }
}
