"""Produces with every codec and reads every byte back by assignment. With `read` it only reads."""
import sys

from confluent_kafka import Consumer, Producer, TopicPartition

server, only_read = sys.argv[1], len(sys.argv) > 2
CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
COUNT = 500


def record(n):
    return str(n).encode(), (b"value %d " % n) * (n % 40), [("header", b"x%d" % n), ("header", None)]


def failed(error, _message):
    if error:
        sys.exit(f"not delivered: {error}")


for codec in [] if only_read else CODECS:
    producer = Producer({"bootstrap.servers": server, "compression.type": codec, "linger.ms": 20})
    for n in range(COUNT):
        key, value, headers = record(n)
        producer.produce(f"codec-{codec}", key=key, value=value, headers=headers, on_delivery=failed)
    if producer.flush(60):
        sys.exit("some records were never acknowledged")

for codec in CODECS:
    consumer = Consumer({"bootstrap.servers": server, "group.id": "reader", "enable.auto.commit": False})
    consumer.assign([TopicPartition(f"codec-{codec}", 0, 0)])
    for n in range(COUNT):
        message = consumer.poll(60)
        if message is None or message.error():
            sys.exit(f"{codec}: nothing at {n}: {message and message.error()}")
        got = (message.offset(), message.key(), message.value(), message.headers())
        if got != (n, *record(n)):
            sys.exit(f"{codec}: at {n} stands {got}")
    low, high = consumer.get_watermark_offsets(TopicPartition(f"codec-{codec}", 0))
    if (low, high) != (0, COUNT):
        sys.exit(f"{codec}: watermarks {low}, {high}")
    consumer.close()
