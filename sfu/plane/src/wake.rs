//! What ends a thread's sleep: an eventfd, rung only while somebody sleeps on it.

use rustix::event::{eventfd, EventfdFlags};
use rustix::io::{read, write};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

/// Of one worker: whoever leaves something for it wakes it, at the price of a system call only
/// while it sleeps.
///
/// The worker says that it falls asleep before it looks for the last time whether something has
/// been left; who leaves something says so before it looks whether the worker sleeps. So one of
/// both sees the other.
pub struct Wake {
    asleep: AtomicBool,
    bell: Bell,
}

impl Wake {
    /// Of a worker that is awake.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            asleep: AtomicBool::new(false),
            bell: Bell::new()?,
        })
    }

    /// Ends the worker's sleep, if it sleeps.
    pub fn wake(&self) {
        if self.asleep.swap(false, SeqCst) {
            self.bell.ring();
        }
    }

    /// For the worker: whoever leaves something from here on rings.
    pub fn fall_asleep(&self) {
        self.asleep.store(true, SeqCst);
    }

    /// For the worker, after sleeping.
    pub fn wake_up(&self) {
        self.asleep.store(false, SeqCst);
        self.bell.silence();
    }

    /// What the worker sleeps on.
    pub fn bell(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

/// An eventfd: readable from `ring` to `silence`.
pub(crate) struct Bell(OwnedFd);

impl Bell {
    pub(crate) fn new() -> io::Result<Self> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        Ok(Self(eventfd(0, flags)?))
    }

    /// Fails only when it has rung 2^64 times unheard.
    pub(crate) fn ring(&self) {
        let _ = write(&self.0, &1u64.to_ne_bytes());
    }

    /// Fails only when it has not rung.
    pub(crate) fn silence(&self) {
        let _ = read(&self.0, &mut [0; 8]);
    }

    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
