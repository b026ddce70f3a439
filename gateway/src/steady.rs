//! A stream whose other end has to take what it is sent (R13). One that keeps
//! a connection and reads nothing holds an answer in memory for as long as it
//! likes: TCP itself waits for ever.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// A stream that fails once nothing could be written to it for a time. Reading is as it was.
pub struct Steady<S> {
    stream: S,
    patience: Duration,
    /// Made when the other end first lets us wait.
    timer: Option<Pin<Box<Sleep>>>,
    is_waiting: bool,
}

impl<S> Steady<S> {
    /// Fails after `patience` without a byte that was taken while there was one to write.
    pub fn new(stream: S, patience: Duration) -> Self {
        Self { stream, patience, timer: None, is_waiting: false }
    }

    /// What a write came to: the same, unless it has waited for too long.
    fn watch(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.is_waiting = false;
            return written;
        }
        let patience = self.patience;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(patience)));
        if !self.is_waiting {
            self.is_waiting = true;
            timer.as_mut().reset(Instant::now() + patience);
        }
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Steady<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Steady<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.watch(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        this.watch(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);
    const HALF: usize = 512;

    #[tokio::test(start_paused = true)]
    async fn r13_what_nobody_takes_is_not_waited_for_long() {
        let (ours, _theirs) = duplex(2 * HALF);
        let mut ours = Steady::new(ours, PATIENCE);
        let began = Instant::now();
        let error = ours.write_all(&[0; 3 * HALF]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(began.elapsed() >= PATIENCE && began.elapsed() < PATIENCE * 2, "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn r13_who_is_slow_but_reads_gets_all() {
        let (ours, mut theirs) = duplex(2 * HALF);
        let mut ours = Steady::new(ours, PATIENCE);
        let all = [7; 20 * HALF];
        let write = async move {
            ours.write_all(&all).await.unwrap();
            // Whoever has nothing to write may be silent for as long as they like, and then be slow again.
            sleep(PATIENCE * 3).await;
            ours.write_all(&all).await
        };
        let read = async {
            for _ in 0..40 {
                sleep(PATIENCE * 9 / 10).await;
                theirs.read_exact(&mut [0; HALF]).await.unwrap();
            }
        };
        let (written, ()) = tokio::join!(write, read);
        assert!(written.is_ok(), "{written:?}");
    }
}
