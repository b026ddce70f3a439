//! Small worlds in which the two once differed, by hand: what is right is
//! written out, and both sides must say it. Each is a reading in `docs/access.md`.

use gateway::catalogue::List;
use tests::oracle::{Credential, Identity, Item, Oracle, Reason};
use tests::world::{
    Binding, Consent, Entry, From, Grants, Group, Id, KeyEntry, KeySource, Labels, Meta, Mode, NOW, Reference, Secret,
    SecretRef, Server, Subject, Transport, World,
};

use crate::compare::differences;
use crate::offered::{Offered, listed};
use crate::product::{Bench, Product};

/// A directory of these servers, `__` between prefix and tool, and a key for everything.
fn world(servers: Vec<Server>) -> World {
    let mut world = World::empty(Mode::Local, &[]);
    world.settings.separator = Some("__".to_owned());
    world.tools = servers.iter().flat_map(|server| server.catalogue.clone()).collect();
    let entry = |server: &Server| Entry {
        server: Reference { name: server.meta.name.clone(), namespace: String::new() },
        ..Entry::default()
    };
    let grants = Grants { servers: servers.iter().map(entry).collect(), access_groups: Vec::new() };
    let key = KeyEntry { name: "k".to_owned(), source: KeySource::Sha256("sb-key".to_owned()), expires: None };
    world.bindings.push(Binding {
        meta: meta("caller"),
        subject: Subject::Key(vec![key]),
        user: None,
        team: None,
        organization: None,
        grants: Some(grants),
        join_from: None,
        expires: None,
        suspend: false,
    });
    world.servers = servers;
    world
}

fn meta(name: &str) -> Meta {
    Meta { namespace: "default".to_owned(), name: name.to_owned(), ..Meta::default() }
}

fn server(name: &str, tools: &[&str]) -> Server {
    Server::over_http(meta(name), tools)
}

/// What each name calls, as `server:tool`; `-` is nothing. Everything else that can be asked must agree as well.
#[track_caller]
fn check(world: &World, calls: &[(&str, &str)]) {
    assert_eq!(differences(world, &Bench::new()), Vec::<String>::new());
    let oracle = Oracle::new(world, NOW);
    for (name, expected) in calls {
        let found = oracle.call(&[world.bindings[0].meta.id()].into(), &[], name);
        let found = found.map_or("-".to_owned(), |(server, tool)| format!("{}:{tool}", server.name));
        assert_eq!(found, *expected, "{name}");
    }
}

#[test]
fn a_server_that_is_off_is_permitted_to_nobody() {
    let url_from = Some(SecretRef { name: "gone".to_owned(), key: "url".to_owned() });
    let off = Server { transport: Transport::Http { url_from, bearer_from: None }, ..server("off", &["get"]) };
    let world = world(vec![off, server("on", &["send"])]);
    check(&world, &[("off__get", "-"), ("get", "-"), ("on__send", "on:send"), ("send", "on:send")]);
    let permitted = Oracle::new(&world, NOW).permitted(&Credential::Key("sb-key".to_owned()));
    assert!(permitted.iter().all(|(server, _)| server.name == "on") && !permitted.is_empty());
}

#[test]
fn a_tool_is_called_by_its_servers_prefix_and_not_by_an_alias_beside_it() {
    let named =
        Server { alias: Some("mail".to_owned()), prefix: Some("Post_Box".to_owned()), ..server("m", &["send"]) };
    let bare = Server { bare: true, ..server("time", &["now"]) };
    check(
        &world(vec![named, bare]),
        &[
            ("Post_Box__send", "m:send"),
            ("post-box__send", "m:send"),
            ("POST BOX__send", "m:send"),
            ("mail__send", "-"),
            ("m__send", "-"),
            ("send", "m:send"),
            ("now", "time:now"),
            ("time__now", "-"),
        ],
    );
}

#[test]
fn a_server_with_an_alias_is_named_by_its_object_where_nobody_holds_that_name() {
    let aliased =
        |name: &str, alias: &str, tools: &[&str]| Server { alias: Some(alias.to_owned()), ..server(name, tools) };
    let mail = || aliased("mail-box", "mail", &["send", "box__get"]);
    let names = [
        ("mail__send", "mail-box:send"),
        ("mail_box__send", "mail-box:send"),
        ("MailBox__send", "mail-box:send"),
        // The prefix goes before it, however it is spelled, and so does a bare name.
        ("mail__box__get", "mail-box:box__get"),
    ];
    check(&world(vec![mail()]), &names);
    check(&world(vec![mail(), aliased("x", "MailBox", &["send"])]), &[("mail_box__send", "x:send")]);
    check(&world(vec![mail(), server("x", &["mail_box__send"])]), &[("mail_box__send", "x:mail_box__send")]);
    // Of two objects whose names read alike the first has it, and the other is none.
    let other = aliased("mailbox", "other", &["send", "put"]);
    check(&world(vec![mail(), other]), &[("mailbox__send", "mail-box:send"), ("mailbox__put", "-")]);
}

#[test]
fn a_hidden_tool_is_called_by_no_spelling() {
    // Both are published as `a__b__get`, which stays with the earlier server.
    let hides = server("a", &["b__get"]);
    let hidden = Server { alias: Some("a__b".to_owned()), ..server("later", &["get", "put"]) };
    check(
        &world(vec![hides, hidden]),
        &[
            ("a__b__get", "a:b__get"),
            ("A__b__get", "a:b__get"),
            ("ab__get", "-"),
            ("get", "-"),
            ("ab__put", "later:put"),
            ("put", "later:put"),
        ],
    );
}

#[test]
fn a_spelling_that_means_two_tools_means_none() {
    let short = || server("a", &["b__get"]);
    let long = || Server { alias: Some("A__B".to_owned()), ..server("later", &["get"]) };
    check(
        &world(vec![short(), long()]),
        &[("a__b__get", "a:b__get"), ("A__B__get", "later:get"), ("A__b__get", "-"), ("get", "later:get")],
    );
    // Nor is it then taken for a bare name.
    let third = server("z", &["A__b__get"]);
    check(&world(vec![short(), long(), third]), &[("A__b__get", "-"), ("z__A__b__get", "z:A__b__get")]);
}

#[test]
fn the_separator_is_found_wherever_it_stands() {
    check(
        &world(vec![server("a", &["get", "_put"])]),
        &[("a___get", "a:get"), ("a____get", "a:get"), ("a___put", "a:_put"), ("_a__get", "a:get")],
    );
}

/// What the key may use, as words, of a world with one server; both sides agree.
#[track_caller]
fn check_items(world: &World, expected: &[&str]) {
    assert_eq!(differences(world, &Bench::new()), Vec::<String>::new());
    let permitted = Oracle::new(world, NOW).permitted(&Credential::Key("sb-key".to_owned()));
    let found: Vec<String> = permitted
        .into_iter()
        .map(|(_, item)| match item {
            Item::Tool(name) => format!("tool {name}"),
            Item::Prompt(name) => format!("prompt {name}"),
            Item::Resource(uri) => format!("resource {uri}"),
        })
        .collect();
    assert_eq!(found, expected);
}

/// A server with an item of each kind that is named `get`, and URIs, granted as `edit` says.
fn with_items(edit: impl FnOnce(&mut Entry)) -> World {
    let mut world = world(vec![server("docs", &["get"])]);
    world.prompts = vec!["get".to_owned()];
    world.resources = [
        "get",
        "file:///docs/a",
        "file:///docs/{path}",
        "file:///{path}",
        "file:///docs/../etc",
        "file:///docs/%2E%2e/etc",
    ]
    .map(str::to_owned)
    .to_vec();
    edit(&mut world.bindings[0].grants.as_mut().unwrap().servers[0]);
    world
}

fn globs(globs: &[&str]) -> Vec<String> {
    globs.iter().map(|&glob| glob.to_owned()).collect()
}

#[test]
fn a_list_of_one_kind_gives_nothing_of_another() {
    check_items(&with_items(|entry| entry.tools = Some(globs(&["get"]))), &["tool get"]);
    check_items(&with_items(|entry| entry.prompts = Some(globs(&["*"]))), &["prompt get"]);
    check_items(&with_items(|entry| entry.resources = Some(globs(&["get"]))), &["resource get"]);
    check_items(&with_items(|entry| entry.prompts = Some(globs(&[]))), &[]);
    let both = with_items(|entry| (entry.tools, entry.resources) = (Some(globs(&["g*"])), Some(globs(&["g*"]))));
    check_items(&both, &["tool get", "resource get"]);
}

#[test]
fn r11_a_uri_is_judged_as_it_stands_and_one_with_dot_segments_gets_past_no_list() {
    let world = with_items(|entry| entry.resources = Some(globs(&["file:///docs/*"])));
    check_items(&world, &["resource file:///docs/a", "resource file:///docs/{path}"]);
    let mut world = with_items(|entry| entry.resources = Some(globs(&["*"])));
    assert_eq!(Oracle::new(&world, NOW).permitted(&Credential::Key("sb-key".to_owned())).len(), 6);
    world.servers[0].resources.deny = Some(globs(&["file:///etc*", "get"]));
    let rest = ["resource file:///docs/a", "resource file:///docs/{path}", "resource file:///{path}"];
    check_items(&world, &rest);
}

/// What each URI leads to, as the server's name; `-` is nothing. Both sides agree on that, and on all else.
#[track_caller]
fn check_reads(world: &World, reads: &[(&str, &str)]) {
    assert_eq!(differences(world, &Bench::new()), Vec::<String>::new());
    let oracle = Oracle::new(world, NOW);
    let (offered, usable) = (Offered::new(world, &oracle), oracle.usable(&world.bindings[0].meta.id()));
    let seen = offered.list(List::Resources, &usable);
    for (uri, expected) in reads {
        let found = offered.meaning(List::Resources, (&seen, &usable), uri);
        assert_eq!(found.map_or("-".to_owned(), |(server, _)| server.name), *expected, "{uri}");
    }
}

#[test]
fn r11_a_uri_leads_to_who_holds_it_and_an_unlisted_one_to_a_template_or_the_only_server() {
    let mut world = world(vec![server("one", &["get"]), server("two", &["get"])]);
    world.resources =
        ["docs://secret", "docs://shared", "docs://b", "db://row/{id}", "db://row/3"].map(str::to_owned).to_vec();
    let lists = |server, list| listed(&world, &world.servers[server], list);
    assert_eq!(lists(0, List::Resources), ["docs://secret"]);
    assert_eq!(lists(1, List::Resources), ["docs://secret", "docs://shared"]);
    assert_eq!([lists(0, List::Templates), lists(1, List::Templates)], [vec!["db://row/{id}"], vec![]]);
    check_reads(
        &world,
        &[
            ("docs://secret", "one"),
            ("switchboard:two:docs://secret", "two"),
            ("docs://shared", "two"),
            ("docs://b", "-"),
            ("switchboard:one:docs://b", "one"),
            ("db://row/3", "one"),
            ("SwitchBoard:T_W-o:db://row/3", "two"),
        ],
    );
    world.bindings[0].grants.as_mut().unwrap().servers.remove(0);
    check_reads(
        &world,
        &[
            // What the other server holds does not show: the only one left is asked.
            ("docs://secret", "two"),
            ("switchboard:two:docs://secret", "two"),
            ("switchboard:one:docs://secret", "-"),
            ("docs://b", "two"),
            ("db://row/3", "two"),
        ],
    );
}

#[test]
fn an_empty_value_of_a_secret_is_no_key() {
    let mut world = world(vec![server("a", &["get"])]);
    let from = SecretRef { name: "keys".to_owned(), key: "token".to_owned() };
    let data = Labels::from([("token".to_owned(), String::new())]);
    world.secrets.push(Secret { id: Id::new("default", "keys"), labelled: true, data });
    let key = KeyEntry { name: "k".to_owned(), source: KeySource::Secret(from), expires: None };
    world.bindings[0].subject = Subject::Key(vec![key]);
    assert_eq!(differences(&world, &Bench::new()), Vec::<String>::new());
    let oracle = Oracle::new(&world, NOW);
    assert_eq!(oracle.identify(&Credential::Key(String::new())), Identity::Unauthorized);
    assert_eq!(oracle.voids().first().map(|void| void.reason), Some(Reason::SecretNotUsable));
}

#[test]
fn the_gateways_own_program_is_a_command_like_any_other() {
    let transport = Transport::Stdio { command: "switchboard".to_owned(), env_from: None };
    let mut world = world(vec![Server { transport, ..server("demo", &["get"]) }]);
    check(&world, &[("demo__get", "demo:get")]);
    world.settings.stdio_commands = Some(vec!["uvx".to_owned()]);
    check(&world, &[("demo__get", "-"), ("get", "-")]);
    assert_eq!(Oracle::new(&world, NOW).faults().values().collect::<Vec<_>>(), [&Reason::StdioNotAllowed]);
}

#[test]
fn a_name_that_all_callers_see_stays_where_it_is_whatever_one_caller_sees() {
    let world = world(vec![server("a", &["get"]), Server { alias: Some("a__b".to_owned()), ..server("b", &["get"]) }]);
    let bench = Bench::new();
    bench.runtime.block_on(async {
        let index = &Product::new(&world, &bench).view.index;
        // To one caller the first server lists `b__get` too, which would be published as the second one's `get` is.
        assert!(!index.leaves_name(List::Tools, "a__b__get", 0) && index.leaves_name(List::Tools, "a__b__get", 1));
        assert!(index.leaves_name(List::Tools, "a__put", 0) && index.leaves_name(List::Tools, "a__get", 0));
    });
}

#[test]
fn a_binding_that_has_expired_names_no_group_for_whom_another_lets_in() {
    let mut world = world(vec![Server {
        allowed_namespaces: Some(Consent { from: From::All, selector: None }),
        ..server("time", &["now"])
    }]);
    let member = Entry { server: Reference { name: "time".to_owned(), namespace: String::new() }, ..Entry::default() };
    world.groups.push(Group {
        meta: meta("dev"),
        group_name: None,
        servers: vec![member],
        selector: None,
        join_from: None,
        allowed_namespaces: None,
    });
    let groups = |values: &[&str]| {
        let values = values.iter().map(ToString::to_string).collect();
        Subject::Claims(vec![("groups".to_owned(), values)])
    };
    let elsewhere = Meta { namespace: "elsewhere".to_owned(), ..meta("live") };
    let granted =
        Entry { server: Reference { name: "time".to_owned(), namespace: "default".to_owned() }, ..Entry::default() };
    let grants = Grants { servers: vec![granted], access_groups: Vec::new() };
    let live =
        Binding { meta: elsewhere, subject: groups(&["blue"]), grants: Some(grants), ..world.bindings[0].clone() };
    // Of the group's own namespace, which it admits.
    let expired = Binding {
        meta: meta("over"),
        subject: groups(&["blue", "red"]),
        grants: None,
        expires: Some(NOW - 1),
        ..live.clone()
    };
    world.bindings.extend([live, expired]);
    assert_eq!(differences(&world, &Bench::new()), Vec::<String>::new());
}
