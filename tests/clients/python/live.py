"""Members of a group in each protocol, a transaction that is done and one that is open, until its input ends."""
import sys

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

server = sys.argv[1]
admin = AdminClient({"bootstrap.servers": server})
# Its records are years old, and retention would come for them at a moment of its own.
for future in admin.create_topics([NewTopic("live", 2, 1, config={"retention.ms": "-1"})]).values():
    future.result(60)
producer = Producer({"bootstrap.servers": server})
for number in range(20):
    producer.produce("live", str(number), partition=number % 2, timestamp=1500000000000 + number * 60000)
producer.flush(60)

members = []
for protocol in ("classic", "consumer"):
    member = Consumer({"bootstrap.servers": server, "group.id": f"live-{protocol}", "group.protocol": protocol,
                       "group.instance.id": "i1", "client.id": "cl", "enable.auto.commit": False})
    member.subscribe(["live"])
    while len(member.assignment()) < 2:
        member.poll(0.05)
    member.commit(offsets=[TopicPartition("live", 0, 4), TopicPartition("live", 1, 5)], asynchronous=False)
    members.append(member)

transactional = {"bootstrap.servers": server, "client.id": "cl", "transaction.timeout.ms": 600000}
done = Producer(transactional | {"transactional.id": "live-done"})
done.init_transactions(60)
done.begin_transaction()
done.produce("live", "done", partition=0)
done.commit_transaction(60)
opened = Producer(transactional | {"transactional.id": "live-open"})
opened.init_transactions(60)
opened.begin_transaction()
for partition in range(2):
    opened.produce("live", "open", partition=partition)
opened.flush(60)
print("ready", flush=True)
sys.stdin.read()
# Static members stay in their groups; only their time-outs would remove them.
