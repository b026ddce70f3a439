//! The objects of a [`World`](super::World), one struct a kind. Field by field
//! what a manifest can say; `None` is an absent field.

use std::collections::BTreeMap;

use super::Id;

/// Labels of an object.
pub type Labels = BTreeMap<String, String>;

/// What every object has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Meta {
    /// `metadata.namespace`.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.creationTimestamp`, Unix seconds.
    pub created: Option<i64>,
    /// `metadata.labels`.
    pub labels: Labels,
    /// A fault that the schema refuses, put into the manifest.
    pub flaw: Option<Flaw>,
}

impl Meta {
    /// `namespace/name`.
    pub fn id(&self) -> Id {
        Id::new(&self.namespace, &self.name)
    }
}

/// What the schema refuses, whatever else the object says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Flaw {
    /// A field that does not exist.
    UnknownField,
    /// A consent `{from: Selector}` without a selector.
    SelectorMissing,
    /// A consent whose selector has no term.
    SelectorWithoutTerm,
    /// A consent whose selector has an empty list of terms.
    EmptyTerms,
    /// A server with neither http nor stdio, a binding whose subject lacks its member. Not for groups.
    MemberMissing,
    /// A server with http and stdio, a binding whose subject has a second member. Not for groups.
    MemberTwice,
}

/// Names another object; namespace `""` is the referrer's own.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Reference {
    /// The object's `metadata.name`.
    pub name: String,
    /// The object's namespace, or empty.
    pub namespace: String,
}

/// A server in a grant or a group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entry {
    /// The server.
    pub server: Reference,
    /// `tools`: globs on native names.
    pub tools: Option<Vec<String>>,
    /// `prompts`, alike.
    pub prompts: Option<Vec<String>>,
    /// `resources`: globs on URIs and URI templates.
    pub resources: Option<Vec<String>>,
}

/// What of one kind exists on a server for callers at all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// Globs; what matches none of them does not exist. Absent: everything exists.
    pub allow: Option<Vec<String>>,
    /// Globs; what matches one of them does not exist.
    pub deny: Option<Vec<String>>,
}

/// Which namespaces are meant, beside the own.
#[derive(Clone, Debug, PartialEq)]
pub struct Consent {
    /// Same, All or Selector.
    pub from: From,
    /// With [`From::Selector`].
    pub selector: Option<Selector>,
}

/// See [`Consent::from`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum From {
    /// The own namespace only.
    Same,
    /// Every namespace.
    All,
    /// Those that the selector matches.
    Selector,
}

/// A label selector; all of it must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selector {
    /// `matchLabels`.
    pub labels: Option<Labels>,
    /// `matchExpressions`.
    pub terms: Option<Vec<Term>>,
}

/// One of `matchExpressions`.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// The label's key.
    pub key: String,
    /// How the label relates to the values.
    pub operator: Operator,
    /// With In and NotIn at least one; else none.
    pub values: Vec<String>,
}

/// See [`Term::operator`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Operator {
    /// The label has one of the values.
    In,
    /// The label is absent or has another value.
    NotIn,
    /// The label is there.
    Exists,
    /// The label is absent.
    DoesNotExist,
}

/// A key of a Secret in the object's own namespace.
#[derive(Clone, Debug, PartialEq)]
pub struct SecretRef {
    /// The Secret.
    pub name: String,
    /// The key in its data.
    pub key: String,
}

/// A Secret.
#[derive(Clone, Debug, PartialEq)]
pub struct Secret {
    /// Its namespace and name.
    pub id: Id,
    /// Whether it carries `switchboard.dev/use: credential`.
    pub labelled: bool,
    /// Its data, decoded.
    pub data: BTreeMap<String, String>,
}

/// How a server is reached.
#[derive(Clone, Debug, PartialEq)]
pub enum Transport {
    /// By HTTP.
    Http {
        /// `urlFrom`; a fixed `url` where absent.
        url_from: Option<SecretRef>,
        /// `auth.bearer.valueFrom`; no auth where absent.
        bearer_from: Option<SecretRef>,
    },
    /// As a child process.
    Stdio {
        /// The command.
        command: String,
        /// The source of one variable of `env`; no env where absent.
        env_from: Option<SecretRef>,
    },
}

/// A server.
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    /// Its metadata.
    pub meta: Meta,
    /// Its alias.
    pub alias: Option<String>,
    /// `naming.type: Bare`.
    pub bare: bool,
    /// `naming.prefix`.
    pub prefix: Option<String>,
    /// How it is reached.
    pub transport: Transport,
    /// `access: AllKeys`.
    pub all_keys: bool,
    /// Groups it joins.
    pub access_groups: Vec<Reference>,
    /// Whose bindings and groups may hold it.
    pub allowed_namespaces: Option<Consent>,
    /// `tools`.
    pub tools: Filter,
    /// `prompts`.
    pub prompts: Filter,
    /// `resources`.
    pub resources: Filter,
    /// The tools that it has, were it asked. Not part of its manifest.
    pub catalogue: Vec<String>,
}

impl Server {
    /// A server over HTTP that lists these tools, and says nothing else.
    pub fn over_http(meta: Meta, tools: &[&str]) -> Self {
        Self {
            meta,
            alias: None,
            bare: false,
            prefix: None,
            transport: Transport::Http { url_from: None, bearer_from: None },
            all_keys: false,
            access_groups: Vec::new(),
            allowed_namespaces: None,
            tools: Filter::default(),
            prompts: Filter::default(),
            resources: Filter::default(),
            catalogue: tools.iter().map(|tool| (*tool).to_owned()).collect(),
        }
    }
}

/// An access group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// Its metadata.
    pub meta: Meta,
    /// Its published name.
    pub group_name: Option<String>,
    /// Servers in it.
    pub servers: Vec<Entry>,
    /// Servers join by their labels.
    pub selector: Option<Selector>,
    /// Whose servers may join by `selector` or their own `accessGroups`.
    pub join_from: Option<Consent>,
    /// Whose bindings may name it.
    pub allowed_namespaces: Option<Consent>,
}

/// Who a binding is about.
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    /// A caller with one of these keys.
    Key(Vec<KeyEntry>),
    /// A team.
    Team(String),
    /// An organization.
    Organization(String),
    /// A user.
    User(String),
    /// A service account; namespace `""` is the binding's own.
    ServiceAccount(Reference),
    /// Callers whose token has one of the values of every claim.
    Claims(Vec<(String, Vec<String>)>),
    /// Callers without a credential.
    Anonymous,
}

/// One of `keys`.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyEntry {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub source: KeySource,
    /// From then on it is unknown, Unix seconds.
    pub expires: Option<i64>,
}

/// Where a key stands.
#[derive(Clone, Debug, PartialEq)]
pub enum KeySource {
    /// As digest; here its plain text.
    Sha256(String),
    /// In a Secret, in plain text.
    Secret(SecretRef),
}

/// What a binding declares.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grants {
    /// Servers.
    pub servers: Vec<Entry>,
    /// Groups.
    pub access_groups: Vec<Reference>,
}

/// A binding.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    /// Its metadata.
    pub meta: Meta,
    /// Who it is about.
    pub subject: Subject,
    /// The user it belongs to.
    pub user: Option<String>,
    /// The team it belongs to.
    pub team: Option<String>,
    /// The organization it belongs to.
    pub organization: Option<String>,
    /// What it may use. Absent: what its parents may.
    pub grants: Option<Grants>,
    /// Whose bindings may name it as a parent.
    pub join_from: Option<Consent>,
    /// From then on it is dead, Unix seconds.
    pub expires: Option<i64>,
    /// It is dead.
    pub suspend: bool,
}

/// The settings document.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// `platformNamespaces`.
    pub platform_namespaces: Option<Vec<String>>,
    /// `organizationOf`.
    pub organization_of: BTreeMap<String, String>,
    /// `separator`.
    pub separator: Option<String>,
    /// `maxToolNameLength`.
    pub max_tool_name_length: Option<usize>,
    /// `bareNaming.namespaces`.
    pub bare_namespaces: Option<Vec<String>>,
    /// `stdio.namespaces`.
    pub stdio_namespaces: Option<Vec<String>>,
    /// `stdio.commands`.
    pub stdio_commands: Option<Vec<String>>,
}
