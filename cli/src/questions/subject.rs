//! Who a question is about: a binding that is there, or one that the question adds.

use crds::compile::{Pepper, compile};
use crds::diagnostic::{ConditionType, Kind, ObjectKey};
use crds::digest::to_hex;
use crds::snapshot::{Caller, Snapshot, TokenSubject, UnixSeconds};
use crds::v1alpha1::{Key, McpKeyBinding, McpKeyBindingSpec, SubjectType};

use super::{World, object};
use crate::args::SubjectArgs;
use crate::random::random;
use crate::source::{Objects, Source};

/// The world, and the binding that is asked about. Of a team, user or organization it is one that the question adds: a
/// key that inherits all that they have.
pub(super) fn ask_about(
    mut source: Source,
    subject: &SubjectArgs,
    now: UnixSeconds,
) -> Result<(World, ObjectKey), String> {
    let namespace = subject.namespace.as_deref();
    let objects = match &mut source {
        Source::Objects(objects) => objects,
        Source::Snapshot(snapshot) => {
            let caller = of_snapshot(snapshot, subject)?;
            return Ok((World::new(source, now)?, caller));
        }
    };
    let own = [
        (SubjectType::Team, &subject.team),
        (SubjectType::User, &subject.user),
        (SubjectType::Organization, &subject.organization),
    ];
    let parent = own.into_iter().find_map(|(type_, name)| Some((type_, name.as_deref()?)));
    let callers = [
        (SubjectType::Key, &subject.key),
        (SubjectType::ServiceAccount, &subject.service_account),
        (SubjectType::Claims, &subject.claims),
    ];
    let caller = callers.into_iter().find_map(|(type_, name)| Some((type_, name.as_deref()?)));
    let asked = match (caller, parent) {
        (Some((type_, name)), _) => binding(objects, type_, name, namespace)?,
        (None, Some((type_, name))) => {
            let of = binding(objects, type_, name, namespace)?;
            let (key, binding) = heir(type_, name, namespace.unwrap_or(&of.namespace))?;
            objects.resources.bindings.insert(key.clone(), binding);
            key
        }
        (None, None) => binding(objects, SubjectType::Anonymous, "", namespace)?,
    };
    Ok((World::new(source, now)?, asked))
}

/// A caller of a snapshot: by the service account, or by `NAMESPACE/NAME`, or by the name alone if no other has it.
fn of_snapshot(snapshot: &Snapshot, subject: &SubjectArgs) -> Result<ObjectKey, String> {
    if subject.anonymous {
        return snapshot
            .anonymous
            .as_ref()
            .map(|caller| object(&caller.id))
            .ok_or_else(|| "nobody is let in without a credential".to_owned());
    }
    let account = subject.service_account.as_ref();
    let name = subject.key.as_ref().or(subject.claims.as_ref()).or(account).map(String::as_str);
    let name =
        name.ok_or("a snapshot knows callers alone: ask with --key, --claims, --service-account or --anonymous")?;
    let is_called = |id: &ObjectKey| {
        id.to_string() == name || id.name == name && subject.namespace.as_ref().is_none_or(|own| id.namespace == *own)
    };
    let is_it = |caller: &&Caller| match account {
        Some(account) => caller.token == Some(TokenSubject::ServiceAccount(account.clone())),
        None => is_called(&object(&caller.id)),
    };
    let mut found = snapshot.callers.iter().filter(is_it).map(|caller| object(&caller.id));
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(format!("no live caller is called `{name}`")),
        _ => Err(format!("several callers are called `{name}`: write it as NAMESPACE/NAME")),
    }
}

/// The one binding of this type and name: of a key or of claims its `metadata.name` or `NAMESPACE/NAME`, else the subject's name. One that
/// is accepted has the subject, whoever else claims it.
fn binding(objects: &Objects, type_: SubjectType, name: &str, namespace: Option<&str>) -> Result<ObjectKey, String> {
    let by_object = matches!(type_, SubjectType::Key | SubjectType::Claims);
    let (own, name) = match name.split_once('/').filter(|_| by_object) {
        Some((own, name)) => (Some(own), name),
        None => (namespace.filter(|_| by_object), name),
    };
    let is_it = |(id, binding): &(&ObjectKey, &McpKeyBinding)| {
        let subject = &binding.spec.subject;
        let called = match type_ {
            SubjectType::Key | SubjectType::Claims => id.name == name,
            SubjectType::ServiceAccount => subject.service_account.as_ref().is_some_and(|account| {
                let namespace = if account.namespace.is_empty() { &id.namespace } else { &account.namespace };
                name.strip_prefix(namespace.as_str()).and_then(|rest| rest.strip_prefix('/')) == Some(&account.name)
            }),
            SubjectType::Team => subject.team.as_deref() == Some(name),
            SubjectType::Organization => subject.organization.as_deref() == Some(name),
            SubjectType::User => subject.user.as_deref() == Some(name),
            SubjectType::Anonymous => true,
        };
        subject.type_ == type_ && called && own.is_none_or(|own| id.namespace == own)
    };
    let Objects { resources, scope, .. } = objects;
    let mut found: Vec<&ObjectKey> = resources.bindings.iter().filter(is_it).map(|(id, _)| id).collect();
    if found.len() > 1 {
        let diagnostics = compile(resources, scope, &Pepper(random()?)).diagnostics;
        let refused = |id: &ObjectKey| {
            let of_binding = diagnostics.iter().filter(|it| it.kind == Kind::McpKeyBinding && it.object == *id);
            of_binding.into_iter().any(|it| it.condition == ConditionType::Accepted)
        };
        if !found.iter().all(|id| refused(id)) {
            found.retain(|id| !refused(id));
        }
    }
    let called = if name.is_empty() { format!("{type_:?}") } else { format!("{type_:?} `{name}`") };
    // A team that several namespaces have: the one of the namespace that is asked about.
    let in_namespace = || found.iter().find(|id| namespace == Some(&id.namespace));
    match &found[..] {
        [one] => Ok((*one).clone()),
        [] => Err(format!("no McpKeyBinding has the subject {called}")),
        several => in_namespace().map(|id| (*id).clone()).ok_or_else(|| {
            let several: Vec<String> = several.iter().map(ToString::to_string).collect();
            format!("{called} may be {}: say which with --namespace", several.join(" or "))
        }),
    }
}

/// A binding as nobody has it: a key of this parent in this namespace, without grants of its own.
fn heir(type_: SubjectType, name: &str, namespace: &str) -> Result<(ObjectKey, McpKeyBinding), String> {
    let key = ObjectKey::new(namespace, format!("(a key of {} {name})", type_.word()));
    let mut binding = McpKeyBinding::new(&key.name, McpKeyBindingSpec::default());
    binding.metadata.namespace = Some(key.namespace.clone());
    let spec = &mut binding.spec;
    let parent = match type_ {
        SubjectType::Team => &mut spec.team,
        SubjectType::User => &mut spec.user,
        _ => &mut spec.organization,
    };
    *parent = Some(name.to_owned());
    let sha256 = to_hex(&random()?);
    let entry = Key { name: "any".to_owned(), sha256: Some(sha256), value_from: None, expiration_time: None };
    spec.subject.keys = Some(vec![entry]);
    Ok((key, binding))
}
