use serde_json::{Value, json};

use super::*;

const BINDINGS: Of = Of::Kind(Kind::McpKeyBinding);

fn stream(of: Of) -> Stream {
    Stream { of, namespace: Some("a".to_owned()) }
}

fn state() -> State {
    let streams = [BINDINGS, Of::Secrets, Of::Namespaces].map(stream);
    State::new(&streams)
}

fn binding(name: &str, version: u64, generation: u64) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "a", "uid": name, "resourceVersion": version.to_string(), "generation": generation},
        "spec": {"subject": {"type": "Key", "keys": [{"name": "k", "sha256": format!("{name:0>64}").replace(|it: char| !it.is_ascii_hexdigit(), "0")}]}},
    })
}

fn suspended(name: &str, version: u64) -> Value {
    let mut binding = binding(name, version, 3);
    binding["spec"]["suspend"] = true.into();
    binding
}

fn item(raw: Value) -> Item {
    let name = raw["metadata"]["name"].as_str().unwrap().to_owned();
    Item::Object(ObjectKey::new("a", name), raw)
}

fn put(state: &mut State, raw: Value) -> Follows {
    state.take(&stream(BINDINGS), Told::Put(item(raw))).remove(0)
}

fn list(state: &mut State, of: Of, items: Vec<Item>) -> Vec<Follows> {
    let told = [Told::Begins(0)].into_iter().chain(items.into_iter().map(Told::Listed)).chain([Told::Complete]);
    told.flat_map(|told| state.take(&stream(of), told)).collect()
}

fn names(state: &State) -> Vec<&str> {
    state.resources.bindings.keys().map(|key| key.name.as_str()).collect()
}

fn denied(ids: &[&str]) -> Follows {
    Follows::Now { denied: ids.iter().map(|id| (*id).to_owned()).collect() }
}

#[test]
fn r42_what_is_new_can_wait_and_what_is_changed_or_gone_cannot() {
    let mut state = state();
    assert_eq!(put(&mut state, binding("b1", 1, 1)), Follows::Soon);
    assert_eq!(put(&mut state, binding("b1", 2, 2)), denied(&[]));
    assert_eq!(put(&mut state, suspended("b1", 3)), denied(&["a/b1"]));
    assert_eq!(put(&mut state, binding("b2", 4, 1)), Follows::Soon);
    let gone = Told::Gone(item(binding("b2", 5, 1)));
    assert_eq!(state.take(&stream(BINDINGS), gone), [denied(&["a/b2"])]);
    // One that was suspended had nothing to lose.
    let gone = Told::Gone(item(suspended("b1", 6)));
    assert_eq!(state.take(&stream(BINDINGS), gone), [denied(&[])]);
    assert_eq!((names(&state), state.namespaces().count()), (vec![], 0));
}

#[test]
fn r41_the_echo_of_a_status_changes_nothing() {
    let mut state = state();
    put(&mut state, binding("b1", 5, 1));
    let id = (Kind::McpKeyBinding, ObjectKey::new("a", "b1"));
    let mut echo = binding("b1", 6, 1);
    echo["status"] = json!({"observedGeneration": 1});
    assert_eq!(put(&mut state, echo), Follows::Look(id.clone()));
    // Ours, and known from the answer to the write.
    state.objects.get_mut(&id).unwrap().observed.resource_version = "9".to_owned();
    assert_eq!(put(&mut state, binding("b1", 9, 1)), Follows::Nothing);
    assert_eq!(put(&mut state, binding("b1", 8, 1)), Follows::Nothing);
    let mut labelled = binding("b1", 10, 1);
    labelled["metadata"]["labels"] = json!({"tier": "dev"});
    assert_eq!(put(&mut state, labelled), denied(&[]), "groups select by labels");
}

#[test]
fn another_object_of_the_same_name_is_another_object() {
    let mut state = state();
    put(&mut state, binding("b1", 5, 1));
    let mut other = binding("b1", 3, 1);
    other["metadata"]["uid"] = "other".into();
    assert_eq!(put(&mut state, other), denied(&[]));
}

#[test]
fn a_list_takes_away_what_it_lacks_once_it_is_complete() {
    let mut state = state();
    list(&mut state, BINDINGS, vec![item(binding("b1", 1, 1)), item(binding("b2", 2, 1))]);
    state.take(&stream(BINDINGS), Told::Begins(0));
    state.take(&stream(BINDINGS), Told::Listed(item(binding("b2", 2, 1))));
    state.take(&stream(BINDINGS), Told::Refused("no right".to_owned()));
    assert_eq!(names(&state), ["b1", "b2"], "a list that breaks off takes nothing away");
    let follows = list(&mut state, BINDINGS, vec![item(binding("b2", 2, 1))]);
    assert!(follows.contains(&denied(&["a/b1"])), "{follows:?}");
    assert_eq!(names(&state), ["b2"]);
}

#[test]
fn nothing_is_compiled_before_everything_was_listed_once_and_a_refusal_takes_nothing_away() {
    let mut state = state();
    let namespace = || Item::Namespace("a".to_owned(), BTreeMap::new());
    list(&mut state, Of::Secrets, Vec::new());
    list(&mut state, Of::Namespaces, vec![namespace()]);
    state.take(&stream(BINDINGS), Told::Refused("no right".to_owned()));
    assert!(state.missing(0).unwrap().contains("no right"), "{:?}", state.missing(0));
    list(&mut state, BINDINGS, vec![item(binding("b1", 1, 1))]);
    assert_eq!(state.missing(0), None);
    state.take(&stream(BINDINGS), Told::Refused("no right".to_owned()));
    assert_eq!((state.missing(0), names(&state)), (None, vec!["b1"]));
    let troubles: Vec<_> = state.troubles().filter(|(_, trouble)| **trouble != Trouble::None).collect();
    assert_eq!(troubles.len(), 1);
}

#[test]
fn in_a_new_term_everything_is_listed_anew_before_it_is_compiled() {
    let bindings = stream(BINDINGS);
    let mut state = State::new(std::slice::from_ref(&bindings));
    list(&mut state, BINDINGS, vec![item(binding("b1", 1, 1))]);
    assert_eq!(state.missing(0), None);
    // While it was frozen somebody else has led, and the binding is gone.
    assert!(state.missing(1).is_some());
    state.take(&bindings, Told::Begins(0));
    state.take(&bindings, Told::Listed(item(binding("b1", 1, 1))));
    state.take(&bindings, Told::Complete);
    assert!(state.missing(1).is_some(), "that list was begun before the term");
    state.take(&bindings, Told::Begins(1));
    state.take(&bindings, Told::Complete);
    assert_eq!((state.missing(1), names(&state)), (None, vec![]));
    // What may not be listed any more is as new as it can be.
    state.take(&bindings, Told::Refused("no right".to_owned()));
    assert_eq!(state.missing(2), None);
}

#[test]
fn a_namespace_that_is_not_there_is_not_waited_for() {
    let mut state = state();
    list(&mut state, Of::Namespaces, Vec::new());
    for of in [BINDINGS, Of::Secrets] {
        state.take(&stream(of), Told::Refused("no right".to_owned()));
    }
    assert_eq!(state.missing(0), None);
    state.take(&stream(Of::Namespaces), Told::Put(Item::Namespace("a".to_owned(), BTreeMap::new())));
    assert!(state.missing(0).is_some(), "there may be objects that we may not see");
}

#[test]
fn settings_that_do_not_parse_leave_the_last_good_ones() {
    let settings = Stream { of: Of::Settings, namespace: Some("a".to_owned()) };
    let mut state = State::new(std::slice::from_ref(&settings));
    let mut tell = |told| {
        let follows = state.take(&settings, told);
        (follows, state.resources.settings.separator.clone(), state.missing(0).is_some())
    };
    let text =
        |separator: &str| format!("apiVersion: switchboard.dev/v1alpha1\nkind: Settings\nseparator: '{separator}'\n");
    let read = |separator: &str| Item::Settings(Some(text(separator)));
    tell(Told::Begins(0));
    tell(Told::Listed(read("?")));
    let (_, _, missing) = tell(Told::Complete);
    assert!(missing, "there are no earlier ones: nothing is compiled by guesses");
    assert_eq!(tell(Told::Put(read("__"))), (vec![denied(&[])], Some("__".to_owned()), false));
    assert_eq!(tell(Told::Put(read("?"))), (vec![Follows::Nothing], Some("__".to_owned()), false));
    assert_eq!(tell(Told::Gone(read("?"))), (vec![Follows::Nothing], Some("__".to_owned()), false));
    assert_eq!(tell(Told::Put(read("-"))).1.as_deref(), Some("-"));
}

#[test]
fn without_settings_the_defaults_hold() {
    let settings = Stream { of: Of::Settings, namespace: Some("a".to_owned()) };
    let mut state = State::new(std::slice::from_ref(&settings));
    state.take(&settings, Told::Begins(0));
    state.take(&settings, Told::Complete);
    assert_eq!((state.missing(0), state.resources.settings.separator.clone()), (None, None));
}

#[test]
fn r43_objects_of_a_namespace_that_another_release_serves_are_left_out() {
    let mut state = state();
    put(&mut state, binding("b1", 1, 1));
    assert!(!state.leave_out(["a".to_owned()].into()));
    assert_eq!(names(&state), Vec::<&str>::new());
    assert_eq!(put(&mut state, binding("b2", 2, 1)), Follows::Nothing);
    assert!(state.leave_out(BTreeSet::new()), "it is ours: list it");
    assert_eq!(put(&mut state, binding("b2", 2, 1)), Follows::Soon);
}
