//! Every value set renders, the same by each Helm, to objects that Kubernetes and the operators beside it take; and so
//! are the examples for GitOps.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::helm::{HELMS, Helm, OLDEST_CLUSTER, Release, chart, helm_command, releases, value_sets};
use crate::objects::Objects;
use crate::schemas;
use crate::tools::{checkout, installed, run, scratch};

#[test]
fn helm_finds_nothing_to_say_against_it() {
    for helm in HELMS {
        for (_, file) in value_sets() {
            let mut command = helm_command(helm);
            command.arg("lint").arg("--strict").arg(chart()).arg("--values").arg(file);
            run(command.args(["--kube-version", OLDEST_CLUSTER])).unwrap();
        }
        run(helm_command(helm).arg("lint").arg("--strict").arg(checkout("charts/switchboard-crds"))).unwrap();
    }
}

#[test]
fn each_helm_renders_the_same_and_always_the_same() {
    for release in releases(&value_sets()) {
        let [oldest, newest] = HELMS.map(|helm| release.text(helm).unwrap());
        assert_eq!(Objects::parse(&oldest).sorted(), Objects::parse(&newest).sorted(), "{}", release.name);
        assert_eq!(newest, release.text(Helm::Newest).unwrap(), "{}: diff noise", release.name);
    }
}

/// R46 has the same objects applied to a real apiserver.
#[test]
fn r46_schemas_take_every_object() {
    let folder = scratch("valid");
    let mut files = vec![write(&folder, "default", &Release::default_values().text(Helm::Newest).unwrap())];
    for release in releases(&value_sets()) {
        files.push(write(&folder, release.name, &release.text(Helm::Newest).unwrap()));
    }
    for file in ["argocd/application.yaml", "argocd/health.yaml", "flux/release.yaml", "flux/objects.yaml"] {
        files.push(checkout("deploy/gitops").join(file));
    }
    assert_taken(&folder, &files);
}

/// That schemas which know every field take every object of these files.
pub(crate) fn assert_taken(folder: &Path, files: &[PathBuf]) {
    let objects = files.iter().flat_map(|file| Objects::parse(&std::fs::read_to_string(file).unwrap()).0);
    let schemas = schemas::write(&folder.join("schemas"), &objects.collect::<Vec<_>>());
    let mut command = Command::new(installed("kubeconform"));
    command.args(["-strict", "-summary", "-schema-location"]).arg(schemas).args(files);
    let summary = run(&mut command).unwrap();
    assert!(summary.contains("Skipped: 0"), "{summary}");
}

/// Writes a file of objects.
pub(crate) fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let file = folder.join(name).with_extension("yaml");
    std::fs::write(&file, text).unwrap();
    file
}
