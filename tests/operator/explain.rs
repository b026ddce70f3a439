//! `kubectl explain`, which is the API's own documentation: every field of every spec has words.

use std::time::Duration;

use crds::crd::KINDS;
use tests::wait::until;

use crate::SHARED;

#[test]
fn kubectl_explains_every_field_of_every_kind() {
    // The apiserver publishes the schema of a definition a moment after it serves it.
    until("the schema is published", Duration::from_secs(30), || {
        SHARED.try_kubectl(&["explain", "mcpkeybindings.spec", "--recursive"]).status.success().then_some(())
    });
    for kind in KINDS {
        let plural = format!("{}s", kind.as_str().to_lowercase());
        for part in ["spec", "status"] {
            let explained = SHARED.kubectl(&["explain", &format!("{plural}.{part}"), "--recursive"]);
            assert!(explained.contains(&format!("KIND:       {}", kind.as_str())), "{explained}");
            assert!(!explained.contains("<no description>"), "{explained}");
        }
        let fields = fields(&plural);
        assert!(fields.len() >= 4, "{fields:?}");
        for field in fields {
            let explained = SHARED.kubectl(&["explain", &format!("{plural}.spec.{field}")]);
            let description = explained.split_once("DESCRIPTION:").unwrap().1.trim();
            assert!(!description.is_empty() && !description.starts_with('<'), "{plural}.spec.{field}: {explained}");
        }
    }
}

/// The fields of a spec, as `kubectl explain` lists them.
fn fields(plural: &str) -> Vec<String> {
    let explained = SHARED.kubectl(&["explain", &format!("{plural}.spec")]);
    let listed = explained.split_once("FIELDS:").unwrap().1;
    let names = listed.lines().filter_map(|line| line.strip_prefix("  ")?.split_once('\t'));
    names.map(|(name, _)| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}
