//! Results beside those that Apache Kafka's assignors gave for the same groups. `tests/data/assignor_cases.txt` holds
//! chains of changes: in each case the old target of every member and the target it got.

use super::*;

const CASES: &str = include_str!("../../../../tests/data/assignor_cases.txt");

struct Case {
    line: usize,
    assignor: Assignor,
    group: Subscribers,
    topics: Vec<TopicId>,
    expected: Targets,
}

fn assignment(text: &str, topics: &[TopicId]) -> Assignment {
    let mut result = Assignment::new();
    for part in text.split(';').filter(|p| *p != "-") {
        let (topic, partitions) = part.split_once(':').unwrap();
        let set = result.entry(topics[topic.parse::<usize>().unwrap()]).or_default();
        for run in partitions.split(',') {
            let (first, last) = run.split_once('-').unwrap_or((run, run));
            set.extend((first.parse().unwrap()..=last.parse().unwrap()).map(PartitionIndex));
        }
    }
    result
}

fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for (line, text) in CASES.lines().enumerate() {
        let words: Vec<&str> = text.split(' ').collect();
        match words[..] {
            ["case", assignor, topics] => cases.push(Case {
                line: line + 1,
                assignor: Assignor::by_name(assignor).unwrap(),
                group: Subscribers {
                    members: Vec::new(),
                    same_topics: topics == "same",
                    partition_counts: BTreeMap::new(),
                },
                topics: Vec::new(),
                expected: Targets::new(),
            }),
            ["topic", id, count] => {
                let case = cases.last_mut().unwrap();
                case.topics.push(id.parse().unwrap());
                case.group.partition_counts.insert(id.parse().unwrap(), count.parse().unwrap());
            }
            [id, instance, subscribed, old, new] => {
                let case = cases.last_mut().unwrap();
                let topics =
                    subscribed.split(',').filter(|t| *t != "-").map(|t| case.topics[t.parse::<usize>().unwrap()]);
                case.group.members.push(Subscriber {
                    member_id: id.into(),
                    instance_id: (instance != "-").then(|| instance.into()),
                    topics: topics.collect(),
                    target: Arc::new(assignment(old, &case.topics)),
                });
                case.expected.insert(id.into(), assignment(new, &case.topics));
            }
            _ => panic!("line {}: {text}", line + 1),
        }
    }
    cases
}

#[test]
fn results_equal_kafkas() {
    let cases = cases();
    assert!(cases.len() > 300, "{}", cases.len());
    for case in cases {
        let got = case.assignor.assign(&case.group).unwrap();
        for (member, expected) in &case.expected {
            let empty = Assignment::new();
            let got = got.get(member).unwrap_or(&empty);
            assert_eq!(got, expected, "case at line {}, member {member}", case.line);
        }
    }
}

#[test]
fn every_partition_has_one_owner_and_loads_differ_by_one_at_most() {
    for case in cases().into_iter().filter(|c| c.assignor == Assignor::Uniform && c.group.same_topics) {
        let got = case.assignor.assign(&case.group).unwrap();
        let subscribed: BTreeSet<TopicId> = case.group.members[0].topics.iter().copied().collect();
        let mut owners = BTreeMap::new();
        let mut loads = Vec::new();
        for (member, assignment) in &got {
            loads.push(assignment.values().map(BTreeSet::len).sum::<usize>());
            for (topic, partitions) in assignment {
                for partition in partitions {
                    assert!(owners.insert((*topic, *partition), member).is_none(), "line {}", case.line);
                }
            }
        }
        let all: i32 = subscribed.iter().map(|t| case.group.partition_counts[t]).sum();
        assert_eq!(owners.len(), all as usize, "line {}", case.line);
        if let (Some(most), Some(least)) = (loads.iter().max(), loads.iter().min()) {
            assert!(most - least <= 1, "line {}", case.line);
        }
    }
}

#[test]
fn a_topic_that_does_not_exist_is_an_error() {
    let topic = TopicId(uuid::Uuid::from_u128(7));
    let member = Subscriber {
        member_id: "m".into(),
        instance_id: None,
        topics: vec![topic],
        target: Arc::new(Assignment::new()),
    };
    let mut group = Subscribers { members: vec![member], same_topics: true, partition_counts: BTreeMap::new() };
    for assignor in [Assignor::Uniform, Assignor::Range] {
        assert_eq!(assignor.assign(&group), Err(AssignError::NoSuchTopic(topic)));
    }
    group.same_topics = false;
    assert_eq!(Assignor::Uniform.assign(&group), Err(AssignError::NoSuchTopic(topic)));
}
