//! The headers in which proxies say for whom they ask.

use super::net::canonical;
use http::header::{GetAll, HeaderValue};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The entries of one line of `X-Forwarded-For` from the right; empty ones are skipped (RFC 9110, 5.6.1).
pub(super) fn x_forwarded_for(line: &HeaderValue) -> impl Iterator<Item = Option<IpAddr>> {
    line.as_bytes()
        .rsplit(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|entry| !entry.is_empty())
        .map(|entry| std::str::from_utf8(entry).ok().and_then(address))
}

/// The `for` of each element of one line of `Forwarded`, from the left.
pub(super) fn forwarded(line: &HeaderValue) -> impl Iterator<Item = Option<IpAddr>> {
    // What is not even ASCII is one element, and garbage.
    split(line.to_str().unwrap_or("?"), ',').filter(|element| !element.trim().is_empty()).map(|element| {
        let mut named = split(element, ';').filter_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            name.trim().eq_ignore_ascii_case("for").then(|| value.trim())
        });
        match (named.next(), named.next()) {
            (Some(value), None) => address(value),
            _ => None,
        }
    })
}

/// Splits at `at`, except within a quoted string; one that never ends reaches to the end.
fn split(text: &str, at: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |char| {
        let plain = !quoted;
        (quoted, escaped) = match char {
            _ if escaped => (quoted, false),
            '\\' if quoted => (quoted, true),
            '"' => (!quoted, false),
            _ => (quoted, false),
        };
        plain && char == at
    })
}

/// The one address of a header that holds one.
pub(super) fn single(values: GetAll<'_, HeaderValue>) -> Option<IpAddr> {
    let mut values = values.iter();
    match (values.next(), values.next()) {
        (Some(value), None) => address(value.to_str().ok()?.trim()),
        _ => None,
    }
}

/// One address as a forwarding header writes it: plain or quoted, bracketed or not, with or without a port and a
/// zone.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.strip_prefix('"').map_or(Some(text), |rest| rest.strip_suffix('"'))?;
    let found = if let Some(rest) = text.strip_prefix('[') {
        let (inside, port) = rest.split_once(']')?;
        let ported = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        ported.then(|| v6(inside))??.into()
    } else if let Some((host, port)) = text.split_once(':')
        && is_port(port)
        && let Ok(host) = host.parse::<Ipv4Addr>()
    {
        host.into()
    } else {
        text.parse().ok().map_or_else(|| v6(text).map(IpAddr::V6), |v4: Ipv4Addr| Some(v4.into()))?
    };
    Some(canonical(found))
}

/// An IPv6 address; the zone, if there is one, is a matter of the machine that wrote it.
fn v6(text: &str) -> Option<Ipv6Addr> {
    match text.split_once('%') {
        Some((_, "")) => None,
        Some((address, _)) => address.parse().ok(),
        None => text.parse().ok(),
    }
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_address_is_read_in_all_its_clothes() {
        for (text, expected) in [
            ("1.2.3.4", "1.2.3.4"),
            ("1.2.3.4:5678", "1.2.3.4"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("\"[::1]\"", "::1"),
            ("\"[2001:db8::1]:443\"", "2001:db8::1"),
            ("fe80::1%eth0", "fe80::1"),
            ("[fe80::1%25eth0]:80", "fe80::1"),
            ("::ffff:1.2.3.4", "1.2.3.4"),
            ("64:ff9b::102:304", "1.2.3.4"),
        ] {
            assert_eq!(address(text), Some(expected.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn garbage_is_no_address() {
        for text in [
            "",
            "\"",
            "\"\"",
            "unknown",
            "_hidden",
            "1.2.3",
            "1.2.3.4:",
            "1.2.3.4:65536",
            "1.2.3.4:+1",
            "[1.2.3.4]",
            "[::1",
            "::1]",
            "[::1]80",
            "[::1]:",
            "\"::1",
            "fe80::1%",
            "1.2.3.4%eth0",
            "localhost",
            "1.2.3.4 5.6.7.8",
        ] {
            assert_eq!(address(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[\\[\\]\"%:./0-9a-fx ]{0,48}") {
            let _ = address(&text);
        }

        #[test]
        fn an_address_is_read_as_it_was_written(ip in any::<IpAddr>(), port in any::<u16>()) {
            prop_assert_eq!(address(&ip.to_string()), Some(canonical(ip)));
            prop_assert_eq!(address(&std::net::SocketAddr::new(ip, port).to_string()), Some(canonical(ip)));
        }
    }
}
