//! Members of groups in the new protocol (KIP-848) that all join at once, until each owns its share and says so.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use bytes::Bytes;
use ottla::wire::codec::{decode_reply, encode_request};
use ottla::wire::messages::consumer_group_heartbeat_request::TopicPartitions;
use ottla::wire::messages::{ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, GroupId, TopicName};

use super::pump::Traffic;
use super::setup::text;

pub const HEARTBEAT_VERSION: i16 = 1;
const CLIENT: Option<&str> = Some("bench");
/// How often so many members in all ask whether there is something new for them; real ones ask less often. More of
/// them ask less often too: what they wait for is the broker, not each other.
const BEAT_EVERY: Duration = Duration::from_millis(100);
const MEMBERS: u32 = 1000;

struct Member {
    group: GroupId,
    id: String,
    epoch: i32,
    owned: Vec<TopicPartitions>,
    /// The broker does not know yet that it owns them.
    is_news: bool,
    asking: bool,
    beat_at: Instant,
}

pub struct Converging {
    topic: TopicName,
    members: Vec<Member>,
    beat_every: Duration,
    wake_at: Instant,
    /// How many have told that they own their share.
    sharing: usize,
    is_settled: bool,
    /// When the last member's join was sent.
    pub all_joined: Instant,
}

impl Converging {
    /// So many members for each group; the topic has a partition for each member of a group.
    pub fn new(groups: &[String], members_each: usize, topic: &str) -> Converging {
        let now = Instant::now();
        let member = |group: &String, number: usize| Member {
            group: GroupId(text(group)),
            id: format!("{group}-{number}"),
            epoch: 0,
            owned: Vec::new(),
            is_news: true,
            asking: false,
            beat_at: now,
        };
        let of_group = |group| (0..members_each).map(move |number| member(group, number));
        let members: Vec<Member> = groups.iter().flat_map(of_group).collect();
        Converging {
            topic: TopicName(text(topic)),
            beat_every: BEAT_EVERY * (members.len() as u32).div_ceil(MEMBERS),
            members,
            wake_at: now,
            sharing: 0,
            is_settled: false,
            all_joined: now,
        }
    }

    /// What each member says from now on.
    pub fn beats(&self) -> Result<Vec<Bytes>> {
        self.members.iter().map(|member| member.request(&self.topic)).collect()
    }

    /// Everyone has its share, in one epoch a group.
    fn look_whether_settled(&mut self) {
        let same_epoch = |pair: &[Member]| match pair {
            [a, b] => a.group != b.group || a.epoch == b.epoch,
            _ => true,
        };
        self.is_settled = self.sharing == self.members.len() && self.members.windows(2).all(same_epoch);
    }
}

impl Member {
    fn request(&self, topic: &TopicName) -> Result<Bytes> {
        let joins = self.epoch == 0;
        let request = ConsumerGroupHeartbeatRequest::default()
            .with_group_id(self.group.clone())
            .with_member_id(text(&self.id))
            .with_member_epoch(self.epoch)
            .with_rebalance_timeout_ms(if joins { 300_000 } else { -1 })
            .with_subscribed_topic_names(joins.then(|| vec![topic.clone()]))
            .with_topic_partitions(self.is_news.then(|| self.owned.clone()));
        Ok(encode_request(1, CLIENT, HEARTBEAT_VERSION, &request)?)
    }

    fn shares(&self) -> bool {
        !self.is_news && self.owned.iter().map(|topic| topic.partitions.len()).sum::<usize>() == 1
    }

    fn answered(&mut self, frame: Bytes) -> Result<()> {
        let answer = read(frame)?;
        self.asking = false;
        self.epoch = answer.member_epoch;
        self.is_news = answer.assignment.is_some();
        if let Some(assignment) = answer.assignment {
            let own = |topic: ottla::wire::messages::consumer_group_heartbeat_response::TopicPartitions| {
                TopicPartitions::default().with_topic_id(topic.topic_id).with_partitions(topic.partitions)
            };
            self.owned = assignment.topic_partitions.into_iter().map(own).collect();
        }
        Ok(())
    }
}

/// An answer without error.
pub fn read(frame: Bytes) -> Result<ConsumerGroupHeartbeatResponse> {
    let (_, answer) = decode_reply::<ConsumerGroupHeartbeatResponse>(HEARTBEAT_VERSION, frame)?;
    if answer.error_code != 0 {
        bail!("ConsumerGroupHeartbeat was answered with error {} ({:?})", answer.error_code, answer.error_message);
    }
    Ok(answer)
}

impl Traffic for Converging {
    fn next(&mut self, connection: usize, now: Instant) -> Result<Option<Bytes>> {
        if now >= self.wake_at {
            self.wake_at = now + self.beat_every / 5;
        }
        let Some(member) = self.members.get_mut(connection) else { return Ok(None) };
        if self.is_settled || member.asking || (!member.is_news && now < member.beat_at) {
            return Ok(None);
        }
        if member.epoch == 0 {
            self.all_joined = now;
        }
        member.beat_at = now + self.beat_every;
        member.asking = true;
        member.request(&self.topic).map(Some)
    }

    fn answer(&mut self, connection: usize, frame: Bytes, _now: Instant) -> Result<()> {
        let Some(member) = self.members.get_mut(connection) else { return Ok(()) };
        let shared = member.shares();
        member.answered(frame)?;
        self.sharing = self.sharing + usize::from(member.shares()) - usize::from(shared);
        self.look_whether_settled();
        Ok(())
    }

    fn wake_at(&self) -> Option<Instant> {
        Some(self.wake_at)
    }

    fn is_done(&self) -> bool {
        self.is_settled && self.members.iter().all(|member| !member.asking)
    }
}
