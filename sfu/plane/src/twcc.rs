//! Transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1): parse and build.

use crate::malformed::Malformed;
use crate::seq::Unwrapper;

/// Up to the packet chunks: RTCP header, two SSRCs, base, count, reference time, feedback count.
const HEADER: usize = 20;
/// Unit of receive deltas.
const DELTA_US: i64 = 250;
/// Unit of the reference time.
const REFERENCE_US: i64 = 64_000;
/// Packets that one report may be on; senders remember fewer.
const MAX_REPORTED: u16 = 2048;
/// Arrivals kept until they are reported; the oldest are forgotten first.
const MAX_PENDING: usize = 2048;
/// Statuses in one report: with two bytes of delta each it stays within a datagram.
const MAX_STATUSES: u64 = 400;

/// A report as a view on its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Feedback<'a> {
    /// Transport-wide number of the first packet reported on.
    pub base_sequence: u16,
    /// How many packets are reported on.
    pub count: u16,
    /// Counts the reports.
    pub feedback_count: u8,
    /// Receiver's time that the first delta counts from.
    pub reference_time_us: i64,
    chunks: &'a [u8],
    deltas: &'a [u8],
}

/// Reads a whole RTCP packet of type 205, format 15.
pub fn parse(packet: &[u8]) -> Result<Feedback<'_>, Malformed> {
    let Some(header) = packet.first_chunk::<HEADER>() else {
        return Err(Malformed("transport feedback cut off"));
    };
    let count = u16::from_be_bytes([header[14], header[15]]);
    if count > MAX_REPORTED {
        return Err(Malformed("transport feedback on too many packets"));
    }
    let mut at = HEADER;
    let mut statuses = 0;
    let mut delta_bytes = 0;
    while statuses < usize::from(count) {
        let Some(chunk) = packet.get(at..at + 2) else {
            return Err(Malformed("transport feedback chunks cut off"));
        };
        at += 2;
        let chunk = Chunk::new(chunk, usize::from(count) - statuses);
        statuses += chunk.len;
        delta_bytes += (0..chunk.len)
            .map(|n| usize::from(chunk.symbol(n).min(2)))
            .sum::<usize>();
    }
    let (Some(chunks), Some(deltas)) = (packet.get(HEADER..at), packet.get(at..at + delta_bytes))
    else {
        return Err(Malformed("transport feedback deltas cut off"));
    };
    Ok(Feedback {
        base_sequence: u16::from_be_bytes([header[12], header[13]]),
        count,
        feedback_count: header[19],
        reference_time_us: i64::from(
            i32::from_be_bytes([header[16], header[17], header[18], 0]) >> 8,
        ) * REFERENCE_US,
        chunks,
        deltas,
    })
}

impl<'a> Feedback<'a> {
    /// Each packet's number and arrival in the receiver's time, `None` when it has not come.
    pub fn iter(&self) -> Statuses<'a> {
        Statuses {
            sequence: self.base_sequence,
            left: usize::from(self.count),
            time_us: self.reference_time_us,
            chunks: self.chunks,
            deltas: self.deltas,
            chunk: Chunk { bits: 0, len: 0 },
            at: 0,
        }
    }
}

/// Iterator over the packets of a report.
#[derive(Clone, Debug)]
pub struct Statuses<'a> {
    sequence: u16,
    left: usize,
    time_us: i64,
    chunks: &'a [u8],
    deltas: &'a [u8],
    chunk: Chunk,
    at: usize,
}

impl Iterator for Statuses<'_> {
    type Item = (u16, Option<i64>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        if self.at == self.chunk.len {
            let (chunk, rest) = self.chunks.split_at_checked(2)?;
            self.chunks = rest;
            self.chunk = Chunk::new(chunk, self.left);
            self.at = 0;
        }
        let delta = match (self.chunk.symbol(self.at), self.deltas) {
            (1, [small, rest @ ..]) => {
                self.deltas = rest;
                Some(i64::from(*small))
            }
            (2, [high, low, rest @ ..]) => {
                self.deltas = rest;
                Some(i64::from(i16::from_be_bytes([*high, *low])))
            }
            _ => None,
        };
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        self.left -= 1;
        self.at += 1;
        let arrival = delta.map(|delta| {
            self.time_us += delta * DELTA_US;
            self.time_us
        });
        Some((sequence, arrival))
    }
}

/// A packet chunk (§3.1.3, §3.1.4): symbol 0 not received, 1 small delta, 2 large delta.
#[derive(Clone, Copy, Debug)]
struct Chunk {
    bits: u16,
    len: usize,
}

impl Chunk {
    fn new(bytes: &[u8], left: usize) -> Self {
        let bits = u16::from_be_bytes([bytes[0], bytes[1]]);
        let len = match bits >> 14 {
            0 | 1 => usize::from(bits & 0x1fff),
            2 => 14,
            _ => 7,
        };
        // An empty run would never end; it stands for one packet that has not come.
        Self {
            bits,
            len: len.clamp(1, left.max(1)),
        }
    }

    fn symbol(self, n: usize) -> u8 {
        let symbol = match self.bits >> 14 {
            0 | 1 if self.bits & 0x1fff == 0 => 0,
            0 | 1 => self.bits >> 13 & 3,
            2 => self.bits >> (13 - n) & 1,
            _ => self.bits >> (12 - 2 * n) & 3,
        };
        // 3 is reserved; without a delta there is no arrival.
        if symbol == 3 {
            0
        } else {
            symbol as u8
        }
    }
}

/// Arrivals of a publisher's packets, until they are reported to it.
#[derive(Debug, Default)]
pub struct Recorder {
    unwrapper: Unwrapper,
    pending: Vec<(u64, i64)>,
    /// The first number not reported on yet.
    next: Option<u64>,
    feedback_count: u8,
}

impl Recorder {
    /// A packet with this transport-wide number has come.
    #[inline]
    pub fn record(&mut self, sequence: u16, now_us: i64) {
        let sequence = self.unwrapper.unwrap(sequence);
        if self.pending.len() < MAX_PENDING {
            self.pending.push((sequence, now_us));
        }
    }

    /// Writes one report on what has come since the last, behind what `out` holds;
    /// false when there is nothing to report. What has come late is reported again from there on.
    pub fn build(&mut self, sender_ssrc: u32, media_ssrc: u32, out: &mut Vec<u8>) -> bool {
        self.pending.sort_unstable();
        self.pending.dedup_by_key(|(sequence, _)| *sequence);
        let Some((first, first_us)) = self.pending.first().copied() else {
            return false;
        };
        // Numbers that were left out in between are reported as not received, unless the gap is absurd.
        let base = self
            .next
            .filter(|next| *next <= first && first - next < MAX_STATUSES / 2)
            .unwrap_or(first);
        let reference = first_us.div_euclid(REFERENCE_US);
        let (symbols, deltas, taken) = self.encode(base, reference * REFERENCE_US);
        let start = out.len();
        out.extend([0x8f, 205, 0, 0]);
        out.extend(sender_ssrc.to_be_bytes());
        out.extend(media_ssrc.to_be_bytes());
        out.extend((base as u16).to_be_bytes());
        out.extend((symbols.len() as u16).to_be_bytes());
        out.extend(&(reference as u32).to_be_bytes()[1..]);
        out.push(self.feedback_count);
        self.feedback_count = self.feedback_count.wrapping_add(1);
        put_chunks(&symbols, out);
        out.extend(deltas);
        let len = (out.len() - start).next_multiple_of(4);
        out.resize(start + len, 0);
        out[start + 2..start + 4].copy_from_slice(&((len / 4 - 1) as u16).to_be_bytes());
        self.next = Some(base + symbols.len() as u64);
        self.pending.drain(..taken);
        true
    }

    /// Symbols and deltas from `base` on, and how many arrivals they cover.
    fn encode(&self, base: u64, mut time_us: i64) -> (Vec<u8>, Vec<u8>, usize) {
        let mut symbols: Vec<u8> = Vec::with_capacity(64);
        let mut deltas = Vec::with_capacity(64);
        let mut taken = 0;
        for (sequence, arrival_us) in &self.pending {
            let delta = (arrival_us - time_us).div_euclid(DELTA_US);
            let too_far = i16::try_from(delta).is_err() || sequence - base >= MAX_STATUSES;
            if too_far && taken > 0 {
                break;
            }
            symbols.resize((sequence - base) as usize, 0);
            time_us += delta * DELTA_US;
            match u8::try_from(delta) {
                Ok(small) => {
                    symbols.push(1);
                    deltas.push(small);
                }
                Err(_) => {
                    symbols.push(2);
                    let large = delta.clamp(i64::from(i16::MIN), i64::from(i16::MAX)) as i16;
                    deltas.extend(large.to_be_bytes());
                }
            }
            taken += 1;
        }
        (symbols, deltas, taken)
    }
}

/// Runs of at least seven equal symbols as run lengths, the rest as vectors of seven.
fn put_chunks(mut symbols: &[u8], out: &mut Vec<u8>) {
    while let Some(first) = symbols.first() {
        let run = symbols
            .iter()
            .take(0x1fff)
            .take_while(|symbol| *symbol == first)
            .count();
        if run >= 7 || run == symbols.len() {
            out.extend((u16::from(*first) << 13 | run as u16).to_be_bytes());
            symbols = &symbols[run..];
        } else {
            let taken = symbols.len().min(7);
            let vector = symbols[..taken]
                .iter()
                .enumerate()
                .fold(0xc000u16, |bits, (n, symbol)| {
                    bits | u16::from(*symbol) << (12 - 2 * n)
                });
            out.extend(vector.to_be_bytes());
            symbols = &symbols[taken..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_a_report_made_by_hand() {
        let mut packet = vec![
            0x8f, 205, 0, 6, 0, 0, 0, 1, 0, 0, 0, 2, 0xff, 0xff, 0, 10, 0, 0, 2, 7,
        ];
        // One-bit vector 1 0 1, padded; then three more by two-bit vector, of which the second is large.
        packet.extend([0x20, 0x02]); // run: 2 small
        packet.extend([0x00, 0x06]); // run: 6 not received
        packet.extend([0xd8, 0x00]); // vector: 01 10
        packet.extend([4, 8, 1, 0xff, 0xfc]);
        packet.resize(32, 0);
        let feedback = parse(&packet).expect("valid");
        assert_eq!(
            (
                feedback.base_sequence,
                feedback.count,
                feedback.feedback_count
            ),
            (0xffff, 10, 7)
        );
        let got: Vec<(u16, Option<i64>)> = feedback.iter().collect();
        assert_eq!(got[0], (0xffff, Some(129_000)));
        assert_eq!(got[1], (0, Some(131_000)));
        assert!(got[2..8].iter().all(|(_, arrival)| arrival.is_none()));
        assert_eq!(got[8..], [(7, Some(131_250)), (8, Some(130_250))]);
    }

    #[test]
    fn refuses_what_is_cut_off() {
        let mut recorder = Recorder::default();
        (0..20).for_each(|n| recorder.record(n * 2, i64::from(n) * 1000));
        let mut packet = Vec::new();
        assert!(recorder.build(1, 2, &mut packet));
        assert!(parse(&packet).is_ok());
        for len in 0..packet.len() - 4 {
            assert!(parse(&packet[..len]).is_err(), "{len}");
        }
    }

    #[test]
    fn refuses_a_report_on_more_than_anybody_sent() {
        let mut packet = vec![0x8f, 205, 0, 9, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0xff, 0xff];
        packet.resize(40, 0);
        assert!(parse(&packet).is_err());
    }

    #[test]
    fn goes_on_where_the_last_report_ended() {
        let mut recorder = Recorder::default();
        recorder.record(10, 1000);
        let mut packet = Vec::new();
        assert!(recorder.build(1, 2, &mut packet));
        packet.clear();
        assert!(!recorder.build(1, 2, &mut packet), "nothing new");
        recorder.record(13, 2000);
        assert!(recorder.build(1, 2, &mut packet));
        let feedback = parse(&packet).expect("valid");
        let got: Vec<(u16, bool)> = feedback
            .iter()
            .map(|(sequence, arrival)| (sequence, arrival.is_some()))
            .collect();
        assert_eq!(got, [(11, false), (12, false), (13, true)]);
    }

    proptest! {
        #[test]
        fn reports_what_came_and_when(start: u16, gaps in prop::collection::vec((1u16..5, 0i64..40_000), 1..60)) {
            let mut recorder = Recorder::default();
            let (mut sequence, mut now_us) = (start, 1_000_000);
            let mut came = Vec::new();
            for (step, pause) in gaps {
                sequence = sequence.wrapping_add(step);
                now_us += pause;
                recorder.record(sequence, now_us);
                came.push((sequence, now_us));
            }
            let mut packet = Vec::new();
            prop_assert!(recorder.build(1, 2, &mut packet));
            prop_assert_eq!(packet.len() % 4, 0);
            let got: Vec<(u16, i64)> = parse(&packet).expect("own report").iter().filter_map(|(sequence, arrival)| Some((sequence, arrival?))).collect();
            prop_assert_eq!(got.len(), came.len());
            for ((sequence, arrival), (expected, us)) in got.into_iter().zip(came) {
                prop_assert_eq!(sequence, expected);
                prop_assert!((arrival - us).abs() <= DELTA_US, "{} {}", arrival, us);
            }
        }

        #[test]
        fn any_bytes_are_survived(packet in prop::collection::vec(any::<u8>(), 0..100)) {
            if let Ok(feedback) = parse(&packet) {
                prop_assert_eq!(feedback.iter().count(), usize::from(feedback.count));
            }
        }

        #[test]
        fn reports_stay_within_a_datagram(sequences in prop::collection::vec(any::<u16>(), 0..3000)) {
            let mut recorder = Recorder::default();
            for (n, sequence) in sequences.iter().enumerate() {
                recorder.record(*sequence, n as i64 * 70_000);
            }
            for _ in 0..10 {
                let mut packet = Vec::new();
                recorder.build(1, 2, &mut packet);
                prop_assert!(packet.len() <= 1300, "{}", packet.len());
            }
        }
    }
}
