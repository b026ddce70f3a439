//! Bodies that try to be read in two ways: messages whose keys are respelled, repeated and moved, then damaged.

use proptest::prelude::*;

/// One body.
pub(crate) fn body() -> impl Strategy<Value = Vec<u8>> {
    let one = message(false);
    let batch = prop::collection::vec(message(false), 0..4).prop_map(|messages| format!("[{}]", messages.join(",")));
    let hostile = message(true);
    let whole = prop_oneof![5 => one, 1 => batch, 6 => hostile].prop_map(String::into_bytes);
    prop_oneof![
        4 => whole.clone(),
        1 => (whole.clone(), prop::collection::vec(damage(), 1..4)).prop_map(|(body, damages)| damages.iter().fold(body, harm)),
        1 => (whole.clone(), whole, any::<(usize, usize)>()).prop_map(|(first, second, (at, from))| {
            let (at, from) = (at % (first.len() + 1), from % (second.len() + 1));
            [&first[..at], &second[from..]].concat()
        }),
    ]
}

/// Ways to spell a key, by number; the higher ones make it another key that a lax decoder takes for the first.
fn spelled(key: &str, way: u8, at: usize) -> String {
    let at = at % key.len().max(1);
    let (before, rest) = key.split_at(at);
    let mut chars = rest.chars();
    let Some(letter) = chars.next() else { return key.to_owned() };
    let after = chars.as_str();
    match way {
        0..=9 => key.to_owned(),
        10..=13 => format!("{before}\\u{:04x}{after}", u32::from(letter)),
        14 => format!("{before}{}{after}", letter.to_ascii_uppercase()),
        15 => key.to_uppercase(),
        16 => format!("{key}\\u0000"),
        17 => format!("\\u0000{key}"),
        18 => format!("{key}\\u0000{after}"),
        19 => key.replace('s', "\u{17f}").replace('k', "\u{212a}"),
        20 => key.replace('s', "\\u017f").replace('k', "\\u212A"),
        21 => key.replace('i', "\u{131}"),
        22 => format!("{key} "),
        _ => format!("{before}\\ud83d{letter}{after}"),
    }
}

fn scalar() -> impl Strategy<Value = String> {
    let tame = prop_oneof![
        "[0-9]",
        "-?[1-9][0-9]{0,18}",
        "(0|-0|1)\\.[0-9]{1,3}",
        "[1-9]e[0-9]{1,3}",
        "\"[a-z/_]{0,10}\"",
        "\"[a-z\u{e9}\u{1f600}]{0,4}(\\\\u00[0-7][0-9a-f]){0,2}\"",
        r#""(\\[nt"/]|\\ud83d\\ude00){0,3}""#,
    ];
    let odd = prop::sample::select(vec![
        "null",
        "true",
        "1e400",
        "-1E+400",
        "9007199254740993",
        "\"\\ud800\"",
        "\"\\udc00x\"",
        "\"\\u0000\"",
        "01",
        "NaN",
        "Infinity",
        "+1",
        "'a'",
        "\"\t\"",
        "{}",
        "[]",
        "[1,[]]",
        "{\"name\":\"inner\"}",
        "\"a\u{0}b\"",
    ]);
    prop_oneof![6 => tame, 1 => odd.prop_map(str::to_owned)]
}

/// An object of these members in any order; a hostile one respells, repeats or leaves out some.
fn object(members: Vec<(&'static str, BoxedStrategy<String>)>, hostile: bool) -> BoxedStrategy<String> {
    let member = |(key, value): (&'static str, BoxedStrategy<String>)| {
        let ways = if hostile { 0_u8..24 } else { 0..14 };
        let again = if hostile { 0_u8..12 } else { 1..2 };
        (value.clone(), value, ways.clone(), ways, again, any::<usize>()).prop_map(
            move |(first, second, way, other, again, at)| {
                let first = format!("\"{}\":{first}", spelled(key, way, at));
                match again {
                    0 => vec![first, format!("\"{}\":{second}", spelled(key, other, at))],
                    11 => vec![],
                    _ => vec![first],
                }
            },
        )
    };
    let members: Vec<_> = members.into_iter().map(member).collect();
    let space = prop::sample::select(vec!["", "", "", " ", "\r\n\t"]);
    (members, space, any::<prop::sample::Index>(), any::<bool>())
        .prop_map(|(members, space, turn, reverse)| {
            let mut members = members.concat();
            if reverse {
                members.reverse();
            }
            if !members.is_empty() {
                let turn = turn.index(members.len());
                members.rotate_left(turn);
            }
            format!("{{{space}{}{space}}}", members.join(&format!("{space},{space}")))
        })
        .boxed()
}

fn message(hostile: bool) -> BoxedStrategy<String> {
    let text = |values: &[&str]| {
        let values: Vec<String> = values.iter().map(|value| format!("\"{value}\"")).collect();
        prop_oneof![12 => prop::sample::select(values), 1 => scalar()].boxed()
    };
    let arguments =
        object(vec![("name", scalar().boxed()), ("a", scalar().boxed()), ("method", scalar().boxed())], hostile);
    let meta = object(vec![("progressToken", scalar().boxed()), ("name", scalar().boxed())], hostile);
    let name = text(&["send", "delete", "gmail-send", "s\\u0065nd", "\\ud83d\\ude00"]);
    let params =
        object(vec![("name", name), ("arguments", arguments), ("_meta", meta), ("x", scalar().boxed())], hostile);
    object(
        vec![
            ("jsonrpc", Just("\"2.0\"".to_owned()).boxed()),
            ("id", scalar().boxed()),
            ("method", text(&["tools/call", "tools/list", "tools\\/call", "prompts/get"])),
            ("params", params),
            ("x", scalar().boxed()),
        ],
        hostile,
    )
}

/// A place and what happens there: a byte put in place of another, bytes cut, or a piece repeated.
type Damage = (usize, u8, u8);

fn damage() -> impl Strategy<Value = Damage> {
    let byte = prop_oneof![any::<u8>(), prop::sample::select(&b"\"\\{}[],:0 \x00\xc5\xbf"[..])];
    (any::<usize>(), 0_u8..4, byte)
}

fn harm(mut body: Vec<u8>, damage: &Damage) -> Vec<u8> {
    let (at, how, byte) = *damage;
    if body.is_empty() {
        return body;
    }
    let at = at % body.len();
    match how {
        0 => body[at] = byte,
        1 => body.insert(at, byte),
        2 => body.truncate(at),
        _ => {
            let piece = body[at..body.len().min(at + usize::from(byte))].to_vec();
            body.splice(at..at, piece);
        }
    }
    body
}
