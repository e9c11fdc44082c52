//! The small vocabulary of a batch's attributes: codec and timestamp type.

use std::fmt;

use crate::records::error::RecordsError;

/// How the records of a batch are compressed; the number is the one in the batch's attributes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Codec {
    #[default]
    None = 0,
    Gzip = 1,
    Snappy = 2,
    Lz4 = 3,
    Zstd = 4,
}

impl Codec {
    pub const ALL: [Codec; 5] = [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];

    pub fn from_id(id: u8) -> Result<Codec, RecordsError> {
        match id {
            0 => Ok(Codec::None),
            1 => Ok(Codec::Gzip),
            2 => Ok(Codec::Snappy),
            3 => Ok(Codec::Lz4),
            4 => Ok(Codec::Zstd),
            _ => Err(RecordsError::UnknownCodec(id)),
        }
    }

    pub const fn id(self) -> u8 {
        self as u8
    }

    /// As configuration and tools spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Codec::None => "none",
            Codec::Gzip => "gzip",
            Codec::Snappy => "snappy",
            Codec::Lz4 => "lz4",
            Codec::Zstd => "zstd",
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A codec to compress with, and how hard: `compression.{gzip,lz4,zstd}.level`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    #[default]
    None,
    /// 1 to 9, or -1 for zlib's default.
    Gzip {
        level: i32,
    },
    Snappy,
    /// 1 to 17. The encoder here has one speed, so the level changes nothing.
    Lz4 {
        level: i32,
    },
    /// Negative for faster, up to 22.
    Zstd {
        level: i32,
    },
}

impl Compression {
    pub const fn codec(self) -> Codec {
        match self {
            Compression::None => Codec::None,
            Compression::Gzip { .. } => Codec::Gzip,
            Compression::Snappy => Codec::Snappy,
            Compression::Lz4 { .. } => Codec::Lz4,
            Compression::Zstd { .. } => Codec::Zstd,
        }
    }
}

/// A codec at Kafka's default level for it.
impl From<Codec> for Compression {
    fn from(codec: Codec) -> Compression {
        match codec {
            Codec::None => Compression::None,
            Codec::Gzip => Compression::Gzip { level: -1 },
            Codec::Snappy => Compression::Snappy,
            Codec::Lz4 => Compression::Lz4 { level: 9 },
            Codec::Zstd => Compression::Zstd { level: 3 },
        }
    }
}

/// Whose clock a batch's timestamps are from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TimestampType {
    /// The producer's.
    #[default]
    CreateTime,
    /// The broker's at append: the batch's max timestamp counts for every record.
    LogAppendTime,
}
