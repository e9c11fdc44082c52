"""Two members share a topic, one leaves, and another resumes where the group had committed."""
import sys
import time

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

server, protocol = sys.argv[1], sys.argv[2]
topic, group, partitions, count = f"shared-{protocol}", f"group-{protocol}", 4, 400

admin = AdminClient({"bootstrap.servers": server})
for future in admin.create_topics([NewTopic(topic, partitions, 1)]).values():
    future.result(60)
producer = Producer({"bootstrap.servers": server})


def fill(start):
    for n in range(start, start + count):
        producer.produce(topic, value=str(n).encode(), partition=n % partitions)
    if producer.flush(60):
        sys.exit("some records were never acknowledged")


def member():
    consumer = Consumer({"bootstrap.servers": server, "group.id": group, "group.protocol": protocol,
                         "auto.offset.reset": "earliest", "enable.auto.commit": False})
    consumer.subscribe([topic])
    return consumer


def until(good, what, members):
    end = time.time() + 90
    while not good():
        if time.time() > end:
            sys.exit(f"{protocol}: never happened: {what}")
        for each in members:
            message = each.poll(0.05)
            if message is not None and not message.error():
                seen.append(int(message.value()))


seen = []
fill(0)
a, b = member(), member()
until(lambda: len(a.assignment()) == 2 and len(b.assignment()) == 2, "two partitions each", [a, b])
until(lambda: set(seen) >= set(range(count)), "everything read", [a, b])
for each in (a, b):
    each.commit(asynchronous=False)
b.close()
until(lambda: len(a.assignment()) == partitions, "one member with everything", [a])
a.close()
fill(count)
seen.clear()
c = member()
until(lambda: set(seen) >= set(range(count, 2 * count)), "everything new read", [c])
if min(seen) < count:
    sys.exit(f"{protocol}: committed records came again: {sorted(seen)[:5]}")
c.close()
