//! Pictures as packets of VP8 (RFC 7741).

use crate::call::Call;
use _plane::extension::Writer;

/// A picture to be published.
#[derive(Default, Clone, Copy)]
pub(crate) struct Frame {
    pub(crate) ssrc: u32,
    pub(crate) rid: Option<&'static str>,
    pub(crate) key: bool,
    pub(crate) packets: usize,
    pub(crate) temporal: u8,
    /// Whether mid and rid are left out.
    pub(crate) nameless: bool,
    /// The packet that never arrives.
    pub(crate) lose: Option<usize>,
}

impl Frame {
    pub(crate) fn new(ssrc: u32, key: bool, packets: usize) -> Self {
        Self {
            ssrc,
            key,
            packets,
            ..Self::default()
        }
    }

    pub(crate) fn key(ssrc: u32, packets: usize) -> Self {
        Self::new(ssrc, true, packets)
    }

    pub(crate) fn delta(ssrc: u32, packets: usize) -> Self {
        Self::new(ssrc, false, packets)
    }
}

pub(crate) struct Stream {
    pub(crate) ssrc: u32,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) picture_id: u16,
}

impl Call {
    /// Plain packets of one picture.
    pub(crate) fn packets(&mut self, frame: Frame) -> Vec<Vec<u8>> {
        if !self.streams.iter().any(|stream| stream.ssrc == frame.ssrc) {
            self.streams.push(Stream {
                ssrc: frame.ssrc,
                sequence: frame.ssrc as u16,
                timestamp: frame.ssrc,
                picture_id: 100,
            });
        }
        let stream = self
            .streams
            .iter_mut()
            .find(|stream| stream.ssrc == frame.ssrc)
            .expect("just made");
        stream.timestamp += 3000;
        stream.picture_id += 1;
        let mut packets = Vec::new();
        for n in 0..frame.packets {
            stream.sequence = stream.sequence.wrapping_add(1);
            self.transport_sequence += 1;
            let first = n == 0;
            let mut packet = vec![0x90, 96 | u8::from(n + 1 == frame.packets) << 7];
            packet.extend(stream.sequence.to_be_bytes());
            packet.extend(stream.timestamp.to_be_bytes());
            packet.extend(frame.ssrc.to_be_bytes());
            let mut block = [0u8; 64];
            let mut writer = Writer::new(&mut block, false);
            writer.put(3, &self.transport_sequence.to_be_bytes());
            if !frame.nameless {
                writer.put(4, b"m1");
            }
            if let Some(rid) = frame.rid {
                writer.put(10, rid.as_bytes());
            }
            let len = writer.finish();
            packet.extend(&block[..len]);
            // The layer is named where it is not the lowest.
            let is_upper = frame.temporal > 0;
            packet.extend([0x80 | u8::from(first) << 4, 0x80 | u8::from(is_upper) << 5]);
            packet.extend((0x8000 | stream.picture_id).to_be_bytes());
            packet.extend(is_upper.then_some(frame.temporal << 6));
            if first {
                packet.extend([
                    u8::from(!frame.key),
                    0,
                    0,
                    0x9d,
                    0x01,
                    0x2a,
                    0x40,
                    0x01,
                    0xb4,
                    0x00,
                ]);
            }
            packet.extend([n as u8; 200]);
            packets.push(packet);
        }
        packets
    }
}
