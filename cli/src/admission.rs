//! `switchboard admission`.

use std::fs;
use std::process::ExitCode;

use crds::admission::{Release, policies_yaml};
use crds::resources::{FileFault, parse_settings};
use crds::settings::Settings;

use crate::args::AdmissionArgs;
use crate::output;

/// Prints the policies of a release, ready for `kubectl apply -f -`.
pub(crate) fn print(args: &AdmissionArgs) -> Result<ExitCode, String> {
    let release =
        Release { name: &args.release, namespace: &args.namespace, watched: args.watch_namespaces.as_deref() };
    output::line(policies_yaml(release, &settings(args)?).trim_end());
    Ok(ExitCode::SUCCESS)
}

fn settings(args: &AdmissionArgs) -> Result<Settings, String> {
    let Some(file) = &args.settings else { return Ok(Settings::default()) };
    let path = file.display().to_string();
    let text = fs::read_to_string(file).map_err(|error| format!("{path}: {error}"))?;
    parse_settings(&text).map_err(|fault| FileFault { path, ..fault }.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_a_file_and_its_faults_name_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("values.yaml");
        let args = AdmissionArgs {
            release: "sb".to_owned(),
            namespace: "platform".to_owned(),
            settings: Some(file.clone()),
            watch_namespaces: None,
        };
        assert!(settings(&args).unwrap_err().starts_with(&file.display().to_string()), "it is not there");
        let text = "apiVersion: switchboard.dev/v1alpha1\nkind: Settings\nplatformNamespaces: [tools]\n";
        fs::write(&file, text).unwrap();
        assert_eq!(settings(&args).unwrap().platform_namespaces, Some(vec!["tools".to_owned()]));
        fs::write(&file, text.replace("Namespaces", "Namespace")).unwrap();
        let fault = settings(&args).unwrap_err();
        assert!(fault.starts_with(&format!("{}:3:1: Settings: platformNamespace: unknown field", file.display())));
        assert_eq!(settings(&AdmissionArgs { settings: None, ..args }), Ok(Settings::default()));
    }
}
