//! What it costs to seal a packet with AES-128-GCM, by library: a picture's packet and a sound's, under
//! one key that stays in the cache, and under as many keys in turn as there are receivers.
//!
//!     cargo run --release --manifest-path bench/ciphers/Cargo.toml
//!
//! Libraries take turns; each figure is the median of its turns.

use _plane::srtp::{Profile, Sealer};
use aws_lc_rs::aead as aws_lc;
use openssl::cipher::Cipher;
use openssl::cipher_ctx::CipherCtx;
use ring::aead as ring_aead;
use std::hint::black_box;
use std::time::Instant;

/// Fixed header and a block of extensions: authenticated, not encrypted.
const HEADER: usize = 24;
const TAG: usize = 16;
const SIZES: [usize; 2] = [1_100, 120];
const KEYS: [usize; 3] = [1, 200, 1_000];
const TURNS: usize = 21;
const PACKETS: usize = 20_000;

/// Seals the first so many bytes of a buffer under one of its keys, and puts the tag behind them.
type Seal = Box<dyn FnMut(usize, u64, &mut [u8], usize)>;
/// Makes one with so many keys.
type Make = fn(usize) -> Seal;

const LIBRARIES: [(&str, Make); 5] = [
    ("aws-lc-rs", with_aws_lc),
    ("ring", with_ring),
    ("openssl", with_openssl),
    ("this server (aws-lc-rs)", |keys| {
        sealer(keys, Profile::AeadAes128Gcm)
    }),
    ("the same, counter mode and HMAC-SHA1", |keys| {
        sealer(keys, Profile::Aes128CmHmacSha1_80)
    }),
];

fn main() {
    println!("openssl is {}", openssl::version::version());
    println!("ns per packet | {} ", heads().join(" | "));
    let mut taken = vec![vec![Vec::new(); KEYS.len() * SIZES.len()]; LIBRARIES.len()];
    let mut seals: Vec<_> = columns()
        .map(|(_, keys)| LIBRARIES.map(|(_, make)| make(keys)))
        .collect();
    for _ in 0..TURNS {
        for (column, (size, keys)) in columns().enumerate() {
            for (row, seal) in seals[column].iter_mut().enumerate() {
                taken[row][column].push(time(seal, keys, size));
            }
        }
    }
    for ((name, _), columns) in LIBRARIES.iter().zip(taken) {
        let figures = columns.into_iter().map(|mut values| {
            values.sort_by(f64::total_cmp);
            format!("{:.0}", values[values.len() / 2])
        });
        println!("{name} | {}", figures.collect::<Vec<_>>().join(" | "));
    }
}

fn columns() -> impl Iterator<Item = (usize, usize)> {
    SIZES
        .into_iter()
        .flat_map(|size| KEYS.map(|keys| (size, keys)))
}

fn heads() -> Vec<String> {
    let head = |(size, keys)| format!("{size} bytes, {keys} keys");
    columns().map(head).collect()
}

/// ns per packet: each key in turn, as a fan-out does.
fn time(seal: &mut Seal, keys: usize, size: usize) -> f64 {
    let mut packet = vec![0x5a; size + TAG];
    let start = Instant::now();
    for number in 0..PACKETS {
        seal(number % keys, number as u64, &mut packet, size);
    }
    black_box(&packet);
    start.elapsed().as_nanos() as f64 / PACKETS as f64
}

fn key(number: usize) -> [u8; 16] {
    let mut key = [7; 16];
    key[..8].copy_from_slice(&(number as u64).to_be_bytes());
    key
}

fn nonce(index: u64) -> [u8; 12] {
    let mut nonce = [9; 12];
    nonce[4..].copy_from_slice(&index.to_be_bytes());
    nonce
}

fn with_aws_lc(keys: usize) -> Seal {
    let unbound = |number| aws_lc::UnboundKey::new(&aws_lc::AES_128_GCM, &key(number));
    let keys: Vec<_> = (0..keys)
        .map(|number| Box::new(aws_lc::LessSafeKey::new(unbound(number).expect("16 bytes"))))
        .collect();
    Box::new(move |at, index, packet, len| {
        let (header, rest) = packet.split_at_mut(HEADER);
        let (body, tag) = rest.split_at_mut(len - HEADER);
        let nonce = aws_lc::Nonce::assume_unique_for_key(nonce(index));
        let sealed = keys[at].seal_in_place_separate_tag(nonce, aws_lc::Aad::from(&*header), body);
        tag.copy_from_slice(sealed.expect("a datagram").as_ref());
    })
}

fn with_ring(keys: usize) -> Seal {
    let unbound = |number| ring_aead::UnboundKey::new(&ring_aead::AES_128_GCM, &key(number));
    let keys: Vec<_> = (0..keys)
        .map(|number| {
            Box::new(ring_aead::LessSafeKey::new(
                unbound(number).expect("16 bytes"),
            ))
        })
        .collect();
    Box::new(move |at, index, packet, len| {
        let (header, rest) = packet.split_at_mut(HEADER);
        let (body, tag) = rest.split_at_mut(len - HEADER);
        let nonce = ring_aead::Nonce::assume_unique_for_key(nonce(index));
        let sealed =
            keys[at].seal_in_place_separate_tag(nonce, ring_aead::Aad::from(&*header), body);
        tag.copy_from_slice(sealed.expect("a datagram").as_ref());
    })
}

/// Contexts are kept with their expanded keys; a packet brings a nonce.
fn with_openssl(keys: usize) -> Seal {
    let mut contexts: Vec<CipherCtx> = (0..keys)
        .map(|number| {
            let mut context = CipherCtx::new().expect("memory");
            let key = key(number);
            context
                .encrypt_init(Some(Cipher::aes_128_gcm()), Some(&key), Some(&nonce(0)))
                .expect("a key");
            context
        })
        .collect();
    Box::new(move |at, index, packet, len| {
        let context = &mut contexts[at];
        let (header, rest) = packet.split_at_mut(HEADER);
        let (body, tag) = rest.split_at_mut(len - HEADER);
        let body_len = body.len();
        let sealed = context
            .encrypt_init(None, None, Some(&nonce(index)))
            .and_then(|()| context.cipher_update(header, None))
            .and_then(|_| context.cipher_update_inplace(body, body_len))
            .and_then(|_| context.cipher_final(&mut []))
            .and_then(|_| context.tag(tag));
        sealed.expect("a datagram");
    })
}

fn sealer(keys: usize, profile: Profile) -> Seal {
    let keys: Vec<_> = (0..keys)
        .map(|number| {
            let salt = vec![3; profile.salt_len()];
            Box::new(Sealer::new(profile, &key(number), &salt).expect("fitting lengths"))
        })
        .collect();
    Box::new(move |at, index, packet, len| {
        keys[at].seal_rtp(packet, len, HEADER, 1_000, index);
    })
}
