//! Picks the least and the most loaded members of one topic's subscribers in turn.
//!
//! The members stand in a row by load. A range at the left end holds the least loaded ones, all with the same load;
//! when each has been given one partition the level rises and the range grows by those that stand on it already. A
//! range at the right end does the same downwards for those that give up partitions.

pub(super) struct Balancer {
    row: Vec<usize>,
    least: Least,
    most: Most,
}

struct Least {
    end: usize,
    next: usize,
    level: i64,
}

struct Most {
    start: usize,
    end: usize,
    /// One past the position of the next member to ask.
    next_end: usize,
    level: i64,
}

impl Balancer {
    /// `members` must not be empty; `loads` is indexed by member.
    pub fn new(members: &[usize], loads: &[usize]) -> Self {
        let mut row = members.to_vec();
        row.sort_by_key(|m| (loads[*m], *m));
        let load_at = |position: usize| loads[row[position]] as i64;
        let len = row.len();
        Balancer {
            least: Least { end: 0, next: 0, level: load_at(0) - 1 },
            most: Most { start: len, end: len, next_end: len, level: load_at(len - 1) + 1 },
            row,
        }
    }

    /// The difference between the heaviest and the lightest load, before any was moved.
    pub fn spread(&self, loads: &[usize]) -> usize {
        match (self.row.first(), self.row.last()) {
            (Some(first), Some(last)) => loads[*last] - loads[*first],
            _ => 0,
        }
    }

    /// The member to give the next partition to; it is taken for given.
    pub fn next_least_loaded(&mut self, loads: &[usize]) -> usize {
        let least = &mut self.least;
        if least.next >= least.end {
            least.level += 1;
            while least.end < self.row.len() && loads[self.row[least.end]] as i64 == least.level {
                least.end += 1;
            }
            least.next = 0;
        }
        least.next += 1;
        self.row[least.next - 1]
    }

    /// The member to take the next partition from; it is taken for taken. `None` when no one is left.
    pub fn next_most_loaded(&mut self, loads: &[usize]) -> Option<usize> {
        let most = &mut self.most;
        if most.next_end <= most.start {
            if most.end <= most.start && most.start > 0 {
                // Everyone of the range was excluded: start a new one with whoever comes next.
                most.level = loads[self.row[most.start - 1]] as i64;
            } else {
                most.level -= 1;
            }
            while most.start > 0 && loads[self.row[most.start - 1]] as i64 == most.level {
                most.start -= 1;
            }
            most.next_end = most.end;
        }
        most.next_end = most.next_end.checked_sub(1)?;
        Some(self.row[most.next_end])
    }

    /// The member last returned by [`Self::next_most_loaded`] has nothing to give.
    pub fn exclude_most_loaded(&mut self) {
        self.row.swap(self.most.next_end, self.most.end - 1);
        self.most.end -= 1;
    }

    /// The two ranges differ by at most one partition.
    pub fn is_balanced(&self) -> bool {
        self.most.level - self.least.level <= 1
    }
}
