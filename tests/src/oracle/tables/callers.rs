//! Callers: who a credential is, and what filter headers leave.

use super::*;

#[track_caller]
fn check_identity(world: &World, credential: &Credential, expected: Option<&str>) {
    let found = match Oracle::new(world, NOW).identify(credential) {
        Identity::Unauthorized => None,
        Identity::Bindings(ids) => Some(ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")),
    };
    assert_eq!(found.as_deref(), expected);
}

#[test]
fn who_is_not_known_and_live_is_unauthorized() {
    let mut world = local();
    let mut rotated =
        binding("a", "rotated", Subject::Key(vec![key_entry("old", "sb-old"), key_entry("new", "sb-new")]));
    if let Subject::Key(keys) = &mut rotated.subject {
        keys[0].expires = Some(NOW);
        keys[1].expires = Some(NOW + 1);
    }
    world.bindings = vec![
        key("a", "sb-a"),
        Binding { suspend: true, ..key("a", "sb-suspended") },
        Binding { expires: Some(NOW), ..key("a", "sb-expired") },
        rotated,
    ];
    check_identity(&world, &presented("sb-a"), Some("a/sb-a"));
    check_identity(&world, &presented("sb-new"), Some("a/rotated"));
    for plain in ["sb-suspended", "sb-expired", "sb-old", "sb-unknown", "SB-A", "sb-a ", ""] {
        check_identity(&world, &presented(plain), None);
    }
    check_identity(&world, &Credential::None, None);
    world.bindings.push(binding("a", "nobody", Subject::Anonymous));
    check_identity(&world, &Credential::None, Some("a/nobody"));
    check_identity(&world, &presented("sb-unknown"), None);
    world.bindings[4].suspend = true;
    check_identity(&world, &Credential::None, None);
}

#[test]
fn a_key_in_a_secret_counts_byte_for_byte_and_only_with_the_label() {
    let mut world = local();
    let from = SecretRef { name: "s".to_owned(), key: "key".to_owned() };
    let entry = KeyEntry { name: "k".to_owned(), source: KeySource::Secret(from), expires: None };
    world.bindings = vec![binding("a", "b", Subject::Key(vec![entry, key_entry("other", "sb-other")]))];
    world.secrets = vec![Secret { id: Id::new("a", "s"), labelled: true, data: labels(&[("key", "sb-s\n")]) }];
    check_identity(&world, &presented("sb-s\n"), Some("a/b"));
    check_identity(&world, &presented("sb-s"), None);
    world.secrets[0].labelled = false;
    check_identity(&world, &presented("sb-s\n"), None);
    check_identity(&world, &presented("sb-other"), Some("a/b"));
    check_voids(&world, &[("a/b", "keys", 0, Reason::SecretNotUsable)]);
}

#[test]
fn anonymous_grants_are_not_added_to_callers_with_a_credential() {
    let mut world = local();
    world.servers = vec![server("a", "time")];
    world.bindings =
        vec![Binding { grants: servers(&["time"]), ..binding("a", "nobody", Subject::Anonymous) }, key("a", "sb-a")];
    check_caller(&world, &Credential::None, ALL_OF_TIME);
    check(&world, "sb-a", &[]);
}

#[test]
fn filter_words_unite_and_then_are_cut_to_what_the_caller_may_use() {
    let mut world = local();
    world.servers = vec![
        Server { alias: Some("Mail_Box".to_owned()), prefix: Some("mb".to_owned()), ..server("a", "mail") },
        Server { tools: filter(None, Some(&["send"])), allowed_namespaces: all(), ..server("a", "time") },
        server("a", "secret"),
    ];
    let members = vec![entry("time", Some(&["send", "get"])), entry("secret", None)];
    world.groups = vec![
        Group { group_name: Some("Dev Group".to_owned()), servers: members, ..group("a", "dev") },
        Group { servers: vec![entry("a/time", None)], ..group("b", "foreign") },
    ];
    world.bindings = vec![Binding { grants: servers(&["mail", "time"]), ..key("a", "sb-a") }];
    let caller = [Id::new("a", "sb-a")].into();
    let mail = ["mail:get", "mail:get_time", "mail:send"];
    for (words, expected) in [
        (vec!["mailbox"], mail.to_vec()),
        (vec!["MAIL BOX"], mail.to_vec()),
        (vec!["M-B"], mail.to_vec()),
        (vec!["mail"], vec![]),
        (vec!["dev_group"], vec!["time:get"]),
        (vec!["secret"], vec![]),
        (vec!["foreign"], vec![]),
        (vec!["nobody"], vec![]),
        (vec!["nobody", "dev-group", "time"], vec!["time:get", "time:get_time"]),
        (vec![], [&mail[..], &["time:get", "time:get_time"]].concat()),
    ] {
        assert_eq!(shown(Oracle::new(&world, NOW).filtered(&caller, &words)), expected, "{words:?}");
    }
    // Once the foreign group admits the caller's namespace, it counts.
    world.groups[1].allowed_namespaces = all();
    let left = Oracle::new(&world, NOW).filtered(&caller, &["foreign"]);
    assert_eq!(shown(left), ["time:get", "time:get_time"]);
}

/// A token of this user or account of namespace `a`, with these claims.
fn token(user: Option<&str>, account: Option<&str>, claims: &[(&str, &[&str])]) -> Credential {
    Credential::Token(Token {
        user: user.map(str::to_owned),
        service_account: account.map(|name| Id::new("a", name)),
        claims: claims.iter().map(|(claim, values)| ((*claim).to_owned(), strings(values))).collect(),
    })
}

/// `ann` and account `runner` have a binding each; two more are for who is of team blue, and in a role.
fn with_tokens() -> World {
    let mut world = local();
    world.servers = vec![server("a", "mail"), server("a", "time")];
    let gives = |server: &str, tool: &str| {
        Some(Grants { servers: vec![entry(server, Some(&[tool]))], access_groups: Vec::new() })
    };
    world.bindings = vec![
        Binding { grants: gives("time", "get"), ..binding("a", "ann", Subject::User("ann".to_owned())) },
        Binding { grants: gives("time", "send"), ..binding("a", "runner", account("")) },
        Binding { grants: gives("mail", "get"), ..binding("a", "blue", claims(&[("team", &["blue", "navy"])])) },
        Binding {
            grants: gives("mail", "send"),
            ..binding("a", "dev", claims(&[("team", &["blue"]), ("role", &["dev", "ops"])]))
        },
    ];
    world
}

#[test]
fn a_token_is_of_its_exact_binding_or_of_all_claims_that_match() {
    let world = with_tokens();
    let blue: &[&str] = &["blue"];
    for (credential, expected) in [
        (token(Some("ann"), None, &[("team", blue)]), Some("a/ann")),
        (token(Some("bob"), None, &[("team", blue)]), Some("a/blue")),
        (token(None, Some("runner"), &[("team", blue)]), Some("a/runner")),
        (token(None, Some("ann"), &[]), None),
        (token(Some("runner"), None, &[]), None),
        (token(None, None, &[("team", &["x", "navy"])]), Some("a/blue")),
        (token(None, None, &[("team", &["navy"]), ("role", &["ops"])]), Some("a/blue")),
        (token(None, None, &[("team", blue), ("role", &["ops"])]), Some("a/blue a/dev")),
        (token(None, None, &[("role", &["dev"])]), None),
        (token(None, None, &[("Team", blue)]), None),
    ] {
        check_identity(&world, &credential, expected);
    }
    check_caller(&world, &token(None, None, &[("team", blue), ("role", &["ops"])]), &["mail:get", "mail:send"]);
    check_caller(&world, &token(Some("ann"), None, &[("team", blue), ("role", &["ops"])]), &["time:get"]);
}

#[test]
fn who_has_an_exact_binding_that_is_not_live_does_not_fall_back_to_claims() {
    let blue = token(Some("ann"), None, &[("team", &["blue"])]);
    for edit in [|ann: &mut Binding| ann.suspend = true, |ann: &mut Binding| ann.expires = Some(NOW)] {
        let mut world = with_tokens();
        edit(&mut world.bindings[0]);
        check_identity(&world, &blue, None);
    }
    let mut world = with_tokens();
    world.bindings.remove(0);
    check_identity(&world, &blue, Some("a/blue"));
}

#[test]
fn of_several_claims_bindings_those_that_live_count_each_within_its_own_parents() {
    let both = token(None, None, &[("team", &["blue"]), ("role", &["dev"])]);
    let mut world = with_tokens();
    world.bindings[2].expires = Some(NOW);
    check_identity(&world, &both, Some("a/dev"));
    check_caller(&world, &both, &["mail:send"]);
    world.bindings[3].suspend = true;
    check_identity(&world, &both, None);
    // A dead parent takes away what its binding has, and nothing of the other's.
    let mut world = with_tokens();
    world.bindings[2].team = Some("gone".to_owned());
    check_identity(&world, &both, Some("a/blue a/dev"));
    check_caller(&world, &both, &["mail:send"]);
}

#[test]
fn tokens_have_what_is_open_to_all_keys() {
    let mut world = with_tokens();
    world.servers[1].all_keys = true;
    check_caller(
        &world,
        &token(Some("bob"), None, &[("team", &["navy"])]),
        &["mail:get", "time:get", "time:get_time", "time:send"],
    );
}
