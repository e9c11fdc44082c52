//! What the answers mean to those who asked.

use super::*;

impl World {
    pub(super) fn replied(&mut self, ticket: Ticket, reply: TxnReply) {
        let Some((then, event)) = self.asked.remove(&ticket) else {
            return self.wrong.push(format!("a second reply to one request: {reply:?}"));
        };
        if reply == TxnReply::NeedsProducerId {
            return self.ask_again_with_id(then, event);
        }
        match (then, reply) {
            (Then::Nothing, _) => {}
            (Then::Initialised { client, generation }, TxnReply::Initialised(result)) => {
                if let Ok(producer) = result {
                    // Acknowledged, even when that process is gone by now.
                    self.holders.insert(self.clients[client].transactional_id, client);
                    if self.clients[client].generation == generation {
                        self.clients[client].producer = Some(producer);
                        self.clients[client].phase = Phase::Ready;
                    }
                } else if self.clients[client].generation == generation {
                    self.clients[client].phase = Phase::New;
                }
            }
            (then, reply) => self.replied_in_transaction(then, reply),
        }
    }

    fn ask_again_with_id(&mut self, then: Then, event: TxnEvent) {
        let id = self.fresh_id();
        let TxnEvent::Request(of, mut request) = event else { return };
        match &mut request {
            Request::Init { fresh, .. } | Request::End { fresh, .. } | Request::FenceTimedOut { fresh, .. } => {
                *fresh = Some(id);
            }
            _ => self.wrong.push("asked for a producer id where none can be used".into()),
        }
        self.request(&of, request, then);
    }

    fn replied_in_transaction(&mut self, then: Then, reply: TxnReply) {
        match (then, reply) {
            (Then::Added { client, generation, partition }, TxnReply::Added(result)) => {
                let client = &mut self.clients[client];
                if client.generation == generation {
                    match result {
                        Ok(()) => client.added.push(partition),
                        Err(ErrorCode::ConcurrentTransactions) => {}
                        Err(_) => return client.restart(),
                    }
                    client.phase = Phase::Ready;
                }
            }
            (Then::Append { client, generation, partition, producer, value, guard }, reply) => {
                let permitted = match reply {
                    TxnReply::Added(result) => result.is_ok(),
                    TxnReply::Verified(Ok(all)) => all.iter().all(|(_, error)| *error == ErrorCode::None),
                    _ => false,
                };
                if permitted {
                    // The broker goes on with it even when the client has gone.
                    self.allowed.push((client, partition, producer, value, guard));
                } else if self.clients[client].generation == generation {
                    self.clients[client].phase = Phase::Ready;
                    self.clients[client].must_abort = true;
                }
            }
            (Then::Ended { client, generation, commit }, TxnReply::Ended(result)) => {
                self.ended(client, generation, commit, result);
            }
            (then, reply) => self.wrong.push(format!("{reply:?} is no answer to {then:?}")),
        }
    }

    fn ended(&mut self, index: usize, generation: u64, commit: bool, result: Result<Option<Producer>, ErrorCode>) {
        let client = &mut self.clients[index];
        if client.generation != generation {
            return;
        }
        if result == Err(ErrorCode::ConcurrentTransactions) {
            client.phase = Phase::EndUnknown;
            return;
        }
        let Some(transaction) = client.transaction else {
            return match result {
                Ok(next) => client.ended(next),
                Err(_) => client.restart(),
            };
        };
        if commit && result.is_ok() && client.is_succeeded {
            self.wrong.push(format!("client {index} committed after its successor was acknowledged"));
        }
        let record = &mut self.transactions[transaction];
        match result {
            Ok(next) => {
                record.outcome = if commit { Outcome::Committed } else { record.outcome };
                client.ended(next);
            }
            Err(_) => {
                if commit && record.asked == 1 {
                    record.outcome = Outcome::Refused;
                }
                client.restart();
            }
        }
    }
}
