"""Types lines into a program on a terminal of its own and prints what the terminal showed, without colours.

usage: terminal.py [--until PATTERN] LINE... -- PROGRAM ARGUMENT...
A line is typed when the program shows its prompt ("> ") on a line of its own; one that ends in "..." is typed without the return key, as is,
and the next when the program has shown what it makes of it. It ends with the program, or when the pattern has been shown.
"""

import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import time

# Ends only what hangs.
SECONDS_MAX = 60


def plain(text):
    """What was shown, without colours and without the moves of the cursor."""
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)


def main():
    split = sys.argv.index("--")
    lines, program = sys.argv[1:split], sys.argv[split + 1:]
    until = None
    if lines[:1] == ["--until"]:
        until, lines = lines[1], lines[2:]
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm"
        os.execvp(program[0], program)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))

    # What is typed appears behind the old prompt; the next prompt comes at the beginning of a line.
    shown, fresh, is_half = "", "\n", False
    deadline = time.monotonic() + SECONDS_MAX
    while time.monotonic() < deadline:
        ready, _, _ = select.select([terminal], [], [], 0.3)
        if ready:
            try:
                text = os.read(terminal, 65536).decode("utf-8", "replace")
            except OSError:
                break
            shown += text
            fresh += text
            if until and re.search(until, plain(shown).replace("\r", "\n"), re.M):
                break
        elif lines and (is_half or re.search(r"\n[^\n]*> $", plain(fresh).replace("\r", ""))):
            line, fresh = lines.pop(0), ""
            is_half = line.endswith("...")
            os.write(terminal, line[:-3].encode() if is_half else line.encode() + b"\r")
    os.close(terminal)
    print(plain(shown).replace("\r", "\n"))


if __name__ == "__main__":
    main()
