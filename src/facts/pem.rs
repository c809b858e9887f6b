//! As much of PEM as a fingerprint takes. A certificate is never looked into here: only `secrets` parses X.509.

use sha2::{Digest, Sha256};

/// The SHA-256 (hex) of the first certificate (DER) in a PEM text; none where there is none.
#[must_use]
pub fn fingerprint(pem: &str) -> Option<String> {
    let (_, rest) = pem.split_once("-----BEGIN CERTIFICATE-----")?;
    let (body, _) = rest.split_once("-----END CERTIFICATE-----")?;
    let der = base64(body)?;
    (!der.is_empty()).then(|| Sha256::digest(&der).iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Decodes base64 (RFC 4648, section 4), white space allowed. None for anything else.
#[must_use]
pub fn base64(text: &str) -> Option<Vec<u8>> {
    let digits: String = text.split_whitespace().collect();
    let digits = digits.trim_end_matches('=');
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for group in digits.as_bytes().chunks(4) {
        if group.len() == 1 {
            return None;
        }
        let mut bits = 0_u32;
        for at in 0..4 {
            bits = bits << 6 | group.get(at).map_or(Some(0), |digit| value(*digit))?;
        }
        bytes.extend_from_slice(&bits.to_be_bytes()[1..group.len()]);
    }
    Some(bytes)
}

fn value(digit: u8) -> Option<u32> {
    Some(u32::from(match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_decodes_the_vectors_of_its_rfc_and_refuses_the_rest() {
        for (text, plain) in
            [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9v\nYmE=", "fooba"), ("Zm9vYmFy", "foobar")]
        {
            assert_eq!(base64(text).as_deref(), Some(plain.as_bytes()), "{text}");
        }
        for text in ["Z", "Zm9vY", "Zm9_", "Zm=v"] {
            assert_eq!(base64(text), None, "{text}");
        }
    }

    #[test]
    fn a_fingerprint_is_that_of_the_bytes_inside() {
        // printf foobar | sha256sum
        let expected = "c3ab8ff13720e8ad9047dd39466b3c8974e592c2fa383d4a3960714caef0c4f2";
        let pem = "noise\n-----BEGIN CERTIFICATE-----\nZm9v\nYmFy\n-----END CERTIFICATE-----\n";
        assert_eq!(fingerprint(pem).as_deref(), Some(expected));
        for bad in ["", "Zm9v", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\nZm9v"] {
            assert_eq!(fingerprint(bad), None, "{bad}");
        }
    }
}
