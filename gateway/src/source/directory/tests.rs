use std::os::unix::fs::{PermissionsExt, symlink};

use tempfile::TempDir;

use super::*;

/// Well after everything that a test did.
fn later() -> SystemTime {
    SystemTime::now() + SETTLED * 10
}

fn server(name: &str) -> String {
    format!(
        "apiVersion: switchboard.dev/v1alpha1\nkind: McpServer\nmetadata: {{name: {name}}}\n\
         spec: {{http: {{url: 'http://127.0.0.1:1/mcp', transport: StreamableHTTP}}}}\n"
    )
}

/// A directory with these servers, each in a file of its name, that was read once.
fn read_once(names: &[&str]) -> (TempDir, Directory) {
    let folder = tempfile::tempdir().unwrap();
    for name in names {
        fs::write(folder.path().join(format!("{name}.yaml")), server(name)).unwrap();
    }
    let mut directory = Directory::new(folder.path().to_owned(), Pepper([7; 32]));
    directory.read(None).unwrap();
    (folder, directory)
}

/// Looks when a file's change is found, and again when that has settled.
fn look_twice(directory: &mut Directory) -> Look {
    let found = later();
    assert_eq!(directory.look(Some(found)).unwrap(), WAITING);
    directory.look(Some(found + SETTLED)).unwrap()
}

fn servers(directory: &mut Directory) -> Vec<String> {
    let read = directory.compile();
    read.compiled.snapshot.servers.iter().map(|server| server.alias.clone()).collect()
}

const SAME: Look = Look { changed: false, unsettled: false };
const WAITING: Look = Look { changed: false, unsettled: true };
const CHANGED: Look = Look { changed: true, unsettled: false };

#[test]
fn nothing_is_read_again_that_did_not_change() {
    let (_folder, mut directory) = read_once(&["one", "two"]);
    assert_eq!(directory.look(Some(later())).unwrap(), SAME);
}

#[test]
fn a_file_that_is_away_for_a_moment_is_not_forgotten() {
    let (folder, mut directory) = read_once(&["one"]);
    let file = folder.path().join("one.yaml");
    let gone = later();
    fs::remove_file(&file).unwrap();
    assert_eq!(directory.look(Some(gone)).unwrap(), WAITING);
    assert_eq!(servers(&mut directory), ["one"]);
    fs::write(&file, "not: [yaml").unwrap();
    assert_eq!(directory.look(Some(gone + SETTLED)).unwrap(), WAITING);
    assert_eq!(directory.look(Some(gone + SETTLED * 2)).unwrap(), CHANGED);
    assert_eq!(servers(&mut directory), ["one"], "a broken save has a last good state");
    assert_eq!(directory.compile().faults.len(), 1);
}

#[test]
fn a_file_that_stays_away_is_forgotten() {
    let (folder, mut directory) = read_once(&["one", "two"]);
    let gone = later();
    fs::remove_file(folder.path().join("one.yaml")).unwrap();
    assert_eq!(directory.look(Some(gone)).unwrap(), WAITING);
    assert_eq!(directory.look(Some(gone + SETTLED / 2)).unwrap(), WAITING);
    assert_eq!(directory.look(Some(gone + SETTLED)).unwrap(), CHANGED);
    assert_eq!(servers(&mut directory), ["two"]);
}

#[test]
fn a_clock_that_is_set_back_keeps_no_file_that_is_gone() {
    let (folder, mut directory) = read_once(&["one"]);
    let gone = later();
    fs::remove_file(folder.path().join("one.yaml")).unwrap();
    assert_eq!(directory.look(Some(gone)).unwrap(), WAITING);
    assert_eq!(directory.look(Some(gone - SETTLED)).unwrap(), CHANGED);
}

#[test]
fn a_renamed_file_is_at_no_time_gone_or_there_twice() {
    let (folder, mut directory) = read_once(&["one"]);
    let moved = later();
    fs::rename(folder.path().join("one.yaml"), folder.path().join("other.yaml")).unwrap();
    assert_eq!(directory.look(Some(moved)).unwrap(), WAITING);
    assert_eq!(servers(&mut directory), ["one"]);
    assert_eq!(directory.look(Some(moved + SETTLED)).unwrap(), CHANGED);
    assert_eq!(servers(&mut directory), ["one"]);
    assert!(directory.compile().findings.is_empty());
}

#[test]
fn an_edit_of_equal_length_and_time_is_seen() {
    let (folder, mut directory) = read_once(&["one"]);
    let file = folder.path().join("one.yaml");
    let modified = fs::metadata(&file).unwrap().modified().unwrap();
    let edited = folder.path().join("edited");
    fs::write(&edited, server("two")).unwrap();
    fs::File::options().write(true).open(&edited).unwrap().set_modified(modified).unwrap();
    fs::rename(edited, &file).unwrap();
    assert_eq!(look_twice(&mut directory), CHANGED);
    assert_eq!(servers(&mut directory), ["two"]);
}

#[test]
fn a_file_that_changed_a_moment_ago_is_not_read_yet() {
    let (folder, mut directory) = read_once(&[]);
    fs::write(folder.path().join("one.yaml"), server("one")).unwrap();
    assert_eq!(directory.look(Some(SystemTime::now())).unwrap(), WAITING);
    assert_eq!(directory.look(Some(later())).unwrap(), CHANGED);
}

#[test]
fn a_file_that_changed_since_the_look_began_is_not_read_yet() {
    let (folder, mut directory) = read_once(&["one"]);
    let began = SystemTime::now() - Duration::from_millis(20);
    fs::write(folder.path().join("one.yaml"), server("two")).unwrap();
    assert_eq!(directory.look(Some(began)).unwrap(), WAITING);
    assert_eq!(servers(&mut directory), ["one"]);
    // A clock that was set back by an hour keeps no file waiting for that long.
    assert_eq!(directory.look(Some(began - Duration::from_secs(3600))).unwrap(), CHANGED);
}

#[test]
fn an_edit_that_bears_an_old_time_is_not_read_at_once() {
    let (folder, mut directory) = read_once(&["one"]);
    // So long after it that its times are no reason to wait: as it is found while the kernel is at it.
    let found = SystemTime::now() + Duration::from_secs(60);
    fs::write(folder.path().join("one.yaml"), server("two")).unwrap();
    assert_eq!(directory.look(Some(found)).unwrap(), WAITING);
    fs::write(folder.path().join("one.yaml"), server("three")).unwrap();
    assert_eq!(directory.look(Some(found + SETTLED)).unwrap(), WAITING, "it changed again");
    assert_eq!(servers(&mut directory), ["one"]);
    assert_eq!(directory.look(Some(found + SETTLED * 2)).unwrap(), CHANGED);
    assert_eq!(servers(&mut directory), ["three"]);
}

#[test]
fn the_first_half_of_a_save_in_place_takes_nothing_away() {
    let (folder, mut directory) = read_once(&["one", "two"]);
    let file = folder.path().join("one.yaml");
    fs::write(&file, "").unwrap();
    fs::remove_file(folder.path().join("two.yaml")).unwrap();
    let emptied = later();
    assert_eq!(directory.look(Some(emptied)).unwrap(), WAITING);
    let look = directory.look(Some(emptied + Duration::from_secs(4))).unwrap();
    assert_eq!(look, Look { changed: true, unsettled: true });
    assert_eq!(servers(&mut directory), ["one"], "what else is taken away is so at once");
    fs::write(&file, server("three")).unwrap();
    assert_eq!(directory.look(Some(emptied + EMPTIED)).unwrap(), WAITING);
    assert_eq!(directory.look(Some(emptied + EMPTIED + SETTLED)).unwrap(), CHANGED);
    assert_eq!(servers(&mut directory), ["three"]);
}

#[test]
fn a_file_that_stays_empty_holds_nothing() {
    let (folder, mut directory) = read_once(&["one"]);
    fs::write(folder.path().join("one.yaml"), "").unwrap();
    let emptied = later();
    assert_eq!(directory.look(Some(emptied)).unwrap(), WAITING);
    assert_eq!(directory.look(Some(emptied + EMPTIED)).unwrap(), CHANGED);
    assert!(servers(&mut directory).is_empty());
}

#[test]
fn a_directory_that_links_lead_to_is_listed_once_by_its_own_name() {
    let (folder, mut directory) = read_once(&[]);
    let below = folder.path().join("below");
    fs::create_dir(&below).unwrap();
    fs::write(below.join("one.yaml"), server("one")).unwrap();
    for link in ["again", "around"] {
        symlink(".", folder.path().join(link)).unwrap();
        symlink("..", below.join(link)).unwrap();
        symlink("below", folder.path().join(format!("{link}-below"))).unwrap();
    }
    directory.look(Some(later())).unwrap();
    assert_eq!(servers(&mut directory), ["one"]);
    assert_eq!(directory.files.keys().collect::<Vec<_>>(), ["below/one.yaml"]);
}

#[test]
fn a_directory_that_cannot_be_listed_costs_nothing_but_its_own_news() {
    let (folder, mut directory) = read_once(&["one", "two"]);
    let below = folder.path().join("below");
    fs::create_dir(&below).unwrap();
    fs::rename(folder.path().join("one.yaml"), below.join("one.yaml")).unwrap();
    directory.read(None).unwrap();
    // A link to itself fails for everybody; a mode does not for root.
    let kept = folder.path().join(".kept");
    fs::rename(&below, &kept).unwrap();
    symlink("below", &below).unwrap();
    fs::remove_file(folder.path().join("two.yaml")).unwrap();
    fs::write(folder.path().join("three.yaml"), server("three")).unwrap();
    let gone = later();
    assert_eq!(directory.look(Some(gone)).unwrap(), Look { changed: true, unsettled: true });
    assert_eq!(directory.look(Some(gone + SETTLED)).unwrap(), CHANGED);
    assert_eq!(servers(&mut directory), ["one", "three"]);
    let read = directory.compile();
    assert_eq!(read.faults.iter().map(|fault| fault.path.as_str()).collect::<Vec<_>>(), ["below"]);
    assert_eq!(directory.look(Some(gone + SETTLED)).unwrap(), SAME, "it is told once");
    fs::remove_file(&below).unwrap();
    fs::rename(&kept, &below).unwrap();
    assert_eq!(directory.look(Some(gone + SETTLED)).unwrap(), CHANGED);
    assert!(directory.compile().faults.is_empty());
}

#[test]
fn a_file_that_may_not_be_read_keeps_what_it_held_until_it_may() {
    let (folder, mut directory) = read_once(&["one"]);
    let file = folder.path().join("one.yaml");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    // Root reads it all the same: then there is nothing wrong with it.
    let readable = fs::read(&file).is_ok();
    assert_eq!(look_twice(&mut directory), CHANGED);
    assert_eq!(servers(&mut directory), ["one"]);
    assert_eq!(directory.compile().faults.is_empty(), readable);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(look_twice(&mut directory), CHANGED);
    assert!(directory.compile().faults.is_empty());
}
