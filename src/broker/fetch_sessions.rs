//! Incremental fetch sessions (KIP-227): what a consumer asked for and was told last, so that it need not repeat
//! itself and need not be told again.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::model::{ErrorCode, LeaderEpoch, Offset, PartitionIndex, TopicId, TopicName};

/// A session that was not used for this long may give its place to any other.
const STALE_AFTER_MS: i64 = 120_000;

/// Epoch of a request that asks for a new session.
pub const INITIAL_EPOCH: i32 = 0;
/// Epoch of a request that wants none, or closes the one it names.
pub const FINAL_EPOCH: i32 = -1;
pub const NO_SESSION: i32 = 0;

/// One partition as a consumer names it: by id from version 13 on, by name before. The name is unknown for an id
/// that no topic has (any more).
#[derive(Clone, Debug)]
pub struct FetchTarget {
    pub topic_id: TopicId,
    pub topic: Option<TopicName>,
    pub partition: PartitionIndex,
}

impl FetchTarget {
    fn key(&self) -> Key {
        match (self.topic_id, &self.topic) {
            (TopicId::ZERO, Some(name)) => Key::Name(name.clone(), self.partition),
            (id, _) => Key::Id(id, self.partition),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Id(TopicId, PartitionIndex),
    Name(TopicName, PartitionIndex),
}

/// What is asked of one partition.
#[derive(Clone, Copy, Debug)]
pub struct FetchAsk {
    pub offset: Offset,
    pub max_bytes: i32,
    /// -1 when the client does not say.
    pub current_leader_epoch: LeaderEpoch,
    pub last_fetched_epoch: LeaderEpoch,
}

/// What decides whether a partition is worth mentioning in an incremental answer.
#[derive(Clone, Copy, Debug)]
pub struct FetchTold {
    pub has_records: bool,
    pub is_error: bool,
    pub diverges: bool,
    pub high_watermark: Offset,
    pub log_start: Offset,
}

/// Partitions with what is asked of each, in order.
pub type Asks = Vec<(FetchTarget, FetchAsk)>;

/// How a request is to be answered.
pub enum FetchPlan {
    Refused(ErrorCode),
    /// No session is wanted or kept.
    Sessionless(Asks),
    /// A new session is made with the answer, if there is room.
    Full(Asks),
    Incremental {
        session: Arc<Mutex<Session>>,
        session_id: i32,
        epoch: i32,
        asks: Vec<(FetchTarget, FetchAsk)>,
    },
}

/// A consumer's standing order.
pub struct Session {
    epoch: i32,
    uses_topic_ids: bool,
    last_used_ms: i64,
    /// In the order in which partitions are read; those that delivered records go to the end.
    partitions: Vec<Cached>,
    at: HashMap<Key, usize>,
}

struct Cached {
    target: FetchTarget,
    ask: FetchAsk,
    high_watermark: Offset,
    log_start: Offset,
}

impl Session {
    fn put(&mut self, target: FetchTarget, ask: FetchAsk) {
        let key = target.key();
        match self.at.get(&key) {
            Some(&at) => self.partitions[at].ask = ask,
            None => {
                self.at.insert(key, self.partitions.len());
                self.partitions.push(Cached { target, ask, high_watermark: Offset::NONE, log_start: Offset::NONE });
            }
        }
    }

    fn forget(&mut self, targets: &[FetchTarget]) {
        let gone: Vec<Key> = targets.iter().map(FetchTarget::key).filter(|key| self.at.contains_key(key)).collect();
        if !gone.is_empty() {
            self.partitions.retain(|cached| !gone.contains(&cached.target.key()));
            self.reindex();
        }
    }

    fn reindex(&mut self) {
        self.at = self.partitions.iter().enumerate().map(|(at, cached)| (cached.target.key(), at)).collect();
    }

    /// Whether the answer must mention the partition; remembers what it is told.
    fn tell(&mut self, target: &FetchTarget, told: FetchTold) -> bool {
        let Some(&at) = self.at.get(&target.key()) else { return false };
        let cached = &mut self.partitions[at];
        let mut worth = told.has_records || told.is_error || told.diverges;
        if cached.high_watermark != told.high_watermark {
            cached.high_watermark = told.high_watermark;
            worth = true;
        }
        if cached.log_start != told.log_start {
            cached.log_start = told.log_start;
            worth = true;
        }
        if told.is_error {
            // Once the error is over the partition is mentioned again, whatever its offsets.
            cached.high_watermark = Offset::NONE;
        }
        worth
    }
}

/// All sessions of the broker.
pub struct FetchSessions {
    slots_max: usize,
    sessions: Mutex<HashMap<i32, Arc<Mutex<Session>>>>,
}

impl FetchSessions {
    pub fn new(slots_max: usize) -> Self {
        FetchSessions { slots_max, sessions: Mutex::new(HashMap::new()) }
    }

    /// Sorts out what a request means for its session. `name_of` finds the present name of a topic id.
    pub fn plan(
        &self,
        request: SessionRequest,
        now_ms: i64,
        name_of: impl Fn(TopicId) -> Option<TopicName>,
    ) -> FetchPlan {
        let SessionRequest { session_id, epoch, uses_topic_ids, asks, forget } = request;
        let mut sessions = self.sessions.lock();
        if epoch == INITIAL_EPOCH || epoch == FINAL_EPOCH {
            sessions.remove(&session_id);
            let asks = distinct(asks);
            return if epoch == FINAL_EPOCH { FetchPlan::Sessionless(asks) } else { FetchPlan::Full(asks) };
        }
        let Some(session) = sessions.get(&session_id).cloned() else {
            return FetchPlan::Refused(ErrorCode::FetchSessionIdNotFound);
        };
        let mut open = session.lock();
        if open.epoch != epoch {
            return FetchPlan::Refused(ErrorCode::InvalidFetchSessionEpoch);
        }
        if open.uses_topic_ids != uses_topic_ids {
            return FetchPlan::Refused(ErrorCode::FetchSessionTopicIdError);
        }
        let asked = distinct(asks);
        for (target, ask) in &asked {
            open.put(target.clone(), *ask);
        }
        open.forget(&forget);
        if open.partitions.is_empty() {
            sessions.remove(&session_id);
            return FetchPlan::Sessionless(asked);
        }
        open.last_used_ms = now_ms;
        open.epoch = next_epoch(epoch);
        for cached in &mut open.partitions {
            if cached.target.topic.is_none() {
                cached.target.topic = name_of(cached.target.topic_id);
            }
        }
        let asks = open.partitions.iter().map(|c| (c.target.clone(), c.ask)).collect();
        let epoch = open.epoch;
        drop(open);
        FetchPlan::Incremental { session, session_id, epoch, asks }
    }

    /// Keeps a new session; 0 when there is no room for it.
    pub fn open(
        &self,
        uses_topic_ids: bool,
        partitions: Vec<(FetchTarget, FetchAsk, FetchTold)>,
        now_ms: i64,
        mut draw: impl FnMut() -> i32,
    ) -> i32 {
        let mut sessions = self.sessions.lock();
        if sessions.len() >= self.slots_max && !evict(&mut sessions, partitions.len(), now_ms) {
            return NO_SESSION;
        }
        let mut session = Session {
            epoch: next_epoch(INITIAL_EPOCH),
            uses_topic_ids,
            last_used_ms: now_ms,
            partitions: partitions
                .into_iter()
                .map(|(target, ask, told)| Cached {
                    target,
                    ask,
                    high_watermark: if told.is_error { Offset::NONE } else { told.high_watermark },
                    log_start: told.log_start,
                })
                .collect(),
            at: HashMap::new(),
        };
        session.reindex();
        let id = loop {
            let id = draw() & i32::MAX;
            if id != NO_SESSION && !sessions.contains_key(&id) {
                break id;
            }
        };
        sessions.insert(id, Arc::new(Mutex::new(session)));
        id
    }

    pub fn len(&self) -> usize {
        self.sessions.lock().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The session part of a Fetch request.
pub struct SessionRequest {
    pub session_id: i32,
    pub epoch: i32,
    pub uses_topic_ids: bool,
    pub asks: Asks,
    pub forget: Vec<FetchTarget>,
}

/// Picks what an incremental answer mentions. `None` when another request of the session came in between.
pub fn select(
    session: &Mutex<Session>,
    epoch: i32,
    told: impl Iterator<Item = (FetchTarget, FetchTold)>,
) -> Option<Vec<bool>> {
    let mut session = session.lock();
    if session.epoch != epoch {
        return None;
    }
    let mut delivered = Vec::new();
    let mut chosen = Vec::new();
    for (target, told) in told {
        let worth = session.tell(&target, told);
        if worth && told.has_records {
            delivered.push(target.key());
        }
        chosen.push(worth);
    }
    if !delivered.is_empty() {
        // Who delivered now is asked last next time, so that a full answer never starves the rest.
        let delivered: std::collections::HashSet<Key> = delivered.into_iter().collect();
        let (late, early) = std::mem::take(&mut session.partitions)
            .into_iter()
            .partition(|cached| delivered.contains(&cached.target.key()));
        session.partitions = early;
        let late: Vec<Cached> = late;
        session.partitions.extend(late);
        session.reindex();
    }
    Some(chosen)
}

fn next_epoch(epoch: i32) -> i32 {
    match epoch {
        FINAL_EPOCH => FINAL_EPOCH,
        i32::MAX => 1,
        epoch => epoch + 1,
    }
}

/// A partition asked for twice counts once, in its first place and with its last wish.
fn distinct(asks: Asks) -> Asks {
    let mut at: HashMap<Key, usize> = HashMap::with_capacity(asks.len());
    let mut out: Asks = Vec::with_capacity(asks.len());
    for (target, ask) in asks {
        match at.get(&target.key()) {
            Some(&i) => out[i].1 = ask,
            None => {
                at.insert(target.key(), out.len());
                out.push((target, ask));
            }
        }
    }
    out
}

/// Makes room: a stale session goes first, else the smallest one if it is smaller than the newcomer.
fn evict(sessions: &mut HashMap<i32, Arc<Mutex<Session>>>, newcomer_partitions: usize, now_ms: i64) -> bool {
    let mut oldest: Option<(i64, i32)> = None;
    let mut smallest: Option<(usize, i32)> = None;
    for (&id, session) in sessions.iter() {
        let session = session.lock();
        let used = (session.last_used_ms, id);
        let size = (session.partitions.len(), id);
        oldest = Some(oldest.map_or(used, |o| o.min(used)));
        smallest = Some(smallest.map_or(size, |s| s.min(size)));
    }
    let stale = oldest.filter(|(used_ms, _)| now_ms - used_ms > STALE_AFTER_MS).map(|(_, id)| id);
    let victim = stale.or_else(|| smallest.filter(|(size, _)| *size <= newcomer_partitions).map(|(_, id)| id));
    victim.is_some_and(|id| sessions.remove(&id).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(partition: i32) -> FetchTarget {
        FetchTarget { topic_id: TopicId::ZERO, topic: Some("t".into()), partition: PartitionIndex(partition) }
    }

    fn ask(offset: i64) -> FetchAsk {
        FetchAsk {
            offset: Offset(offset),
            max_bytes: 1,
            current_leader_epoch: LeaderEpoch::NONE,
            last_fetched_epoch: LeaderEpoch::NONE,
        }
    }

    fn told(high_watermark: i64, has_records: bool) -> FetchTold {
        FetchTold {
            has_records,
            is_error: false,
            diverges: false,
            high_watermark: Offset(high_watermark),
            log_start: Offset(0),
        }
    }

    fn request(session_id: i32, epoch: i32, asks: Asks) -> SessionRequest {
        SessionRequest { session_id, epoch, uses_topic_ids: false, asks, forget: vec![] }
    }

    fn two_partitions(sessions: &FetchSessions) -> i32 {
        sessions.open(false, vec![(target(0), ask(0), told(5, true)), (target(1), ask(0), told(0, false))], 0, || 77)
    }

    #[test]
    fn an_incremental_answer_mentions_only_what_changed() {
        let sessions = FetchSessions::new(10);
        let id = two_partitions(&sessions);
        let FetchPlan::Incremental { session, epoch, asks, .. } = sessions.plan(request(id, 1, vec![]), 0, |_| None)
        else {
            panic!("not incremental")
        };
        assert_eq!(asks.len(), 2);
        let chosen = select(&session, epoch, [(target(0), told(5, false)), (target(1), told(3, true))].into_iter());
        assert_eq!(chosen, Some(vec![false, true]));
    }

    #[test]
    fn a_wrong_epoch_and_an_unknown_session_are_told_apart() {
        let sessions = FetchSessions::new(10);
        let id = two_partitions(&sessions);
        for (session_id, epoch, code) in
            [(id, 2, ErrorCode::InvalidFetchSessionEpoch), (id + 1, 1, ErrorCode::FetchSessionIdNotFound)]
        {
            let plan = sessions.plan(request(session_id, epoch, vec![]), 0, |_| None);
            assert!(matches!(plan, FetchPlan::Refused(c) if c == code));
        }
    }

    #[test]
    fn a_session_without_partitions_ends() {
        let sessions = FetchSessions::new(10);
        let id = two_partitions(&sessions);
        let mut bye = request(id, 1, vec![]);
        bye.forget = vec![target(0), target(1)];
        assert!(matches!(sessions.plan(bye, 0, |_| None), FetchPlan::Sessionless(_)));
        assert!(sessions.is_empty());
    }

    #[test]
    fn a_full_cache_gives_a_stale_place_away_and_keeps_a_bigger_one() {
        let sessions = FetchSessions::new(1);
        two_partitions(&sessions);
        let small = || vec![(target(0), ask(0), told(0, false))];
        assert_eq!(sessions.open(false, small(), 10, || 5), NO_SESSION);
        assert_eq!(sessions.open(false, small(), STALE_AFTER_MS + 1, || 5), 5);
    }

    #[test]
    fn who_delivered_is_read_last_next_time() {
        let sessions = FetchSessions::new(10);
        let id = two_partitions(&sessions);
        let FetchPlan::Incremental { session, epoch, .. } = sessions.plan(request(id, 1, vec![]), 0, |_| None) else {
            panic!("not incremental")
        };
        select(&session, epoch, [(target(0), told(9, true)), (target(1), told(0, false))].into_iter());
        let FetchPlan::Incremental { asks, .. } = sessions.plan(request(id, 2, vec![]), 0, |_| None) else {
            panic!("not incremental")
        };
        assert_eq!(asks.iter().map(|(t, _)| t.partition.0).collect::<Vec<_>>(), [1, 0]);
    }
}
