//! Headers that a stranger wrote, as far as a stranger can: nothing panics, and nobody becomes who he says he is.

use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use seawall::http::{Caller, ClientAddress, Fallback, Net};
use std::net::{IpAddr, Ipv4Addr};

const LINES: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED: HeaderName = HeaderName::from_static("forwarded");

/// Bytes that a header may hold, and more often those that parsers look at.
fn line() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        "[0-9a-f:.,\\[\\]\" ;=%for_-]{0,60}".prop_map(String::into_bytes),
        "(for=\"?[0-9a-f:.\\[\\]]{0,20}\"?[;,] ?){0,5}".prop_map(String::into_bytes),
        "((\\d{1,3}\\.){3}\\d{1,3}(:\\d{1,5})?,? ?){0,5}".prop_map(String::into_bytes),
    ]
}

fn headers(name: &HeaderName, lines: &[Vec<u8>]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(name, value);
        }
    }
    headers
}

fn nets() -> [Net; 2] {
    ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]
}

fn known(caller: &Caller) -> Option<String> {
    caller.key().map(|key| key.to_string())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_header_panics(lines in prop::collection::vec(line(), 0..4), hops in 0..5_usize, peer in any::<IpAddr>(), bits in any::<u8>()) {
        for name in [LINES, FORWARDED] {
            let headers = headers(&name, &lines);
            for clients in [
                ClientAddress::hops(hops),
                ClientAddress::proxies(nets()),
                ClientAddress::hops(hops).forwarded(),
                ClientAddress::proxies(nets()).forwarded(),
                ClientAddress::header(name.clone(), nets()),
            ] {
                for fallback in [Fallback::Shared, Fallback::Peer, Fallback::Reject] {
                    let clients = clients.clone().fallback(fallback).ipv6_prefix(bits);
                    let _ = clients.caller(Some(peer), &headers);
                    let _ = clients.caller(None, &headers);
                }
            }
        }
    }

    /// Whatever stands to the left of what the own proxies wrote changes nothing.
    #[test]
    fn what_the_client_wrote_is_not_looked_at(
        forged in prop::collection::vec(line(), 0..3),
        real in any::<Ipv4Addr>(), own in prop::collection::vec(any::<[u8; 3]>(), 0..3),
    ) {
        let own: Vec<_> = own.iter().map(|[b, c, d]| format!("10.{b}.{c}.{d}")).collect();
        let truth = [vec![real.to_string()], own.clone()].concat().join(", ");
        let lines = [forged, vec![truth.into_bytes()]].concat();
        let headers = headers(&LINES, &lines);
        let peer = Some(IpAddr::from([10, 0, 0, 1]));
        let hops = ClientAddress::hops(own.len() + 1).caller(peer, &headers);
        prop_assert_eq!(known(&hops), Some(real.to_string()));
        if real.octets()[0] != 10 {
            let proxies = ClientAddress::proxies(nets()).caller(peer, &headers);
            prop_assert_eq!(known(&proxies), Some(real.to_string()));
        }
    }

    /// From a peer that is no proxy no header is believed.
    #[test]
    fn a_stranger_is_his_address(forged in prop::collection::vec(line(), 0..3), peer in any::<Ipv4Addr>()) {
        prop_assume!(peer.octets()[0] != 10);
        for name in [LINES, FORWARDED] {
            let headers = headers(&name, &forged);
            for clients in [ClientAddress::peer(), ClientAddress::hops(0), ClientAddress::proxies(nets()), ClientAddress::proxies(nets()).forwarded()] {
                prop_assert_eq!(known(&clients.caller(Some(peer.into()), &headers)), Some(peer.to_string()));
            }
        }
    }
}
