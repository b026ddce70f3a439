//! Published names: prefix, shortening, who keeps a shared one, what a call means.

use super::*;

#[test]
fn a_published_name_is_prefix_separator_native_and_shortened_when_long() {
    let mut world = local();
    world.servers = vec![
        server("a", "mail-box"),
        Server { prefix: Some("mb".to_owned()), ..server("a", "prefixed") },
        Server { bare: true, ..server("a", "bare") },
    ];
    let published =
        |world: &World, server: usize, tool: &str| Oracle::new(world, NOW).published(&world.servers[server], tool);
    assert_eq!(published(&world, 0, "get"), "mail_box-get");
    assert_eq!(published(&world, 1, "get"), "mb-get");
    assert_eq!(published(&world, 2, "get"), "get");
    let fits = "x".repeat(61);
    assert_eq!(published(&world, 1, &fits), format!("mb-{fits}"));
    // The SHA-256 of "mb-" and 62 times "x" begins with this.
    let long = "x".repeat(62);
    assert_eq!(published(&world, 1, &long), format!("mb-{}_ef6dfcf3", "x".repeat(52)));
    world.settings.separator = Some("__".to_owned());
    world.settings.max_tool_name_length = Some(20);
    // Characters count, not bytes: 20 of them fit.
    assert_eq!(published(&world, 2, &"ü".repeat(20)), "ü".repeat(20));
    assert_eq!(published(&world, 2, &"ü".repeat(21)), format!("{}_e76ced08", "ü".repeat(11)));
    assert_eq!(published(&world, 1, "get"), "mb__get");
}

#[test]
fn a_shared_name_stays_with_the_earlier_server_unless_that_is_off() {
    let mut world = local();
    let from = SecretRef { name: "s".to_owned(), key: "k".to_owned() };
    world.servers = vec![
        Server { bare: true, tools: filter(None, Some(&["get"])), ..server("a", "first") },
        Server { bare: true, catalogue: strings(&["get"]), ..server("a", "second") },
    ];
    world.bindings = vec![Binding { grants: servers(&["first", "second"]), ..key("a", "sb-a") }];
    let second = (Id::new("a", "second"), "get".to_owned());
    let oracle = Oracle::new(&world, NOW);
    assert_eq!(oracle.hidden(), [second.clone()].into());
    // Hidden, yet permitted; and first's own filter took its get away, so nobody is called get.
    assert!(oracle.may(&presented("sb-a"), &second.0, Item::Tool("get".to_owned())));
    assert_eq!(oracle.list(&[Id::new("a", "sb-a")].into(), &[]).into_keys().collect::<Vec<_>>(), ["get_time", "send"]);
    world.servers[0].transport = Transport::Http { url_from: None, bearer_from: Some(from) };
    let oracle = Oracle::new(&world, NOW);
    assert_eq!(oracle.holders().get("get"), Some(&second));
    assert_eq!(oracle.hidden(), [].into());
}

#[test]
fn a_called_name_is_exact_then_norm_equal_then_the_only_bare_one() {
    let mut world = local();
    world.servers = vec![
        Server { alias: Some("Mail_Box".to_owned()), catalogue: strings(&["get", "send"]), ..server("a", "mail") },
        Server { catalogue: strings(&["get", "get_time"]), ..server("a", "time") },
        Server { catalogue: strings(&["send"]), ..server("a", "secret") },
    ];
    world.bindings = vec![Binding { grants: servers(&["mail", "time"]), ..key("a", "sb-a") }];
    let caller = [Id::new("a", "sb-a")].into();
    for (name, words, expected) in [
        ("Mail_Box-get", vec![], Some(("mail", "get"))),
        ("mail-box-get", vec![], Some(("mail", "get"))),
        ("get", vec![], None),
        ("get", vec!["time"], Some(("time", "get"))),
        ("send", vec![], Some(("mail", "send"))),
        ("get_time", vec![], Some(("time", "get_time"))),
        ("secret-send", vec![], None),
        ("time-get", vec!["mail box"], None),
        ("time-send", vec![], None),
    ] {
        let found = Oracle::new(&world, NOW).call(&caller, &words, name);
        let expected = expected.map(|(server, tool)| (Id::new("a", server), tool.to_owned()));
        assert_eq!(found, expected, "{name} {words:?}");
    }
}
