//! KIP-848 groups, step by step; the answers are those of Apache Kafka 4.3.

use std::sync::Arc;

use parking_lot::Mutex;

use super::beats::{beat, eager, join, join_matching, owning, said};
use super::harness::{World, commit};
use super::topics::Topics;
use crate::controller::group::config::{GroupConfig, GroupOverrides};
use crate::controller::group::events::{Reply, Request, text};
use crate::controller::group::records::{Key, Record};
use crate::controller::machine::LogEntry;
use crate::controller::topics::Sight;
use crate::model::ErrorCode;

fn world(config: GroupConfig, topics: &Topics) -> World {
    World::with_topics(config, topics.shared())
}

fn code(error: ErrorCode) -> i16 {
    error.code()
}

#[test]
fn the_first_member_gets_everything_and_epoch_two() {
    let topics = Topics::of(&[("t", 3)]);
    let mut world = world(GroupConfig::default(), &topics);
    let all = Some(vec![0, 1, 2]);
    assert_eq!(world.beats(join("g", "a", &["t"])), (0, 2, all.clone()));
    assert_eq!(world.epochs("g"), ("Stable".into(), 2, 2));
    assert_eq!(world.beats(beat("g", "a", 2)), (0, 2, None));
    assert_eq!(world.beats(owning(beat("g", "a", 2), &topics, "t", &[0, 1, 2])), (0, 2, None));
    assert_eq!(world.beats(owning(join("g", "a", &["t"]).with_member_epoch(2), &topics, "t", &[0, 1, 2])), (0, 2, all));
    assert_eq!(world.beats(beat("g", "a", -1)), (0, -1, None));
    let unknown = code(ErrorCode::UnknownMemberId);
    assert_eq!(world.beats(beat("g", "a", -1)).0, unknown);
    assert_eq!(world.beats(beat("g", "a", 2)).0, unknown);
    assert_eq!(world.epochs("g"), ("Empty".into(), 3, 2));
    world.ask(2, Request::DeleteGroups(vec!["g".into()]));
    assert_eq!(world.shown("g").error_code, code(ErrorCode::GroupIdNotFound));
    assert_eq!(world.beats(beat("g", "a", 2)).0, code(ErrorCode::GroupIdNotFound));
    assert!(world.rebuilt().store().groups.is_empty());
}

#[test]
fn partitions_move_only_when_they_were_given_back() {
    let topics = Topics::of(&[("t", 6)]);
    let mut world = world(eager(), &topics);
    let range = |request: super::beats::Beat| request.with_server_assignor(Some(text("range")));
    assert_eq!(world.beats(range(join("g", "a", &["t"]))), (0, 2, Some(vec![0, 1, 2, 3, 4, 5])));
    assert_eq!(world.beats(range(join("g", "b", &["t"]))), (0, 3, Some(vec![])));
    assert_eq!(world.beats(beat("g", "a", 2)), (0, 2, Some(vec![0, 1, 2])));
    assert_eq!(world.epochs("g"), ("Reconciling".into(), 3, 3));
    assert_eq!(world.beats(beat("g", "b", 3)), (0, 3, None));
    // Still owning, or not saying so, is not giving back.
    assert_eq!(world.beats(beat("g", "a", 2)), (0, 2, None));
    assert_eq!(world.beats(owning(beat("g", "a", 2), &topics, "t", &[0, 1, 2, 3])), (0, 2, None));
    assert_eq!(world.beats(owning(beat("g", "a", 2), &topics, "t", &[0, 1, 2])), (0, 3, None));
    assert_eq!(world.beats(beat("g", "b", 3)), (0, 3, Some(vec![3, 4, 5])));
    assert_eq!(world.epochs("g"), ("Stable".into(), 3, 3));

    assert_eq!(world.beats(range(join("g", "c", &["t"]))), (0, 4, Some(vec![])));
    assert_eq!(world.beats(beat("g", "c", -1)), (0, -1, None));
    assert_eq!(world.beats(beat("g", "b", -1)), (0, -1, None));
    assert_eq!(world.beats(beat("g", "a", 3)), (0, 6, Some(vec![0, 1, 2, 3, 4, 5])));
    assert_eq!(world.epochs("g"), ("Stable".into(), 6, 6));
    assert_eq!(world.shown("g").assignor_name.to_string(), "range");
}

#[test]
fn assignments_are_computed_once_an_interval() {
    let topics = Topics::of(&[("t", 2)]);
    let own = GroupOverrides { consumer_assignment_interval_ms: Some(1_500), ..GroupOverrides::default() };
    let config = GroupConfig { overrides: [("g".into(), own)].into(), ..GroupConfig::default() };
    let mut world = world(GroupConfig::default(), &topics);
    world.set_config(config);
    assert_eq!(world.beats(join("g", "a", &["t"])), (0, 2, Some(vec![0, 1])));
    assert_eq!(world.beats(join("g", "b", &["t"])), (0, 2, Some(vec![])));
    assert_eq!(world.epochs("g"), ("Assigning".into(), 3, 2));
    assert_eq!(world.beats(beat("g", "a", 2)), (0, 2, None));
    world.advance(1_499);
    assert_eq!(world.beats(beat("g", "a", 2)), (0, 2, None));
    world.advance(1);
    assert_eq!(world.beats(beat("g", "a", 2)).2.unwrap().len(), 1);
    assert_eq!(world.epochs("g"), ("Reconciling".into(), 3, 3));
}

#[test]
fn epochs_that_are_not_the_members_are_fenced() {
    let topics = Topics::of(&[("t", 1)]);
    let mut world = world(eager(), &topics);
    world.beats(join("g", "a", &["t"]));
    let fenced = code(ErrorCode::FencedMemberEpoch);
    assert_eq!(world.beats(beat("g", "a", 3)).0, fenced);
    assert_eq!(world.beats(beat("g", "a", 1)).0, fenced);
    let names = |topics: &[&str]| join("g", "a", topics).with_topic_partitions(None).with_rebalance_timeout_ms(-1);
    assert_eq!(world.beats(names(&["t", "u"]).with_member_epoch(2)), (0, 3, None));
    // The answer may have been lost: the epoch before is good from one who owns no more than it should.
    assert_eq!(world.beats(owning(beat("g", "a", 2), &topics, "t", &[])), (0, 3, None));
    assert_eq!(world.beats(owning(beat("g", "a", 2), &topics, "t", &[7])).0, fenced);
    assert_eq!(world.beats(beat("g", "a", 2)).0, fenced);
    assert_eq!(world.beats(join("g", "a", &["t"])), (0, 4, Some(vec![0])));
    assert_eq!(world.beats(beat("g", "a", -3)).0, code(ErrorCode::InvalidRequest));
    assert_eq!(world.beats(beat("g", "a", -2)).0, code(ErrorCode::InvalidRequest));
}

#[test]
fn requests_that_make_no_sense_are_refused_in_order() {
    let topics = Topics::of(&[("t", 1)]);
    let mut world = world(eager(), &topics);
    let invalid = code(ErrorCode::InvalidRequest);
    let good = || join("g", "a", &["t"]);
    let cases = [
        (join("", "a", &["t"]), invalid),
        (join(" ", "a", &["t"]), invalid),
        (join("g", "", &["t"]), invalid),
        (beat("g", "a", 5), code(ErrorCode::GroupIdNotFound)),
        (good().with_rebalance_timeout_ms(-1), invalid),
        (good().with_subscribed_topic_names(None), invalid),
        (good().with_topic_partitions(None), invalid),
        (owning(good(), &topics, "t", &[0]), invalid),
        (good().with_server_assignor(Some(text("best"))), code(ErrorCode::UnsupportedAssignor)),
        (good().with_server_assignor(Some(text(""))), code(ErrorCode::UnsupportedAssignor)),
        (good().with_instance_id(Some(text(""))), invalid),
        (good().with_rack_id(Some(text(""))), invalid),
        (join_matching("g", "a", "["), code(ErrorCode::InvalidRegularExpression)),
    ];
    for (request, error) in cases {
        let answer = world.beat_at(1, request.clone());
        assert_eq!(answer.error_code, error, "{request:?}");
        assert!(answer.error_message.is_some() && answer.member_id.is_none(), "{answer:?}");
        assert!(world.log.is_empty());
    }
    assert_eq!(world.beats(join("e", "a", &[])), (0, 1, Some(vec![])));
    assert_eq!(world.beats(join("u", "a", &["no"])), (0, 2, Some(vec![])));
    assert_eq!(world.beats(join("d", "a", &["t", "t"]).with_rebalance_timeout_ms(0)), (0, 2, Some(vec![0])));
}

#[test]
fn the_broker_names_members_of_the_first_version() {
    let topics = Topics::of(&[("t", 1)]);
    let mut world = world(eager(), &topics);
    let answer = world.beat_at(0, join("g", "", &["t"]));
    let member = answer.member_id.clone().unwrap();
    assert_eq!(member.len(), 22);
    assert_eq!(said(&answer), (0, 2, Some(vec![0])));
    assert_eq!(world.beats(beat("g", &member, 2)), (0, 2, None));
}

#[test]
fn a_group_that_is_full_takes_only_its_own() {
    let topics = Topics::of(&[("t", 2)]);
    let mut world = world(GroupConfig { consumer_size_max: 1, ..eager() }, &topics);
    let instance = |request: super::beats::Beat| request.with_instance_id(Some(text("one")));
    assert_eq!(world.beats(instance(join("g", "a", &["t"]))).0, 0);
    assert_eq!(world.beats(join("g", "b", &["t"])).0, code(ErrorCode::GroupMaxSizeReached));
    assert_eq!(world.beats(beat("g", "a", 2)).0, 0);
    assert_eq!(world.beats(instance(beat("g", "a", -2))).0, 0);
    assert_eq!(world.beats(instance(join("g", "b", &["t"]))), (0, 2, Some(vec![0, 1])));
}

#[test]
fn a_static_member_keeps_its_partitions_while_it_is_away() {
    let topics = Topics::of(&[("t", 2)]);
    let mut world = world(eager(), &topics);
    let one = |request: super::beats::Beat| request.with_instance_id(Some(text("one")));
    assert_eq!(world.beats(one(join("g", "a", &["t"]))), (0, 2, Some(vec![0, 1])));
    assert_eq!(world.beats(one(join("g", "b", &["t"]))).0, code(ErrorCode::UnreleasedInstanceId));
    assert_eq!(world.beats(beat("g", "a", 2)), (0, 2, None));
    assert_eq!(world.beats(one(beat("g", "a", -2))), (0, -2, None));
    assert_eq!(world.epochs("g"), ("Reconciling".into(), 2, 2));
    assert_eq!(world.shown("g").members[0].assignment.topic_partitions[0].partitions, [0, 1]);
    assert_eq!(world.beats(one(join("g", "b", &["t"]))), (0, 2, Some(vec![0, 1])));
    assert_eq!(world.epochs("g"), ("Stable".into(), 2, 2));
    assert_eq!(world.beats(one(beat("g", "a", 2))).0, code(ErrorCode::FencedInstanceId));
    let unknown = code(ErrorCode::UnknownMemberId);
    let two = |request: super::beats::Beat| request.with_instance_id(Some(text("two")));
    assert_eq!(world.beats(two(beat("g", "b", 2))).0, unknown);
    assert_eq!(world.beats(two(beat("g", "b", -2))).0, unknown);
    // Who does not come back is out after all.
    world.beats(one(beat("g", "b", -2)));
    world.advance(45_000);
    assert_eq!(world.epochs("g"), ("Empty".into(), 3, 2));
}

#[test]
fn silent_and_slow_members_are_removed() {
    let topics = Topics::of(&[("t", 2)]);
    let mut world = world(eager(), &topics);
    world.beats(join("g", "a", &["t"]));
    world.beats(join("g", "b", &["t"]));
    world.advance(30_000);
    world.beats(beat("g", "a", 2));
    world.advance(15_000);
    assert_eq!(world.shown("g").members.len(), 1, "b was silent for its session");
    // a was told to give one partition back 15 s ago; it beats, but does not.
    world.advance(14_999);
    assert_eq!(world.beats(beat("g", "a", 2)).0, 0);
    world.advance(1);
    assert_eq!(world.beats(beat("g", "a", 2)).0, code(ErrorCode::UnknownMemberId));
}

#[test]
fn commits_are_held_to_the_epoch() {
    let topics = Topics::of(&[("t", 3), ("u", 1)]);
    let mut world = world(eager(), &topics);
    world.beats(join("g", "a", &["t"]));
    let stale = code(ErrorCode::StaleMemberEpoch);
    let by = |member: &str, epoch: i32, topic: &str| commit("g", member, epoch, topic, 5);
    assert_eq!(world.commit(9, by("a", 2, "t")), 0);
    assert_eq!(world.commit(9, by("a", 1, "t")), stale);
    assert_eq!(world.commit(9, by("a", 3, "t")), stale);
    assert_eq!(world.commit(9, by("nobody", 2, "t")), code(ErrorCode::UnknownMemberId));
    assert_eq!(world.commit(9, by("", -1, "t")), code(ErrorCode::UnknownMemberId));
    assert_eq!(world.commit(8, by("a", 1, "t")), code(ErrorCode::UnsupportedVersion));
    // With a newer epoch, what it has had since the older one may still be committed at it.
    let more = join("g", "a", &["t", "u"]).with_topic_partitions(None).with_member_epoch(2);
    assert_eq!(world.beats(more).1, 3);
    assert_eq!(world.commit(9, by("a", 2, "t")), 0);
    assert_eq!(world.commit(9, by("a", 2, "u")), stale);
    assert_eq!(world.commit(9, by("a", 3, "u")), 0);
    assert_eq!(world.committed("g", "t", 0, false), (5, 0));
}

#[test]
fn patterns_are_looked_up_after_the_join_and_again_when_topics_change() {
    let mut topics = Topics::of(&[("ra", 2), ("rb", 1), ("other", 1)]);
    let mut world = world(eager(), &topics);
    assert_eq!(world.beats(join_matching("g", "a", "r.")), (0, 1, Some(vec![])));
    assert_eq!(world.beats(beat("g", "a", 1)), (0, 2, Some(vec![0, 1, 0])));
    assert_eq!(world.epochs("g"), ("Stable".into(), 2, 2));
    assert_eq!(world.beats(join_matching("none", "a", "")), (0, 1, Some(vec![])));

    topics.set("rc", 1);
    world.set_topics(topics.shared());
    assert_eq!(world.beats(beat("g", "a", 2)), (0, 2, None), "within ten seconds of the last look");
    world.advance(10_001);
    assert_eq!(world.beats(beat("g", "a", 2)), (0, 2, None), "asks for the look");
    assert_eq!(world.beats(beat("g", "a", 2)), (0, 3, Some(vec![0, 1, 0, 0])));
    world.advance(10_001);
    let log = world.log.len();
    topics.set("rc", 2);
    world.set_topics(topics.shared());
    assert_eq!(world.beats(beat("g", "a", 3)), (0, 4, Some(vec![0, 1, 0, 0, 1])));
    let looked = world.log[log..].iter().filter(|(_, entry)| is_of_a_pattern(entry)).count();
    assert_eq!(looked, 0, "no topic is new");
    topics.remove("rc");
    world.set_topics(topics.shared());
    assert_eq!(world.beats(beat("g", "a", 4)), (0, 4, Some(vec![0, 1, 0])), "a topic that is gone is noticed at once");

    // The last one with the pattern takes it along.
    world.beats(beat("g", "a", -1));
    let log = world.log.len();
    world.crash();
    assert_eq!(world.log.len(), log);
    assert_eq!(world.epochs("g").0, "Empty");
    assert_eq!(world.machine.store().consumer("g").unwrap().all_matches().len(), 0);
}

fn is_of_a_pattern(entry: &LogEntry) -> bool {
    match entry {
        LogEntry::Data(log) => matches!(Record::decode(&log.key, None).map(|r| r.key), Ok(Key::Regex { .. })),
        LogEntry::Marker(_) => false,
    }
}

#[test]
fn a_pattern_matches_only_what_the_member_sees_that_asked() {
    let topics = Topics::of(&[("ra", 1), ("rb", 1), ("rc", 1)]);
    let hidden = Arc::new(Mutex::new("rb"));
    let mut world = world(GroupConfig { consumer_regex_refresh_interval_ms: 20_000, ..eager() }, &topics);
    world.sight = Sight::through({
        let hidden = hidden.clone();
        move |topic| topic != *hidden.lock()
    });
    world.beats(join_matching("g", "a", "r.*"));
    let matched = |world: &World| -> Vec<String> {
        let group = world.machine.store().consumer("g").unwrap();
        group.matches("r.*").unwrap().topics.iter().map(|name| name.to_string()).collect()
    };
    assert_eq!(matched(&world), ["ra", "rc"]);

    // What it may see now counts at the next look.
    *hidden.lock() = "rc";
    assert_eq!(world.beats(beat("g", "a", 1)).1, 2);
    world.advance(20_000);
    world.beats(beat("g", "a", 2));
    assert_eq!(matched(&world), ["ra", "rc"]);
    world.advance(1);
    world.beats(beat("g", "a", 2));
    assert_eq!(matched(&world), ["ra", "rb"]);
}

#[test]
fn a_member_may_change_between_names_and_patterns() {
    let topics = Topics::of(&[("ra", 1), ("rb", 1)]);
    let mut world = world(eager(), &topics);
    assert_eq!(world.beats(join("g", "a", &["ra"])), (0, 2, Some(vec![0])));
    let to_pattern = join_matching("g", "a", "r.").with_subscribed_topic_names(Some(Vec::new()));
    let asked = owning(to_pattern.with_member_epoch(2), &topics, "ra", &[0]);
    // It gives up what its new subscription does not say yet, and gets the pattern's topics with the next beat.
    let (error, epoch, _) = world.beats(asked);
    assert_eq!(error, 0);
    let (error, epoch, partitions) = world.beats(owning(beat("g", "a", epoch), &topics, "ra", &[]));
    assert_eq!((error, partitions), (0, Some(vec![0, 0])));
    let to_name = join("g", "a", &["rb"]).with_subscribed_topic_regex(Some(text(""))).with_member_epoch(epoch);
    let (error, epoch, partitions) = world.beats(owning(to_name, &topics, "rb", &[0]));
    assert_eq!((error, partitions), (0, Some(vec![0])));
    assert_eq!(world.epochs("g"), ("Stable".into(), epoch, epoch));
}

/// Apache Kafka leaves the partitions to nobody here.
#[test]
fn what_a_member_gives_up_for_a_pattern_without_topics_goes_to_the_others() {
    let topics = Topics::of(&[("ra", 2)]);
    let mut world = world(eager(), &topics);
    assert_eq!(world.beats(join("g", "a", &["ra"])), (0, 2, Some(vec![0, 1])));
    world.beats(join("g", "b", &["ra"]));
    world.beats(owning(beat("g", "a", 2), &topics, "ra", &[0]));
    let (_, epoch, partitions) = world.beats(beat("g", "b", 3));
    assert_eq!((epoch, partitions), (3, Some(vec![1])));
    let to_pattern = join_matching("g", "b", "none.*").with_subscribed_topic_names(Some(Vec::new()));
    world.beats(owning(to_pattern.with_member_epoch(3), &topics, "ra", &[1]));
    let (error, epoch, _) = world.beats(owning(beat("g", "b", 3), &topics, "ra", &[]));
    assert_eq!((error, epoch), (0, 4));
    assert_eq!(world.beats(owning(beat("g", "a", 3), &topics, "ra", &[0])), (0, 4, Some(vec![0, 1])));
    assert_eq!(world.epochs("g"), ("Stable".into(), 4, 4));
    // Only once: nobody has anything too much any more.
    world.advance(30_000);
    assert_eq!(world.beats(beat("g", "b", 4)).1, 4);
    assert_eq!(world.beats(beat("g", "a", 4)).1, 4);
}

#[test]
fn new_partitions_and_deleted_topics_are_assigned_with_the_next_beat() {
    let mut topics = Topics::of(&[("t", 1), ("u", 2)]);
    let mut world = world(eager(), &topics);
    assert_eq!(world.beats(join("g", "a", &["t", "u"])).2.unwrap().len(), 3);
    topics.set("t", 3);
    topics.set("unrelated", 3);
    world.set_topics(topics.shared());
    let (error, epoch, partitions) = world.beats(beat("g", "a", 2));
    assert_eq!((error, epoch, partitions.unwrap().len()), (0, 3, 5));
    topics.remove("u");
    world.set_topics(topics.shared());
    assert_eq!(world.beats(beat("g", "a", 3)), (0, 3, Some(vec![0, 1, 2])));
    assert_eq!(world.beats(owning(beat("g", "a", 3), &topics, "t", &[0, 1, 2])), (0, 4, None));
    topics.set("another", 1);
    world.set_topics(topics.shared());
    assert_eq!(world.beats(beat("g", "a", 4)), (0, 4, None), "changes elsewhere are none here");
}

#[test]
fn a_group_is_listed_and_described_by_its_own_protocol_only() {
    let topics = Topics::of(&[("t", 1)]);
    let mut world = world(eager(), &topics);
    world.beats(join("g", "a", &["t"]).with_rack_id(Some(text("r1"))));
    let Reply::ListGroups(groups) =
        world.ask(5, Request::ListGroups { states: vec![], types: vec!["Consumer".into()] })
    else {
        panic!()
    };
    let listed = &groups[0];
    assert_eq!((&*listed.group_state, &*listed.group_type, &*listed.protocol_type), ("Stable", "consumer", "consumer"));
    assert_eq!(world.describe("g").error_code, code(ErrorCode::GroupIdNotFound));
    let shown = world.shown("g");
    let member = &shown.members[0];
    assert_eq!(member.rack_id.as_deref(), Some("r1"));
    assert_eq!(member.subscribed_topic_regex.as_deref(), Some(""));
    assert_eq!(&*member.assignment.topic_partitions[0].topic_name.0, "t");
    assert_eq!((member.member_type, &*shown.assignor_name), (1, "uniform"));
}
