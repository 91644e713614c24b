//! What time brings: reports, feedback, requests for what is missing, consent.

use crate::clock::Now;
use crate::command::Id;
use crate::forwarder::Forwarder;
use crate::report::{LayerRate, Report};
use crate::rtcp::{Compound, ReportBlock};
use crate::table::Key;
use crate::track::Origin;
use crate::transport::{Transport, CONSENT_US};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Between reports on the same streams (RFC 3550 §6.2 allows less on fast links).
const REPORT_US: i64 = 1_000_000;
/// Between looks whether a subscriber still reports on what is in flight.
const WATCH_US: i64 = 100_000;
/// Subscribers' turns come at multiples of so much of what is between them: many at a time wake the
/// thread once.
const GRIDS: i64 = 20;
/// Between transport-wide feedback packets to a publisher.
const FEEDBACK_US: i64 = 50_000;
/// Between looks at holes and wanted keyframes while there are some.
const REPAIR_US: i64 = 10_000;
/// Between reports of audio levels.
const LEVELS_US: i64 = 200_000;
/// An egress that has sent nothing for longer reports nothing.
const SILENT_US: i64 = 5_000_000;
/// A compound packet is closed when it is this long.
const MAX_COMPOUND: usize = 1_000;
/// RTT towards publishers at least; their reports do not tell it, but their answers do.
const PUBLISHER_ROUND_TRIP_US: i64 = 60_000;
/// Who reports: we send nothing of our own to publishers (RFC 3550 §6.4.2 wants an SSRC all the same).
pub(crate) const OUR_SSRC: u32 = 1;

/// When to look at which transport again.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    regular: BinaryHeap<Reverse<(i64, Key, Id)>>,
    repairs: Vec<Origin>,
    repair_us: i64,
    levels_us: i64,
}

impl Agenda {
    /// A transport has come; its turns are spread over the interval.
    pub(crate) fn begin(&mut self, key: Key, id: Id, now_us: i64) {
        let spread = i64::from(id.wrapping_mul(7919) % 50) * 1_000;
        self.regular.push(Reverse((now_us + spread, key, id)));
    }

    /// Something is missing of what comes from there: ask soon.
    pub(crate) fn hasten(&mut self, origin: Origin) {
        if !self.repairs.contains(&origin) {
            self.repairs.push(origin);
        }
    }
}

impl Forwarder {
    /// Does what is due; gives when it wants to be called again.
    pub(crate) fn run_agenda(&mut self, now: Now) -> i64 {
        if now.us >= self.agenda.repair_us && !self.agenda.repairs.is_empty() {
            self.agenda.repair_us = now.us + REPAIR_US;
            for origin in std::mem::take(&mut self.agenda.repairs) {
                let again = match origin {
                    Origin::Transport(key) => self.request_missing(key, now),
                    Origin::Peer(key) => self.ask_peer(key, now),
                };
                if again {
                    self.agenda.hasten(origin);
                }
            }
        }
        if now.us >= self.agenda.levels_us {
            self.agenda.levels_us = now.us + LEVELS_US;
            self.report_levels(now.us);
        }
        while let Some(Reverse((due_us, key, id))) = self.agenda.regular.peek().copied() {
            if due_us > now.us || self.outbox.messages_free() < 8 {
                break;
            }
            self.agenda.regular.pop();
            if self
                .transports
                .get(key)
                .is_some_and(|transport| transport.id == id)
            {
                let next_us = self.attend(key, now);
                self.agenda.regular.push(Reverse((next_us, key, id)));
            }
        }
        let regular_us = self
            .agenda
            .regular
            .peek()
            .map_or(i64::MAX, |Reverse((due_us, ..))| *due_us);
        let repair_us = if self.agenda.repairs.is_empty() {
            i64::MAX
        } else {
            self.agenda.repair_us
        };
        regular_us.min(repair_us).min(self.agenda.levels_us)
    }

    /// One transport's turn; gives the time of its next.
    fn attend(&mut self, key: Key, now: Now) -> i64 {
        let Some(transport) = self.transports.get_mut(key) else {
            return now.us + REPORT_US;
        };
        if transport.is_up && now.us - transport.consent_us > CONSENT_US {
            transport.is_up = false;
            self.reports.push(Report::PathDown {
                transport: transport.id,
            });
        }
        transport.history.look_after(now.us);
        self.list_news(key, now.us);
        let Some(transport) = self.transports.get_mut(key) else {
            return now.us + REPORT_US;
        };
        let subscribes = !transport.egresses.is_empty();
        let waits = transport.history.is_waiting();
        let publishes = !transport.tracks.is_empty();
        let report_due = now.us - transport.reported_us >= REPORT_US;
        if report_due {
            transport.reported_us = now.us;
            let sends = transport.history.silent_us(now.us) <= SILENT_US;
            if publishes {
                self.report_reception(key, now);
                self.report_rates(key, now);
            }
            // None of its egresses has anything to report otherwise: an idle audience costs little.
            if sends {
                self.report_sending(key, now);
                self.look_for_stills(key, now);
            }
        }
        if publishes {
            self.tell_upload(key, now);
            self.send_transport_feedback(key, now);
            now.us + FEEDBACK_US
        } else {
            let after_us = if subscribes && waits {
                WATCH_US
            } else {
                REPORT_US
            };
            let grid_us = after_us / GRIDS;
            (now.us + after_us) / grid_us * grid_us + grid_us
        }
    }

    /// Receiver report on everything a publisher sends (RFC 3550 §6.4.2).
    fn report_reception(&mut self, key: Key, now: Now) {
        let Some(transport) = self.transports.get(key) else {
            return;
        };
        let mut blocks: Vec<ReportBlock> = Vec::new();
        for track in &transport.tracks {
            let Some(track) = self.tracks.get_mut(*track) else {
                continue;
            };
            for layer in track
                .layers
                .iter_mut()
                .filter(|layer| layer.is_alive(now.us))
            {
                blocks.extend(layer.reception.report_block(layer.ssrc, now.us));
            }
        }
        let cname = transport.cname.clone();
        for chunk in blocks.chunks(24) {
            let mut packet = Vec::with_capacity(MAX_COMPOUND);
            let mut compound = Compound::new(&mut packet);
            compound.receiver_report(OUR_SSRC, chunk);
            compound.sdes_cname(OUR_SSRC, &cname);
            self.send_control(key, &mut packet);
        }
    }

    /// Once a second: what each layer brings.
    fn report_rates(&mut self, key: Key, now: Now) {
        let Some(transport) = self.transports.get(key) else {
            return;
        };
        for track in &transport.tracks {
            let Some(track) = self.tracks.get_mut(*track) else {
                continue;
            };
            track.refresh_alive(now.us);
            let layers = track.layers.iter_mut().map(|layer| {
                let rates = layer.reception.rates(now.us);
                let (width, height) = layer.resolution;
                LayerRate {
                    bps: rates.bps,
                    fps: rates.fps,
                    width,
                    height,
                }
            });
            let layers = layers.collect();
            self.reports.push(Report::TrackRates {
                track: track.id,
                layers,
            });
        }
    }

    /// Sender reports of everything a subscriber is sent, on one clock, so that
    /// sound and picture of a publisher stay together (RFC 3550 §6.4.1).
    fn report_sending(&mut self, key: Key, now: Now) {
        let mut packet = std::mem::take(&mut self.scratch);
        packet.clear();
        for at in 0.. {
            let Some(transport) = self.transports.get(key) else {
                break;
            };
            let Some(egress) = transport.egresses.get(at) else {
                break;
            };
            let Some(egress) = self.egresses.get(*egress) else {
                continue;
            };
            if now.us - egress.last_sent_us > SILENT_US {
                continue;
            }
            let Some(rtp) = self.media_time(egress, now) else {
                continue;
            };
            let mut compound = Compound::new(&mut packet);
            let (packets, octets) = (egress.packets, egress.octets);
            compound.sender_report(egress.ssrc, now.ntp, rtp, packets, octets, &[]);
            compound.sdes_cname(egress.ssrc, &transport.cname);
            if packet.len() > MAX_COMPOUND {
                self.send_control(key, &mut packet);
                packet.clear();
            }
        }
        if !packet.is_empty() {
            self.send_control(key, &mut packet);
        }
        self.scratch = packet;
    }

    /// The RTP timestamp that a picture captured now would leave an egress with.
    fn media_time(&self, egress: &crate::egress::Egress, now: Now) -> Option<u32> {
        let track = self.tracks.get(self.routes.get(egress.route)?.track?)?;
        let (spatial, _) = egress.select.current();
        let layer = track.layers.get(usize::try_from(spatial).ok()?)?;
        let clock = self.clock_of(track)?;
        let incoming = layer
            .clock
            .rtp_at(&clock, now.us, track.codec.clock_rate())?;
        Some(egress.timestamp(incoming))
    }

    fn send_transport_feedback(&mut self, key: Key, now: Now) {
        let Some(transport) = self.transports.get_mut(key) else {
            return;
        };
        transport.feedback_us = now.us;
        let media = transport.tracks.first().and_then(|track| {
            self.tracks
                .get(*track)?
                .layers
                .first()
                .map(|layer| layer.ssrc)
        });
        let mut packet = std::mem::take(&mut self.scratch);
        packet.clear();
        if transport
            .recorder
            .build(OUR_SSRC, media.unwrap_or(0), &mut packet)
        {
            self.send_control(key, &mut packet);
        }
        self.scratch = packet;
    }

    /// Asks a publisher for lost packets and wanted keyframes; gives whether to look again soon.
    fn request_missing(&mut self, key: Key, now: Now) -> bool {
        let Some(transport) = self.transports.get(key) else {
            return false;
        };
        let mut packet = Vec::new();
        let mut again = false;
        let mut sequences = Vec::new();
        for track in &transport.tracks {
            let Some(track) = self.tracks.get_mut(*track) else {
                continue;
            };
            let is_video = track.codec.is_video();
            let is_shown = !track.routes.is_empty();
            // Of simulcast, what is not sent cannot be asked for.
            let may_end = track.layers.len() > 1 && !track.settles(now.us);
            let forwarded = track.layers.iter_mut().take(track.cap.into());
            for layer in forwarded.filter(|layer| layer.ssrc != 0) {
                if is_video {
                    sequences.clear();
                    layer
                        .missing
                        .due(now.us, PUBLISHER_ROUND_TRIP_US, &mut sequences);
                    if !sequences.is_empty() {
                        Compound::new(&mut packet).nack(
                            OUR_SSRC,
                            layer.ssrc,
                            sequences.iter().copied(),
                        );
                        self.counters.nacks_out += 1;
                    }
                    if layer.missing.gave_up() && is_shown {
                        layer.keyframes.want();
                    }
                    if may_end && !layer.is_alive(now.us) {
                        layer.keyframes.cancel();
                    }
                    if layer.keyframes.due(now.us) {
                        Compound::new(&mut packet).pli(OUR_SSRC, layer.ssrc);
                        self.counters.plis_out += 1;
                    }
                    again |= layer.missing.is_waiting() || layer.keyframes.is_wanted();
                }
            }
        }
        if !packet.is_empty() {
            self.send_control(key, &mut packet);
        }
        again
    }

    /// Bytes received from and sent to each transport so far.
    pub(crate) fn report_traffic(&mut self) -> Result<(), &'static str> {
        let total = |transport: &Transport| {
            let sent = transport.history.total_bytes();
            (transport.id, transport.received_bytes, sent)
        };
        let totals = self.transports.iter_mut().map(|(_, row)| total(row));
        self.reports.push(Report::Traffic {
            totals: totals.collect(),
        });
        Ok(())
    }

    /// Of the microphones that are forwarded: nobody is the speaker whom others do not hear.
    fn report_levels(&mut self, now_us: i64) {
        let mut levels: Vec<(Id, u8)> = Vec::new();
        for (key, track) in self.tracks.iter_mut() {
            let Some(audible) = track.audible.as_mut() else {
                continue;
            };
            if audible.expire(now_us).is_some() {
                self.reports.push(Report::Audible {
                    track: track.id,
                    audible: false,
                });
            }
            let group = track.top_speakers;
            let top = group.and_then(|key| self.top_speakers.get(key));
            let is_forwarded = !track.muted && top.is_none_or(|top| top.holds(key));
            if audible.is_audible() && is_forwarded {
                levels.push((track.id, audible.level()));
            }
        }
        if !levels.is_empty() {
            self.reports.push(Report::Levels { levels });
        }
    }

    /// Seals, in place, and sends RTCP; reduced-size packets were negotiated (RFC 5506).
    pub(crate) fn send_control(&mut self, key: Key, packet: &mut Vec<u8>) {
        let Some(transport) = self.transports.get_mut(key) else {
            return;
        };
        let destination = transport.destination().copied();
        let (Some(sealer), Some(destination)) = (transport.sealer.as_mut(), destination) else {
            return;
        };
        sealer.seal_rtcp(packet);
        if self.put(&destination, packet) {
            self.counters.packets_out_rtcp += 1;
            self.counters.bytes_out_rtcp += packet.len() as u64;
        }
    }
}
