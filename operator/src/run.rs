//! The operator of a release, from its start to its end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kube::{Client, Config};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch as channel;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::admin::{self, Readiness};
use crate::apply::{self, Publisher, Writer};
use crate::claims::Claimant;
use crate::companion::Companion;
use crate::compile::{self, Compiler, Sinks};
use crate::error::Error;
use crate::events::Events;
use crate::keys::Keys;
use crate::lease::{Election, Leadership};
use crate::metrics::Metrics;
use crate::pods;
use crate::release::{Release, Watched};
use crate::rollout;
use crate::status::{self, StatusQueue};
use crate::watch;

/// How long the apiserver may take to take a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// How long the end waits for writes that are on their way.
const LAST_WRITES: Duration = Duration::from_secs(5);

/// What an operator is started with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whose operator it is.
    pub release: Release,
    /// Whose objects are compiled.
    pub watched: Watched,
    /// Tells this process from others of the release.
    pub identity: String,
    /// Where the admin port is.
    pub admin: SocketAddr,
}

/// Runs until SIGTERM or SIGINT, and gives the Lease away then.
pub async fn run(options: Options) -> Result<(), Error> {
    let failed = Error::Signals;
    let (mut terminate, mut interrupt) =
        (signal(SignalKind::terminate()).map_err(failed)?, signal(SignalKind::interrupt()).map_err(failed)?);
    let asked = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    tokio::pin!(asked);
    let client = client().await?;
    let (metrics, readiness) = (Arc::<Metrics>::default(), Arc::<Readiness>::default());
    let address = options.admin;
    let listener = TcpListener::bind(address).await.map_err(|source| Error::Listen { address, source })?;
    let admin = tokio::spawn(admin::serve(listener, readiness.clone(), metrics.clone()));
    let leadership = Leadership::new(metrics.clone());
    let companion = Companion::of(&client, &options.release).await;
    let by = (&client, &companion);
    let mut election = Election::new(by, &options.release, &options.identity, leadership.clone());
    let operator = Operator { options, client, companion, leadership: leadership.clone(), metrics, readiness };

    let mut tasks = JoinSet::new();
    let started = tokio::select! {
        started = operator.start(&mut tasks) => started.map(|()| true),
        () = &mut asked => Ok(false),
    };
    let ended = match started {
        Ok(true) => tokio::select! {
            ended = tasks.join_next() => Err(Error::Ended(ended.and_then(Result::ok).unwrap_or("a task"))),
            () = election.run() => Ok(()),
            () = &mut asked => Ok(()),
        },
        Ok(false) => Ok(()),
        Err(error) => Err(error),
    };
    leadership.retire();
    // What is on its way arrives, or the next leader would meet it.
    let _ = timeout(LAST_WRITES, tasks.shutdown()).await;
    election.release().await;
    admin.abort();
    ended
}

async fn client() -> Result<Client, Error> {
    let mut config = Config::infer().await?;
    // Whoever does not take a connection in that time is not there: another try may meet a node that is.
    config.connect_timeout = Some(CONNECT);
    Client::try_from(config).map_err(|error| Error::Client(Box::new(error)))
}

/// All that the parts of an operator share.
struct Operator {
    options: Options,
    client: Client,
    companion: Companion,
    leadership: Leadership,
    metrics: Arc<Metrics>,
    readiness: Arc<Readiness>,
}

impl Operator {
    /// Starts every part, in tasks that never end by themselves.
    async fn start(self, tasks: &mut JoinSet<&'static str>) -> Result<(), Error> {
        let Self { options, client, companion, leadership, metrics, readiness } = self;
        let Options { release, watched, identity, .. } = options;
        readiness.set(false, "the keys of the fleet: being read or made\n".to_owned());
        let keys = Keys::load_or_create(&client, &release, &companion).await?;
        let events = Events::start(client.clone(), &identity, leadership.clone(), metrics.clone());

        let (again, list_again) = channel::channel(0);
        let streams = watch::streams(&release, &watched);
        let changes = watch::start(&client, &release, streams.clone(), &list_again, tasks);
        let own = apply::start(&client, &release, tasks);
        let (show, view) = channel::channel(pods::View::default());
        let pods = pods::run(client.clone(), release.clone(), keys.fleet_token.clone(), show, metrics.clone());
        tasks.spawn(named("the watch of pods", pods));

        let claimant = Claimant::new(client.clone(), &release, leadership.clone(), events.clone(), metrics.clone());
        let statuses = StatusQueue::new(metrics.clone());
        let written = status::start(&client, &statuses, &leadership, tasks);
        let writer = Writer { client, release: release.clone(), companion, leadership: leadership.clone() };
        let told = writer.clone();
        let publisher = Publisher::new(writer, keys.clone(), leadership.clone(), events.clone(), metrics.clone());
        let (demand, demanded) = channel::channel(apply::Demand::default());
        let (namespaces, wanted) = channel::channel(std::collections::BTreeSet::default());

        let sources = compile::Sources {
            changes,
            term: leadership.subscribe(),
            claims: claimant.claims(),
            published: publisher.published(),
            view: view.clone(),
            written,
        };
        let told = rollout::keep(told, publisher.published(), view.clone());
        tasks.spawn(named("the rollout", told));
        tasks.spawn(named("the claims of namespaces", claimant.run(wanted)));
        tasks.spawn(named("the publisher", publisher.run(apply::Sources { demand: demanded, view, own })));
        let sinks = Sinks { demand, namespaces, again, statuses, events, readiness, metrics };
        let compiler = Compiler::new(release, watched, keys.pepper, &streams, sinks);
        tasks.spawn_blocking(move || {
            compiler.run(sources, &Handle::current());
            "the compiler"
        });
        Ok(())
    }
}

async fn named(name: &'static str, part: impl Future<Output = ()>) -> &'static str {
    part.await;
    name
}
