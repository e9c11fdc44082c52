"""Fills a topic, copies it in transactions, and sees that the copy is exact.

usage: copying.py SERVER fill FIRST COUNT | copy NUMBER PROTOCOL | wait COUNT | check COUNT
COUNT is of one partition.
"""
import sys
import time

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

# When all brokers it knows are down, librdkafka 2.16 forgets them to begin anew, and then waits for ever for a forgotten
# group coordinator (confluentinc/librdkafka#5511). A broker that comes back where it was needs no new beginning.
KEEP_BROKERS = {"metadata.recovery.strategy": "none"}
server, verb, arguments = sys.argv[1], sys.argv[2], sys.argv[3:]
PARTITIONS, GROUP = 4, "copiers"


def value(partition, number):
    return f"{partition}:{number}".encode()


def fill(first, count):
    """The partitions in step, by a producer that neither loses nor repeats while the broker comes and goes."""
    if first == 0:
        admin = AdminClient({"bootstrap.servers": server})
        for future in admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in ("from", "to")]).values():
            future.result(60)
    producer = Producer({"bootstrap.servers": server, "enable.idempotence": True, "message.timeout.ms": 120000})
    failed = []
    for number in range(first, first + count):
        for partition in range(PARTITIONS):
            producer.produce("from", value(partition, number), partition=partition,
                             on_delivery=lambda error, _: failed.append(error) if error else None)
    if producer.flush(120) or failed:
        sys.exit(f"not filled: {failed[:1]}")


def say(step):
    print(step, flush=True)


class Copier:
    def __init__(self, number, protocol):
        self.producer = Producer({"bootstrap.servers": server, "transactional.id": f"copier-{number}", **KEEP_BROKERS})
        settings = {"bootstrap.servers": server, "group.id": GROUP, "isolation.level": "read_committed",
                    "auto.offset.reset": "earliest", "enable.auto.commit": False, "group.protocol": protocol,
                    **KEEP_BROKERS}
        if protocol == "classic":
            settings |= {"session.timeout.ms": 2000, "heartbeat.interval.ms": 200}
        self.consumer = Consumer(settings)
        self.revoked = set()

    def run(self):
        self.producer.init_transactions(60)
        revoked = lambda _, partitions: self.revoked.update(each.partition for each in partitions)
        self.consumer.subscribe(["from"], on_revoke=revoked, on_lost=revoked)
        while True:
            if batch := self.some():
                self.copy(batch)

    def some(self):
        """A few messages; what was read of a partition that is given away meanwhile is its next owner's."""
        batch = []
        for _ in range(5):
            self.revoked.clear()
            message = self.consumer.poll(0.1)
            batch = [each for each in batch if each.partition() not in self.revoked]
            if message is not None and not message.error():
                batch.append(message)
        return batch

    def copy(self, batch):
        self.producer.begin_transaction()
        say("begun")
        for message in batch:
            self.producer.produce("to", message.value(), partition=message.partition())
        say("produced")
        after = {message.partition(): message.offset() + 1 for message in batch}
        offsets = [TopicPartition("from", partition, offset) for partition, offset in after.items()]
        self.producer.send_offsets_to_transaction(offsets, self.consumer.consumer_group_metadata(), 60)
        say("offsets sent")
        self.producer.commit_transaction(60)
        say("committed")


def copy(number, protocol):
    while True:
        copier = Copier(number, protocol)
        try:
            copier.run()
        except KafkaException as error:
            # Whatever it was: from what is committed on, as a service that is started again. A successor's init ends
            # what is left open.
            say(f"anew after: {error}")
            copier.consumer.close()


def wait(count):
    """Until everything is copied: offsets show it, for they are committed with the copies."""
    consumer = Consumer({"bootstrap.servers": server, "group.id": GROUP})
    end = time.time() + 120
    while True:
        wanted = [TopicPartition("from", partition) for partition in range(PARTITIONS)]
        try:
            ends = [consumer.get_watermark_offsets(each, 30)[1] for each in wanted]
            done = [each.offset for each in consumer.committed(wanted, 30)]
        except KafkaException as error:
            ends, done = [], error
        if done == ends:
            if ends != [count] * PARTITIONS:
                sys.exit(f"the source has {ends} records, not {count} each")
            return
        if time.time() > end:
            sys.exit(f"copied up to {done} of {ends}")
        time.sleep(0.1)


def check(count):
    for number in range(2):
        # Ends what a killed copier left open.
        Producer({"bootstrap.servers": server, "transactional.id": f"copier-{number}"}).init_transactions(60)
    for topic in ("from", "to"):
        consumer = Consumer({"bootstrap.servers": server, "group.id": "reader", "isolation.level": "read_committed",
                             "enable.partition.eof": True})
        consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
        read, ended = [[] for _ in range(PARTITIONS)], 0
        while ended < PARTITIONS:
            message = consumer.poll(60)
            if message is None:
                sys.exit(f"{topic} has no end")
            if not message.error():
                read[message.partition()].append(message.value())
            elif message.error().code() == KafkaError._PARTITION_EOF:
                ended += 1
        for partition, values in enumerate(read):
            wanted = [value(partition, number) for number in range(count)]
            if values != wanted:
                at = next((n for n, (a, b) in enumerate(zip(values, wanted)) if a != b), min(len(values), count))
                sys.exit(f"{topic}-{partition}: {len(values)} of {count} records; from {at} on {values[at:at + 5]}")


{"fill": lambda: fill(int(arguments[0]), int(arguments[1])), "copy": lambda: copy(*arguments),
 "wait": lambda: wait(int(arguments[0])), "check": lambda: check(int(arguments[0]))}[verb]()
