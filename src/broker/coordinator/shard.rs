//! One machine and its task.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tracing::{error, info};

use super::write::{self, Append};
use super::{ActionOf, EventOf, Guard, Host, Needs, RecordOf, ReplyOf, admit, load};
use crate::broker::Broker;
use crate::broker::acks::{AckGroup, AllDurable};
use crate::broker::partition::Partition;
use crate::controller::machine::{Effects, LogEntry, Logged, Machine, Now, Ticket};
use crate::memory;
use crate::model::{ErrorCode, Offset};

/// Questions that may wait in one shard's queue; who comes later waits to be let in.
const QUEUE_MAX: usize = 4096;
/// Events that one round takes before it writes.
const ROUND_EVENTS_MAX: usize = 1024;
/// Bytes of records after which a round writes: batches stay below Kafka's usual limit of a megabyte.
const ROUND_BYTES: usize = 512 << 10;
/// A record of a large group, assigned anew: its members' questions and answers, soon freed, are much larger.
const LARGE_RECORD_BYTES: usize = 32 << 10;
/// How long a question waits for loading to end before it is told that it goes on. Most logs load faster.
const LOADING_GRACE: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Loading,
    Active,
    Failed,
}

struct Ask<H: Host> {
    event: EventOf<H>,
    guard: Guard,
    /// Nobody waits for the answer to what is only told.
    answer: Option<oneshot::Sender<Result<ReplyOf<H>, ErrorCode>>>,
    _place: Option<OwnedSemaphorePermit>,
}

/// A question on its way; resolves to the answer. Small, for there may be many.
pub enum Asking<H: Host> {
    Asked(oneshot::Receiver<Result<ReplyOf<H>, ErrorCode>>),
    /// The shard is loading, or its queue is full.
    Waiting(Pin<Box<dyn Future<Output = Result<ReplyOf<H>, ErrorCode>> + Send>>),
    Refused(ErrorCode),
}

impl<H: Host> Future for Asking<H> {
    type Output = Result<ReplyOf<H>, ErrorCode>;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Asking::Asked(answered) => {
                Pin::new(answered).poll(task).map(|answer| answer.unwrap_or(Err(ErrorCode::NotCoordinator)))
            }
            Asking::Waiting(waiting) => waiting.as_mut().poll(task),
            Asking::Refused(code) => Poll::Ready(Err(*code)),
        }
    }
}

/// The way to one machine.
pub struct Shard<H: Host> {
    inbox: mpsc::UnboundedSender<Ask<H>>,
    places: Arc<Semaphore>,
    status: watch::Receiver<Status>,
    partition: Arc<Partition>,
}

impl<H: Host> Shard<H> {
    /// Starts the task, which loads first. Must be called within the runtime.
    pub(super) fn start(host: Arc<H>, broker: Weak<Broker>, partition: Arc<Partition>) -> Arc<Self> {
        let (inbox, asks) = mpsc::unbounded_channel();
        let (status_out, status) = watch::channel(Status::Loading);
        let task = Task {
            machine: host.machine(),
            host,
            broker,
            partition: partition.clone(),
            asks,
            status: status_out,
            waiting: HashMap::new(),
            tickets: 0,
            round: Round::default(),
            flights: VecDeque::new(),
            end: Offset(0),
        };
        tokio::spawn(task.run());
        Arc::new(Shard { inbox, places: Arc::new(Semaphore::new(QUEUE_MAX)), status, partition })
    }

    pub fn partition(&self) -> &Arc<Partition> {
        &self.partition
    }

    /// The machine's answer, once it is durable. What is asked later, by whomever, comes after: the event is in the
    /// queue when this returns, unless the shard is loading or its queue is full.
    pub fn ask(self: &Arc<Self>, event: EventOf<H>) -> Asking<H> {
        self.ask_verified(event, None)
    }

    /// The same for what belongs to a transaction that its coordinator has vouched for.
    pub fn ask_verified(self: &Arc<Self>, event: EventOf<H>, guard: Guard) -> Asking<H> {
        let at_once = match *self.status.borrow() {
            Status::Active => self.places.clone().try_acquire_owned().ok(),
            Status::Loading | Status::Failed => None,
        };
        match at_once {
            Some(place) => Asking::Asked(self.enqueue(event, guard, Some(place))),
            None => {
                let shard = self.clone();
                Asking::Waiting(Box::pin(async move {
                    shard.ready().await?;
                    let place = shard.places.clone().acquire_owned().await.ok();
                    shard.enqueue(event, guard, place).await.unwrap_or(Err(ErrorCode::NotCoordinator))
                }))
            }
        }
    }

    fn enqueue(
        &self,
        event: EventOf<H>,
        guard: Guard,
        place: Option<OwnedSemaphorePermit>,
    ) -> oneshot::Receiver<Result<ReplyOf<H>, ErrorCode>> {
        let (answer, answered) = oneshot::channel();
        // A task that has ended drops the answer's sender, which says as much.
        let _ = self.inbox.send(Ask { event, guard, answer: Some(answer), _place: place });
        answered
    }

    /// Tells the machine something; it will have heard it before anything that is asked later.
    pub fn tell(&self, event: EventOf<H>) {
        let _ = self.inbox.send(Ask { event, guard: None, answer: None, _place: None });
    }

    async fn ready(&self) -> Result<(), ErrorCode> {
        let mut status = self.status.clone();
        let settled = tokio::time::timeout(LOADING_GRACE, status.wait_for(|status| *status != Status::Loading)).await;
        match settled {
            Err(_) => Err(ErrorCode::CoordinatorLoadInProgress),
            Ok(Ok(status)) if *status == Status::Active => Ok(()),
            Ok(_) => Err(ErrorCode::NotCoordinator),
        }
    }
}

/// What has been decided and applied, and not yet written.
struct Round<H: Host> {
    entries: Vec<LogEntry>,
    bytes: usize,
    guard: Guard,
    answers: Vec<(Ticket, ReplyOf<H>)>,
    actions: Vec<ActionOf<H>>,
}

impl<H: Host> Default for Round<H> {
    fn default() -> Self {
        Round { entries: Vec::new(), bytes: 0, guard: None, answers: Vec::new(), actions: Vec::new() }
    }
}

/// Answers that wait for the log. They leave in the order in which they were made.
struct Flight<H: Host> {
    durable: Arc<AckGroup>,
    answers: Vec<(Ticket, ReplyOf<H>)>,
    actions: Vec<ActionOf<H>>,
}

struct Task<H: Host> {
    host: Arc<H>,
    broker: Weak<Broker>,
    partition: Arc<Partition>,
    machine: H::Machine,
    asks: mpsc::UnboundedReceiver<Ask<H>>,
    status: watch::Sender<Status>,
    /// Who waits for what; some for as long as a rebalance.
    waiting: HashMap<Ticket, oneshot::Sender<Result<ReplyOf<H>, ErrorCode>>>,
    tickets: u64,
    round: Round<H>,
    flights: VecDeque<Flight<H>>,
    /// End of what was written last.
    end: Offset,
}

impl<H: Host> Task<H> {
    async fn run(mut self) {
        self.load().await;
        // Most questions put the next deadline off or leave it where it is. Then the alarm stays as it was set: it finds
        // nothing due when it goes off, and is set anew.
        let mut alarm = std::pin::pin!(tokio::time::sleep(Duration::ZERO));
        let mut set_for_ms: Option<i64> = None;
        loop {
            let deadline_ms = self.next_deadline_ms();
            if let Some(at_ms) = deadline_ms
                && set_for_ms.is_none_or(|set_ms| at_ms < set_ms)
                && let Some(left) = self.left_until(at_ms)
            {
                alarm.set(tokio::time::sleep(left));
                set_for_ms = deadline_ms;
            }
            let front = self.flights.front().map(|flight| flight.durable.clone());
            tokio::select! {
                biased;
                failed = async { AllDurable(front.unwrap_or_else(AckGroup::new)).await }, if !self.flights.is_empty() => {
                    self.land(failed.is_empty());
                }
                ask = self.asks.recv() => {
                    let Some(ask) = ask else { return };
                    self.gather(ask).await;
                    self.write().await;
                }
                () = &mut alarm, if deadline_ms.is_some() => {
                    set_for_ms = None;
                    self.fire().await;
                    self.write().await;
                }
            }
        }
    }

    fn now(&self) -> Option<Now> {
        let broker = self.broker.upgrade()?;
        Some(Now { wall_ms: broker.clock().now_ms(), monotonic_ms: broker.clock().monotonic_ms() })
    }

    fn is_active(&self) -> bool {
        *self.status.borrow() == Status::Active
    }

    fn next_deadline_ms(&self) -> Option<i64> {
        if self.is_active() { self.machine.next_deadline() } else { None }
    }

    fn left_until(&self, at_ms: i64) -> Option<Duration> {
        let left_ms = at_ms.saturating_sub(self.now()?.monotonic_ms);
        Some(Duration::from_millis(left_ms.max(0) as u64))
    }

    /// A round of questions, begun with the first. What is to be appended waits until whoever is about to ask has done
    /// so and shares the append; a question that writes nothing, as most do, is answered at once.
    async fn gather(&mut self, first: Ask<H>) {
        self.take(first).await;
        let left = self.take_queued(ROUND_EVENTS_MAX - 1).await;
        if !self.round.entries.is_empty() && left > 0 {
            tokio::task::yield_now().await;
            self.take_queued(left).await;
        }
    }

    /// Takes what is in the queue, up to so many questions; tells how many more there might have been.
    async fn take_queued(&mut self, mut left: usize) -> usize {
        while left > 0
            && let Ok(ask) = self.asks.try_recv()
        {
            self.take(ask).await;
            left -= 1;
        }
        left
    }

    async fn take(&mut self, ask: Ask<H>) {
        let Some(now) = self.now().filter(|_| self.is_active()) else {
            if let Some(answer) = ask.answer {
                let _ = answer.send(Err(ErrorCode::NotCoordinator));
            }
            return;
        };
        let needs = self.host.needs(&ask.event);
        if needs != Needs::Nothing {
            // What is decided already counts for what the log allows next.
            self.write().await;
            if let Err(code) = admit(&self.partition, needs, ask.guard) {
                if let Some(answer) = ask.answer {
                    let _ = answer.send(Err(code));
                }
                return;
            }
            self.round.guard = ask.guard;
        }
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        if let Some(answer) = ask.answer {
            self.waiting.insert(ticket, answer);
        }
        let mut effects = Effects::new();
        self.machine.handle(now, ticket, ask.event, &mut effects);
        self.apply(now, effects);
        if needs != Needs::Nothing || self.round.bytes >= ROUND_BYTES {
            self.write().await;
        }
    }

    /// Everything whose time has come, one step after the other.
    async fn fire(&mut self) {
        while let Some(now) = self.now().filter(|_| self.is_active()) {
            if self.machine.next_deadline().is_none_or(|at_ms| at_ms > now.monotonic_ms) {
                return;
            }
            let mut effects = Effects::new();
            self.machine.on_timeout(now, &mut effects);
            self.apply(now, effects);
            if self.round.bytes >= ROUND_BYTES {
                self.write().await;
            }
        }
    }

    fn apply(&mut self, now: Now, effects: Effects<H::Machine>) {
        for record in &effects.records {
            self.machine.apply(now, record);
            let entry = RecordOf::<H>::to_entry(record);
            if let LogEntry::Data(data) = &entry {
                let value_bytes = data.value.as_ref().map_or(0, |value| value.len());
                self.round.bytes += data.key.len() + value_bytes;
                if value_bytes >= LARGE_RECORD_BYTES {
                    memory::note_freed();
                }
            }
            self.round.entries.push(entry);
        }
        self.round.answers.extend(effects.replies);
        self.round.actions.extend(effects.actions);
    }

    /// Appends the round, and lets its answers wait until it is durable.
    async fn write(&mut self) {
        let round = std::mem::take(&mut self.round);
        if round.entries.is_empty() && round.answers.is_empty() && round.actions.is_empty() {
            return;
        }
        let Some(broker) = self.broker.upgrade() else { return };
        let page_cache_is_enough = broker.acks_from_page_cache();
        if round.entries.is_empty() && !self.waits_for_log(page_cache_is_enough) {
            return self.release(round.answers, round.actions);
        }
        let append = Append {
            partition: &self.partition,
            now_ms: broker.clock().now_ms(),
            page_cache_is_enough,
            guard: round.guard,
        };
        match append.entries(&round.entries) {
            Ok(end) => self.end = end.unwrap_or(self.end),
            Err(e) => {
                error!("Cannot append to {}: {e}", self.partition.name());
                return self.start_over(round, write::code_of(&e)).await;
            }
        }
        let durable = AckGroup::new();
        if !page_cache_is_enough || self.partition.flushes_before_ack(self.end) {
            self.partition.when_durable(self.end, 0, &durable);
        }
        let flight = Flight { durable, answers: round.answers, actions: round.actions };
        if self.flights.is_empty()
            && flight.durable.outcome().is_some_and(|failed| failed.is_empty())
            && !self.partition.is_offline()
        {
            self.release(flight.answers, flight.actions);
        } else {
            self.flights.push_back(flight);
        }
    }

    /// The oldest flight has reported.
    fn land(&mut self, durable: bool) {
        let Some(flight) = self.flights.pop_front() else { return };
        if durable && !self.partition.is_offline() {
            return self.release(flight.answers, flight.actions);
        }
        self.refuse(flight.answers, ErrorCode::NotCoordinator);
        self.fail();
    }

    /// Whether answers of which nothing is to be written must wait: for others before them, or for the log's end.
    fn waits_for_log(&self, page_cache_is_enough: bool) -> bool {
        let waits_for_end = match page_cache_is_enough {
            true => self.partition.flushes_before_ack(self.end),
            false => self.partition.durable() < self.end,
        };
        waits_for_end || !self.flights.is_empty() || self.partition.is_offline()
    }

    fn release(&mut self, answers: Vec<(Ticket, ReplyOf<H>)>, actions: Vec<ActionOf<H>>) {
        for (ticket, reply) in answers {
            if let Some(answer) = self.waiting.remove(&ticket) {
                // Who does not wait any more has closed its connection.
                let _ = answer.send(Ok(reply));
            }
        }
        for action in actions {
            self.host.act(action);
        }
    }

    fn refuse(&mut self, answers: Vec<(Ticket, ReplyOf<H>)>, code: ErrorCode) {
        for (ticket, _) in answers {
            if let Some(answer) = self.waiting.remove(&ticket) {
                let _ = answer.send(Err(code));
            }
        }
    }

    /// What was decided could not be written: the machine is ahead of its log and must go back to it.
    async fn start_over(&mut self, round: Round<H>, code: ErrorCode) {
        self.refuse(round.answers, code);
        if self.partition.is_offline() {
            return self.fail();
        }
        let _ = self.status.send(Status::Loading);
        // Answers on their way are of what was written; whoever else waits does so for a state that is gone.
        let on_their_way: Vec<Ticket> =
            self.flights.iter().flat_map(|flight| flight.answers.iter().map(|(ticket, _)| *ticket)).collect();
        let mut kept = HashMap::new();
        for ticket in on_their_way {
            kept.extend(self.waiting.remove_entry(&ticket));
        }
        for (_, answer) in std::mem::replace(&mut self.waiting, kept) {
            let _ = answer.send(Err(ErrorCode::NotCoordinator));
        }
        Box::pin(self.load()).await;
    }

    /// The log cannot be written any more: nothing that is asked can be answered.
    fn fail(&mut self) {
        if self.is_active() {
            error!("The coordinator on {} stops: its log is offline", self.partition.name());
        }
        let _ = self.status.send(Status::Failed);
        self.flights.clear();
        for (_, answer) in self.waiting.drain() {
            let _ = answer.send(Err(ErrorCode::NotCoordinator));
        }
    }

    async fn load(&mut self) {
        let mut machine = self.host.machine();
        let partition = self.partition.clone();
        let loaded = tokio::task::spawn_blocking(move || {
            let applied = load::load(&mut machine, &partition)?;
            Ok::<_, std::io::Error>((machine, applied))
        });
        match loaded.await {
            Ok(Ok((machine, applied))) => {
                self.machine = machine;
                self.end = self.partition.ends().log_end;
                if applied > 0 {
                    info!("Loaded {applied} records of {}", self.partition.name());
                }
            }
            Ok(Err(e)) => {
                error!("Cannot load {}: {e}", self.partition.name());
                return self.fail();
            }
            Err(e) => {
                error!("Loading {} died: {e}", self.partition.name());
                return self.fail();
            }
        }
        let Some(now) = self.now() else { return };
        let mut effects = Effects::new();
        self.machine.on_loaded(now, &mut effects);
        let _ = self.status.send(Status::Active);
        self.apply(now, effects);
        Box::pin(self.write()).await;
    }
}
