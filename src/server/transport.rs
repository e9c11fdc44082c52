//! The byte stream under a connection. Plain TCP for now; TLS becomes another variant.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::{Buf, BytesMut};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::api::{Piece, Reply};

use super::send;

/// Slices handed to one vectored write.
const SLICES_MAX: usize = 64;

pub(super) enum Transport {
    Plain(TcpStream),
}

impl Transport {
    pub(super) async fn readable(&self) -> io::Result<()> {
        match self {
            // Cheaper than `readable`, which enters and leaves a list of waiters.
            Transport::Plain(stream) => poll_fn(|task| stream.poll_read_ready(task)).await,
        }
    }

    /// Reads into the buffer's spare room without waiting. What leaves room has taken all there was: until more comes the
    /// socket does not count as readable, and no read has to find that it is empty.
    pub(super) fn try_read(&mut self, into: &mut BytesMut) -> io::Result<usize> {
        let Transport::Plain(stream) = self;
        match pin!(stream.read_buf(into)).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(read) => read,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// Sends all pieces in order: memory by vectored writes, file regions straight from the page cache.
    pub(super) async fn send(&mut self, replies: Vec<Reply>) -> io::Result<()> {
        let Transport::Plain(stream) = self;
        let mut pieces = VecDeque::with_capacity(replies.len());
        for piece in replies.into_iter().flat_map(Reply::into_pieces) {
            pieces.push_back(send::small_in_memory(piece).await?);
        }
        while let Some(front) = pieces.front() {
            if let Piece::File { file, position, len } = front {
                send::file_region(stream, file.clone(), *position, *len).await?;
                pieces.pop_front();
                continue;
            }
            let sent = {
                let slices: Vec<IoSlice<'_>> = pieces
                    .iter()
                    .take(SLICES_MAX)
                    .map_while(|piece| match piece {
                        Piece::Bytes(bytes) => Some(IoSlice::new(bytes)),
                        Piece::File { .. } => None,
                    })
                    .collect();
                let file_follows = matches!(pieces.get(slices.len()), Some(Piece::File { .. }));
                loop {
                    match send::some_bytes(stream, &slices, file_follows) {
                        Ok(n) => break n,
                        Err(e) if e.kind() == io::ErrorKind::WouldBlock => stream.writable().await?,
                        Err(e) => return Err(e),
                    }
                }
            };
            let mut left = sent;
            while let Some(Piece::Bytes(bytes)) = pieces.front_mut() {
                if bytes.len() > left {
                    bytes.advance(left);
                    break;
                }
                left -= bytes.len();
                pieces.pop_front();
                if left == 0 {
                    break;
                }
            }
        }
        Ok(())
    }
}
