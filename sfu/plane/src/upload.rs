//! What a publisher may send: told about once a second by REMB
//! (draft-alvestrand-rmcat-remb-03). A sender that follows transport-wide feedback
//! takes it for a ceiling (goog_cc); one that does not obeys it alone. Whoever
//! sends more all the same is measured, never cut.

use crate::clock::Now;
use crate::command::Id;
use crate::forwarder::Forwarder;
use crate::periodic::OUR_SSRC;
use crate::rtcp::Compound;
use crate::table::Key;

/// Between two words to the same publisher: the draft wants one at least each second.
const UPLOAD_US: i64 = 1_000_000;
/// Streams that one packet names at most; senders limit the whole connection anyway.
const MAX_NAMED: usize = 32;

/// A publisher's ceiling.
#[derive(Clone, Copy, Debug, Default)]
pub struct Upload {
    /// Bit/s of everything that it sends; 0 is no limit.
    pub bps: u32,
    /// When to tell it next.
    pub due_us: i64,
}

impl Forwarder {
    /// A new ceiling is told at the transport's next turn.
    pub(crate) fn set_upload(&mut self, id: Id, bps: u32) -> Result<(), &'static str> {
        self.with_transport(id, |row| row.upload = Upload { bps, due_us: 0 })
    }

    /// Tells a publisher its ceiling, if it is time to.
    pub(crate) fn tell_upload(&mut self, key: Key, now: Now) {
        let Some(transport) = self.transports.get_mut(key) else {
            return;
        };
        if transport.upload.bps == 0 || now.us < transport.upload.due_us {
            return;
        }
        transport.upload.due_us = now.us + UPLOAD_US;
        let bps = transport.upload.bps;
        let tracks = transport.tracks.iter();
        let layers = tracks.filter_map(|track| self.tracks.get(*track));
        let ssrcs: Vec<u32> = layers
            .flat_map(|track| track.layers.iter().map(|layer| layer.ssrc))
            .filter(|ssrc| *ssrc != 0)
            .take(MAX_NAMED)
            .collect();
        let mut packet = Vec::with_capacity(20 + 4 * ssrcs.len() + 64);
        Compound::new(&mut packet).remb(OUR_SSRC, bps.into(), &ssrcs);
        self.send_control(key, &mut packet);
    }
}
