use crate::chance::secret;
use std::hash::{BuildHasher, Hasher};

/// The fingerprints of keys: 64 bits, under secrets that each table draws for itself.
///
/// Multiplication of 64 by 64 bits, folded, as in wyhash: a third of SipHash's instructions. An attacker chooses keys, but sees
/// no fingerprint, only whether two of his keys share a bucket: 127 bits that the operating system drew are not learned from
/// that, and without them a pair that collides is met by chance alone, once in 2³² keys. All that it gains him is less: two keys that
/// share a bucket are refused earlier, never admitted more.
#[derive(Clone, Debug)]
pub(super) struct Fingerprints {
    start: u64,
    secret: u64,
}

impl Fingerprints {
    pub(super) fn new() -> Self {
        Self::seeded([secret(), secret()])
    }

    /// Odd, so that nothing of a key is multiplied away.
    pub(super) const fn seeded([start, secret]: [u64; 2]) -> Self {
        Self { start, secret: secret | 1 }
    }
}

impl BuildHasher for Fingerprints {
    type Hasher = Fingerprint;

    #[inline]
    fn build_hasher(&self) -> Fingerprint {
        Fingerprint { state: self.start, secret: self.secret }
    }
}

#[derive(Debug)]
pub(super) struct Fingerprint {
    state: u64,
    secret: u64,
}

/// The golden ratio, odd: parts what was folded once more from what comes in.
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

#[inline]
const fn fold(a: u64, b: u64) -> u64 {
    let product = a as u128 * b as u128;
    (product >> 64) as u64 ^ product as u64
}

impl Hasher for Fingerprint {
    #[inline]
    fn write_u64(&mut self, word: u64) {
        self.state = fold(self.state ^ word, self.secret);
    }

    #[inline]
    fn write_u8(&mut self, byte: u8) {
        self.write_u64(byte.into());
    }

    #[inline]
    fn write_u16(&mut self, word: u16) {
        self.write_u64(word.into());
    }

    #[inline]
    fn write_u32(&mut self, word: u32) {
        self.write_u64(word.into());
    }

    #[inline]
    fn write_u128(&mut self, word: u128) {
        self.write_u64(word as u64);
        self.write_u64((word >> 64) as u64);
    }

    #[inline]
    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.write_u64(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        // The length parts what the padding would make one.
        self.write_u64(u64::from_le_bytes(last));
        self.write_u64(bytes.len() as u64);
    }

    #[inline]
    fn finish(&self) -> u64 {
        fold(self.state ^ MIX, self.secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn keys_that_differ_little_differ_in_their_fingerprints() {
        let hashes = Fingerprints::new();
        let mut seen = BTreeSet::new();
        for key in 0..100_000_u64 {
            seen.insert(hashes.hash_one(key));
            seen.insert(hashes.hash_one(key << 40 | 1));
        }
        for text in ["", "\0", "\0\0", "a", "a\0", "aaaaaaaa", "aaaaaaaa\0", "aaaaaaaaa"] {
            seen.insert(hashes.hash_one(text));
        }
        assert!(seen.len() >= 200_007);
        assert_ne!(hashes.hash_one(("ab", "c")), hashes.hash_one(("a", "bc")));
    }

    #[test]
    fn counted_keys_fill_a_table_evenly() {
        let hashes = Fingerprints::new();
        let mut homes = [0_u32; 256];
        for key in 0..256_000_u64 {
            homes[(hashes.hash_one(key) >> 56) as usize] += 1;
        }
        // A thousand each, and a standard deviation of 32.
        assert!(homes.iter().all(|&keys| (800..1200).contains(&keys)), "{homes:?}");
    }

    #[test]
    fn each_table_has_secrets_of_its_own() {
        assert_ne!(Fingerprints::new().hash_one(7), Fingerprints::new().hash_one(7));
    }
}
