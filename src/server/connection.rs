//! One task per connection. It reads frames, starts their requests in order, and writes the answers in that order.
//!
//! A request starts only when those before it are answered, as in Kafka, except where both may overlap (their work is
//! done in order and only durability is waited for). When too much is in flight the socket is not read any more: that
//! is the back-pressure. All answers that are ready go out in one write.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::sync::watch;
use tokio::time::{Sleep, sleep};

use crate::api::{self, Api, Context, Outcome, Peer, Pending, Reply};
use crate::broker::Broker;
use crate::memory;
use crate::model::limits::CONNECTION_IN_FLIGHT_MAX;
use crate::wire::frame::FrameSplitter;
use crate::wire::header::{self, KeptClientId};

use super::throttle::Bill;
use super::transport::Transport;

/// First read of an idle connection; grows while reads fill it.
const READ_BYTES_MIN: usize = 4 * 1024;
const READ_BYTES_MAX: usize = 128 * 1024;

/// How a connection ended, for the log line that names the culprit.
#[derive(Debug)]
pub(super) enum End {
    /// The client left, the broker stops, or nothing happened for too long.
    Quiet,
    /// The client sent what cannot be answered.
    Refused(String),
    Io(io::Error),
}

struct InFlight {
    overlaps: bool,
    outcome: State,
    /// Where clients have quotas.
    bill: Option<Box<Bill>>,
}

enum State {
    Waiting(Pending),
    Done(Outcome),
}

pub(super) struct Connection {
    broker: Arc<Broker>,
    peer: Arc<Peer>,
    transport: Transport,
    splitter: FrameSplitter,
    unread: BytesMut,
    read_bytes: usize,
    client_id: KeptClientId,
    /// A whole frame whose request may not start yet.
    held: Option<Held>,
    in_flight: VecDeque<InFlight>,
    /// The client is above a quota: until then nothing more is read and nothing started.
    muted: Option<Pin<Box<Sleep>>>,
    /// Set when no further request is taken; the answers before it still go out.
    closing: Option<End>,
}

struct Held {
    api: &'static Api,
    cx: Context,
    body: Bytes,
    bill: Option<Box<Bill>>,
}

impl Connection {
    pub(super) fn new(broker: Arc<Broker>, peer: Peer, transport: Transport) -> Self {
        let frame_bytes_max = broker.limits().socket_request_max_bytes;
        Connection {
            broker,
            peer: Arc::new(peer),
            transport,
            splitter: FrameSplitter::new(frame_bytes_max),
            unread: BytesMut::new(),
            read_bytes: READ_BYTES_MIN,
            client_id: KeptClientId::default(),
            held: None,
            in_flight: VecDeque::new(),
            muted: None,
            closing: None,
        }
    }

    /// Serves until either side ends it.
    pub(super) async fn serve(mut self, mut stop: watch::Receiver<bool>, idle: Duration) -> End {
        let mut heard = false;
        let timer = sleep(idle);
        tokio::pin!(timer);
        loop {
            self.start_requests();
            if let Err(e) = self.write_ready().await {
                return End::Io(e);
            }
            if self.in_flight.is_empty() {
                if let Some(end) = self.closing.take() {
                    return end;
                }
                if self.can_start() {
                    continue;
                }
            }
            let reads = self.wants_bytes();
            let answers = !self.in_flight.is_empty();
            tokio::select! {
                biased;
                () = poll_fn(|task| poll_ready(&self.broker, &mut self.in_flight, task)), if answers => {}
                ready = self.transport.readable(), if reads => {
                    heard = true;
                    match ready.and_then(|()| self.read_some()) {
                        Ok(Read::Some | Read::Nothing) => {}
                        Ok(Read::End) => return End::Quiet,
                        Err(e) => return End::Io(e),
                    }
                }
                () = until_over(&mut self.muted), if self.muted.is_some() => {
                    self.muted = None;
                    heard = true;
                }
                _ = stop.changed(), if self.closing.is_none() => self.closing = Some(End::Quiet),
                // Resetting a timer at every read costs more than closing an idle connection a little late.
                () = &mut timer, if !answers => {
                    if !std::mem::take(&mut heard) {
                        return End::Quiet;
                    }
                    timer.set(sleep(idle));
                }
            }
        }
    }

    /// Bytes are read while a frame may start, and a little beyond, so that a client that leaves is noticed.
    fn wants_bytes(&self) -> bool {
        self.closing.is_none()
            && self.muted.is_none()
            && self.held.is_none()
            && self.in_flight.len() < CONNECTION_IN_FLIGHT_MAX
    }

    fn can_start(&self) -> bool {
        self.muted.is_none() && (self.held.is_some() || self.splitter.missing(&self.unread) == Ok(0))
    }

    fn read_some(&mut self) -> io::Result<Read> {
        // A frame's claimed size is believed only as fast as its bytes arrive.
        let believed = READ_BYTES_MAX.max(self.unread.len());
        let missing = self.splitter.missing(&self.unread).unwrap_or(0).min(believed);
        self.unread.reserve(missing.max(self.read_bytes));
        match self.transport.try_read(&mut self.unread) {
            Ok(0) => Ok(Read::End),
            Ok(n) => {
                self.read_bytes = match n {
                    n if n >= self.read_bytes => (self.read_bytes * 2).min(READ_BYTES_MAX),
                    n if n < self.read_bytes / 4 => (self.read_bytes / 2).max(READ_BYTES_MIN),
                    _ => self.read_bytes,
                };
                Ok(Read::Some)
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                if self.unread.is_empty() {
                    // An idle connection holds no buffer.
                    if std::mem::take(&mut self.unread).capacity() >= READ_BYTES_MAX {
                        memory::note_freed();
                    }
                }
                Ok(Read::Nothing)
            }
            Err(e) => Err(e),
        }
    }

    /// Starts every buffered request that may start now.
    fn start_requests(&mut self) {
        while self.closing.is_none() && self.muted.is_none() && self.in_flight.len() < CONNECTION_IN_FLIGHT_MAX {
            let Some(next) = self.held.take().or_else(|| self.next_request()) else { return };
            let waits =
                self.in_flight.iter().any(|earlier| !(earlier.overlaps && next.api.overlaps) && earlier.pending());
            if waits {
                self.held = Some(next);
                return;
            }
            let overlaps = next.api.overlaps;
            let mut bill = next.bill;
            let started_ns = bill.as_ref().map(|_| self.broker.clock().monotonic_ns());
            let (who, version) = (next.api.key, next.cx.header.version);
            let (overlaps, outcome) = match api::dispatch(next.api, next.cx, next.body) {
                Ok(Outcome::Later(pending)) => (overlaps, State::Waiting(pending)),
                Ok(Outcome::LaterAlone(pending)) => (false, State::Waiting(pending)),
                Ok(outcome) => (overlaps, State::Done(outcome)),
                Err(e) => (overlaps, State::Done(Outcome::Close(format!("{who:?} v{version}: {e}")))),
            };
            if let (Some(bill), Some(started_ns)) = (&mut bill, started_ns) {
                bill.spend(self.broker.clock().monotonic_ns() - started_ns);
            }
            self.in_flight.push_back(InFlight { overlaps, outcome, bill });
        }
    }

    fn next_request(&mut self) -> Option<Held> {
        let frame = match self.splitter.next(&mut self.unread) {
            Ok(frame) => frame?,
            Err(e) => {
                self.closing = Some(End::Refused(e.to_string()));
                return None;
            }
        };
        let request_bytes = frame.len();
        let parsed = header::parse(frame);
        let (mut header, body) = match parsed {
            Ok(parsed) => parsed,
            Err(e) => {
                self.closing = Some(End::Refused(e.to_string()));
                return None;
            }
        };
        self.client_id.share_with(&mut header);
        let Some(api) = api::find(header.api, self.peer.at_controller) else {
            self.closing = Some(End::Refused(format!("API key {} is not served", header.api)));
            return None;
        };
        let watched = self.broker.quotas().watches_clients();
        let bill = watched.then(|| Box::new(Bill::new(api.key, &header, request_bytes)));
        let cx = Context { broker: self.broker.clone(), peer: self.peer.clone(), header };
        Some(Held { api, cx, body, bill })
    }

    /// Writes every answer at the head of the queue that is ready.
    async fn write_ready(&mut self) -> io::Result<()> {
        let mut out: Vec<Reply> = Vec::new();
        while matches!(self.in_flight.front(), Some(InFlight { outcome: State::Done(_), .. })) {
            let Some(InFlight { outcome: State::Done(done), bill, .. }) = self.in_flight.pop_front() else { break };
            match self.settle(bill, done) {
                Outcome::Answer(reply) => out.push(reply),
                Outcome::Silence => {}
                Outcome::Close(why) => {
                    self.closing = Some(End::Refused(why));
                    self.in_flight.clear();
                    self.held = None;
                }
                Outcome::Later(pending) | Outcome::LaterAlone(pending) => {
                    self.in_flight.push_front(InFlight {
                        overlaps: false,
                        outcome: State::Waiting(pending),
                        bill: None,
                    });
                    break;
                }
            }
        }
        if out.is_empty() { Ok(()) } else { self.transport.send(out).await }
    }

    /// Has the client pay for a request that is done.
    fn settle(&mut self, bill: Option<Box<Bill>>, outcome: Outcome) -> Outcome {
        let Some(bill) = bill else { return outcome };
        let (outcome, wait) = bill.settle(&self.broker, &self.peer, outcome);
        if let Some(wait) = wait {
            let wait = sleep(wait);
            if self.muted.as_ref().is_none_or(|muted| muted.deadline() < wait.deadline()) {
                self.muted = Some(Box::pin(wait));
            }
        }
        outcome
    }
}

enum Read {
    Some,
    Nothing,
    End,
}

impl InFlight {
    fn pending(&self) -> bool {
        matches!(self.outcome, State::Waiting(_))
    }
}

async fn until_over(muted: &mut Option<Pin<Box<Sleep>>>) {
    if let Some(muted) = muted {
        muted.await;
    }
}

/// Ready when the first request in flight is answered; takes along those behind it that are answered too.
fn poll_ready(broker: &Broker, in_flight: &mut VecDeque<InFlight>, task: &mut TaskContext<'_>) -> Poll<()> {
    let mut answered = false;
    for slot in in_flight.iter_mut() {
        if let State::Waiting(pending) = &mut slot.outcome {
            let started_ns = slot.bill.as_ref().map(|_| broker.clock().monotonic_ns());
            let polled = pending.as_mut().poll(task);
            if let (Some(bill), Some(started_ns)) = (&mut slot.bill, started_ns) {
                bill.spend(broker.clock().monotonic_ns() - started_ns);
            }
            match polled {
                Poll::Ready(outcome) => slot.outcome = State::Done(outcome),
                Poll::Pending => break,
            }
        }
        answered = true;
    }
    if answered { Poll::Ready(()) } else { Poll::Pending }
}
