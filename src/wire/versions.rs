//! Which APIs and versions there are: what a Kafka 4.3 broker tells its clients. Whether an API has a handler is known
//! above; the ApiVersions answer lists what is both here and handled.

/// First flexible version of an API that never became flexible.
const NEVER: i16 = i16::MAX;

/// One API's versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Api {
    pub key: ApiKey,
    pub name: &'static str,
    /// Lowest version told to clients.
    pub min: i16,
    /// Highest version, told and served.
    pub max: i16,
    /// Lowest version that is answered. Produce tells 0, since librdkafka infers features from it, and answers from 3.
    pub min_served: i16,
    /// From this version on strings and arrays are compact and tagged fields follow.
    pub flexible: i16,
    /// False for what is answered when asked but not told: telemetry without a receiver.
    pub advertised: bool,
}

impl Api {
    pub fn serves(&self, version: i16) -> bool {
        (self.min_served..=self.max).contains(&version)
    }

    pub fn is_flexible(&self, version: i16) -> bool {
        version >= self.flexible
    }

    /// ApiVersions keeps the old response header, so that a client that guessed its version wrong can read the answer.
    pub fn has_tagged_response_header(&self, version: i16) -> bool {
        self.is_flexible(version) && self.key != ApiKey::ApiVersions
    }
}

macro_rules! flexible {
    (none) => {
        NEVER
    };
    ($version:literal) => {
        $version
    };
}

macro_rules! advertised {
    (hidden) => {
        false
    };
    () => {
        true
    };
}

macro_rules! lowest {
    ($min:literal) => {
        $min
    };
    ($min:literal $served:literal) => {
        $served
    };
}

macro_rules! apis {
    ($($name:ident = $key:literal: $min:literal to $max:literal $(from $served:literal)?,
        flexible $flexible:tt $(, $hidden:ident)?;)*) => {
        /// The APIs by name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(i16)]
        pub enum ApiKey {
            $($name = $key,)*
        }

        /// Every API, by rising key.
        pub const ALL: &[Api] = &[$(Api {
            key: ApiKey::$name,
            name: stringify!($name),
            min: $min,
            max: $max,
            min_served: lowest!($min $($served)?),
            flexible: flexible!($flexible),
            advertised: advertised!($($hidden)?),
        },)*];
    };
}

apis! {
    Produce = 0: 0 to 13 from 3, flexible 9;
    Fetch = 1: 4 to 18, flexible 12;
    ListOffsets = 2: 1 to 11, flexible 6;
    Metadata = 3: 0 to 13, flexible 9;
    OffsetCommit = 8: 2 to 10, flexible 8;
    OffsetFetch = 9: 1 to 10, flexible 6;
    FindCoordinator = 10: 0 to 6, flexible 3;
    JoinGroup = 11: 0 to 9, flexible 6;
    Heartbeat = 12: 0 to 4, flexible 4;
    LeaveGroup = 13: 0 to 5, flexible 4;
    SyncGroup = 14: 0 to 5, flexible 4;
    DescribeGroups = 15: 0 to 6, flexible 5;
    ListGroups = 16: 0 to 5, flexible 3;
    SaslHandshake = 17: 0 to 1, flexible none;
    ApiVersions = 18: 0 to 4, flexible 3;
    CreateTopics = 19: 2 to 7, flexible 5;
    DeleteTopics = 20: 1 to 6, flexible 4;
    DeleteRecords = 21: 0 to 2, flexible 2;
    InitProducerId = 22: 0 to 5, flexible 2;
    OffsetForLeaderEpoch = 23: 2 to 4, flexible 4;
    AddPartitionsToTxn = 24: 0 to 5, flexible 3;
    AddOffsetsToTxn = 25: 0 to 4, flexible 3;
    EndTxn = 26: 0 to 5, flexible 3;
    WriteTxnMarkers = 27: 1 to 2, flexible 1;
    TxnOffsetCommit = 28: 0 to 5, flexible 3;
    DescribeAcls = 29: 1 to 3, flexible 2;
    CreateAcls = 30: 1 to 3, flexible 2;
    DeleteAcls = 31: 1 to 3, flexible 2;
    DescribeConfigs = 32: 1 to 4, flexible 4;
    AlterConfigs = 33: 0 to 2, flexible 2;
    AlterReplicaLogDirs = 34: 1 to 2, flexible 2;
    DescribeLogDirs = 35: 1 to 5, flexible 2;
    SaslAuthenticate = 36: 0 to 2, flexible 2;
    CreatePartitions = 37: 0 to 3, flexible 2;
    CreateDelegationToken = 38: 1 to 3, flexible 2;
    RenewDelegationToken = 39: 1 to 2, flexible 2;
    ExpireDelegationToken = 40: 1 to 2, flexible 2;
    DescribeDelegationToken = 41: 1 to 3, flexible 2;
    DeleteGroups = 42: 0 to 2, flexible 2;
    ElectLeaders = 43: 0 to 2, flexible 2;
    IncrementalAlterConfigs = 44: 0 to 1, flexible 1;
    AlterPartitionReassignments = 45: 0 to 1, flexible 0;
    ListPartitionReassignments = 46: 0 to 0, flexible 0;
    OffsetDelete = 47: 0 to 0, flexible none;
    DescribeClientQuotas = 48: 0 to 1, flexible 1;
    AlterClientQuotas = 49: 0 to 1, flexible 1;
    DescribeUserScramCredentials = 50: 0 to 0, flexible 0;
    AlterUserScramCredentials = 51: 0 to 0, flexible 0;
    DescribeQuorum = 55: 0 to 2, flexible 0;
    UpdateFeatures = 57: 0 to 2, flexible 0;
    DescribeCluster = 60: 0 to 2, flexible 0;
    DescribeProducers = 61: 0 to 0, flexible 0;
    UnregisterBroker = 64: 0 to 0, flexible 0;
    DescribeTransactions = 65: 0 to 0, flexible 0;
    ListTransactions = 66: 0 to 2, flexible 0;
    ConsumerGroupHeartbeat = 68: 0 to 1, flexible 0;
    ConsumerGroupDescribe = 69: 0 to 1, flexible 0;
    GetTelemetrySubscriptions = 71: 0 to 0, flexible 0, hidden;
    PushTelemetry = 72: 0 to 0, flexible 0, hidden;
    ListConfigResources = 74: 0 to 1, flexible 0;
    DescribeTopicPartitions = 75: 0 to 0, flexible 0;
    ShareGroupHeartbeat = 76: 1 to 1, flexible 0;
    ShareGroupDescribe = 77: 1 to 1, flexible 0;
    ShareFetch = 78: 1 to 2, flexible 0;
    ShareAcknowledge = 79: 1 to 2, flexible 0;
    AddRaftVoter = 80: 0 to 1, flexible 0;
    RemoveRaftVoter = 81: 0 to 0, flexible 0;
    InitializeShareGroupState = 83: 0 to 0, flexible 0;
    ReadShareGroupState = 84: 0 to 0, flexible 0;
    WriteShareGroupState = 85: 0 to 1, flexible 0;
    DeleteShareGroupState = 86: 0 to 0, flexible 0;
    ReadShareGroupStateSummary = 87: 0 to 1, flexible 0;
    StreamsGroupHeartbeat = 88: 0 to 0, flexible 0;
    StreamsGroupDescribe = 89: 0 to 0, flexible 0;
    DescribeShareGroupOffsets = 90: 0 to 1, flexible 0;
    AlterShareGroupOffsets = 91: 0 to 0, flexible 0;
    DeleteShareGroupOffsets = 92: 0 to 0, flexible 0;
}

const INDEX_LEN: usize = 93;

/// Place in [`ALL`] by key, so that a look-up is one load.
static INDEX: [u8; INDEX_LEN] = {
    let mut index = [u8::MAX; INDEX_LEN];
    let mut at = 0;
    while at < ALL.len() {
        index[ALL[at].key as usize] = at as u8;
        at += 1;
    }
    index
};

/// Where [`ALL`] has this API.
pub(super) fn place(key: ApiKey) -> usize {
    usize::from(INDEX[key as usize])
}

/// The API with this key on the wire, if a broker has it.
pub fn of(key: i16) -> Option<&'static Api> {
    let place = INDEX.get(usize::try_from(key).ok()?)?;
    ALL.get(usize::from(*place))
}

impl ApiKey {
    /// The number on the wire.
    pub const fn key(self) -> i16 {
        self as i16
    }

    /// Its versions. Every name is in the table.
    pub fn api(self) -> &'static Api {
        &ALL[place(self)]
    }
}

impl TryFrom<i16> for ApiKey {
    type Error = super::WireError;

    fn try_from(key: i16) -> Result<Self, Self::Error> {
        of(key).map(|api| api.key).ok_or(super::WireError::UnknownApi { api: key })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a Kafka 4.3.1 broker answered: key, lowest and highest version.
    const KAFKA_4_3_1: &[(i16, i16, i16)] = &[
        (0, 0, 13),
        (1, 4, 18),
        (2, 1, 11),
        (3, 0, 13),
        (8, 2, 10),
        (9, 1, 10),
        (10, 0, 6),
        (11, 0, 9),
        (12, 0, 4),
        (13, 0, 5),
        (14, 0, 5),
        (15, 0, 6),
        (16, 0, 5),
        (17, 0, 1),
        (18, 0, 4),
        (19, 2, 7),
        (20, 1, 6),
        (21, 0, 2),
        (22, 0, 5),
        (23, 2, 4),
        (24, 0, 5),
        (25, 0, 4),
        (26, 0, 5),
        (27, 1, 2),
        (28, 0, 5),
        (29, 1, 3),
        (30, 1, 3),
        (31, 1, 3),
        (32, 1, 4),
        (33, 0, 2),
        (34, 1, 2),
        (35, 1, 5),
        (36, 0, 2),
        (37, 0, 3),
        (38, 1, 3),
        (39, 1, 2),
        (40, 1, 2),
        (41, 1, 3),
        (42, 0, 2),
        (43, 0, 2),
        (44, 0, 1),
        (45, 0, 1),
        (46, 0, 0),
        (47, 0, 0),
        (48, 0, 1),
        (49, 0, 1),
        (50, 0, 0),
        (51, 0, 0),
        (55, 0, 2),
        (57, 0, 2),
        (60, 0, 2),
        (61, 0, 0),
        (64, 0, 0),
        (65, 0, 0),
        (66, 0, 2),
        (68, 0, 1),
        (69, 0, 1),
        (74, 0, 1),
        (75, 0, 0),
        (76, 1, 1),
        (77, 1, 1),
        (78, 1, 2),
        (79, 1, 2),
        (80, 0, 1),
        (81, 0, 0),
        (83, 0, 0),
        (84, 0, 0),
        (85, 0, 1),
        (86, 0, 0),
        (87, 0, 1),
        (88, 0, 0),
        (89, 0, 0),
        (90, 0, 1),
        (91, 0, 0),
        (92, 0, 0),
    ];

    #[test]
    fn what_is_told_is_what_kafka_tells() {
        let told: Vec<_> = ALL.iter().filter(|a| a.advertised).map(|a| (a.key.key(), a.min, a.max)).collect();
        assert_eq!(told, KAFKA_4_3_1);
    }

    #[test]
    fn every_key_finds_its_own_row_and_others_find_none() {
        for api in ALL {
            assert_eq!(of(api.key.key()), Some(api));
            assert_eq!(api.key.api(), api);
        }
        for key in [-1, i16::MIN, 4, 7, 52, 93, 999, i16::MAX] {
            assert_eq!(of(key), None, "{key}");
        }
    }

    #[test]
    fn produce_is_told_from_0_and_served_from_3() {
        let produce = ApiKey::Produce.api();
        assert_eq!(produce.min, 0);
        assert!(!produce.serves(2) && produce.serves(3) && produce.serves(13) && !produce.serves(14));
    }

    #[test]
    fn only_api_versions_keeps_the_plain_response_header() {
        assert!(!ApiKey::ApiVersions.api().has_tagged_response_header(3));
        assert!(ApiKey::Metadata.api().has_tagged_response_header(9));
        assert!(!ApiKey::Metadata.api().has_tagged_response_header(8));
        assert!(!ApiKey::SaslHandshake.api().has_tagged_response_header(1));
    }
}
