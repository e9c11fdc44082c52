//! Random clients in random order, with crashes of members and of the broker, against what must always hold.

use std::collections::BTreeMap;

use super::harness::{World, commit, join, quick, seeds, sync};
use crate::controller::group::GroupMachine;
use crate::controller::group::classic::State;
use crate::controller::group::events::{Reply, Request, text};
use crate::controller::group::store::Group;
use crate::controller::machine::Ticket;
use crate::model::ErrorCode;
use crate::wire::messages::{JoinGroupRequest, JoinGroupResponse};

const PARTITIONS: usize = 7;

/// A small generator with a printable seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % n
    }
}

enum Doing {
    Nothing,
    Joining(Ticket),
    Syncing(Ticket),
    Working,
}

struct Client {
    name: String,
    instance: Option<String>,
    member: String,
    generation: i32,
    /// What it was assigned in its generation.
    share: Vec<usize>,
    doing: Doing,
    alive: bool,
}

struct Scene {
    seed: u64,
    dice: Dice,
    world: World,
    clients: Vec<Client>,
    /// Acknowledged commits by partition: the naive group.
    committed: BTreeMap<usize, i64>,
    /// The group's generation after the step before.
    generation: i32,
    /// What each leader decided: generation to member to share.
    decided: BTreeMap<(i32, String), String>,
}

impl Scene {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let clients = (0..2 + dice.below(4))
            .map(|n| Client {
                name: format!("c{n}"),
                instance: (dice.below(3) == 0).then(|| format!("i{n}")),
                member: String::new(),
                generation: -1,
                share: Vec::new(),
                doing: Doing::Nothing,
                alive: true,
            })
            .collect();
        Scene {
            seed,
            dice,
            world: World::new(quick()),
            clients,
            committed: BTreeMap::new(),
            generation: 0,
            decided: BTreeMap::new(),
        }
    }

    fn join_request(&self, n: usize) -> JoinGroupRequest {
        let client = &self.clients[n];
        join("g").with_member_id(text(&client.member)).with_group_instance_id(client.instance.as_deref().map(text))
    }

    /// Lets one client do what a client would do next.
    fn step(&mut self, n: usize) {
        match self.clients[n].doing {
            Doing::Nothing => {
                let request = self.join_request(n);
                let name = self.clients[n].name.clone();
                let version = if self.dice.below(3) == 0 { 5 } else { 9 };
                let ticket = self.world.send(version, &name, Request::JoinGroup(request));
                self.clients[n].doing = Doing::Joining(ticket);
            }
            Doing::Joining(ticket) => {
                if let Some(Reply::JoinGroup(response)) = self.world.replies.remove(&ticket) {
                    self.on_joined(n, response);
                }
            }
            Doing::Syncing(ticket) => {
                if let Some(Reply::SyncGroup(response)) = self.world.replies.remove(&ticket) {
                    let share = String::from_utf8(response.assignment.to_vec()).unwrap();
                    self.on_synced(n, response.error_code, share);
                }
            }
            Doing::Working => self.work(n),
        }
    }

    fn on_joined(&mut self, n: usize, response: JoinGroupResponse) {
        let client = &mut self.clients[n];
        client.doing = Doing::Nothing;
        if response.error_code != 0 {
            return self.on_error(n, response.error_code, Some(response.member_id.to_string()));
        }
        client.member = response.member_id.to_string();
        client.generation = response.generation_id;
        // The leader deals partitions in turn; one that skips the assignment must leave it as it is.
        let mut shares: Vec<(String, String)> = Vec::new();
        if response.leader == response.member_id && !response.skip_assignment {
            for member in &response.members {
                shares.push((member.member_id.to_string(), String::new()));
            }
            for partition in 0..PARTITIONS {
                let place = partition % shares.len().max(1);
                if let Some((_, share)) = shares.get_mut(place) {
                    share.push_str(&format!("{partition},"));
                }
            }
        }
        let borrowed: Vec<(&str, &str)> = shares.iter().map(|(m, s)| (m.as_str(), s.as_str())).collect();
        let request = sync("g", client.generation, &client.member, &borrowed)
            .with_group_instance_id(client.instance.as_deref().map(text));
        let generation = client.generation;
        let ticket = self.world.send(5, "c", Request::SyncGroup(request));
        self.clients[n].doing = Doing::Syncing(ticket);
        for (member, share) in shares {
            self.decided.entry((generation, member)).or_insert(share);
        }
    }

    fn on_synced(&mut self, n: usize, error: i16, share: String) {
        self.clients[n].doing = Doing::Nothing;
        if error != 0 {
            return self.on_error(n, error, None);
        }
        let client = &mut self.clients[n];
        client.share = share.split_terminator(',').map(|p| p.parse().unwrap()).collect();
        client.doing = Doing::Working;
        // A static member inherits what its instance had; everyone else gets what the leader decided for it.
        if let Some(decided) = self.decided.get(&(client.generation, client.member.clone())) {
            assert_eq!(&share, decided, "seed {}: not what the leader decided", self.seed);
        }
        self.nothing_is_owned_twice();
    }

    /// Among the members that the group itself would accept a commit from.
    fn nothing_is_owned_twice(&self) {
        let group = self.world.machine.store().classic("g").unwrap();
        let mut owners: BTreeMap<usize, &str> = BTreeMap::new();
        for client in self.clients.iter().filter(|client| matches!(client.doing, Doing::Working)) {
            let valid = group.validate_member(&client.member, client.instance.as_deref()).is_ok();
            if valid && client.generation == group.generation() {
                for partition in &client.share {
                    let other = owners.insert(*partition, &client.name);
                    assert_eq!(other, None, "seed {}: {partition} is {}'s too", self.seed, client.name);
                }
            }
        }
    }

    fn work(&mut self, n: usize) {
        let (member, generation) = (self.clients[n].member.clone(), self.clients[n].generation);
        let instance = self.clients[n].instance.clone();
        match self.dice.below(20) {
            0 if instance.is_none() => {
                self.world.leave("g", &member, None);
                self.clients[n].member.clear();
                self.clients[n].doing = Doing::Nothing;
            }
            1..=9 => {
                let Some(&partition) = self.clients[n].share.first() else { return };
                let offset = self.committed.get(&partition).copied().unwrap_or(0) + 1;
                let request = commit("g", &member, generation, &format!("t{partition}"), offset)
                    .with_group_instance_id(instance.as_deref().map(text));
                match self.world.commit(8, request) {
                    0 => {
                        self.committed.insert(partition, offset);
                    }
                    error => self.on_error(n, error, None),
                }
            }
            _ => {
                let error = self.world.beat("g", generation, &member);
                if error != 0 {
                    self.on_error(n, error, None);
                }
            }
        }
    }

    fn on_error(&mut self, n: usize, error: i16, member: Option<String>) {
        let client = &mut self.clients[n];
        client.doing = Doing::Nothing;
        if error == ErrorCode::MemberIdRequired.code() {
            client.member = member.unwrap();
        } else if error == ErrorCode::RebalanceInProgress.code() {
            // Joins again under its id.
        } else {
            let known = [ErrorCode::UnknownMemberId, ErrorCode::IllegalGeneration, ErrorCode::FencedInstanceId];
            assert!(known.iter().any(|e| e.code() == error), "seed {}: error {error}", self.seed);
            client.member.clear();
        }
    }

    fn chaos(&mut self) {
        let n = self.dice.below(self.clients.len() as u64) as usize;
        match self.dice.below(100) {
            0 => {
                self.world.crash();
                self.same_after_replay();
                // Requests that were parked are never answered: the clients see their connections close.
                for client in &mut self.clients {
                    if matches!(client.doing, Doing::Joining(_) | Doing::Syncing(_)) {
                        client.doing = Doing::Nothing;
                    }
                }
                // A generation that was never finished is forgotten, and its number comes again.
                self.generation = self.generation_now();
                self.decided.retain(|(generation, _), _| *generation <= self.generation);
            }
            1 => self.clients[n].alive = !self.clients[n].alive,
            2 => {
                // The process starts anew and knows nothing.
                self.clients[n].member.clear();
                self.clients[n].doing = Doing::Nothing;
            }
            3..=20 => {
                let by_ms = self.dice.below(6_000) as i64;
                self.world.advance(by_ms);
            }
            _ if self.clients[n].alive => self.step(n),
            _ => {}
        }
        let now = self.generation_now();
        assert!(now >= self.generation, "seed {}: generation {} became {now}", self.seed, self.generation);
        self.generation = now;
    }

    fn generation_now(&self) -> i32 {
        self.world.machine.store().classic("g").map_or(0, |group| group.generation())
    }

    fn same_after_replay(&self) {
        same(&self.world.machine, &self.world.rebuilt(), self.seed);
        for (partition, offset) in &self.committed {
            let kept = self.world.machine.store().offsets.committed("g", &format!("t{partition}"), 0);
            assert_eq!(kept.map(|c| c.value.offset), Some(*offset), "seed {}: a commit is lost", self.seed);
        }
    }

    fn everyone_converges(&mut self) {
        for client in &mut self.clients {
            client.alive = true;
        }
        // No one leaves any more, everyone does its part.
        for _ in 0..600 {
            for n in 0..self.clients.len() {
                if matches!(self.clients[n].doing, Doing::Working) {
                    let (member, generation) = (self.clients[n].member.clone(), self.clients[n].generation);
                    let error = self.world.beat("g", generation, &member);
                    if error != 0 {
                        self.on_error(n, error, None);
                    }
                } else {
                    self.step(n);
                }
            }
            self.world.advance(1_000);
        }
        let group = self.world.machine.store().classic("g").unwrap();
        assert_eq!(group.state(), State::Stable, "seed {}", self.seed);
        assert_eq!(group.members().len(), self.clients.len(), "seed {}", self.seed);
        let mut owned: Vec<usize> = self.clients.iter().flat_map(|client| client.share.clone()).collect();
        owned.sort_unstable();
        assert_eq!(owned, (0..PARTITIONS).collect::<Vec<_>>(), "seed {}", self.seed);
    }
}

/// Hard state: the offsets, which groups there are, and what was last written of each.
fn same(live: &GroupMachine, rebuilt: &GroupMachine, seed: u64) {
    assert_eq!(live.store().offsets, rebuilt.store().offsets, "seed {seed}");
    let written = |machine: &GroupMachine| -> Vec<_> {
        let of = |group: &Group| match group {
            Group::Classic(group) => (group.written().cloned(), None),
            Group::Consumer(group) => (None, Some(group.clone())),
        };
        machine.store().groups.iter().map(|(id, group)| (id.clone(), of(group))).collect()
    };
    assert_eq!(written(live), written(rebuilt), "seed {seed}");
}

#[test]
fn random_members_never_share_a_partition_lose_a_commit_or_fail_to_converge() {
    for seed in seeds(150) {
        let mut scene = Scene::new(seed);
        for turn in 0..600 {
            scene.chaos();
            if turn % 100 == 0 {
                scene.same_after_replay();
            }
        }
        scene.same_after_replay();
        scene.everyone_converges();
        assert!(scene.world.replies.len() < 4_000, "seed {seed}: answers nobody asked for");
    }
}
