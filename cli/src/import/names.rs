//! Names that Kubernetes and callers can use, made of names that people gave, each once.

use std::collections::BTreeSet;

use crds::names::{ALIAS_MAX, GROUP_NAME_MAX, is_alias, is_group_name, is_reserved, norm};

/// The longest name of an object made here: what is put behind it must fit too.
const LONGEST: usize = 200;

/// The names that are given away.
#[derive(Default)]
pub(super) struct Names {
    /// Of objects, with their kind before it.
    objects: BTreeSet<String>,
    /// Of servers and groups on the wire, as they are compared.
    wire: BTreeSet<String>,
}

impl Names {
    /// A `metadata.name` for what somebody called `original`.
    pub(super) fn object(&mut self, kind: &str, original: &str) -> String {
        let plain = plain(original);
        let base = if plain.is_empty() { kind.to_lowercase() } else { plain };
        let free = numbered(&base, "-", LONGEST, |name| !self.objects.contains(&format!("{kind}/{name}")));
        self.objects.insert(format!("{kind}/{free}"));
        free
    }

    /// A server's name for callers: the original one where it may be one.
    pub(super) fn alias(&mut self, original: &str) -> String {
        let wanted = underscored(original, |c| c == '_', ALIAS_MAX);
        self.wire(&wanted, ALIAS_MAX, is_alias)
    }

    /// A group's name for callers: the original one where it may be one.
    pub(super) fn group(&mut self, original: &str) -> String {
        let wanted = underscored(original, |c| matches!(c, '_' | ' ' | '-'), GROUP_NAME_MAX);
        self.wire(&wanted, GROUP_NAME_MAX, is_group_name)
    }

    fn wire(&mut self, wanted: &str, longest: usize, is_one: fn(&str) -> bool) -> String {
        let base = if is_one(wanted) && !is_reserved(wanted) { wanted.to_owned() } else { format!("server_{wanted}") };
        let base = base.trim_end_matches('_');
        let free = numbered(base, "_", longest, |name| is_one(name) && !self.wire.contains(&norm(name)));
        self.wire.insert(norm(&free));
        free
    }
}

/// Lower-case letters and digits, with one `-` for whatever else stood there.
pub(super) fn plain(original: &str) -> String {
    let words = original.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    cut(&words.collect::<Vec<_>>().join("-").to_ascii_lowercase(), LONGEST).trim_end_matches('-').to_owned()
}

fn underscored(original: &str, stays: fn(char) -> bool, longest: usize) -> String {
    let name: String =
        original.trim().chars().map(|c| if c.is_ascii_alphanumeric() || stays(c) { c } else { '_' }).collect();
    cut(&name, longest).trim_end_matches('_').to_owned()
}

/// The first of `base`, `base-2`, `base-3` … that is free.
fn numbered(base: &str, separator: &str, longest: usize, is_free: impl Fn(&str) -> bool) -> String {
    let all = (1u32..).map(|number| {
        let end = if number == 1 { String::new() } else { format!("{separator}{number}") };
        format!("{}{end}", cut(base, longest - end.len()))
    });
    // Only so many names can be taken.
    all.into_iter().find(|name| is_free(name)).unwrap_or_default()
}

/// All of them are ASCII.
fn cut(name: &str, longest: usize) -> &str {
    name.get(..longest).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_kubernetes_takes_each_once() {
        let mut names = Names::default();
        let mut name = |original: &str| names.object("McpServer", original);
        assert_eq!(name("Zapier_Gmail"), "zapier-gmail");
        assert_eq!(name("zapier gmail"), "zapier-gmail-2");
        assert_eq!(name("@scope/pkg.v2"), "scope-pkg-v2");
        assert_eq!(name("日本"), "mcpserver");
        assert_eq!(name(&"x".repeat(300)).len(), LONGEST);
    }

    #[test]
    fn an_alias_is_the_original_where_it_may_be() {
        let mut names = Names::default();
        assert_eq!(names.alias("Zapier_Gmail"), "Zapier_Gmail");
        assert_eq!(names.alias("zapier-gmail"), "zapier_gmail_2", "compared without case, - and _");
        assert_eq!(names.alias("Spaced Name"), "Spaced_Name");
        assert_eq!(names.alias("mcp"), "server_mcp", "the gateway's own word");
        assert_eq!(names.alias("日本"), "server");
        let long = names.alias(&"y".repeat(40));
        assert_eq!(long.len(), ALIAS_MAX);
        assert_eq!(names.alias(&"y".repeat(41)).len(), ALIAS_MAX);
        assert_eq!(names.group("dev group"), "dev group");
        assert_eq!(names.group("spaced_name"), "spaced_name_2", "one space of names with servers");
    }
}
