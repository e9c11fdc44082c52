"""Produces idempotently until the broker is gone, then says how many records in a row were acknowledged."""
import sys
import time

from confluent_kafka import Producer

server, cycle = sys.argv[1], sys.argv[2]
acknowledged = set()
gone = False


def delivered(error, message):
    global gone
    if error:
        gone = True
    else:
        acknowledged.add(int(message.value()))


def trouble(error):
    global gone
    if error.code() in (-195, -187):
        gone = True


producer = Producer({"bootstrap.servers": server, "acks": "all", "enable.idempotence": True, "linger.ms": 1,
                     "message.timeout.ms": 3000, "error_cb": trouble})
n = 0
said = False
end = time.time() + 60
while not gone and time.time() < end:
    try:
        producer.produce(f"killed-{cycle}", value=str(n).encode(), on_delivery=delivered)
        n += 1
    except BufferError:
        producer.poll(0.01)
    producer.poll(0)
    if not said and len(acknowledged) > 2000:
        said = True
        print("going", flush=True)
producer.flush(5)
print(len(acknowledged))
