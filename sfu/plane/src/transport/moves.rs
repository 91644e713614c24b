//! From one path to another.

use super::Transport;
use std::net::SocketAddr;

impl Transport {
    /// Another path is selected: what was learnt of the former does not hold there.
    pub(super) fn moved(&mut self) {
        self.history.reset();
        self.hold();
    }

    /// A path takes no more for now, or takes all again; what is paced waits while the selected one
    /// is full.
    pub fn fill(&mut self, remote: &SocketAddr, is_full: bool) {
        let mut paths = self.paths.iter_mut();
        if let Some(path) = paths.find(|path| path.destination.remote == *remote) {
            path.is_full = is_full;
        }
        self.hold();
    }

    fn hold(&mut self) {
        let selected = self.paths.get(self.selected);
        self.pacer.hold(selected.is_some_and(|path| path.is_full));
    }

    /// Authenticated media came from one of the validated addresses: the peer has
    /// selected that one, whatever it nominated before.
    pub fn on_media_from(&mut self, remote: SocketAddr) {
        self.is_heard = true;
        self.select(remote);
    }

    /// A handshake datagram came from one of the validated addresses: a peer without keys cannot
    /// show by media where it is, and waits there for what it asks for. It proves less than media
    /// does, so it counts until there is any.
    pub fn on_handshake_from(&mut self, remote: SocketAddr) {
        if !self.is_heard {
            self.select(remote);
        }
    }

    fn select(&mut self, remote: SocketAddr) {
        if self
            .paths
            .get(self.selected)
            .is_some_and(|path| path.destination.remote == remote)
        {
            return;
        }
        // What is late from before a restart selects nothing.
        let generation = self.credentials.generation;
        if let Some(found) = self
            .paths
            .iter()
            .position(|path| path.destination.remote == remote && path.generation == generation)
        {
            // More than that no check can say for another one, until it nominates that anew.
            self.paths[found].nominated = true;
            self.selected = found;
            self.moved();
        }
    }

    /// Whether the peer is at an address: a valid check has come from there since a time, and it is
    /// not known to be elsewhere by now.
    pub fn is_at(&self, remote: &SocketAddr, since_us: i64) -> bool {
        let mut paths = self.paths.iter();
        let Some(path) = paths.find(|path| path.destination.remote == *remote) else {
            return false;
        };
        let is_elsewhere = self.paths.get(self.selected).is_some_and(|selected| {
            selected.destination.remote != *remote && selected.checked_us > path.checked_us
        });
        path.checked_us > since_us && !is_elsewhere
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
