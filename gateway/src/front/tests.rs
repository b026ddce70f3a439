use super::*;

/// How a request is judged with this Host and Origin, at a listener on this address.
fn judge(listener: &str, host: Option<&str>, origin: Option<&str>) -> Result<(), Reject> {
    let head = Head { host: host.map(str::as_bytes), origin: origin.map(str::as_bytes), ..Head::default() };
    let allowed = ["https://chat.example.com".to_owned()];
    check(&Uri::from_static("/mcp"), &head, address(listener), &allowed)
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
fn r14_a_listener_on_loopback_takes_loopback_hosts_only() {
    let loopback = ["127.0.0.1:8080", "127.0.0.2:8080", "[::1]:8080", "[::ffff:127.0.0.1]:8080"];
    for listener in loopback {
        for host in [
            "localhost",
            "LocalHost:8080",
            "localhost:",
            "127.0.0.1",
            "127.0.0.1:8080",
            "127.8.9.1:1",
            "[::1]",
            "[::1]:8080",
            "[0:0:0:0:0:0:0:1]",
            "[::ffff:127.0.0.1]:8080",
        ] {
            assert_eq!(judge(listener, Some(host), None), Ok(()), "{host} at {listener}");
        }
        for host in [
            "evil.example",
            "evil.example:8080",
            "localhost.evil.example",
            "evil.localhost",
            "localhost.",
            "127.0.0.1.evil.example",
            "127.1",
            "0x7f.0.0.1",
            "2130706433",
            "0.0.0.0",
            "192.0.2.1:8080",
            "[2001:db8::1]",
            "[::]",
            "::1",
            "[::1",
            "[::1]evil.example",
            "[localhost]",
            "[127.0.0.1]",
            "localhost:evil",
            "localhost:+80",
            "localhost:80:80",
            "localhost:99999",
            "evil@localhost",
            "localhost@evil.example",
            "localhost/evil",
            " localhost",
            "",
        ] {
            assert_eq!(judge(listener, Some(host), None), Err(Reject::Host), "{host} at {listener}");
        }
        assert_eq!(judge(listener, None, None), Err(Reject::Host), "none at {listener}");
    }
}

#[test]
fn r14_any_other_listener_takes_every_host() {
    for listener in ["0.0.0.0:8080", "[::]:8080", "192.0.2.1:8080", "[::ffff:192.0.2.1]:8080", "[2001:db8::1]:8080"] {
        for host in [Some("mcp.example.com"), Some("localhost"), Some("127.0.0.1:8080"), None] {
            assert_eq!(judge(listener, host, None), Ok(()), "{host:?} at {listener}");
        }
    }
}

#[test]
fn r14_a_target_that_names_a_host_overrides_host() {
    let head = Head { host: Some(b"localhost"), ..Head::default() };
    let at = |target| check(&Uri::from_static(target), &head, ([127, 0, 0, 1], 8080).into(), &[]);
    assert_eq!(at("http://evil.example/mcp"), Err(Reject::Host));
    assert_eq!(at("http://127.0.0.1:8080/mcp"), Ok(()));
}

#[test]
fn r14_an_origin_is_the_gateways_own_or_allowed() {
    for (host, origin) in [
        ("mcp.example.com", "https://mcp.example.com"),
        ("mcp.example.com", "http://mcp.example.com"),
        ("MCP.example.com:8080", "HTTP://mcp.EXAMPLE.com:8080"),
        ("mcp.example.com:443", "https://mcp.example.com"),
        ("mcp.example.com:80", "http://mcp.example.com"),
        ("[2001:db8::1]:8080", "http://[2001:db8::1]:8080"),
        ("mcp.example.com", "https://chat.example.com"),
        ("mcp.example.com", "https://Chat.Example.com"),
    ] {
        assert_eq!(judge("0.0.0.0:8080", Some(host), Some(origin)), Ok(()), "{origin} at {host}");
    }
    for (host, origin) in [
        ("mcp.example.com", "https://evil.example"),
        ("mcp.example.com", "https://mcp.example.com.evil.example"),
        ("mcp.example.com", "https://mcp.example.com@evil.example"),
        ("mcp.example.com", "http://chat.example.com"),
        ("mcp.example.com", "null"),
        ("mcp.example.com", ""),
        ("mcp.example.com", "mcp.example.com"),
        ("mcp.example.com", "ftp://mcp.example.com"),
        ("mcp.example.com", "https://mcp.example.com/"),
        ("mcp.example.com:443", "http://mcp.example.com"),
        ("mcp.example.com:8080", "http://mcp.example.com"),
        ("localhost:8080", "http://localhost:3000"),
        ("localhost:8080", "http://127.0.0.1:8080"),
    ] {
        assert_eq!(judge("0.0.0.0:8080", Some(host), Some(origin)), Err(Reject::Origin), "{origin} at {host}");
    }
    assert_eq!(judge("0.0.0.0:8080", None, Some("https://mcp.example.com")), Err(Reject::Origin));
}

#[test]
fn r12_a_path_says_which_transport_is_spoken_and_what_it_narrows_to() {
    for (path, expected) in [
        ("/mcp", Some((Door::Mcp, None))),
        ("/mcp/", Some((Door::Mcp, None))),
        ("/mcp/up", Some((Door::Mcp, Some("up")))),
        ("/up,two%20more/mcp", Some((Door::Mcp, Some("up,two more")))),
        ("/messages/mcp", Some((Door::Mcp, Some("messages")))),
        ("/mcp/messages", Some((Door::Mcp, Some("messages")))),
        ("/sse", Some((Door::Sse, None))),
        ("/sse/", Some((Door::Sse, None))),
        ("/mcp/sse", Some((Door::Sse, None))),
        ("/mcp/sse/", Some((Door::Sse, None))),
        ("/up,two%20more/sse", Some((Door::Sse, Some("up,two more")))),
        ("/sse/messages", Some((Door::Messages, None))),
        ("/mcp/sse/messages", Some((Door::Messages, None))),
        ("/up/sse/messages", Some((Door::Messages, Some("up")))),
        ("/", None),
        ("//sse", None),
        ("/messages", None),
        ("/up/messages", None),
        ("/mcp/up/sse", None),
        ("/mcp/up/sse/messages", None),
        ("/sse/messages/", None),
        ("/%ff/sse", None),
        ("sse", None),
    ] {
        let read = Path::read(path);
        assert_eq!(read.as_ref().map(|path| (path.door, path.names())), expected, "{path}");
    }
}
