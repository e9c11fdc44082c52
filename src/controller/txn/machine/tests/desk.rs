//! A machine with its log.

use super::*;

/// A machine with its log, driven as the contract says.
pub(super) struct Desk {
    pub(super) machine: TxnMachine,
    pub(super) log: Vec<LogRecord>,
    pub(super) now: Now,
    pub(super) next_id: i64,
    pub(super) tickets: u64,
    /// Orders not yet reported written.
    pub(super) orders: Vec<MarkerOrder>,
    pub(super) late: Vec<(Ticket, TxnReply)>,
}

impl Desk {
    pub(super) fn new() -> Desk {
        Desk::with(TxnConfig::default(), TxnVersion::V2)
    }

    pub(super) fn with(config: TxnConfig, version: TxnVersion) -> Desk {
        Desk {
            machine: TxnMachine::new(config, version),
            log: Vec::new(),
            now: Now { wall_ms: T0, monotonic_ms: 0 },
            next_id: 100,
            tickets: 0,
            orders: Vec::new(),
            late: Vec::new(),
        }
    }

    pub(super) fn take(&mut self, effects: Effects<TxnMachine>) -> Vec<(Ticket, TxnReply)> {
        for record in effects.records {
            self.machine.apply(self.now, &record);
            self.log.push(record);
        }
        for action in effects.actions {
            match action {
                TxnAction::WriteMarkers(order) => self.orders.push(order),
                TxnAction::FenceWithFreshId { transactional_id, producer } => {
                    self.next_id += 1;
                    let fresh = Some(ProducerId(self.next_id));
                    self.send(&transactional_id, Request::FenceTimedOut { producer, fresh });
                }
            }
        }
        effects.replies
    }

    pub(super) fn event(&mut self, event: TxnEvent) -> Option<TxnReply> {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        let mut effects = Effects::new();
        self.machine.handle(self.now, ticket, event, &mut effects);
        let replies = self.take(effects);
        let (mine, others) = replies.into_iter().partition(|(t, _)| *t == ticket);
        self.late.extend::<Vec<_>>(others);
        let mine: Vec<(Ticket, TxnReply)> = mine;
        mine.into_iter().next().map(|(_, reply)| reply)
    }

    pub(super) fn send(&mut self, id: &str, request: Request) -> Option<TxnReply> {
        self.event(TxnEvent::Request(id.into(), request))
    }

    pub(super) fn init_as(&mut self, id: &str, expected: Option<Producer>) -> Result<Producer, ErrorCode> {
        let request = |fresh| Request::Init { timeout_ms: 60_000, expected, fresh };
        let mut reply = self.send(id, request(None));
        if reply == Some(TxnReply::NeedsProducerId) {
            self.next_id += 1;
            reply = self.send(id, request(Some(ProducerId(self.next_id))));
        }
        match reply {
            Some(TxnReply::Initialised(result)) => result,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn init_waiting(&mut self) -> Option<TxnReply> {
        self.send("x", Request::Init { timeout_ms: 1, expected: None, fresh: None })
    }

    pub(super) fn init(&mut self, id: &str) -> Producer {
        self.init_as(id, None).unwrap()
    }

    pub(super) fn add(&mut self, id: &str, producer: Producer, partitions: &[i32]) -> Option<TxnReply> {
        self.send(id, Request::Add { producer, partitions: of(partitions), client: TxnVersion::V0 })
    }

    pub(super) fn end(&mut self, id: &str, producer: Producer, commit: bool, client: TxnVersion) -> Option<TxnReply> {
        let request = |fresh| Request::End { producer, commit, client, fresh };
        let reply = self.send(id, request(None));
        if reply == Some(TxnReply::NeedsProducerId) {
            self.next_id += 1;
            return self.send(id, request(Some(ProducerId(self.next_id))));
        }
        reply
    }

    pub(super) fn write_markers(&mut self) -> Vec<MarkerOrder> {
        let orders = std::mem::take(&mut self.orders);
        for order in &orders {
            let (transactional_id, producer) = (order.transactional_id.clone(), order.producer);
            self.event(TxnEvent::MarkersWritten { transactional_id, producer });
        }
        orders
    }

    pub(super) fn pass(&mut self, ms: i64) {
        self.now.wall_ms += ms;
        self.now.monotonic_ms += ms;
        while self.machine.next_deadline().is_some_and(|at| at <= self.now.monotonic_ms) {
            let mut effects = Effects::new();
            self.machine.on_timeout(self.now, &mut effects);
            let replies = self.take(effects);
            self.late.extend(replies);
        }
    }

    pub(super) fn shown(&mut self, id: &str) -> TxnDescription {
        match self.event(TxnEvent::Describe(id.into())) {
            Some(TxnReply::Described(Ok(description))) => description,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn state(&mut self, id: &str) -> TxnState {
        self.shown(id).state
    }

    /// The machine as it comes up again from its log.
    pub(super) fn restarted(&mut self) -> Desk {
        let mut desk = Desk::with(self.machine.config.clone(), self.machine.version);
        (desk.now, desk.next_id, desk.log) = (self.now, self.next_id, self.log.clone());
        for record in &self.log {
            desk.machine.apply(self.now, record);
        }
        let live: Vec<_> = self.machine.transactions().collect();
        assert_eq!(live, desk.machine.transactions().collect::<Vec<_>>(), "replay differs from live");
        assert_eq!(self.machine.open_transactions, desk.machine.open_transactions);
        let mut effects = Effects::new();
        desk.machine.on_loaded(self.now, &mut effects);
        desk.take(effects);
        desk
    }
}
