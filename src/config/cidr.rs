//! Networks: what is in them, and what overlaps.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
    str::FromStr,
};

/// An IPv4 or IPv6 network. `base` has no bit beyond the prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    pub base: IpAddr,
    pub prefix: u8,
}

/// Why a text is no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotANetwork {
    /// Not `ADDRESS/PREFIX`.
    Malformed,
    /// An address within a network: this network is probably meant.
    NotItsBase(Cidr),
}

impl Cidr {
    /// The network of that size around an address. A prefix longer than the address counts as the whole address.
    #[must_use]
    pub fn around(address: IpAddr, prefix: u8) -> Self {
        let prefix = prefix.min(width(address));
        let base = match address {
            IpAddr::V4(v4) => IpAddr::V4((v4.to_bits() & mask(prefix, 32) as u32).into()),
            IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & mask(prefix, 128)).into()),
        };
        Self { base, prefix }
    }

    /// Whether an address is in it. An address of the other family never is.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.base.is_ipv4() == address.is_ipv4() && Self::around(address, self.prefix).base == self.base
    }

    /// Whether any address is in both.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.contains(other.base) || other.contains(self.base)
    }

    /// How many subnets of a prefix fit in it; none if they are larger than it.
    pub(super) fn subnets(&self, prefix: u8) -> u128 {
        prefix.checked_sub(self.prefix).map_or(0, |bits| 1_u128.checked_shl(bits.into()).unwrap_or(u128::MAX))
    }

    /// A private /16 that overlaps none of `taken`, for a hint. Falls back to the usual pod network.
    pub(super) fn private_apart_from(taken: &[Self]) -> Self {
        let candidates = [[10, 244], [10, 200], [172, 31], [192, 168], [10, 0], [172, 16]];
        let mut networks = candidates.map(|[a, b]| Self { base: Ipv4Addr::new(a, b, 0, 0).into(), prefix: 16 }).into_iter();
        let usual = Self { base: Ipv4Addr::new(10, 244, 0, 0).into(), prefix: 16 };
        networks.find(|network| !taken.iter().any(|other| other.overlaps(network))).unwrap_or(usual)
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// `prefix` ones, then zeros, in the lowest `width` bits.
fn mask(prefix: u8, width: u8) -> u128 {
    let ones = u128::MAX >> (128 - u32::from(width));
    ones & ones.checked_shl(u32::from(width - prefix)).unwrap_or(0)
}

impl FromStr for Cidr {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let (address, prefix) = text.split_once('/').ok_or(NotANetwork::Malformed)?;
        let address: IpAddr = address.parse().map_err(|_| NotANetwork::Malformed)?;
        let digits = prefix.bytes().all(|byte| byte.is_ascii_digit());
        let prefix = prefix.parse().ok().filter(|prefix| digits && *prefix <= width(address)).ok_or(NotANetwork::Malformed)?;
        let network = Self::around(address, prefix);
        if network.base == address { Ok(network) } else { Err(NotANetwork::NotItsBase(network)) }
    }
}

impl fmt::Display for NotANetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("a network is written as 10.244.0.0/16"),
            Self::NotItsBase(base) => write!(f, "an address within a network, not a network: write {base}"),
        }
    }
}

impl std::error::Error for NotANetwork {}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cidr(text: &str) -> Cidr {
        text.parse().unwrap()
    }

    #[test]
    fn networks_are_read_and_addresses_within_them_are_not() {
        for text in ["10.244.0.0/16", "0.0.0.0/0", "192.0.2.1/32", "fd00:10::/48", "::/0", "2001:db8::1/128"] {
            assert_eq!(cidr(text).to_string(), text);
        }
        assert_eq!("10.244.1.0/16".parse::<Cidr>(), Err(NotANetwork::NotItsBase(cidr("10.244.0.0/16"))));
        assert_eq!("fd00::1/64".parse::<Cidr>(), Err(NotANetwork::NotItsBase(cidr("fd00::/64"))));
        for text in ["10.244.0.0", "10.244.0/16", "10.244.0.0/33", "10.244.0.0/", "10.244.0.0/+8", "", "::/129", "a/8"] {
            assert_eq!(text.parse::<Cidr>(), Err(NotANetwork::Malformed), "{text:?}");
        }
    }

    #[test]
    fn overlap_is_mutual_and_keeps_families_apart() {
        for (one, other, overlap) in [
            ("10.96.0.0/12", "10.100.0.0/16", true),
            ("10.96.0.0/12", "10.112.0.0/16", false),
            ("0.0.0.0/0", "192.0.2.0/24", true),
            ("::/0", "10.0.0.0/8", false),
            ("fd00::/48", "fd00:0:0:1::/64", true),
        ] {
            assert_eq!(cidr(one).overlaps(&cidr(other)), overlap, "{one} {other}");
            assert_eq!(cidr(other).overlaps(&cidr(one)), overlap, "{other} {one}");
        }
    }

    #[test]
    fn subnets_are_counted() {
        assert_eq!(cidr("10.244.0.0/16").subnets(24), 256);
        assert_eq!(cidr("10.244.0.0/25").subnets(24), 0);
        assert_eq!(cidr("::/0").subnets(128), u128::MAX);
    }

    #[test]
    fn a_suggestion_overlaps_nothing_taken() {
        let taken = [cidr("10.0.0.0/8"), cidr("172.31.5.0/24")];
        assert_eq!(Cidr::private_apart_from(&taken), cidr("192.168.0.0/16"));
    }
}
