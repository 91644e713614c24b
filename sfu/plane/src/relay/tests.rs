use super::*;
use crate::ring::tests::meta;
use proptest::prelude::*;
use rustix::event::{poll, PollFd, PollFlags, Timespec};
use std::collections::VecDeque;

const TRACK: Id = 7;

fn relay(capacity: usize) -> (Writer, Reader, Arc<Wake>) {
    let wake = Arc::new(Wake::new().expect("an eventfd"));
    let (writer, reader) = direction(&wake, capacity);
    (writer, reader, wake)
}

fn push(writer: &mut Writer, index: u64) {
    let payload = payload(index);
    let mut meta = meta(index);
    meta.len = payload.len() as u16;
    let packet = Relayed {
        track: TRACK,
        index,
        anew: false,
        timed: false,
        meta,
    };
    writer.push(packet, &payload);
}

fn payload(index: u64) -> Vec<u8> {
    vec![index as u8; index as usize * 7 % 50]
}

/// The indices that are taken now, after a look at the payloads.
fn take(reader: &mut Reader) -> Vec<u64> {
    let Some(batch) = reader.take() else {
        return Vec::new();
    };
    let indices = batch.packets().map(|(packet, found)| {
        assert_eq!(found, payload(packet.index));
        packet.index
    });
    let indices = indices.collect();
    reader.give_back(batch);
    indices
}

fn rings(wake: &Wake) -> bool {
    let zero = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let mut fds = [PollFd::from_borrowed_fd(wake.bell(), PollFlags::IN)];
    poll(&mut fds, Some(&zero)).expect("a poll") == 1
}

#[test]
fn a_batch_arrives_whole_and_in_order() {
    let (mut writer, mut reader, _) = relay(16);
    (0..5).for_each(|index| push(&mut writer, index));
    assert!(!reader.has_news(), "nothing before it is published");
    assert!(writer.publish());
    (5..7).for_each(|index| push(&mut writer, index));
    assert!(writer.publish());
    assert_eq!(take(&mut reader), [0, 1, 2, 3, 4, 5, 6]);
    assert!(take(&mut reader).is_empty());
    assert_eq!(writer.take_dropped(), 0);
}

#[test]
fn a_reader_that_does_not_come_costs_it_the_oldest() {
    let (mut writer, mut reader, _) = relay(4);
    for index in 0..6 {
        push(&mut writer, index);
        assert!(writer.publish());
    }
    assert_eq!(writer.take_dropped(), 4);
    assert_eq!(take(&mut reader), [4, 5]);
}

#[test]
fn what_gathers_is_bounded_while_the_lock_is_taken() {
    let (mut writer, reader, _) = relay(4);
    let relay = Arc::clone(&reader.relay);
    let held = relay.waiting.lock().expect("a lock");
    (0..100).for_each(|index| push(&mut writer, index));
    assert!(!writer.publish(), "it does not wait");
    assert!(writer.batch.packets.len() <= 4);
    drop(held);
    assert!(writer.publish());
    assert_eq!(
        writer.take_dropped() + reader.relay.waiting.lock().expect("a lock").packets.len() as u64,
        100
    );
}

#[test]
fn wishes_are_made_once_and_outlive_the_packets_beside_them() {
    let (mut writer, mut reader, _) = relay(1);
    writer.wish(TRACK, 0);
    writer.wish(TRACK, 0);
    push(&mut writer, 0);
    assert!(writer.publish());
    push(&mut writer, 1);
    writer.wish(TRACK, 0);
    writer.wish(TRACK, 1);
    assert!(writer.publish());
    let batch = reader.take().expect("news");
    assert_eq!(batch.wishes(), [(TRACK, 0), (TRACK, 1)]);
    assert_eq!(batch.packets().count(), 1);
    (0..1_000).for_each(|track| writer.wish(track, 0));
    assert_eq!(writer.batch.wishes.len(), MAX_WISHES);
}

#[test]
fn only_a_sleeping_reader_is_woken() {
    let (mut writer, mut reader, wake) = relay(4);
    push(&mut writer, 0);
    assert!(writer.publish());
    assert!(!rings(&wake), "awake: no system call");
    wake.fall_asleep();
    assert!(reader.has_news(), "it looks once more before it sleeps");
    take(&mut reader);
    push(&mut writer, 1);
    assert!(writer.publish());
    assert!(rings(&wake));
    wake.wake_up();
    assert!(!rings(&wake));
}

#[test]
fn nothing_is_kept_for_a_reader_that_is_gone() {
    let (mut writer, reader, _) = relay(4);
    drop(reader);
    push(&mut writer, 0);
    assert!(writer.publish());
    assert_eq!(writer.take_dropped(), 1);
    assert!(writer.batch.is_empty());
}

#[test]
fn two_threads_lose_nothing_that_is_not_counted() {
    const PACKETS: u64 = 100_000;
    let (mut writer, mut reader, _) = relay(64);
    let writing = std::thread::spawn(move || {
        for index in 0..PACKETS {
            push(&mut writer, index);
            if index % 7 == 0 {
                writer.publish();
            }
        }
        while !writer.publish() {}
        writer.take_dropped()
    });
    let (mut taken, mut next) = (0, 0);
    loop {
        let ended = writing.is_finished();
        for index in take(&mut reader) {
            assert!(index >= next, "in order");
            next = index + 1;
            taken += 1;
        }
        if ended && !reader.has_news() {
            break;
        }
    }
    assert_eq!(next, PACKETS, "the newest is never the one that gives way");
    assert_eq!(taken + writing.join().expect("no panic"), PACKETS);
}

#[derive(Clone, Debug)]
enum Step {
    Push(u64),
    Publish,
    Take,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1u64..12).prop_map(Step::Push),
        Just(Step::Publish),
        Just(Step::Take),
    ]
}

proptest! {
    /// Against a model that says what may be there: batches come whole or not at all, in order.
    #[test]
    fn any_order_of_steps_keeps_order_and_bounds(
        capacity in 1usize..20,
        steps in prop::collection::vec(step(), 0..60),
    ) {
        let (mut writer, mut reader, _) = relay(capacity);
        let (mut gathered, mut waiting) = (VecDeque::new(), VecDeque::new());
        let (mut next, mut dropped, mut counted) = (0, 0, 0);
        for step in steps {
            match step {
                Step::Push(count) => {
                    for index in next..next + count {
                        push(&mut writer, index);
                        if gathered.len() == capacity {
                            dropped += gathered.drain(..).len() as u64;
                        }
                        gathered.push_back(index);
                    }
                    next += count;
                }
                Step::Publish => {
                    prop_assert!(writer.publish());
                    if waiting.len() + gathered.len() > capacity {
                        dropped += waiting.drain(..).len() as u64;
                    }
                    waiting.append(&mut gathered);
                }
                Step::Take => prop_assert_eq!(take(&mut reader), waiting.drain(..).collect::<Vec<_>>()),
            }
            counted += writer.take_dropped();
            prop_assert_eq!(counted, dropped);
            prop_assert!(waiting.len() <= capacity);
        }
    }
}
