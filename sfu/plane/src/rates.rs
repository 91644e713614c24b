//! What a transport may send, as the control plane orders it in packed rows.

use crate::names::Id;

/// Name and numpy type of each field of a packed row, in order.
pub const RATES_DTYPE: &[(&str, &str)] = &[
    ("transport", "<u4"),
    ("flags", "<u2"),
    ("probe", "<u2"),
    ("target_bps", "<u4"),
    ("pacing_bps", "<u4"),
    ("padding_bps", "<u4"),
    ("probe_bps", "<u4"),
    ("probe_bytes", "<u4"),
    ("probe_packets", "<u2"),
    ("reserved", "<u2"),
    ("ceiling_bps", "<u4"),
];

/// Bytes of one packed row.
pub const RATES_BYTES: usize = 4 + 2 + 2 + 4 * 5 + 2 + 2 + 4;

/// Start the probe cluster that the row describes.
const FLAG_START_PROBE: u16 = 1;
/// Forget the probe clusters that have not ended.
const FLAG_ABORT_PROBES: u16 = 2;
/// What the receiver reports may wait, unless it is urgent.
const FLAG_AT_LEISURE: u16 = 4;

/// Packets at a rate, sent to see whether they come in at that rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// As the control plane names it, never 0.
    pub id: u16,
    /// Bits per second.
    pub bps: u32,
    /// Complete when so many bytes …
    pub bytes: u32,
    /// … in so many packets have left.
    pub packets: u16,
}

/// One transport's rates, in bits per second with everything included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// The transport.
    pub transport: Id,
    /// What the path is believed to carry.
    pub target_bps: u32,
    /// No faster than this; 0 for no limit.
    pub pacing_bps: u32,
    /// Padding fills up to this total; 0 for none.
    pub padding_bps: u32,
    /// What the receiver's budget allows; 0 for all.
    pub ceiling_bps: u32,
    /// A cluster to be sent.
    pub probe: Option<Cluster>,
    /// Whether clusters that have not ended are forgotten first.
    pub abort_probes: bool,
    /// Whether nothing is to be gained by hearing of it soon.
    pub at_leisure: bool,
}

/// Reads packed rows; says what is wrong with them otherwise.
pub fn unpack(rows: &[u8]) -> Result<Vec<Rates>, &'static str> {
    let chunks = rows.chunks_exact(RATES_BYTES);
    if !chunks.remainder().is_empty() {
        return Err("rates must be whole rows");
    }
    chunks.map(unpack_row).collect()
}

fn unpack_row(row: &[u8]) -> Result<Rates, &'static str> {
    let short = |at: usize| u16::from_le_bytes([row[at], row[at + 1]]);
    let long = |at: usize| u32::from_le_bytes([row[at], row[at + 1], row[at + 2], row[at + 3]]);
    let flags = short(4);
    if flags & !(FLAG_START_PROBE | FLAG_ABORT_PROBES | FLAG_AT_LEISURE) != 0 {
        return Err("rates have an unknown flag");
    }
    let cluster = Cluster {
        id: short(6),
        bps: long(20),
        bytes: long(24),
        packets: short(28),
    };
    let starts = flags & FLAG_START_PROBE != 0;
    if starts && (cluster.id == 0 || cluster.bps == 0) {
        return Err("a probe must have an id and a rate");
    }
    Ok(Rates {
        transport: long(0),
        target_bps: long(8),
        pacing_bps: long(12),
        padding_bps: long(16),
        ceiling_bps: long(32),
        probe: starts.then_some(cluster),
        abort_probes: flags & FLAG_ABORT_PROBES != 0,
        at_leisure: flags & FLAG_AT_LEISURE != 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(flags: u16, probe: u16) -> Vec<u8> {
        let mut row = 7u32.to_le_bytes().to_vec();
        row.extend(flags.to_le_bytes());
        row.extend(probe.to_le_bytes());
        for value in [1u32, 2, 3, 4, 5] {
            row.extend(value.to_le_bytes());
        }
        row.extend([6, 0, 0, 0]);
        row.extend(7u32.to_le_bytes());
        row
    }

    #[test]
    fn reads_what_the_type_describes() {
        let width = |(_, kind): &(&str, &str)| kind[2..].parse::<usize>().expect("size");
        assert_eq!(RATES_DTYPE.iter().map(width).sum::<usize>(), RATES_BYTES);
        let rows = [packed(4, 0), packed(3, 9)].concat();
        let cluster = Cluster {
            id: 9,
            bps: 4,
            bytes: 5,
            packets: 6,
        };
        let first = Rates {
            transport: 7,
            target_bps: 1,
            pacing_bps: 2,
            padding_bps: 3,
            ceiling_bps: 7,
            at_leisure: true,
            ..Rates::default()
        };
        let second = Rates {
            probe: Some(cluster),
            abort_probes: true,
            at_leisure: false,
            ..first
        };
        assert_eq!(unpack(&rows), Ok(vec![first, second]));
        assert_eq!(unpack(&[]), Ok(Vec::new()));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        assert!(unpack(&[0; RATES_BYTES - 1]).is_err());
        assert!(unpack(&packed(1, 0)).is_err(), "a probe without a name");
        assert!(unpack(&packed(8, 0)).is_err(), "an unknown flag");
    }
}
