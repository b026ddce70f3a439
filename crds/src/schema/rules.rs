//! The rules over several fields: the `x-kubernetes-validations` of a schema,
//! evaluated by the CEL that Kubernetes has.

use kube_cel::{CompiledSchema, Validator, compile_schema};
use serde_json::Value;

use super::Fault;

/// The rules of a schema, compiled.
pub(super) struct Rules {
    schema: CompiledSchema,
    validator: Validator,
}

impl Rules {
    pub(super) fn compile(schema: &Value) -> Self {
        let mut schema = compile_schema(schema);
        // Nobody writes a status into a file, and the apiserver would not take it from one.
        schema.properties.remove("status");
        prune(&mut schema);
        Self { schema, validator: Validator::new() }
    }

    /// Evaluates every rule on `value`, whose structure is right and whose defaults are filled in.
    pub(super) fn check(&self, value: &Value) -> Vec<Fault> {
        match self.validator.validate_compiled(&self.schema, value, None) {
            Ok(()) => Vec::new(),
            Err(errors) => errors.into_iter().map(|error| Fault::new(error.field_path, error.message)).collect(),
        }
    }
}

/// Takes away the parts of the schema that hold no rule, since the evaluator would walk them for nothing.
/// Returns whether anything is left.
fn prune(node: &mut CompiledSchema) -> bool {
    node.default = None; // filled in already
    node.properties.retain(|_, child| prune(child));
    for child in [&mut node.items, &mut node.additional_properties] {
        if child.as_mut().is_some_and(|child| !prune(child)) {
            *child = None;
        }
    }
    !node.validations.is_empty()
        || !node.properties.is_empty()
        || node.items.is_some()
        || node.additional_properties.is_some()
}
