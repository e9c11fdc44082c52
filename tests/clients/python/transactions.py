"""Commits one transaction and aborts another over two partitions; read_committed sees only the first. Then a loop that
reads, transforms and writes with its offsets in the transaction."""
import sys

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

server = sys.argv[1]
admin = AdminClient({"bootstrap.servers": server})
for future in admin.create_topics([NewTopic("in", 2, 1), NewTopic("out", 1, 1)]).values():
    future.result(60)
producer = Producer({"bootstrap.servers": server, "transactional.id": "t"})
producer.init_transactions(60)


def write(topic, values, partitions):
    for n, value in enumerate(values):
        producer.produce(topic, value=value, partition=n % partitions)


def read(topic, partitions, isolation, count):
    consumer = Consumer({"bootstrap.servers": server, "group.id": "reader", "isolation.level": isolation,
                         "enable.auto.commit": False, "enable.partition.eof": True})
    consumer.assign([TopicPartition(topic, p, 0) for p in range(partitions)])
    values, ended = [], 0
    while ended < partitions:
        message = consumer.poll(60)
        if message is None:
            sys.exit(f"no end of {topic}")
        if message.error():
            ended += 1
        else:
            values.append(message.value())
    consumer.close()
    if len(values) != count:
        sys.exit(f"{topic} has {len(values)} records for {isolation}, not {count}")
    return values


producer.begin_transaction()
write("in", [b"kept %d" % n for n in range(20)], 2)
producer.commit_transaction(60)
producer.begin_transaction()
write("in", [b"dropped %d" % n for n in range(20)], 2)
producer.flush(60)
producer.abort_transaction(60)
read("in", 2, "read_uncommitted", 40)
if any(value.startswith(b"dropped") for value in read("in", 2, "read_committed", 20)):
    sys.exit("an aborted record was shown")

consumer = Consumer({"bootstrap.servers": server, "group.id": "copier", "isolation.level": "read_committed",
                     "auto.offset.reset": "earliest", "enable.auto.commit": False})
consumer.subscribe(["in"])
copied = 0
while copied < 20:
    messages = consumer.consume(20, 30)
    if not messages:
        sys.exit(f"nothing more to copy after {copied}")
    producer.begin_transaction()
    for message in messages:
        producer.produce("out", value=b"copy of " + message.value())
    producer.send_offsets_to_transaction(consumer.position(consumer.assignment()), consumer.consumer_group_metadata(), 60)
    producer.commit_transaction(60)
    copied += len(messages)
committed = consumer.committed([TopicPartition("in", p) for p in range(2)], 60)
ends = [consumer.get_watermark_offsets(TopicPartition("in", p), 60)[1] for p in range(2)]
if any(c.offset > e or c.offset < 10 for c, e in zip(committed, ends)):
    sys.exit(f"committed {committed}, ends {ends}")
consumer.close()
if len(set(read("out", 1, "read_committed", 20))) != 20:
    sys.exit("something was copied twice")
