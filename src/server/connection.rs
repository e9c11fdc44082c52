//! One task per connection. It reads frames, starts their requests in order, and writes the answers in that order.
//!
//! A request starts only when those before it are answered, as in Kafka, except where both may overlap (their work is
//! done in order and only durability is waited for). Writes that have come together are done together. When too much is
//! in flight the socket is not read any more: that is the back-pressure. All answers that are ready go out in one write.

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

use crate::api::{self, Api, Context, Outcome, Peer, Pending, Reply, Write};
use crate::broker::Broker;
use crate::memory;
use crate::model::limits::CONNECTION_IN_FLIGHT_MAX;
use crate::wire::frame::FrameSplitter;
use crate::wire::header::{self, KeptClientId};
use crate::wire::versions::ApiKey;

use super::throttle::Bill;
use super::transport::Transport;

/// First read of an idle connection; grows while reads fill it.
const READ_BYTES_MIN: usize = 4 * 1024;
const READ_BYTES_MAX: usize = 256 * 1024;
/// The rest of a buffer is used up to this share of a read: what is begun in it must be copied into the next.
const READ_REST_DIVISOR: usize = 4;

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
    /// The last read took all that had come.
    drained: bool,
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
            drained: true,
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
        // One place in the queue of those that wait for the stop, for the whole life of the connection.
        let stopped = stop.changed();
        tokio::pin!(timer, stopped);
        loop {
            self.start_requests();
            self.let_go_of_buffer();
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
                _ = &mut stopped, if self.closing.is_none() => self.closing = Some(End::Quiet),
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
        let rest = self.unread.capacity() - self.unread.len();
        if rest < missing.max(self.read_bytes / READ_REST_DIVISOR) {
            self.unread.reserve(missing.max(self.read_bytes));
        }
        let room = self.unread.capacity() - self.unread.len();
        match self.transport.try_read(&mut self.unread) {
            Ok(0) => Ok(Read::End),
            Ok(n) => {
                self.drained = n < room;
                self.read_bytes = match n {
                    n if n >= self.read_bytes => (self.read_bytes * 2).min(READ_BYTES_MAX),
                    n if n < self.read_bytes / 4 => (self.read_bytes / 2).max(READ_BYTES_MIN),
                    _ => self.read_bytes,
                };
                Ok(Read::Some)
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                self.drained = true;
                Ok(Read::Nothing)
            }
            Err(e) => Err(e),
        }
    }

    /// An idle connection holds no buffer.
    fn let_go_of_buffer(&mut self) {
        if self.drained && self.unread.is_empty() && self.unread.capacity() > 0 {
            self.unread = BytesMut::new();
            if self.read_bytes >= READ_BYTES_MAX {
                memory::note_freed();
            }
        }
    }

    /// Starts every buffered request that may start now. Writes that follow each other are done together.
    fn start_requests(&mut self) {
        while self.closing.is_none() && self.muted.is_none() && self.in_flight.len() < CONNECTION_IN_FLIGHT_MAX {
            let Some(next) = self.held.take().or_else(|| self.next_request()) else { break };
            if next.api.key != ApiKey::Produce {
                self.do_writes();
            }
            if self.must_wait(next.api) {
                self.held = Some(next);
                break;
            }
            let started_ns = next.bill.as_ref().map(|_| self.broker.clock().monotonic_ns());
            let (who, version) = (next.api.key, next.cx.header.version);
            let outcome = api::dispatch(next.api, next.cx, next.body)
                .unwrap_or_else(|e| Outcome::Close(format!("{who:?} v{version}: {e}")));
            // A write goes alone where its own time is counted, or where nothing may overtake it.
            let gathers = matches!(&outcome, Outcome::Write(write) if next.bill.is_none() && !write.is_transactional());
            self.in_flight.push_back(InFlight::new(next.api.overlaps, outcome, next.bill));
            if !gathers {
                self.do_writes();
            }
            if let (Some(started_ns), Some(last)) = (started_ns, self.in_flight.back_mut()) {
                last.spend(self.broker.clock().monotonic_ns() - started_ns);
            }
        }
        self.do_writes();
    }

    /// What overlaps waits only for a request that does not, behind which nothing else has been started.
    fn must_wait(&self, next: &Api) -> bool {
        match next.overlaps {
            true => self.in_flight.back().is_some_and(|last| last.pending() && !last.overlaps),
            false => self.in_flight.iter().any(InFlight::pending),
        }
    }

    /// Does the writes at the end of the queue, all at once.
    fn do_writes(&mut self) {
        let count = self.in_flight.iter().rev().take_while(|request| request.is_write()).count();
        if count == 0 {
            return;
        }
        let from = self.in_flight.len() - count;
        let writes = self.in_flight.range_mut(from..).filter_map(InFlight::take_write).collect();
        for (request, outcome) in self.in_flight.range_mut(from..).zip(api::write_all(writes)) {
            request.came_to(outcome.unwrap_or_else(|e| Outcome::Close(e.to_string())));
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
                // A write has been done before anyone looks here.
                Outcome::Silence | Outcome::Write(_) => {}
                Outcome::Close(why) => {
                    self.closing = Some(End::Refused(why));
                    self.in_flight.clear();
                    self.held = None;
                }
                later @ (Outcome::Later(_) | Outcome::LaterAlone(_)) => {
                    self.in_flight.push_front(InFlight::new(false, later, None));
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
    fn new(overlaps: bool, outcome: Outcome, bill: Option<Box<Bill>>) -> Self {
        let mut request = InFlight { overlaps, outcome: State::Done(Outcome::Silence), bill };
        request.came_to(outcome);
        request
    }

    fn came_to(&mut self, outcome: Outcome) {
        self.outcome = match outcome {
            Outcome::Later(pending) => State::Waiting(pending),
            Outcome::LaterAlone(pending) => {
                self.overlaps = false;
                State::Waiting(pending)
            }
            outcome => State::Done(outcome),
        };
    }

    fn pending(&self) -> bool {
        matches!(self.outcome, State::Waiting(_))
    }

    fn is_write(&self) -> bool {
        matches!(self.outcome, State::Done(Outcome::Write(_)))
    }

    fn take_write(&mut self) -> Option<Write> {
        match std::mem::replace(&mut self.outcome, State::Done(Outcome::Silence)) {
            State::Done(Outcome::Write(write)) => Some(write),
            _ => None,
        }
    }

    fn spend(&mut self, ns: i64) {
        if let Some(bill) = &mut self.bill {
            bill.spend(ns);
        }
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
            if let Some(started_ns) = started_ns {
                slot.spend(broker.clock().monotonic_ns() - started_ns);
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
