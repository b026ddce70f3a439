use crds::snapshot::stored::{MacKey, split};
use crds::snapshot::{Caller, Snapshot};

use super::*;
use crate::pods::Report;

fn snapshot(callers: usize) -> Snapshot {
    let caller = |number| Caller { id: format!("a/{number:05}"), ..Caller::default() };
    Snapshot {
        namespaces: vec!["a".to_owned()],
        access: vec![Vec::new()],
        callers: (0..callers).map(caller).collect(),
        ..Snapshot::default()
    }
}

fn parts(callers: usize) -> Parts {
    split(&snapshot(callers)).unwrap()
}

/// As it is after the plan was carried out.
fn live(plan: &Plan) -> Live {
    let key = MacKey([7; 32]);
    let pointer = Pointer::decode(&plan.pointer.encode(&key), &key).unwrap();
    Live { intact: vec![true; pointer.parts.len()], pointer: Some(pointer), marked: true, floor: 0 }
}

fn planned(live: &Live, parts: &Parts, denied: &[&str]) -> Option<Plan> {
    let denied: Vec<_> = denied.iter().map(|id| (*id).to_owned()).collect();
    next(live, parts, &denied, SCHEMA).unwrap()
}

fn first(parts: &Parts) -> Plan {
    planned(&Live::default(), parts, &[]).unwrap()
}

#[test]
fn r41_what_is_right_is_not_written_again() {
    let one = parts(3);
    let plan = first(&one);
    assert_eq!(plan.pointer.revision, 1);
    assert_eq!(planned(&live(&plan), &one, &[]), None);
    let changed = planned(&live(&plan), &parts(4), &[]).unwrap();
    assert_eq!(changed.pointer.revision, 2);
}

#[test]
fn r42_who_is_denied_is_told_by_the_pointer_alone_and_forgotten_by_the_next_snapshot() {
    let one = parts(3);
    let plan = planned(&live(&first(&one)), &one, &["a/00001"]).unwrap();
    assert_eq!((plan.pointer.revision, plan.writes.len()), (2, 0));
    assert_eq!(plan.pointer.denied, ["a/00001"]);
    assert_eq!(planned(&live(&plan), &one, &["a/00001"]), None);
    assert_eq!(planned(&live(&plan), &parts(2), &[]).unwrap().pointer.denied, Vec::<String>::new());
    // More than are told is no reason to write again and again.
    let many: Vec<_> = (0..100).map(|number| format!("a/{number}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    let plan = planned(&live(&plan), &one, &many).unwrap();
    assert_eq!(planned(&live(&plan), &one, &many), None);
}

#[test]
fn an_older_pointer_a_foreign_one_and_changed_metadata_are_written_over_with_a_higher_revision() {
    let one = parts(3);
    let first = first(&one);
    // Brought back by somebody, though authentic.
    let old = Live { floor: 57, ..live(&first) };
    assert_eq!(planned(&old, &one, &[]).unwrap().pointer.revision, 58);
    // Not authentic: whatever revision it claims is not believed.
    let foreign = Live { floor: 57, ..Live::default() };
    assert_eq!(planned(&foreign, &one, &[]).unwrap().pointer.revision, 58);
    let unmarked = Live { marked: false, ..live(&first) };
    assert_eq!(planned(&unmarked, &one, &[]).unwrap().pointer.revision, 2);
}

#[test]
fn a_slot_that_does_not_hold_its_part_is_left_and_another_one_written() {
    // Ids that do not deflate: the snapshot takes several parts.
    let mut large = snapshot(20_000);
    for caller in &mut large.callers {
        let digest = |pepper| crds::digest::key_digest(&crds::compile::Pepper([pepper; 32]), caller.id.as_bytes());
        caller.id = format!("a/{}{}", digest(1), digest(2));
    }
    large.callers.sort_by(|one, next| one.id.cmp(&next.id));
    let parts = split(&large).unwrap();
    assert!(parts.of(SCHEMA).len() > 1);
    let plan = first(&parts);
    let mut broken = live(&plan);
    assert_eq!(planned(&broken, &parts, &[]), None);
    broken.intact[1] = false;
    let mended = planned(&broken, &parts, &[]).unwrap();
    assert_eq!(mended.writes.len(), 1);
    let (slot, part) = &mended.writes[0];
    assert_eq!(part.digest, plan.pointer.parts[1].digest);
    assert!(plan.pointer.parts.iter().all(|before| before.slot != Some(*slot)), "readers of the last one find theirs");
}

fn pods(reads: &[Option<&[u32]>]) -> View {
    View::of(reads.iter().map(|reads| reads.map(|reads| Report { reads: reads.to_vec(), ..Report::of_revision(9) })))
}

#[test]
fn the_newest_schema_that_every_pod_reads_is_written() {
    const OLD: Option<&[u32]> = Some(&[3, 4]);
    const NEW: Option<&[u32]> = Some(&[4, 5]);
    const NEWER: Option<&[u32]> = Some(&[6, 7]);
    for (pods, live, expected, why) in [
        (&[][..], None, 5, "nobody is there to be asked"),
        (&[NEW, NEW], Some(4), 5, "all read it"),
        (&[NEW, OLD], Some(5), 4, "one is of the release before"),
        (&[NEW, None], Some(4), 4, "one has not been heard: it may be of the release before"),
        (&[NEW, None], Some(5), 5, "one has not been heard, and runs what is there"),
        (&[OLD, NEWER], Some(4), 4, "nothing is right for both: what is there stays"),
    ] {
        assert_eq!(schema(&self::pods(pods), live), expected, "{why}");
    }
}

#[test]
fn a_pod_that_claims_an_impossible_revision_is_not_believed() {
    let of = |revision| Some(Report::of_revision(revision));
    assert_eq!(plausible(&View::of([of(41), of(u64::MAX), None])), 41);
}
