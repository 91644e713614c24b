//! Which of a publisher's streams a packet belongs to: by its SSRC, else by its mid
//! and rid (RFC 8843 §9.2, RFC 8852 §3), else by the only source that its payload
//! type fits.

use crate::rtp::Rtp;
use crate::table::{Key, Table};
use crate::track::Track;
use crate::transport::{Stream, Transport};
use std::collections::VecDeque;

/// Names remembered per transport.
const MAX_NAMES: usize = 64;

/// What an SSRC was last called in header extensions. A sender stops repeating that
/// once it was acknowledged, and may go on without when its source comes back; so
/// names outlive the tracks that they led to.
#[derive(Debug, Default)]
pub struct Names(VecDeque<Name>);

#[derive(Debug, Clone)]
struct Name {
    ssrc: u32,
    mid: Box<str>,
    rid: Option<Box<str>>,
}

impl Names {
    fn remember(&mut self, name: Name) {
        self.0.retain(|known| known.ssrc != name.ssrc);
        if self.0.len() == MAX_NAMES {
            self.0.pop_front();
        }
        self.0.push_back(name);
    }

    fn recall(&self, ssrc: u32) -> Option<&Name> {
        self.0.iter().find(|known| known.ssrc == ssrc)
    }
}

/// The stream of a packet.
pub(crate) struct Identified {
    pub(crate) stream: Stream,
    /// The layer has begun anew under another SSRC: its numbers have nothing to do with those before.
    pub(crate) restarted: bool,
}

/// Finds the stream of an authenticated packet, and learns its SSRC; `None` also for one that would
/// replace another too soon.
pub(crate) fn identify(
    transport: &mut Transport,
    tracks: &mut Table<Track>,
    header: &Rtp,
    packet: &[u8],
    now_us: i64,
) -> Option<Identified> {
    if let Some(stream) = transport.stream(header.ssrc) {
        return Some(Identified {
            stream,
            restarted: false,
        });
    }
    let (codec, is_rtx) = transport.codec(header.payload_type)?;
    let name = read_name(transport, header, packet, is_rtx);
    let name = name.or_else(|| transport.names.recall(header.ssrc).cloned());
    let fits = |key: &Key| {
        tracks.get(*key).is_some_and(|track| match &name {
            Some(name) => *track.mid == *name.mid,
            None => track.codec == codec && track.layers.len() == 1,
        })
    };
    let mut matching = transport.tracks.iter().copied().filter(fits);
    let key = matching.next()?;
    if name.is_none() && matching.next().is_some() {
        return None;
    }
    let track = tracks.get_mut(key)?;
    let rid = name.as_ref().and_then(|name| name.rid.as_deref());
    let layer = match rid {
        Some(rid) => track.layers.iter().position(|layer| layer.rid == rid)?,
        None if track.layers.len() == 1 => 0,
        None => return None,
    };
    let ingress = &mut track.layers[layer];
    let restarted = !is_rtx && ingress.ssrc != 0;
    if restarted && !ingress.may_restart(now_us) {
        return None;
    }
    let stream = Stream {
        ssrc: header.ssrc,
        track: key,
        layer: layer as u8,
        rtx: is_rtx,
    };
    if !transport.learn(stream) {
        return None;
    }
    if let Some(name) = name {
        transport.names.remember(name);
    }
    if is_rtx {
        ingress.rtx_ssrc = header.ssrc;
    } else if restarted {
        ingress.restart(header.ssrc, now_us);
        transport.forget_retransmissions(key, stream.layer);
    } else {
        ingress.ssrc = header.ssrc;
    }
    Some(Identified { stream, restarted })
}

fn read_name(transport: &Transport, header: &Rtp, packet: &[u8], is_rtx: bool) -> Option<Name> {
    let ids = &transport.extensions;
    let text = |id: u8| std::str::from_utf8(header.extensions.find(packet, id)?).ok();
    let mid = text(ids.mid)?;
    let rid = text(if is_rtx { ids.repaired_rid } else { ids.rid });
    Some(Name {
        ssrc: header.ssrc,
        mid: mid.into(),
        rid: rid.map(Into::into),
    })
}
