//! Static members: the instance keeps its place, whatever member id it comes with.

use super::harness::{World, commit, join, protocol, quick};
use crate::controller::group::events::{Request, text};
use crate::model::ErrorCode;

fn one() -> crate::wire::messages::JoinGroupRequest {
    join("g").with_group_instance_id(Some(text("one")))
}

#[test]
fn an_instance_that_comes_back_takes_over_without_a_rebalance() {
    let mut world = World::new(quick());
    let (old, generation) = world.stable(one());
    assert!(old.starts_with("one-"));
    let ticket = world.send(9, "a2", Request::JoinGroup(one()));
    let back = world.joined(ticket);
    assert_eq!((back.error_code, back.generation_id), (0, generation));
    assert!(back.skip_assignment);
    assert_eq!(back.leader, back.member_id);
    assert_eq!(back.members.len(), 1);
    assert_ne!(&*back.member_id, old);

    let beat = crate::wire::messages::HeartbeatRequest::default()
        .with_group_id(text("g").into())
        .with_generation_id(generation)
        .with_member_id(text(&old))
        .with_group_instance_id(Some(text("one")));
    let crate::controller::group::events::Reply::Heartbeat(fenced) = world.ask(4, Request::Heartbeat(beat)) else {
        panic!("no heartbeat")
    };
    assert_eq!(fenced.error_code, ErrorCode::FencedInstanceId.code());
    let fenced = commit("g", &old, generation, "t", 1).with_group_instance_id(Some(text("one")));
    assert_eq!(world.commit(8, fenced), ErrorCode::FencedInstanceId.code());

    let ticket = world.sync("g", generation, &back.member_id, &[]);
    assert_eq!(&world.synced(ticket).assignment[..], b"all");
    world.crash();
    assert_eq!(world.beat("g", generation, &back.member_id), 0, "the new id was written");
}

#[test]
fn before_version_9_a_returning_leader_is_not_told_that_it_leads() {
    let mut world = World::new(quick());
    let (old, _) = world.stable(one());
    let ticket = world.send(5, "a", Request::JoinGroup(one()));
    let back = world.joined(ticket);
    assert_eq!(&*back.leader, old);
    assert!(back.members.is_empty() && !back.skip_assignment);
}

#[test]
fn changed_protocols_rebalance() {
    let mut world = World::new(quick());
    let (_, generation) = world.stable(one());
    let ticket = world.send(9, "a", Request::JoinGroup(one().with_protocols(vec![protocol("range", b"other")])));
    let back = world.joined(ticket);
    assert_eq!(back.generation_id, generation, "same protocol: what it tells may change quietly");
    // Another protocol is what nobody offers yet; a single member may still bring it along with the old one.
    let both = vec![protocol("sticky", b""), protocol("range", b"")];
    let ticket = world.send(9, "a", Request::JoinGroup(one().with_protocols(both)));
    let back = world.joined(ticket);
    assert_eq!((back.generation_id, back.protocol_name.as_deref()), (generation + 1, Some("sticky")));
}

#[test]
fn whoever_waits_under_the_old_id_is_fenced() {
    let mut world = World::new(quick());
    world.stable(join("g"));
    let first = world.send(9, "x", Request::JoinGroup(one()));
    assert!(world.is_waiting(first));
    let second = world.send(9, "x", Request::JoinGroup(one()));
    assert_eq!(world.joined(first).error_code, ErrorCode::FencedInstanceId.code());
    assert!(world.is_waiting(second));
}

#[test]
fn an_administrator_removes_by_instance() {
    let mut world = World::new(quick());
    world.stable(one());
    assert_eq!(world.leave("g", "", Some("nine")), [ErrorCode::UnknownMemberId.code()]);
    assert_eq!(world.leave("g", "", Some("one")), [0]);
    assert_eq!(&*world.describe("g").group_state, "Empty");
}

#[test]
fn a_static_member_keeps_its_place_until_its_session_ends() {
    let mut world = World::new(quick());
    let (_, generation) = world.stable(one().with_session_timeout_ms(60_000));
    world.enter(join("g"), "b");
    world.advance(20_000);
    let group = world.describe("g");
    assert_eq!(group.members.len(), 2, "it did not rejoin, but it is still expected");
    assert_eq!(&*group.group_state, "CompletingRebalance");
    assert_eq!(world.machine.store().classic("g").unwrap().generation(), generation + 1);
}
