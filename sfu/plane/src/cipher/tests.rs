use super::*;

fn hex(text: &str) -> Vec<u8> {
    let digits = text
        .as_bytes()
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).unwrap());
    digits
        .map(|pair| u8::from_str_radix(pair, 16).unwrap())
        .collect()
}

fn key_stream(key: &EncryptingKey, iv: [u8; 16], len: usize) -> Vec<u8> {
    let mut stream = vec![0; len];
    counter_crypt(key, iv, &mut stream);
    stream
}

/// RFC 7714 §16 and §17 give session keys, not master keys.
fn rfc_7714() -> Cipher {
    let key = hex("000102030405060708090a0b0c0d0e0f");
    let unbound = UnboundKey::new(&AES_128_GCM, &key).unwrap();
    Cipher::Gcm {
        key: LessSafeKey::new(unbound),
        salt: Zeroizing::new(*b"Quid pro quo"),
    }
}

#[test]
fn counter_mode_as_in_rfc_3711_b_2() {
    let key = counter_key(&hex("2B7E151628AED2A6ABF7158809CF4F3C").try_into().unwrap());
    let salt = hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000").try_into().unwrap();
    let stream = key_stream(&key, counter_iv(&salt, 0, 0), 0xff02 * 16);
    let first = "E03EAD0935C95E80E166B16DD92B4EB4D23513162B02D0F72A43A2FE4A5F97AB\
                 41E95B3BB0A2E8DD477901E4FCA894C0";
    assert_eq!(stream[..48], hex(first)[..]);
    let last = "EC8CDF7398607CB0F2D21675EA9EA1E4362B7C3C6773516318A077D7FC5073AE\
                6A2CC3787889374FBEB4C81B17BA6C44";
    assert_eq!(stream[0xfeff * 16..], hex(last)[..]);
}

#[test]
fn key_derivation_as_in_rfc_3711_b_3() {
    let prf = counter_key(&hex("E1F97A0D3E018BE0D64FA32C06DE4139").try_into().unwrap());
    let salt = hex("0EC675AD498AFEEBB6960B3AABE6").try_into().unwrap();
    let derived = |label, len| {
        let mut out = vec![0xff; len];
        derive_into(&prf, &salt, label, &mut out);
        out
    };
    assert_eq!(derived(0, 16), hex("C61E7A93744F39EE10734AFE3FF7A087"));
    assert_eq!(derived(2, 14), hex("30CBBC08863D8C85D49DB34A9AE1"));
    assert_eq!(
        derived(1, 20),
        hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4")
    );
}

#[test]
fn rtp_as_in_rfc_7714_16_1() {
    let clear = hex(
        "8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e6973206469766973\
                     6120696e207061727465732074726573",
    );
    let sealed = hex(
        "8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d29\
                      4e6f42a5f47a51c7d19b36de3adf8833899d7f27beb16a9152cf765ee4390cce",
    );
    let mut packet = clear.clone();
    packet.resize(clear.len() + GCM_TAG, 0);
    let cipher = rfc_7714();
    assert_eq!(
        cipher.seal_rtp(&mut packet, clear.len(), 12, 0x5501_a0b2, 0xf17b),
        sealed.len()
    );
    assert_eq!(packet, sealed);
    assert_eq!(
        cipher.open_rtp(&mut packet, 12, 0x5501_a0b2, 0xf17b),
        Ok(clear.len())
    );
    assert_eq!(packet[..clear.len()], clear);
}

#[test]
fn rtcp_as_in_rfc_7714_17_1() {
    let clear = hex(
        "81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61\
                     deadbeefdeadbeefdeadbeefdeadbeefdeadbeef",
    );
    let sealed = hex(
        "81c8000d4d61727363e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32d\
                      c676a5f1730d6fda4ce09b4686303ded0bb9275bc84aa45896cf4d2fc5abf872\
                      45d9eade800005d4",
    );
    let mut packet = clear.clone();
    let cipher = rfc_7714();
    cipher.seal_rtcp(&mut packet, 0x4d61_7273, 0x5d4);
    assert_eq!(packet, sealed);
    assert_eq!(cipher.rtcp_index(&packet), Ok(0x5d4));
    assert_eq!(
        cipher.open_rtcp(&mut packet, 0x4d61_7273, 0x5d4),
        Ok(clear.len())
    );
    assert_eq!(packet[..clear.len()], clear);
}

#[test]
fn unencrypted_rtcp_is_refused() {
    let mut packet = hex("81c8000d4d617273");
    packet.resize(8 + GCM_TAG + RTCP_TRAILER, 0);
    assert_eq!(rfc_7714().rtcp_index(&packet), Err(SrtpError::Malformed));
}
