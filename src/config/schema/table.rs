//! What the table says of one key, and the two macros in which the table is written.

pub use Valid::*;

/// The type of a value, as DescribeConfigs names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Boolean,
    Str,
    Int,
    Short,
    Long,
    Double,
    List,
    Class,
    Password,
}

impl Kind {
    /// The number that DescribeConfigs sends for the type.
    pub const fn code(self) -> i8 {
        match self {
            Kind::Boolean => 1,
            Kind::Str => 2,
            Kind::Int => 3,
            Kind::Short => 4,
            Kind::Long => 5,
            Kind::Double => 6,
            Kind::List => 7,
            Kind::Class => 8,
            Kind::Password => 9,
        }
    }

    /// The type's name as Kafka's messages and documentation write it.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Boolean => "BOOLEAN",
            Kind::Str => "STRING",
            Kind::Int => "INT",
            Kind::Short => "SHORT",
            Kind::Long => "LONG",
            Kind::Double => "DOUBLE",
            Kind::List => "LIST",
            Kind::Class => "CLASS",
            Kind::Password => "PASSWORD",
        }
    }
}

/// Which values of its type a key takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Valid {
    Any,
    AtLeast(i64),
    Between(i64, i64),
    BetweenReal(f64, f64),
    OneOf(&'static [&'static str]),
    OneOfAnyCase(&'static [&'static str]),
    NonEmpty,
    /// A list without empty items; duplicates count once. No names in `of` means any.
    Items {
        of: &'static [&'static str],
        may_be_empty: bool,
    },
    GzipLevel,
    ThrottledReplicas,
    Voters,
    HostsAndPorts,
    AutoOffsetReset,
}

/// How much a key matters to who sets up a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Importance {
    High,
    Medium,
    Low,
}

/// Where and when a key can be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    /// Only by a restart.
    ReadOnly,
    /// While running, for one broker.
    PerBroker,
    /// While running, for one broker or as the cluster's default.
    ClusterWide,
    /// While running: keys of topics, groups and client metrics.
    Live,
}

/// What Ottla does with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// As in Kafka.
    Honoured,
    /// Taken, and turned into something of Ottla's own that serves the same end.
    Mapped,
    /// Taken and shown, without effect: it concerns what a single node does not have.
    Ignored,
    /// Only its default is taken: another value would promise what Ottla does not do.
    Refused,
}

/// One key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    pub name: &'static str,
    pub kind: Kind,
    /// `None` where Kafka has no default or null.
    pub default: Option<&'static str>,
    pub valid: Valid,
    pub importance: Importance,
    pub update: Update,
    pub treatment: Treatment,
    /// Broker keys that give a topic's or group's default, first one first, with what to multiply them by.
    pub like: &'static [(&'static str, i64)],
    /// Not shown by DescribeConfigs unless it was set.
    pub internal: bool,
    pub doc: &'static str,
}

impl Key {
    /// True for values that are never shown or logged.
    pub const fn is_sensitive(&self) -> bool {
        matches!(self.kind, Kind::Password)
    }
}

macro_rules! table {
    ($constant:ident, $internal:literal; $($name:literal : $kind:ident, $default:expr, $valid:expr, $importance:ident,
        $update:ident, $treatment:ident $(, like $like:expr)? ; $doc:literal ;)*) => {
        pub const $constant: &[Key] = &[$(Key {
            name: $name,
            kind: Kind::$kind,
            default: $default,
            valid: $valid,
            importance: Importance::$importance,
            update: Update::$update,
            treatment: Treatment::$treatment,
            like: { let like: &[(&str, i64)] = &[]; $(let _ = like; let like: &[(&str, i64)] = $like;)? like },
            internal: $internal,
            doc: $doc,
        }),*];
    };
}

/// Lines of `"name": kind, default, valid, importance, update, treatment[, like broker keys]; "doc";`.
macro_rules! keys {
    ($($line:tt)*) => { table!(KEYS, false; $($line)*); };
}

/// As `keys!`, for keys that Kafka keeps to itself.
macro_rules! internal_keys {
    ($($line:tt)*) => { table!(INTERNAL_KEYS, true; $($line)*); };
}

pub(crate) use {internal_keys, keys, table};
