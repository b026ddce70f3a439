//! The rules of each kind. Variables hold what several of them look at, and
//! the namespaces of the settings.

use k8s_openapi::api::admissionregistration::v1::{Validation, Variable};

use super::cel::{default_name, is_reserved, literal};
use crate::compile::subjects::OF_PLATFORMS;
use crate::compile::tenancy::Tenancy;
use crate::compile::words::{
    NO_BARE, NO_EXCHANGE, NO_PREFIX, NO_STDIO, OWN_ACCOUNTS_ONLY, PLATFORM_ONLY, RESERVED, too_long,
};
use crate::names::{ALIAS_MAX, GROUP_NAME_MAX};

/// What a policy looks at, and what must hold of it.
#[derive(Default)]
pub(super) struct Rules {
    pub(super) variables: Vec<Variable>,
    pub(super) validations: Vec<Validation>,
}

/// As `compile::names` has them, and in its order.
pub(super) fn of_servers(tenancy: &Tenancy) -> Rules {
    let mut rules = Rules::default();
    let naming = "has(object.spec.naming)";
    rules.published("alias");
    rules.variable("bare", format!("{naming} && has(object.spec.naming.type) && object.spec.naming.type == 'Bare'"));
    let written = format!("{naming} && has(object.spec.naming.prefix)");
    rules.variable("prefix", format!("{written} ? object.spec.naming.prefix : variables.alias"));
    rules.within("alias", ALIAS_MAX);
    // The shape of what is written is the schema's; the alias that stands for a prefix is held to the prefix's.
    rules.field_rule("alias", "variables.bare || !variables.prefix.endsWith('_')", NO_PREFIX);
    rules.unreserved("alias", "variables.aliasField");
    rules.unreserved("prefix", "'spec.naming.prefix'");
    if let Some(namespaces) = tenancy.bare() {
        rules.variable("bareNamespaces", literal(namespaces));
        let holds = "!variables.bare || request.namespace in variables.bareNamespaces";
        rules.rule(holds, format!("spec.naming.type: {NO_BARE}"));
    }
    if let Some(namespaces) = tenancy.stdio() {
        rules.variable("stdioNamespaces", literal(namespaces));
        let holds = "!has(object.spec.stdio) || request.namespace in variables.stdioNamespaces";
        rules.rule(holds, format!("spec.stdio: {NO_STDIO}"));
    }
    if let Some(commands) = tenancy.commands() {
        rules.variable("stdioCommands", literal(commands));
        let holds = "!has(object.spec.stdio) || object.spec.stdio.command in variables.stdioCommands";
        rules.rule(holds, format!("spec.stdio: {NO_STDIO}"));
    }
    if let Some(namespaces) = tenancy.platform() {
        rules.variable("platformNamespaces", literal(namespaces));
        let exchanges =
            "has(object.spec.auth) && has(object.spec.auth.type) && object.spec.auth.type == 'TokenExchange'";
        let holds = format!("!({exchanges}) || request.namespace in variables.platformNamespaces");
        rules.rule(&holds, format!("spec.auth.type: {NO_EXCHANGE}"));
    }
    rules
}

/// As `compile::names` has them.
pub(super) fn of_groups() -> Rules {
    let mut rules = Rules::default();
    rules.published("groupName");
    rules.within("groupName", GROUP_NAME_MAX);
    rules.unreserved("groupName", "variables.groupNameField");
    rules
}

/// As `compile::subjects` has them.
pub(super) fn of_bindings(tenancy: &Tenancy) -> Rules {
    let mut rules = Rules::default();
    if let Some(namespaces) = tenancy.platform() {
        rules.variable("platformNamespaces", literal(namespaces));
        let of_platforms = literal(&OF_PLATFORMS);
        let holds = format!(
            "!(object.spec.subject.type in {of_platforms}) || request.namespace in variables.platformNamespaces"
        );
        rules.rule(&holds, format!("spec.subject.type: {PLATFORM_ONLY}"));
        let own = "!has(object.spec.subject.serviceAccount) || !has(object.spec.subject.serviceAccount.namespace) \
            || object.spec.subject.serviceAccount.namespace in ['', request.namespace] \
            || request.namespace in variables.platformNamespaces";
        rules.rule(own, format!("spec.subject.serviceAccount.namespace: {OWN_ACCOUNTS_ONLY}"));
    }
    rules
}

// === impl Rules ===

impl Rules {
    /// The name that the spec's `member` gives or that follows from `metadata.name`, and which of them it was.
    fn published(&mut self, member: &str) {
        let default = default_name("object.metadata.name");
        let written = format!("has(object.spec.{member})");
        self.variable(member, format!("{written} ? object.spec.{member} : {default}"));
        self.variable(&format!("{member}Field"), format!("{written} ? 'spec.{member}' : 'metadata.name'"));
    }

    fn within(&mut self, member: &str, limit: usize) {
        self.field_rule(member, &format!("size(variables.{member}) <= {limit}"), &too_long(member, limit));
    }

    fn unreserved(&mut self, variable: &str, field: &str) {
        let said = format!("{field} + ': `' + variables.{variable} + {}", literal(&format!("` {RESERVED}")));
        self.validations.push(Validation {
            expression: format!("!({})", is_reserved(&format!("variables.{variable}"))),
            message_expression: Some(said),
            reason: Some("Invalid".to_owned()),
            ..Validation::default()
        });
    }

    /// A rule about a published name, wherever it came from.
    fn field_rule(&mut self, member: &str, holds: &str, message: &str) {
        self.validations.push(Validation {
            expression: holds.to_owned(),
            message_expression: Some(format!("variables.{member}Field + {}", literal(&format!(": {message}")))),
            reason: Some("Invalid".to_owned()),
            ..Validation::default()
        });
    }

    fn rule(&mut self, holds: &str, message: String) {
        self.validations.push(Validation {
            expression: holds.to_owned(),
            message: Some(message),
            reason: Some("Invalid".to_owned()),
            ..Validation::default()
        });
    }

    fn variable(&mut self, name: &str, expression: String) {
        self.variables.push(Variable { name: name.to_owned(), expression });
    }
}
