//! Device indexes and addresses of 127/8, both ways.

use std::net::{IpAddr, Ipv4Addr};

/// The first device's address. 127.0.0.1 and its neighbours stay free, for a machine's
/// own services are there.
const FIRST: u32 = u32::from_be_bytes([127, 1, 0, 1]);
/// The last address of 127/8 that is no broadcast address.
const LAST: u32 = u32::from_be_bytes([127, 255, 255, 254]);
/// How many devices have an address.
pub(crate) const MOST_ADDRESSES: usize = (LAST - FIRST + 1) as usize;

/// The address of the device at `index`, which is below [`MOST_ADDRESSES`].
pub(crate) fn address_of(index: usize) -> Ipv4Addr {
    Ipv4Addr::from(FIRST + index as u32)
}

/// The index that the address would have, whether or not there is such a device.
pub(crate) fn index_of(address: IpAddr) -> Option<usize> {
    let IpAddr::V4(address) = address.to_canonical() else {
        return None;
    };
    u32::from(address)
        .checked_sub(FIRST)
        .map(|index| index as usize)
}
