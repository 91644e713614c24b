//! The two bounded queues between the planes: commands down, reports up.
//!
//! The worker never waits for a lock here: what it cannot take or leave at once
//! it takes or leaves in its next round.

use crate::command::Command;
use crate::report::Report;
use crate::wake::{Bell, Wake};
use std::collections::VecDeque;
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Reports that wait for the control plane at most.
pub(super) const MAX_REPORTS: usize = 65_536;

/// Commands on their way down.
pub(super) struct Commands {
    queue: Mutex<VecDeque<Command>>,
    capacity: usize,
    waiting: AtomicBool,
    wake: Arc<Wake>,
}

impl Commands {
    pub(super) fn new(capacity: usize) -> io::Result<Self> {
        Ok(Self {
            queue: Mutex::default(),
            capacity,
            waiting: AtomicBool::new(false),
            wake: Arc::new(Wake::new()?),
        })
    }

    /// Enqueues, or gives the command back when the queue is full.
    pub(super) fn push(&self, command: Command) -> Result<(), Command> {
        let mut queue = lock(&self.queue);
        if queue.len() >= self.capacity {
            return Err(command);
        }
        queue.push_back(command);
        drop(queue);
        self.waiting.store(true, SeqCst);
        self.wake();
        Ok(())
    }

    /// Ends the worker's sleep; costs a system call only if there is one.
    pub(super) fn wake(&self) {
        self.wake.wake();
    }

    /// By which others wake the worker, too.
    pub(super) fn waker(&self) -> &Arc<Wake> {
        &self.wake
    }

    /// For the worker: everything that waits, into an empty list.
    pub(super) fn take(&self, into: &mut VecDeque<Command>) {
        debug_assert!(into.is_empty());
        if !self.waiting.load(SeqCst) {
            return;
        }
        if let Ok(mut queue) = self.queue.try_lock() {
            self.waiting.store(false, SeqCst);
            std::mem::swap(&mut *queue, into);
        }
    }

    /// For the worker, before it sleeps on [`Commands::bell`]: false when it must not, for there
    /// is something to take. Whoever pushes from here on rings.
    pub(super) fn fall_asleep(&self) -> bool {
        self.wake.fall_asleep();
        !self.waiting.load(SeqCst)
    }

    /// For the worker, after sleeping.
    pub(super) fn wake_up(&self) {
        self.wake.wake_up();
    }

    pub(super) fn bell(&self) -> BorrowedFd<'_> {
        self.wake.bell()
    }
}

/// Reports on their way up.
pub(super) struct Reports {
    queue: Mutex<Queue>,
    bell: Bell,
}

#[derive(Default)]
struct Queue {
    reports: VecDeque<Report>,
    /// How many of them may be dropped: the next ones say the same anew.
    droppable: usize,
    rung: bool,
}

impl Reports {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            queue: Mutex::default(),
            bell: Bell::new()?,
        })
    }

    /// For the worker: leaves the news unless the queue is just being drained; returns how many
    /// reports were dropped. Levels and rates go first, then whatever comes.
    pub(super) fn post(&self, news: &mut Vec<Report>) -> u64 {
        if news.is_empty() {
            return 0;
        }
        let Ok(mut queue) = self.queue.try_lock() else {
            return 0;
        };
        let dropped = news.drain(..).map(|report| queue.push(report)).sum();
        if !queue.rung {
            queue.rung = true;
            self.bell.ring();
        }
        dropped
    }

    /// The worker's last word; waits for the lock.
    pub(super) fn post_last(&self, report: Report) {
        let mut queue = lock(&self.queue);
        queue.push(report);
        queue.rung = true;
        self.bell.ring();
    }

    /// Everything that waits; the bell falls silent.
    pub(super) fn drain(&self) -> VecDeque<Report> {
        let mut queue = lock(&self.queue);
        self.bell.silence();
        std::mem::take(&mut *queue).reports
    }

    pub(super) fn bell(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

impl Queue {
    fn push(&mut self, report: Report) -> u64 {
        let mut dropped = 0;
        if self.reports.len() >= MAX_REPORTS {
            if self.droppable == 0 {
                return 1;
            }
            dropped = self.droppable as u64;
            self.reports.retain(|report| !is_droppable(report));
            self.droppable = 0;
        }
        self.droppable += usize::from(is_droppable(&report));
        self.reports.push_back(report);
        dropped
    }
}

fn is_droppable(report: &Report) -> bool {
    matches!(
        report,
        Report::Levels { .. } | Report::TrackRates { .. } | Report::Handshake { .. }
    )
}

/// No queue is left half changed by a panic, so a poisoned lock is as good as any.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::event::{poll, PollFd, PollFlags, Timespec};

    fn rings(fd: BorrowedFd<'_>) -> bool {
        let zero = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        poll(
            &mut [PollFd::from_borrowed_fd(fd, PollFlags::IN)],
            Some(&zero),
        )
        .unwrap()
            == 1
    }

    fn command(track: u32) -> Command {
        Command::RemoveTrack { track }
    }

    fn down(transport: u32) -> Report {
        Report::PathDown { transport }
    }

    fn levels() -> Report {
        Report::Levels { levels: Vec::new() }
    }

    #[test]
    fn commands_are_bounded_and_keep_their_order() {
        let commands = Commands::new(3).unwrap();
        for track in 0..3 {
            assert!(commands.push(command(track)).is_ok());
        }
        assert!(commands.push(command(3)).is_err());
        let mut taken = VecDeque::new();
        commands.take(&mut taken);
        let tracks: Vec<u32> = taken
            .iter()
            .map(|command| match command {
                Command::RemoveTrack { track } => *track,
                _ => unreachable!(),
            })
            .collect();
        assert_eq!(tracks, [0, 1, 2]);
        assert!(commands.push(command(4)).is_ok());
    }

    #[test]
    fn only_a_sleeper_is_woken() {
        let commands = Commands::new(10).unwrap();
        commands.push(command(0)).ok().unwrap();
        assert!(!rings(commands.bell()), "awake: no system call");
        assert!(!commands.fall_asleep(), "something waits");
        commands.wake_up();
        commands.take(&mut VecDeque::new());
        assert!(commands.fall_asleep());
        commands.push(command(1)).ok().unwrap();
        assert!(rings(commands.bell()));
        commands.wake_up();
        assert!(!rings(commands.bell()));
        let mut taken = VecDeque::new();
        commands.take(&mut taken);
        assert_eq!(taken.len(), 1);
    }

    #[test]
    fn reports_ring_until_they_are_drained() {
        let reports = Reports::new().unwrap();
        assert_eq!(reports.post(&mut Vec::new()), 0);
        assert!(!rings(reports.bell()));
        reports.post(&mut vec![down(1)]);
        reports.post(&mut vec![down(2)]);
        assert!(rings(reports.bell()));
        assert_eq!(reports.drain(), [down(1), down(2)]);
        assert!(!rings(reports.bell()));
        assert!(reports.drain().is_empty());
        reports.post(&mut vec![down(3)]);
        assert!(rings(reports.bell()));
    }

    #[test]
    fn a_full_queue_drops_what_will_be_said_again() {
        let reports = Reports::new().unwrap();
        let mut news: Vec<Report> = (0..MAX_REPORTS as u32 - 2).map(down).collect();
        news.insert(5, levels());
        news.push(levels());
        assert_eq!(reports.post(&mut news), 0);
        assert_eq!(reports.post(&mut vec![down(7), down(8), down(9)]), 2 + 1);
        let drained = reports.drain();
        assert_eq!(drained.len(), MAX_REPORTS);
        assert!(!drained.contains(&levels()));
        assert_eq!(drained.back(), Some(&down(8)));
    }

    #[test]
    fn the_worker_does_not_wait_for_a_lock() {
        let reports = Reports::new().unwrap();
        let commands = Commands::new(10).unwrap();
        commands.push(command(0)).ok().unwrap();
        let (held, held_too) = (
            reports.queue.lock().unwrap(),
            commands.queue.lock().unwrap(),
        );
        let mut news = vec![down(1)];
        let mut taken = VecDeque::new();
        assert_eq!(reports.post(&mut news), 0);
        commands.take(&mut taken);
        assert_eq!((news.len(), taken.len()), (1, 0));
        drop((held, held_too));
        assert!(!commands.fall_asleep(), "still to be taken");
        reports.post(&mut news);
        commands.take(&mut taken);
        assert_eq!((news.len(), taken.len()), (0, 1));
    }
}
