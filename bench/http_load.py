"""REST requests at a fixed rate over connections that stay open, until it is ended: http_load.py PORT [--rate 2000] [--connections 16]

A fifth are PUT, two fifths GET of /v1/keys, two fifths POST / with a GET command. Prints how many were answered when it ends by SIGTERM or after --seconds."""
import argparse
import asyncio
import random
import signal
import time


KEYS = 1000
PUT = set()


class Connection(asyncio.Protocol):
    def __init__(self, counts):
        self.counts = counts
        self.buffer = b""

    def connection_made(self, transport):
        self.transport = transport

    def send(self):
        # All keys are there after the first thousand requests.
        key = random.randrange(KEYS)
        kind = random.random()
        if kind < 0.2 or len(PUT) < KEYS:
            key = len(PUT) if len(PUT) < KEYS else key
            PUT.add(key)
            body = b"x" * 32
            head = b"PUT /v1/keys/rest:%d HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % (key, len(body))
        elif kind < 0.6:
            body = b""
            head = b"GET /v1/keys/rest:%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % key
        else:
            body = b'["GET","rest:%d"]' % key
            head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        self.transport.write(head + body)

    def data_received(self, data):
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15:].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self.buffer) < end + 4 + length:
                return
            self.buffer = self.buffer[end + 4 + length:]
            self.counts[head[9:12]] = self.counts.get(head[9:12], 0) + 1


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--rate", type=int, default=2000)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=3600)
    arguments = parser.parse_args()
    loop = asyncio.get_running_loop()
    counts = {}
    connections = [(await loop.create_connection(lambda: Connection(counts), "127.0.0.1", arguments.port))[1] for _ in range(arguments.connections)]
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    start = time.monotonic()
    sent = 0
    while not ended.is_set() and time.monotonic() - start < arguments.seconds:
        due = int((time.monotonic() - start) * arguments.rate)
        while sent < due:
            connections[sent % len(connections)].send()
            sent += 1
        await asyncio.sleep(0.001)
    seconds = time.monotonic() - start
    print(f"{sum(counts.values()) / seconds:.0f} answers a second: {({status.decode(): count for status, count in sorted(counts.items())})}", flush=True)


asyncio.run(main())
