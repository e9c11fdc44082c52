//! Offsets: who may commit, what counts, what expires.

use super::harness::{World, commit, join, quick};
use crate::controller::group::config::GroupConfig;
use crate::controller::group::events::{Event, Reply, Request, text};
use crate::controller::machine::{Producer, TxnMarker};
use crate::model::{ErrorCode, ProducerEpoch, ProducerId, TopicId};
use crate::wire::messages::txn_offset_commit_request::{TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic};
use crate::wire::messages::{OffsetDeleteRequest, TxnOffsetCommitRequest, offset_delete_request};

const HOUR_MS: i64 = 3_600_000;

fn in_transaction(world: &mut World, group: &str, producer: i64, offset: i64) -> i16 {
    let partition = TxnOffsetCommitRequestPartition::default().with_committed_offset(offset);
    let topic = TxnOffsetCommitRequestTopic::default().with_name(text("t").into()).with_partitions(vec![partition]);
    let request = TxnOffsetCommitRequest::default()
        .with_group_id(text(group).into())
        .with_producer_id(producer.into())
        .with_generation_id(-1)
        .with_topics(vec![topic]);
    match world.ask(3, Request::TxnOffsetCommit(request)) {
        Reply::TxnOffsetCommit(response) => response.topics[0].partitions[0].error_code,
        other => panic!("{other:?}"),
    }
}

fn end(world: &mut World, producer: i64, commit: bool) {
    let producer = Producer { id: ProducerId(producer), epoch: ProducerEpoch(0) };
    world.event(Event::TxnMarker(TxnMarker { producer, coordinator_epoch: 0, commit, transaction_version: 0 }));
}

#[test]
fn a_commit_by_hand_makes_a_group_that_only_keeps_offsets() {
    let mut world = World::new(quick());
    assert_eq!(world.commit(8, commit("g", "", -1, "t", 5)), 0);
    assert_eq!(world.commit(8, commit("g", "", -1, "t", 3)), 0, "back is allowed");
    assert_eq!(world.commit(8, commit("g", "m", -1, "t", -7)), 0, "negative is allowed too");
    assert_eq!(world.committed("g", "t", 0, false), (-7, 0));
    assert_eq!(&*world.describe("g").group_state, "Empty");
    assert_eq!(world.committed("other", "t", 0, false), (-1, 0));
    world.crash();
    assert_eq!(world.committed("g", "t", 0, false), (-7, 0));
}

#[test]
fn members_commit_in_their_generation_only() {
    let mut world = World::new(quick());
    assert_eq!(world.commit(8, commit("g", "m", 3, "t", 1)), ErrorCode::IllegalGeneration.code());
    assert_eq!(world.commit(9, commit("g", "m", 3, "t", 1)), ErrorCode::GroupIdNotFound.code());
    let (a, generation) = world.stable(join("g"));
    assert_eq!(world.commit(8, commit("g", &a, generation, "t", 5)), 0);
    assert_eq!(world.commit(8, commit("g", &a, generation + 1, "t", 6)), ErrorCode::IllegalGeneration.code());
    assert_eq!(world.commit(8, commit("g", "nobody", generation, "t", 6)), ErrorCode::UnknownMemberId.code());
    assert_eq!(world.commit(8, commit("g", "", -1, "t", 6)), ErrorCode::UnknownMemberId.code());
    let other = commit("g", &a, generation, "t", 6).with_group_instance_id(Some(text("nine")));
    assert_eq!(world.commit(8, other), ErrorCode::UnknownMemberId.code());
    // While others are called to join, the old generation may still commit; while the leader assigns, nobody.
    world.enter(join("g"), "b");
    assert_eq!(world.commit(8, commit("g", &a, generation, "t", 7)), 0);
    world.send(9, "a", Request::JoinGroup(join("g").with_member_id(text(&a))));
    let refused = world.commit(8, commit("g", &a, generation + 1, "t", 8));
    assert_eq!(refused, ErrorCode::RebalanceInProgress.code());
    assert_eq!(world.committed("g", "t", 0, false), (7, 0));
}

#[test]
fn a_commit_keeps_the_session_alive() {
    let mut world = World::new(quick());
    let (a, generation) = world.stable(join("g"));
    for offset in 0..5 {
        world.advance(9_000);
        assert_eq!(world.commit(8, commit("g", &a, generation, "t", offset)), 0);
    }
}

#[test]
fn metadata_is_limited_in_java_characters() {
    let mut world = World::new(quick());
    let mut with = |metadata: String| {
        let mut request = commit("g", "", -1, "t", 5);
        request.topics[0].partitions[0].committed_metadata = Some(text(&metadata));
        world.commit(8, request)
    };
    assert_eq!(with("m".repeat(4096)), 0);
    assert_eq!(with("ä".repeat(4096)), 0);
    assert_eq!(with("m".repeat(4097)), ErrorCode::OffsetMetadataTooLarge.code());
    assert_eq!(with("\u{1F600}".repeat(2049)), ErrorCode::OffsetMetadataTooLarge.code());
}

#[test]
fn offsets_of_a_transaction_count_when_it_commits() {
    let mut world = World::new(quick());
    world.commit(8, commit("g", "", -1, "t", 1));
    assert_eq!(in_transaction(&mut world, "g", 7, 10), 0);
    assert_eq!(world.committed("g", "t", 0, false), (1, 0));
    assert_eq!(world.committed("g", "t", 0, true), (-1, ErrorCode::UnstableOffsetCommit.code()));
    world.crash();
    assert_eq!(world.committed("g", "t", 0, true), (-1, ErrorCode::UnstableOffsetCommit.code()));
    end(&mut world, 7, true);
    assert_eq!(world.committed("g", "t", 0, true), (10, 0));
    in_transaction(&mut world, "g", 7, 20);
    end(&mut world, 7, false);
    assert_eq!(world.committed("g", "t", 0, true), (10, 0));
    // What was committed after the transaction's own commit is newer than it.
    in_transaction(&mut world, "g", 8, 30);
    world.commit(8, commit("g", "", -1, "t", 15));
    end(&mut world, 8, true);
    assert_eq!(world.committed("g", "t", 0, true), (15, 0));
}

#[test]
fn offsets_age_from_the_moment_the_group_is_empty() {
    let mut world = World::new(quick());
    let (a, generation) = world.stable(join("g"));
    world.commit(8, commit("g", &a, generation, "t", 5));
    world.commit(8, commit("simple", "", -1, "t", 5));
    let beat_for = |world: &mut World, hours: i64| {
        for _ in 0..hours * 400 {
            world.advance(HOUR_MS / 400);
            assert_eq!(world.beat("g", generation, &a), 0);
        }
    };
    beat_for(&mut world, 3);
    world.leave("g", &a, None);
    world.advance(7 * 24 * HOUR_MS - 2 * HOUR_MS);
    assert_eq!(world.committed("simple", "t", 0, false), (-1, 0), "it aged from its commit");
    assert!(!world.machine.store().groups.contains_key("simple"), "nothing was left of it");
    assert_eq!(world.committed("g", "t", 0, false), (5, 0));
    world.advance(3 * HOUR_MS);
    assert_eq!(world.committed("g", "t", 0, false), (-1, 0));
    assert_eq!(world.describe("g").error_code, ErrorCode::GroupIdNotFound.code());
    assert!(world.rebuilt().store().groups.is_empty());
}

#[test]
fn a_retention_of_its_own_counts_before_the_brokers() {
    let mut world = World::new(quick());
    world.commit(2, commit("g", "", -1, "t", 5).with_retention_time_ms(HOUR_MS));
    world.advance(HOUR_MS - 1);
    assert_eq!(world.committed("g", "t", 0, false), (5, 0));
    world.advance(HOUR_MS);
    assert_eq!(world.committed("g", "t", 0, false), (-1, 0));
}

#[test]
fn a_pending_offset_keeps_group_and_offset() {
    let mut world = World::new(GroupConfig { offsets_retention_ms: 1, ..quick() });
    world.commit(8, commit("g", "", -1, "t", 5));
    in_transaction(&mut world, "g", 7, 10);
    world.advance(24 * HOUR_MS);
    assert_eq!(world.committed("g", "t", 0, false), (5, 0));
}

#[test]
fn a_deleted_topic_takes_its_offsets_but_not_those_of_its_namesake() {
    let mut world = World::new(quick());
    let (old, new) = (uuid::Uuid::from_u128(1), uuid::Uuid::from_u128(2));
    let with_id = |group, id| {
        let mut request = commit(group, "", -1, "t", 5);
        request.topics[0].topic_id = id;
        request
    };
    world.commit(10, with_id("old", old));
    world.commit(10, with_id("new", new));
    world.commit(9, commit("none", "", -1, "t", 5));
    in_transaction(&mut world, "pending", 7, 10);
    world.event(Event::TopicsDeleted(vec![("t".into(), TopicId(old))]));
    end(&mut world, 7, true);
    let left = ["old", "new", "none", "pending"].map(|group| world.committed(group, "t", 0, false).0);
    assert_eq!(left, [-1, 5, -1, -1]);
}

#[test]
fn offsets_are_deleted_unless_they_are_in_use() {
    let mut world = World::new(quick());
    let delete = |world: &mut World, group: &str| {
        let partition = offset_delete_request::OffsetDeleteRequestPartition::default();
        let topic = offset_delete_request::OffsetDeleteRequestTopic::default()
            .with_name(text("t").into())
            .with_partitions(vec![partition]);
        let request = OffsetDeleteRequest::default().with_group_id(text(group).into()).with_topics(vec![topic]);
        match world.ask(0, Request::OffsetDelete(request)) {
            Reply::OffsetDelete(r) => (r.error_code, r.topics.first().map_or(0, |t| t.partitions[0].error_code)),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(delete(&mut world, "no"), (ErrorCode::GroupIdNotFound.code(), 0));
    assert_eq!(delete(&mut world, ""), (ErrorCode::InvalidGroupId.code(), 0));
    world.commit(8, commit("g", "", -1, "t", 5));
    assert_eq!(delete(&mut world, "g"), (0, 0));
    assert_eq!(world.committed("g", "t", 0, false), (-1, 0));
    world.stable(join("live"));
    assert_eq!(delete(&mut world, "live"), (0, ErrorCode::GroupSubscribedToTopic.code()), "unreadable is all");
    world.stable(join("connect").with_protocol_type(text("connect")));
    assert_eq!(delete(&mut world, "connect"), (ErrorCode::NonEmptyGroup.code(), 0));
}

#[test]
fn only_empty_groups_are_deleted() {
    let mut world = World::new(quick());
    let (a, _) = world.stable(join("live"));
    world.commit(8, commit("simple", "", -1, "t", 5));
    in_transaction(&mut world, "simple", 7, 9);
    let delete = |world: &mut World| {
        let ids = ["live", "simple", "no"].map(Into::into).to_vec();
        match world.ask(2, Request::DeleteGroups(ids)) {
            Reply::DeleteGroups(results) => results.iter().map(|r| r.error_code).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        }
    };
    let (live, gone) = (ErrorCode::NonEmptyGroup.code(), ErrorCode::GroupIdNotFound.code());
    assert_eq!(delete(&mut world), [live, 0, gone]);
    end(&mut world, 7, true);
    assert_eq!(world.committed("simple", "t", 0, false), (-1, 0));
    world.leave("live", &a, None);
    assert_eq!(delete(&mut world), [0, gone, gone]);
    assert!(world.rebuilt().store().groups.is_empty());
}

#[test]
fn groups_are_listed_by_state_and_type() {
    let mut world = World::new(quick());
    world.stable(join("stable"));
    world.commit(8, commit("simple", "", -1, "t", 5));
    let mut list = |states: &[&str], types: &[&str]| {
        let owned = |names: &[&str]| names.iter().map(|name| name.to_string()).collect();
        match world.ask(5, Request::ListGroups { states: owned(states), types: owned(types) }) {
            Reply::ListGroups(groups) => groups.iter().map(|g| g.group_id.to_string()).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(list(&[], &[]), ["simple", "stable"]);
    assert_eq!(list(&["STABLE "], &["Classic"]), ["stable"]);
    assert_eq!(list(&["Dead"], &[]), [""; 0]);
    assert_eq!(list(&[], &["consumer"]), [""; 0]);
    assert_eq!(list(&[], &["nonsense"]), [""; 0]);
}
