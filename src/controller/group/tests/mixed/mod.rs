//! Members of both protocols in one group, in random order: they join, beat, lose answers, change their minds, leave
//! and vanish, while topics change and the broker crashes. After every step: no partition is held by two members,
//! epochs only grow, and the log makes the same group. In the end everyone that is left has its share.

mod clients;

use std::collections::{BTreeMap, BTreeSet};

use self::clients::{Client, Doing, GROUP, Partition, Protocol, Wants};
use super::beats::beat;
use super::harness::{World, quick, seeds};
use super::topics::Topics;
use crate::controller::group::classic::State;
use crate::controller::group::config::GroupConfig;
use crate::controller::group::events::text;
use crate::controller::group::regex::TopicPattern;
use crate::controller::group::store::Group;
use crate::controller::topics::TopicsView;

struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % n
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

const SEEDS: u64 = 60;
const NAMES: [&str; 3] = ["t0", "t1", "x0"];

struct Scene {
    seed: u64,
    dice: Dice,
    world: World,
    topics: Topics,
    clients: Vec<Client>,
    made: usize,
    /// Epoch of the group, and of its members by id, after the step before.
    epoch: i32,
    member_epochs: BTreeMap<String, i32>,
}

impl Scene {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) + 1);
        let topics = Topics::of(&[("t0", 1 + dice.below(6) as i32), ("t1", 1 + dice.below(4) as i32)]);
        let interval_ms = [0, 1_000][dice.below(2)];
        let config = GroupConfig { consumer_assignment_interval_ms: interval_ms, ..quick() };
        let world = World::with_topics(config, topics.shared());
        Scene { seed, dice, world, topics, clients: Vec::new(), made: 0, epoch: 0, member_epochs: BTreeMap::new() }
    }

    fn wants(&mut self, may_match: bool) -> Wants {
        if may_match && self.dice.one_in(3) {
            return Wants::Pattern(["t.", ".*0", "none"][self.dice.below(3)]);
        }
        let count = 1 + self.dice.below(2);
        Wants::Names((0..count).map(|_| NAMES[self.dice.below(NAMES.len())]).collect())
    }

    fn add(&mut self) {
        self.made += 1;
        let is_new = !self.dice.one_in(3);
        let wants = self.wants(is_new);
        let instance = self.dice.one_in(5).then(|| format!("i{}", self.dice.below(2)));
        if instance.is_some() && self.clients.iter().any(|c| c.instance == instance) {
            return;
        }
        self.clients.push(Client {
            id: if is_new { format!("m{}", self.made) } else { String::new() },
            instance,
            wants,
            owned: BTreeSet::new(),
            epoch: 0,
            assignor: [None, Some("uniform"), Some("range")][self.dice.below(3)],
            protocol: match is_new {
                true => Protocol::New { says_all: false },
                false => Protocol::Classic { doing: Doing::Out, cooperative: self.dice.one_in(2), dealt: None },
            },
        });
    }

    /// One step of one client; its answer may be lost on the way.
    fn step(&mut self, n: usize, loses: bool) {
        let client = &mut self.clients[n];
        let outcome = match client.protocol {
            Protocol::New { says_all } => {
                let response = self.world.beat_at(1, client.heartbeat(&self.topics, says_all));
                if loses {
                    client.protocol = Protocol::New { says_all: true };
                    Ok(())
                } else {
                    client.heard(&response, &self.topics)
                }
            }
            Protocol::Classic { .. } => client.step_classic(&mut self.world),
        };
        assert_eq!(outcome, Ok(()), "seed {}: {client:?}", self.seed);
    }

    fn leave(&mut self, n: usize) {
        let client = self.clients.remove(n);
        if client.is_new() {
            let for_a_while = client.instance.is_some() && self.dice.one_in(2);
            let epoch = if for_a_while { -2 } else { -1 };
            let request = beat(GROUP, &client.id, epoch).with_instance_id(client.instance.as_deref().map(text));
            self.world.beat_at(1, request);
        } else if !client.id.is_empty() {
            self.world.leave(GROUP, &client.id, client.instance.as_deref());
        }
    }

    fn chaos(&mut self) {
        let n = self.clients.len();
        match self.dice.below(40) {
            0 | 1 if n < 6 => self.add(),
            2 if n > 0 => {
                let n = self.dice.below(n);
                self.leave(n);
            }
            // It vanishes without a word.
            3 if n > 0 && self.dice.one_in(2) => {
                let n = self.dice.below(n);
                self.clients.remove(n);
            }
            4 if n > 0 => {
                let n = self.dice.below(n);
                let wants = self.wants(self.clients[n].is_new());
                let client = &mut self.clients[n];
                match &mut client.protocol {
                    Protocol::New { says_all } => *says_all = true,
                    Protocol::Classic { doing: doing @ Doing::Working, .. } => *doing = Doing::Out,
                    // One that is just joining says the new ones next time.
                    Protocol::Classic { .. } => return,
                }
                client.wants = wants;
            }
            5 if self.dice.one_in(3) => self.change_topics(),
            6 if self.dice.one_in(3) => self.crash(),
            7 => self.world.advance(12_000),
            8..12 => self.world.advance(1_000),
            _ if n > 0 => {
                let n = self.dice.below(n);
                let loses = self.dice.one_in(12);
                self.step(n, loses);
            }
            _ => self.add(),
        }
        self.check();
    }

    fn change_topics(&mut self) {
        let name = NAMES[self.dice.below(NAMES.len())];
        match self.topics.by_name(name) {
            Some(_) if self.dice.one_in(4) => {
                self.topics.remove(name);
                // Its partitions are gone; a consumer learns that from its metadata.
                for client in &mut self.clients {
                    client.owned.retain(|(topic, _)| topic != name);
                }
            }
            Some((_, count)) => self.topics.set(name, count + 1),
            None => self.topics.set(name, 2),
        }
        self.world.set_topics(self.topics.shared());
    }

    /// Requests that waited are never answered; clients send them anew.
    fn crash(&mut self) {
        self.world.crash();
        self.world.replies.clear();
        // A classic generation that nobody had synced was not written.
        if matches!(self.group(), Some(Group::Classic(_))) {
            self.epoch = 0;
        }
        for client in &mut self.clients {
            if let Protocol::Classic { doing: doing @ (Doing::Joining(_) | Doing::Syncing(_)), .. } =
                &mut client.protocol
            {
                *doing = Doing::Out;
            }
        }
    }

    fn group(&self) -> Option<&Group> {
        self.world.machine.store().groups.get(GROUP)
    }

    fn check(&mut self) {
        let seed = self.seed;
        let (epoch, members) = match self.group() {
            Some(Group::Consumer(group)) if !group.is_empty() => {
                let mut holders: BTreeMap<_, &str> = BTreeMap::new();
                for member in group.members() {
                    for (topic, partitions) in member.assigned.iter().chain(&member.revoking) {
                        for partition in partitions.keys() {
                            let other = holders.insert((*topic, *partition), &member.id);
                            assert!(other.is_none(), "seed {seed}: {partition} of {other:?} and {}", member.id);
                            assert_eq!(group.holder(*topic, *partition), Some(&member.id), "seed {seed}");
                        }
                    }
                }
                assert!(group.assignment_epoch <= group.epoch, "seed {seed}");
                let epochs = group.members().map(|m| (m.id.to_string(), m.epoch)).collect();
                (group.epoch, epochs)
            }
            Some(Group::Classic(group)) if !group.is_empty() => (group.generation(), BTreeMap::new()),
            // Without members the other protocol may begin anew.
            _ => (0, BTreeMap::new()),
        };
        assert!(epoch == 0 || epoch >= self.epoch, "seed {seed}: group epoch {} -> {epoch}", self.epoch);
        for (id, epoch) in &members {
            let before = self.member_epochs.get(id).copied().unwrap_or(0);
            assert!(*epoch >= before || *epoch == -2, "seed {seed}: {id} {before} -> {epoch}");
        }
        self.epoch = epoch;
        self.member_epochs = members;
        self.check_clients();
    }

    /// Those that the group still counts on, and that know it. A classic consumer that joins may have been removed
    /// since it last heard of the group; what it may go on with it is told by the answer to its SyncGroup.
    fn check_clients(&self) {
        let Some(Group::Consumer(group)) = self.group() else { return };
        let mut owners: BTreeMap<&Partition, &str> = BTreeMap::new();
        for client in &self.clients {
            let Some(member) = group.member(&client.id) else { continue };
            let is_settled =
                matches!(client.protocol, Protocol::New { .. } | Protocol::Classic { doing: Doing::Working, .. });
            if !is_settled || member.epoch != client.epoch && member.previous_epoch != client.epoch {
                continue;
            }
            for partition in &client.owned {
                let other = owners.insert(partition, &client.id);
                assert!(other.is_none(), "seed {}: {partition:?} used by {other:?} and {}", self.seed, client.id);
            }
        }
    }

    fn same_after_replay(&self) {
        let rebuilt = self.world.rebuilt();
        let seed = self.seed;
        let of = |group: &Group| match group {
            Group::Classic(group) => (group.written().cloned(), None),
            Group::Consumer(group) => (None, Some(group.clone())),
        };
        let live: Vec<_> = self.world.machine.store().groups.iter().map(|(id, g)| (id.clone(), of(g))).collect();
        let again: Vec<_> = rebuilt.store().groups.iter().map(|(id, g)| (id.clone(), of(g))).collect();
        assert_eq!(live, again, "seed {seed}");
    }

    fn converge(&mut self) {
        for _ in 0..90 {
            for _ in 0..2 {
                for n in 0..self.clients.len() {
                    self.step(n, false);
                    self.check();
                }
            }
            self.world.advance(1_000);
            if self.has_converged().is_ok() {
                return;
            }
        }
        panic!("seed {}: {:?}", self.seed, self.has_converged());
    }

    fn has_converged(&self) -> Result<(), String> {
        let Some(group) = self.group() else {
            return if self.clients.is_empty() { Ok(()) } else { Err("no group".into()) };
        };
        let state = match group {
            Group::Consumer(group) => group.state().name(),
            Group::Classic(group) if group.state() == State::Stable => "Stable",
            Group::Classic(group) => group.state().name(),
        };
        let expected = if self.clients.is_empty() { "Empty" } else { "Stable" };
        let mut owned = BTreeSet::new();
        for client in &self.clients {
            for partition in &client.owned {
                if !owned.insert(partition.clone()) {
                    return Err(format!("{partition:?} twice"));
                }
            }
        }
        let wanted = self.wanted();
        match state == expected && owned == wanted {
            true => Ok(()),
            false => Err(format!("{state}, {owned:?} of {wanted:?}, {:?}", self.clients)),
        }
    }

    /// Every partition that anyone wants.
    fn wanted(&self) -> BTreeSet<Partition> {
        let mut wanted = BTreeSet::new();
        self.topics.for_each(&mut |name, _, partitions| {
            let is_wanted = self.clients.iter().any(|client| match &client.wants {
                Wants::Names(names) => names.contains(&&**name),
                Wants::Pattern(pattern) => TopicPattern::parse(pattern).unwrap().matches(name),
            });
            if is_wanted {
                wanted.extend((0..partitions).map(|p| (name.to_string(), p)));
            }
        });
        wanted
    }
}

#[test]
fn members_of_both_protocols_never_share_a_partition_and_all_converge() {
    let mut protocols = BTreeSet::new();
    for seed in seeds(SEEDS) {
        let mut scene = Scene::new(seed);
        for step in 0..400 {
            scene.chaos();
            if step % 100 == 0 {
                scene.same_after_replay();
            }
            protocols.insert(scene.group().map(|group| group.group_type().name()));
        }
        scene.same_after_replay();
        scene.converge();
        scene.same_after_replay();
    }
    assert_eq!(protocols.len(), 3, "no group, classic, consumer");
}
