//! One connection. The socket stays blocking; the pump asks for single calls not to wait, and set-up simply waits.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::{Buf, Bytes, BytesMut};
use kafka_protocol::protocol::{Decodable, Encodable};
use ottla::wire::codec::{WireRequest, decode_reply, encode_request};
use ottla::wire::frame::FrameSplitter;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags};

/// Room for what one read takes when nothing bigger is known to come.
const READ_BYTES: usize = 256 << 10;
const MAX_ANSWER_BYTES: usize = 256 << 20;
/// Frames handed to one system call.
const MAX_SLICES: usize = 64;

pub struct Connection {
    stream: TcpStream,
    outgoing: VecDeque<Bytes>,
    incoming: BytesMut,
    splitter: FrameSplitter,
}

impl Connection {
    pub fn open(broker: SocketAddr) -> Result<Connection> {
        let stream = TcpStream::connect_timeout(&broker, Duration::from_secs(10)).context("connecting")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(120)))?;
        Ok(Connection {
            stream,
            outgoing: VecDeque::new(),
            incoming: BytesMut::new(),
            splitter: FrameSplitter::new(MAX_ANSWER_BYTES),
        })
    }

    pub fn open_many(broker: SocketAddr, count: usize) -> Result<Vec<Connection>> {
        (0..count).map(|_| Connection::open(broker)).collect()
    }

    /// Sends a request and waits for its answer. Nothing else may be in flight.
    pub fn call<R>(&mut self, version: i16, request: &R) -> Result<R::Response>
    where
        R: WireRequest + Encodable,
        R::Response: Decodable,
    {
        let frame = self.ask(encode_request(1, Some("bench"), version, request)?)?;
        Ok(decode_reply::<R::Response>(version, frame)?.1)
    }

    /// The same with a frame that is ready.
    pub fn ask(&mut self, request: Bytes) -> Result<Bytes> {
        self.queue(request);
        while self.is_writing() {
            self.write(SendFlags::NOSIGNAL)?;
        }
        loop {
            if let Some(frame) = self.next_frame()? {
                return Ok(frame);
            }
            if !self.read(RecvFlags::empty())? {
                bail!("no answer in 120 s");
            }
        }
    }

    pub fn queue(&mut self, frame: Bytes) {
        self.outgoing.push_back(frame);
    }

    pub fn is_writing(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// Writes what the socket takes at once.
    pub fn write_ready(&mut self) -> Result<()> {
        while self.is_writing() && self.write(SendFlags::DONTWAIT | SendFlags::NOSIGNAL)? {}
        Ok(())
    }

    /// Reads once what has come.
    pub fn read_ready(&mut self) -> Result<bool> {
        self.read(RecvFlags::DONTWAIT)
    }

    /// A whole answer without its size.
    pub fn next_frame(&mut self) -> Result<Option<Bytes>> {
        Ok(self.splitter.next(&mut self.incoming)?)
    }

    fn write(&mut self, flags: SendFlags) -> Result<bool> {
        let slices: Vec<IoSlice<'_>> = self.outgoing.iter().take(MAX_SLICES).map(|frame| IoSlice::new(frame)).collect();
        let sent = rustix::net::sendmsg(&self.stream, &slices, &mut SendAncillaryBuffer::default(), flags);
        let mut left = match sent {
            Ok(bytes) => bytes,
            Err(Errno::AGAIN | Errno::INTR) => return Ok(false),
            Err(e) => return Err(e).context("the broker does not take the request"),
        };
        while let Some(first) = self.outgoing.front_mut() {
            if left < first.len() {
                first.advance(left);
                break;
            }
            left -= first.len();
            self.outgoing.pop_front();
        }
        Ok(true)
    }

    fn read(&mut self, flags: RecvFlags) -> Result<bool> {
        let room = self.splitter.missing(&self.incoming)?.max(READ_BYTES);
        self.incoming.reserve(room);
        let bytes = match rustix::net::recv(&self.stream, self.incoming.spare_capacity_mut(), flags) {
            Ok(((filled, _), _)) => filled.len(),
            Err(Errno::AGAIN | Errno::INTR) => return Ok(false),
            Err(e) => return Err(e).context("reading an answer"),
        };
        if bytes == 0 {
            bail!("the broker closed the connection");
        }
        // SAFETY: the kernel has just filled that many bytes of the spare capacity.
        unsafe { self.incoming.set_len(self.incoming.len() + bytes) };
        Ok(true)
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
