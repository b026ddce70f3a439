//! The chart `switchboard`, rendered.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::objects::Objects;
use crate::tools::{checkout, installed, run};

/// A Helm that was installed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Helm {
    /// The oldest that the chart works with, 3.14.
    Oldest,
    /// The newest, 4.
    Newest,
}

/// The oldest Kubernetes that the chart takes.
pub(crate) const OLDEST_CLUSTER: &str = "1.30.0";

/// Both.
pub(crate) const HELMS: [Helm; 2] = [Helm::Oldest, Helm::Newest];

/// A release that is yet to be made.
#[derive(Clone, Debug)]
pub(crate) struct Release<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// Its namespace.
    pub(crate) namespace: &'a str,
    /// Files of values, the later ones over the earlier.
    pub(crate) values: Vec<PathBuf>,
    /// Values over those, as `--set-json` takes them.
    pub(crate) set: Vec<String>,
}

impl<'a> Release<'a> {
    /// `switchboard` in the namespace `switchboard`, with default values.
    pub(crate) fn default_values() -> Self {
        Self::named("switchboard", "switchboard")
    }

    /// One with default values.
    pub(crate) fn named(name: &'a str, namespace: &'a str) -> Self {
        Self { name, namespace, values: Vec::new(), set: Vec::new() }
    }

    /// With a value: `gateway.replicas` and `5`, as JSON.
    pub(crate) fn with(mut self, path: &str, value: &Value) -> Self {
        self.set.push(format!("{path}={value}"));
        self
    }

    /// With a file of values.
    pub(crate) fn with_file(mut self, file: &Path) -> Self {
        self.values.push(file.to_owned());
        self
    }

    /// What this Helm renders, or what it says against it.
    pub(crate) fn text(&self, helm: Helm) -> Result<String, String> {
        self.of_cluster(helm, OLDEST_CLUSTER)
    }

    /// The same for a cluster of this version of Kubernetes.
    pub(crate) fn of_cluster(&self, helm: Helm, version: &str) -> Result<String, String> {
        run(self.command(helm, "template").args(["--kube-version", version]))
    }

    /// Without what `helm test` makes, for who has no Helm.
    pub(crate) fn without_tests(&self) -> String {
        let mut command = self.command(Helm::Newest, "template");
        run(command.args(["--skip-tests", "--kube-version", OLDEST_CLUSTER])).unwrap()
    }

    /// The notes that a person sees after the install.
    pub(crate) fn notes(&self) -> String {
        let text = run(self.command(Helm::Newest, "install").arg("--dry-run=client")).unwrap();
        text.split_once("\nNOTES:\n").expect("no notes").1.to_owned()
    }

    /// The objects; what a test hook makes is among them.
    pub(crate) fn objects(&self) -> Objects {
        Objects::parse(&self.text(Helm::Newest).unwrap_or_else(|error| panic!("{self:?}: {error}")))
    }

    fn command(&self, helm: Helm, verb: &str) -> Command {
        let mut command = helm_command(helm);
        command.arg(verb).arg(self.name).arg(chart()).args(["--namespace", self.namespace]);
        for file in &self.values {
            command.arg("--values").arg(file);
        }
        for set in &self.set {
            command.args(["--set-json", set]);
        }
        command
    }
}

/// The chart's folder.
pub(crate) fn chart() -> PathBuf {
    checkout("charts/switchboard")
}

/// Helm, without a cluster and without what the person who runs the tests has configured.
pub(crate) fn helm_command(helm: Helm) -> Command {
    let mut command = Command::new(installed(match helm {
        Helm::Oldest => "helm3",
        Helm::Newest => "helm",
    }));
    command.env("KUBECONFIG", "").env("HELM_NAMESPACE", "").env("HELM_PLUGINS", "/nonexistent");
    command
}

/// The value sets that the chart is tested with, each with its name: `ci/NAME-values.yaml`.
pub(crate) fn value_sets() -> Vec<(String, PathBuf)> {
    let files = std::fs::read_dir(chart().join("ci")).unwrap().map(|entry| entry.unwrap().path());
    let mut sets: Vec<_> = files
        .map(|file| {
            let name = file.file_name().unwrap().to_str().unwrap().strip_suffix("-values.yaml").map(str::to_owned);
            (name.unwrap_or_else(|| panic!("{} is not NAME-values.yaml", file.display())), file)
        })
        .collect();
    sets.sort();
    assert!(!sets.is_empty());
    sets
}

/// Every value set as a release of its own name, in the namespace `tools`.
pub(crate) fn releases(sets: &[(String, PathBuf)]) -> impl Iterator<Item = Release<'_>> {
    sets.iter().map(|(name, file)| Release::named(name, "tools").with_file(file))
}
