//! Microphones that compete for the places of their room.

use super::Forwarder;
use crate::command::Id;
use crate::table::Key;
use crate::top_speakers::TopSpeakers;

impl Forwarder {
    /// A microphone is one of a group from now on, `most` of which are forwarded at a time.
    pub(super) fn compete(&mut self, id: Id, group: Id, most: usize) -> Result<(), &'static str> {
        let key = self.tracks.key(id).ok_or("no such track")?;
        let track = self.tracks.get_mut(key).ok_or("no such track")?;
        if track.codec.is_video() {
            return Err("wrong kind of track");
        }
        let top_key = match self.top_speakers.key(group) {
            Some(top_key) => top_key,
            None => self
                .top_speakers
                .insert(group, TopSpeakers::new(group, most))
                .ok_or("id taken")?,
        };
        let former = track.top_speakers.replace(top_key);
        if let Some(top) = self.top_speakers.get_mut(top_key) {
            top.set_most(most);
            if former != Some(top_key) {
                top.join();
            }
        }
        if former != Some(top_key) {
            self.leave_top_speakers(key, former);
        }
        Ok(())
    }

    /// One competes no longer; the last one takes the group with it.
    pub(super) fn leave_top_speakers(&mut self, track: Key, group: Option<Key>) {
        let Some(top) = group.and_then(|key| self.top_speakers.get_mut(key)) else {
            return;
        };
        if top.leave(track) {
            let id = top.id;
            self.top_speakers.remove(id);
        }
    }
}
