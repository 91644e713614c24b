//! The thread that serves all synthetic clients.

use crate::clock;
use crate::endpoint::{Endpoint, Part};
use crate::engine::{drain, signal, Command, Events, Snapshot};
use crate::latencies::Meter;
use _plane::batch::{Inbox, Outbox};
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::event::Timespec;
use std::os::fd::OwnedFd;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::Receiver;
use std::sync::Arc;

/// How often reports and checks of attendees are looked at.
const TIMERS_NS: u64 = 10_000_000;
/// Of the poll: which data the wake-up has.
const WAKE_UP: u64 = u64::MAX;
const READY: usize = 256;

/// All clients, and what they are served with.
pub struct Service {
    poll: OwnedFd,
    wake_up: Arc<OwnedFd>,
    incoming: Receiver<Command>,
    events: Events,
    /// Numbers are not used again; who is gone leaves a hole.
    endpoints: Vec<Option<Box<Endpoint>>>,
    inbox: Inbox,
    outbox: Outbox,
    meter: Meter,
    presenters: Vec<usize>,
    presenters_ns: u64,
}

impl Service {
    /// Polls for `wake_up`, and for the sockets that come.
    pub fn new(
        wake_up: Arc<OwnedFd>,
        incoming: Receiver<Command>,
        events: Events,
    ) -> std::io::Result<Self> {
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let data = EventData::new_u64(WAKE_UP);
        epoll::add(&poll, &wake_up, data, EventFlags::IN)?;
        Ok(Self {
            poll,
            wake_up,
            incoming,
            events,
            endpoints: Vec::new(),
            inbox: Inbox::new(),
            outbox: Outbox::new(1 << 17, 128),
            meter: Meter::default(),
            presenters: Vec::new(),
            presenters_ns: u64::MAX,
        })
    }

    /// Nanoseconds for which the machine was slow so far, for other threads to read.
    pub fn slow_ns(&self) -> Arc<AtomicU64> {
        Arc::clone(self.meter.pulse.slow_ns())
    }

    /// Until it is told to stop.
    pub fn run(&mut self) {
        let nothing = epoll::Event {
            flags: EventFlags::empty(),
            data: EventData::new_u64(0),
        };
        let mut ready = vec![nothing; READY];
        let mut timers_ns = 0;
        loop {
            let now_ns = clock::monotonic_ns();
            let wait_ns = self.presenters_ns.min(timers_ns).saturating_sub(now_ns);
            let timeout = Timespec {
                tv_sec: 0,
                tv_nsec: wait_ns.min(TIMERS_NS) as _,
            };
            let count = match epoll::wait(&self.poll, &mut ready[..], Some(&timeout)) {
                Ok(count) => count,
                Err(rustix::io::Errno::INTR) => 0,
                Err(error) => panic!("epoll_wait: {error}"),
            };
            for event in &ready[..count] {
                let data = { event.data }.u64();
                if data == WAKE_UP {
                    if !self.obey() {
                        return;
                    }
                } else {
                    self.serve(data as usize);
                }
                // A presenter is not to wait until two hundred sockets are read.
                let now_ns = clock::monotonic_ns();
                self.meter.pulse.look(now_ns);
                self.present(now_ns);
            }
            let now_ns = clock::monotonic_ns();
            self.meter.pulse.look(now_ns);
            self.present(now_ns);
            if now_ns >= timers_ns {
                timers_ns = now_ns + TIMERS_NS;
                for endpoint in self.endpoints.iter_mut().flatten() {
                    if matches!(endpoint.part(), Part::Attendee(_)) {
                        endpoint.advance(now_ns, 0, &mut self.outbox);
                    }
                }
            }
        }
    }

    fn serve(&mut self, number: usize) {
        let events = &self.events;
        let Some(endpoint) = self.endpoints[number].as_mut() else {
            return;
        };
        endpoint.receive(
            &mut self.inbox,
            &mut self.outbox,
            &mut self.meter,
            |event| {
                let mut list = events.0.lock().expect("nobody panics with it");
                list.push((number, event));
                signal(&events.1);
            },
            clock::monotonic_ns,
        );
    }

    fn present(&mut self, now_ns: u64) {
        if now_ns < self.presenters_ns || self.presenters.is_empty() {
            return;
        }
        self.presenters_ns = now_ns + TIMERS_NS;
        let ntp = clock::ntp();
        for number in &self.presenters {
            let Some(endpoint) = self.endpoints[*number].as_mut() else {
                continue;
            };
            let next_ns = endpoint.advance(now_ns, ntp, &mut self.outbox);
            self.presenters_ns = self.presenters_ns.min(next_ns);
        }
    }

    /// Carries commands out; false when it is to end.
    fn obey(&mut self) -> bool {
        drain(&self.wake_up);
        while let Ok(command) = self.incoming.try_recv() {
            match command {
                Command::Add(endpoint) => self.add(*endpoint),
                Command::Connect {
                    endpoint,
                    server,
                    username,
                    passwords,
                } => {
                    let now_ns = clock::monotonic_ns();
                    let tie_breaker = now_ns.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                    if let Some(endpoint) = self.endpoints[endpoint].as_mut() {
                        endpoint.connect(server, username, passwords, tie_breaker, now_ns);
                        endpoint.advance(now_ns, 0, &mut self.outbox);
                    }
                }
                Command::Send {
                    endpoint,
                    datagrams,
                } => {
                    if let Some(endpoint) = self.endpoints[endpoint].as_mut() {
                        endpoint.send(&datagrams, &mut self.outbox);
                    }
                }
                Command::SetKeys {
                    endpoint,
                    profile,
                    receive,
                    send,
                } => {
                    if let Some(endpoint) = self.endpoints[endpoint].as_mut() {
                        endpoint
                            .set_keys(profile, &receive, &send)
                            .expect("the handle has checked the lengths");
                    }
                }
                // Closing its socket takes it out of the poll.
                Command::Remove { endpoint } => {
                    self.presenters.retain(|number| *number != endpoint);
                    self.endpoints[endpoint] = None;
                }
                Command::Relocate { endpoint } => self.relocate(endpoint),
                Command::Impair { endpoint, loss } => {
                    if let Some(endpoint) = self.endpoints[endpoint].as_mut() {
                        endpoint.impair(loss);
                    }
                }
                Command::Heard { to } => {
                    // Who asked may have gone.
                    let _ = to.send(self.heard());
                }
                Command::Snapshot { begin, to } => {
                    // Who asked may have gone.
                    let _ = to.send(self.snapshot());
                    if begin {
                        self.meter.latencies.clear();
                    }
                }
                Command::Stop => return false,
            }
        }
        true
    }

    fn add(&mut self, endpoint: Endpoint) {
        let number = self.endpoints.len();
        let data = EventData::new_u64(number as u64);
        epoll::add(&self.poll, endpoint.socket(), data, EventFlags::IN).expect("an open socket");
        if matches!(endpoint.part(), Part::Presenter(_)) {
            self.presenters.push(number);
            self.presenters_ns = 0;
        }
        self.endpoints.push(Some(Box::new(endpoint)));
    }

    fn relocate(&mut self, number: usize) {
        let Some(endpoint) = self.endpoints[number].as_mut() else {
            return;
        };
        // Without a port to be had it stays where it is.
        if endpoint.relocate(clock::monotonic_ns()).is_ok() {
            // Closing the former socket has taken it out of the poll.
            let data = EventData::new_u64(number as u64);
            epoll::add(&self.poll, endpoint.socket(), data, EventFlags::IN)
                .expect("an open socket");
            endpoint.advance(clock::monotonic_ns(), clock::ntp(), &mut self.outbox);
        }
    }

    fn heard(&self) -> Vec<(usize, u64, u64)> {
        let endpoints = self.endpoints.iter().enumerate();
        endpoints
            .filter_map(|(number, endpoint)| match endpoint.as_ref()?.part() {
                Part::Attendee(attendee) => {
                    let tally = attendee.tally();
                    Some((number, tally.video, tally.audio))
                }
                Part::Presenter(_) => None,
            })
            .collect()
    }

    fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot {
            now_ns: clock::monotonic_ns(),
            cpu_ns: clock::thread_cpu_ns(),
            slow_ns: self.meter.pulse.slow_ns().load(Relaxed),
            latencies: self.meter.latencies.clone(),
            ..Snapshot::default()
        };
        for endpoint in self.endpoints.iter().flatten() {
            match endpoint.part() {
                Part::Attendee(attendee) => {
                    let tally = attendee.tally();
                    snapshot.attendees += 1;
                    let (video, audio) = attendee.streams();
                    snapshot.video_streams += video;
                    snapshot.audio_streams += audio;
                    snapshot.total.add(&tally);
                }
                Part::Presenter(presenter) => snapshot.sent.add(&presenter.sent()),
            }
        }
        snapshot
    }
}
