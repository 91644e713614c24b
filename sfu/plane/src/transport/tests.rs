use super::*;

fn from(port: u16) -> Destination {
    Destination {
        remote: SocketAddr::from(([127, 0, 0, 1], port)),
        local: None,
    }
}

fn selected(transport: &Transport) -> u16 {
    transport.destination().expect("selected").remote.port()
}

#[test]
fn the_nominated_address_with_the_highest_priority_is_used() {
    let mut transport = Transport::new(1, "u".into(), "p".into(), 0);
    assert!(transport.destination().is_none());
    assert!(transport.on_check(&from(1), (10, false), 0, 0).0);
    assert!(transport.on_check(&from(2), (5, true), 0, 0).0);
    assert_eq!(selected(&transport), 2);
    assert!(transport.on_check(&from(3), (7, true), 0, 0).0);
    assert!(
        !transport.on_check(&from(2), (5, true), 0, 10).0,
        "no flapping"
    );
    assert_eq!(selected(&transport), 3);
}

#[test]
fn pictures_are_held_while_the_selected_path_is_full() {
    let mut transport = Transport::new(1, "u".into(), "p".into(), 0);
    for (port, priority) in [(1, 10), (2, 5)] {
        transport.on_check(&from(port), (priority, true), 0, 0);
        transport.fill(&from(port).remote, true);
    }
    assert!(transport.pacer.is_held());
    transport.fill(&from(2).remote, false);
    assert!(transport.pacer.is_held(), "it is not that one");
    transport.on_media_from(from(2).remote);
    assert!(!transport.pacer.is_held());
    transport.on_media_from(from(1).remote);
    assert!(transport.pacer.is_held(), "back to what is still full");
    transport.lose(&from(1).remote);
    assert!(!transport.pacer.is_held());
}

#[test]
fn a_silent_address_gives_way() {
    let mut transport = Transport::new(1, "u".into(), "p".into(), 0);
    transport.on_check(&from(1), (10, true), 0, 0);
    transport.on_check(&from(2), (5, true), 0, 1);
    assert_eq!(selected(&transport), 1);
    transport.on_check(&from(2), (5, true), 0, STALE_US + 1);
    assert_eq!(selected(&transport), 2);
}

#[test]
fn media_moves_the_path_only_among_validated_addresses() {
    let mut transport = Transport::new(1, "u".into(), "p".into(), 0);
    transport.on_check(&from(1), (10, true), 0, 0);
    transport.on_check(&from(2), (5, false), 0, 0);
    transport.on_media_from(from(9).remote);
    assert_eq!(selected(&transport), 1);
    transport.on_media_from(from(2).remote);
    assert_eq!(selected(&transport), 2);
}

#[test]
fn a_handshake_moves_the_path_until_there_is_media() {
    let mut transport = Transport::new(1, "u".into(), "p".into(), 0);
    transport.on_check(&from(1), (10, true), 0, 0);
    // As when the network changes during the handshake.
    transport.on_check(&from(2), (10, true), 0, 1);
    assert_eq!(selected(&transport), 1);
    transport.on_handshake_from(from(9).remote);
    assert_eq!(selected(&transport), 1);
    transport.on_handshake_from(from(2).remote);
    assert_eq!(selected(&transport), 2);
    transport.on_media_from(from(2).remote);
    transport.on_handshake_from(from(1).remote);
    assert_eq!(selected(&transport), 2, "media proves more");
}

#[test]
fn the_table_of_addresses_is_bounded() {
    let mut transport = Transport::new(1, "u".into(), "p".into(), 0);
    for port in 1..=100 {
        let (_, evicted) = transport.on_check(&from(port), (1, port == 1), 0, i64::from(port));
        assert_eq!(evicted.is_some(), port as usize > MAX_PATHS);
    }
    assert_eq!(
        (transport.remotes().count(), selected(&transport)),
        (MAX_PATHS, 1)
    );
}

#[test]
fn an_ended_stream_is_buried_when_room_is_needed_and_not_before() {
    let mut transport = Transport::new(1, "u".into(), "p".into(), 0);
    let opener = Opener::new(crate::srtp::Profile::AeadAes128Gcm, &[1; 16], &[2; 12]);
    transport.opener = Some(Box::new(opener.expect("lengths are right")));
    for ssrc in [5, 6] {
        transport.learn(Stream {
            ssrc,
            track: 1,
            layer: 0,
            rtx: false,
        });
    }
    assert!(!transport.is_buried(5));
    transport.bury_oldest();
    assert!(transport.is_buried(5) && !transport.is_buried(6));
}

#[test]
fn a_layer_has_one_ssrc() {
    let mut transport = Transport::new(1, "u".into(), "p".into(), 0);
    let stream = Stream {
        ssrc: 5,
        track: 1,
        layer: 0,
        rtx: false,
    };
    assert!(transport.learn(stream));
    assert!(transport.learn(Stream { ssrc: 6, ..stream }));
    assert_eq!(
        (transport.stream(5), transport.stream(6).map(|s| s.track)),
        (None, Some(1))
    );
}

#[test]
fn a_restart_takes_over_when_an_address_is_nominated_under_it() {
    let mut transport = Transport::new(1, "u".into(), "p".into(), 0);
    transport.on_check(&from(1), (10, true), 0, 0);
    assert_eq!(transport.restart("v".into(), "q".into()), None);
    assert_eq!(
        transport.restart("w".into(), "r".into()).as_deref(),
        Some("v"),
        "in vain"
    );
    let generation =
        |transport: &Transport, ufrag| transport.credentials(ufrag).map(|known| known.generation);
    assert_eq!(generation(&transport, "u"), Some(0));
    assert_eq!(generation(&transport, "v"), None);
    let next = generation(&transport, "w").expect("known");
    transport.on_check(&from(2), (90, false), next, STALE_US * 2);
    transport.on_media_from(from(2).remote);
    assert_eq!(selected(&transport), 1, "nothing is nominated yet");
    assert_eq!(transport.settle(0), None);
    assert_eq!(transport.settle(next).as_deref(), Some("u"));
    assert!(
        transport
            .on_check(&from(2), (1, true), next, STALE_US * 2)
            .0
    );
    assert_eq!(selected(&transport), 2);
    transport.on_media_from(from(1).remote);
    assert_eq!(selected(&transport), 2, "what is late moves nothing");
    assert_eq!(generation(&transport, "u"), None);
}

#[test]
fn a_path_that_media_chose_is_not_left_for_one_nominated_before() {
    for nominated in [true, false] {
        let mut transport = Transport::new(1, "u".into(), "p".into(), 0);
        transport.on_check(&from(1), (10, true), 0, 0);
        transport.on_check(&from(2), (5, nominated), 0, 1_000_000);
        assert_eq!(selected(&transport), 1);
        transport.on_media_from(from(2).remote);
        // Whatever comes from the former: it may carry one way only.
        for (port, priority) in [(2, 5), (1, 10), (2, 5)] {
            let (moved, _) = transport.on_check(&from(port), (priority, false), 0, 1_500_000);
            assert!(!moved, "{nominated}");
        }
        assert_eq!(selected(&transport), 2);
        assert!(
            transport.on_check(&from(1), (10, true), 0, 2_000_000).0,
            "it is nominated again"
        );
        assert_eq!(selected(&transport), 1);
    }
}
