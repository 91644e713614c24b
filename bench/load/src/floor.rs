//! The floor: what it costs to seal the same packets and send them in the same bursts,
//! and nothing else. How near a server comes is its quality; below the floor comes only
//! who puts more into a message than a frame.

use crate::attendee::Format;
use crate::clock;
use crate::endpoint::{Endpoint, Part};
use crate::engine::{Engine, Snapshot};
use crate::pattern::{self, Camera, Piece, Stamp};
use crate::socket::BurstSocket;
use _plane::srtp::{Profile, Sealer};
use rustix::thread::{sched_setaffinity, CpuSet};
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

/// Packets of one burst: what a browser's pacer lets through at once.
const BURST: usize = 12;
const OVERHEAD: usize = 16;
/// Fixed header and an extension block such as a server writes: send time and transport number.
const HEADER: usize = 12 + 12;
const MICROPHONE_NS: u64 = 20_000_000;
const WARM_UP_NS: u64 = 500_000_000;
const WINDOW_NS: u64 = 250_000_000;

/// What to send, and to how many.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Sockets that receive; each 16th verifies.
    pub receivers: usize,
    /// Each with a camera.
    pub presenters: usize,
    /// How many of them have a microphone, too.
    pub microphones: usize,
    /// Bit/s of each camera.
    pub bitrate: u32,
    /// Frames per second of each camera.
    pub fps: u32,
    /// How long to measure.
    pub duration: Duration,
    /// Core of the sending thread; `None` for any.
    pub core: Option<usize>,
}

/// What it cost.
#[derive(Clone)]
#[allow(missing_docs)]
pub struct Cost {
    pub packets: u64,
    pub cpu_ns: u64,
    /// The same of those quarters of a second in which the machine was not slow.
    pub steady_packets: u64,
    pub steady_cpu_ns: u64,
    pub wall_ns: u64,
    /// What the receivers saw of the whole run, warm-up included.
    pub received: Snapshot,
    /// Packets of the whole run, warm-up included.
    pub sent: u64,
}

/// Sends in real time from a thread of its own. The receivers' thread is on the caller's cores.
pub fn measure(settings: Settings) -> io::Result<Cost> {
    let mut engine = Engine::new()?;
    let mut destinations = Vec::with_capacity(settings.receivers);
    for n in 0..settings.receivers {
        let (endpoint, destination) = receiver(n)?;
        engine.add(endpoint)?;
        destinations.push(destination);
    }
    let mut loop_ = Loop::new(settings, destinations, engine.slow_ns())?;
    let sender = std::thread::Builder::new()
        .name("floor".into())
        .spawn(move || {
            if let Some(core) = settings.core {
                let mut cores = CpuSet::new();
                cores.set(core);
                sched_setaffinity(None, &cores)?;
            }
            loop_.run(settings.duration)
        })?;
    let mut cost = sender
        .join()
        .map_err(|_| io::Error::other("the floor's thread has panicked"))??;
    // What is on its way still.
    sleep(Duration::from_millis(100));
    cost.received = engine
        .snapshot(false)
        .map_err(|_| io::Error::other("the load engine has stopped"))?;
    Ok(cost)
}

struct Destination {
    address: SocketAddrV4,
    sealer: Sealer,
}

fn receiver(n: usize) -> io::Result<(Endpoint, Destination)> {
    let attendee = crate::attendee::Attendee::new(n % 16 == 0, 1 + n as u32, Format::default());
    let mut endpoint = Endpoint::new(Part::Attendee(Box::new(attendee)))?;
    // Keys that differ, as those of real transports do; nobody else sees the packets.
    let mut keys = [0x5a; 28];
    keys[..8].copy_from_slice(&(n as u64).to_be_bytes());
    let wrong = |error| io::Error::other(error);
    endpoint
        .set_keys(Profile::AeadAes128Gcm, &keys, &keys)
        .map_err(wrong)?;
    let sealer = Sealer::new(Profile::AeadAes128Gcm, &keys[..16], &keys[16..]).map_err(wrong)?;
    let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, endpoint.socket().local_port());
    Ok((endpoint, Destination { address, sealer }))
}

/// One presenter's packets, the same numbers for every destination.
struct Source {
    camera: Camera,
    burst: Vec<Piece>,
    video: u64,
    audio: u64,
    next_frame_ns: u64,
    next_audio_ns: u64,
    ssrc: u32,
}

struct Loop {
    settings: Settings,
    socket: BurstSocket,
    destinations: Vec<Destination>,
    sources: Vec<Source>,
    /// Plain packets of one burst, sealed into the batch for each destination.
    plain: Vec<u8>,
    sent: u64,
    slow_ns: Arc<AtomicU64>,
}

impl Loop {
    fn new(
        settings: Settings,
        destinations: Vec<Destination>,
        slow_ns: Arc<AtomicU64>,
    ) -> io::Result<Self> {
        let sources = (0..settings.presenters as u64)
            .map(|n| Source {
                camera: Camera::new(settings.bitrate, settings.fps, n + 1),
                burst: Vec::new(),
                video: 0,
                audio: 0,
                next_frame_ns: 0,
                next_audio_ns: 0,
                ssrc: 1000 + 10 * n as u32,
            })
            .collect();
        Ok(Self {
            settings,
            socket: BurstSocket::new()?,
            destinations,
            sources,
            plain: Vec::new(),
            sent: 0,
            slow_ns,
        })
    }

    fn run(&mut self, duration: Duration) -> io::Result<Cost> {
        let start_ns = clock::monotonic_ns();
        let (frame_ns, count) = (self.frame_ns(), self.sources.len() as u64);
        for (n, source) in self.sources.iter_mut().enumerate() {
            source.next_frame_ns = start_ns + frame_ns * n as u64 / count;
            source.next_audio_ns = match n < self.settings.microphones {
                true => source.next_frame_ns + frame_ns / 3,
                false => u64::MAX,
            };
        }
        self.run_until(start_ns + WARM_UP_NS)?;
        let begin_ns = clock::monotonic_ns();
        let mut cost = Cost {
            packets: 0,
            cpu_ns: 0,
            steady_packets: 0,
            steady_cpu_ns: 0,
            wall_ns: duration.as_nanos() as u64,
            received: Snapshot::default(),
            sent: 0,
        };
        let end_ns = begin_ns + cost.wall_ns;
        let mut now_ns = begin_ns;
        while now_ns < end_ns {
            let (slow_ns, cpu_ns) = (self.slow_ns.load(Relaxed), clock::thread_cpu_ns());
            let packets = self.sent;
            now_ns = end_ns.min(now_ns + WINDOW_NS);
            self.run_until(now_ns)?;
            let (packets, cpu_ns) = (self.sent - packets, clock::thread_cpu_ns() - cpu_ns);
            cost.packets += packets;
            cost.cpu_ns += cpu_ns;
            if self.slow_ns.load(Relaxed) == slow_ns {
                cost.steady_packets += packets;
                cost.steady_cpu_ns += cpu_ns;
            }
        }
        cost.sent = self.sent;
        Ok(cost)
    }

    fn frame_ns(&self) -> u64 {
        1_000_000_000 / u64::from(self.settings.fps)
    }

    fn run_until(&mut self, end_ns: u64) -> io::Result<()> {
        loop {
            let due = |source: &Source| source.next_frame_ns.min(source.next_audio_ns);
            let due_ns = self.sources.iter().map(due).min().unwrap_or(end_ns);
            if due_ns >= end_ns {
                return Ok(());
            }
            let now_ns = clock::monotonic_ns();
            sleep(Duration::from_nanos(due_ns.saturating_sub(now_ns)));
            for at in 0..self.sources.len() {
                self.serve(at)?;
            }
        }
    }

    fn serve(&mut self, at: usize) -> io::Result<()> {
        let now_ns = clock::monotonic_ns();
        let frame_ns = self.frame_ns();
        let source = &mut self.sources[at];
        if now_ns >= source.next_audio_ns {
            source.next_audio_ns += MICROPHONE_NS;
            self.send_audio(at, now_ns)?;
        }
        let source = &mut self.sources[at];
        if now_ns >= source.next_frame_ns {
            source.next_frame_ns += frame_ns;
            source.burst.clear();
            source.burst.extend(source.camera.frame());
            // Equal sizes, so that the whole burst is one message.
            let len = source
                .burst
                .iter()
                .map(|piece| piece.len)
                .max()
                .unwrap_or(0);
            source.burst.iter_mut().for_each(|piece| piece.len = len);
            for from in (0..source.burst.len()).step_by(BURST) {
                self.send_burst(at, from, now_ns)?;
            }
        }
        Ok(())
    }

    fn send_audio(&mut self, at: usize, sent_ns: u64) -> io::Result<()> {
        let source = &mut self.sources[at];
        let (counter, ssrc) = (source.audio, source.ssrc + 1);
        source.audio += 1;
        let len = HEADER + pattern::AUDIO_PAYLOAD;
        self.plain.clear();
        self.plain.resize(len, 0);
        write_header(&mut self.plain, pattern::OPUS, ssrc, counter);
        pattern::write_audio(&mut self.plain[HEADER..], Stamp { sent_ns, counter });
        self.fan_out(len, ssrc, counter)
    }

    fn send_burst(&mut self, at: usize, from: usize, sent_ns: u64) -> io::Result<()> {
        let source = &mut self.sources[at];
        let burst = &source.burst[from..source.burst.len().min(from + BURST)];
        let (first, ssrc) = (source.video, source.ssrc);
        let len = HEADER + burst[0].len;
        self.plain.clear();
        self.plain.resize(burst.len() * len, 0);
        for (piece, packet) in burst.iter().zip(self.plain.chunks_mut(len)) {
            let counter = source.video;
            source.video += 1;
            write_header(packet, pattern::VP8, ssrc, counter);
            pattern::write_video(&mut packet[HEADER..], piece, Stamp { sent_ns, counter });
        }
        self.fan_out(len, ssrc, first)
    }

    /// Seals and sends the plain packets, of `len` bytes each, to every destination.
    fn fan_out(&mut self, len: usize, ssrc: u32, first: u64) -> io::Result<()> {
        let (plain, sealed) = (&self.plain, len + OVERHEAD);
        for destination in &self.destinations {
            let sealer = &destination.sealer;
            self.socket.push(destination.address, sealed, |room| {
                let mut end = 0;
                for (n, packet) in plain.chunks(len).enumerate() {
                    let to = &mut room[end..end + sealed];
                    to[..len].copy_from_slice(packet);
                    end += sealer.seal_rtp(to, len, HEADER, ssrc, first + n as u64);
                }
                end
            })?;
        }
        self.socket.flush()?;
        self.sent += (self.plain.len() / len * self.destinations.len()) as u64;
        Ok(())
    }
}

fn write_header(packet: &mut [u8], payload_type: u8, ssrc: u32, counter: u64) {
    packet[0] = 0x90;
    packet[1] = payload_type;
    packet[2..4].copy_from_slice(&(counter as u16).to_be_bytes());
    packet[8..12].copy_from_slice(&ssrc.to_be_bytes());
    // Ids and lengths as the server's offers have them: 3 of two bytes, 2 of three bytes.
    packet[12..HEADER].copy_from_slice(&[0xbe, 0xde, 0, 2, 0x31, 0, 0, 0x22, 0, 0, 0, 0]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_packet_arrives_and_is_as_it_was_sent() {
        let cost = measure(Settings {
            receivers: 20,
            presenters: 2,
            microphones: 2,
            bitrate: 1_200_000,
            fps: 30,
            duration: Duration::from_millis(500),
            core: None,
        })
        .expect("a run");
        let total = cost.received.total;
        assert_eq!(total.video + total.audio, cost.sent);
        assert_eq!((total.expected, total.received), (cost.sent, cost.sent));
        assert_eq!(
            (total.damaged, total.skipped, total.late, total.strange),
            (0, 0, 0, 0)
        );
        assert_eq!(total.verified, cost.sent / 20 * 2);
        assert_eq!(
            (cost.received.video_streams, cost.received.audio_streams),
            (40, 40)
        );
        assert!(
            cost.cpu_ns >= cost.steady_cpu_ns && cost.packets >= cost.steady_packets,
            "a part of it"
        );
        assert!(
            cost.cpu_ns > 0 && cost.packets > 20 * 2 * (15 * 4 + 20),
            "{}",
            cost.packets
        );
    }
}
