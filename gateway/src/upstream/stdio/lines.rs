//! Lines of a child's output, bounded.

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::overlong::Overlong;

/// How much is read at once at least, in bytes.
const CHUNK: usize = 8 * 1024;

/// A line without its end.
pub(super) enum Piece {
    /// All of it.
    Whole(Bytes),
    /// It is longer than the limit and not over yet: its end comes next, as [`Piece::Cut`].
    Overflows,
    /// It was longer than the limit: its beginning, and whose answer it was if it was one.
    Cut { head: Bytes, answers: Option<u64> },
}

/// Splits what a pipe gives into lines; none is kept beyond `limit` bytes.
pub(super) struct Lines<R> {
    input: R,
    limit: usize,
    buffer: BytesMut,
    /// So much of the buffer holds no newline.
    searched: usize,
    /// The line overflows: what is left of it is to be thrown away.
    overflows: bool,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn new(input: R, limit: usize) -> Self {
        Self { input, limit, buffer: BytesMut::new(), searched: 0, overflows: false }
    }

    /// The next line; none at the end. A last line that nothing ends is dropped, since it may be half of one.
    pub(super) async fn next(&mut self) -> Option<Piece> {
        loop {
            if let Some(line) = self.take_line() {
                return Some(if line.len() > self.limit { self.cut_whole(&line) } else { Piece::Whole(line) });
            }
            if std::mem::take(&mut self.overflows) {
                return self.skip_rest().await;
            }
            if self.buffer.len() > self.limit {
                self.overflows = true;
                return Some(Piece::Overflows);
            }
            self.fill().await?;
        }
    }

    /// Reads more; none at the end or on an error, after which nothing comes either.
    async fn fill(&mut self) -> Option<()> {
        self.buffer.reserve(CHUNK);
        match self.input.read_buf(&mut self.buffer).await {
            Ok(read) if read > 0 => Some(()),
            _ => None,
        }
    }

    fn take_line(&mut self) -> Option<Bytes> {
        let Some(end) = memchr::memchr(b'\n', &self.buffer[self.searched..]) else {
            self.searched = self.buffer.len();
            return None;
        };
        let mut line = self.buffer.split_to(self.searched + end + 1);
        self.searched = 0;
        line.truncate(line.len() - 1);
        if line.last() == Some(&b'\r') {
            line.truncate(line.len() - 1);
        }
        Some(line.freeze())
    }

    fn cut_whole(&self, line: &Bytes) -> Piece {
        let mut rest = Overlong::default();
        rest.feed(line);
        Piece::Cut { head: line.slice(..self.limit), answers: rest.answers() }
    }

    /// Throws away up to the next newline.
    async fn skip_rest(&mut self) -> Option<Piece> {
        let mut rest = Overlong::default();
        rest.feed(&self.buffer);
        let head = self.buffer.split().freeze().slice(..self.limit);
        self.searched = 0;
        loop {
            self.fill().await?;
            if let Some(end) = self.take_line() {
                rest.feed(&end);
                return Some(Piece::Cut { head, answers: rest.answers() });
            }
            rest.feed(&self.buffer);
            self.buffer.clear();
            self.searched = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Strategy, prop, proptest};

    use super::*;

    /// Lines of `chunks`, cut ones as `<head>`.
    fn split(chunks: &[Vec<u8>], limit: usize) -> Vec<Vec<u8>> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (mut writer, reader) = tokio::io::duplex(7);
            let mut lines = Lines::new(reader, limit);
            let write = async {
                for chunk in chunks {
                    tokio::io::AsyncWriteExt::write_all(&mut writer, chunk).await.unwrap();
                }
                drop(writer);
            };
            let read = async {
                let mut read = Vec::new();
                while let Some(piece) = lines.next().await {
                    match piece {
                        Piece::Whole(line) => read.push(line.to_vec()),
                        Piece::Cut { head, .. } => read.push([b"<", &head[..], b">"].concat()),
                        Piece::Overflows => {}
                    }
                }
                read
            };
            tokio::join!(write, read).1
        })
    }

    #[test]
    fn a_long_line_is_cut_and_the_next_is_whole() {
        let text = b"abc\r\nabcdefghijklmnop\n\nxyz\nhalf".to_vec();
        assert_eq!(split(&[text], 5), [&b"abc"[..], b"<abcde>", b"", b"xyz"]);
    }

    proptest! {
        #[test]
        fn lines_do_not_depend_on_how_they_arrive(
            lines in prop::collection::vec(prop::collection::vec(b'a'..=b'z', 0..30), 0..8),
            sizes in prop::collection::vec(1..20_usize, 1..5).boxed(),
        ) {
            let text: Vec<u8> = lines.iter().flat_map(|line| [&line[..], b"\n"].concat()).collect();
            let mut chunks = Vec::new();
            let mut rest = &text[..];
            for size in sizes.iter().cycle() {
                if rest.is_empty() { break }
                let (chunk, after) = rest.split_at((*size).min(rest.len()));
                chunks.push(chunk.to_vec());
                rest = after;
            }
            let expected: Vec<Vec<u8>> = lines
                .iter()
                .map(|line| if line.len() > 10 { [b"<", &line[..10], b">"].concat() } else { line.clone() })
                .collect();
            assert_eq!(split(&chunks, 10), expected);
        }
    }
}
