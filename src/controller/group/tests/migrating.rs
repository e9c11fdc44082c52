//! Groups that change their protocol, and classic members in a KIP-848 group; the answers are those of Apache Kafka.

use bytes::Bytes;

use super::beats::{beat, eager, join, join_matching, owning};
use super::harness::{World, sync};
use super::topics::Topics;
use crate::controller::group::config::{GroupConfig, MigrationPolicy};
use crate::controller::group::consumer::protocol::read_assignment;
use crate::controller::group::events::{Reply, Request, text};
use crate::controller::group::store::GroupType;
use crate::model::ErrorCode;
use crate::wire::messages::join_group_request::JoinGroupRequestProtocol;
use crate::wire::messages::{JoinGroupRequest, JoinGroupResponse};

const SUBSCRIBED_TO_T: &[u8] = b"\0\x01\0\0\0\x01\0\x01t\xff\xff\xff\xff\0\0\0\0";
const OWNING_T0: &[u8] = b"\0\x01\0\0\0\x01\0\x01t\xff\xff\xff\xff\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\0";
const ASSIGNED_T0_T1: &[u8] = b"\0\x01\0\0\0\x01\0\x01t\0\0\0\x02\0\0\0\0\0\0\0\x01\xff\xff\xff\xff";

fn classic(member: &str, metadata: &'static [u8]) -> JoinGroupRequest {
    let protocol = JoinGroupRequestProtocol::default().with_name(text("range")).with_metadata(Bytes::from(metadata));
    super::harness::join("g").with_member_id(text(member)).with_protocols(vec![protocol])
}

fn joins(world: &mut World, request: JoinGroupRequest) -> JoinGroupResponse {
    match world.ask(9, Request::JoinGroup(request)) {
        Reply::JoinGroup(response) => response,
        other => panic!("{other:?}"),
    }
}

fn code(error: ErrorCode) -> i16 {
    error.code()
}

fn kind(world: &World) -> GroupType {
    world.machine.store().groups.get("g").unwrap().group_type()
}

/// Partitions of t that a SyncGroup gives.
fn given(world: &mut World, member: &str, generation: i32) -> Vec<i32> {
    let ticket = world.send(5, "c", Request::SyncGroup(sync("g", generation, member, &[])));
    let response = world.synced(ticket);
    assert_eq!(response.error_code, 0);
    read_assignment(&response.assignment)
        .unwrap()
        .partitions
        .into_iter()
        .flat_map(|(_, partitions)| partitions)
        .collect()
}

#[test]
fn a_classic_member_lives_in_a_new_group() {
    let topics = Topics::of(&[("t", 2)]);
    let mut world = World::with_topics(eager(), topics.shared());
    world.beats(join("g", "a", &["t"]));
    let asked = joins(&mut world, classic("", SUBSCRIBED_TO_T));
    assert_eq!((asked.error_code, asked.generation_id), (code(ErrorCode::MemberIdRequired), -1));
    let member = asked.member_id.to_string();
    let joined = joins(&mut world, classic(&member, SUBSCRIBED_TO_T));
    assert_eq!((joined.error_code, joined.generation_id, &*joined.leader), (0, 3, ""));
    assert_eq!(joined.protocol_name.as_deref(), Some("range"));
    assert!(joined.members.is_empty());

    let connect = classic("", SUBSCRIBED_TO_T).with_protocol_type(text("connect"));
    assert_eq!(joins(&mut world, connect).error_code, code(ErrorCode::InconsistentGroupProtocol));
    let garbage = joins(&mut world, classic(&member, b"x"));
    assert_eq!((garbage.error_code, &*garbage.member_id), (code(ErrorCode::UnknownServerError), ""));
    assert_eq!(world.leave("g", "nobody", None), [code(ErrorCode::UnknownMemberId)]);
    assert_eq!(world.epochs("g"), ("Reconciling".into(), 3, 3));
    assert_eq!(world.shown("g").members.iter().map(|m| m.member_type).collect::<Vec<_>>(), [0, 1]);

    // It holds nothing until the other one has given something back.
    assert!(given(&mut world, &member, 3).is_empty());
    assert_eq!(world.beat("g", 3, &member), 0);
    let kept = world.beats(beat("g", "a", 2)).2.unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!(world.beats(owning(beat("g", "a", 2), &topics, "t", &kept)).1, 3);
    assert_eq!(world.beat("g", 3, &member), code(ErrorCode::RebalanceInProgress));
    assert_eq!(world.beat("g", 2, &member), code(ErrorCode::IllegalGeneration));
    assert_eq!(joins(&mut world, classic(&member, SUBSCRIBED_TO_T)).generation_id, 3);
    assert_eq!(given(&mut world, &member, 3), [1 - kept[0]]);
    assert_eq!(world.beat("g", 3, &member), 0);
    assert_eq!(world.epochs("g").0, "Stable");
    assert_eq!(world.beat("g", 3, "a"), code(ErrorCode::UnknownMemberId), "a does not speak this protocol");
}

#[test]
fn a_classic_member_that_does_not_rejoin_or_sync_in_time_is_out() {
    let topics = Topics::of(&[("t", 2)]);
    let mut world = World::with_topics(eager(), topics.shared());
    world.beats(join("g", "a", &["t"]));
    let member = joins(&mut world, classic("", SUBSCRIBED_TO_T)).member_id.to_string();
    joins(&mut world, classic(&member, SUBSCRIBED_TO_T).with_session_timeout_ms(60_000));
    world.advance(19_999);
    assert_eq!(world.shown("g").members.len(), 2);
    world.advance(1);
    assert_eq!(world.shown("g").members.len(), 1, "no SyncGroup within the rebalance time-out");
}

#[test]
fn live_classic_members_are_taken_along_and_taken_back() {
    let topics = Topics::of(&[("t", 2)]);
    let mut world = World::with_topics(eager(), topics.shared());
    let ticket = world.enter(classic("", SUBSCRIBED_TO_T), "c");
    let old = world.joined(ticket);
    let member = old.member_id.to_string();
    let mut request = sync("g", old.generation_id, &member, &[(&member, "")]);
    request.assignments[0].assignment = Bytes::from(ASSIGNED_T0_T1);
    let ticket = world.send(5, "c", Request::SyncGroup(request));
    world.synced(ticket);
    assert_eq!((kind(&world), old.generation_id), (GroupType::Classic, 1));

    assert_eq!(world.beats(join("g", "a", &["t"])), (0, 2, Some(vec![])));
    assert_eq!(kind(&world), GroupType::Consumer);
    assert_eq!(world.beat("g", 1, &member), code(ErrorCode::RebalanceInProgress));
    let joined = joins(&mut world, classic(&member, OWNING_T0));
    assert_eq!(joined.error_code, 0);
    let own = given(&mut world, &member, joined.generation_id);
    assert_eq!(own.len(), 1);
    assert_eq!(world.rebuilt().store().consumer("g"), world.machine.store().consumer("g"));

    // The last one of the newer protocol goes: the group is classic again, and calls its member.
    assert_eq!(world.beats(beat("g", "a", -1)), (0, -1, None));
    assert_eq!(kind(&world), GroupType::Classic);
    assert_eq!(world.describe("g").members.len(), 1);
    let generation = joined.generation_id;
    assert_eq!(world.beat("g", generation, &member), code(ErrorCode::RebalanceInProgress));
    let ticket = world.send(9, "c", Request::JoinGroup(classic(&member, OWNING_T0)));
    let back = world.joined(ticket);
    assert_eq!((back.error_code, back.generation_id), (0, generation + 1));
    assert_eq!((back.leader.to_string(), back.members.len()), (member, 1));
}

#[test]
fn a_group_taken_over_before_its_leader_assigned_anything_is_assigned_anew() {
    let topics = Topics::of(&[("t", 2)]);
    let mut world = World::with_topics(eager(), topics.shared());
    let ticket = world.enter(classic("", SUBSCRIBED_TO_T), "c");
    let member = world.joined(ticket).member_id.to_string();
    assert_eq!(world.describe("g").group_state.to_string(), "CompletingRebalance");

    // The newcomer brings nothing for which the epoch would be raised.
    world.beat_at(1, join_matching("g", "a", "none"));
    assert_eq!(kind(&world), GroupType::Consumer);
    world.advance(1);
    world.beat_at(1, beat("g", "a", 1));
    assert_eq!(world.epochs("g").1, 2);
    let joined = joins(&mut world, classic(&member, SUBSCRIBED_TO_T));
    assert_eq!((joined.error_code, joined.generation_id), (0, 2));
    assert_eq!(given(&mut world, &member, 2), [0, 1]);
}

#[test]
fn groups_without_members_change_over_without_further_ado() {
    let topics = Topics::of(&[("t", 1)]);
    let mut world = World::with_topics(eager(), topics.shared());
    let ticket = world.enter(classic("", SUBSCRIBED_TO_T), "c");
    let member = world.joined(ticket).member_id.to_string();
    world.leave("g", &member, None);
    assert_eq!(world.beats(beat("g", "a", 1)).0, code(ErrorCode::GroupIdNotFound));
    assert_eq!(world.beats(join("g", "a", &["t"])), (0, 2, Some(vec![0])));
    world.beats(beat("g", "a", -1));
    assert_eq!(kind(&world), GroupType::Consumer);
    assert_eq!(joins(&mut world, classic("ghost", SUBSCRIBED_TO_T)).error_code, code(ErrorCode::UnknownMemberId));
    let ticket = world.enter(classic("", SUBSCRIBED_TO_T), "c");
    assert_eq!(world.joined(ticket).generation_id, 1);
    assert_eq!(world.describe("g").group_state.to_string(), "CompletingRebalance");
}

#[test]
fn the_policy_decides_which_way_is_open() {
    let topics = Topics::of(&[("t", 1)]);
    let with = |policy| GroupConfig { consumer_migration_policy: policy, ..eager() };

    let mut world = World::with_topics(with(MigrationPolicy::Downgrade), topics.shared());
    world.enter(classic("", SUBSCRIBED_TO_T), "c");
    assert_eq!(world.beats(join("g", "a", &["t"])).0, code(ErrorCode::GroupIdNotFound));

    let mut world = World::with_topics(with(MigrationPolicy::Upgrade), topics.shared());
    world.beats(join("g", "a", &["t"]));
    let member = joins(&mut world, classic("", SUBSCRIBED_TO_T)).member_id.to_string();
    joins(&mut world, classic(&member, SUBSCRIBED_TO_T));
    world.beats(beat("g", "a", -1));
    assert_eq!(kind(&world), GroupType::Consumer, "no way back");

    let mut world = World::with_topics(with(MigrationPolicy::Disabled), topics.shared());
    world.beats(join("g", "a", &["t"]));
    let refused = joins(&mut world, classic("", SUBSCRIBED_TO_T));
    assert_eq!(refused.error_code, code(ErrorCode::InconsistentGroupProtocol));

    let mut world = World::with_topics(eager(), topics.shared());
    world.enter(classic("", b"meta"), "c");
    assert_eq!(world.beats(join("g", "a", &["t"])).0, code(ErrorCode::GroupIdNotFound), "its blob cannot be read");
    assert_eq!(kind(&world), GroupType::Classic);
}
