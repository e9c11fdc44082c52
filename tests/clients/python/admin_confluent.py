"""Every call of confluent-kafka's AdminClient, with what it gives and with its errors."""
import sys

from confluent_kafka import (Consumer, ConsumerGroupState, ConsumerGroupType, ConsumerGroupTopicPartitions, ElectionType,
                             IsolationLevel, KafkaError, KafkaException, Producer, TopicCollection, TopicPartition)
from confluent_kafka.admin import (AclBinding, AclBindingFilter, AclOperation, AclPermissionType, AdminClient,
                                   AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic, OffsetSpec,
                                   ResourcePatternType, ResourceType, ScramCredentialInfo, ScramMechanism,
                                   UserScramCredentialDeletion, UserScramCredentialUpsertion)

from coverage import Watched, same, until

server = sys.argv[1]
admin = Watched(AdminClient({"bootstrap.servers": server}), left_out=["set_sasl_credentials", "poll"])
TOPIC = ConfigResource.Type.TOPIC


def done(futures):
    """The results of a call that makes one future for each thing it is about."""
    return {key: future.result(60) for key, future in futures.items()}


def refused(future, code, text=""):
    try:
        future.result(60)
    except KafkaException as e:
        same(e.args[0].name(), code)
        assert text in e.args[0].str(), e
        return
    sys.exit(f"not refused with {code}")


def only(futures):
    [future] = futures.values()
    return future


def fill(topic, partition, *values):
    producer = Producer({"bootstrap.servers": server})
    for value in values:
        producer.produce(topic, value, partition=partition, timestamp=1600000000000)
    same(producer.flush(60), 0)


def topics():
    done(admin.create_topics([NewTopic("one", 2, 1, config={"retention.ms": "-1"}), NewTopic("two", 1, 1)]))
    refused(only(admin.create_topics([NewTopic("one", 2, 1)])), "TOPIC_ALREADY_EXISTS", "'one' already exists")
    refused(only(admin.create_topics([NewTopic("bad name", 1, 1)])), "TOPIC_EXCEPTION")
    refused(only(admin.create_topics([NewTopic("x", 1, 3)])), "INVALID_REPLICATION_FACTOR")
    refused(only(admin.create_topics([NewTopic("x", 0, 1)])), "INVALID_PARTITIONS")
    refused(only(admin.create_topics([NewTopic("x", 1, 1, config={"no.such": "1"})])), "INVALID_CONFIG", "no.such")
    refused(only(admin.create_topics([NewTopic("x", 1, replica_assignment=[[9]])])), "INVALID_REPLICA_ASSIGNMENT")
    done(admin.create_topics([NewTopic("dry", 1, 1)], validate_only=True))
    assert "dry" not in admin.list_topics(timeout=60).topics
    until(lambda: {"one", "two"} <= admin.list_topics(timeout=60).topics.keys(), "the topics are known")
    done(admin.create_partitions([NewPartitions("two", 3)]))
    refused(only(admin.create_partitions([NewPartitions("two", 1)])), "INVALID_PARTITIONS")
    refused(only(admin.create_partitions([NewPartitions("none", 2)])), "UNKNOWN_TOPIC_OR_PART")
    until(lambda: len(admin.list_topics("two", timeout=60).topics["two"].partitions) == 3, "the topic has grown")
    described = admin.describe_topics(TopicCollection(["one", "none"]), include_authorized_operations=True)
    refused(described["none"], "UNKNOWN_TOPIC_OR_PART")
    one = described["one"].result(60)
    same((one.name, one.is_internal, [p.id for p in one.partitions]), ("one", False, [0, 1]))
    same([[node.id for node in p.isr] for p in one.partitions], [[1], [1]])
    same({operation.name for operation in one.authorized_operations},
         {"READ", "WRITE", "CREATE", "DELETE", "ALTER", "DESCRIBE", "DESCRIBE_CONFIGS", "ALTER_CONFIGS"})


def records():
    fill("one", 0, *"abcd")
    ends = {TopicPartition("one", 0): OffsetSpec.latest(), TopicPartition("one", 1): OffsetSpec.latest()}
    level = {"isolation_level": IsolationLevel.READ_COMMITTED}
    same({(p.topic, p.partition): r.offset for p, r in done(admin.list_offsets(ends, **level)).items()},
         {("one", 0): 4, ("one", 1): 0})
    for spec, offset in ((OffsetSpec.earliest(), 0), (OffsetSpec.for_timestamp(1600000000000), 0),
                         (OffsetSpec.for_timestamp(1700000000000), -1), (OffsetSpec.max_timestamp(), 0)):
        same(only(admin.list_offsets({TopicPartition("one", 0): spec})).result(60).offset, offset, spec)
    # The client finds no leader for it.
    refused(only(admin.list_offsets({TopicPartition("none", 0): OffsetSpec.latest()})), "_NOENT")
    deleted = admin.delete_records([TopicPartition("one", 0, 3)])
    same(only(deleted).result(60).low_watermark, 3)
    same(only(admin.list_offsets({TopicPartition("one", 0): OffsetSpec.earliest()})).result(60).offset, 3)
    refused(only(admin.delete_records([TopicPartition("one", 0, 99)])), "OFFSET_OUT_OF_RANGE")


def configs():
    def value(resource, name):
        entry = only(admin.describe_configs([resource])).result(60)[name]
        return entry.value, entry.source, entry.is_read_only, entry.is_sensitive

    one = ConfigResource(TOPIC, "one")
    same(value(one, "retention.ms"), ("-1", 1, False, False))
    same(value(one, "segment.ms")[:2], ("604800000", 5))
    one.add_incremental_config(ConfigEntry("retention.ms", "5000000", incremental_operation=AlterConfigOpType.SET))
    one.add_incremental_config(ConfigEntry("cleanup.policy", "compact", incremental_operation=AlterConfigOpType.APPEND))
    done(admin.incremental_alter_configs([one]))
    until(lambda: value(one, "cleanup.policy")[0] == "delete,compact", "the change is seen")
    less = ConfigResource(TOPIC, "one")
    less.add_incremental_config(ConfigEntry("retention.ms", None, incremental_operation=AlterConfigOpType.DELETE))
    less.add_incremental_config(ConfigEntry("cleanup.policy", "compact", incremental_operation=AlterConfigOpType.SUBTRACT))
    done(admin.incremental_alter_configs([less]))
    until(lambda: value(one, "retention.ms")[:2] == ("604800000", 5), "the default is back")
    bad = ConfigResource(TOPIC, "one")
    bad.add_incremental_config(ConfigEntry("retention.ms", "x", incremental_operation=AlterConfigOpType.SET))
    refused(only(admin.incremental_alter_configs([bad])), "INVALID_CONFIG", "Not a number of type LONG")
    done(admin.alter_configs([ConfigResource(TOPIC, "one", set_config={"retention.ms": "-1"})]))
    until(lambda: value(one, "retention.ms")[0] == "-1", "the whole is replaced")
    refused(only(admin.alter_configs([ConfigResource(TOPIC, "none", set_config={"retention.ms": "1"})])),
            "UNKNOWN_TOPIC_OR_PART")
    broker = ConfigResource(ConfigResource.Type.BROKER, "1")
    same(value(broker, "node.id"), ("1", 4, True, False))
    refused(only(admin.alter_configs([ConfigResource(ConfigResource.Type.BROKER, "1", set_config={"node.id": "2"})])),
            "INVALID_REQUEST", "Cannot update these configs dynamically: [node.id]")
    refused(only(admin.describe_configs([ConfigResource(TOPIC, "none")])), "UNKNOWN_TOPIC_OR_PART")


def groups():
    members = []
    for protocol in ("classic", "consumer"):
        member = Consumer({"bootstrap.servers": server, "group.id": protocol, "group.protocol": protocol,
                           "client.id": "me", "enable.auto.commit": False})
        member.subscribe(["one"])
        until(lambda: member.poll(0.05) is None and len(member.assignment()) == 2, "the member has its partitions")
        member.commit(offsets=[TopicPartition("one", 0, 3)], asynchronous=False)
        members.append(member)
    # A group that a tool made, without members.
    only(admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions("by-tool", [TopicPartition("one", 0, 4)])])
         ).result(60)
    listed = admin.list_consumer_groups().result(60)
    same({(g.group_id, g.state.name, g.type.name) for g in listed.valid},
         {("classic", "STABLE", "CLASSIC"), ("consumer", "STABLE", "CONSUMER"), ("by-tool", "EMPTY", "CLASSIC")})
    same(listed.errors, [])
    some = admin.list_consumer_groups(states={ConsumerGroupState.STABLE}, types={ConsumerGroupType.CONSUMER}).result(60)
    same([g.group_id for g in some.valid], ["consumer"])
    same({g.id for g in admin.list_groups(timeout=60)}, {"classic", "consumer", "by-tool"})
    described = admin.describe_consumer_groups(["classic", "consumer", "by-tool", "none"], request_timeout=60)
    described = done(described)
    same((described["none"].state.name, described["none"].members), ("DEAD", []))
    for name in ("classic", "consumer"):
        group = described[name]
        [member] = group.members
        same((group.state.name, group.coordinator.id, member.client_id), ("STABLE", 1, "me"))
        same([(p.topic, p.partition) for p in member.assignment.topic_partitions], [("one", 0), ("one", 1)])
    same((described["by-tool"].state.name, described["by-tool"].members), ("EMPTY", []))

    def committed(group):
        found = only(admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])).result(60)
        return [(p.topic, p.partition, p.offset) for p in found.topic_partitions]
    same([committed(group) for group in ("classic", "consumer", "by-tool", "none")],
         [[("one", 0, 3)], [("one", 0, 3)], [("one", 0, 4)], []])
    busy = admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions("classic", [TopicPartition("one", 0, 1)])])
    same([p.error.name() for p in only(busy).result(60).topic_partitions], ["UNKNOWN_MEMBER_ID"])
    deleted = admin.delete_consumer_groups(["classic", "by-tool", "none"])
    refused(deleted["classic"], "NON_EMPTY_GROUP")
    refused(deleted["none"], "GROUP_ID_NOT_FOUND")
    deleted["by-tool"].result(60)
    for member in members:
        member.close()
    done(admin.delete_consumer_groups(["classic", "consumer"]))
    same(admin.list_consumer_groups().result(60).valid, [])


def acls():
    def of(name, operation=AclOperation.READ, pattern=ResourcePatternType.LITERAL):
        return AclBinding(ResourceType.TOPIC, name, pattern, "User:alice", "*", operation, AclPermissionType.ALLOW)

    def matching(name, pattern):
        return AclBindingFilter(ResourceType.TOPIC, name, pattern, None, None, AclOperation.ANY, AclPermissionType.ANY)
    made = [of("one"), of("on", AclOperation.WRITE, ResourcePatternType.PREFIXED), of("*", AclOperation.DESCRIBE)]
    done(admin.create_acls(made))
    nobody = AclBinding(ResourceType.TOPIC, "one", ResourcePatternType.LITERAL, "alice", "*", AclOperation.READ,
                        AclPermissionType.ALLOW)
    refused(only(admin.create_acls([nobody])), "INVALID_REQUEST", "principal")
    for name, pattern, found in ((None, ResourcePatternType.ANY, made), ("one", ResourcePatternType.MATCH, made),
                                 ("one", ResourcePatternType.LITERAL, made[:1]), ("two", ResourcePatternType.MATCH, made[2:]),
                                 ("on", ResourcePatternType.PREFIXED, made[1:2]), ("one", ResourcePatternType.ANY, made[:1])):
        same(set(admin.describe_acls(matching(name, pattern)).result(60)), set(found), (name, pattern))
    same(set(only(admin.delete_acls([matching("one", ResourcePatternType.MATCH)])).result(60)), set(made))
    same(admin.describe_acls(matching(None, ResourcePatternType.ANY)).result(60), [])


def users():
    strong = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 8192)
    done(admin.alter_user_scram_credentials([UserScramCredentialUpsertion("alice", strong, b"secret")]))

    def shown():
        return done(admin.describe_user_scram_credentials(["alice"]))["alice"].scram_credential_infos
    until(lambda: len(shown()) == 1, "the credential is there")
    same([(info.mechanism.name, info.iterations) for info in shown()], [("SCRAM_SHA_512", 8192)])
    same(list(admin.describe_user_scram_credentials().result(60)), ["alice"])
    refused(only(admin.describe_user_scram_credentials(["bob"])), "RESOURCE_NOT_FOUND", "bob")
    weak = UserScramCredentialUpsertion("bob", ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 10), b"secret")
    refused(only(admin.alter_user_scram_credentials([weak])), "UNACCEPTABLE_CREDENTIAL", "Too few iterations")
    done(admin.alter_user_scram_credentials([UserScramCredentialDeletion("alice", ScramMechanism.SCRAM_SHA_512)]))
    again = UserScramCredentialDeletion("bob", ScramMechanism.SCRAM_SHA_512)
    refused(only(admin.alter_user_scram_credentials([again])), "RESOURCE_NOT_FOUND")


def cluster():
    found = admin.describe_cluster(include_authorized_operations=True).result(60)
    same(([node.id for node in found.nodes], found.controller.id), ([1], 1))
    same({operation.name for operation in found.authorized_operations},
         {"CREATE", "ALTER", "DESCRIBE", "CLUSTER_ACTION", "DESCRIBE_CONFIGS", "ALTER_CONFIGS", "IDEMPOTENT_WRITE"})
    same(found.cluster_id, admin.cluster_id(timeout=60))
    for kind in (ElectionType.PREFERRED, ElectionType.UNCLEAN):
        asked = [TopicPartition("one", 0), TopicPartition("none", 0)]
        errors = admin.elect_leaders(kind, asked).result(60)
        same({p.topic: error.name() for p, error in errors.items()},
             {"one": "ELECTION_NOT_NEEDED", "none": "UNKNOWN_TOPIC_OR_PART"})
    done(admin.delete_topics(["one", "two"]))
    refused(only(admin.delete_topics(["none"])), "UNKNOWN_TOPIC_OR_PART")


for part in (topics, records, configs, groups, acls, users, cluster):
    part()
admin.check()
