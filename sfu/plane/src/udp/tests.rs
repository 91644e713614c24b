use super::*;
use crate::batch::{Destination, Received, INBOX_BYTES};
use std::collections::BTreeMap;
use std::net::UdpSocket as Peer;
use std::time::Duration;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn socket(host: Option<IpAddr>) -> UdpSocket {
    UdpSocket::bind(host, 0, 1 << 20).unwrap()
}

fn peer(host: &str) -> Peer {
    let peer = Peer::bind((host, 0)).unwrap();
    peer.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    peer
}

fn put(outbox: &mut Outbox, remote: SocketAddr, local: Option<IpAddr>, datagram: &[u8]) {
    let room = outbox.reserve(datagram.len()).unwrap();
    room.copy_from_slice(datagram);
    outbox.commit(&Destination { remote, local }, datagram.len());
}

fn next(peer: &Peer) -> (Vec<u8>, SocketAddr) {
    let mut buffer = [0; 4096];
    let (len, from) = peer.recv_from(&mut buffer).unwrap();
    (buffer[..len].to_vec(), from)
}

fn received(socket: &mut UdpSocket, wanted: usize) -> Vec<(Vec<u8>, Received)> {
    let mut inbox = Inbox::new();
    let mut all = Vec::new();
    for _ in 0..1_000 {
        socket.recv(&mut inbox).unwrap();
        all.extend(
            inbox
                .iter_mut()
                .map(|(bytes, received)| (bytes.to_vec(), received)),
        );
        if all.len() >= wanted {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    all
}

#[test]
fn both_families_reach_one_socket_and_are_answered() {
    let mut socket = socket(None);
    assert!(socket.dual_stack, "these tests want a host with IPv6");
    for host in ["127.0.0.1", "::1"] {
        let peer = peer(host);
        let address = peer.local_addr().unwrap();
        peer.send_to(b"hello", (host, socket.local_port())).unwrap();
        let [(bytes, from)] = &received(&mut socket, 1)[..] else {
            panic!("one datagram")
        };
        assert_eq!(bytes, b"hello");
        assert_eq!(from.from.remote, address, "IPv4 is not given as mapped");
        assert_eq!(from.from.local, Some(address.ip()));
        assert!(!from.truncated);

        let mut outbox = Outbox::new(1_000, 10);
        put(&mut outbox, from.from.remote, from.from.local, b"answer");
        let stats = socket.send(&mut outbox);
        assert_eq!((stats.datagrams, stats.failed, stats.dropped), (1, 0, 0));
        assert!(outbox.is_empty());
        let answer = (
            b"answer".to_vec(),
            SocketAddr::new(address.ip(), socket.local_port()),
        );
        assert_eq!(next(&peer), answer);
    }
}

#[test]
fn answers_leave_from_the_address_that_was_asked() {
    // Linux answers on all of 127.0.0.0/8; without the control message the source were .1.
    for mut socket in [socket(None), socket(Some(Ipv4Addr::UNSPECIFIED.into()))] {
        let peer = peer("127.0.0.1");
        let asked: IpAddr = "127.0.0.77".parse().unwrap();
        peer.send_to(b"hello", (asked, socket.local_port()))
            .unwrap();
        let from = received(&mut socket, 1)[0].1.from;
        assert_eq!(from.local, Some(asked));
        let mut outbox = Outbox::new(1_000, 10);
        // Three of them, so that the source stands beside the segment size.
        for _ in 0..3 {
            put(&mut outbox, from.remote, from.local, b"answer");
        }
        assert_eq!(socket.send(&mut outbox).datagrams, 3);
        assert_eq!(next(&peer).1, SocketAddr::new(asked, socket.local_port()));
    }
}

#[test]
fn a_socket_of_one_address_needs_no_source() {
    let mut socket = socket(Some(LOOPBACK));
    peer("127.0.0.1")
        .send_to(b"hello", (LOOPBACK, socket.local_port()))
        .unwrap();
    assert_eq!(received(&mut socket, 1)[0].1.from.local, None);
}

#[test]
fn segments_arrive_as_the_datagrams_that_were_put_in() {
    for segmentation in [true, false] {
        let mut socket = socket(None);
        assert!(socket.segments(), "these tests want a kernel with UDP GSO");
        socket.segmentation = segmentation;
        let peers = ["127.0.0.1", "::1"].map(peer);
        let mut outbox = Outbox::new(1 << 18, 100);
        let mut expected: BTreeMap<usize, Vec<Vec<u8>>> = BTreeMap::new();
        let sizes = [1100, 1100, 1100, 300, 80, 1200, 1200, 1199, 1200];
        for (at, peer) in peers.iter().enumerate() {
            for (n, size) in sizes.into_iter().enumerate() {
                let datagram: Vec<u8> = (0..size).map(|byte| (byte * 7 + n + at) as u8).collect();
                put(&mut outbox, peer.local_addr().unwrap(), None, &datagram);
                expected.entry(at).or_default().push(datagram);
            }
        }
        let stats = socket.send(&mut outbox);
        assert_eq!(stats.datagrams, 18);
        assert_eq!(stats.bytes, 2 * sizes.iter().sum::<usize>() as u64);
        assert_eq!(stats.messages, if segmentation { 8 } else { 18 });
        for (at, peer) in peers.iter().enumerate() {
            for datagram in &expected[&at] {
                assert_eq!(next(peer).0, *datagram);
            }
        }
    }
}

#[test]
fn more_than_one_call_takes_everything() {
    let mut socket = socket(Some(LOOPBACK));
    let peers: Vec<Peer> = (0..100).map(|_| peer("127.0.0.1")).collect();
    let mut outbox = Outbox::new(1 << 16, 200);
    for (at, peer) in peers.iter().enumerate() {
        put(
            &mut outbox,
            peer.local_addr().unwrap(),
            None,
            &[at as u8; 100],
        );
    }
    let stats = socket.send(&mut outbox);
    assert_eq!((stats.datagrams, stats.calls), (100, 2));
    for (at, peer) in peers.iter().enumerate() {
        assert_eq!(next(peer).0, [at as u8; 100]);
    }
}

#[test]
fn a_destination_without_a_route_costs_only_its_own() {
    let mut socket = socket(Some(LOOPBACK));
    let peer = peer("127.0.0.1");
    let mut outbox = Outbox::new(1 << 16, 10);
    put(&mut outbox, peer.local_addr().unwrap(), None, b"first");
    // A socket on loopback cannot reach beyond; nor can IPv4 reach IPv6.
    for nowhere in ["192.0.2.1:9", "[2001:db8::1]:9"] {
        put(&mut outbox, nowhere.parse().unwrap(), None, b"lost");
        put(&mut outbox, nowhere.parse().unwrap(), None, b"lost");
    }
    put(&mut outbox, peer.local_addr().unwrap(), None, b"second");
    let stats = socket.send(&mut outbox);
    assert_eq!((stats.datagrams, stats.failed), (2, 4));
    assert!(
        socket.segments(),
        "one destination's errors are not the socket's"
    );
    assert_eq!(next(&peer).0, b"first");
    assert_eq!(next(&peer).0, b"second");
}

#[test]
fn segments_above_the_path_mtu_go_out_one_by_one() {
    let mut socket = socket(Some(Ipv6Addr::LOCALHOST.into()));
    // As if the path had the least MTU that IPv6 allows: GSO refuses longer segments.
    set_option(socket.as_fd(), libc::IPPROTO_IPV6, libc::IPV6_MTU, 1280).unwrap();
    let (far, near) = (peer("::1"), peer("::1"));
    let mut outbox = Outbox::new(1 << 18, 10);
    for fill in 1..=3 {
        put(&mut outbox, far.local_addr().unwrap(), None, &[fill; 1300]);
    }
    put(&mut outbox, far.local_addr().unwrap(), None, &[4; 1299]);
    for fill in 5..=6 {
        put(&mut outbox, near.local_addr().unwrap(), None, &[fill; 1200]);
    }
    let stats = socket.send(&mut outbox);
    assert_eq!((stats.datagrams, stats.messages, stats.failed), (6, 5, 0));
    assert!(
        socket.segments(),
        "one destination's errors are not the socket's"
    );
    for fill in 1..=3 {
        assert_eq!(next(&far).0, [fill; 1300]);
    }
    assert_eq!(next(&far).0, [4; 1299]);
    for fill in 5..=6 {
        assert_eq!(next(&near).0, [fill; 1200]);
    }
}

#[test]
fn long_datagrams_are_marked_and_many_come_at_once() {
    let mut socket = socket(Some(LOOPBACK));
    let peer = peer("127.0.0.1");
    peer.connect((LOOPBACK, socket.local_port())).unwrap();
    peer.send(&[1; INBOX_BYTES]).unwrap();
    peer.send(&[2; INBOX_BYTES + 1]).unwrap();
    peer.send(&[]).unwrap();
    for _ in 0..100 {
        peer.send(&[3; 10]).unwrap();
    }
    let mut inbox = Inbox::new();
    assert_eq!(socket.recv(&mut inbox).unwrap(), INBOX_MESSAGES);
    let first: Vec<_> = inbox
        .iter_mut()
        .take(4)
        .map(|(b, r)| (b.len(), r.truncated))
        .collect();
    assert_eq!(
        first,
        [
            (INBOX_BYTES, false),
            (INBOX_BYTES, true),
            (0, false),
            (10, false)
        ]
    );
    assert_eq!(socket.recv(&mut inbox).unwrap(), 103 - INBOX_MESSAGES);
    assert_eq!(socket.recv(&mut inbox).unwrap(), 0);
    assert!(inbox.is_empty());
}

#[test]
fn bursts_that_come_as_one_message_are_the_datagrams_that_were_sent() {
    for host in ["127.0.0.1", "::1"] {
        let mut socket = socket(None);
        socket
            .coalesce()
            .expect("these tests want a kernel with UDP GRO");
        let host: IpAddr = host.parse().unwrap();
        let mut sender = UdpSocket::bind(Some(host), 0, 1 << 20).unwrap();
        let to = SocketAddr::new(host, socket.local_port());
        let mut outbox = Outbox::new(1 << 18, 100);
        let sizes = [
            1100,
            1100,
            1100,
            300,
            0,
            80,
            INBOX_BYTES + 1,
            1200,
            1200,
            1200,
        ];
        let mut expected = Vec::new();
        for (n, size) in sizes.into_iter().enumerate() {
            let datagram: Vec<u8> = (0..size).map(|byte| (byte * 7 + n) as u8).collect();
            put(&mut outbox, to, None, &datagram);
            expected.push((datagram, size > INBOX_BYTES));
        }
        assert_eq!(sender.send(&mut outbox).messages, 5);
        let mut inbox = Inbox::coalescing();
        assert_eq!(socket.recv(&mut inbox).unwrap(), 5, "messages");
        let came = inbox.iter_mut().map(|(bytes, received)| {
            assert_eq!(
                received.from.remote,
                SocketAddr::new(host, sender.local_port())
            );
            assert_eq!(received.from.local, Some(host));
            (bytes.to_vec(), received.truncated)
        });
        assert_eq!(came.collect::<Vec<_>>(), expected);
    }
}

#[test]
fn a_taken_port_is_an_error() {
    let socket = socket(None);
    let error = UdpSocket::bind(None, socket.local_port(), 1 << 16)
        .err()
        .unwrap();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
}
