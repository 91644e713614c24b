//! One thread that serves all synthetic clients, and the handle to it.

use crate::attendee::{Attendee, Latencies, Tally};
use crate::clock;
use crate::endpoint::{Endpoint, Event, Part};
use crate::presenter::{Presenter, Sent};
use _plane::batch::{Inbox, Outbox};
use _plane::srtp::Profile;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::event::{eventfd, EventfdFlags, Timespec};
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::sync::mpsc::{channel, sync_channel, Receiver, Sender, SyncSender};
use std::sync::{Arc, Mutex};
use std::thread::{Builder, JoinHandle};

/// How often reports and checks of attendees are looked at.
const TIMERS_NS: u64 = 10_000_000;
/// Of the poll: which data the wake-up has.
const WAKE_UP: u64 = u64::MAX;
const READY: usize = 256;

/// What everybody has counted up to a moment.
#[derive(Clone, Default)]
#[allow(missing_docs)]
pub struct Snapshot {
    pub now_ns: u64,
    /// CPU time of the engine's thread.
    pub cpu_ns: u64,
    pub attendees: u64,
    /// Of all attendees together, those of which something has come.
    pub video_streams: u64,
    pub audio_streams: u64,
    pub total: Tally,
    pub sent: Sent,
    /// Since the last snapshot that asked to begin anew.
    pub latencies: Latencies,
}

enum Command {
    Add(Box<Endpoint>),
    Connect {
        endpoint: usize,
        server: SocketAddr,
        username: String,
        password: String,
    },
    Send {
        endpoint: usize,
        datagrams: Vec<Vec<u8>>,
    },
    SetKeys {
        endpoint: usize,
        profile: Profile,
        receive: Vec<u8>,
        send: Vec<u8>,
    },
    Snapshot {
        begin: bool,
        to: SyncSender<Snapshot>,
    },
    Stop,
}

/// The thread has ended: by `stop`, or by a bug that it has printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped;

type Events = Arc<(Mutex<Vec<(usize, Event)>>, OwnedFd)>;

/// The handle.
pub struct Engine {
    commands: Sender<Command>,
    wake_up: Arc<OwnedFd>,
    events: Events,
    endpoints: usize,
    thread: Option<JoinHandle<()>>,
}

impl Engine {
    /// Starts the thread, on the cores of the calling one.
    pub fn new() -> io::Result<Self> {
        let flags = EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC;
        let wake_up = Arc::new(eventfd(0, flags)?);
        let events = Arc::new((Mutex::new(Vec::new()), eventfd(0, flags)?));
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let data = EventData::new_u64(WAKE_UP);
        epoll::add(&poll, &wake_up, data, EventFlags::IN)?;
        let (commands, incoming) = channel();
        let mut service = Service {
            poll,
            wake_up: Arc::clone(&wake_up),
            incoming,
            events: Arc::clone(&events),
            endpoints: Vec::new(),
            inbox: Inbox::new(),
            outbox: Outbox::new(1 << 17, 128),
            latencies: Latencies::default(),
            presenters: Vec::new(),
            presenters_ns: u64::MAX,
        };
        let thread = Builder::new()
            .name("load".into())
            .spawn(move || service.run())?;
        Ok(Self {
            commands,
            wake_up,
            events,
            endpoints: 0,
            thread: Some(thread),
        })
    }

    /// Readable while [`Engine::events`] has something.
    pub fn events_fd(&self) -> RawFd {
        self.events.1.as_fd().as_raw_fd()
    }

    /// Adds an attendee and gives its number.
    pub fn add_attendee(&mut self, verifies: bool) -> io::Result<usize> {
        let attendee = Attendee::new(verifies, 1 + self.endpoints as u32);
        self.add(Endpoint::new(Part::Attendee(Box::new(attendee)))?)
    }

    /// Adds a presenter, who begins when it has keys, and gives its number.
    pub fn add_presenter(&mut self, presenter: Presenter) -> io::Result<usize> {
        self.add(Endpoint::new(Part::Presenter(Box::new(presenter)))?)
    }

    /// Adds any endpoint and gives its number.
    pub fn add(&mut self, endpoint: Endpoint) -> io::Result<usize> {
        self.submit(Command::Add(Box::new(endpoint)))
            .map_err(|Stopped| io::Error::other("the load engine has stopped"))?;
        self.endpoints += 1;
        Ok(self.endpoints - 1)
    }

    /// The endpoint begins to check the path to a server.
    pub fn connect(
        &self,
        endpoint: usize,
        server: SocketAddr,
        username: String,
        password: String,
    ) -> Result<(), Stopped> {
        self.submit(Command::Connect {
            endpoint,
            server,
            username,
            password,
        })
    }

    /// Sends DTLS datagrams.
    pub fn send(&self, endpoint: usize, datagrams: Vec<Vec<u8>>) -> Result<(), Stopped> {
        self.submit(Command::Send {
            endpoint,
            datagrams,
        })
    }

    /// The endpoint begins with media. Master key and salt follow each other.
    pub fn set_keys(
        &self,
        endpoint: usize,
        profile: Profile,
        receive: Vec<u8>,
        send: Vec<u8>,
    ) -> Result<(), Stopped> {
        self.submit(Command::SetKeys {
            endpoint,
            profile,
            receive,
            send,
        })
    }

    /// What has happened since the last call, by endpoint.
    pub fn events(&self) -> Vec<(usize, Event)> {
        drain(&self.events.1);
        std::mem::take(&mut self.events.0.lock().expect("nobody panics with it"))
    }

    /// All counts; `begin` starts latencies anew.
    pub fn snapshot(&self, begin: bool) -> Result<Snapshot, Stopped> {
        let (to, from) = sync_channel(1);
        self.submit(Command::Snapshot { begin, to })?;
        from.recv().map_err(|_| Stopped)
    }

    /// Ends the thread.
    pub fn stop(&mut self) {
        // Already stopped is as good.
        let _ = self.submit(Command::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }

    fn submit(&self, command: Command) -> Result<(), Stopped> {
        self.commands.send(command).map_err(|_| Stopped)?;
        signal(&self.wake_up);
        Ok(())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Service {
    poll: OwnedFd,
    wake_up: Arc<OwnedFd>,
    incoming: Receiver<Command>,
    events: Events,
    endpoints: Vec<Endpoint>,
    inbox: Inbox,
    outbox: Outbox,
    latencies: Latencies,
    presenters: Vec<usize>,
    presenters_ns: u64,
}

impl Service {
    fn run(&mut self) {
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
                if self.presenters_ns != u64::MAX {
                    self.present(clock::monotonic_ns());
                }
            }
            let now_ns = clock::monotonic_ns();
            self.present(now_ns);
            if now_ns >= timers_ns {
                timers_ns = now_ns + TIMERS_NS;
                for endpoint in &mut self.endpoints {
                    if matches!(endpoint.part(), Part::Attendee(_)) {
                        endpoint.advance(now_ns, 0, &mut self.outbox);
                    }
                }
            }
        }
    }

    fn serve(&mut self, number: usize) {
        let events = &self.events;
        self.endpoints[number].receive(
            &mut self.inbox,
            &mut self.outbox,
            &mut self.latencies,
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
            let next_ns = self.endpoints[*number].advance(now_ns, ntp, &mut self.outbox);
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
                    password,
                } => {
                    let now_ns = clock::monotonic_ns();
                    let tie_breaker = now_ns.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                    let endpoint = &mut self.endpoints[endpoint];
                    endpoint.connect(server, username, password, tie_breaker, now_ns);
                    endpoint.advance(now_ns, 0, &mut self.outbox);
                }
                Command::Send {
                    endpoint,
                    datagrams,
                } => self.endpoints[endpoint].send(&datagrams, &mut self.outbox),
                Command::SetKeys {
                    endpoint,
                    profile,
                    receive,
                    send,
                } => self.endpoints[endpoint]
                    .set_keys(profile, &receive, &send)
                    .expect("the handle has checked the lengths"),
                Command::Snapshot { begin, to } => {
                    // Who asked may have gone.
                    let _ = to.send(self.snapshot());
                    if begin {
                        self.latencies.video.clear();
                        self.latencies.audio.clear();
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
        self.endpoints.push(endpoint);
    }

    fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot {
            now_ns: clock::monotonic_ns(),
            cpu_ns: clock::thread_cpu_ns(),
            latencies: self.latencies.clone(),
            ..Snapshot::default()
        };
        for endpoint in &self.endpoints {
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

fn signal(fd: &OwnedFd) {
    // It can only fail by being full, and then it is readable.
    let _ = rustix::io::write(fd, &1u64.to_ne_bytes());
}

fn drain(fd: &OwnedFd) {
    // Empty is what is wanted.
    let _ = rustix::io::read(fd, &mut [0u8; 8]);
}
