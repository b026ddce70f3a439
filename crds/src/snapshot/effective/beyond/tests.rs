use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq, proptest};

use super::*;
use crate::snapshot::ItemKind;

fn rule<'s>(within: &'s [Vec<String>], without: Option<&'s Vec<String>>) -> Effective<'s> {
    let within = within.iter().map(Vec::as_slice).collect();
    Effective { kind: ItemKind::Tool, within, without: without.map(Vec::as_slice) }
}

fn list(globs: &[&str]) -> Vec<String> {
    let mut globs: Vec<String> = globs.iter().map(|&glob| glob.to_owned()).collect();
    globs.sort();
    globs
}

fn check(one: &[&[&str]], other: &[&[&str]], expected: &Beyond) {
    let lists = |lists: &[&[&str]]| lists.iter().map(|globs| list(globs)).collect::<Vec<_>>();
    let (ours, theirs) = (lists(one), lists(other));
    let beyond = rule(&ours, None).beyond(Some(&rule(&theirs, None)));
    assert_eq!(beyond, *expected, "{one:?} beyond {other:?}");
}

fn name(name: &str) -> Beyond {
    Beyond::Name(name.to_owned())
}

#[test]
fn what_one_rule_has_beyond_another() {
    check(&[&["get_*"]], &[&["*"]], &Beyond::Nothing);
    check(&[&["get_*"]], &[&["get_?*", "get_"]], &Beyond::Nothing);
    check(&[&["get_*"]], &[&["get_?*"]], &name("get_"));
    check(&[&["add", "slow"]], &[&["add"]], &name("slow"));
    check(&[&["add"]], &[&["add", "slow"]], &Beyond::Nothing);
    check(&[], &[&["a*", "b*"]], &name("z"));
    check(&[&["*_page"], &["get_*"]], &[&["get*page"]], &Beyond::Nothing);
    check(&[&["get*page"]], &[&["*_page"], &["get_*"]], &name("getpage"));
    check(&[&["a?c"]], &[&["abc"]], &name("azc"));
}

#[test]
fn what_is_denied_is_not_had() {
    let (all, deny) = ([], list(&["delete_*"]));
    let (whole, cut) = (rule(&all, None), rule(&all, Some(&deny)));
    assert_eq!(whole.beyond(Some(&cut)), name("delete_"));
    assert_eq!(cut.beyond(Some(&whole)), Beyond::Nothing);
    assert_eq!(cut.beyond(None), name("d"));
    let (odd, exact) = ([list(&["delete_*"])], [list(&["get"])]);
    assert_eq!(rule(&odd, Some(&deny)).beyond(None), Beyond::Nothing, "everything of it is denied");
    assert_eq!(rule(&exact, Some(&deny)).beyond(Some(&cut)), Beyond::Nothing);
}

#[test]
fn uris_with_dot_segments_go_by_their_own_rules() {
    let beyond = |ours: &[&str], theirs: &[&str]| {
        let (ours, theirs) = ([list(ours)], [list(theirs)]);
        let of = |lists| Effective { kind: ItemKind::Resource, ..rule(lists, None) };
        of(&ours).beyond(Some(&of(&theirs)))
    };
    assert_eq!(beyond(&["a:/docs/../etc", "a:*"], &["a:*"]), name("a:/docs/../etc"));
    assert_eq!(beyond(&["a:*"], &["a:/docs/../etc", "a:*"]), Beyond::Nothing);
    assert_eq!(beyond(&["*"], &["?*"]), name("a:/../"));
    assert_eq!(beyond(&["?*"], &["*"]), Beyond::Nothing);
    assert_eq!(beyond(&["a:/x/../*"], &["b"]), name("a:/x/../*"), "a glob gives its own text");
    let (all, deny) = ([], list(&["*.key"]));
    let cut = Effective { kind: ItemKind::Resource, ..rule(&all, Some(&deny)) };
    assert_eq!(cut.beyond(None), name("z"), "`.` is a segment of dots");
}

#[test]
fn long_lists_of_names_are_compared_name_by_name() {
    let uris: Vec<String> =
        (0..100).map(|at| format!("{at:03}{}", char::from(b'a' + at % 26).to_string().repeat(800))).collect();
    let (all, but_one) = ([uris.clone()], [uris[1..].to_vec()]);
    assert_eq!(rule(&all, None).beyond(Some(&rule(&but_one, None))), name(&uris[0]));
    assert_eq!(rule(&but_one, None).beyond(Some(&rule(&all, None))), Beyond::Nothing);
}

#[test]
fn rules_that_are_too_entangled_are_said_to_be() {
    let stars: Vec<String> = (0..12).map(|at| format!("*{0}*{0}*{0}*", char::from(b'a' + at))).collect();
    let (ours, theirs) = (stars.iter().map(|glob| vec![glob.clone()]).collect::<Vec<_>>(), [list(&["*mm*"])]);
    assert_eq!(rule(&ours, None).beyond(Some(&rule(&theirs, None))), Beyond::Unknown);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    /// The automaton and the evaluator agree: a name that is found is only ours, and where none is found there is none
    /// among all short names.
    #[test]
    fn the_automaton_says_what_the_evaluator_says(
        ours in vec(vec("[ab*?]{0,4}", 1..3), 0..3),
        theirs in vec(vec("[ab*?]{0,4}", 1..3), 0..3),
        deny in option::of(vec("[ab*?]{1,3}", 1..3)),
        deny_theirs in option::of(vec("[ab*?]{1,3}", 1..3)),
        resources: bool,
    ) {
        let sorted = |mut lists: Vec<Vec<String>>| {
            for list in &mut lists {
                list.sort();
            }
            lists
        };
        let (ours, theirs) = (sorted(ours), sorted(theirs));
        let (deny, deny_theirs) = (deny.map(|it| sorted(vec![it]).remove(0)), deny_theirs.map(|it| sorted(vec![it]).remove(0)));
        let kind = if resources { ItemKind::Resource } else { ItemKind::Tool };
        let one = Effective { kind, ..rule(&ours, deny.as_ref()) };
        let other = Effective { kind, ..rule(&theirs, deny_theirs.as_ref()) };
        let only_ours = |name: &str| one.has(name) && !other.has(name);
        match one.beyond(Some(&other)) {
            Beyond::Name(name) => prop_assert!(only_ours(&name), "{name}"),
            Beyond::Nothing => {
                let mut names = vec![String::new()];
                for _ in 0..5 {
                    let dotted: &[&str] = if resources { &["../"] } else { &[] };
                    let parts = || ["a", "b", "z"].iter().chain(dotted);
                    names = names.iter().flat_map(|name| parts().map(move |it| format!("{name}{it}"))).collect();
                    let found = names.iter().find(|name| only_ours(name));
                    prop_assert_eq!(found, None);
                }
            }
            Beyond::Unknown => prop_assert!(false, "these are small"),
        }
    }
}
