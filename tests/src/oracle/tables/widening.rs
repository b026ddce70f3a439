//! "Widening by design": each of these edits permits more, and is meant to.

use super::*;

type Edit = fn(&mut World);

#[track_caller]
fn check_widens(world: &World, edit: Edit, before: &[&str], after: &[&str]) {
    check(world, "sb-a", before);
    let mut edited = world.clone();
    edit(&mut edited);
    check(&edited, "sb-a", after);
}

/// `time` for team blue, and a key of the team that declares one tool of it.
fn narrow() -> World {
    let mut world = local();
    world.servers = vec![server("a", "time")];
    let one = Grants { servers: vec![entry("time", Some(&["get"]))], access_groups: Vec::new() };
    world.bindings = vec![
        Binding { grants: servers(&["time"]), ..team("a", "blue") },
        Binding { team: Some("blue".to_owned()), grants: Some(one), ..key("a", "sb-a") },
    ];
    world
}

#[test]
fn dropping_whole_grants_or_an_entry_s_whole_tools_widens() {
    check_widens(&narrow(), |world| world.bindings[1].grants = None, &["time:get"], ALL_OF_TIME);
    let edit: Edit = |world| world.bindings[1].grants = servers(&["time"]);
    check_widens(&narrow(), edit, &["time:get"], ALL_OF_TIME);
}

#[test]
fn dropping_allow_or_deny_or_a_deny_entry_widens() {
    let mut world = narrow();
    world.bindings[1].grants = None;
    world.servers[0].tools = filter(Some(&["get"]), None);
    check_widens(&world, |world| world.servers[0].tools.allow = None, &["time:get"], ALL_OF_TIME);
    world.servers[0].tools = filter(None, Some(&["get_time", "send"]));
    check_widens(&world, |world| world.servers[0].tools.deny = None, &["time:get"], ALL_OF_TIME);
    let edit: Edit = |world| world.servers[0].tools.deny = Some(strings(&["send"]));
    check_widens(&world, edit, &["time:get"], &["time:get", "time:get_time"]);
}

/// [`narrow`] with a prompt and two resources instead of tools; the team gives them whole.
fn narrow_items(entry: Entry) -> World {
    let mut world = narrow();
    world.tools = strings(&["get"]);
    world.prompts = strings(&["greet"]);
    world.resources = strings(&["x:/a", "x:/b"]);
    world.bindings[1].grants = Some(Grants { servers: vec![entry], access_groups: Vec::new() });
    world
}

const ALL_ITEMS: &[&str] = &["time:get", "time prompt greet", "time resource x:/a", "time resource x:/b"];

#[test]
fn dropping_an_entry_s_whole_prompts_or_resources_widens_where_nothing_else_is_given() {
    let prompts = Entry { prompts: Some(strings(&["greet"])), ..entry("time", None) };
    let whole: Edit = |world| world.bindings[1].grants = servers(&["time"]);
    check_widens(&narrow_items(prompts.clone()), whole, &["time prompt greet"], ALL_ITEMS);
    let resources = Entry { resources: Some(Vec::new()), ..entry("time", None) };
    check_widens(&narrow_items(resources), whole, &[], ALL_ITEMS);
    // Beside another list it narrows: what is not given is none.
    let both = Entry { tools: Some(strings(&["get"])), ..prompts };
    let tools: Edit = |world| world.bindings[1].grants.as_mut().unwrap().servers[0].prompts = None;
    check_widens(&narrow_items(both), tools, &["time:get", "time prompt greet"], &["time:get"]);
}

#[test]
fn dropping_allow_or_deny_of_prompts_and_resources_widens() {
    let mut world = narrow_items(entry("time", None));
    world.servers[0].prompts = filter(Some(&["other"]), None);
    let without = ["time:get", "time resource x:/a", "time resource x:/b"];
    check_widens(&world, |world| world.servers[0].prompts.allow = None, &without, ALL_ITEMS);
    let mut world = narrow_items(entry("time", None));
    world.servers[0].resources = filter(None, Some(&["x:*"]));
    let without = ["time:get", "time prompt greet"];
    check_widens(&world, |world| world.servers[0].resources.deny = None, &without, ALL_ITEMS);
}

#[test]
fn dropping_a_parent_a_suspend_or_an_expiry_widens() {
    let mut world = narrow();
    world.bindings[0].grants = Some(Grants::default());
    check_widens(&world, |world| world.bindings[1].team = None, &[], &["time:get"]);
    let mut world = narrow();
    world.bindings[1].suspend = true;
    check_widens(&world, |world| world.bindings[1].suspend = false, &[], &["time:get"]);
    let mut world = narrow();
    world.bindings[0].expires = Some(NOW);
    check_widens(&world, |world| world.bindings[0].expires = None, &[], &["time:get"]);
}

#[test]
fn removing_or_corrupting_the_holder_of_a_name_or_subject_widens() {
    let mut world = narrow();
    world.groups = vec![Group { group_name: Some("TIME".to_owned()), ..group("a", "earlier") }];
    check_widens(&world, |world| world.groups.clear(), &[], &["time:get"]);
    let edit: Edit = |world| world.groups[0].meta.flaw = Some(crate::world::Flaw::UnknownField);
    check_widens(&world, edit, &[], &["time:get"]);
    let mut world = narrow();
    world.bindings.push(Binding { meta: meta("a", "before"), grants: Some(Grants::default()), ..team("a", "blue") });
    check_widens(&world, |world| drop(world.bindings.pop()), &[], &["time:get"]);
}

#[test]
fn a_term_of_a_selector_and_settings_widen() {
    let mut world = narrow();
    let term = |key: &str| Term { key: key.to_owned(), operator: Operator::Exists, values: Vec::new() };
    world.servers[0].meta.namespace = "tools".to_owned();
    let terms = Some(vec![term("kubernetes.io/metadata.name"), term("tier")]);
    world.servers[0].allowed_namespaces =
        Some(Consent { from: From::Selector, selector: Some(Selector { labels: None, terms }) });
    world.bindings[0].grants = servers(&["tools/time"]);
    world.bindings[1].grants = None;
    let edit: Edit = |world| {
        let consent = world.servers[0].allowed_namespaces.as_mut().unwrap();
        consent.selector.as_mut().unwrap().terms.as_mut().unwrap().truncate(1);
    };
    check_widens(&world, edit, &[], ALL_OF_TIME);
    let mut world = narrow();
    world.settings.organization_of.insert("a".to_owned(), "acme".to_owned());
    check_widens(&world, |world| world.settings.organization_of.clear(), &[], &["time:get"]);
}
