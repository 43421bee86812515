"""Runs Tcl units one by one against a fresh server each.

Tests that the list leaves out are skipped, because one that breaks off in the middle of MULTI would fail those that follow it.
"""

import argparse
import os
import random
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time

UNITS = [
    "unit/type/string", "unit/type/incr", "unit/type/hash", "unit/multi", "unit/expire", "unit/scan", "unit/protocol",
    "unit/querybuf", "unit/pubsub", "unit/auth", "unit/keyspace", "unit/other",
    "unit/slowlog", "unit/latency-monitor", "unit/info", "unit/info-command",
]
# Every test of this one counts as slow, and they take four seconds.
SLOW_UNITS = ["unit/querybuf"]

# The suite starts these servers itself, through redis-server.sh, because it wants them with another configuration.
OWN_SERVER_UNITS = ["unit/auth", "unit/info"]
UNIT_SECONDS_MAX = 240
TEST_SECONDS_MAX = 60


# Ends only what hangs: a busy machine may take many seconds.
START_SECONDS_MAX = 120


def free_port():
    """A port that nobody listens on, below the range that the kernel hands to clients and to servers that let it choose."""
    while True:
        with socket.socket() as probe:
            port = random.randrange(20_000, 30_000)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def answers(port):
    """Whether a server replies to PING, with whatever it likes."""
    try:
        with socket.create_connection(("127.0.0.1", port), 2) as client:
            client.settimeout(2)
            client.sendall(b"*1\r\n$4\r\nPING\r\n")
            return client.recv(100) != b""
    except OSError:
        return False


class Server:
    """The server under test, in a process group of its own."""

    def __init__(self, command, log_path):
        self.port = free_port()
        self.log_path = log_path
        with open(log_path, "wb") as log:
            self.process = subprocess.Popen(
                shlex.split(command.replace("{port}", str(self.port))), stdout=log, stderr=log, start_new_session=True,
                cwd=tempfile.mkdtemp(prefix="memstore-suite-"))
        deadline = time.monotonic() + START_SECONDS_MAX
        while not answers(self.port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                sys.exit(f"the server does not start; see {log_path}")
            time.sleep(0.05)

    def stop(self):
        """Returns None, or what went wrong at the end."""
        if self.process.poll() is not None:
            return f"the server ended by itself with code {self.process.returncode}; see {self.log_path}"
        self.process.terminate()
        try:
            self.process.wait(60)
            return None
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return "the server did not stop on SIGTERM"


def run_unit(suite, unit, port, tags, server_command, skip_file):
    """Returns the unit's output, without colours, and whether it ran to its end."""
    command = ["./runtest", "--single", unit, "--durable", "--no-latency", "--clients", "1", "--timeout", str(TEST_SECONDS_MAX),
               "--baseport", str(random.randrange(10_000, 20_000)), "--tags", "" if unit in SLOW_UNITS else tags, "--skipfile", skip_file]
    environment = dict(os.environ, SUITE_SERVER_CMD=server_command)
    if unit not in OWN_SERVER_UNITS:
        command += ["--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(command, cwd=suite, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               start_new_session=True, env=environment)
    try:
        output, _ = process.communicate(timeout=UNIT_SECONDS_MAX)
        ended = True
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        ended = False
    return re.sub(r"\x1b\[[0-9;]*m", "", output.decode("utf-8", "replace")), ended


def failures_in(output, ended):
    """Names of the failed tests; a unit that broke off counts as one more."""
    failed = re.findall(r"^\[err\]: (.*?)(?: in tests/\S+)?$", output, re.M)
    failed += [f"(broke off) {text.strip()}" for text in re.findall(r"^\[exception\]: (.*)$", output, re.M)]
    if not ended or "[TIMEOUT]" in output:
        failed.append("(broke off) out of time")
    return failed


def read_expected(path):
    """(unit, test) to reason; the lines are unit, test and reason between tabs."""
    expected = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if line.strip() and not line.startswith("#"):
                unit, test, reason = line.rstrip("\n").split("\t")
                expected[unit, test] = reason
    return expected


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--suite", required=True)
    parser.add_argument("--logs", required=True)
    parser.add_argument("--expected", required=True)
    parser.add_argument("--server-cmd", required=True)
    parser.add_argument("--units", default=",".join(UNITS))
    parser.add_argument("--tags", default="-slow")
    parser.add_argument("--run-left-out", action="store_true", help="also run what expected.tsv leaves out, and tell what passes by now")
    options = parser.parse_args()
    expected = read_expected(options.expected)
    os.makedirs(options.logs, exist_ok=True)

    passed_all, failed_all, left_out_all = 0, 0, 0
    for unit in options.units.split(","):
        log = os.path.join(options.logs, unit.replace("/", "_"))
        left_out = [] if options.run_left_out else [test for (of, test) in expected if of == unit]
        with open(f"{log}.skip", "w", encoding="utf-8") as file:
            file.write("\n".join(left_out) or "(none)")
        server = Server(options.server_cmd, f"{log}.server.log")
        start = time.monotonic()
        output, ended = run_unit(options.suite, unit, server.port, options.tags, options.server_cmd, f"{log}.skip")
        with open(f"{log}.log", "w", encoding="utf-8") as file:
            file.write(output)
        problem = server.stop()

        failed = failures_in(output, ended) + ([problem] if problem else [])
        if options.run_left_out:
            for name in [name for name in failed if (unit, name) in expected]:
                failed.remove(name)
                left_out.append(name)
            for test in (test for (of, test) in expected if of == unit and test not in left_out):
                print(f"passes although expected.tsv leaves it out: {unit}, {test}")
        passed = len(re.findall(r"^\[ok\]: ", output, re.M))
        ignored = len(re.findall(r"^\[ignore\]: ", output, re.M))
        if passed == 0 and not failed and not left_out:
            failed = ["nothing ran"]
        print(f"{unit:18s} {passed:3d} passed, {len(failed):2d} failed, {len(left_out):2d} left out, "
              f"{ignored:3d} not for an external server  ({time.monotonic() - start:.0f} s)", flush=True)
        for name in failed:
            print(f"    failed: {name}", flush=True)
        passed_all, failed_all, left_out_all = passed_all + passed, failed_all + len(failed), left_out_all + len(left_out)

    print(f"{left_out_all} left out with a reason in expected.tsv; logs in {options.logs}")
    print(f"{passed_all} passed, {failed_all} failed")
    sys.exit(0 if failed_all == 0 else 1)


if __name__ == "__main__":
    main()
