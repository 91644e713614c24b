//! One received RTP stream: a layer of a published source.

use crate::clock::{PublisherClock, StreamClock};
use crate::command::LayerSource;
use crate::keyframe::KeyframeRequests;
use crate::missing::{Arrival, Missing};
use crate::reception::Reception;
use crate::ring::Meta;
use crate::rtp::Rtp;
use crate::seq::Unwrapper;

/// A layer begins anew no sooner after it did: each time costs all its receivers some work.
const RESTART_US: i64 = 1_000_000;
/// A stream that has been silent for longer counts as switched off by its sender.
const ALIVE_US: i64 = 1_500_000;

/// The receiving side of one layer.
pub struct Ingress {
    /// Restriction identifier (RFC 8851); empty without simulcast.
    pub rid: String,
    /// Zero until the first packet tells.
    pub ssrc: u32,
    /// Zero until the first retransmission tells.
    pub rtx_ssrc: u32,
    /// Report blocks and rates (RFC 3550 §6.4).
    pub reception: Reception,
    /// Timestamps to local time.
    pub clock: StreamClock,
    /// What the receivers of this layer ask for.
    pub keyframes: KeyframeRequests,
    /// Holes in the sequence.
    pub missing: Missing,
    /// Pixels, zero while unknown.
    pub resolution: (u16, u16),
    unwrapper: Unwrapper,
    last_packet_us: Option<i64>,
    restarted_us: Option<i64>,
    clock_rate: u32,
}

impl Ingress {
    /// A layer as far as the description names it.
    pub fn new(source: LayerSource, clock_rate: u32) -> Self {
        Self {
            rid: source.rid,
            ssrc: source.ssrc,
            rtx_ssrc: source.rtx_ssrc,
            reception: Reception::new(clock_rate),
            clock: StreamClock::default(),
            keyframes: KeyframeRequests::default(),
            missing: Missing::default(),
            resolution: (0, 0),
            unwrapper: Unwrapper::default(),
            last_packet_us: None,
            restarted_us: None,
            clock_rate,
        }
    }

    /// Whether it may begin anew. What is late of the stream before is no new one.
    pub fn may_restart(&self, now_us: i64) -> bool {
        self.restarted_us
            .is_none_or(|restarted| now_us - restarted >= RESTART_US)
    }

    /// The layer has begun anew under another SSRC: nothing learnt of the old stream holds.
    pub fn restart(&mut self, ssrc: u32, now_us: i64) {
        let source = LayerSource {
            rid: std::mem::take(&mut self.rid),
            ssrc,
            rtx_ssrc: 0,
        };
        let keyframes = std::mem::take(&mut self.keyframes);
        *self = Self {
            keyframes,
            restarted_us: Some(now_us),
            ..Self::new(source, self.clock_rate)
        };
    }

    /// Takes a packet into the statistics; `None` for one that came before. A
    /// packet repaired by retransmission counts as recovered, not as received.
    pub fn accept(
        &mut self,
        header: &Rtp,
        sequence: u16,
        len: usize,
        repaired: bool,
        now_us: i64,
    ) -> Option<(u64, Arrival)> {
        let sequence = self.unwrapper.unwrap(sequence);
        let arrival = self.missing.on_packet(sequence, now_us);
        if arrival == Arrival::Duplicate {
            return None;
        }
        if !repaired {
            self.reception
                .on_packet(sequence, header.timestamp, header.marker, len, now_us);
        }
        self.last_packet_us = Some(now_us);
        Some((sequence, arrival))
    }

    /// A packet that another worker has received and accepted.
    pub fn on_relayed(&mut self, meta: &Meta, timed: bool, now_us: i64) {
        self.last_packet_us = Some(now_us);
        if timed {
            self.clock.on_relayed(meta.captured_us, meta.timestamp);
        }
    }

    /// Whether packets are arriving.
    pub fn is_alive(&self, now_us: i64) -> bool {
        self.last_packet_us
            .is_some_and(|last| now_us - last < ALIVE_US)
    }

    /// When a frame with this timestamp was captured, in local time; its arrival while no report tells.
    pub fn captured_us(&self, publisher: &PublisherClock, timestamp: u32, now_us: i64) -> i64 {
        self.clock
            .local_us(publisher, timestamp, self.clock_rate)
            .unwrap_or(now_us)
    }
}
