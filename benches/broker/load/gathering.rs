//! Many members of one classic group that all join at once, until all are settled in one generation.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use bytes::Bytes;
use ottla::wire::messages::StrBytes;

use super::groups::{MEMBER_ID_REQUIRED, Member, Step};
use super::pump::Traffic;

const REBALANCE_IN_PROGRESS: i16 = 27;
/// How often a settled member asks whether it must join again; real ones ask less often.
const BEAT_EVERY: Duration = Duration::from_millis(20);

pub struct Gathering {
    members: Vec<Member>,
    beat_at: Vec<Instant>,
    wake_at: Instant,
    /// When the last member's join was sent: its first one only gets it an id.
    pub all_joined: Instant,
}

impl Gathering {
    pub fn new(group: &str, members: usize) -> Gathering {
        let now = Instant::now();
        let members: Vec<Member> = (0..members).map(|_| Member::new(group)).collect();
        Gathering { beat_at: vec![now; members.len()], members, wake_at: now, all_joined: now }
    }

    /// What each member says from now on.
    pub fn beats(&self) -> Result<Vec<Bytes>> {
        self.members.iter().map(Member::request).collect()
    }

    fn is_settled(&self) -> bool {
        let generation = self.members.first().map(|member| member.generation);
        let same = |member: &Member| Some(member.generation) == generation && member.step == Step::Heartbeat;
        self.members.iter().all(same)
    }
}

impl Traffic for Gathering {
    fn next(&mut self, connection: usize, now: Instant) -> Result<Option<Bytes>> {
        if self.is_settled() {
            return Ok(None);
        }
        if now >= self.wake_at {
            self.wake_at = now + BEAT_EVERY;
        }
        let (Some(member), Some(beat_at)) = (self.members.get_mut(connection), self.beat_at.get_mut(connection)) else {
            return Ok(None);
        };
        if member.asking || (member.step == Step::Heartbeat && now < *beat_at) {
            return Ok(None);
        }
        *beat_at = now + BEAT_EVERY;
        if member.step == Step::Join && member.generation < 0 && member.id != StrBytes::default() {
            self.all_joined = now;
        }
        member.asking = true;
        member.request().map(Some)
    }

    fn answer(&mut self, connection: usize, frame: Bytes, _now: Instant) -> Result<()> {
        let Some(member) = self.members.get_mut(connection) else { return Ok(()) };
        member.asking = false;
        member.step = match (member.step, member.read(frame)?) {
            (Step::Join, MEMBER_ID_REQUIRED) => Step::Join,
            (Step::Join, 0) => Step::Sync,
            (Step::Sync | Step::Heartbeat, 0) => Step::Heartbeat,
            (_, REBALANCE_IN_PROGRESS) => Step::Join,
            (_, code) => bail!("a group's member was answered with error {code}"),
        };
        Ok(())
    }

    fn wake_at(&self) -> Option<Instant> {
        Some(self.wake_at)
    }

    fn is_done(&self) -> bool {
        self.is_settled() && self.members.iter().all(|member| !member.asking)
    }
}
