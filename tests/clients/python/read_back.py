"""Reads a whole partition: the first N acknowledged records must be there, each once and in order."""
import sys

from confluent_kafka import Consumer, TopicPartition

server, cycle, acknowledged = sys.argv[1], sys.argv[2], int(sys.argv[3])
topic = TopicPartition(f"killed-{cycle}", 0, 0)
consumer = Consumer({"bootstrap.servers": server, "group.id": "reader", "enable.auto.commit": False})
_, high = consumer.get_watermark_offsets(topic, timeout=60)
if high < acknowledged:
    sys.exit(f"{acknowledged} records were acknowledged and {high} are left")
consumer.assign([topic])
for n in range(high):
    message = consumer.poll(60)
    if message is None or message.error():
        sys.exit(f"nothing at {n}: {message and message.error()}")
    if int(message.value()) != n:
        sys.exit(f"at {n} stands {message.value()}")
consumer.close()
