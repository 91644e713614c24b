//! One thread that serves all synthetic clients, and the handle to it.

use crate::attendee::{Attendee, Format, Tally};
use crate::endpoint::{Endpoint, Event, Part};
use crate::latencies::Latencies;
use crate::presenter::{Presenter, Sent};
use crate::service::Service;
use _plane::srtp::Profile;
use rustix::event::{eventfd, EventfdFlags};
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{channel, sync_channel, Sender, SyncSender};
use std::sync::{Arc, Mutex};
use std::thread::{Builder, JoinHandle};

/// What everybody has counted up to a moment.
#[derive(Clone, Default)]
#[allow(missing_docs)]
pub struct Snapshot {
    pub now_ns: u64,
    /// CPU time of the engine's thread.
    pub cpu_ns: u64,
    /// Time for which the machine was slow.
    pub slow_ns: u64,
    pub attendees: u64,
    /// Of all attendees together, those of which something has come.
    pub video_streams: u64,
    pub audio_streams: u64,
    pub total: Tally,
    pub sent: Sent,
    /// Since the last snapshot that asked to begin anew.
    pub latencies: Latencies,
}

/// What the thread is told.
#[allow(missing_docs)]
pub enum Command {
    Add(Box<Endpoint>),
    Connect {
        endpoint: usize,
        server: SocketAddr,
        username: String,
        passwords: (String, String),
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
    Remove {
        endpoint: usize,
    },
    Relocate {
        endpoint: usize,
    },
    Impair {
        endpoint: usize,
        loss: u32,
    },
    Heard {
        to: SyncSender<Vec<(usize, u64, u64)>>,
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

/// What has happened, by endpoint, and a descriptor that is readable while there is something.
pub type Events = Arc<(Mutex<Vec<(usize, Event)>>, OwnedFd)>;

/// The handle.
pub struct Engine {
    commands: Sender<Command>,
    wake_up: Arc<OwnedFd>,
    events: Events,
    slow_ns: Arc<AtomicU64>,
    endpoints: usize,
    thread: Option<JoinHandle<()>>,
}

impl Engine {
    /// Starts the thread, on the cores of the calling one.
    pub fn new() -> io::Result<Self> {
        let flags = EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC;
        let wake_up = Arc::new(eventfd(0, flags)?);
        let events = Arc::new((Mutex::new(Vec::new()), eventfd(0, flags)?));
        let (commands, incoming) = channel();
        let mut service = Service::new(Arc::clone(&wake_up), incoming, Arc::clone(&events))?;
        let slow_ns = service.slow_ns();
        let thread = Builder::new()
            .name("load".into())
            .spawn(move || service.run())?;
        Ok(Self {
            commands,
            wake_up,
            events,
            slow_ns,
            endpoints: 0,
            thread: Some(thread),
        })
    }

    /// Readable while [`Engine::events`] has something.
    pub fn events_fd(&self) -> RawFd {
        self.events.1.as_fd().as_raw_fd()
    }

    /// Nanoseconds for which the machine was slow so far, for other threads to read.
    pub fn slow_ns(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.slow_ns)
    }

    /// Adds an attendee and gives its number.
    pub fn add_attendee(&mut self, verifies: bool, format: Format) -> io::Result<usize> {
        let attendee = Attendee::new(verifies, 1 + self.endpoints as u32, format);
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

    /// The endpoint begins to check the path to a server; `passwords` are theirs and ours.
    pub fn connect(
        &self,
        endpoint: usize,
        server: SocketAddr,
        username: String,
        passwords: (String, String),
    ) -> Result<(), Stopped> {
        self.submit(Command::Connect {
            endpoint,
            server,
            username,
            passwords,
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

    /// Closes an endpoint's socket without a word; it is no longer counted.
    pub fn remove(&self, endpoint: usize) -> Result<(), Stopped> {
        self.submit(Command::Remove { endpoint })
    }

    /// An endpoint goes on from another port.
    pub fn relocate(&self, endpoint: usize) -> Result<(), Stopped> {
        self.submit(Command::Relocate { endpoint })
    }

    /// Of an endpoint's datagrams, so many of 2^32 are lost from now on.
    pub fn impair(&self, endpoint: usize, loss: u32) -> Result<(), Stopped> {
        self.submit(Command::Impair { endpoint, loss })
    }

    /// Attendees with the packets of video and of sound that each has received.
    pub fn heard(&self) -> Result<Vec<(usize, u64, u64)>, Stopped> {
        let (to, from) = sync_channel(1);
        self.submit(Command::Heard { to })?;
        from.recv().map_err(|_| Stopped)
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

/// Makes a descriptor readable.
pub fn signal(fd: &OwnedFd) {
    // It can only fail by being full, and then it is readable.
    let _ = rustix::io::write(fd, &1u64.to_ne_bytes());
}

/// Makes it unreadable again.
pub fn drain(fd: &OwnedFd) {
    // Empty is what is wanted.
    let _ = rustix::io::read(fd, &mut [0u8; 8]);
}
