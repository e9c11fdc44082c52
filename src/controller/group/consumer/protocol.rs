//! The blobs that consumers put into JoinGroup and SyncGroup, versions 0 to 3: what a member subscribes to and owns,
//! and what it is assigned. The broker reads them when members of the two protocols share a group, and writes
//! assignments for the older ones.

use bytes::{BufMut, Bytes, BytesMut};

/// The highest version known; higher ones are read as this one, as every version extends the one before.
const VERSION_MAX: i16 = 3;

/// The blob is cut, holds a negative length or names a version below 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed embedded consumer protocol")]
pub struct Malformed;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscription {
    pub topics: Vec<String>,
    /// By topic name.
    pub owned: Vec<(String, Vec<i32>)>,
    pub generation: i32,
    pub rack_id: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemberAssignment {
    /// By topic name.
    pub partitions: Vec<(String, Vec<i32>)>,
    pub user_data: Bytes,
}

pub fn version_of(blob: &[u8]) -> Result<i16, Malformed> {
    let version = Reader(blob).int16()?;
    if version < 0 { Err(Malformed) } else { Ok(version.min(VERSION_MAX)) }
}

pub fn read_subscription(blob: &[u8]) -> Result<Subscription, Malformed> {
    let version = version_of(blob)?;
    let mut reader = Reader(blob);
    reader.int16()?;
    let topics = reader.array(|r| r.string()?.ok_or(Malformed))?;
    reader.bytes()?;
    let owned = if version >= 1 { reader.array(Reader::topic)? } else { Vec::new() };
    let generation = if version >= 2 { reader.int32()? } else { -1 };
    let rack_id = if version >= 3 { reader.string()? } else { None };
    Ok(Subscription { topics, owned, generation, rack_id })
}

pub fn read_assignment(blob: &[u8]) -> Result<MemberAssignment, Malformed> {
    version_of(blob)?;
    let mut reader = Reader(blob);
    reader.int16()?;
    let partitions = reader.array(Reader::topic)?;
    let user_data = Bytes::copy_from_slice(reader.bytes()?.unwrap_or_default());
    Ok(MemberAssignment { partitions, user_data })
}

/// Topics must come in the order in which they are to be written.
pub fn write_assignment(version: i16, topics: &[(&str, Vec<i32>)]) -> Bytes {
    let mut out = BytesMut::new();
    out.put_i16(version);
    out.put_i32(topics.len() as i32);
    for (name, partitions) in topics {
        out.put_i16(name.len() as i16);
        out.put_slice(name.as_bytes());
        out.put_i32(partitions.len() as i32);
        partitions.iter().for_each(|p| out.put_i32(*p));
    }
    out.put_i32(-1);
    out.freeze()
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn int16(&mut self) -> Result<i16, Malformed> {
        self.take(2)?.try_into().map(i16::from_be_bytes).map_err(|_| Malformed)
    }

    fn int32(&mut self) -> Result<i32, Malformed> {
        self.take(4)?.try_into().map(i32::from_be_bytes).map_err(|_| Malformed)
    }

    fn string(&mut self) -> Result<Option<String>, Malformed> {
        let len = self.int16()?;
        if len < 0 {
            return Ok(None);
        }
        let text = std::str::from_utf8(self.take(len as usize)?).map_err(|_| Malformed)?;
        Ok(Some(text.to_string()))
    }

    fn bytes(&mut self) -> Result<Option<&'a [u8]>, Malformed> {
        let len = self.int32()?;
        if len < 0 { Ok(None) } else { self.take(len as usize).map(Some) }
    }

    /// Grows with what is there: the count is the sender's word only.
    fn array<T>(&mut self, mut item: impl FnMut(&mut Self) -> Result<T, Malformed>) -> Result<Vec<T>, Malformed> {
        let count = self.int32()?;
        if count < 0 {
            return Err(Malformed);
        }
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(item(self)?);
        }
        Ok(items)
    }

    fn topic(&mut self) -> Result<(String, Vec<i32>), Malformed> {
        Ok((self.string()?.ok_or(Malformed)?, self.array(Reader::int32)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V3: &[u8] = b"\0\x03\0\0\0\x02\0\x01a\0\x01b\xff\xff\xff\xff\0\0\0\x01\0\x01a\0\0\0\x02\0\0\0\x00\0\0\0\x05\0\0\0\x07\0\x02r1";

    #[test]
    fn subscriptions_are_read_in_every_version() {
        let all = read_subscription(V3).unwrap();
        assert_eq!(all.topics, ["a", "b"]);
        assert_eq!(all.owned, [("a".to_string(), vec![0, 5])]);
        assert_eq!((all.generation, all.rack_id.as_deref()), (7, Some("r1")));
        for (version, owned, generation) in [(0u8, 0, -1), (1, 1, -1), (2, 1, 7)] {
            let mut blob = V3.to_vec();
            blob[1] = version;
            let read = read_subscription(&blob).unwrap();
            assert_eq!((read.topics.len(), read.owned.len(), read.generation), (2, owned, generation));
            assert_eq!(read.rack_id, None);
        }
        let mut newer = V3.to_vec();
        newer[1] = 9;
        assert_eq!(read_subscription(&newer).unwrap(), all);
    }

    #[test]
    fn assignments_read_back_what_was_written() {
        let blob = write_assignment(1, &[("a", vec![0, 2]), ("b", vec![])]);
        let read = read_assignment(&blob).unwrap();
        assert_eq!(read.partitions, [("a".to_string(), vec![0, 2]), ("b".to_string(), vec![])]);
        assert!(read.user_data.is_empty());
        assert_eq!(version_of(&blob), Ok(1));
    }

    #[test]
    fn cut_and_lying_blobs_are_refused_without_a_large_allocation() {
        for len in 0..V3.len() {
            assert_eq!(read_subscription(&V3[..len]), Err(Malformed), "{len}");
        }
        assert_eq!(read_subscription(b"x"), Err(Malformed));
        assert_eq!(read_subscription(b"\xff\xff\0\0\0\0\xff\xff\xff\xff"), Err(Malformed));
        assert_eq!(read_subscription(b"\0\0\x7f\xff\xff\xff"), Err(Malformed));
        assert_eq!(read_assignment(b"\0\0\x7f\xff\xff\xff\0\x01a\x7f\xff\xff\xff"), Err(Malformed));
    }
}
