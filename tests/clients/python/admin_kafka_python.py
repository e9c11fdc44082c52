"""Every call of kafka-python's KafkaAdminClient, with what it gives and with its errors."""
import sys

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka import errors
from kafka.admin import (ACL, ACLFilter, ACLOperation, ACLPermissionType, ACLResourcePatternType, AbortTransactionSpec,
                         ConfigResource, MemberToRemove, NewPartitions, NewTopic, OffsetSpec, OffsetTimestamp,
                         ResourcePattern, ResourcePatternFilter, ResourceType, ScramMechanism,
                         UserScramCredentialDeletion, UserScramCredentialUpsertion)
from kafka.structs import OffsetAndMetadata

from coverage import Watched, same, until

server = sys.argv[1]
admin = Watched(KafkaAdminClient(bootstrap_servers=server))
ONE, OTHER, NONE = TopicPartition("one", 0), TopicPartition("one", 1), TopicPartition("none", 0)


def refused(error, call, *arguments, text="", **more):
    try:
        found = call(*arguments, **more)
    except errors.KafkaError as e:
        assert isinstance(e, error), f"{e!r} and not {error}"
        assert text in str(e), e
        return
    sys.exit(f"not refused with {error}: {found}")


def topics():
    admin.create_topics([NewTopic("one", 2, 1, topic_configs={"retention.ms": "-1"}), NewTopic("two", 1, 1)])
    admin.wait_for_topics(["one", "two"])
    refused(errors.TopicAlreadyExistsError, admin.create_topics, [NewTopic("one", 2, 1)])
    refused(errors.InvalidReplicationFactorError, admin.create_topics, [NewTopic("x", 1, 3)])
    refused(errors.InvalidPartitionsError, admin.create_topics, [NewTopic("x", 0, 1)])
    refused(errors.InvalidTopicError, admin.create_topics, [NewTopic("bad name", 1, 1)])
    admin.create_topics([NewTopic("dry", 1, 1)], validate_only=True)
    same(sorted(name for name in admin.list_topics() if not name.startswith("__")), ["one", "two"])
    admin.create_partitions({"two": NewPartitions(3)})
    refused(errors.InvalidPartitionsError, admin.create_partitions, {"two": NewPartitions(1)})
    refused(errors.UnknownTopicOrPartitionError, admin.create_partitions, {"none": NewPartitions(1)})
    [two] = admin.describe_topics(["two"])
    same([(p["partition_index"], p["leader_id"], p["isr_nodes"]) for p in sorted(two["partitions"], key=str)],
         [(n, 1, [1]) for n in range(3)])
    page = admin.describe_topic_partitions(["one", "two"], response_partition_limit=3)
    same([(t["name"], len(t["partitions"])) for t in page["topics"]], [("one", 2), ("two", 1)])
    rest = admin.describe_topic_partitions(["one", "two"], cursor=page["next_cursor"])
    same([(t["name"], [p["partition_index"] for p in t["partitions"]]) for t in rest["topics"]], [("two", [1, 2])])
    same(rest["next_cursor"], None)


def records():
    producer = KafkaProducer(bootstrap_servers=server)
    for value in b"abcd":
        producer.send("one", bytes([value]), partition=0, timestamp_ms=1600000000000).get(60)
    producer.close()
    for spec, offset in ((OffsetSpec.LATEST, 4), (OffsetSpec.EARLIEST, 0), (OffsetSpec.MAX_TIMESTAMP, 0),
                         (OffsetTimestamp(1600000000000), 0), (OffsetTimestamp(1700000000000), -1)):
        same(admin.list_partition_offsets({ONE: spec})[ONE].offset, offset, spec)
    refused(errors.UnknownTopicOrPartitionError, admin.list_partition_offsets, {NONE: OffsetSpec.LATEST}, timeout_ms=500)
    deleted = admin.delete_records({ONE: 3})
    same((deleted[ONE]["error_code"], deleted[ONE]["low_watermark"]), (0, 3))
    refused(errors.OffsetOutOfRangeError, admin.delete_records, {ONE: 99})


def configs():
    def value(name, kind="TOPIC", resource="one"):
        found = admin.describe_configs([ConfigResource(kind, resource, {name: None})], include_synonyms=True,
                                       config_filter="all")
        return found[kind.lower()][resource][name]["value"]
    same(value("retention.ms"), "-1")
    change = {"retention.ms": "5000000", "cleanup.policy": ("APPEND", "compact")}
    same(admin.alter_configs([ConfigResource("TOPIC", "one", change)]), {"topic": {"one": "OK"}})
    until(lambda: value("cleanup.policy") == "delete,compact", "the change is seen")
    admin.reset_configs([ConfigResource("TOPIC", "one", {"cleanup.policy": None})])
    until(lambda: value("cleanup.policy") == "delete", "the default is back")
    wrong = admin.alter_configs([ConfigResource("TOPIC", "one", {"retention.ms": "x"})])
    assert "Not a number of type LONG" in str(wrong), wrong
    admin.alter_configs([ConfigResource("TOPIC", "one", {"retention.ms": "-1"})], incremental=False)
    until(lambda: value("retention.ms") == "-1", "the whole is replaced")
    admin.alter_configs([ConfigResource("GROUP", "g", {"consumer.session.timeout.ms": "50000"})], raise_on_unknown=False)
    until(lambda: admin.list_config_resources(["GROUP"]) == {"group": ["g"]}, "the group has a setting")
    assert {"one", "two"} <= set(admin.list_config_resources(["TOPIC"])["topic"])
    admin.reset_configs([ConfigResource("GROUP", "g", {"consumer.session.timeout.ms": None})], raise_on_unknown=False)


def groups():
    member = KafkaConsumer("one", bootstrap_servers=server, group_id="live", client_id="me", enable_auto_commit=False,
                           group_instance_id="i1")
    until(lambda: member.poll(50) is not None and len(member.assignment()) == 2, "the member has its partitions")
    member.commit({ONE: OffsetAndMetadata(3, "", -1)})
    same(admin.alter_group_offsets("idle", {ONE: OffsetAndMetadata(4, "note", -1)}), {ONE: errors.NoError})
    listed = {(g["group_id"], g["group_state"], g["group_type"]) for g in admin.list_groups()}
    same(listed, {("live", "Stable", "classic"), ("idle", "Empty", "classic")})
    same([g["group_id"] for g in admin.list_groups(states_filter=["Stable"], types_filter=["classic"])], ["live"])
    found = admin.describe_groups(["live", "idle"], include_authorized_operations=True)
    [joined] = found["live"]["members"]
    same((found["live"]["group_state"], joined["client_id"], joined["group_instance_id"]), ("Stable", "me", "i1"))
    same((found["idle"]["group_state"], found["idle"]["members"]), ("Empty", []))
    offsets = admin.list_group_offsets({"live": None, "idle": [ONE, OTHER]})
    same({g: {p: o.offset for p, o in of.items()} for g, of in offsets.items()}, {"live": {ONE: 3}, "idle": {ONE: 4, OTHER: -1}})
    same(offsets["idle"][ONE].metadata, "note")
    reset = admin.reset_group_offsets("idle", {ONE: OffsetSpec.EARLIEST, OTHER: 7})
    same({p: (r["error"], r["offset"]) for p, r in reset.items()}, {ONE: (errors.NoError, 3), OTHER: (errors.NoError, 0)})
    same(admin.alter_group_offsets("live", {ONE: OffsetAndMetadata(1, "", -1)}), {ONE: errors.UnknownMemberIdError})
    same(admin.delete_group_offsets("live", [ONE]), {ONE: errors.GroupSubscribedToTopicError})
    same(admin.delete_group_offsets("idle", [OTHER]), {OTHER: errors.NoError})
    same(dict(admin.delete_groups(["live", "none", "idle"])),
         {"live": "NonEmptyGroupError", "none": "GroupIdNotFoundError", "idle": "OK"})
    gone = admin.remove_group_members("live", [MemberToRemove(group_instance_id="i1"), MemberToRemove(group_instance_id="i2")])
    same(gone, {"i1": errors.NoError, "i2": errors.UnknownMemberIdError})
    member.close(autocommit=False)
    same(dict(admin.delete_groups(["live"])), {"live": "OK"})


def transactions():
    producer = KafkaProducer(bootstrap_servers=server, transactional_id="txn", transaction_timeout_ms=600000)
    producer.init_transactions()
    producer.begin_transaction()
    producer.send("one", b"open", partition=1).get(60)
    [[listed]] = admin.list_transactions(state_filters=["Ongoing"], transactional_id_pattern="t.n").values()
    same((listed.transactional_id, str(getattr(listed.state, "value", listed.state))), ("txn", "Ongoing"))
    same(admin.list_transactions(duration_filter_ms=3600000), {1: []})
    described = admin.describe_transactions(["txn"])["txn"]
    same((described.producer_id, described.transaction_timeout_ms), (listed.producer_id, 600000))
    refused(errors.TransactionalIdNotFoundError, admin.describe_transactions, ["none"])
    [state] = admin.describe_producers([OTHER])[OTHER].active_producers
    same((state.producer_id, state.current_transaction_start_offset), (listed.producer_id, 0))
    same(admin.find_hanging_transactions(), [])
    # The partition's part of the transaction is ended behind the coordinator's back.
    admin.abort_transaction(AbortTransactionSpec(OTHER, state.producer_id, state.producer_epoch))
    [state] = admin.describe_producers([OTHER])[OTHER].active_producers
    same(state.current_transaction_start_offset, -1)
    producer.abort_transaction()
    producer.close()


def acls():
    def of(name, operation, pattern):
        return ACL("User:alice", "*", operation, ACLPermissionType.ALLOW, ResourcePattern(ResourceType.TOPIC, name, pattern))

    def matching(name, pattern):
        return ACLFilter(None, None, ACLOperation.ANY, ACLPermissionType.ANY,
                         ResourcePatternFilter(ResourceType.TOPIC, name, pattern))
    made = [of("one", ACLOperation.READ, ACLResourcePatternType.LITERAL),
            of("on", ACLOperation.WRITE, ACLResourcePatternType.PREFIXED)]
    created = admin.create_acls(made)
    same((len(created["succeeded"]), created["failed"]), (2, []))
    found, error = admin.describe_acls(matching("one", ACLResourcePatternType.MATCH))
    same((set(found), error), (set(made), errors.NoError))
    [(_, deleted, error)] = admin.delete_acls([matching("one", ACLResourcePatternType.MATCH)])
    same((set(deleted), error), (set(made), errors.NoError))
    same(admin.describe_acls(matching(None, ACLResourcePatternType.ANY))[0], [])


def users():
    alter, show = admin.alter_user_scram_credentials, admin.describe_user_scram_credentials
    same(alter([UserScramCredentialUpsertion("alice", ScramMechanism.SCRAM_SHA_256, "secret", iterations=4096)]), {"alice": None})
    until(lambda: show(["alice"])["alice"]["error"] is None, "the credential is there")
    same([(i["mechanism"], i["iterations"]) for i in show()["alice"]["credential_infos"]], [(ScramMechanism.SCRAM_SHA_256, 4096)])
    assert "Too few iterations" in alter([UserScramCredentialUpsertion("bob", ScramMechanism.SCRAM_SHA_256, "s", iterations=5)])["bob"]
    same(alter([UserScramCredentialDeletion("alice", ScramMechanism.SCRAM_SHA_256)]), {"alice": None})
    until(lambda: show(["alice"])["alice"]["error"] is not None, "the credential is gone")


def replicas():
    [found] = admin.describe_log_dirs()
    [log_dir] = found["log_dirs"]
    assert {topic["name"] for topic in log_dir["topics"]} >= {"one", "two"}, log_dir
    path = log_dir["log_dir"]
    moved = admin.alter_replica_log_dirs({("one", 0, 1): path, ("none", 0, 1): path})
    same({place.topic: error for place, error in moved.items()},
         {"one": errors.NoError, "none": errors.UnknownTopicOrPartitionError})
    [error] = admin.alter_replica_log_dirs({("one", 0, 1): "/no/such"}).values()
    same(error, errors.LogDirNotFoundError)
    same(admin.alter_partition_reassignments({ONE: [1]}), {ONE: None})
    refused(errors.KafkaError, raise_first, admin.alter_partition_reassignments({ONE: [5]}))
    same(admin.list_partition_reassignments(), {})
    refused(errors.UnknownTopicOrPartitionError, admin.elect_leaders, 0, {"none": [0]})
    admin.elect_leaders(0, {"one": [0, 1]})


def raise_first(results):
    for error in results.values():
        if error is not None:
            raise error
    return results


def cluster():
    found = admin.describe_cluster()
    same(([node["broker_id"] for node in found["brokers"]], found["controller_id"]), ([1], 1))
    same(set(found["authorized_operations"]), {"CREATE", "ALTER", "DESCRIBE", "CLUSTER_ACTION", "DESCRIBE_CONFIGS",
                                              "ALTER_CONFIGS", "IDEMPOTENT_WRITE"})
    quorum = admin.describe_metadata_quorum()
    assert "'leader_id': 1" in str(quorum), quorum
    features = admin.describe_features()
    same(features["metadata.version"]["supported"][1], 30)
    same(features["group.version"]["finalized"], (1, 1))
    same(admin.update_features({"group.version": 1}, validate_only=True), {"group.version": "OK"})
    refused(errors.InvalidUpdateVersionError, admin.update_features, {"group.version": 9}, validate_only=True)
    assert admin.api_versions() and admin.get_broker_version_data(1)
    admin.delete_topics(["one", "two"])
    refused(errors.UnknownTopicOrPartitionError, admin.delete_topics, ["none"])


for part in (topics, records, configs, groups, transactions, acls, users, replicas, cluster):
    part()
admin.close()
admin.check()
