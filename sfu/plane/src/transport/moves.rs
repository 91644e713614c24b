//! From one path to another.

use super::Transport;
use std::net::SocketAddr;

impl Transport {
    /// Another path is selected: what was learnt of the former does not hold there.
    pub(super) fn moved(&mut self) {
        self.history.reset();
        self.pacer.hold(false);
    }

    /// A path has ended, as a connection does; the best of the others is taken.
    pub fn lose(&mut self, remote: &SocketAddr) {
        let is_lost = |path: &super::Path| path.destination.remote == *remote;
        let Some(at) = self.paths.iter().position(is_lost) else {
            return;
        };
        let was_selected = at == self.selected;
        self.paths.remove(at);
        if was_selected {
            let generation = self.credentials.generation;
            let rank = |path: &super::Path| {
                let is_of_now = path.generation == generation;
                (is_of_now, path.nominated, path.checked_us, path.priority)
            };
            let best = self.paths.iter().enumerate();
            let best = best.max_by_key(|(_, path)| rank(path));
            self.selected = best.map_or(0, |(at, _)| at);
            self.moved();
        } else if at < self.selected {
            self.selected -= 1;
        }
    }
}
