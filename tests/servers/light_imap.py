"""A light IMAP server for benchmarks with thousands of connections: every user has an empty INBOX and Junk, and IDLE.

As a program it prints its port. For a line with two numbers it tells so many idling connections of new mail, at the given rate
a second, and prints user and moment (seconds of the system's monotonic clock) of each. For `looks` it prints each user with the
moments at which the state of INBOX was asked for.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections import defaultdict

_ANSWERS = {
    "CAPABILITY": "* CAPABILITY IMAP4rev1 IDLE\r\n",
    "LIST": '* LIST () "/" "INBOX"\r\n* LIST (\\Junk) "/" "Junk"\r\n',
    "EXAMINE": "* 0 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT 1] x\r\n",
    "STATUS": "* STATUS x (UIDVALIDITY 1 UIDNEXT 1)\r\n",
}


class LightImap:
    """The server; `idling` holds (user, connection) of those that idle."""

    def __init__(self) -> None:
        self.idling: dict[asyncio.StreamWriter, str] = {}
        self.looks: defaultdict[str, list[float]] = defaultdict(list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK ready\r\n")
        user, idle_tag = "", ""
        while line := (await reader.readline()).decode("ascii", "replace").split():
            if line == ["DONE"]:
                self.idling.pop(writer, None)
                writer.write(f"{idle_tag} OK done\r\n".encode())
                continue
            tag, command = line[0], line[1].upper()
            if command == "LOGIN":
                user = line[2].strip('"')
            if command == "IDLE":
                idle_tag = tag
                self.idling[writer] = user
                writer.write(b"+ idling\r\n")
                continue
            if command == "STATUS":
                if line[2].strip('"') == "INBOX":
                    self.looks[user].append(time.monotonic())
                writer.write(f"* STATUS {line[2]} (UIDVALIDITY 1 UIDNEXT 1)\r\n{tag} OK done\r\n".encode())
                continue
            writer.write((_ANSWERS.get(command, "") + f"{tag} OK done\r\n").encode())
        self.idling.pop(writer, None)
        writer.close()

    async def tell(self, count: int, rate: float) -> None:
        """News for random connections."""
        chosen = random.sample(sorted(self.idling.items(), key=lambda item: item[1]), min(count, len(self.idling)))
        for writer, user in chosen:
            print(user, time.monotonic(), flush=True)
            writer.write(b"* 1 EXISTS\r\n")
            await asyncio.sleep(1 / rate)
        print("told", flush=True)


async def main() -> None:
    light = LightImap()
    server = await asyncio.start_server(light.serve, "127.0.0.1", 0, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    while order := await asyncio.to_thread(sys.stdin.readline):
        if order == "looks\n":
            print(
                *(f"{user} {' '.join(map(str, moments))}" for user, moments in light.looks.items()), "end", sep="\n", flush=True
            )
            continue
        count, rate = order.split()
        await light.tell(int(count), float(rate))


if __name__ == "__main__":
    asyncio.run(main())
