//! Names of files and directories of a partition, as Kafka gives them.

use crate::model::{Offset, TopicPartition};
use uuid::Uuid;

/// What a file of a partition directory holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum FileKind {
    Log = 0,
    OffsetIndex = 1,
    TimeIndex = 2,
    TxnIndex = 3,
    Snapshot = 4,
}

impl FileKind {
    /// The files of a segment, without the producer snapshot, which belongs to an offset rather than to bytes.
    pub const OF_SEGMENT: [FileKind; 4] =
        [FileKind::Log, FileKind::OffsetIndex, FileKind::TimeIndex, FileKind::TxnIndex];

    pub fn suffix(self) -> &'static str {
        match self {
            FileKind::Log => ".log",
            FileKind::OffsetIndex => ".index",
            FileKind::TimeIndex => ".timeindex",
            FileKind::TxnIndex => ".txnindex",
            FileKind::Snapshot => ".snapshot",
        }
    }
}

/// What a file's last suffix says about its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Stage {
    /// In use.
    Live = 0,
    /// Being written by the cleaner; worthless after a stop.
    Cleaned = 1,
    /// Complete and about to replace live files; the replacement is finished at the next start.
    Swap = 2,
    /// Waiting to be removed.
    Deleted = 3,
}

impl Stage {
    pub fn suffix(self) -> &'static str {
        match self {
            Stage::Live => "",
            Stage::Cleaned => ".cleaned",
            Stage::Swap => ".swap",
            Stage::Deleted => ".deleted",
        }
    }
}

/// `00000000000000000042.log`, `….index.deleted` and so on.
pub fn file(base: Offset, kind: FileKind, stage: Stage) -> String {
    format!("{:020}{}{}", base.0, kind.suffix(), stage.suffix())
}

/// Takes such a name apart; `None` for every other name.
pub fn parse(name: &str) -> Option<(Offset, FileKind, Stage)> {
    let digits = name.get(..20)?;
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let base = Offset(digits.parse().ok()?);
    let mut rest = &name[20..];
    let mut stage = Stage::Live;
    for s in [Stage::Cleaned, Stage::Swap, Stage::Deleted] {
        if let Some(shorter) = rest.strip_suffix(s.suffix()) {
            rest = shorter;
            stage = s;
            break;
        }
    }
    let kinds = [FileKind::Log, FileKind::OffsetIndex, FileKind::TimeIndex, FileKind::TxnIndex, FileKind::Snapshot];
    let kind = kinds.into_iter().find(|k| k.suffix() == rest)?;
    Some((base, kind, stage))
}

/// What a directory's name says about the partition in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirState {
    Live,
    /// Its topic was deleted; the files go in the background.
    Delete,
    /// A copy that was being moved here from another log directory.
    Future,
    /// Found without a topic in the metadata and set aside.
    Stray,
}

/// `topic-3`
pub fn partition_dir(tp: &TopicPartition) -> String {
    tp.to_string()
}

/// `topic-3.<32 hex digits>-delete` and its kin. The topic is shortened where the whole would be too long for a file
/// name, as Kafka does; nothing reads it back.
pub fn partition_dir_as(tp: &TopicPartition, state: DirState, unique: Uuid) -> String {
    const NAME_BYTES_MAX: usize = 255;
    let mark = match state {
        DirState::Live => return partition_dir(tp),
        DirState::Delete => "delete",
        DirState::Future => "future",
        DirState::Stray => "stray",
    };
    let suffix = format!("-{}.{}-{mark}", tp.partition, unique.simple());
    let room = NAME_BYTES_MAX.saturating_sub(suffix.len()).min(tp.topic.len());
    format!("{}{suffix}", tp.topic.get(..room).unwrap_or_default())
}

/// Takes a directory's name apart; `None` when it is no partition's.
pub fn parse_partition_dir(name: &str) -> Option<(TopicPartition, DirState)> {
    let (plain, state) = match name.rsplit_once('.') {
        Some((plain, tail)) if is_marked(tail) => {
            let state = match &tail[33..] {
                "delete" => DirState::Delete,
                "future" => DirState::Future,
                _ => DirState::Stray,
            };
            (plain, state)
        }
        _ => (name, DirState::Live),
    };
    let (topic, partition) = plain.rsplit_once('-')?;
    if topic.is_empty() || partition.is_empty() || !partition.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some((TopicPartition::new(topic, partition.parse().ok()?), state))
}

fn is_marked(tail: &str) -> bool {
    tail.split_once('-').is_some_and(|(hex, mark)| {
        hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_hexdigit()) && matches!(mark, "delete" | "future" | "stray")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_parse_back() {
        for kind in [FileKind::Log, FileKind::TimeIndex, FileKind::Snapshot] {
            for stage in [Stage::Live, Stage::Cleaned, Stage::Swap, Stage::Deleted] {
                let name = file(Offset(4711), kind, stage);
                assert_eq!(parse(&name), Some((Offset(4711), kind, stage)), "{name}");
            }
        }
        for other in ["leader-epoch-checkpoint", "1.log", "0000000000000000000x.log", "00000000000000000001.log.bak"] {
            assert_eq!(parse(other), None, "{other}");
        }
        // More than an offset can hold.
        assert_eq!(parse("99999999999999999999.log"), None);
    }

    #[test]
    fn directory_names_parse_back() {
        let tp = TopicPartition::new("a.b-c", 12);
        assert_eq!(parse_partition_dir("a.b-c-12"), Some((tp.clone(), DirState::Live)));
        let name = partition_dir_as(&tp, DirState::Delete, Uuid::from_u128(7));
        assert_eq!(name, "a.b-c-12.00000000000000000000000000000007-delete");
        assert_eq!(parse_partition_dir(&name), Some((tp, DirState::Delete)));
        for other in ["nodash", "-1", "x-", "x-y", "lost+found"] {
            assert_eq!(parse_partition_dir(other), None, "{other}");
        }
    }

    #[test]
    fn a_long_topic_still_gets_a_name_that_fits() {
        let tp = TopicPartition::new("t".repeat(249), 100);
        let name = partition_dir_as(&tp, DirState::Delete, Uuid::nil());
        assert_eq!(name.len(), 255);
        assert!(matches!(parse_partition_dir(&name), Some((_, DirState::Delete))));
    }
}
