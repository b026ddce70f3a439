//! "Consent": who admits whom, and what a void reference is called.

use super::*;

#[test]
fn a_server_is_granted_within_its_namespace_unless_it_admits_more() {
    for (consent, reached) in [
        (None, false),
        (Some(Consent { from: From::Same, selector: None }), false),
        (all(), true),
        (selected("team", Operator::In, &["research"]), true),
        (selected("team", Operator::In, &["sales"]), false),
        (selected("team", Operator::NotIn, &["sales"]), true),
        (selected("team", Operator::NotIn, &["research"]), false),
        (selected("tier", Operator::NotIn, &["dev"]), true),
        (selected("tier", Operator::DoesNotExist, &[]), true),
        (selected("tier", Operator::Exists, &[]), false),
        (selected("kubernetes.io/metadata.name", Operator::In, &["a"]), true),
    ] {
        let mut world = local();
        world
            .namespaces
            .insert("a".to_owned(), labels(&[("team", "research"), ("kubernetes.io/metadata.name", "liar")]));
        world.servers = vec![Server { allowed_namespaces: consent.clone(), ..server("tools", "time") }];
        world.bindings = vec![
            Binding { grants: servers(&["tools/time"]), ..key("a", "sb-a") },
            Binding { grants: servers(&["time"]), ..key("tools", "sb-t") },
        ];
        check(&world, "sb-t", ALL_OF_TIME);
        check(&world, "sb-a", if reached { ALL_OF_TIME } else { &[] });
        let void: &[_] = &[("a/sb-a", "servers", 0, Reason::NotPermitted)];
        check_voids(&world, if reached { &[] } else { void });
    }
}

#[test]
fn a_namespace_without_object_has_its_name_and_matches_nothing_negative() {
    for (consent, reached) in [
        (selected("kubernetes.io/metadata.name", Operator::In, &["a"]), true),
        (selected("kubernetes.io/metadata.name", Operator::Exists, &[]), true),
        (selected("kubernetes.io/metadata.name", Operator::NotIn, &["b"]), false),
        (selected("team", Operator::NotIn, &["b"]), false),
        (selected("team", Operator::DoesNotExist, &[]), false),
    ] {
        let mut world = local();
        world.servers = vec![Server { allowed_namespaces: consent, ..server("tools", "time") }];
        world.bindings = vec![Binding { grants: servers(&["tools/time"]), ..key("a", "sb-a") }];
        check(&world, "sb-a", if reached { ALL_OF_TIME } else { &[] });
    }
}

#[test]
fn a_server_joins_a_group_if_both_admit_and_a_binding_names_the_group_if_it_admits() {
    for (join, hold, name, reached) in [
        (all(), all(), all(), true),
        (None, all(), all(), false),
        (all(), None, all(), false),
        // The server admits the caller, but not the group.
        (all(), selected("kubernetes.io/metadata.name", Operator::In, &["a"]), all(), false),
        (all(), all(), None, false),
    ] {
        for by_label in [false, true] {
            let mut world = local();
            let mut time = Server { allowed_namespaces: hold.clone(), ..server("tools", "time") };
            let mut dev = Group { join_from: join.clone(), allowed_namespaces: name.clone(), ..group("g", "dev") };
            if by_label {
                time.meta.labels = labels(&[("tier", "dev")]);
                dev.selector = Some(Selector { labels: Some(labels(&[("tier", "dev")])), terms: None });
            } else {
                time.access_groups = vec![reference("g/dev")];
            }
            world.servers = vec![time];
            world.groups = vec![dev];
            world.bindings = vec![Binding { grants: groups(&["g/dev"]), ..key("a", "sb-a") }];
            check(&world, "sb-a", if reached { ALL_OF_TIME } else { &[] });
        }
    }
}

#[test]
fn the_caller_s_namespace_must_be_admitted_by_the_server_behind_a_group() {
    let mut world = local();
    world.servers = vec![server("g", "time")];
    world.groups = vec![Group { servers: vec![entry("time", None)], allowed_namespaces: all(), ..group("g", "dev") }];
    world.bindings = vec![Binding { grants: groups(&["g/dev"]), ..key("a", "sb-a") }];
    check(&world, "sb-a", &[]);
    world.servers[0].allowed_namespaces = selected("kubernetes.io/metadata.name", Operator::In, &["a"]);
    check(&world, "sb-a", ALL_OF_TIME);
}

#[test]
fn a_void_reference_has_a_reason_that_tells_nothing_across_namespaces() {
    let mut world = local();
    world.servers = vec![
        Server { access_groups: vec![reference("nowhere"), reference("b/nowhere")], ..server("a", "time") },
        Server {
            transport: Transport::Http {
                url_from: Some(SecretRef { name: "s".to_owned(), key: "k".to_owned() }),
                bearer_from: None,
            },
            ..server("a", "off")
        },
        server("b", "mcp"),
    ];
    world.groups = vec![Group { servers: vec![entry("time", None), entry("b/mcp", None)], ..group("a", "dev") }];
    let grants = Grants {
        servers: vec![entry("nowhere", None), entry("b/nowhere", None), entry("b/mcp", None), entry("time", None)],
        access_groups: vec![reference("nowhere"), reference("dev")],
    };
    world.bindings = vec![Binding { grants: Some(grants), team: Some("none".to_owned()), ..key("a", "sb-a") }];
    check_voids(
        &world,
        &[
            ("a/off", "secret", 0, Reason::SecretNotUsable),
            ("a/time", "accessGroups", 0, Reason::NotFound),
            ("a/time", "accessGroups", 1, Reason::NotPermitted),
            ("a/dev", "servers", 1, Reason::NotPermitted),
            ("a/sb-a", "accessGroups", 0, Reason::NotFound),
            ("a/sb-a", "servers", 0, Reason::NotFound),
            ("a/sb-a", "servers", 1, Reason::NotPermitted),
            ("a/sb-a", "servers", 2, Reason::NotPermitted),
            ("a/sb-a", "team", 0, Reason::ParentDead),
        ],
    );
}
