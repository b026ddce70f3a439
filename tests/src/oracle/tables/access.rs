//! "What a binding may use": grants, parents, AllKeys, filters.

use super::*;

/// `time` and `mail` in namespace `a`.
fn two_servers() -> World {
    let mut world = local();
    world.servers = vec![server("a", "time"), server("a", "mail")];
    world
}

#[test]
fn grants_absent_inherit_and_grants_empty_give_nothing() {
    let mut world = two_servers();
    world.bindings = vec![
        Binding { grants: servers(&["time"]), ..team("a", "blue") },
        Binding { team: Some("blue".to_owned()), ..key("a", "sb-inherits") },
        Binding { team: Some("blue".to_owned()), grants: Some(Grants::default()), ..key("a", "sb-empty") },
        Binding { team: Some("blue".to_owned()), grants: servers(&["time", "mail"]), ..key("a", "sb-more") },
        key("a", "sb-orphan"),
    ];
    check(&world, "sb-inherits", ALL_OF_TIME);
    check(&world, "sb-empty", &[]);
    check(&world, "sb-more", ALL_OF_TIME);
    check(&world, "sb-orphan", &[]);
}

#[test]
fn a_parent_that_declares_nothing_is_no_ceiling() {
    let mut world = two_servers();
    world.bindings = vec![
        team("a", "blue"),
        Binding { team: Some("blue".to_owned()), grants: servers(&["time"]), ..key("a", "sb-a") },
        Binding { team: Some("blue".to_owned()), ..key("a", "sb-b") },
    ];
    check(&world, "sb-a", ALL_OF_TIME);
    check(&world, "sb-b", &[]);
}

#[test]
fn a_chain_of_parents_intersects() {
    let mut world = two_servers();
    let user = binding("a", "ann", Subject::User("ann".to_owned()));
    world.bindings = vec![
        Binding { grants: servers(&["time", "mail"]), ..organization("a", "acme") },
        Binding {
            organization: Some("acme".to_owned()),
            grants: Some(Grants {
                servers: vec![entry("time", Some(&["get*"])), entry("mail", None)],
                access_groups: Vec::new(),
            }),
            ..team("a", "blue")
        },
        Binding {
            team: Some("blue".to_owned()),
            grants: Some(Grants { servers: vec![entry("time", Some(&["get", "send"]))], access_groups: Vec::new() }),
            ..user
        },
        Binding { user: Some("ann".to_owned()), ..key("a", "sb-a") },
        Binding { user: Some("ann".to_owned()), grants: servers(&["mail"]), ..key("a", "sb-b") },
    ];
    check(&world, "sb-a", &["time:get"]);
    check(&world, "sb-b", &[]);
    world.bindings[0].suspend = true;
    check(&world, "sb-a", &[]);
}

#[test]
fn a_dead_or_missing_or_unwilling_parent_gives_nothing_but_the_caller_is_known() {
    type Edit = fn(&mut Binding);
    let edits: [Edit; 5] = [
        |team| team.suspend = true,
        |team| team.expires = Some(NOW),
        |team| team.subject = Subject::Team("other".to_owned()),
        |team| team.meta.flaw = Some(crate::world::Flaw::UnknownField),
        |team| team.join_from = None,
    ];
    let mut world = two_servers();
    world.servers[0].all_keys = true;
    world.servers[0].allowed_namespaces = all();
    world.bindings = vec![
        Binding { grants: servers(&["a/time"]), join_from: all(), expires: Some(NOW + 1), ..team("t", "blue") },
        Binding { team: Some("blue".to_owned()), grants: servers(&["time", "mail"]), ..key("a", "sb-a") },
    ];
    check(&world, "sb-a", ALL_OF_TIME);
    for edit in edits {
        let mut edited = world.clone();
        edit(&mut edited.bindings[0]);
        check(&edited, "sb-a", &[]);
        check_voids_of_parent(&edited);
        let identity = Oracle::new(&edited, NOW).identify(&presented("sb-a"));
        assert_eq!(identity, Identity::Bindings([Id::new("a", "sb-a")].into()));
    }
}

#[track_caller]
fn check_voids_of_parent(world: &World) {
    let voids = Oracle::new(world, NOW).voids();
    let of_parent: Vec<_> = voids.iter().filter(|void| void.field == "team").map(|void| void.reason).collect();
    assert_eq!(of_parent, [Reason::ParentDead]);
}

#[test]
fn a_tenant_s_team_is_seen_in_its_own_namespace_only() {
    let mut world = cluster();
    world.servers = vec![server("a", "time")];
    world.bindings = vec![
        Binding { join_from: all(), ..team("b", "blue") },
        Binding { team: Some("blue".to_owned()), grants: servers(&["time"]), ..key("a", "sb-a") },
    ];
    check(&world, "sb-a", &[]);
    world.bindings.push(team("a", "blue"));
    check(&world, "sb-a", ALL_OF_TIME);
}

#[test]
fn settings_tie_a_namespace_to_a_global_organization() {
    let mut world = cluster();
    world.servers = vec![
        Server { allowed_namespaces: all(), ..server("plat", "time") },
        Server { allowed_namespaces: all(), ..server("plat", "mail") },
    ];
    world.settings.organization_of.insert("a".to_owned(), "acme".to_owned());
    world.bindings = vec![
        Binding { grants: servers(&["plat/time", "plat/mail"]), ..key("a", "sb-a") },
        Binding { grants: servers(&["plat/time"]), ..organization("a", "acme") },
    ];
    // A tenant's organization does not count.
    check(&world, "sb-a", &[]);
    world.bindings[1] = Binding { grants: servers(&["time"]), ..organization("plat", "acme") };
    check(&world, "sb-a", ALL_OF_TIME);
}

#[test]
fn the_tie_binds_users_teams_and_anonymous_but_no_organization() {
    let mut world = cluster();
    world.servers = vec![Server { allowed_namespaces: all(), ..server("plat", "time") }];
    world.settings.organization_of.insert("plat".to_owned(), "acme".to_owned());
    world.bindings = vec![
        Binding { grants: servers(&["time"]), ..binding("plat", "nobody", Subject::Anonymous) },
        Binding { join_from: all(), ..binding("plat", "ann", Subject::User("ann".to_owned())) },
        Binding { join_from: all(), ..team("plat", "blue") },
        Binding { join_from: all(), ..organization("plat", "other") },
        Binding { user: Some("ann".to_owned()), grants: servers(&["plat/time"]), ..key("a", "sb-user") },
        Binding { team: Some("blue".to_owned()), grants: servers(&["plat/time"]), ..key("a", "sb-team") },
        Binding { organization: Some("other".to_owned()), grants: servers(&["plat/time"]), ..key("a", "sb-other") },
    ];
    for tied in [&[][..], ALL_OF_TIME] {
        check_caller(&world, &Credential::None, tied);
        check(&world, "sb-user", tied);
        check(&world, "sb-team", tied);
        check(&world, "sb-other", ALL_OF_TIME);
        // No consent is needed of the organization that settings name.
        world.bindings.push(organization("plat", "acme"));
    }
}

#[test]
fn all_keys_servers_are_added_whole_but_not_for_the_dead_and_anonymous() {
    let mut world = local();
    world.servers = vec![
        Server { all_keys: true, tools: filter(None, Some(&["send"])), ..server("a", "time") },
        Server { all_keys: true, ..server("b", "other") },
    ];
    world.bindings = vec![
        team("a", "blue"),
        Binding {
            team: Some("blue".to_owned()),
            grants: Some(Grants { servers: vec![entry("time", Some(&[]))], access_groups: Vec::new() }),
            ..key("a", "sb-a")
        },
        Binding { team: Some("none".to_owned()), ..key("a", "sb-dead") },
        binding("a", "nobody", Subject::Anonymous),
    ];
    check(&world, "sb-a", &["time:get", "time:get_time"]);
    check(&world, "sb-dead", &[]);
    check_caller(&world, &Credential::None, &[]);
}

#[test]
fn ways_to_one_server_unite_and_the_server_s_own_filter_comes_last_with_deny_winning() {
    let mut world = two_servers();
    world.servers[0].tools = filter(Some(&["get*"]), Some(&["get"]));
    world.groups = vec![Group { servers: vec![entry("mail", Some(&["send"]))], ..group("a", "dev") }];
    let granted = [entry("time", None), entry("mail", Some(&["g?t"]))];
    world.bindings = vec![Binding {
        grants: Some(Grants { servers: granted.to_vec(), access_groups: vec![reference("dev")] }),
        ..key("a", "sb-a")
    }];
    check(&world, "sb-a", &["mail:get", "mail:send", "time:get_time"]);
    world.servers[0].tools.allow = Some(Vec::new());
    check(&world, "sb-a", &["mail:get", "mail:send"]);
    // An entry does not restrict what another way gives whole.
    world.servers[1].access_groups = vec![reference("dev")];
    check(&world, "sb-a", &["mail:get", "mail:get_time", "mail:send"]);
}
