use super::*;
use crate::stun;
use crate::tcp::framing;
use std::io::{Read, Write};
use std::net::TcpStream;
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
        tcp: TcpLimits {
            connections: 4,
            per_address: 4,
            waiting: 1 << 16,
            first_check_us: 1_000_000,
        },
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

#[test]
fn a_check_over_tcp_is_answered_there_and_noise_is_cut_off() {
    let worker = start(10);
    worker
        .submit(Command::OpenTransport {
            transport: 7,
            ufrag: "ours".into(),
            pwd: "a password of theirs to us".into(),
        })
        .unwrap();
    let mut peer = TcpStream::connect(("127.0.0.1", worker.port())).unwrap();
    let (mut check, mut framed) = (Vec::new(), Vec::new());
    let key = b"a password of theirs to us";
    stun::binding_request(&mut check, [1; 12], "ours:theirs", key, 1, true, 2, true);
    framing::put(&mut framed, &check);
    // In two pieces, the first of which ends within the length.
    peer.write_all(&framed[..1]).unwrap();
    peer.flush().unwrap();
    std::thread::sleep(Duration::from_millis(5));
    peer.write_all(&framed[1..]).unwrap();
    let mut answer = [0; 512];
    let len = peer.read(&mut answer).unwrap();
    let ours = peer.local_addr().unwrap();
    assert_eq!(framing::next(&answer[..len]), Ok(Some(len - 2)));
    let answer = stun::parse(&answer[2..len]).unwrap();
    assert_eq!(
        (answer.class, answer.mapped),
        (stun::Class::Success, Some(ours))
    );
    let report = wait_for(|| worker.drain().pop_front());
    let expected = Report::PathUp {
        transport: 7,
        remote: ours,
    };
    assert_eq!(report, expected);

    let mut noise = TcpStream::connect(("127.0.0.1", worker.port())).unwrap();
    noise.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let cut_off = noise.read(&mut [0; 8]);
    assert!(matches!(cut_off, Ok(0) | Err(_)), "{cut_off:?}");
    let mut silent = TcpStream::connect(("127.0.0.1", worker.port())).unwrap();
    assert_eq!(silent.read(&mut [0; 8]).unwrap(), 0, "after a second");
    peer.write_all(&framed).unwrap();
    assert!(
        peer.read(&mut [0; 8]).unwrap() > 0,
        "who has passed a check stays"
    );
}
