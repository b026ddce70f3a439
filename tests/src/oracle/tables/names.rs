//! "Names": shapes, reserved words, who comes first, conflicts.

use super::*;
use crate::world::Flaw;

fn of_servers(mut world: World, servers: Vec<Server>) -> World {
    world.servers = servers;
    world
}

#[test]
fn norm_equal_names_are_one_and_a_server_comes_before_a_group() {
    let mut world = of_servers(
        local(),
        vec![
            Server { alias: Some("Mail_Box".to_owned()), ..server("b", "first") },
            server("c", "mail-box"),
            server("d", "dev"),
        ],
    );
    world.groups = vec![group("d", "dev"), Group { group_name: Some("MAIL BOX".to_owned()), ..group("a", "early") }];
    // a/early is before b/first, which is before c/mail-box; in d/dev the server wins.
    check_faults(
        &world,
        &[("b/first", Reason::NameConflict), ("c/mail-box", Reason::NameConflict), ("d/dev", Reason::NameConflict)],
    );
    let oracle = Oracle::new(&world, NOW);
    assert!(oracle.faults().contains_key(&(Kind::Group, Id::new("d", "dev"))));
    assert!(!oracle.faults().contains_key(&(Kind::Server, Id::new("d", "dev"))));
}

#[test]
fn platform_then_age_then_name_decide_who_comes_first() {
    let aged = |namespace: &str, created| Server {
        meta: Meta { created, ..meta(namespace, "x") },
        alias: Some("time".to_owned()),
        ..server(namespace, "x")
    };
    for (one, other, loser) in [
        (("a", Some(1)), ("plat", None), "a/x"),
        (("a", None), ("b", Some(9)), "a/x"),
        (("a", Some(2)), ("b", Some(1)), "a/x"),
        (("b", None), ("a", None), "b/x"),
        (("b", Some(1)), ("a", Some(1)), "b/x"),
    ] {
        let world = of_servers(cluster(), vec![aged(one.0, one.1), aged(other.0, other.1)]);
        check_faults(&world, &[(loser, Reason::NameConflict)]);
    }
}

#[test]
fn the_loser_of_one_name_holds_none() {
    let world = of_servers(
        local(),
        vec![
            Server { alias: Some("one".to_owned()), ..server("a", "a") },
            Server { alias: Some("two".to_owned()), prefix: Some("one".to_owned()), ..server("a", "b") },
            Server { alias: Some("two".to_owned()), ..server("a", "c") },
        ],
    );
    check_faults(&world, &[("a/b", Reason::NameConflict)]);
}

#[test]
fn the_first_fault_wins_and_a_refused_object_holds_nothing() {
    let stdio = |command: &str| Transport::Stdio { command: command.to_owned(), env_from: None };
    let mut world = of_servers(
        cluster(),
        vec![
            Server { meta: Meta { flaw: Some(Flaw::UnknownField), ..meta("plat", "mcp") }, ..server("plat", "mcp") },
            server("plat", "a-name-of-more-than-thirty-two-characters"),
            Server { bare: true, ..server("plat", "mcp-rest") },
            Server { bare: true, transport: stdio("uvx"), alias: Some("b".to_owned()), ..server("plat", "bare") },
            Server { transport: stdio("uvx"), alias: Some("b".to_owned()), ..server("plat", "stdio") },
            Server { alias: Some("b".to_owned()), ..server("plat", "y") },
            Server { alias: Some("B_".to_owned()), prefix: Some("other".to_owned()), ..server("plat", "z") },
            Server { alias: Some("__".to_owned()), ..server("plat", "shapeless") },
            Server { alias: Some("tail_".to_owned()), ..server("plat", "tail") },
        ],
    );
    world.groups = vec![Group { group_name: Some("well known".to_owned()), ..group("plat", "g") }];
    check_faults(
        &world,
        &[
            ("plat/mcp", Reason::Invalid),
            ("plat/a-name-of-more-than-thirty-two-characters", Reason::NameTooLong),
            ("plat/mcp-rest", Reason::ReservedName),
            ("plat/bare", Reason::BareNotAllowed),
            ("plat/stdio", Reason::StdioNotAllowed),
            ("plat/z", Reason::NameConflict),
            ("plat/shapeless", Reason::Invalid),
            ("plat/tail", Reason::Invalid),
            ("plat/g", Reason::ReservedName),
        ],
    );
}

#[test]
fn settings_say_where_children_and_bare_names_are_allowed() {
    let stdio = |command: &str| Transport::Stdio { command: command.to_owned(), env_from: None };
    let mut world = of_servers(
        cluster(),
        vec![
            Server { bare: true, ..server("a", "bare") },
            Server { bare: true, ..server("b", "bare-too") },
            Server { transport: stdio("uvx"), ..server("a", "uvx") },
            Server { transport: stdio("npx"), ..server("a", "npx") },
        ],
    );
    world.settings.bare_namespaces = Some(strings(&["a"]));
    world.settings.stdio_namespaces = Some(strings(&["a"]));
    world.settings.stdio_commands = Some(strings(&["uvx"]));
    check_faults(&world, &[("b/bare-too", Reason::BareNotAllowed), ("a/npx", Reason::StdioNotAllowed)]);
    world.mode = Mode::Local;
    world.settings = crate::world::Settings::default();
    check_faults(&world, &[]);
}

#[test]
fn a_subject_has_one_binding_and_a_global_name_is_taken_everywhere() {
    let mut world = cluster();
    world.bindings = vec![
        team("plat", "blue"),
        team("a", "blue"),
        team("a", "red"),
        team("b", "red"),
        Binding { meta: meta("b", "red-again"), ..team("b", "red") },
        Binding { suspend: true, ..key("a", "sb-1") },
        Binding { meta: meta("b", "thief"), ..key("b", "sb-1") },
        binding("a", "user", Subject::User("ann".to_owned())),
        binding("a", "runner", account("")),
        binding("a", "foreign-runner", account("b")),
        binding("plat", "runner-of-a", account("a")),
        binding("a", "claims", claims(&[("team", &["blue"])])),
        binding("plat", "claims-1", claims(&[("team", &["blue", "red"]), ("role", &["dev"])])),
        binding("plat", "claims-2", claims(&[("role", &["dev"]), ("team", &["red", "blue"])])),
        binding("plat", "claims-3", claims(&[("role", &["dev"])])),
        binding("plat", "claims-4", claims(&[])),
        Binding { user: Some("ann".to_owned()), ..binding("plat", "claims-5", claims(&[("role", &["x"])])) },
        binding("a", "nobody", Subject::Anonymous),
        binding("plat", "nobody", Subject::Anonymous),
        binding("plat", "nobody-too", Subject::Anonymous),
        binding("c", "twice", Subject::Key(vec![key_entry("k", "sb-2"), key_entry("l", "sb-2")])),
    ];
    check_faults(
        &world,
        &[
            ("a/blue", Reason::DuplicateSubject),
            ("b/red-again", Reason::DuplicateSubject),
            ("b/thief", Reason::DuplicateSubject),
            ("a/user", Reason::NotAPlatformNamespace),
            ("a/runner", Reason::DuplicateSubject),
            ("a/foreign-runner", Reason::NotAPlatformNamespace),
            ("a/claims", Reason::NotAPlatformNamespace),
            ("plat/claims-2", Reason::DuplicateSubject),
            ("plat/claims-4", Reason::Invalid),
            ("plat/claims-5", Reason::Invalid),
            ("a/nobody", Reason::NotAPlatformNamespace),
            ("plat/nobody-too", Reason::DuplicateSubject),
            ("c/twice", Reason::Invalid),
        ],
    );
}
