use super::*;
use std::net::{Ipv4Addr, UdpSocket as Peer};
use std::time::Instant;

fn start(commands: usize) -> Worker {
    let limits = Limits {
        transports: 16,
        video_ring: 64,
        audio_ring: 64,
    };
    let settings = Settings {
        host: Some(Ipv4Addr::LOCALHOST.into()),
        port: 0,
        commands,
        limits,
        socket_buffer: 1 << 20,
    };
    Worker::start(&settings).unwrap()
}

fn wait_for<T>(mut attempt: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(value) = attempt() {
            return value;
        }
        assert!(begin.elapsed() < Duration::from_secs(5), "in vain");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_command_is_obeyed_and_answered() {
    let worker = start(10);
    worker.submit(Command::RemoveTrack { track: 9 }).unwrap();
    let report = wait_for(|| worker.drain().pop_front());
    assert!(
        matches!(
            report,
            Report::Refused {
                command: "remove_track",
                ..
            }
        ),
        "{report:?}"
    );
    let counters = wait_for(|| Some(worker.counters()).filter(|c| c.commands == 1));
    assert_eq!(counters.commands_refused, 1);
    assert!(counters.busy_us <= counters.wall_us);
}

#[test]
fn datagrams_reach_the_forwarder_and_noise_is_counted() {
    let worker = start(10);
    let peer = Peer::bind("127.0.0.1:0").unwrap();
    for _ in 0..100 {
        peer.send_to(&[0xff; 50], ("127.0.0.1", worker.port()))
            .unwrap();
    }
    peer.send_to(&[0x80; 4000], ("127.0.0.1", worker.port()))
        .unwrap();
    let counters = wait_for(|| Some(worker.counters()).filter(|c| c.drop_truncated == 1));
    assert_eq!(counters.drop_unknown_kind, 100);
}

#[test]
fn stopping_ends_the_thread_and_frees_the_port() {
    let worker = start(10);
    let port = worker.port();
    worker.stop();
    worker.stop();
    let refused = worker.submit(Command::RemoveTrack { track: 1 });
    assert_eq!(refused, Err(NotSubmitted::Stopped));
    Peer::bind(("127.0.0.1", port)).unwrap();
}

#[test]
fn a_worker_sleeps_when_there_is_nothing_to_do() {
    let worker = start(10);
    let first = wait_for(|| Some(worker.counters()).filter(|c| c.wall_us > 0));
    let last = wait_for(|| Some(worker.counters()).filter(|c| c.wall_us > first.wall_us + 500_000));
    assert!(
        last.busy_us - first.busy_us < 50_000,
        "{} us",
        last.busy_us - first.busy_us
    );
}

#[test]
fn wall_clock_and_ntp_agree() {
    let now = Clock::start().now();
    let unix = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let seconds = (now.ntp >> 32) as i64 - NTP_TO_UNIX_S;
    assert!((seconds - unix.as_secs() as i64).abs() <= 1);
}

#[test]
fn a_panic_is_contained_and_told() {
    let shared = Shared::new(10).unwrap();
    contain(&shared, || panic!("number {}", 7));
    let reason = "number 7".to_owned();
    assert_eq!(shared.reports.drain(), [Report::Fault { reason }]);
    assert!(shared.stopping.load(SeqCst), "no command is taken any more");

    contain(&shared, || panic!("plain"));
    let reason = "plain".to_owned();
    assert_eq!(shared.reports.drain(), [Report::Fault { reason }]);

    contain(&shared, || ());
    assert!(shared.reports.drain().is_empty());
}
