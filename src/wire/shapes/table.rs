//! How every request is laid out on the wire, at every version a Kafka 4.3 broker speaks, as one table of text.
//!
//! A line that starts at the margin opens an API: key, name, colon, then its fields in wire order, separated by commas.
//!
//! - A field is `name type`. Types: `bool i8 i16 i32 i64 f64 uuid str bytes`; `*i32` is an array of bare values;
//!   `[..]` an array of structs; `{..}` a struct.
//! - `?` after the type: may be null. `?10..` only in those versions.
//! - Then the versions that have the field: `3..` from 3 on, `..4` up to 4, `8..10` both. Absent: all of them.
//! - `#0`: not in line but tagged, with this tag.
//!
//! Compact lengths and tag sections follow from the API's first flexible version.

pub(super) const TABLE: &str = "
0 Produce: transactional_id str?, acks i16, timeout_ms i32, topic_data [name str ..12, topic_id uuid 13..,
    partition_data [index i32, records bytes?]]
1 Fetch: cluster_id str? 12.. #0, replica_id i32 ..14, replica_state {replica_id i32, replica_epoch i64} 15.. #1,
    max_wait_ms i32, min_bytes i32, max_bytes i32, isolation_level i8, session_id i32 7.., session_epoch i32 7..,
    topics [topic str ..12, topic_id uuid 13.., partitions [partition i32, current_leader_epoch i32 9..,
    fetch_offset i64, last_fetched_epoch i32 12.., log_start_offset i64 5.., partition_max_bytes i32,
    replica_directory_id uuid 17.. #0, high_watermark i64 18.. #1]], forgotten_topics_data [topic str ..12, topic_id
    uuid 13.., partitions *i32] 7.., rack_id str 11..
2 ListOffsets: replica_id i32, isolation_level i8 2.., topics [name str, partitions [partition_index i32,
    current_leader_epoch i32 4.., timestamp i64]], timeout_ms i32 10..
3 Metadata: topics [topic_id uuid 10.., name str?10..]?1.., allow_auto_topic_creation bool 4..,
    include_cluster_authorized_operations bool 8..10, include_topic_authorized_operations bool 8..
8 OffsetCommit: group_id str, generation_id_or_member_epoch i32, member_id str, group_instance_id str? 7..,
    retention_time_ms i64 ..4, topics [name str ..9, topic_id uuid 10.., partitions [partition_index i32,
    committed_offset i64, committed_leader_epoch i32 6.., committed_metadata str?]]
9 OffsetFetch: group_id str ..7, topics [name str, partition_indexes *i32]?2.. ..7, groups [group_id str, member_id
    str? 9.., member_epoch i32 9.., topics [name str ..9, topic_id uuid 10.., partition_indexes *i32]?] 8..,
    require_stable bool 7..
10 FindCoordinator: key str ..3, key_type i8 1.., coordinator_keys *str 4..
11 JoinGroup: group_id str, session_timeout_ms i32, rebalance_timeout_ms i32 1.., member_id str, group_instance_id
    str? 5.., protocol_type str, protocols [name str, metadata bytes], reason str? 8..
12 Heartbeat: group_id str, generation_id i32, member_id str, group_instance_id str? 3..
13 LeaveGroup: group_id str, member_id str ..2, members [member_id str, group_instance_id str?, reason str? 5..] 3..
14 SyncGroup: group_id str, generation_id i32, member_id str, group_instance_id str? 3.., protocol_type str? 5..,
    protocol_name str? 5.., assignments [member_id str, assignment bytes]
15 DescribeGroups: groups *str, include_authorized_operations bool 3..
16 ListGroups: states_filter *str 4.., types_filter *str 5..
17 SaslHandshake: mechanism str
18 ApiVersions: client_software_name str 3.., client_software_version str 3..
19 CreateTopics: topics [name str, num_partitions i32, replication_factor i16, assignments [partition_index i32,
    broker_ids *i32], configs [name str, value str?]], timeout_ms i32, validate_only bool
20 DeleteTopics: topics [name str?, topic_id uuid] 6.., topic_names *str ..5, timeout_ms i32
21 DeleteRecords: topics [name str, partitions [partition_index i32, offset i64]], timeout_ms i32
22 InitProducerId: transactional_id str?, transaction_timeout_ms i32, producer_id i64 3.., producer_epoch i16 3..,
    enable2_pc bool 6.., keep_prepared_txn bool 6..
23 OffsetForLeaderEpoch: replica_id i32 3.., topics [topic str, partitions [partition i32, current_leader_epoch i32,
    leader_epoch i32]]
24 AddPartitionsToTxn: transactions [transactional_id str, producer_id i64, producer_epoch i16, verify_only bool,
    topics [name str, partitions *i32]] 4.., v3_and_below_transactional_id str ..3, v3_and_below_producer_id i64
    ..3, v3_and_below_producer_epoch i16 ..3, v3_and_below_topics [name str, partitions *i32] ..3
25 AddOffsetsToTxn: transactional_id str, producer_id i64, producer_epoch i16, group_id str
26 EndTxn: transactional_id str, producer_id i64, producer_epoch i16, committed bool
27 WriteTxnMarkers: markers [producer_id i64, producer_epoch i16, transaction_result bool, topics [name str,
    partition_indexes *i32], coordinator_epoch i32, transaction_version i8 2..]
28 TxnOffsetCommit: transactional_id str, group_id str, producer_id i64, producer_epoch i16, generation_id i32 3..,
    member_id str 3.., group_instance_id str? 3.., topics [name str, partitions [partition_index i32,
    committed_offset i64, committed_leader_epoch i32 2.., committed_metadata str?]]
29 DescribeAcls: resource_type_filter i8, resource_name_filter str?, pattern_type_filter i8, principal_filter str?,
    host_filter str?, operation i8, permission_type i8
30 CreateAcls: creations [resource_type i8, resource_name str, resource_pattern_type i8, principal str, host str,
    operation i8, permission_type i8]
31 DeleteAcls: filters [resource_type_filter i8, resource_name_filter str?, pattern_type_filter i8, principal_filter
    str?, host_filter str?, operation i8, permission_type i8]
32 DescribeConfigs: resources [resource_type i8, resource_name str, configuration_keys *str?], include_synonyms
    bool, include_documentation bool 3..
33 AlterConfigs: resources [resource_type i8, resource_name str, configs [name str, value str?]], validate_only bool
34 AlterReplicaLogDirs: dirs [path str, topics [name str, partitions *i32]]
35 DescribeLogDirs: topics [topic str, partitions *i32]?
36 SaslAuthenticate: auth_bytes bytes
37 CreatePartitions: topics [name str, count i32, assignments [broker_ids *i32]?], timeout_ms i32, validate_only
    bool
38 CreateDelegationToken: owner_principal_type str? 3.., owner_principal_name str? 3.., renewers [principal_type
    str, principal_name str], max_lifetime_ms i64
39 RenewDelegationToken: hmac bytes, renew_period_ms i64
40 ExpireDelegationToken: hmac bytes, expiry_time_period_ms i64
41 DescribeDelegationToken: owners [principal_type str, principal_name str]?
42 DeleteGroups: groups_names *str
43 ElectLeaders: election_type i8 1.., topic_partitions [topic str, partitions *i32]?, timeout_ms i32
44 IncrementalAlterConfigs: resources [resource_type i8, resource_name str, configs [name str, config_operation i8,
    value str?]], validate_only bool
45 AlterPartitionReassignments: timeout_ms i32, allow_replication_factor_change bool 1.., topics [name str,
    partitions [partition_index i32, replicas *i32?]]
46 ListPartitionReassignments: timeout_ms i32, topics [name str, partition_indexes *i32]?
47 OffsetDelete: group_id str, topics [name str, partitions [partition_index i32]]
48 DescribeClientQuotas: components [entity_type str, match_type i8, match str?], strict bool
49 AlterClientQuotas: entries [entity [entity_type str, entity_name str?], ops [key str, value f64, remove bool]],
    validate_only bool
50 DescribeUserScramCredentials: users [name str]?
51 AlterUserScramCredentials: deletions [name str, mechanism i8], upsertions [name str, mechanism i8, iterations
    i32, salt bytes, salted_password bytes]
55 DescribeQuorum: topics [topic_name str, partitions [partition_index i32]]
57 UpdateFeatures: timeout_ms i32, feature_updates [feature str, max_version_level i16, allow_downgrade bool ..0,
    upgrade_type i8 1..], validate_only bool 1..
60 DescribeCluster: include_cluster_authorized_operations bool, endpoint_type i8 1.., include_fenced_brokers bool
    2..
61 DescribeProducers: topics [name str, partition_indexes *i32]
64 UnregisterBroker: broker_id i32
65 DescribeTransactions: transactional_ids *str
66 ListTransactions: state_filters *str, producer_id_filters *i64, duration_filter i64 1.., transactional_id_pattern
    str? 2..
68 ConsumerGroupHeartbeat: group_id str, member_id str, member_epoch i32, instance_id str?, rack_id str?,
    rebalance_timeout_ms i32, subscribed_topic_names *str?, subscribed_topic_regex str? 1.., server_assignor str?,
    topic_partitions [topic_id uuid, partitions *i32]?
69 ConsumerGroupDescribe: group_ids *str, include_authorized_operations bool
71 GetTelemetrySubscriptions: client_instance_id uuid
72 PushTelemetry: client_instance_id uuid, subscription_id i32, terminating bool, compression_type i8, metrics bytes
74 ListConfigResources: resource_types *i8 1..
75 DescribeTopicPartitions: topics [name str], response_partition_limit i32, cursor {topic_name str, partition_index
    i32}?
76 ShareGroupHeartbeat: group_id str, member_id str, member_epoch i32, rack_id str?, subscribed_topic_names *str?
77 ShareGroupDescribe: group_ids *str, include_authorized_operations bool
78 ShareFetch: group_id str?, member_id str?, share_session_epoch i32, max_wait_ms i32, min_bytes i32, max_bytes
    i32, max_records i32, batch_size i32, share_acquire_mode i8 2.., is_renew_ack bool 2.., topics [topic_id uuid,
    partitions [partition_index i32, acknowledgement_batches [first_offset i64, last_offset i64, acknowledge_types
    *i8]]], forgotten_topics_data [topic_id uuid, partitions *i32]
79 ShareAcknowledge: group_id str?, member_id str?, share_session_epoch i32, is_renew_ack bool 2.., topics [topic_id
    uuid, partitions [partition_index i32, acknowledgement_batches [first_offset i64, last_offset i64,
    acknowledge_types *i8]]]
80 AddRaftVoter: cluster_id str?, timeout_ms i32, voter_id i32, voter_directory_id uuid, listeners [name str, host
    str, port i16], ack_when_committed bool 1..
81 RemoveRaftVoter: cluster_id str?, voter_id i32, voter_directory_id uuid
83 InitializeShareGroupState: group_id str, topics [topic_id uuid, partitions [partition i32, state_epoch i32,
    start_offset i64]]
84 ReadShareGroupState: group_id str, topics [topic_id uuid, partitions [partition i32, leader_epoch i32]]
85 WriteShareGroupState: group_id str, topics [topic_id uuid, partitions [partition i32, state_epoch i32,
    leader_epoch i32, start_offset i64, delivery_complete_count i32 1.., state_batches [first_offset i64,
    last_offset i64, delivery_state i8, delivery_count i16]]]
86 DeleteShareGroupState: group_id str, topics [topic_id uuid, partitions [partition i32]]
87 ReadShareGroupStateSummary: group_id str, topics [topic_id uuid, partitions [partition i32, leader_epoch i32]]
88 StreamsGroupHeartbeat: group_id str, member_id str, member_epoch i32, endpoint_information_epoch i32, instance_id
    str?, rack_id str?, rebalance_timeout_ms i32, topology {epoch i32, subtopologies [subtopology_id str,
    source_topics *str, source_topic_regex *str, state_changelog_topics [name str, partitions i32,
    replication_factor i16, topic_configs [key str, value str]], repartition_sink_topics *str,
    repartition_source_topics [name str, partitions i32, replication_factor i16, topic_configs [key str, value
    str]], copartition_groups [source_topics *i16, source_topic_regex *i16, repartition_source_topics *i16]]}?,
    active_tasks [subtopology_id str, partitions *i32]?, standby_tasks [subtopology_id str, partitions *i32]?,
    warmup_tasks [subtopology_id str, partitions *i32]?, process_id str?, user_endpoint {host str, port i16}?,
    client_tags [key str, value str]?, task_offsets [subtopology_id str, partition i32, offset i64]?,
    task_end_offsets [subtopology_id str, partition i32, offset i64]?, shutdown_application bool
89 StreamsGroupDescribe: group_ids *str, include_authorized_operations bool
90 DescribeShareGroupOffsets: groups [group_id str, topics [topic_name str, partitions *i32]?]
91 AlterShareGroupOffsets: group_id str, topics [topic_name str, partitions [partition_index i32, start_offset i64]]
92 DeleteShareGroupOffsets: group_id str, topics [topic_name str]
";
