#!/usr/bin/env python3
"""CPU of the server for each REST request over connections that are kept: rest_cpu.py [--rounds 3] [--seconds 3] [--rate 2000] DLL...

Starts each memstore.dll given, loads them in turn, and prints the median over the rounds of the server's CPU time divided by the requests that it
answered, in microseconds: once paced, at a rate over 16 connections, where threads sleep between requests, and once full, as fast as wrk (Debian's
package) asks. /health/live is what the web server alone costs. Other work on the machine makes it more, so compare only figures of one run."""
import argparse
import os
import re
import socket
import statistics
import subprocess
import tempfile
import time

KINDS = {
    "GET /health/live": ("GET", "/health/live", ""),
    "GET /v1/keys/k": ("GET", "/v1/keys/k", ""),
    'POST / ["GET","k"]': ("POST", "/", '["GET","k"]'),
    "POST /v1/execute": ("POST", "/v1/execute", '{"commands":[{"cmd_type":"GET","key":"k"}]}'),
}


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def start(dll):
    port, http = free_port(), free_port()
    words = ["dotnet", dll, "serve", "--port", str(port), "--http-port", str(http), "--data", "none"]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.time() + 20
    while True:
        try:
            with socket.create_connection(("127.0.0.1", http), 1) as client:
                client.sendall(b"PUT /v1/keys/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 32\r\nConnection: close\r\n\r\n" + b"v" * 32)
                assert b" 201 " in client.recv(1000)
                return process, http
        except OSError:
            if time.time() > end:
                raise
            time.sleep(0.1)


def requests_of(wrk):
    if "Non-2xx" in wrk:
        raise RuntimeError(wrk)
    return int(re.search(r"(\d+) requests in", wrk).group(1))


def request_bytes(kind):
    method, path, body = KINDS[kind]
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def load_paced(http, kind, rate, seconds):
    """Requests at a rate, each on the next of 16 connections, whose answers are read and forgotten; how many were sent."""
    sockets = [socket.create_connection(("127.0.0.1", http)) for _ in range(16)]
    for one in sockets:
        one.setblocking(False)
    request, sent, start = request_bytes(kind), 0, time.monotonic()
    while (due := int((time.monotonic() - start) * rate)) < rate * seconds:
        for sent in range(sent, due):
            one = sockets[sent % len(sockets)]
            try:
                one.recv(65536)
            except BlockingIOError:
                pass
            one.send(request)
        sent = due
        time.sleep(0.0005)
    time.sleep(0.2)
    for one in sockets:
        assert b" 200 " in one.recv(65536)
        one.close()
    return sent


def load_full(folder, http, kind, seconds):
    method, path, body = KINDS[kind]
    script = os.path.join(folder, "request.lua")
    with open(script, "w") as file:
        file.write(f"wrk.method='{method}'\nwrk.body='{body}'\n" if body else f"wrk.method='{method}'\n")
    words = ["wrk", "-t1", "-c16", f"-d{seconds}s", "-s", script, f"http://127.0.0.1:{http}{path}"]
    return requests_of(subprocess.run(words, capture_output=True, text=True, timeout=seconds + 30, check=True).stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dlls", nargs="+")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--rate", type=int, default=2000)
    arguments = parser.parse_args()
    servers = [start(dll) for dll in arguments.dlls]
    try:
        with tempfile.TemporaryDirectory() as folder:
            for kind in KINDS:
                for load in ("paced", "full"):
                    figures = [[] for _ in servers]
                    rates = [[] for _ in servers]
                    for round_ in range(arguments.rounds + 1):
                        for at, (process, http) in enumerate(servers):
                            before = cpu_seconds(process.pid)
                            count = load_full(folder, http, kind, arguments.seconds) if load == "full" else load_paced(http, kind, arguments.rate, arguments.seconds)
                            if round_ > 0:
                                figures[at].append((cpu_seconds(process.pid) - before) / count * 1e6)
                                rates[at].append(count / arguments.seconds)
                    shown = "  ".join(f"{statistics.median(cpu):5.1f} us ({statistics.median(rate):6.0f}/s)" for cpu, rate in zip(figures, rates))
                    print(f"{kind:20} {load:6} {shown}", flush=True)
    finally:
        for process, _ in servers:
            process.terminate()
            process.wait()


main()
