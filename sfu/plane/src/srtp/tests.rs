use super::*;
use proptest::prelude::*;

const PROFILES: [Profile; 2] = [Profile::AeadAes128Gcm, Profile::Aes128CmHmacSha1_80];
const SSRC: u32 = 0xcafe_babe;

fn pair(profile: Profile) -> (Sealer, Opener) {
    let (key, salt) = ([7; 16], &[9; 14][..profile.salt_len()]);
    (
        Sealer::new(profile, &key, salt).unwrap(),
        Opener::new(profile, &key, salt).unwrap(),
    )
}

fn sealed(sealer: &Sealer, ssrc: u32, index: u64, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, 96];
    packet.extend_from_slice(&(index as u16).to_be_bytes());
    packet.extend_from_slice(&[0; 4]);
    packet.extend_from_slice(&ssrc.to_be_bytes());
    packet.extend_from_slice(payload);
    let len = packet.len();
    packet.resize(len + MAX_RTP_OVERHEAD, 0xee);
    let total = sealer.seal_rtp(&mut packet, len, 12, ssrc, index);
    assert_eq!(total, len + sealer.profile().rtp_overhead());
    packet.truncate(total);
    packet
}

fn open(opener: &mut Opener, packet: &[u8]) -> Result<Vec<u8>, SrtpError> {
    let mut packet = packet.to_vec();
    let header = Rtp::parse(&packet).unwrap();
    let len = opener.open_rtp(&mut packet, &header)?;
    Ok(packet[12..len].to_vec())
}

#[test]
fn a_replay_is_refused_and_a_late_packet_is_not() {
    for profile in PROFILES {
        let (sealer, mut opener) = pair(profile);
        let packets: Vec<_> = (0..200)
            .map(|n| sealed(&sealer, SSRC, n, b"payload"))
            .collect();
        assert_eq!(open(&mut opener, &packets[150]).unwrap(), b"payload");
        assert_eq!(open(&mut opener, &packets[150]), Err(SrtpError::Replayed));
        assert_eq!(open(&mut opener, &packets[23]).unwrap(), b"payload");
        assert_eq!(open(&mut opener, &packets[23]), Err(SrtpError::Replayed));
        assert_eq!(
            open(&mut opener, &packets[22]),
            Err(SrtpError::Replayed),
            "too old"
        );
    }
}

#[test]
fn the_rollover_is_followed_both_ways() {
    for profile in PROFILES {
        let (sealer, mut opener) = pair(profile);
        for index in [
            0xfff0, 0xffff, 0x1_0001, 0xfffe, 0x1_0000, 0x1_8000, 0x1_fffe, 0x2_0003,
        ] {
            let packet = sealed(&sealer, SSRC, index, &index.to_be_bytes());
            assert_eq!(
                open(&mut opener, &packet).unwrap(),
                index.to_be_bytes(),
                "{index:#x}"
            );
        }
    }
}

#[test]
fn a_forgery_leaves_no_trace() {
    for profile in PROFILES {
        let (sealer, mut opener) = pair(profile);
        let first = sealed(&sealer, SSRC, 100, b"first");
        let mut forged = sealed(&sealer, SSRC, 60_000, b"forged");
        *forged.last_mut().unwrap() ^= 1;
        assert_eq!(open(&mut opener, &forged), Err(SrtpError::AuthFailed));
        assert_eq!(open(&mut opener, &first).unwrap(), b"first");
        assert_eq!(
            open(&mut opener, &forged),
            Err(SrtpError::Replayed),
            "before the start"
        );
        assert_eq!(
            open(&mut opener, &sealed(&sealer, SSRC, 101, b"next")).unwrap(),
            b"next"
        );
    }
}

#[test]
fn the_table_of_streams_is_bounded() {
    let (sealer, mut opener) = pair(Profile::AeadAes128Gcm);
    for ssrc in 0..MAX_SSRCS as u32 {
        open(&mut opener, &sealed(&sealer, ssrc, 1, b"")).unwrap();
    }
    let one_more = sealed(&sealer, SSRC, 1, b"");
    assert_eq!(open(&mut opener, &one_more), Err(SrtpError::TooManySsrcs));
    assert!(
        open(&mut opener, &sealed(&sealer, 0, 2, b"")).is_ok(),
        "the others go on"
    );
    opener.forget(5);
    assert!(open(&mut opener, &one_more).is_ok());
}

#[test]
fn control_packets_go_through_once() {
    for profile in PROFILES {
        let (mut sealer, mut opener) = pair(profile);
        for round in 0..3u8 {
            let clear = [0x80, 201, 0, 2, 1, 2, 3, 4, round, 6, 7, 8];
            let mut packet = clear.to_vec();
            sealer.seal_rtcp(&mut packet);
            assert_eq!(packet.len(), clear.len() + profile.rtcp_overhead());
            let again = packet.clone();
            let len = opener.open_rtcp(&mut packet).unwrap();
            assert_eq!(packet[..len], clear);
            assert_eq!(
                opener.open_rtcp(&mut again.clone()),
                Err(SrtpError::Replayed)
            );
        }
    }
}

#[test]
fn keys_of_the_wrong_length_are_refused() {
    let error = Sealer::new(Profile::AeadAes128Gcm, &[0; 16], &[0; 14])
        .err()
        .unwrap();
    assert_eq!(
        error,
        KeyLength {
            expected: (16, 12),
            given: (16, 14)
        }
    );
}

proptest! {
    #[test]
    fn any_flipped_bit_is_noticed(at in any::<prop::sample::Index>(), bit in 0u8..8, gcm: bool) {
        let (mut sealer, mut opener) = pair(PROFILES[usize::from(gcm)]);
        let mut packet = sealed(&sealer, SSRC, 7, b"some payload");
        // The first byte tells how long the header is; the parser is not under test here.
        let place = 1 + at.index(packet.len() - 1);
        packet[place] ^= 1 << bit;
        prop_assert_eq!(open(&mut opener, &packet), Err(SrtpError::AuthFailed));

        let mut packet = vec![0x80, 201, 0, 1, 1, 2, 3, 4];
        sealer.seal_rtcp(&mut packet);
        let place = at.index(packet.len());
        packet[place] ^= 1 << bit;
        prop_assert!(opener.open_rtcp(&mut packet).is_err());
    }

    #[test]
    fn noise_never_opens(mut packet in prop::collection::vec(any::<u8>(), 0..100), gcm: bool) {
        let (_, mut opener) = pair(PROFILES[usize::from(gcm)]);
        prop_assert!(opener.open_rtcp(&mut packet.clone()).is_err());
        if let Ok(header) = Rtp::parse(&packet) {
            prop_assert!(opener.open_rtp(&mut packet, &header).is_err());
        }
    }

    #[test]
    fn the_guess_is_right_within_half_a_cycle(highest in 0u64..1 << 40, ahead in -0x7fffi64..0x8000) {
        let index = highest.checked_add_signed(ahead);
        if let Some(index) = index {
            prop_assert_eq!(guess_index(highest, index as u16), Some(index));
        }
    }
}
