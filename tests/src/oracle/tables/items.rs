//! Prompts and resources beside tools: what entries and servers give of each.

use super::*;

/// `time` in namespace `a`, granted by `entry` to the key `sb-a`.
fn granted(entries: &[Entry]) -> World {
    let mut world = World::empty(Mode::Local, &["get", "send"]);
    world.prompts = strings(&["get", "greet"]);
    world.resources = strings(&["file:///docs/a.md", "file:///etc/passwd", "file:///docs/{path}", "get"]);
    world.servers = vec![server("a", "time")];
    let grants = Grants { servers: entries.to_vec(), access_groups: vec![reference("dev")] };
    world.groups = vec![group("a", "dev")];
    world.bindings = vec![Binding { grants: Some(grants), ..key("a", "sb-a") }];
    world
}

const TOOLS: &[&str] = &["time:get", "time:send"];
const PROMPTS: &[&str] = &["time prompt get", "time prompt greet"];
const RESOURCES: &[&str] = &[
    "time resource file:///docs/a.md",
    "time resource file:///docs/{path}",
    "time resource file:///etc/passwd",
    "time resource get",
];

fn prompts(globs: &[&str]) -> Entry {
    Entry { prompts: Some(strings(globs)), ..entry("time", None) }
}

fn resources(globs: &[&str]) -> Entry {
    Entry { resources: Some(strings(globs)), ..entry("time", None) }
}

#[test]
fn an_entry_without_lists_gives_all_three_and_one_list_gives_nothing_else() {
    check(&granted(&[entry("time", None)]), "sb-a", &[TOOLS, PROMPTS, RESOURCES].concat());
    check(&granted(&[entry("time", Some(&["get"]))]), "sb-a", &["time:get"]);
    check(&granted(&[prompts(&["g*"])]), "sb-a", PROMPTS);
    check(&granted(&[resources(&["*"])]), "sb-a", RESOURCES);
    let both = Entry { tools: Some(strings(&["get"])), ..prompts(&["get"]) };
    check(&granted(&[both]), "sb-a", &["time:get", "time prompt get"]);
    for nothing in [prompts(&[]), resources(&[]), entry("time", Some(&[]))] {
        check(&granted(&[nothing]), "sb-a", &[]);
    }
}

#[test]
fn ways_unite_kind_by_kind_and_parents_cut_kind_by_kind() {
    let mut world = granted(&[prompts(&["get"])]);
    world.groups[0].servers = vec![resources(&["*.md"])];
    check(&world, "sb-a", &["time prompt get", "time resource file:///docs/a.md"]);
    // A group that the server joins gives all of it.
    world.servers[0].access_groups = vec![reference("dev")];
    check(&world, "sb-a", &[TOOLS, PROMPTS, RESOURCES].concat());
    let ceiling = Entry { tools: Some(strings(&["send"])), resources: Some(strings(&["get"])), ..entry("time", None) };
    let grants = Some(Grants { servers: vec![ceiling], access_groups: Vec::new() });
    world.bindings.push(Binding { grants, ..team("a", "blue") });
    world.bindings[0].team = Some("blue".to_owned());
    check(&world, "sb-a", &["time:send", "time resource get"]);
}

#[test]
fn a_server_s_own_filters_are_each_about_one_kind_and_deny_wins() {
    let mut world = granted(&[entry("time", None)]);
    world.servers[0].tools = filter(Some(&["get"]), None);
    check(&world, "sb-a", &[&["time:get"], PROMPTS, RESOURCES].concat());
    world.servers[0].prompts = filter(Some(&["g*"]), Some(&["greet"]));
    check(&world, "sb-a", &[&["time:get", "time prompt get"], RESOURCES].concat());
    world.servers[0].resources = filter(Some(&["file:*"]), Some(&["file:///etc/*"]));
    let rest = ["time:get", "time prompt get", RESOURCES[0], RESOURCES[1]];
    check(&world, "sb-a", &rest);
    // AllKeys gives the server whole, its own filters stay.
    world.bindings[0].grants = Some(Grants::default());
    world.servers[0].all_keys = true;
    check(&world, "sb-a", &rest);
    world.servers[0].resources = filter(Some(&[]), None);
    check(&world, "sb-a", &["time:get", "time prompt get"]);
}

#[test]
fn a_uri_with_dot_segments_gets_past_no_list() {
    let (plain, dotted) = ("time resource file:///docs/a.md", "time resource file:///docs/../etc/passwd");
    let world = |entry: Entry| {
        let mut world = granted(&[entry]);
        (world.tools, world.prompts) = (Vec::new(), Vec::new());
        world.resources = strings(&["file:///docs/a.md", "file:///docs/../etc/passwd"]);
        world
    };
    check(&world(resources(&["file:///docs/*"])), "sb-a", &[plain]);
    check(&world(resources(&["file:///docs/../etc/passwd"])), "sb-a", &[dotted]);
    check(&world(resources(&["*"])), "sb-a", &[dotted, plain]);
    check(&world(entry("time", None)), "sb-a", &[dotted, plain]);
    let mut denies = world(entry("time", None));
    denies.servers[0].resources = filter(None, Some(&["file:///etc/*"]));
    check(&denies, "sb-a", &[plain]);
    denies.servers[0].resources = filter(Some(&["file:*"]), Some(&[]));
    check(&denies, "sb-a", &[plain]);
    denies.servers[0].resources = filter(None, Some(&[]));
    check(&denies, "sb-a", &[dotted, plain]);
}

#[test]
fn a_word_of_a_filter_header_leaves_what_its_group_gives_of_each_kind() {
    let mut world = granted(&[entry("time", None)]);
    world.groups[0].servers = vec![prompts(&["greet"])];
    let oracle = Oracle::new(&world, NOW);
    let caller = [Id::new("a", "sb-a")].into();
    assert_eq!(shown(oracle.word(&caller, "dev")), ["time prompt greet"]);
    assert_eq!(shown(oracle.word(&caller, "time")), [TOOLS, PROMPTS, RESOURCES].concat());
}
