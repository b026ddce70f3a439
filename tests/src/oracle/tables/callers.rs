//! Callers: who a credential is, and what filter headers leave.

use super::*;

#[track_caller]
fn check_identity(world: &World, credential: &Credential, expected: Option<&str>) {
    let found = match Oracle::new(world, NOW).identify(credential) {
        Identity::Unauthorized => None,
        Identity::Binding(id) => Some(id.to_string()),
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
    let caller = Id::new("a", "sb-a");
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
