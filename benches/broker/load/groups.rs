//! Members of classic groups that come and go: join, sync, heartbeat, leave, and again. One member a connection, each
//! alone in its group.

use std::time::Instant;

use anyhow::{Result, bail};
use bytes::Bytes;
use kafka_protocol::protocol::Decodable;
use ottla::wire::codec::{WireResponse, decode_reply, encode_request};
use ottla::wire::messages::join_group_request::JoinGroupRequestProtocol;
use ottla::wire::messages::leave_group_request::MemberIdentity;
use ottla::wire::messages::sync_group_request::SyncGroupRequestAssignment;
use ottla::wire::messages::*;

use super::pump::Traffic;
use super::setup::text;

pub const JOIN_VERSION: i16 = 9;
const SYNC_VERSION: i16 = 5;
pub const HEARTBEAT_VERSION: i16 = 4;
const LEAVE_VERSION: i16 = 5;
pub const MEMBER_ID_REQUIRED: i16 = 79;
const CLIENT: Option<&str> = Some("bench");

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Join,
    Sync,
    Heartbeat,
    Leave,
}

pub struct Member {
    group: GroupId,
    pub id: StrBytes,
    pub generation: i32,
    pub step: Step,
    pub asking: bool,
}

pub struct Groups {
    members: Vec<Member>,
    left: u64,
    until: Instant,
    /// Whole rounds done.
    pub rounds: u64,
}

impl Groups {
    pub fn new(groups: &[String], rounds: u64, until: Instant) -> Groups {
        let members = groups.iter().map(|group| Member::new(group)).collect();
        Groups { members, left: rounds, until, rounds: 0 }
    }
}

impl Member {
    pub fn new(group: &str) -> Member {
        let group = GroupId(text(group));
        Member { group, id: StrBytes::default(), generation: -1, step: Step::Join, asking: false }
    }

    pub fn request(&self) -> Result<Bytes> {
        let group = self.group.clone();
        let id = self.id.clone();
        Ok(match self.step {
            Step::Join => {
                let protocol = JoinGroupRequestProtocol::default().with_name(text("range"));
                let request = JoinGroupRequest::default()
                    .with_group_id(group)
                    .with_member_id(id)
                    .with_session_timeout_ms(45_000)
                    .with_rebalance_timeout_ms(300_000)
                    .with_protocol_type(text("consumer"))
                    .with_protocols(vec![protocol.with_metadata(Bytes::from_static(&[0; 16]))]);
                encode_request(1, CLIENT, JOIN_VERSION, &request)?
            }
            Step::Sync => {
                let assignment = SyncGroupRequestAssignment::default().with_member_id(id.clone());
                let request = SyncGroupRequest::default()
                    .with_group_id(group)
                    .with_member_id(id)
                    .with_generation_id(self.generation)
                    .with_protocol_type(Some(text("consumer")))
                    .with_protocol_name(Some(text("range")))
                    .with_assignments(vec![assignment.with_assignment(Bytes::from_static(&[0; 16]))]);
                encode_request(1, CLIENT, SYNC_VERSION, &request)?
            }
            Step::Heartbeat => {
                let request = HeartbeatRequest::default()
                    .with_group_id(group)
                    .with_member_id(id)
                    .with_generation_id(self.generation);
                encode_request(1, CLIENT, HEARTBEAT_VERSION, &request)?
            }
            Step::Leave => {
                let member = MemberIdentity::default().with_member_id(id);
                let request = LeaveGroupRequest::default().with_group_id(group).with_members(vec![member]);
                encode_request(1, CLIENT, LEAVE_VERSION, &request)?
            }
        })
    }

    /// The answer's error code; a join's answer also says who the member is.
    pub fn read(&mut self, frame: Bytes) -> Result<i16> {
        Ok(match self.step {
            Step::Join => {
                let answer: JoinGroupResponse = read(JOIN_VERSION, frame)?;
                self.id = answer.member_id;
                self.generation = answer.generation_id;
                answer.error_code
            }
            Step::Sync => read::<SyncGroupResponse>(SYNC_VERSION, frame)?.error_code,
            Step::Heartbeat => read::<HeartbeatResponse>(HEARTBEAT_VERSION, frame)?.error_code,
            Step::Leave => read::<LeaveGroupResponse>(LEAVE_VERSION, frame)?.error_code,
        })
    }

    /// Takes the answer; true when the member has left and the round is done.
    fn answered(&mut self, frame: Bytes) -> Result<bool> {
        self.asking = false;
        let code = self.read(frame)?;
        if code == MEMBER_ID_REQUIRED {
            return Ok(false);
        }
        if code != 0 {
            bail!("a group's member was answered with error {code}");
        }
        self.step = match self.step {
            Step::Join => Step::Sync,
            Step::Sync => Step::Heartbeat,
            Step::Heartbeat => Step::Leave,
            Step::Leave => Step::Join,
        };
        if self.step == Step::Join {
            self.id = StrBytes::default();
        }
        Ok(self.step == Step::Join)
    }
}

fn read<R: WireResponse + Decodable>(version: i16, frame: Bytes) -> Result<R> {
    Ok(decode_reply(version, frame)?.1)
}

impl Traffic for Groups {
    fn next(&mut self, connection: usize, now: Instant) -> Result<Option<Bytes>> {
        if now >= self.until {
            self.left = 0;
        }
        let Some(member) = self.members.get_mut(connection) else { return Ok(None) };
        let begins = member.step == Step::Join && member.id.is_empty();
        if member.asking || (begins && self.left == 0) {
            return Ok(None);
        }
        if begins {
            self.left -= 1;
        }
        member.asking = true;
        member.request().map(Some)
    }

    fn answer(&mut self, connection: usize, frame: Bytes, _now: Instant) -> Result<()> {
        if let Some(member) = self.members.get_mut(connection) {
            self.rounds += u64::from(member.answered(frame)?);
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.left == 0 && self.members.iter().all(|m| !m.asking && m.step == Step::Join && m.id.is_empty())
    }
}
