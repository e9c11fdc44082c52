//! Appends what several Produce requests of a connection ask for: one write for all batches of a partition. Each request
//! keeps its own checks, errors, offsets and answer, and a partition gets its batches in the order of the requests.

use std::iter;
use std::sync::Arc;

use super::answer::{Part, fail, not_enlisted, response};
use super::{TOPIC_IDS_FROM, Target, Write};
use crate::api::{Context, Outcome, encode};
use crate::broker::Broker;
use crate::broker::acks::{AckGroup, AllDurable};
use crate::broker::partition::Partition;
use crate::broker::produce::{self, Appended, Asked, Ready, Refusal};
use crate::broker::transactions::enlist::{self, Begun, Enlisting, Support, Verdict};
use crate::controller::machine::Producer;
use crate::model::ErrorCode;
use crate::security::{Operation, ResourceType};
use crate::wire::WireError;

const ACKS_ALL: i16 = -1;

/// The outcomes of the writes, in their order. A transactional one must be the last: nothing behind it may overtake it.
pub fn write_all(mut writes: Vec<Write>) -> Vec<Result<Outcome, WireError>> {
    let last = writes.pop_if(|write| write.is_transactional());
    let mut outcomes = append_all(writes, Vec::new());
    outcomes.extend(last.map(Write::in_transaction));
    outcomes
}

impl Write {
    pub fn is_transactional(&self) -> bool {
        self.transactional_id.is_some()
    }

    fn in_transaction(self) -> Result<Outcome, WireError> {
        let Some(begun) = self.begin() else {
            return self.run(Vec::new());
        };
        if begun.is_settled() {
            return self.run(begun.verdicts);
        }
        // The first write of a transaction to a partition. Those behind it must not overtake it.
        Ok(Outcome::LaterAlone(Box::pin(async move {
            let transactional_id = self.transactional_id.as_deref().unwrap_or_default();
            let verdicts = enlist::confirm(&self.cx.broker, transactional_id, begun).await;
            match self.run(verdicts) {
                Ok(Outcome::Later(pending)) => pending.await,
                Ok(outcome) => outcome,
                Err(e) => Outcome::Close(e.to_string()),
            }
        })))
    }

    /// Begins to make sure that the partitions are in the producer's transaction; `None` when nothing is transactional.
    fn begin(&self) -> Option<Begun> {
        let header = |target: &Target| target.records.as_ref().and_then(produce::transactional_header);
        let first = self.targets.iter().find_map(header)?;
        let producer = Producer { id: first.producer_id, epoch: first.producer_epoch };
        let wanted = self.targets.iter().map(|target| {
            let header = header(target)?;
            let partition = may_write(&self.cx, target).ok()?;
            Some(Enlisting { partition, base_sequence: header.base_sequence })
        });
        Some(enlist::begin(&self.cx.broker, producer, Support::of_produce(self.cx.version()), wanted))
    }

    fn run(self, verdicts: Vec<Verdict>) -> Result<Outcome, WireError> {
        append_all(vec![self], verdicts).pop().unwrap_or(Ok(Outcome::Silence))
    }

    /// The partition's batch, if it may be appended.
    fn check(&self, target: &Target, verdict: Verdict) -> Result<Ready, Refusal> {
        let guard = verdict.map_err(|code| not_enlisted(code, Support::of_produce(self.cx.version())))?;
        let partition = may_write(&self.cx, target)?;
        let asked = Asked {
            version: self.cx.version(),
            acks: self.acks,
            records: target.records.clone().unwrap_or_default(),
            admin_client: self.cx.client_id() == "__admin_client",
            guard,
        };
        produce::check(&self.cx.broker, partition, asked)
    }

    /// Answers when the bytes are as durable as asked.
    fn answer(self, results: &mut dyn Iterator<Item = Result<Appended, Refusal>>) -> Result<Outcome, WireError> {
        let Write { cx, acks, timeout, targets, .. } = self;
        let part = |(target, result): (Target, _)| {
            let Target { topic, topic_id, partition, .. } = target;
            Part { topic, topic_id, partition, result }
        };
        let mut parts: Vec<Part> = targets.into_iter().zip(results).map(part).collect();
        if acks == 0 {
            return Ok(unanswered(&parts));
        }
        let Some(group) = durability(&cx.broker, acks, &parts) else { return encode(&cx, &response(&cx, parts)) };
        // The sync may have come back already, and not with what was hoped for.
        if let Some(failed) = group.outcome() {
            fail(&mut parts, failed);
            return encode(&cx, &response(&cx, parts));
        }
        Ok(Outcome::Later(Box::pin(async move {
            let failed = match tokio::time::timeout(timeout, AllDurable(group.clone())).await {
                Ok(failed) => failed,
                Err(_) => group.give_up(ErrorCode::RequestTimedOut),
            };
            fail(&mut parts, failed);
            encode(&cx, &response(&cx, parts)).unwrap_or_else(|e| Outcome::Close(e.to_string()))
        })))
    }
}

/// Appends all writes. Verdicts, if any, are those of the targets in order.
fn append_all(writes: Vec<Write>, verdicts: Vec<Verdict>) -> Vec<Result<Outcome, WireError>> {
    let Some(broker) = writes.first().map(|write| write.cx.broker.clone()) else { return Vec::new() };
    let mut verdicts = verdicts.into_iter().chain(iter::repeat(Ok(None)));
    let mut ready = Vec::with_capacity(writes.len());
    let mut checked = Vec::with_capacity(writes.len());
    for write in &writes {
        for target in &write.targets {
            let verdict = verdicts.next().unwrap_or(Ok(None));
            checked.push(write.check(target, verdict).map(|batch| ready.push(batch)));
        }
    }
    let mut appended = produce::append_all(&broker, ready).into_iter();
    let lost = || Err(Refusal::plain(ErrorCode::UnknownServerError));
    let mut results = checked.into_iter().map(|one| one.and_then(|()| appended.next().unwrap_or_else(lost)));
    writes.into_iter().map(|write| write.answer(&mut results)).collect()
}

/// With acks=0 nothing is answered.
fn unanswered(parts: &[Part]) -> Outcome {
    match parts.iter().find_map(|part| part.result.as_ref().err().map(|e| (part, e))) {
        None => Outcome::Silence,
        Some((part, e)) => Outcome::Close(format!(
            "a Produce with acks=0 failed for {}-{} with {}: closing is the only way to tell",
            part.topic, part.partition, e.code
        )),
    }
}

/// What has to be durable before the answer, if anything has.
fn durability(broker: &Broker, acks: i16, parts: &[Part]) -> Option<Arc<AckGroup>> {
    let all_wait = acks == ACKS_ALL && !broker.acks_from_page_cache();
    let waits = |appended: &&Appended| all_wait || appended.partition.flushes_before_ack(appended.end);
    let mut group = None;
    for (slot, part) in parts.iter().enumerate() {
        if let Some(appended) = part.result.as_ref().ok().filter(waits) {
            let group = group.get_or_insert_with(AckGroup::new);
            broker.await_durable(&appended.partition, appended.end, slot, group);
        }
    }
    group
}

/// The target's partition, if it is there and the client may write to it.
fn may_write(cx: &Context, target: &Target) -> Result<Arc<Partition>, Refusal> {
    if target.topic.is_empty() && cx.version() >= TOPIC_IDS_FROM {
        return Err(Refusal::plain(ErrorCode::UnknownTopicId));
    }
    if !cx.allows(Operation::Write, ResourceType::Topic, &target.topic) {
        return Err(Refusal::plain(ErrorCode::TopicAuthorizationFailed));
    }
    cx.broker.served_partition(&target.topic, target.partition).map_err(Refusal::plain)
}
