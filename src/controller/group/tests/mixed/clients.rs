//! Consumers of both protocols, as far as a group can tell them from real ones.

use std::collections::{BTreeMap, BTreeSet};

use bytes::{BufMut, Bytes, BytesMut};

use super::super::beats::{Beat, beat};
use super::super::harness::World;
use super::super::topics::Topics;
use crate::controller::group::consumer::protocol::{read_assignment, read_subscription, write_assignment};
use crate::controller::group::events::{Reply, Request, text};
use crate::controller::machine::Ticket;
use crate::controller::topics::TopicsView;
use crate::model::{ErrorCode, TopicId, TopicName};
use crate::wire::messages::consumer_group_heartbeat_request::TopicPartitions;
use crate::wire::messages::join_group_request::JoinGroupRequestProtocol;
use crate::wire::messages::sync_group_request::SyncGroupRequestAssignment;
use crate::wire::messages::{
    ConsumerGroupHeartbeatResponse, HeartbeatRequest, JoinGroupRequest, JoinGroupResponse, SyncGroupRequest,
};

pub const GROUP: &str = "g";
pub type Partition = (String, i32);

#[derive(Clone, Debug, PartialEq)]
pub enum Wants {
    Names(Vec<&'static str>),
    Pattern(&'static str),
}

/// A consumer of either protocol.
#[derive(Debug)]
pub struct Client {
    pub id: String,
    pub instance: Option<String>,
    pub wants: Wants,
    pub owned: BTreeSet<Partition>,
    /// Or generation.
    pub epoch: i32,
    pub assignor: Option<&'static str>,
    pub protocol: Protocol,
}

#[derive(Debug)]
pub enum Protocol {
    /// The flag: the next heartbeat says everything, as after a time-out.
    New { says_all: bool },
    Classic {
        doing: Doing,
        cooperative: bool,
        /// Of a leader: the topics as they were when it dealt them. It joins again when they have changed.
        dealt: Option<Vec<(TopicName, i32)>>,
    },
}

#[derive(Debug)]
pub enum Doing {
    Out,
    Joining(Ticket),
    Syncing(Ticket),
    Working,
}

impl Client {
    pub fn is_new(&self) -> bool {
        matches!(self.protocol, Protocol::New { .. })
    }

    fn forget(&mut self) {
        self.owned.clear();
        self.epoch = 0;
    }

    // The newer protocol.

    pub fn heartbeat(&self, topics: &Topics, says_all: bool) -> Beat {
        let joins = self.epoch == 0;
        let mut request = beat(GROUP, &self.id, self.epoch).with_instance_id(self.instance.as_deref().map(text));
        if joins || says_all {
            request.rebalance_timeout_ms = 20_000;
            match &self.wants {
                Wants::Names(names) => {
                    request.subscribed_topic_names = Some(names.iter().map(|n| text(n).into()).collect());
                    request.subscribed_topic_regex = Some(text(""));
                }
                Wants::Pattern(pattern) => {
                    request.subscribed_topic_names = Some(Vec::new());
                    request.subscribed_topic_regex = Some(text(pattern));
                }
            }
            request.server_assignor = self.assignor.map(text);
        }
        request.with_topic_partitions(Some(if joins { Vec::new() } else { self.owned_ids(topics) }))
    }

    fn owned_ids(&self, topics: &Topics) -> Vec<TopicPartitions> {
        let mut by_topic: BTreeMap<TopicId, Vec<i32>> = BTreeMap::new();
        for (name, partition) in &self.owned {
            if let Some((id, _)) = topics.by_name(name) {
                by_topic.entry(id).or_default().push(*partition);
            }
        }
        by_topic
            .into_iter()
            .map(|(id, partitions)| TopicPartitions::default().with_topic_id(id.0).with_partitions(partitions))
            .collect()
    }

    pub fn heard(&mut self, response: &ConsumerGroupHeartbeatResponse, topics: &Topics) -> Result<(), i16> {
        if response.error_code != 0 {
            self.forget();
            let rejoins = [ErrorCode::UnknownMemberId, ErrorCode::FencedMemberEpoch, ErrorCode::GroupIdNotFound];
            let expected = rejoins.iter().any(|e| e.code() == response.error_code)
                || self.instance.is_some()
                    && [ErrorCode::UnreleasedInstanceId, ErrorCode::FencedInstanceId]
                        .iter()
                        .any(|e| e.code() == response.error_code);
            return if expected { Ok(()) } else { Err(response.error_code) };
        }
        self.protocol = Protocol::New { says_all: false };
        self.epoch = response.member_epoch;
        if let Some(assignment) = &response.assignment {
            self.owned = assignment
                .topic_partitions
                .iter()
                .filter_map(|t| Some((topics.by_id(TopicId(t.topic_id))?.0, &t.partitions)))
                .flat_map(|(name, partitions)| partitions.iter().map(move |p| (name.to_string(), *p)))
                .collect();
        }
        Ok(())
    }

    // The classic one.

    fn subscription(&self) -> Bytes {
        let Wants::Names(names) = &self.wants else { return Bytes::new() };
        let mut blob = BytesMut::new();
        blob.put_i16(1);
        blob.put_i32(names.len() as i32);
        for name in names {
            blob.put_i16(name.len() as i16);
            blob.put_slice(name.as_bytes());
        }
        blob.put_i32(-1);
        blob.put_i32(self.owned.len() as i32);
        for (name, partition) in &self.owned {
            blob.put_i16(name.len() as i16);
            blob.put_slice(name.as_bytes());
            blob.put_i32(1);
            blob.put_i32(*partition);
        }
        blob.freeze()
    }

    fn join_request(&self) -> JoinGroupRequest {
        let protocol = JoinGroupRequestProtocol::default().with_name(text("p")).with_metadata(self.subscription());
        JoinGroupRequest::default()
            .with_group_id(text(GROUP).into())
            .with_session_timeout_ms(10_000)
            .with_rebalance_timeout_ms(20_000)
            .with_member_id(text(&self.id))
            .with_group_instance_id(self.instance.as_deref().map(text))
            .with_protocol_type(text("consumer"))
            .with_protocols(vec![protocol])
    }

    /// One step of a classic consumer.
    pub fn step_classic(&mut self, world: &mut World) -> Result<(), i16> {
        let Protocol::Classic { doing, cooperative, dealt } = &mut self.protocol else { return Ok(()) };
        let eager = !*cooperative;
        match doing {
            Doing::Working if dealt.as_ref().is_some_and(|then| *then != sizes(world.topics())) => {
                self.doing(Doing::Out);
                Ok(())
            }
            Doing::Out => {
                if eager {
                    self.owned.clear();
                }
                let ticket = world.send(9, "c", Request::JoinGroup(self.join_request()));
                self.doing(Doing::Joining(ticket));
                Ok(())
            }
            Doing::Joining(ticket) => match world.replies.remove(&ticket.clone()) {
                Some(Reply::JoinGroup(response)) => self.joined(world, &response),
                _ => Ok(()),
            },
            Doing::Syncing(ticket) => match world.replies.remove(&ticket.clone()) {
                Some(Reply::SyncGroup(response)) if response.error_code == 0 => {
                    let assigned = read_assignment(&response.assignment).map(|a| a.partitions).unwrap_or_default();
                    let before = std::mem::take(&mut self.owned);
                    self.owned = assigned
                        .into_iter()
                        .flat_map(|(name, partitions)| partitions.into_iter().map(move |p| (name.clone(), p)))
                        .collect();
                    // What was taken from it is free for others only when it says so.
                    let gave_back = !eager && !before.is_subset(&self.owned);
                    self.doing(if gave_back { Doing::Out } else { Doing::Working });
                    Ok(())
                }
                Some(Reply::SyncGroup(response)) => self.failed(response.error_code),
                _ => Ok(()),
            },
            Doing::Working => {
                let request = HeartbeatRequest::default()
                    .with_group_id(text(GROUP).into())
                    .with_generation_id(self.epoch)
                    .with_member_id(text(&self.id))
                    .with_group_instance_id(self.instance.as_deref().map(text));
                match world.ask(4, Request::Heartbeat(request)) {
                    Reply::Heartbeat(response) if response.error_code != 0 => self.failed(response.error_code),
                    _ => Ok(()),
                }
            }
        }
    }

    fn doing(&mut self, next: Doing) {
        if let Protocol::Classic { doing, .. } = &mut self.protocol {
            *doing = next;
        }
    }

    fn failed(&mut self, error: i16) -> Result<(), i16> {
        self.doing(Doing::Out);
        let is = |e: ErrorCode| e.code() == error;
        if is(ErrorCode::RebalanceInProgress) {
            return Ok(());
        }
        self.forget();
        if is(ErrorCode::UnknownMemberId) || is(ErrorCode::FencedInstanceId) {
            self.id.clear();
        }
        let expected = [ErrorCode::UnknownMemberId, ErrorCode::FencedInstanceId, ErrorCode::IllegalGeneration];
        if expected.into_iter().any(is) { Ok(()) } else { Err(error) }
    }

    fn joined(&mut self, world: &mut World, response: &JoinGroupResponse) -> Result<(), i16> {
        if response.error_code == ErrorCode::MemberIdRequired.code() {
            self.id = response.member_id.to_string();
            self.doing(Doing::Out);
            return Ok(());
        }
        if response.error_code != 0 {
            return self.failed(response.error_code);
        }
        self.id = response.member_id.to_string();
        self.epoch = response.generation_id;
        let leads = response.leader == response.member_id;
        if let Protocol::Classic { dealt, .. } = &mut self.protocol {
            *dealt = leads.then(|| sizes(world.topics()));
        }
        let request = SyncGroupRequest::default()
            .with_group_id(text(GROUP).into())
            .with_generation_id(self.epoch)
            .with_member_id(text(&self.id))
            .with_group_instance_id(self.instance.as_deref().map(text))
            .with_protocol_type(Some(text("consumer")))
            .with_protocol_name(Some(text("p")))
            .with_assignments(if leads && !response.skip_assignment { deal(response, world) } else { Vec::new() });
        let ticket = world.send(5, "c", Request::SyncGroup(request));
        self.doing(Doing::Syncing(ticket));
        Ok(())
    }
}

fn sizes(topics: &dyn TopicsView) -> Vec<(TopicName, i32)> {
    let mut sizes = Vec::new();
    topics.for_each(&mut |name, _, partitions| sizes.push((name.clone(), partitions)));
    sizes
}

/// The classic leader deals every topic's partitions to those who named it, in turn. A partition that another member
/// still owns is dealt to nobody this time if that one is to lose it.
fn deal(response: &JoinGroupResponse, world: &World) -> Vec<SyncGroupRequestAssignment> {
    let mut shares: BTreeMap<String, BTreeMap<String, Vec<i32>>> = BTreeMap::new();
    let mut wants: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut owners: BTreeMap<Partition, String> = BTreeMap::new();
    for member in &response.members {
        let subscription = read_subscription(&member.metadata).unwrap_or_default();
        shares.insert(member.member_id.to_string(), BTreeMap::new());
        for topic in subscription.topics {
            wants.entry(topic).or_default().push(member.member_id.to_string());
        }
        for (name, partitions) in subscription.owned {
            owners.extend(partitions.into_iter().map(|p| ((name.clone(), p), member.member_id.to_string())));
        }
    }
    for (topic, members) in wants {
        let partitions = world.topics().by_name(&topic).map_or(0, |(_, count)| count);
        for partition in 0..partitions {
            let member = &members[partition as usize % members.len()];
            let owner = owners.get(&(topic.clone(), partition));
            if owner.is_none_or(|owner| owner == member) {
                shares.get_mut(member).unwrap().entry(topic.clone()).or_default().push(partition);
            }
        }
    }
    let blob = |share: &BTreeMap<String, Vec<i32>>| {
        let topics: Vec<(&str, Vec<i32>)> = share.iter().map(|(name, p)| (name.as_str(), p.clone())).collect();
        write_assignment(1, &topics)
    };
    let assigned = |(member, share): (&String, &BTreeMap<String, Vec<i32>>)| {
        SyncGroupRequestAssignment::default().with_member_id(text(member)).with_assignment(blob(share))
    };
    shares.iter().map(assigned).collect()
}
