use super::*;
use crate::ring::tests::meta;
use proptest::prelude::*;
use sfu_codecs::PictureId;

fn frame(sequence: u64, timestamp: u32, picture_id: u16) -> Meta {
    let mut meta = meta(sequence);
    meta.timestamp = timestamp;
    meta.payload.picture_id = Some(PictureId {
        offset: 1,
        bits: 15,
        value: picture_id,
    });
    meta
}

fn started(first: &Meta) -> Rewrite {
    let mut rewrite = Rewrite::new(100, 5000);
    rewrite.switch(first, 0, 90_000, 3000);
    rewrite
}

#[test]
fn a_switch_continues_every_number() {
    let first = frame(70_000, 900, 10);
    let mut rewrite = started(&first);
    let sent = rewrite.forward(&first, 0).expect("first");
    assert_eq!((sent.sequence, sent.timestamp), (101, 5000));

    let other = frame(200_000, 77, 3);
    rewrite.switch(&other, 100_000, 90_000, 3000);
    let next = rewrite.forward(&other, 100_000).expect("next");
    assert_eq!((next.sequence, next.timestamp), (102, 14_000));
    let ids =
        [(10u16, sent), (3, next)].map(|(id, n)| id.wrapping_sub(n.picture_id_shift) & 0x7fff);
    assert_eq!(ids[1], ids[0] + 1);
}

#[test]
fn dropped_frames_leave_no_holes() {
    let first = frame(1000, 0, 0);
    let mut rewrite = started(&first);
    rewrite.forward(&first, 0);
    for sequence in 1001..1003 {
        assert!(rewrite.drop(&frame(sequence, 3000, 1)).is_none());
    }
    let kept = frame(1003, 6000, 2);
    let sent = rewrite.forward(&kept, 0).expect("kept");
    assert_eq!(sent.sequence, 102);
    assert_eq!(
        2u16.wrapping_sub(sent.picture_id_shift) & 0x7fff,
        rewrite.last_picture_id
    );
    assert_eq!(
        sent.picture_id_shift,
        rewrite.shifts[0].picture_id.wrapping_add(1)
    );
}

#[test]
fn references_to_earlier_pictures_stay_true_where_packets_name_them() {
    let flexible = |sequence, id| {
        let mut meta = frame(sequence, sequence as u32 * 3000, id);
        meta.codec = Codec::Vp9;
        meta
    };
    let first = flexible(1000, 0);
    let mut rewrite = started(&first);
    let before = rewrite.forward(&first, 0).expect("first");
    assert!(rewrite.drop(&flexible(1001, 1)).is_none());
    let kept = rewrite.forward(&flexible(1002, 2), 0).expect("kept");
    assert_eq!(kept.sequence, before.sequence + 1);
    assert_eq!(kept.picture_id_shift, before.picture_id_shift);
}

#[test]
fn a_late_packet_takes_the_number_left_for_it() {
    let first = frame(1000, 0, 0);
    let mut rewrite = started(&first);
    rewrite.forward(&first, 0);
    rewrite.drop(&frame(1002, 3000, 1));
    assert_eq!(
        rewrite
            .forward(&frame(1003, 6000, 2), 0)
            .expect("sent")
            .sequence,
        103
    );
    assert_eq!(
        rewrite
            .forward(&frame(1001, 0, 0), 0)
            .expect("late")
            .sequence,
        102
    );
    assert!(
        rewrite.forward(&frame(999, 0, 0), 0).is_none(),
        "before the source"
    );
}

#[test]
fn a_packet_that_was_overtaken_at_a_resume_has_no_number() {
    let first = frame(70_000, 0, 0);
    let mut rewrite = started(&first);
    rewrite.forward(&first, 0);
    let overtaking = frame(70_061, 3000, 1);
    rewrite.resume(&overtaking);
    assert_eq!(rewrite.forward(&overtaking, 0).expect("new").sequence, 102);
    assert_eq!(rewrite.forward(&frame(70_060, 3000, 1), 0), None);
}

#[test]
fn a_late_drop_is_filled() {
    let first = frame(1000, 0, 0);
    let mut rewrite = started(&first);
    rewrite.forward(&first, 0);
    rewrite.forward(&frame(1002, 3000, 1), 0);
    assert_eq!(
        rewrite.drop(&frame(1001, 3000, 1)).expect("hole").sequence,
        102
    );
}

proptest! {
    /// Whatever is dropped, packets in order leave numbered without gaps.
    #[test]
    fn in_order_output_is_contiguous(kept in prop::collection::vec(any::<bool>(), 1..300)) {
        let first = frame(5000, 0, 7);
        let mut rewrite = started(&first);
        let mut last = rewrite.forward(&first, 0).expect("first").sequence;
        let mut last_id = rewrite.last_picture_id;
        for (n, keep) in kept.into_iter().enumerate() {
            let n = n as u64 + 1;
            let meta = frame(5000 + n, n as u32 * 3000, 7 + n as u16);
            if keep {
                let sent = rewrite.forward(&meta, 0).expect("in order");
                prop_assert_eq!(sent.sequence, last + 1);
                prop_assert_eq!(rewrite.last_picture_id, (last_id + 1) & PICTURE_ID_MASK);
                last = sent.sequence;
                last_id = rewrite.last_picture_id;
            } else {
                prop_assert!(rewrite.drop(&meta).is_none());
            }
        }
    }

    /// No two packets ever leave with the same number, however they are reordered.
    #[test]
    fn numbers_are_never_reused(order in prop::collection::vec((0u64..200, 0u8..8), 1..300)) {
        let first = frame(5000, 0, 7);
        let mut rewrite = started(&first);
        let mut seen = std::collections::HashSet::new();
        seen.insert(rewrite.forward(&first, 0).expect("first").sequence);
        let mut arrived = std::collections::HashSet::new();
        for (n, what) in order {
            if n == 0 || !arrived.insert(n) {
                continue;
            }
            let meta = frame(5000 + n, n as u32 * 3000, 7 + n as u16);
            if what == 0 {
                rewrite.resume(&meta);
            }
            let sent = if what < 5 { rewrite.forward(&meta, 0) } else { rewrite.drop(&meta) };
            if let Some(sent) = sent {
                prop_assert!(seen.insert(sent.sequence), "{} twice", sent.sequence);
            }
        }
    }
}
