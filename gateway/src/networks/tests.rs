use super::*;

fn networks(proxies: &[&str], internal: Option<&[&str]>) -> Networks {
    let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    let settings = WireSettings {
        trusted_proxies: owned(proxies),
        internal_networks: internal.map(owned),
        ..WireSettings::default()
    };
    Networks::of(&settings)
}

fn is_inside(networks: &Networks, peer: &str, forwarded: &[&str]) -> bool {
    let mut headers = HeaderMap::new();
    for value in forwarded {
        headers.append(FORWARDED_FOR, HeaderValue::from_str(value).unwrap());
    }
    !networks.side(peer.parse().unwrap(), &headers).is_outside()
}

#[test]
fn private_addresses_and_loopback_are_inside() {
    let networks = networks(&[], None);
    for inside in ["10.1.2.3", "172.31.0.1", "192.168.1.1", "127.0.0.9", "::1", "fd00::7", "::ffff:10.0.0.1"] {
        assert!(is_inside(&networks, inside, &[]), "{inside}");
    }
    for outside in
        ["192.0.2.7", "172.32.0.1", "169.254.1.1", "100.64.0.1", "fe80::1", "2001:db8::1", "::ffff:192.0.2.7"]
    {
        assert!(!is_inside(&networks, outside, &[]), "{outside}");
    }
}

#[test]
fn who_is_not_trusted_gains_nothing_by_what_it_says() {
    let networks = networks(&["192.0.2.0/24"], None);
    assert!(!is_inside(&networks, "198.51.100.1", &["10.0.0.1"]));
    assert!(!is_inside(&networks, "10.0.0.1", &["10.0.0.2"]), "somebody is behind it, and nobody knows who");
    assert!(is_inside(&networks, "10.0.0.1", &[]));
    let mut forwarded = HeaderMap::new();
    forwarded.insert(FORWARDED, HeaderValue::from_static("for=10.0.0.2"));
    assert!(networks.side("10.0.0.1".parse().unwrap(), &forwarded).is_outside());
}

#[test]
fn the_first_that_is_no_proxy_from_the_right_is_the_client() {
    let networks = networks(&["192.0.2.0/24", "2001:db8::/32"], None);
    for (forwarded, inside) in [
        (&["10.0.0.1"][..], true),
        (&["10.0.0.1, 192.0.2.9"], true),
        (&["198.51.100.1, 10.0.0.1"], true),
        (&["10.0.0.1, 198.51.100.1"], false),
        (&["10.0.0.1", "198.51.100.1, 192.0.2.9"], false),
        (&["198.51.100.1", "10.0.0.1"], true),
        (&["fd00::1, 2001:db8::9"], true),
        (&["[fd00::1]:4000 , [2001:db8::9]"], true),
        (&["10.0.0.1:4000"], true),
        (&["2001:dead::1"], false),
        (&["unknown"], false),
        (&["10.0.0.1, unknown"], false),
        (&["unknown, 10.0.0.1"], true),
        (&["10.0.0.1,"], false),
        (&[""], false),
        (&["10.0.0.1, 192.0.2.9, 192.0.2.10"], true),
        (&["192.0.2.9"], false),
        (&[], false),
    ] {
        assert_eq!(is_inside(&networks, "192.0.2.8", forwarded), inside, "{forwarded:?}");
    }
}

#[test]
fn other_rules_have_everybody_asked_anew() {
    let (before, after) = (networks(&[], None), networks(&["10.0.0.1/32"], None));
    let side = before.side("10.0.0.1".parse().unwrap(), &HeaderMap::new());
    assert_eq!(networks(&[], None).still(side), side);
    assert_eq!(after.still(side), Side::Outside);
    assert!(after.still(after.side_told(false)).is_outside());
}

#[test]
fn where_the_rules_cannot_be_read_nobody_is_inside() {
    for broken in [networks(&["10.0.0.1"], None), networks(&[], Some(&["10.0.0.0/33"]))] {
        assert!(!is_inside(&broken, "10.0.0.1", &[]));
    }
    assert!(is_inside(&networks(&[], Some(&["192.0.2.0/24"])), "192.0.2.7", &[]));
    assert!(!is_inside(&networks(&[], Some(&["192.0.2.0/24"])), "127.0.0.1", &[]));
}
