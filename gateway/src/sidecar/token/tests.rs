use std::fs;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tempfile::TempDir;

use super::*;
use crate::sidecar::metrics::Metrics;

const KEY: &str = "sb-a-key-is-a-token-too";

/// A folder with a file that is yet to be made.
fn file() -> (TempDir, PathBuf, TokenFile, TokenMetrics) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let metrics = Metrics::new().token;
    (folder, path.clone(), TokenFile::new(path, metrics.clone()), metrics)
}

/// A JWT, as far as anybody can tell who does not verify it.
fn jwt(claims: &str) -> String {
    format!("{}.{}.c2lnbmF0dXJl", URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#), URL_SAFE_NO_PAD.encode(claims))
}

fn sent(file: &TokenFile) -> String {
    file.bearer().unwrap().to_str().unwrap().to_owned()
}

#[test]
fn the_token_is_the_one_in_the_file_at_that_moment() {
    let (_folder, path, file, _) = file();
    fs::write(&path, format!("{KEY}\n")).unwrap();
    assert_eq!(sent(&file), format!("Bearer {KEY}"));
    assert!(file.bearer().unwrap().is_sensitive(), "and nobody prints it");
    // Of the same length, at the same moment, in the same file.
    let other = KEY.replace('a', "b");
    fs::write(&path, &other).unwrap();
    assert_eq!(sent(&file), format!("Bearer {other}"));
}

#[test]
fn a_file_that_holds_none_takes_nothing_away_and_is_told_of_once() {
    let (_folder, path, file, metrics) = file();
    let why = file.bearer().unwrap_err().to_string();
    assert!(why.contains("/token: ") && why.contains("serviceAccountToken"), "{why}");
    fs::write(&path, KEY).unwrap();
    assert_eq!(sent(&file), format!("Bearer {KEY}"));
    let large = "x".repeat(LARGEST as usize + 1);
    for bad in ["", " \n", "two tokens", "t\u{f6}ken", "to\0ken", &large] {
        fs::write(&path, bad).unwrap();
        assert_eq!(sent(&file), format!("Bearer {KEY}"), "{bad:?}");
    }
    fs::write(&path, [0xff, 0xfe]).unwrap();
    assert_eq!(sent(&file), format!("Bearer {KEY}"));
    fs::remove_file(&path).unwrap();
    assert_eq!(sent(&file), format!("Bearer {KEY}"));
    assert_eq!(metrics.failures.get(), 0, "it may be about to be written");
    file.now.lock().doubt.as_mut().unwrap().since -= SETTLED;
    assert_eq!(sent(&file), format!("Bearer {KEY}"));
    assert_eq!(sent(&file), format!("Bearer {KEY}"));
    assert_eq!(metrics.failures.get(), 1);
}

#[test]
fn what_has_expired_is_not_sent_any_more() {
    let (_folder, path, file, metrics) = file();
    let soon = clock::now() + 600;
    fs::write(&path, jwt(&format!(r#"{{"aud":["switchboard"],"exp":{soon}}}"#))).unwrap();
    assert!(file.bearer().is_ok());
    assert_eq!(metrics.expires.get(), soon);
    fs::write(&path, jwt(r#"{"exp":1700000000}"#)).unwrap();
    let why = file.bearer().unwrap_err().to_string();
    assert!(why.contains("has expired on 2023-11-14T22:13:20Z"), "{why}");
    fs::write(&path, "").unwrap();
    let why = file.bearer().unwrap_err().to_string();
    assert!(why.contains("2023-11-14T22:13:20Z, and there is no other: the file is empty"), "{why}");
    fs::write(&path, KEY).unwrap();
    assert_eq!(sent(&file), format!("Bearer {KEY}"), "what does not say when it expires does not");
    assert_eq!(metrics.expires.get(), 0);
}

#[test]
fn only_a_jwt_says_when_it_expires() {
    let said = |token: &str| expiry(&HeaderValue::try_from(format!("{BEARER}{token}")).unwrap());
    assert_eq!(said(&jwt(r#"{"exp":7}"#)), Some(7));
    let others = [jwt("{}"), jwt(r#"{"exp":"7"}"#), jwt("[]"), format!("{}.d", jwt(r#"{"exp":7}"#))];
    for token in [KEY, "a.b.c", ".."].into_iter().chain(others.iter().map(String::as_str)) {
        assert_eq!(said(token), None, "{token}");
    }
}
