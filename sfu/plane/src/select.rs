//! Which packets of a track pass to one egress, and where a layer switch may happen.
//!
//! ```text
//!            bind / unpause            keyframe of the wanted layer
//!   PAUSED ----------------> WAITING ------------------------------> FORWARDING
//!      ^                                                               |     ^
//!      +------------- pause (at once) ---------------------------------+     |
//!                     another layer wanted: goes on with the old one ---------
//!                     until the other's keyframe
//! ```

use crate::command::MAX_LAYERS;
use crate::ring::Meta;

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes out; a switch begins with it when `switch` is set.
    Forward {
        /// The first packet of another layer or source.
        switch: bool,
    },
    /// It belongs to the stream that goes out but is left out.
    Drop,
    /// It belongs to another layer.
    Ignore,
}

/// The layer choice of one egress.
#[derive(Clone, Debug)]
pub struct Select {
    target_spatial: i8,
    target_temporal: u8,
    /// The spatial layer that goes out, -1 while none does.
    spatial: i8,
    temporal: u8,
    frame: Option<u32>,
}

impl Default for Select {
    fn default() -> Self {
        Self {
            target_spatial: i8::MAX,
            target_temporal: u8::MAX,
            spatial: -1,
            temporal: 0,
            frame: None,
        }
    }
}

impl Select {
    /// Sets the highest layers that may pass; a spatial layer of -1 pauses at once. A higher
    /// one that goes out goes on until the lower one's keyframe, unless it is to be dropped.
    pub fn set_target(&mut self, spatial: i8, temporal: u8, drop_now: bool) {
        self.target_spatial = spatial.max(-1);
        self.target_temporal = temporal;
        if spatial < 0 || (drop_now && self.spatial > spatial) {
            self.reset();
        }
    }

    /// Forgets the stream that went out: the next begins with a keyframe.
    pub fn reset(&mut self) {
        self.spatial = -1;
        self.frame = None;
    }

    /// The layers that go out now; spatial -1 while none does.
    pub fn current(&self) -> (i8, u8) {
        (self.spatial, self.temporal)
    }

    /// Whether nothing may pass.
    pub fn is_paused(&self) -> bool {
        self.target_spatial < 0
    }

    /// The layer that should go out, given which of the track's layers are alive.
    pub fn wanted(&self, alive: &[bool; MAX_LAYERS]) -> Option<u8> {
        if self.is_paused() {
            return None;
        }
        let top = (self.target_spatial as usize).min(MAX_LAYERS - 1);
        let below = (0..=top).rev().find(|layer| alive[*layer]);
        let above = || (top + 1..MAX_LAYERS).find(|layer| alive[*layer]);
        below.or_else(above).map(|layer| layer as u8)
    }

    /// The layer whose keyframe is waited for.
    pub fn waits_for(&self, alive: &[bool; MAX_LAYERS]) -> Option<u8> {
        self.wanted(alive)
            .filter(|layer| *layer as i8 != self.spatial)
    }

    /// Whether a packet is of the layer that goes out, or begins the one that should.
    pub fn concerns(&self, meta: &Meta, alive: &[bool; MAX_LAYERS]) -> bool {
        meta.layer as i8 == self.spatial
            || (meta.payload.keyframe && self.wanted(alive) == Some(meta.layer))
    }

    /// Judges the next packet of the track.
    #[inline]
    pub fn judge(&mut self, meta: &Meta, alive: &[bool; MAX_LAYERS]) -> Verdict {
        if meta.layer as i8 != self.spatial {
            let begins = meta.payload.keyframe && self.wanted(alive) == Some(meta.layer);
            if !begins {
                return Verdict::Ignore;
            }
            self.spatial = meta.layer as i8;
            self.temporal = self.target_temporal;
            self.frame = Some(meta.timestamp);
            return Verdict::Forward { switch: true };
        }
        if self.is_paused() {
            return Verdict::Ignore;
        }
        if meta.len == 0 {
            return Verdict::Drop;
        }
        let begins = |last: u32| (meta.timestamp.wrapping_sub(last) as i32) > 0;
        if self.frame.is_none_or(begins) {
            self.frame = Some(meta.timestamp);
            self.adapt_temporal(meta);
        }
        if meta.payload.temporal > self.temporal {
            Verdict::Drop
        } else {
            Verdict::Forward { switch: false }
        }
    }

    /// Downwards at any frame; upwards only where neither the frame nor what follows depends on one
    /// that was left out.
    fn adapt_temporal(&mut self, meta: &Meta) {
        let target = self.target_temporal;
        let switches = meta.payload.switching_point && meta.payload.temporal <= self.temporal;
        if target < self.temporal || meta.payload.keyframe || switches {
            self.temporal = target;
        } else if target > self.temporal
            && meta.payload.temporal > self.temporal
            && meta.payload.temporal <= target
            && meta.payload.layer_sync
        {
            self.temporal = meta.payload.temporal;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::tests::meta;

    const ALL: [bool; MAX_LAYERS] = [true; MAX_LAYERS];

    fn packet(layer: u8, timestamp: u32, keyframe: bool) -> Meta {
        let mut meta = meta(1);
        meta.layer = layer;
        meta.len = 100;
        meta.timestamp = timestamp;
        meta.payload.keyframe = keyframe;
        meta
    }

    #[test]
    fn starts_at_a_keyframe_of_the_wanted_layer() {
        let mut select = Select::default();
        select.set_target(1, 9, false);
        assert_eq!(select.judge(&packet(1, 0, false), &ALL), Verdict::Ignore);
        assert_eq!(select.judge(&packet(0, 0, true), &ALL), Verdict::Ignore);
        assert_eq!(
            select.judge(&packet(1, 1, true), &ALL),
            Verdict::Forward { switch: true }
        );
        assert_eq!(
            select.judge(&packet(1, 1, true), &ALL),
            Verdict::Forward { switch: false }
        );
    }

    #[test]
    fn keeps_the_old_layer_until_the_new_one_can_start() {
        let mut select = Select::default();
        select.set_target(0, 9, false);
        select.judge(&packet(0, 0, true), &ALL);
        select.set_target(2, 9, false);
        assert_eq!(select.waits_for(&ALL), Some(2));
        assert_eq!(
            select.judge(&packet(0, 1, false), &ALL),
            Verdict::Forward { switch: false }
        );
        assert_eq!(select.judge(&packet(2, 1, false), &ALL), Verdict::Ignore);
        assert_eq!(
            select.judge(&packet(2, 2, true), &ALL),
            Verdict::Forward { switch: true }
        );
        assert_eq!(select.judge(&packet(0, 2, false), &ALL), Verdict::Ignore);
    }

    #[test]
    fn a_higher_layer_ends_at_once_only_where_that_is_ordered() {
        for drop_now in [false, true] {
            let mut select = Select::default();
            select.set_target(2, 9, false);
            select.judge(&packet(2, 0, true), &ALL);
            select.set_target(2, 0, drop_now);
            assert_eq!(select.current().0, 2, "it is not higher");
            select.set_target(0, 9, drop_now);
            let goes_on = select.judge(&packet(2, 1, false), &ALL) != Verdict::Ignore;
            assert_eq!(goes_on, !drop_now);
            assert_eq!(select.waits_for(&ALL), Some(0));
        }
    }

    #[test]
    fn takes_the_nearest_living_layer() {
        let mut select = Select::default();
        assert_eq!(select.wanted(&[true, false, false, false]), Some(0));
        select.set_target(0, 0, false);
        assert_eq!(select.wanted(&[false, false, true, false]), Some(2));
        assert_eq!(select.wanted(&[false; MAX_LAYERS]), None);
        select.set_target(-1, 0, false);
        assert_eq!(select.wanted(&ALL), None);
    }

    #[test]
    fn temporal_layers_go_up_only_at_a_sync_point() {
        let mut select = Select::default();
        select.set_target(0, 0, false);
        select.judge(&packet(0, 0, true), &ALL);
        let mut upper = packet(0, 1, false);
        upper.payload.temporal = 2;
        assert_eq!(select.judge(&upper, &ALL), Verdict::Drop);
        select.set_target(0, 2, false);
        upper.timestamp = 2;
        assert_eq!(select.judge(&upper, &ALL), Verdict::Drop);
        upper.timestamp = 3;
        upper.payload.layer_sync = true;
        assert_eq!(
            select.judge(&upper, &ALL),
            Verdict::Forward { switch: false }
        );
        select.set_target(0, 0, false);
        upper.timestamp = 4;
        assert_eq!(select.judge(&upper, &ALL), Verdict::Drop);
    }

    #[test]
    fn behind_a_switching_point_all_layers_above_can_be_decoded_but_none_at_it() {
        let mut select = Select::default();
        select.set_target(0, 0, false);
        select.judge(&packet(0, 0, true), &ALL);
        select.set_target(0, 2, false);
        let mut upper = packet(0, 1, false);
        upper.payload.temporal = 2;
        upper.payload.switching_point = true;
        assert_eq!(
            select.judge(&upper, &ALL),
            Verdict::Drop,
            "it may depend on one of layer 1 that was left out"
        );
        let mut base = packet(0, 2, false);
        base.payload.switching_point = true;
        assert_eq!(
            select.judge(&base, &ALL),
            Verdict::Forward { switch: false }
        );
        upper.timestamp = 3;
        upper.payload.switching_point = false;
        assert_eq!(
            select.judge(&upper, &ALL),
            Verdict::Forward { switch: false }
        );
    }
}
