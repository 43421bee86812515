"""Types lines into a program on a terminal of its own and prints what the terminal showed, without colours.

usage: terminal.py LINE... -- PROGRAM ARGUMENT...
A line is typed when the program shows its prompt ("> "); one that ends in "..." is typed without the return key, as is.
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

SECONDS_MAX = 10


def main():
    split = sys.argv.index("--")
    lines, program = sys.argv[1:split], sys.argv[split + 1:]
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm"
        os.execvp(program[0], program)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))

    shown, fresh = "", ""
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
        elif re.search(r"> ", fresh) and lines:
            line, fresh = lines.pop(0), ""
            os.write(terminal, line[:-3].encode() if line.endswith("...") else line.encode() + b"\r")
            if line.endswith("..."):
                fresh = "> "
    os.close(terminal)
    print(re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", shown).replace("\r", "\n"))


if __name__ == "__main__":
    main()
