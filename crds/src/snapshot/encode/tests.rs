use super::*;
use crate::snapshot::{
    AuthScheme, ByKind, Caller, ClientSide, Group, Server, ServerAuth, ServerTimeouts, SessionMode, Transport,
    WireSettings,
};

fn key() -> MacKey {
    MacKey([3; 32])
}

fn sample() -> Snapshot {
    let caller =
        Caller { id: "ns/a".to_owned(), namespace: 0, expires: None, access_until: Some(9), access: 0, keys: vec![] };
    let server = Server {
        id: "ns/s".to_owned(),
        alias: "s".to_owned(),
        prefix: None,
        names: vec!["s".to_owned()],
        transport: Transport::Stdio { command: "s".to_owned(), args: vec![], working_dir: None, env: vec![] },
        auth: ServerAuth { scheme: AuthScheme::None, client_side: ClientSide::Deny },
        credential: None,
        off: false,
        sessions: SessionMode::PerCaller,
        timeouts: ServerTimeouts { connect: 1, list: 1, call: 1 },
        max_concurrent_calls: 1,
        max_response_bytes: 1,
        filters: ByKind::default(),
        uri_prefix: Some("docs+".to_owned()),
    };
    Snapshot {
        settings: WireSettings { separator: "-".to_owned(), ..WireSettings::default() },
        servers: vec![server],
        patterns: vec![vec!["a".to_owned()]],
        filters: vec![vec![0]],
        access: vec![vec![(0, ByKind { prompts: None, ..ByKind::all(Some(0)) })]],
        namespaces: vec!["ns".to_owned()],
        callers: vec![caller],
        ..Snapshot::default()
    }
}

/// Authentic bytes around any payload, as a wrong or hostile writer with the key would make them.
fn seal(schema: u32, json: &[u8], payload: &[u8]) -> Vec<u8> {
    let header = Header { schema, revision: 1, digest: Sha256::digest(json).into() }.to_string();
    let code = mac(&key(), header.as_bytes(), payload).finalize().into_bytes();
    [header.as_bytes(), code.as_slice(), payload].concat()
}

#[test]
fn bytes_begin_with_a_line_for_people_and_are_the_same_each_time() {
    let bytes = encode(&sample(), 42, &key()).unwrap();
    assert_eq!(bytes, encode(&sample(), 42, &key()).unwrap());
    let line = str::from_utf8(bytes.split(|byte| *byte == b'\n').next().unwrap()).unwrap();
    assert!(line.starts_with("switchboard-snapshot schema=3 revision=42 sha256="), "{line}");
    let (snapshot, header) = decode(&bytes, &key()).unwrap();
    assert_eq!((snapshot, header.revision), (sample(), 42));
}

#[test]
fn every_bit_counts() {
    let bytes = encode(&sample(), 42, &key()).unwrap();
    for at in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[at / 8] ^= 1 << (at % 8);
        assert!(decode(&flipped, &key()).is_err(), "bit {at}");
    }
    for length in 0..bytes.len() {
        assert!(decode(&bytes[..length], &key()).is_err(), "cut to {length}");
    }
    assert!(matches!(decode(&[&bytes[..], b"x"].concat(), &key()), Err(DecodeError::Forged)));
    assert!(matches!(decode(&bytes, &MacKey([4; 32])), Err(DecodeError::Forged)));
}

#[test]
fn another_schema_is_refused_by_number() {
    let json = json(&sample());
    let error = decode(&seal(1, &json, &deflate(&json)), &key()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the snapshot has schema 1, this build reads schema 3: bring both to the same release"
    );
}

#[test]
fn what_is_authentic_is_still_bounded_parsed_and_checked() {
    let bomb = deflate(&vec![b' '; 1 << 20]);
    assert!(matches!(inflate(&bomb, 1 << 10), Err(DecodeError::TooLarge)));
    assert_eq!(inflate(&bomb, 1 << 20).unwrap().len(), 1 << 20);
    assert!(matches!(decode(&seal(SCHEMA, b"", b"\xff\xff"), &key()), Err(DecodeError::Inflate(_))));
    let parse = |json: &[u8]| decode(&seal(SCHEMA, json, &deflate(json)), &key()).unwrap_err();
    assert!(matches!(parse(b"{}"), DecodeError::Parse(_)));
    assert!(matches!(decode(&seal(SCHEMA, b"else", &deflate(&json(&sample()))), &key()), Err(DecodeError::Forged)));

    let broken: [fn(&mut Snapshot); 11] = [
        |it| it.patterns[0] = vec!["b".to_owned(), "a".to_owned()],
        |it| it.filters[0] = vec![1],
        // No such server; a filter out of range, of any kind; a server of which nothing is given.
        |it| it.access[0] = vec![(1, ByKind::all(Some(0)))],
        |it| it.access[0] = vec![(0, ByKind { resources: Some(1), ..ByKind::all(Some(0)) })],
        |it| it.access[0] = vec![(0, ByKind::all(None))],
        |it| it.servers[0].filters.prompts.deny = Some(1),
        |it| it.callers[0].access = 1,
        |it| it.callers[0].namespace = 1,
        |it| it.callers.push(it.callers[0].clone()),
        |it| it.anonymous = Some(Caller { access: 7, ..it.callers[0].clone() }),
        |it| {
            it.groups.push(Group {
                id: String::new(),
                name: String::new(),
                norm: String::new(),
                members: 0,
                admits: vec![3],
            });
        },
    ];
    for (number, broken) in broken.into_iter().enumerate() {
        let mut snapshot = sample();
        broken(&mut snapshot);
        assert!(matches!(parse(&json(&snapshot)), DecodeError::Inconsistent(_)), "{number}");
    }
}
