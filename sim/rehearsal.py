#!/usr/bin/env python3
"""Two days of a small CDN in two minutes, with plans and without.

Starts an origin, and for each of two worlds three Redis servers, three edges (`edgeward agent`) and
a controller (`edgeward serve`), all on loopback and with clocks that run fast. The same synthetic
clients ask both worlds: which edge, and then that edge. The first day the controllers learn; on the
second, hit ratios by hour are compared. Needs redis-server 7 and a built edgeward.

  sim/rehearsal.py                                two days of 45 s, a table
  sim/rehearsal.py --day-seconds 90 --rate 600    longer, and busier
  sim/rehearsal.py --json                         for machines

Exit codes: 0 plans did what they are to do, 1 they did not, 2 it could not be run (on a
machine that is too slow, or lacks something).
"""

import argparse
import asyncio
import bisect
import json
import math
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zlib

EDGES = {  # name: latitude, longitude, network of its clients
    "fra1": (50.03, 8.57, "192.0.2."),
    "iad1": (38.94, -77.46, "198.51.100."),
    "nrt1": (35.76, 140.39, "203.0.113."),
}
SHOWN_START_S = 1_795_996_800  # a Monday, 00:00 UTC: what the first day's clocks show
RATE_BY_HOUR = [3, 2, 2, 2, 2, 3, 4, 6, 8, 9, 10, 10, 11, 11, 10, 10, 11, 12, 14, 16, 16, 13, 9, 5]
PEAK_HOURS = range(17, 23)
DAYS = 2


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Traffic:
    """Who asks for what, when: Zipf, releases at 17:00, and much that is asked for once."""

    def __init__(self, options):
        self.random = random.Random(options.seed)
        self.objects = options.objects
        weights = [1 / (rank + 1) ** 0.9 for rank in range(options.objects)]
        total = sum(weights)
        self.cumulative, below = [], 0.0
        for weight in weights:
            below += weight / total
            self.cumulative.append(below)
        self.once = 0

    def next(self, shown_s):
        pick = self.random.random()
        if pick < 0.5:
            self.once += 1
            return f"/once/{self.once}"
        hours = (shown_s - SHOWN_START_S) / 3600
        since_release = (hours - 17) % 24
        day = int((hours - 17) // 24)
        if day >= 0 and pick < 0.5 + 0.15 * math.exp(-since_release / 12):
            return f"/release/{day}/{int(self.random.paretovariate(0.8)) % 40}"
        return f"/o/{bisect.bisect_left(self.cumulative, self.random.random())}"

    def edge(self):
        return self.random.choice(list(EDGES))


def size_of(path):
    """Bytes of an object: 2 to 60 KB, most of them small."""
    unit = zlib.crc32(path.encode()) / 2**32
    return int(2000 + 58000 * unit**3)


class Origin:
    """Answers every path with an object of its own size, cacheable for a week."""

    def __init__(self):
        self.requests = 0
        self.bytes = 0

    async def start(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]

    async def serve(self, reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                path = head.split(b" ", 2)[1].decode()
                body = b"x" * size_of(path)
                self.requests += 1
                self.bytes += len(body)
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nCache-Control: max-age=604800\r\n"
                    b'ETag: "%d"\r\n\r\n' % (len(body), len(body)) + body
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


class Connection:
    """Kept alive; one request at a time."""

    def __init__(self, port):
        self.port = port
        self.lock = asyncio.Lock()
        self.reader = self.writer = None

    async def ask(self, method, target, body=b"", fields=""):
        async with self.lock:
            if self.writer is None:
                self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
            head = (f"{method} {target} HTTP/1.1\r\nHost: cdn.example\r\n{fields}"
                    f"Content-Length: {len(body)}\r\n\r\n")
            self.writer.write(head.encode() + body)
            answer = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            lines = answer.split("\r\n")
            status = int(lines[0].split(" ")[1])
            length = next((int(line.split(":")[1]) for line in lines
                           if line.lower().startswith("content-length:")), 0)
            return status, answer, await self.reader.readexactly(length)


class Redis:
    """Asks one thing after another (RESP2)."""

    def __init__(self, port):
        self.port = port
        self.reader = self.writer = None

    async def ask(self, *words):
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writer.write(b"*%d\r\n" % len(words) + b"".join(
            b"$%d\r\n%s\r\n" % (len(word.encode()), word.encode()) for word in words))
        return await self.answer()

    async def answer(self):
        line = (await self.reader.readuntil(b"\r\n"))[:-2].decode()
        kind, rest = line[0], line[1:]
        if kind == "*":
            return [await self.answer() for _ in range(int(rest))]
        if kind == "$":
            return None if rest == "-1" else (
                await self.reader.readexactly(int(rest) + 2))[:-2].decode(errors="replace")
        return int(rest) if kind == ":" else rest


class World:
    """Three edges with their Redis servers, and a controller."""

    def __init__(self, name, options, folder, origin_port):
        self.name, self.options = name, options
        self.folder = folder / name
        self.folder.mkdir()
        self.origin_port = origin_port
        self.processes = []
        self.redis = {edge: free_port() for edge in EDGES}
        self.agents, self.pools, self.turn = {}, {}, 0
        self.requests = [[0] * 24 for _ in range(DAYS)]
        self.hits = [[0] * 24 for _ in range(DAYS)]
        self.failed = 0
        self.unrouted = 0
        self.stores = {edge: Redis(port) for edge, port in self.redis.items()}
        self.plans = {}  # by edge: {id: what became of it, as its Redis says}

    def config(self, edge=None):
        edges = "".join(
            f"  {name}: {{lat: {lat}, lon: {lon}, storage: {self.options.capacity}, "
            f"bandwidth: 1Gbps}}\n" for name, (lat, lon, _) in EDGES.items())
        (self.folder / "fleet.yaml").write_text(
            "origin: {lat: 38.94, lon: -77.46}\nedges:\n" + edges)
        (self.folder / "clients.csv").write_text("prefix,lat,lon,country,edges\n" + "".join(
            f"{network}0/24,{lat},{lon},,\n" for lat, lon, network in EDGES.values()))
        redis = ", ".join(f"{name}: '127.0.0.1:{port}'" for name, port in self.redis.items())
        first = next(iter(self.redis.values()))
        text = (
            "fleet: fleet.yaml\n"
            "geo: {databases: [], overrides: clients.csv}\n"
            "routing: {health_age_max: 1d, min_candidates: 1}\n"
            "serve: {listen: 127.0.0.1:0, admin: 127.0.0.1:0, dns: none, tick: 200ms, workers: 1,\n"
            "        recovery_hold: 0s, slow_start: 0s}\n"
            f"redis: {{server: '127.0.0.1:{first}', edges: {{{redis}}}, follow: true,\n"
            "        follow_interval: 100ms}\n"
            f"plan: {{mode: {self.options.mode if self.name == 'with plans' else 'none'}, "
            "lease: 5s}\n"
            f"agent: {{listen: 127.0.0.1:0, origin: 'http://127.0.0.1:{self.origin_port}',\n"
            "        report_interval: 200ms, plans: {interval: 50ms, bandwidth: 200Mbps}}\n")
        file = self.folder / "edgeward.yaml"
        file.write_text(text)
        return str(file)

    def launch(self, name, command, environment=None):
        log = open(self.folder / f"{name}.log", "wb")
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                   env={**os.environ, **(environment or {})})
        self.processes.append(process)
        return process

    async def wait_for(self, name, words):
        for _ in range(600):
            text = (self.folder / f"{name}.log").read_text(errors="replace")
            if words in text:
                return text
            await asyncio.sleep(0.05)
        raise RuntimeError(f"{self.name}: {name} never said '{words}':\n{text}")

    async def start(self, clock):
        config = self.config()
        for edge, port in self.redis.items():
            self.launch(f"redis-{edge}", [
                "redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "",
                "--dir", str(self.folder)])
        for edge in EDGES:
            await self.wait_for(f"redis-{edge}", "Ready to accept connections")
        for edge in EDGES:
            self.launch(edge, [self.options.edgeward, "agent", "--config", config, "--edge", edge],
                        {"EDGEWARD_CLOCK": clock})
        self.controller = self.launch("controller", [self.options.edgeward, "serve", "--config", config],
                    {"EDGEWARD_CLOCK": clock})
        for edge in EDGES:
            text = await self.wait_for(edge, "listening on http://")
            self.agents[edge] = int(text.split("listening on http://")[1].split('"')[0]
                                    .split(":")[1].split()[0])
            self.pools[edge] = [Connection(self.agents[edge]) for _ in range(4)]
        text = await self.wait_for("controller", "listening on http://")
        ports = text.split("listening on http://")[1]
        self.router = Connection(int(ports.split(":")[1].split(",")[0]))
        admin = ports.split("admin on http://")[1]
        self.admin = Connection(int(admin.split(":")[1].split(",")[0]))
        for _ in range(300):
            status, _, body = await self.router.ask(
                "POST", "/v1/route", b'{"client":"192.0.2.1","content":"/a"}\n',
                "Content-Type: application/x-ndjson\r\n")
            if status == 200 and b'"edge":"' in body:
                return
            await asyncio.sleep(0.05)
        raise RuntimeError(f"{self.name}: the controller knows no edge")

    async def ask_all(self, wanted, shown_s):
        """Which edge for each of these, and then that edge. All at the time that clocks show."""
        if not wanted:
            return
        lines = "".join(json.dumps({"client": EDGES[edge][2] + "7", "content": path}) + "\n"
                        for edge, path in wanted)
        _, _, body = await self.router.ask("POST", "/v1/route", lines.encode(),
                                           "Content-Type: application/x-ndjson\r\n")
        decisions = [json.loads(line).get("edge") for line in body.splitlines()]
        await asyncio.gather(*(self.ask_edge(edge, path, shown_s)
                               for edge, (_, path) in zip(decisions, wanted)))

    async def ask_edge(self, edge, path, shown_s):
        if edge is None:
            self.unrouted += 1
            return
        self.turn += 1
        connection = self.pools[edge][self.turn % 4]
        try:
            status, head, _ = await connection.ask("GET", path)
        except (asyncio.IncompleteReadError, ConnectionError):
            connection.writer = None
            self.failed += 1
            return
        hour = int((shown_s - SHOWN_START_S) // 3600)
        if status != 200:
            self.failed += 1
        elif hour < 24 * DAYS:
            self.requests[hour // 24][hour % 24] += 1
            if "; hit" in head:
                self.hits[hour // 24][hour % 24] += 1

    async def look_at_plans(self):
        """The plans in force."""
        in_force = []
        for edge, store in self.stores.items():
            words = await store.ask("HGETALL", f"edgeward:{{{edge}}}:plan")
            fields = dict(zip(words[::2], words[1::2]))
            if fields:
                plan = {name: int(fields.get(name, 0)) for name in ("actions", "done", "failed")}
                self.plans.setdefault(edge, {})[fields["id"]] = plan
                in_force.append(plan)
        return in_force

    async def settle(self):
        """Ends the controller, and waits until edges have done what it published last."""
        _, _, body = await self.admin.ask("GET", "/v1/plans")
        self.controller.send_signal(signal.SIGTERM)
        self.controller.wait(10)
        for _ in range(100):
            in_force = await self.look_at_plans()
            if all(plan["done"] + plan["failed"] == plan["actions"] for plan in in_force):
                break
            await asyncio.sleep(0.1)
        waiting = sum([await store.ask("XLEN", f"edgeward:{{{edge}}}:actions")
                       for edge, store in self.stores.items()])
        dead = sum([await store.ask("XLEN", f"edgeward:{{{edge}}}:dead")
                    for edge, store in self.stores.items()])
        lost = sum(edge["lost_entries"] for edge in json.loads(body)["edges"])
        return {"in_force": in_force, "waiting": waiting, "dead": dead, "lost": lost}

    def stop(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in reversed(self.processes):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()

    def ratio(self, day, hours):
        asked = sum(self.requests[day][hour] for hour in hours)
        return sum(self.hits[day][hour] for hour in hours) / asked if asked else None


async def pass_days(options, worlds, traffic, speed, begun_s):
    """Clients ask, every tenth of a second those whose turn it is. Where answers take so long that
    the clocks would run away, fewer ask. Returns how many did not; gives up where it is many."""
    mean = sum(RATE_BY_HOUR) / 24
    owed = 0.0
    last_s = SHOWN_START_S
    most, asked, left_out = math.inf, 0, 0
    while True:
        await asyncio.sleep(0.1)
        shown_s = SHOWN_START_S + (time.time() - begun_s) * speed
        if shown_s >= SHOWN_START_S + DAYS * 86400:
            return left_out
        rate = options.rate * RATE_BY_HOUR[int(shown_s // 3600) % 24] / mean
        owed += rate * (shown_s - last_s) / speed
        last_s = shown_s
        if owed > most:
            left_out += int(owed - most)
            owed = most
        wanted = [(traffic.edge(), traffic.next(shown_s)) for _ in range(int(owed))]
        owed -= len(wanted)
        asked += len(wanted)
        if left_out > asked / 2 and shown_s - SHOWN_START_S > 6 * 3600:
            raise RuntimeError(
                f"this machine is too slow for {options.rate:g} requests a second, of which it "
                f"answers {asked * speed / (shown_s - SHOWN_START_S):.0f}: try a lower --rate and "
                "a larger --day-seconds")
        asked_s = time.monotonic()
        await asyncio.gather(*(world.ask_all(wanted, shown_s) for world in worlds))
        took_s = time.monotonic() - asked_s
        # Those who ask at a time have their answers within half an hour that clocks show.
        most = max(10, len(wanted) * 1800 / speed / took_s)
        await worlds[1].look_at_plans()
        if sys.stderr.isatty():
            day, hour = divmod(int((shown_s - SHOWN_START_S) // 3600), 24)
            print(f"\rday {day + 1}, {hour:02d}:00 ", end="", file=sys.stderr, flush=True)


def report(options, worlds, end, left_out):
    without, planned = worlds
    plans = [plan for of_edge in planned.plans.values() for plan in of_edge.values()]
    result = {
        "hours": [{"hour": hour, "requests": planned.requests[1][hour],
                   "without": without.ratio(1, [hour]), "with": planned.ratio(1, [hour])}
                  for hour in range(24)],
        "peak": {"without": without.ratio(1, PEAK_HOURS), "with": planned.ratio(1, PEAK_HOURS)},
        "day": {"without": without.ratio(1, range(24)), "with": planned.ratio(1, range(24))},
        "failed_requests": without.failed + planned.failed,
        "unrouted_requests": without.unrouted + planned.unrouted,
        "left_out_requests": left_out,
        "plans": len(plans),
        "actions": sum(plan["actions"] for plan in plans),
        "done": sum(plan["done"] for plan in plans),
        "dead_letters": end["dead"],
        "superseded": sum(plan["actions"] - plan["done"] - plan["failed"] for plan in plans),
        "open": end["waiting"] + sum(
            plan["actions"] - plan["done"] - plan["failed"] for plan in end["in_force"]),
        "counted_twice": sum(plan["done"] + plan["failed"] > plan["actions"] for plan in plans),
        "lost_request_entries": end["lost"],
    }
    wrong = []
    if not result["plans"]:
        wrong.append("no plan was published")
    if result["peak"]["with"] is None or result["peak"]["with"] <= result["peak"]["without"]:
        wrong.append("in the peak hours plans brought no more hits")
    if result["open"]:
        wrong.append("actions are neither done nor dead letters")
    if result["lost_request_entries"]:
        wrong.append("requests were trimmed before the controller read them")
    if result["counted_twice"]:
        wrong.append("actions were counted twice")
    if result["failed_requests"] or result["unrouted_requests"]:
        wrong.append("requests failed")
    result["wrong"] = wrong
    if options.json:
        print(json.dumps(result, indent=2))
        return 1 if wrong else 0
    print("The second day, hit ratio by hour (UTC)\n\n hour  requests  without  with plans")
    for row in result["hours"]:
        ratios = [row[key] * 100 if row[key] is not None else math.nan
                  for key in ("without", "with")]
        bar = "#" * max(0, round((ratios[1] - ratios[0]) / 2)) if not math.isnan(ratios[0]) else ""
        print(f"{row['hour']:4d}  {row['requests']:9d} {ratios[0]:7.1f}% {ratios[1]:10.1f}%  {bar}")
    for name in ("peak", "day"):
        row = result[name]
        print(f"{name:>4s}  {'':9s} {row['without'] * 100:7.1f}% {row['with'] * 100:10.1f}%")
    print(f"\n{result['plans']} plans, {result['actions']} actions: {result['done']} done, "
          f"{result['dead_letters']} dead letters, {result['superseded']} of plans that another "
          f"came before; open: {result['open']}")
    if left_out:
        print(f"{left_out} requests were not asked: this machine is slow")
    for sentence in wrong:
        print(f"WRONG: {sentence}")
    return 1 if wrong else 0


async def rehearse(options, folder):
    origin = Origin()
    await origin.start()
    worlds = [World("without plans", options, folder, origin.port),
              World("with plans", options, folder, origin.port)]
    speed = 86400 / options.day_seconds
    begun_s = time.time()
    clock = f"{begun_s:.3f},{SHOWN_START_S},{speed:.3f}"
    try:
        await asyncio.gather(*(world.start(clock) for world in worlds))
        left_out = await pass_days(options, worlds, Traffic(options), speed, begun_s)
        return report(options, worlds, await worlds[1].settle(), left_out)
    finally:
        for world in worlds:
            world.stop()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    root = pathlib.Path(__file__).resolve().parent.parent
    parser.add_argument("--edgeward", default=str(root / "build/release/edgeward"))
    parser.add_argument("--day-seconds", type=float, default=45, help="how long a day takes")
    parser.add_argument("--rate", type=float, default=400, help="requests a second, on average")
    parser.add_argument("--objects", type=int, default=3000)
    parser.add_argument("--capacity", default="4MiB", help="of each edge")
    parser.add_argument("--mode", default="independent", choices=["independent", "cooperative"])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", help="folder for configurations and logs; default: none is kept")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    for need in ("redis-server", options.edgeward):
        if shutil.which(need) is None:
            print(f"{sys.argv[0]}: {need} is not there", file=sys.stderr)
            return 2
    folder = pathlib.Path(options.keep or tempfile.mkdtemp(prefix="edgeward-rehearsal-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return asyncio.run(rehearse(options, folder))
    except RuntimeError as error:
        print(f"{sys.argv[0]}: {error}", file=sys.stderr)
        return 2
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
