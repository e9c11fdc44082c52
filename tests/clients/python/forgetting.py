"""A keyed topic compacts, and retention by time and by size takes effect soon after it is asked for."""
import sys
import time

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic

server = sys.argv[1]
PATIENCE_S = 60
admin = AdminClient({"bootstrap.servers": server})
producer = Producer({"bootstrap.servers": server, "linger.ms": 0, "enable.idempotence": True})
consumer = Consumer({"bootstrap.servers": server, "group.id": "reader", "enable.auto.commit": False,
                     "enable.partition.eof": True})


def create(topic, **config):
    config = {key.replace("_", "."): value for key, value in config.items()}
    admin.create_topics([NewTopic(topic, 1, 1, config=config)])[topic].result()


def alter(topic, key, value):
    entry = ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[entry])
    admin.incremental_alter_configs([resource])[resource].result()


def read(topic):
    """Every record from the start."""
    consumer.assign([TopicPartition(topic, 0, low(topic))])
    found = []
    while True:
        message = consumer.poll(PATIENCE_S)
        if message is None:
            sys.exit(f"{topic}: nothing is answered")
        if message.error():
            return found
        found.append((message.offset(), message.key(), message.value()))


def soon(what, holds):
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > deadline:
            sys.exit(f"not in {PATIENCE_S} s: {what}")
        time.sleep(0.2)


def low(topic):
    return consumer.get_watermark_offsets(TopicPartition(topic, 0))[0]


create("keyed", cleanup_policy="compact", segment_ms="200", min_cleanable_dirty_ratio="0.01", delete_retention_ms="0")
expected = {}
for n in range(300):
    key, value = b"key-%d" % (n % 7), b"value-%d" % n
    producer.produce("keyed", key=key, value=value)
    expected[key] = value
producer.produce("keyed", key=b"key-0", value=None)
del expected[b"key-0"]
producer.flush(PATIENCE_S)
ticks = 0


def compacted():
    # The active segment is left alone; time and another record end it. A tombstone goes with the pass after the next.
    global ticks
    ticks += 1
    producer.produce("keyed", key=b"tick", value=b"%d" % ticks)
    producer.flush(PATIENCE_S)
    stay = [(key, value) for _, key, value in read("keyed") if key != b"tick"]
    return len(stay) == len(expected) and dict(stay) == expected


soon("compaction to the newest record of every key", compacted)
latest = [offset for offset, key, _ in read("keyed") if key != b"tick"]
if latest != [293, 295, 296, 297, 298, 299]:
    sys.exit(f"offsets have changed: {latest}")

create("timed", segment_ms="200")
for n in range(10):
    producer.produce("timed", value=b"x" * 100, timestamp=int(time.time() * 1000) - 120_000)
producer.flush(PATIENCE_S)
alter("timed", "retention.ms", "60000")
soon("retention by time after an alter", lambda: low("timed") == 10)

create("sized", segment_bytes=str(1 << 20))
for n in range(400):
    producer.produce("sized", value=bytes(10_000))
producer.flush(PATIENCE_S)
alter("sized", "retention.bytes", str(1 << 20))
soon("retention by size after an alter", lambda: low("sized") > 0)
if not 0 < len(read("sized")) < 300:
    sys.exit(f"{len(read('sized'))} of 400 records are left")
