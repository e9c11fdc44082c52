//! Joining, syncing, leaving and being dropped.

use super::harness::{World, join, protocol, quick};
use crate::controller::group::config::GroupConfig;
use crate::controller::group::events::{Request, text};
use crate::model::ErrorCode;

fn code(error: ErrorCode) -> i16 {
    error.code()
}

#[test]
fn a_new_member_joins_twice_and_finds_itself_leader() {
    let mut world = World::new(quick());
    let ticket = world.send(9, "app", Request::JoinGroup(join("g")));
    let first = world.joined(ticket);
    assert_eq!(first.error_code, code(ErrorCode::MemberIdRequired));
    assert!(first.member_id.starts_with("app-"));

    let again = join("g").with_member_id(first.member_id.clone());
    let ticket = world.send(9, "app", Request::JoinGroup(again));
    let joined = world.joined(ticket);
    assert_eq!((joined.error_code, joined.generation_id), (0, 1));
    assert_eq!(joined.leader, first.member_id);
    assert_eq!(joined.members.len(), 1);
    assert_eq!(joined.protocol_name.as_deref(), Some("range"));
    assert_eq!(&*world.describe("g").group_state, "CompletingRebalance");

    let ticket = world.sync("g", 1, &joined.member_id, &[(&joined.member_id, "mine")]);
    assert_eq!(&world.synced(ticket).assignment[..], b"mine");
    let described = world.describe("g");
    assert_eq!(&*described.group_state, "Stable");
    assert_eq!(&described.members[0].member_metadata[..], b"meta");
}

#[test]
fn old_clients_join_at_once_and_their_session_timeout_is_their_rebalance_timeout() {
    let mut world = World::new(quick());
    let ticket = world.send(0, "old", Request::JoinGroup(join("g").with_rebalance_timeout_ms(-1)));
    assert_eq!(world.joined(ticket).error_code, 0);
    let group = world.machine.store().classic("g").unwrap();
    assert_eq!(group.members().values().next().unwrap().rebalance_timeout_ms, 10_000);
}

#[test]
fn a_protocol_that_is_listed_twice_is_one() {
    let mut world = World::new(quick());
    let twice = || join("g").with_protocols(vec![protocol("range", b"a"), protocol("range", b"b")]);
    let ticket = world.enter(twice(), "a");
    let joined = world.joined(ticket);
    assert_eq!((joined.error_code, joined.protocol_name.as_deref()), (0, Some("range")));
    assert_eq!(&joined.members[0].metadata[..], b"a");
}

#[test]
fn the_first_rebalance_waits_for_members_and_longer_while_they_come() {
    let mut world = World::new(GroupConfig::default());
    let a = world.enter(join("g"), "a");
    world.advance(2_000);
    let b = world.enter(join("g"), "b");
    world.advance(1_000);
    assert!(world.is_waiting(a), "b came within the delay, so it starts over");
    world.advance(2_999);
    assert!(world.is_waiting(a) && world.is_waiting(b));
    world.advance(1);
    let (a, b) = (world.joined(a), world.joined(b));
    assert_eq!((a.generation_id, b.generation_id), (1, 1));
    assert_eq!(a.leader, b.leader);
    assert_eq!(a.members.len() + b.members.len(), 2, "only the leader sees the members");
}

#[test]
fn a_second_member_makes_the_first_rejoin() {
    let mut world = World::new(quick());
    let (a, generation) = world.stable(join("g"));
    let b = world.enter(join("g"), "b");
    assert!(world.is_waiting(b));
    assert_eq!(world.beat("g", generation, &a), code(ErrorCode::RebalanceInProgress));
    let a_again = world.send(9, "a", Request::JoinGroup(join("g").with_member_id(text(&a))));
    let (joined_a, joined_b) = (world.joined(a_again), world.joined(b));
    assert_eq!((joined_a.generation_id, joined_b.generation_id), (2, 2));
    assert_eq!(&*joined_a.leader, a);
    let b = joined_b.member_id.to_string();

    let waiting = world.sync("g", 2, &b, &[]);
    assert!(world.is_waiting(waiting));
    assert_eq!(world.beat("g", 2, &b), 0);
    let leader = world.sync("g", 2, &a, &[(&a, "for a"), (&b, "for b")]);
    assert_eq!(&world.synced(leader).assignment[..], b"for a");
    assert_eq!(&world.synced(waiting).assignment[..], b"for b");
    assert_eq!(world.leave("g", &b, None), [0]);
    assert_eq!(world.beat("g", 2, &a), code(ErrorCode::RebalanceInProgress));
}

#[test]
fn whoever_does_not_rejoin_in_time_is_out() {
    let mut world = World::new(quick());
    let (a, generation) = world.stable(join("g"));
    let b = world.enter(join("g"), "b");
    for _ in 0..4 {
        world.advance(4_999);
        assert_eq!(world.beat("g", generation, &a), code(ErrorCode::RebalanceInProgress));
    }
    assert!(world.is_waiting(b));
    world.advance(10);
    let joined = world.joined(b);
    assert_eq!((joined.error_code, joined.generation_id), (0, 2));
    assert_eq!(joined.leader, joined.member_id);
    assert_eq!(world.beat("g", 2, &a), code(ErrorCode::UnknownMemberId));
}

#[test]
fn a_silent_member_is_dropped_and_the_group_is_empty() {
    let mut world = World::new(quick());
    let (a, generation) = world.stable(join("g"));
    world.advance(9_999);
    assert_eq!(world.beat("g", generation, &a), 0);
    world.advance(10_000);
    assert_eq!(world.beat("g", generation, &a), code(ErrorCode::UnknownMemberId));
    assert_eq!(&*world.describe("g").group_state, "Empty");
}

#[test]
fn an_id_that_is_never_used_is_forgotten() {
    let mut world = World::new(quick());
    let ticket = world.send(9, "app", Request::JoinGroup(join("g")));
    let id = world.joined(ticket).member_id;
    world.advance(10_000);
    let ticket = world.send(9, "app", Request::JoinGroup(join("g").with_member_id(id)));
    assert_eq!(world.joined(ticket).error_code, code(ErrorCode::UnknownMemberId));
}

#[test]
fn a_member_that_joins_but_never_syncs_is_out() {
    let mut world = World::new(quick());
    let ticket = world.enter(join("g"), "a");
    let a = world.joined(ticket).member_id.to_string();
    for _ in 0..3 {
        world.advance(6_000);
        assert_eq!(world.beat("g", 1, &a), 0);
    }
    world.advance(2_001);
    assert_eq!(world.beat("g", 1, &a), code(ErrorCode::UnknownMemberId));
    assert_eq!(&*world.describe("g").group_state, "Empty");
}

#[test]
fn the_most_wanted_common_protocol_is_chosen() {
    let mut world = World::new(GroupConfig::default());
    let both = |first, second| join("g").with_protocols(vec![protocol(first, b"1"), protocol(second, b"2")]);
    let a = world.enter(both("range", "sticky"), "a");
    let b = world.enter(both("sticky", "range"), "b");
    let c = world.enter(both("sticky", "range").with_rebalance_timeout_ms(1), "c");
    world.advance(30_000);
    for ticket in [a, b, c] {
        assert_eq!(world.joined(ticket).protocol_name.as_deref(), Some("sticky"));
    }
}

#[test]
fn what_the_group_cannot_do_is_refused() {
    let mut world = World::new(quick());
    world.stable(join("g"));
    let mut refused = |request: Request| {
        let ticket = world.send(9, "b", request);
        world.joined(ticket).error_code
    };
    let other = join("g").with_protocols(vec![protocol("sticky", b"")]);
    assert_eq!(refused(Request::JoinGroup(other)), code(ErrorCode::InconsistentGroupProtocol));
    let connect = join("g").with_protocol_type(text("connect"));
    assert_eq!(refused(Request::JoinGroup(connect)), code(ErrorCode::InconsistentGroupProtocol));
    let nobody = join("g").with_member_id(text("nobody"));
    assert_eq!(refused(Request::JoinGroup(nobody)), code(ErrorCode::UnknownMemberId));
    assert_eq!(refused(Request::JoinGroup(join(""))), code(ErrorCode::InvalidGroupId));
    for session in [0, 5_999, 1_800_001] {
        let request = join("h").with_session_timeout_ms(session);
        assert_eq!(refused(Request::JoinGroup(request)), code(ErrorCode::InvalidSessionTimeout));
    }
    let none = join("new").with_protocols(Vec::new());
    assert_eq!(refused(Request::JoinGroup(none)), code(ErrorCode::InconsistentGroupProtocol));
    assert_eq!(&*world.describe("new").group_state, "Empty", "it was asked for and exists");
}

#[test]
fn a_full_group_takes_no_more() {
    let mut world = World::new(GroupConfig { classic_size_max: 1, ..quick() });
    let (a, generation) = world.stable(join("g"));
    let b = world.send(0, "b", Request::JoinGroup(join("g")));
    assert_eq!(world.joined(b).error_code, code(ErrorCode::GroupMaxSizeReached));
    assert_eq!(world.beat("g", generation, &a), 0);
}

#[test]
fn a_request_sent_twice_leaves_no_ticket_behind() {
    let mut world = World::new(quick());
    let (a, _) = world.stable(join("g"));
    world.enter(join("g"), "b");
    world.enter(join("g"), "c");
    let again = || Request::JoinGroup(join("g").with_member_id(text(&a)));
    // Not all have joined yet: b and c wait for each other's first trip to end.
    let pending = world.send(9, "d", Request::JoinGroup(join("g")));
    world.joined(pending);
    let first = world.send(9, "a", again());
    let second = world.send(9, "a", again());
    assert_eq!(world.joined(first).error_code, code(ErrorCode::RebalanceInProgress));
    assert!(world.is_waiting(second));
}

#[test]
fn a_restart_keeps_the_last_generation() {
    let mut world = World::new(quick());
    let (a, generation) = world.stable(join("g"));
    world.enter(join("g"), "b");
    world.crash();
    assert_eq!(&*world.describe("g").group_state, "Stable");
    assert_eq!(world.beat("g", generation, &a), 0);
    let ticket = world.sync("g", generation, &a, &[]);
    assert_eq!(&world.synced(ticket).assignment[..], b"all");
    world.advance(10_000);
    assert_eq!(world.beat("g", generation, &a), code(ErrorCode::UnknownMemberId));
}
