"""Polls a topic and counts: what benchmarks.daemon compares with, a script so that it imports the client alone.

python benchmarks/bare_loop.py KAFKA TOPIC COUNT SKIPPED POLL FETCH_BYTES
"""

import sys
import time
import uuid

from kafka import KafkaConsumer


def main(kafka: str, topic: str, count: int, skipped: float, poll: int, fetch_bytes: int) -> None:
    """Prints the records a second; those of a share at the beginning are not timed."""
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=kafka,
        group_id=uuid.uuid4().hex,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        isolation_level="read_committed",
        max_poll_records=poll,
        max_partition_fetch_bytes=fetch_bytes,
        metrics_enabled=False,
    )
    seen, began_s, first = 0, 0.0, 0
    while seen < count:
        for records in consumer.poll(500).values():
            seen += len(records)
        if not began_s and seen >= skipped * count:
            began_s, first = time.monotonic(), seen
    print((seen - first) / (time.monotonic() - began_s))
    consumer.close()


if __name__ == "__main__" and len(sys.argv) == 7:
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5]), int(sys.argv[6]))
