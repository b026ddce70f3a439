//! A world as the product sees it: from the text of the manifests to what a
//! request looks at. Nothing is contacted; catalogues are set as if read.

use std::path::PathBuf;
use std::sync::Arc;

use crds::compile::{Pepper, Reasons, Scope as Standing, explain};
use crds::diagnostic::Diagnostic;
use crds::resources::{ParsedFile, merge};
use crds::snapshot::stored::{Pointer, open, plan, split};
use crds::snapshot::{MacKey, SCHEMA, Server, Snapshot};
use gateway::catalogue::{Catalogue, Entry, List};
use gateway::egress::{Egress, EgressPolicy};
use gateway::gateway::{Gateway, View};
use gateway::index::Index;
use gateway::owner::Owner;
use gateway::seal::{SealKey, Sealer};

use gateway::serve::GoesOn;
use gateway::table::{RoutingTable, Version};
use gateway::upstream::stdio::Children;
use gateway::upstream::{Connectors, Offers};
use gateway::upstreams::ServerUpstreams;
use serde_json::json;
use serde_json::value::to_raw_value;
use tests::world::{Mode, World};
use tokio::runtime::Runtime;

use crate::offered::listed;

/// What outlives a world: a gateway that serves nobody, and a runtime to ask in.
pub(crate) struct Bench {
    pub(crate) runtime: Runtime,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) goes_on: GoesOn,
    connectors: Arc<Connectors>,
}

/// A world, compiled and ready for requests.
pub(crate) struct Product {
    pub(crate) view: Arc<View>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    pub(crate) reasons: Reasons,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let policy = EgressPolicy::default();
        let nowhere = PathBuf::from("/nonexistent");
        let children = Children::new(nowhere.clone(), Vec::new(), nowhere.clone(), nowhere, runtime.handle().clone());
        let connectors = Arc::new(Connectors { egress: Arc::new(Egress::new(policy)), children: Arc::new(children) });
        let table = RoutingTable::build(
            Snapshot::default(),
            &crds::snapshot::Credentials::new(),
            &pepper(),
            Version::default(),
        );
        let sealer = Arc::new(Sealer::new(&[SealKey { id: 1, key: [1; 32] }]));
        let own = Owner::begin(None).unwrap();
        let gateway = Gateway::new(table, (sealer, own), connectors.clone(), Arc::default());
        Self { runtime, gateway, goes_on: GoesOn::default(), connectors }
    }
}

impl Product {
    /// Takes the way of a directory: files, objects, snapshot, its bytes, table, index. To be called in the runtime.
    pub(crate) fn new(world: &World, bench: &Bench) -> Self {
        let files: Vec<ParsedFile> =
            world.manifests().iter().map(|(path, text)| ParsedFile::parse(path, text.as_bytes()).unwrap()).collect();
        let merged = merge(&files.iter().collect::<Vec<_>>());
        assert_eq!(merged.settings_fault, None);
        let standing = match &world.mode {
            Mode::Local => Standing::Local,
            Mode::Cluster { namespace } => Standing::Cluster { namespace: namespace.clone() },
        };
        let (compiled, reasons) = explain(&merged.resources, &standing, &pepper());
        let key = MacKey([2; 32]);
        let stored = plan(None, split(&compiled.snapshot).unwrap().of(SCHEMA), 1, SCHEMA).unwrap();
        let pointer = Pointer::decode(&stored.pointer.encode(&key), &key).unwrap();
        let snapshot = open(&pointer, |_, _| None::<Vec<u8>>).unwrap();
        let table = RoutingTable::build(snapshot, &compiled.credentials, &pepper(), Version::default());
        let upstreams: Vec<_> = table
            .servers
            .iter()
            .map(|route| {
                let server = &route.endpoint.server;
                let metrics = bench.gateway.metrics.of_server(&server.id);
                let upstreams = || ServerUpstreams::new(route.endpoint.clone(), bench.connectors.clone(), metrics);
                (!server.off).then(|| {
                    let upstreams = upstreams();
                    upstreams.catalogue.store(Arc::new(catalogue(world, server)));
                    Arc::new(upstreams)
                })
            })
            .collect();
        let catalogues = table.snapshot.servers.iter().zip(&upstreams).map(|(server, upstreams)| {
            let catalogue = upstreams.as_ref().map(|upstreams| upstreams.catalogue.load_full());
            (server, catalogue.unwrap_or_default())
        });
        let index = Index::build(&table.snapshot.settings, catalogues, &Index::default());
        let view = Arc::new(View { table: Arc::new(table), upstreams, index: Arc::new(index) });
        Self { view, diagnostics: compiled.diagnostics, reasons }
    }
}

fn pepper() -> Pepper {
    Pepper([3; 32])
}

/// What the world's server lists, in its order.
fn catalogue(world: &World, server: &Server) -> Catalogue {
    let of_world = world.servers.iter().find(|one| one.meta.id().to_string() == server.id).unwrap();
    let lists = List::ALL.map(|list| listed(world, of_world, list).iter().map(|name| entry(list, name)).collect());
    Catalogue::of_lists(Offers { tools: true, prompts: true, resources: true, ..Offers::default() }, lists)
}

fn entry(list: List, name: &str) -> Entry {
    let json = match list {
        List::Tools => json!({"name": name, "inputSchema": {"type": "object"}}),
        List::Prompts => json!({"name": name}),
        List::Resources => json!({"name": "a resource", "uri": name}),
        List::Templates => json!({"name": "a template", "uriTemplate": name}),
    };
    Entry::read(list, &to_raw_value(&json).unwrap()).unwrap()
}
