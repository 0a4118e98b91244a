//! Key derivation and keyed hashing, both ring's: HKDF-SHA256 (RFC 5869) and HMAC-SHA256 (RFC 2104).

use ring::rand::{SecureRandom, SystemRandom};
use ring::{hkdf, hmac};
use zeroize::Zeroizing;

/// The operating system has no randomness to give, or a derivation was asked for more than HKDF can give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system's cryptography failed (no randomness?); nothing was made")]
pub struct CryptoError;

struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// The first half of HKDF.
pub(crate) fn extract(salt: &[u8], secret: &[u8]) -> hkdf::Prk {
    hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(secret)
}

/// The second half of HKDF; `out` at most 8,160 bytes.
pub(crate) fn expand(prk: &hkdf::Prk, info: &str, out: &mut [u8]) -> Result<(), CryptoError> {
    prk.expand(&[info.as_bytes()], Length(out.len())).and_then(|okm| okm.fill(out)).map_err(|_| CryptoError)
}

/// An HMAC key of 32 bytes from HKDF.
pub(crate) fn subkey(prk: &hkdf::Prk, info: &str) -> Result<hmac::Key, CryptoError> {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    expand(prk, info, bytes.as_mut_slice())?;
    Ok(hmac::Key::new(hmac::HMAC_SHA256, bytes.as_slice()))
}

/// HMAC-SHA256.
pub(crate) fn mac(key: &hmac::Key, message: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(hmac::sign(key, message).as_ref());
    out
}

/// The first 128 bits of HMAC-SHA256 (truncation: RFC 2104, section 5).
pub(crate) fn mac16(key: &hmac::Key, message: &[u8]) -> [u8; 16] {
    first16(&hmac::sign(key, message))
}

/// The first 128 bits of a tag.
pub(crate) fn first16(tag: &hmac::Tag) -> [u8; 16] {
    let mut out = [0; 16];
    out.iter_mut().zip(tag.as_ref()).for_each(|(o, b)| *o = *b);
    out
}

/// The first 64 bits, little-endian.
pub(crate) fn mac8(key: &hmac::Key, message: &[u8]) -> u64 {
    let mut out = [0; 8];
    out.iter_mut().zip(hmac::sign(key, message).as_ref()).for_each(|(o, b)| *o = *b);
    u64::from_le_bytes(out)
}

/// 32 bytes of the operating system's randomness, for a nonce.
///
/// # Errors
/// The system has none.
pub fn random_bytes() -> Result<[u8; 32], CryptoError> {
    let mut out = [0; 32];
    random(&mut out)?;
    Ok(out)
}

/// Fills with the operating system's randomness.
pub(crate) fn random(out: &mut [u8]) -> Result<(), CryptoError> {
    SystemRandom::new().fill(out).map_err(|_| CryptoError)
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |n: u8| DIGITS.get(usize::from(n)).copied().map_or('0', char::from);
    bytes.iter().flat_map(|b| [digit(b >> 4), digit(b & 15)]).collect()
}

/// 32 bytes of lower-case hex.
pub(crate) fn unhex32(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let mut out = Zeroizing::new([0; 32]);
    if text.len() != 64 || text.bytes().any(|b| b.is_ascii_uppercase()) {
        return None;
    }
    for (slot, pair) in out.iter_mut().zip(text.as_bytes().chunks(2)) {
        *slot = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(out)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect()
    }

    #[test]
    fn hmac_sha256_is_rfc_4231() {
        // RFC 4231, test cases 1 to 4, 6 and 7, and 5, which truncates to 128 bits.
        let cases: [(&str, &[u8], &str); 6] = [
            (
                "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
                b"Hi There",
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                "4a656665",
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                &[0xdd; 50],
                "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
            ),
            (
                "0102030405060708090a0b0c0d0e0f10111213141516171819",
                &[0xcd; 50],
                "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
            ),
            (
                &"aa".repeat(131),
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
            (
                &"aa".repeat(131),
                b"This is a test using a larger than block-size key and a larger than block-size data. \
The key needs to be hashed before being used by the HMAC algorithm.",
                "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
            ),
        ];
        for (key, data, expected) in cases {
            let key = hmac::Key::new(hmac::HMAC_SHA256, &bytes(key));
            assert_eq!(hex(&mac(&key, data)), expected);
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[0x0c; 20]);
        let truncated = mac16(&key, b"Test With Truncation");
        assert_eq!(hex(&truncated), "a3b6167473100ee06e0c796c2955552b");
        assert_eq!(mac8(&key, b"Test With Truncation"), u64::from_le_bytes(truncated[..8].try_into().unwrap()));
    }

    #[test]
    fn hkdf_sha256_is_rfc_5869() {
        // Test cases 1 to 3. The info of case 2 is not UTF-8, so that one goes to ring directly.
        let mut out = [0; 42];
        let info: String = (0xf0_u32..=0xf9).filter_map(char::from_u32).collect();
        assert_eq!(info.chars().count(), 10);
        let prk = extract(&bytes("000102030405060708090a0b0c"), &[0x0b; 22]);
        prk.expand(&[&bytes("f0f1f2f3f4f5f6f7f8f9")], Length(42)).unwrap().fill(&mut out).unwrap();
        assert_eq!(hex(&out), "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
        let mut long = [0; 82];
        let ikm: Vec<u8> = (0x00..=0x4f).collect();
        let salt: Vec<u8> = (0x60..=0xaf).collect();
        let info: Vec<u8> = (0xb0..=0xff).collect();
        extract(&salt, &ikm).expand(&[&info], Length(82)).unwrap().fill(&mut long).unwrap();
        assert_eq!(
            hex(&long),
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09\
da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"
        );
        expand(&extract(b"", &[0x0b; 22]), "", &mut out).unwrap();
        assert_eq!(hex(&out), "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
        assert_eq!(expand(&prk, "too much", &mut [0; 8161]), Err(CryptoError));
    }

    #[test]
    fn hex_goes_there_and_back_and_refuses_the_rest() {
        let text = "00ff10".to_owned() + &"ab".repeat(29);
        assert_eq!(hex(unhex32(&text).unwrap().as_slice()), text);
        for bad in [&text[1..], &text.to_uppercase(), &"zz".repeat(32), ""] {
            assert!(unhex32(bad).is_none());
        }
    }
}
