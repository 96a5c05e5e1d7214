use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address is never dialled, whoever names it.
///
/// Loopback and private addresses are no such case: fleets live in private networks, and a
/// job reaches only what the operator wrote down. These here are no device's address, but
/// the way to a cloud's credentials or to more than one machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Special {
    /// An instance metadata service.
    #[error("a cloud metadata address")]
    Metadata,
    /// 169.254.0.0/16, fe80::/10.
    #[error("a link-local address")]
    LinkLocal,
    /// 224.0.0.0/4, ff00::/8.
    #[error("a multicast address")]
    Multicast,
    /// 0.0.0.0/8, ::.
    #[error("an unspecified address")]
    Unspecified,
    /// 255.255.255.255.
    #[error("the broadcast address")]
    Broadcast,
    /// 240.0.0.0/4 and IPv6 forms whose IPv4 part cannot be judged (Teredo, local NAT64).
    #[error("a reserved address")]
    Reserved,
}

/// Metadata services outside the link-local range: Alibaba, Azure, Oracle.
const METADATA_V4: [Ipv4Addr; 3] = [
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(192, 0, 0, 192),
];
/// The same in IPv6: AWS, Google.
const METADATA_V6: [Ipv6Addr; 2] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
];

/// What forbids dialling `address`, if anything does.
pub(super) fn special(address: IpAddr) -> Option<Special> {
    match address {
        IpAddr::V4(address) => special_v4(address),
        IpAddr::V6(address) => special_v6(address),
    }
}

fn special_v4(address: Ipv4Addr) -> Option<Special> {
    let [first, ..] = address.octets();
    if address == Ipv4Addr::new(169, 254, 169, 254) || METADATA_V4.contains(&address) {
        Some(Special::Metadata)
    } else if address.is_link_local() {
        Some(Special::LinkLocal)
    } else if address.is_multicast() {
        Some(Special::Multicast)
    } else if first == 0 {
        Some(Special::Unspecified)
    } else if address.is_broadcast() {
        Some(Special::Broadcast)
    } else if first >= 240 {
        Some(Special::Reserved)
    } else {
        None
    }
}

fn special_v6(address: Ipv6Addr) -> Option<Special> {
    if address.is_loopback() {
        None
    } else if address.is_unspecified() {
        Some(Special::Unspecified)
    } else if METADATA_V6.contains(&address) {
        Some(Special::Metadata)
    } else if address.is_unicast_link_local() {
        Some(Special::LinkLocal)
    } else if address.is_multicast() {
        Some(Special::Multicast)
    } else {
        match address.segments() {
            // Mapped (::ffff:a.b.c.d), compatible (::a.b.c.d), NAT64 (64:ff9b::a.b.c.d).
            [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
            | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
            // 6to4.
            | [0x2002, high, low, ..] => special_v4(embedded(high, low)),
            [0x64, 0xff9b, 1, ..] | [0x2001, 0, ..] => Some(Special::Reserved),
            _ => None,
        }
    }
}

fn embedded(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Design §4: the resolved addresses are checked, v4-in-v6 and metadata included.
    #[test]
    fn special_addresses_are_recognised_in_every_notation() {
        for (text, expected) in [
            ("169.254.169.254", Some(Special::Metadata)),
            ("::ffff:169.254.169.254", Some(Special::Metadata)),
            ("64:ff9b::a9fe:a9fe", Some(Special::Metadata)),
            ("2002:a9fe:a9fe::1", Some(Special::Metadata)),
            ("::a9fe:a9fe", Some(Special::Metadata)),
            ("fd00:ec2::254", Some(Special::Metadata)),
            ("169.254.1.1", Some(Special::LinkLocal)),
            ("fe80::1", Some(Special::LinkLocal)),
            ("224.0.0.1", Some(Special::Multicast)),
            ("ff02::1", Some(Special::Multicast)),
            ("0.0.0.0", Some(Special::Unspecified)),
            ("0.1.2.3", Some(Special::Unspecified)),
            ("::", Some(Special::Unspecified)),
            ("::ffff:0.0.0.0", Some(Special::Unspecified)),
            ("255.255.255.255", Some(Special::Broadcast)),
            ("250.0.0.1", Some(Special::Reserved)),
            ("2001::1", Some(Special::Reserved)),
            ("64:ff9b:1::a00:1", Some(Special::Reserved)),
            ("127.0.0.1", None),
            ("::1", None),
            ("10.1.2.3", None),
            ("::ffff:10.1.2.3", None),
            ("64:ff9b::a01:203", None),
            ("192.168.0.1", None),
            ("fd12::1", None),
            ("2001:db8::1", None),
            ("93.184.216.34", None),
        ] {
            let address = text.parse().expect("the table holds addresses");
            assert_eq!(special(address), expected, "{text}");
        }
    }
}
