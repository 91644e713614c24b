//! What a publisher may send: told about once a second by REMB
//! (draft-alvestrand-rmcat-remb-03). A sender that follows transport-wide feedback
//! takes it for a ceiling (goog_cc); one that does not obeys it alone.
//!
//! What comes all the same is added up, and told where it has come to a second's worth: the control
//! plane then says which layers of which source are forwarded no more. Sound is never left out for
//! pictures, but what a single source of it sends beyond any sound's needs is dropped.

use crate::clock::Now;
use crate::command::{Id, MAX_LAYERS};
use crate::forwarder::Forwarder;
use crate::periodic::OUR_SSRC;
use crate::report::Report;
use crate::rtcp::Compound;
use crate::table::Key;
use crate::track::Origin;
use crate::transport::Stream;

/// Between two words to the same publisher: the draft wants one at least each second.
const UPLOAD_US: i64 = 1_000_000;
/// Streams that one packet names at most; senders limit the whole connection anyway.
const MAX_NAMED: usize = 32;
/// Per cent of a budget that come to nothing, however long they are sent.
const TOLERATED: i64 = 105;
/// Bytes that a packet counts as at least: what it costs everybody hardly depends on its length.
/// Speech and pictures that move have longer ones.
const LEAST_BYTES: usize = 160;

/// What a packet counts as, by its length on the wire.
pub fn counted(bytes: usize) -> usize {
    bytes.max(LEAST_BYTES)
}

/// A publisher's ceiling.
#[derive(Clone, Copy, Debug, Default)]
pub struct Upload {
    /// Bit/s of everything that it sends; 0 is no limit.
    pub bps: u32,
    /// Bit/s of each source of sound; 0 is no limit.
    pub sound_bps: u32,
    /// When to tell it next.
    pub due_us: i64,
    /// What is forwarded of it beyond that.
    pub excess: Excess,
}

/// What has come beyond a rate: a bucket that leaks at it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Excess {
    bits: i64,
    at_us: i64,
}

impl Excess {
    /// So much has come. Gives whether that makes a second's worth beyond the rate; if so, what comes
    /// next is added up anew.
    pub fn add(&mut self, bytes: usize, bps: u32, now_us: i64) -> bool {
        self.leak(bps, now_us);
        self.bits += bytes as i64 * 8;
        let is_full = self.bits > i64::from(bps);
        if is_full {
            self.bits = 0;
        }
        is_full
    }

    /// Whether so much more is within a second's worth beyond the rate; what is not is not added.
    pub fn admits(&mut self, bytes: usize, bps: u32, now_us: i64) -> bool {
        self.leak(bps, now_us);
        let admitted = self.bits + bytes as i64 * 8 <= i64::from(bps);
        if admitted {
            self.bits += bytes as i64 * 8;
        }
        admitted
    }

    fn leak(&mut self, bps: u32, now_us: i64) {
        // A second empties it.
        let elapsed_us = (now_us - self.at_us).clamp(0, 1_000_000);
        self.at_us = now_us;
        let leaked = i64::from(bps) * TOLERATED / 100 * elapsed_us / 1_000_000;
        self.bits = (self.bits - leaked).max(0);
    }
}

impl Forwarder {
    /// A new ceiling is told at the transport's next turn.
    pub(crate) fn set_upload(
        &mut self,
        id: Id,
        bps: u32,
        sound_bps: u32,
    ) -> Result<(), &'static str> {
        self.with_transport(id, |row| {
            // What has come beyond the former one is not forgotten: ceilings change often.
            row.upload = Upload {
                bps,
                sound_bps,
                due_us: 0,
                ..row.upload
            }
        })
    }

    /// No more than so many of a track's lowest layers are forwarded from now on; each worker that
    /// shows it is told so.
    pub(crate) fn cap(&mut self, id: Id, layers: u8, now: Now) -> Result<(), &'static str> {
        let key = self.tracks.key(id).ok_or("no such track")?;
        let track = self.tracks.get_mut(key).ok_or("no such track")?;
        let former = std::mem::replace(&mut track.cap, layers);
        let least = usize::from(former.min(layers)).min(MAX_LAYERS);
        track.refresh_alive(now.us);
        // What comes next of these layers has no connection with what came before.
        track.forget_keyframes(least);
        // Nobody is served with what is missing of them, or was wished for.
        for layer in track.layers.iter_mut().skip(least) {
            layer.missing.skip_before(u64::MAX);
            layer.keyframes.cancel();
        }
        let next = track.ring.next();
        for route in &track.routes {
            let egresses = self.routes.get(*route).map(|row| row.egresses.as_slice());
            for egress in egresses.unwrap_or_default() {
                if let Some(egress) = self.egresses.get_mut(*egress) {
                    if i16::from(egress.select.current().0) >= least as i16 {
                        egress.attach(next);
                    }
                }
            }
        }
        self.schedule(key);
        Ok(())
    }

    /// Whether a packet that has come for the first time may be forwarded.
    pub(crate) fn is_within_upload(&mut self, stream: Stream, len: usize, now_us: i64) -> bool {
        let bytes = counted(len);
        let Some(track) = self.tracks.get_mut(stream.track) else {
            return false;
        };
        let Origin::Transport(key) = track.origin else {
            return true;
        };
        let Some(transport) = self.transports.get_mut(key) else {
            return false;
        };
        if track.muted {
            return true;
        }
        let upload = &mut transport.upload;
        let is_sound = !track.codec.is_video();
        let is_too_loud = is_sound
            && upload.sound_bps > 0
            && !track.excess.admits(bytes, upload.sound_bps, now_us);
        if is_too_loud || stream.layer >= track.cap {
            self.counters.drop_over_budget += 1;
            if is_sound {
                track.fall_silent();
            }
            return false;
        }
        if upload.bps > 0 && upload.excess.add(bytes, upload.bps, now_us) {
            let transport = transport.id;
            self.reports.push(Report::Exceeded { transport });
        }
        true
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

#[cfg(test)]
mod tests {
    use super::*;

    /// How often so much a second comes to a second's worth too much, within a minute.
    fn told(percent: usize) -> usize {
        let mut excess = Excess::default();
        let packets = 0..60 * 100;
        packets
            .filter(|n| excess.add(percent * 10, 800_000, n * 10_000))
            .count()
    }

    #[test]
    fn what_is_hardly_too_much_is_never_told_and_much_soon() {
        assert_eq!([90, 104].map(told), [0, 0]);
        assert_eq!([110, 200, 1_000].map(told), [3, 57, 500]);
    }

    #[test]
    fn a_burst_is_forgotten() {
        let mut excess = Excess::default();
        for second in 0..10 {
            assert!(!excess.add(99_000, 800_000, second * 1_000_000));
        }
        assert!(!excess.add(99_000, 800_000, 10_000_000));
        assert!(excess.add(99_000, 800_000, 10_010_000), "twice at once");
    }

    #[test]
    fn of_far_too_much_so_much_is_admitted_as_is_within_the_rate() {
        let mut excess = Excess::default();
        let admitted = (0..10_000).filter(|n| excess.admits(100, 80_000, n * 1_000));
        // Ten seconds of 80 kbit/s and the five per cent, and the second that it may be ahead.
        assert!((1_140..=1_160).contains(&admitted.count()));
    }
}
