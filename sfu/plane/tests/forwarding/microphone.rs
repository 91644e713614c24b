//! Sound as packets of Opus (RFC 7587) with its level (RFC 6464).

use crate::call::{Call, SUBSCRIBER};
use _plane::command::Command;
use _plane::extension::Writer;

/// Level of somebody who speaks, and of silence.
pub(crate) const SPEECH: u8 = 0x80 | 30;
pub(crate) const SILENCE: u8 = 127;

pub(crate) struct Microphone {
    pub(crate) ssrc: u32,
    /// Of the last packet.
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    /// Whether packets name their m-line.
    pub(crate) named: bool,
}

impl Microphone {
    pub(crate) fn new(ssrc: u32, sequence: u16) -> Self {
        Self {
            ssrc,
            sequence,
            timestamp: 0,
            named: false,
        }
    }

    /// 20 ms of sound at a level; no time passes for the server.
    pub(crate) fn speak(&mut self, call: &mut Call, level: u8) {
        self.sequence += 1;
        self.timestamp += 960;
        let mut packet = vec![0x90, 111];
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(self.timestamp.to_be_bytes());
        packet.extend(self.ssrc.to_be_bytes());
        let mut block = [0u8; 16];
        let mut writer = Writer::new(&mut block, false);
        writer.put(1, &[level]);
        if self.named {
            writer.put(4, b"a");
        }
        let len = writer.finish();
        packet.extend(&block[..len]);
        packet.extend([0x78; 40]);
        call.publish_packet(packet);
    }
}

impl Call {
    /// The subscriber hears what a route carries, under this SSRC.
    pub(crate) fn subscribe_audio(&mut self, egress: u32, route: u32, ssrc: u32) {
        self.apply(Command::AddEgress {
            egress,
            transport: SUBSCRIBER,
            route,
            mid: format!("a{egress}"),
            ssrc,
            rtx_ssrc: 0,
        });
    }
}
