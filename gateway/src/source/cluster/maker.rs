//! The thread on which snapshots are opened and tables made: what takes long,
//! where no request waits for it.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc;

use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

/// One thread, always the same. The C library has each thread allocate from a heap of its own, and a table that was made on
/// another thread each time left holes in all of them: a gateway with 20,000 bindings grew to twice its size over some hundred
/// changes.
pub(super) struct Maker {
    work: mpsc::Sender<Work>,
}

type Work = Box<dyn FnOnce() + Send>;

impl Maker {
    /// Takes a thread of the runtime's, within which all is made, until this is dropped.
    pub(super) fn start() -> Self {
        let (sender, work) = mpsc::channel::<Work>();
        spawn_blocking(move || work.into_iter().for_each(|work| work()));
        Self { work: sender }
    }

    /// Does one thing after what was asked before, and panics if it does.
    pub(super) async fn make<T: Send + 'static>(&self, thing: impl FnOnce() -> T + Send + 'static) -> T {
        let (done, outcome) = oneshot::channel();
        let work = move || {
            // Nobody may wait for it any more.
            let _ = done.send(catch_unwind(AssertUnwindSafe(thing)));
        };
        // The thread takes work for as long as this is there.
        let _ = self.work.send(Box::new(work));
        match outcome.await {
            Ok(Ok(made)) => made,
            Ok(Err(panic)) => resume_unwind(panic),
            Err(_) => unreachable!("the thread of tables ended before its work"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use tokio::runtime::Handle;

    use super::*;

    #[tokio::test]
    async fn everything_is_made_on_one_thread_that_a_panic_does_not_end() {
        let maker = Maker::start();
        let on = || thread::current().id();
        let first = maker.make(on).await;
        assert_ne!(first, on());
        let other = Maker { work: maker.work.clone() };
        let panicked = tokio::spawn(async move { other.make(|| panic!("broken")).await }).await;
        assert!(panicked.unwrap_err().is_panic());
        assert_eq!(maker.make(on).await, first);
        assert!(maker.make(Handle::try_current).await.is_ok(), "a table that is put in force starts tasks");
    }
}
