//! Whose receivers have reported something, and when that is told.
//!
//! What does not bear waiting is told with the next rows. All else waits for others, since who takes
//! many at once works less for each; longest where the control plane has said that it is in no hurry.

use super::Forwarder;
use crate::clock::Now;
use crate::table::Key;

/// A bit less than twenty of the control plane's ticks.
const LEISURE_EVERY_US: i64 = 950_000;

/// Transports with something to tell; one may be on several lists.
#[derive(Default)]
pub(crate) struct News {
    urgent: Vec<Key>,
    usual: Vec<Key>,
    leisurely: Vec<Key>,
    /// When those were last told.
    leisurely_us: i64,
    round: u64,
}

impl Forwarder {
    /// Moves the feedback rows and their deltas out, packed as
    /// [`FEEDBACK_DTYPE`](crate::feedback::FEEDBACK_DTYPE) and
    /// [`DELTA_DTYPE`](crate::feedback::DELTA_DTYPE) say: all that is due, or only what is urgent.
    /// There is one row of a transport at the most.
    pub fn take_feedback(&mut self, all: bool, now: Now, rows: &mut Vec<u8>, deltas: &mut Vec<u8>) {
        self.news.round += 1;
        self.tell(|news| &mut news.urgent, now, rows, deltas);
        if !all {
            return;
        }
        self.tell(|news| &mut news.usual, now, rows, deltas);
        if now.us - self.news.leisurely_us >= LEISURE_EVERY_US {
            self.news.leisurely_us = now.us;
            self.tell(|news| &mut news.leisurely, now, rows, deltas);
        }
    }

    fn tell(
        &mut self,
        list: fn(&mut News) -> &mut Vec<Key>,
        now: Now,
        rows: &mut Vec<u8>,
        deltas: &mut Vec<u8>,
    ) {
        let mut listed = std::mem::take(list(&mut self.news));
        for key in listed.drain(..) {
            let queued_us = self.queued_us(key, now.us);
            let round = self.news.round;
            if let Some(transport) = self.transports.get_mut(key) {
                let (id, history) = (transport.id, &mut transport.history);
                if history.begin_round(round) {
                    history.take_row(id, queued_us, now.us, rows, deltas);
                    // It may have more to tell, in another row.
                    self.list_news(key, now.us);
                }
            }
        }
        // Its memory is kept.
        listed.append(list(&mut self.news));
        *list(&mut self.news) = listed;
    }

    /// What the transport has heard is told with the next rows that it may wait for.
    pub(crate) fn list_news(&mut self, key: Key, now_us: i64) {
        let Some(transport) = self.transports.get_mut(key) else {
            return;
        };
        let history = &mut transport.history;
        if history.is_to_be_listed() {
            let news = &mut self.news;
            let list = if history.is_at_leisure() {
                &mut news.leisurely
            } else {
                &mut news.usual
            };
            list.push(key);
        }
        if history.is_to_be_hurried(now_us) {
            self.news.urgent.push(key);
        }
    }
}
