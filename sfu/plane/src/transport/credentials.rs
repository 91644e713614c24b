//! By which names and passwords a peer's binding checks are known, over restarts of ICE
//! (RFC 8445 §9): keys and streams stay, the path is found anew.

use super::Transport;
use zeroize::Zeroizing;

/// Ours, of one generation of a transport.
pub struct Credentials {
    /// User name fragment.
    pub ufrag: String,
    /// The key of the peer's binding checks.
    pub pwd: Zeroizing<Vec<u8>>,
    /// Counts restarts.
    pub generation: u32,
}

impl Credentials {
    /// Of a transport that was never restarted.
    pub fn new(ufrag: String, pwd: String) -> Self {
        Self {
            ufrag,
            pwd: Zeroizing::new(pwd.into_bytes()),
            generation: 0,
        }
    }
}

impl Transport {
    /// The credentials that a user name fragment is of.
    pub fn credentials(&self, ufrag: &str) -> Option<&Credentials> {
        let both = [Some(&self.credentials), self.restarting.as_ref()];
        both.into_iter()
            .flatten()
            .find(|known| known.ufrag == ufrag)
    }

    /// Other credentials are valid besides those in use, and take their place once an address is
    /// nominated under them. Gives the fragment of an earlier restart that came to nothing.
    pub fn restart(&mut self, ufrag: String, pwd: String) -> Option<String> {
        self.generations += 1;
        let next = Credentials {
            generation: self.generations,
            ..Credentials::new(ufrag, pwd)
        };
        self.restarting.replace(next).map(|former| former.ufrag)
    }

    /// An address was nominated under credentials of this generation: those before are of no use
    /// any more, and no path that was found by them. Gives their user name fragment.
    pub fn settle(&mut self, generation: u32) -> Option<String> {
        let next = self
            .restarting
            .take_if(|next| next.generation == generation)?;
        Some(std::mem::replace(&mut self.credentials, next).ufrag)
    }
}
