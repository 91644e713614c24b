//! One thread that drives one forwarder with its sockets, and the handle by
//! which the control plane reaches it. The only reader of the clock in the plane.
//!
//! A round: carry out commands, receive and hand over, advance, send, report. The
//! thread sleeps only when the forwarder has nothing left to do at once.

mod mailbox;
mod quiet;
mod sockets;

use crate::clock::Now;
use crate::command::Command;
use crate::counters::Counters;
use crate::forwarder::{Forwarder, Limits};
use crate::relay::{self, End};
use crate::report::Report;
use crate::tcp::table::TcpLimits;
use mailbox::{lock, Commands, Reports};
use quiet::Quiet;
use rustix::event::{poll, PollFd, PollFlags, Timespec};
use rustix::time::{clock_gettime, ClockId};
use sockets::Sockets;
use std::any::Any;
use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// Commands per round, so that many cannot starve timers and sockets.
const COMMANDS_PER_ROUND: usize = 256;
/// The longest sleep, so that counters stay fresh.
const MAX_SLEEP: Duration = Duration::from_millis(100);
/// While there is no media, what comes within so long is taken at once.
const NAP: Duration = Duration::from_millis(10);
/// How often counters are published.
const COUNTERS_EVERY_US: i64 = 200_000;
/// How long after the last rows new ones are left, if those were taken.
const FEEDBACK_EVERY_US: i64 = 10_000;
/// Rows that are not urgent wait for others: who takes many at once works less for each. A bit less
/// than four of the control plane's ticks.
const ALL_FEEDBACK_EVERY_US: i64 = 190_000;

/// What a worker is started with.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The address to bind; `None` for every address of both families.
    pub host: Option<IpAddr>,
    /// The UDP port; 0 for any free one.
    pub port: u16,
    /// Commands that may wait.
    pub commands: usize,
    /// How large the forwarder may grow.
    pub limits: Limits,
    /// Bytes of the socket's buffers, in each direction.
    pub socket_buffer: usize,
    /// Connections on the same port number of TCP (RFC 6544).
    pub tcp: TcpLimits,
}

/// Why a command was not enqueued.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotSubmitted {
    /// Too many commands wait.
    Busy,
    /// The worker was stopped or has panicked.
    Stopped,
}

/// The control plane's handle of a running worker; dropping it stops the thread.
pub struct Worker {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
    port: u16,
}

/// Packed rows, and the deltas that belong to them.
pub type Feedback = (Vec<u8>, Vec<u8>);

struct Shared {
    commands: Commands,
    reports: Reports,
    feedback: Mutex<Feedback>,
    counters: Mutex<Counters>,
    stopping: AtomicBool,
}

impl Shared {
    fn new(commands: usize) -> io::Result<Self> {
        Ok(Self {
            commands: Commands::new(commands)?,
            reports: Reports::new()?,
            feedback: Mutex::default(),
            counters: Mutex::default(),
            stopping: AtomicBool::new(false),
        })
    }
}

impl Worker {
    /// Binds the socket and starts the thread.
    pub fn start(settings: &Settings) -> io::Result<Self> {
        let sockets = Sockets::bind(settings)?;
        let port = sockets.udp.local_port();
        let shared = Arc::new(Shared::new(settings.commands)?);
        let mut seed = [0; 8];
        aws_lc_rs::rand::fill(&mut seed).map_err(|_| io::Error::other("no randomness"))?;
        let forwarder = Forwarder::new(settings.limits, u64::from_ne_bytes(seed));
        let rounds = Rounds::new(sockets, forwarder, Arc::clone(&shared));
        let thread = Builder::new()
            .name(format!("plane-{port}"))
            .spawn(move || rounds.run())?;
        Ok(Self {
            shared,
            thread: Mutex::new(Some(thread)),
            port,
        })
    }

    /// The port that the socket is bound to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// An eventfd that is readable while reports wait.
    pub fn bell(&self) -> BorrowedFd<'_> {
        self.shared.reports.bell()
    }

    /// Enqueues a command and returns at once.
    pub fn submit(&self, command: Command) -> Result<(), NotSubmitted> {
        self.offer(command).map_err(|(refusal, _)| refusal)
    }

    /// The same, but gives back what was not enqueued.
    pub fn offer(&self, command: Command) -> Result<(), (NotSubmitted, Command)> {
        if self.shared.stopping.load(SeqCst) {
            return Err((NotSubmitted::Stopped, command));
        }
        let pushed = self.shared.commands.push(command);
        pushed.map_err(|command| (NotSubmitted::Busy, command))
    }

    /// Relays between two workers, for [`Command::AddPeer`] of each; at most `capacity` packets
    /// wait in each direction.
    pub fn connect(&self, other: &Self, capacity: usize) -> (End, End) {
        let wake = |worker: &Self| Arc::clone(worker.shared.commands.waker());
        relay::connect(&wake(self), &wake(other), capacity)
    }

    /// All reports that wait, oldest first.
    pub fn drain(&self) -> VecDeque<Report> {
        self.shared.reports.drain()
    }

    /// Packed rows since the last call, at most one per transport, and their deltas.
    pub fn feedback(&self) -> Feedback {
        std::mem::take(&mut lock(&self.shared.feedback))
    }

    /// Totals as of a moment ago (200 ms at most).
    pub fn counters(&self) -> Counters {
        *lock(&self.shared.counters)
    }

    /// Stops the thread, waits for it and closes the socket; idempotent.
    pub fn stop(&self) {
        self.shared.stopping.store(true, SeqCst);
        self.shared.commands.wake();
        if let Some(thread) = lock(&self.thread).take() {
            // Panics are caught inside; there is nothing else to hear.
            let _ = thread.join();
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What the thread owns.
struct Rounds {
    sockets: Sockets,
    forwarder: Forwarder,
    shared: Arc<Shared>,
    backlog: VecDeque<Command>,
    news: Vec<Report>,
    clock: Clock,
    feedback_us: i64,
    all_feedback_us: i64,
    counters_us: i64,
    quiet: Quiet,
}

impl Rounds {
    fn new(sockets: Sockets, forwarder: Forwarder, shared: Arc<Shared>) -> Self {
        Self {
            sockets,
            forwarder,
            shared,
            backlog: VecDeque::new(),
            news: Vec::new(),
            clock: Clock::start(),
            feedback_us: 0,
            all_feedback_us: 0,
            counters_us: 0,
            quiet: Quiet::default(),
        }
    }

    fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        contain(&shared, || self.repeat());
        *lock(&shared.counters) = *self.forwarder.counters();
    }

    fn repeat(&mut self) {
        let mut now = self.clock.now();
        let started_us = now.us;
        let mut sleep = Duration::ZERO;
        while !self.shared.stopping.load(SeqCst) {
            let (mut readable, mut streams) = (true, false);
            if !sleep.is_zero() && self.backlog.is_empty() && self.news.is_empty() {
                let before_us = self.clock.us();
                self.forwarder.counters_mut().busy_us += (before_us - now.us) as u64;
                (readable, streams) = self.sleep(sleep);
                now = self.clock.now();
                if readable && self.quiet.holds(self.forwarder.counters(), now.us) {
                    // Checks and reports of an idle audience bear it, and cost a wake-up less each.
                    let slept = Duration::from_micros((now.us - before_us) as u64);
                    std::thread::sleep(NAP.min(sleep.saturating_sub(slept)));
                    now = self.clock.now();
                }
            } else {
                let before_us = now.us;
                now = self.clock.now();
                self.forwarder.counters_mut().busy_us += (now.us - before_us) as u64;
            }
            self.forwarder.counters_mut().wall_us = (now.us - started_us) as u64;
            // Commands first: a peer may answer to what one of them has brought about.
            self.obey(now);
            if readable {
                self.sockets.receive(&mut self.forwarder, now);
            }
            if self.sockets.tcp.is_due(streams, now.us) {
                self.sockets.receive_streams(&mut self.forwarder, now);
            }
            sleep = self.forwarder.advance(now);
            self.flush();
            self.report(now);
        }
    }

    /// Waits for the sockets, a command or the time; returns whether UDP is readable, and TCP.
    fn sleep(&mut self, timeout: Duration) -> (bool, bool) {
        let commands = &self.shared.commands;
        let nothing_waits = commands.fall_asleep()
            && !self.forwarder.has_relayed()
            && !self.shared.stopping.load(SeqCst);
        let timeout = match nothing_waits {
            true => timeout.min(MAX_SLEEP),
            false => Duration::ZERO,
        };
        let timeout = Timespec {
            tv_sec: 0,
            tv_nsec: timeout.subsec_nanos().into(),
        };
        let bell = commands.bell();
        let mut fds = [
            PollFd::from_borrowed_fd(self.sockets.udp.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(bell, PollFlags::IN),
            PollFd::from_borrowed_fd(self.sockets.tcp.as_fd(), PollFlags::IN),
        ];
        // An interrupted wait is a short one.
        let _ = poll(&mut fds, Some(&timeout));
        let [readable, _, streams] = fds.each_ref().map(|fd| !fd.revents().is_empty());
        commands.wake_up();
        (readable, streams)
    }

    fn obey(&mut self, now: Now) {
        if self.backlog.is_empty() {
            self.shared.commands.take(&mut self.backlog);
        }
        let count = self.backlog.len().min(COMMANDS_PER_ROUND);
        for command in self.backlog.drain(..count) {
            self.forwarder.apply(command, now);
            self.sockets.make_room(&mut self.forwarder);
        }
    }

    fn flush(&mut self) {
        if !self.forwarder.outbox().is_empty() {
            self.sockets.send(&mut self.forwarder);
        }
    }

    fn report(&mut self, now: Now) {
        self.forwarder.take_reports(&mut self.news);
        let dropped = self.shared.reports.post(&mut self.news);
        self.forwarder.counters_mut().reports_dropped += dropped;
        if now.us - self.feedback_us >= FEEDBACK_EVERY_US {
            // Rows that still wait there must be taken first: one per transport and call.
            if let Ok(mut waiting) = self.shared.feedback.try_lock() {
                let (rows, deltas) = &mut *waiting;
                if rows.is_empty() {
                    let all = now.us - self.all_feedback_us >= ALL_FEEDBACK_EVERY_US;
                    self.forwarder.take_feedback(all, now, rows, deltas);
                    self.feedback_us = now.us;
                    if all {
                        self.all_feedback_us = now.us;
                    }
                }
            }
        }
        if now.us - self.counters_us >= COUNTERS_EVERY_US {
            if let Ok(mut counters) = self.shared.counters.try_lock() {
                *counters = *self.forwarder.counters();
                self.counters_us = now.us;
            }
        }
    }
}

/// Runs the rounds to their end; a panic ends this worker alone, and is told.
fn contain(shared: &Shared, rounds: impl FnOnce()) {
    // What a panic may leave half done is dropped unseen: only counters are read afterwards.
    let end = catch_unwind(AssertUnwindSafe(rounds));
    shared.stopping.store(true, SeqCst);
    if let Err(panic) = end {
        let reason = panic_message(panic.as_ref());
        shared.reports.post_last(Report::Fault { reason });
    }
}

/// The monotonic clock, and wall-clock time derived from it: a step of the wall clock must not
/// show in sender reports, or receivers would lose the lips.
struct Clock {
    /// NTP time at monotonic zero, in microseconds.
    ntp_offset_us: i64,
}

impl Clock {
    fn start() -> Self {
        let wall_us = microseconds(ClockId::Realtime) + NTP_TO_UNIX_S * 1_000_000;
        let ntp_offset_us = wall_us - microseconds(ClockId::Monotonic);
        Self { ntp_offset_us }
    }

    fn us(&self) -> i64 {
        microseconds(ClockId::Monotonic)
    }

    fn now(&self) -> Now {
        let us = self.us();
        let wall_us = (us + self.ntp_offset_us) as u128;
        // 32.32 fixed point; the seconds wrap in 2036 (RFC 5905 §6).
        let ntp = ((wall_us << 32) / 1_000_000) as u64;
        Now { us, ntp }
    }
}

/// Seconds from 1900 to 1970.
const NTP_TO_UNIX_S: i64 = 2_208_988_800;

fn microseconds(clock: ClockId) -> i64 {
    let time = clock_gettime(clock);
    time.tv_sec * 1_000_000 + time.tv_nsec / 1_000
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("panicked without a message").to_owned()
}

#[cfg(test)]
mod tests;
