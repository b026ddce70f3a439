//! R2, against the decoders that upstreams are written with: whatever the scanner lets through, Python's json, Node's
//! JSON.parse and Go's encoding/json read as it did. Never two readings of who is called, nor of an argument that is
//! compared with a header.

mod cases;
mod decoder;

use gateway::scan;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

/// How many bodies are tried; at full size, and in each run.
const FULL: usize = 50_000;
const USUAL: usize = 3_000;

/// Each keeps the last of two equal keys; `--first` stands for the decoders of other languages that keep the first.
const DECODERS: [&[&str]; 4] = [
    &["python3", "decode.py"],
    &["python3", "decode.py", "--first"],
    &["node", "decode.mjs"],
    &["go", "run", "decode.go"],
];

#[test]
fn r2_never_two_readings_of_who_is_called() {
    let count = if tests::args::full() { FULL } else { USUAL };
    let (mut runner, strategy) = (TestRunner::default(), cases::body());
    let bodies: Vec<Vec<u8>> = (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect();
    let answers = DECODERS.map(|command| decoder::answers(command, &bodies).unwrap());

    let (mut accepted, mut mirrored, mut parted) = (0, 0, 0);
    for (index, body) in bodies.iter().enumerate() {
        let readings = answers.each_ref().map(|answers| &answers[index]);
        if let Ok(incoming) = scan::request(body) {
            accepted += 1;
            let ours = decoder::reading(body, &incoming);
            mirrored += usize::from(!ours.ends_with(['-', '?', '*']));
            for (decoder, theirs) in DECODERS.iter().zip(readings) {
                let body = String::from_utf8_lossy(body);
                assert!(decoder::agree(theirs, &ours), "{decoder:?} reads {body:?} otherwise: {theirs}, not {ours}");
            }
        } else if readings.iter().all(|reading| *reading != "refused")
            && readings.iter().any(|other| *other != readings[0])
        {
            parted += 1;
        }
    }
    println!("fuzz_cases {count}, of these accepted {accepted}; refused and read in two ways by others {parted}");
    // Else the cases would show nothing.
    assert!(mirrored * 20 > count, "only {mirrored} of {count} bodies have an argument that was compared");
    assert!(accepted * 10 > count, "only {accepted} of {count} bodies were accepted");
    assert!(parted * 100 > count, "only {parted} of {count} bodies are read in two ways by the others");
}
