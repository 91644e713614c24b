//! An egress that shows one route after another.

use super::Forwarder;
use crate::clock::Now;
use crate::command::Id;
use crate::stillness::Motion;

impl Forwarder {
    /// Each egress goes on with what its other route shows, under the numbers that it has.
    pub(super) fn show_routes(&mut self, moves: &[(Id, Id)], now: Now) -> Result<(), &'static str> {
        moves
            .iter()
            .map(|(egress, route)| self.show_route(*egress, *route, now))
            .fold(Ok(()), Result::and)
    }

    fn show_route(&mut self, id: Id, route: Id, now: Now) -> Result<(), &'static str> {
        let key = self.egresses.key(id).ok_or("no such egress")?;
        let to = self.routes.key(route).ok_or("no such route")?;
        let row = self.egresses.get_mut(key).ok_or("no such egress")?;
        let (from, target) = (row.route, self.routes.get(to).ok_or("no such route")?);
        if from == to {
            return Ok(());
        }
        if self
            .routes
            .get(from)
            .is_some_and(|former| former.video != target.video)
        {
            return Err("wrong kind of route");
        }
        let track = target.track;
        row.route = to;
        row.motion = Motion::new(target.rests);
        let start = track
            .and_then(|track| self.tracks.get_mut(track))
            .map(|track| {
                track.refresh_alive(now.us);
                track.ring.next()
            });
        row.attach(start.unwrap_or(0));
        if let Some(former) = self.routes.get_mut(from) {
            former.egresses.retain(|known| *known != key);
        }
        if let Some(target) = self.routes.get_mut(to) {
            target.egresses.push(key);
        }
        if let Some(track) = track {
            self.schedule(track);
        }
        Ok(())
    }
}
