//! What the CEL rules cost by the apiserver's own estimate, printed and bounded.

use std::path::Path;

use tests::figures::Figures;
use tests::kube::{binaries, repository};

/// Of what the apiserver allows a rule, and a whole definition: further fields and longer lists need the rest.
const MOST: f64 = 0.1;

/// A line of `kube cel-cost`.
struct Estimate {
    definition: String,
    rule: String,
    cost: f64,
    allowed: f64,
}

fn estimates() -> Vec<Estimate> {
    let folder = repository().join("charts/switchboard-crds/templates");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut command = std::process::Command::new(binaries().join("kube"));
    let output = command.arg("cel-cost").args(&files).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(estimate).collect()
}

fn estimate(line: &str) -> Estimate {
    let fields: Vec<&str> = line.split(' ').collect();
    let [definition, rule, cost, allowed] = fields[..] else { panic!("{line}") };
    let number = |text: &str| text.parse().unwrap();
    Estimate { definition: definition.to_owned(), rule: rule.to_owned(), cost: number(cost), allowed: number(allowed) }
}

#[test]
fn every_rule_is_far_within_what_the_apiserver_allows() {
    let mut costs = estimates();
    costs.sort_by(|one, other| other.cost.total_cmp(&one.cost));
    assert_eq!(costs.iter().filter(|cost| cost.rule == "total").count(), 3);
    assert!(costs.len() > 20);
    let figures = Figures::of("operator");
    for Estimate { definition, rule, cost, allowed } in costs {
        println!("{cost:>9} of {allowed:>9}  {definition}  {rule}");
        assert!(cost > 0.0 && cost <= allowed * MOST, "{definition} {rule}");
        if rule == "total" {
            let kind = Path::new(&definition).file_stem().unwrap().to_str().unwrap();
            figures.write(&format!("cel_cost_{kind}"), cost, &[cost]);
        }
    }
}
