//! A server that runs as a child process.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::patterns::{ABSOLUTE_PATH, ENV_NAME, NO_NUL};
use super::{ONE_VALUE, ONE_VALUE_MESSAGE, ValueSource};

/// A server that runs as a child process of the gateway.
#[derive(Clone, Debug, Default, Deserialize, Eq, schemars::JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Stdio {
    /// The program, looked up in the gateway's PATH. `switchboard` is the running binary itself.
    #[schemars(length(min = 1, max = 1024), regex(pattern = NO_NUL))]
    pub command: String,
    /// Its arguments, at most 128 of at most 4096 characters. They are public: any process list shows them. A secret belongs in `env`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128), inner(length(max = 4096), regex(pattern = NO_NUL)))]
    pub args: Option<Vec<String>>,
    /// The directory it starts in, an absolute path. Default: its private scratch directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024), regex(pattern = ABSOLUTE_PATH))]
    pub working_dir: Option<String>,
    /// Its environment, at most 64 variables. `${X-Header}` in a value is the caller's header, `${SCRATCH}` the private directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub env: Option<Vec<EnvVar>>,
}

/// A variable of a child's environment.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new(ONE_VALUE).message(ONE_VALUE_MESSAGE))]
pub struct EnvVar {
    /// The variable's name: letters, digits and `_`, not starting with a digit.
    #[schemars(length(min = 1, max = 128), regex(pattern = ENV_NAME))]
    pub name: String,
    /// The value itself, at most 32768 characters. Exactly one of `value` and `valueFrom`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32768), regex(pattern = NO_NUL))]
    pub value: Option<String>,
    /// Where the value stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_from: Option<ValueSource>,
}
