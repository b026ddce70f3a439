//! Every reason that a condition may have: what it means, and what to do. The
//! page `docs/conditions.md` is this table.

/// A reason of a condition.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Meaning {
    /// The condition's type.
    pub condition: &'static str,
    /// The condition's status with this reason.
    pub status: &'static str,
    /// The reason.
    pub reason: &'static str,
    /// What it means.
    pub means: &'static str,
    /// What it asks for.
    pub act: Act,
}

/// What a reason asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Act {
    /// Nothing: all is well.
    Nothing,
    /// To wait: it is on its way. If it stays so, this.
    Wait(&'static str),
    /// Somebody to do this.
    Do(&'static str),
}

/// Every reason of every condition but these: Ready, while it is not True, has the reason of the first of Accepted,
/// ResolvedRefs, Programmed and Propagated that is not, and Reconciling and Stalled have that of Ready.
#[rustfmt::skip]
pub const CATALOGUE: &[Meaning] = &[
    of("Accepted", "True", "Accepted", "The object is right and holds its name or subject.", Act::Nothing),
    of("Accepted", "False", "Invalid", "The schema, or a rule over several fields, refuses the object.", Act::Do("Change what the message names. `switchboard validate` says the same before it is applied, and with `--release-namespace` what the operator would, as far as the directory goes.")),
    of("Accepted", "False", "NameTooLong", "The name that follows from `metadata.name` is too long to be published.", Act::Do("Set a shorter `spec.alias` or `spec.groupName`.")),
    of("Accepted", "False", "ReservedName", "The alias, prefix or group name is one of the gateway's own words, in some spelling.", Act::Do("Choose another one.")),
    of("Accepted", "False", "NameConflict", "An object that comes first holds the name, in some spelling: one of a platform namespace, else the older one.", Act::Do("Choose another name, or take the other object away.")),
    of("Accepted", "False", "DuplicateSubject", "A binding that comes first has the subject or one of the keys, or a platform namespace has taken the name of the team or organization.", Act::Do("Put both into one binding, or make a new key.")),
    of("Accepted", "False", "NotAPlatformNamespace", "A subject User, Claims, Anonymous or an account of another namespace, or a server that has callers' tokens exchanged, in a namespace that does not speak for the whole company.", Act::Do("Move the object to a platform namespace, or list this one in the settings' `platformNamespaces`.")),
    of("Accepted", "False", "BareNotAllowed", "The settings do not let this namespace publish bare names.", Act::Do("Take `spec.naming.type` out, or list the namespace in the settings' `bareNaming.namespaces`.")),
    of("Accepted", "False", "StdioNotAllowed", "The settings do not let this namespace, or this command, start child processes.", Act::Do("List the namespace in the settings' `stdio.namespaces`, and the command in `stdio.commands` if that is there.")),
    of("ResolvedRefs", "True", "ResolvedRefs", "All that the object names exists, consents and can be used.", Act::Nothing),
    of("ResolvedRefs", "False", "NotFound", "There is no such accepted object in this namespace. The reference is void; all else of the object holds.", Act::Do("Create the object, or mend the reference.")),
    of("ResolvedRefs", "False", "NotPermitted", "There is no such accepted object in the other namespace, or it does not admit this one. Nobody learns which.", Act::Do("Ask the owner of the other namespace for `allowedNamespaces` or `joinFrom`.")),
    of("ResolvedRefs", "False", "ParentDead", "A user, team or organization that the binding belongs to is missing, does not let it join, is suspended, or has such a parent itself. Until that ends the binding gives nothing.", Act::Do("Create or mend the parent.")),
    of("ResolvedRefs", "False", "SecretNotUsable", "A Secret or its key is missing, empty, not what its place can carry, or without the label `switchboard.dev/use: credential`. The server, or the key, is off.", Act::Do("Create the Secret in the same namespace, with the label.")),
    of("ResolvedRefs", "False", "CredentialPending", "Pods have the server, but not its secret values yet. It is off there; all else is in force.", Act::Wait("Look at the pods' and the operator's logs: the values come by the Secrets RELEASE-credentials-NN.")),
    of("ResolvedRefs", "Unknown", "NotAccepted", "References of an object that is not accepted are not looked at.", Act::Do("See Accepted.")),
    of("Programmed", "True", "Programmed", "What follows from this generation is in the snapshot that gateways load. Of a suspended binding that is its absence.", Act::Nothing),
    of("Programmed", "False", "Pending", "The snapshot is being written.", Act::Wait("Look at the operator's log: it cannot reach the apiserver, or is not the leader.")),
    of("Programmed", "False", "NotWritten", "No snapshot can be written. The last one stays in force.", Act::Do("The message says why: all objects together are too large, or the operator lacks a permission.")),
    of("Programmed", "False", "NotAccepted", "An object that is not accepted is in no snapshot.", Act::Do("See Accepted.")),
    of("Propagated", "True", "Propagated", "Every pod that serves has had this generation in force. It stays True for the generation: a pod that starts later loads the newest snapshot before it serves.", Act::Nothing),
    of("Propagated", "False", "Pending", "A pod that serves does not have it in force yet, or cannot be asked. After ten seconds the message counts the pods.", Act::Wait("Look at the logs of the pods that are behind.")),
    of("Propagated", "False", "NoPods", "No gateway pod serves.", Act::Wait("Look at the Deployment RELEASE-gateway and its pods.")),
    of("Propagated", "False", "NotWritten", "No snapshot can be written.", Act::Do("See Programmed.")),
    of("Propagated", "False", "NotAccepted", "The object gives nothing, and no pod that serves has what it gave before.", Act::Do("See Accepted.")),
    of("Ready", "True", "Ready", "Accepted, ResolvedRefs, Programmed and Propagated are True.", Act::Nothing),
    of("Available", "True", "Available", "At least one pod has read the server's lists, and it fails for none.", Act::Nothing),
    of("Available", "False", "Off", "The server serves nothing, since a Secret that it needs cannot be used.", Act::Do("See ResolvedRefs.")),
    of("Available", "False", "Unreachable", "No connection, a child process that ends, or a connection that breaks.", Act::Do("Check URL or command, the network between gateway and server, and that the settings' `egress` allows the address.")),
    of("Available", "False", "Timeout", "No answer within the deadline.", Act::Do("Look at the server, or raise `spec.timeouts`.")),
    of("Available", "False", "AuthRequired", "The server answers 401, or the token endpoint in `spec.auth` gives no token.", Act::Do("Give it a credential in `spec.auth`, or a new one; `/status` of a pod says what the token endpoint answers.")),
    of("Available", "False", "Forbidden", "The server answers 403.", Act::Do("Ask for the credential to be permitted.")),
    of("Available", "False", "RateLimited", "The server answers 429.", Act::Do("Lower `spec.limits.maxConcurrentCalls`, or raise the limit of the server.")),
    of("Available", "False", "UpstreamError", "The server answers something that is not MCP.", Act::Do("Check the URL and `spec.http.transport`.")),
    of("Available", "False", "UnsupportedProtocol", "The server speaks only a protocol that the gateway does not speak to it.", Act::Do("Update the server.")),
    of("Available", "False", "MissingCapability", "The server wants what the gateway does not offer.", Act::Do("Try `spec.sessionMode: PerClient`, in which it can ask the client.")),
    of("Available", "False", "Failing", "The server fails in a way that only a newer gateway has a word for.", Act::Do("Look at `/status` of the pod; update the operator.")),
    of("Available", "Unknown", "Pending", "No pod has told yet how the server is, or none has read its lists.", Act::Wait("Look at `/status` of a pod.")),
    of("Available", "Unknown", "PerCaller", "The server is asked for each caller, by a token that is had in exchange for the caller's own: without one nobody knows how it is.", Act::Do("Look at its calls: `switchboard_calls_total` counts them by outcome.")),
    of("Available", "Unknown", "NotAccepted", "A server that is not accepted is not asked.", Act::Do("See Accepted.")),
];

const fn of(
    condition: &'static str,
    status: &'static str,
    reason: &'static str,
    means: &'static str,
    act: Act,
) -> Meaning {
    Meaning { condition, status, reason, means, act }
}

/// What there is to know of the reason.
pub(super) fn known(condition: &str, reason: &str) -> Option<&'static Meaning> {
    CATALOGUE.iter().find(|meaning| meaning.condition == condition && meaning.reason == reason)
}
