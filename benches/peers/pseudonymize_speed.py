"""`sudare pseudonymize` against its peer in Python, on the same files, wall time with everything that a program does: start, keys, reading,
tokens, Parquet, encryption. Alternately, then the packages are compared row by row. Also peak memory, of the program alone.

    pseudonymize_speed.py SUDARE [--persons N] [--months M] [--rounds R] [--memory]

Run it under ~/.cache/sudare/peers/pandas (`benches/peers/setup`). All people are invented; everything lies in a temporary folder.
"""

import argparse
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

import pyrage

HERE = pathlib.Path(__file__).parent
ORIGIN = "bench.example/room"
POLICY = f"""[room]
origin = "{ORIGIN}"
minimum_persons = 10
approvals = 2
cosignatures = 2
slot_seconds = 1
account = "pure"
budget = {{ epsilon = "1", delta = "0" }}

[[source]]
name = "kenpo"
card = "kenpo"
kinds = ["eligibility", "claims", "checkups"]
"""


def run(*args, **options):
    return subprocess.run([str(arg) for arg in args], check=True, capture_output=True, **options)


def bytes_of(folder):
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


class Work:
    """A room whose key, and a linkage key of which a copy, are the bench's own, so that it can look into packages."""

    def __init__(self, sudare, folder):
        self.sudare, self.folder = pathlib.Path(sudare).resolve(), folder
        secret = pyrage.x25519.Identity.generate()
        self.recipient = str(secret.to_public())
        (folder / "age.key").write_text(str(secret))
        policy = POLICY
        for name, role in (("kenpo", "source"), ("mori", "steward"), ("sato", "steward")):
            self.ours("key", "new", name, "--role", role, "--generate-passphrase", f"{name}.pass")
            policy += "\n" + (folder / f"{name}.card.toml").read_text()
        (folder / "policy.toml").write_text(policy)
        self.ours("room", "init", "room", "--policy", "policy.toml", "--generate-passphrase", "room.pass")
        for card, out in (("room/room.card.toml", "room.card.toml"), ("mori.card.toml", "bench.card.toml")):
            text = re.sub(r'recipient = "[^"]*"', f'recipient = "{self.recipient}"', (folder / card).read_text())
            (folder / out).write_text(text)
        self.ours("key", "linkage", "--to", "kenpo.card.toml", "--to", "bench.card.toml", "-o", "linkage.key")

    def ours(self, *args):
        return run(self.sudare, *args, cwd=self.folder)

    def pseudonymize(self, raw):
        """Seconds, seconds of both cores' work, and the most bytes that were resident."""
        (self.folder / "ours.sudare").unlink(missing_ok=True)
        start = time.perf_counter()
        child = subprocess.Popen(
            [self.sudare, "pseudonymize", "--source", "kenpo", "--identity", "kenpo.identity", "--passphrase-file", "kenpo.pass",
             "--linkage-key", "linkage.key", "--card", "room.card.toml", "--accept-losses", "-o", "ours.sudare", raw / "kenpo"],
            cwd=self.folder, stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(child.pid, 0)
        if status:
            raise SystemExit("sudare pseudonymize failed")
        return time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024

    def peer(self, raw):
        start, before = time.perf_counter(), os.times()
        run(sys.executable, HERE / "pseudonymize_pandas.py", raw / "kenpo", "peer.age", self.recipient, "linkage.key", "age.key", ORIGIN,
            HERE.parents[1] / "pseudonymize/src/normalize/itaiji.tsv", cwd=self.folder)
        after = os.times()
        work = after.children_user + after.children_system - before.children_user - before.children_system
        return time.perf_counter() - start, work

    def compare(self):
        done = run(sys.executable, HERE / "pseudonymize_compare.py", "ours.sudare", "peer.age", "age.key", cwd=self.folder)
        print(done.stdout.decode(), end="")

    def synth(self, persons, months):
        raw = self.folder / f"raw-{persons}-{months}"
        self.ours("synth", raw, "--persons", persons, "--months", months, "--seed", 1)
        return raw, bytes_of(raw / "kenpo")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sudare")
    parser.add_argument("--persons", type=int, default=60_000)
    parser.add_argument("--months", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", action="store_true", help="peak memory at these persons and months, at ten times the months and the persons")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sudare-bench-") as folder:
        work = Work(args.sudare, pathlib.Path(folder))
        if args.memory:
            for persons, months in ((args.persons, args.months), (args.persons, 10 * args.months), (10 * args.persons, args.months)):
                raw, size = work.synth(persons, months)
                peaks = [work.pseudonymize(raw)[2] for _ in range(args.rounds)]
                print(f"{persons} people, {months} months: {size / 1e6:.0f} MB of files, peak {statistics.median(peaks) / 1e6:.0f} MB "
                      f"({min(peaks) / 1e6:.0f}-{max(peaks) / 1e6:.0f})", flush=True)
                run("rm", "-r", raw)
            return
        raw, size = work.synth(args.persons, args.months)
        ratios, cores, both = [], [], ([], [])
        for _ in range(args.rounds):
            (ours, our_work, _), (theirs, their_work) = work.pseudonymize(raw), work.peer(raw)
            ratios.append(theirs / ours)
            cores.append(their_work / our_work)
            both[0].append(ours)
            both[1].append(theirs)
        work.compare()
        ours, theirs = (statistics.median(times) for times in both)
        print(f"{size / 1e6:.0f} MB of files: {ours:.2f} s ({size / ours / 1e6:.1f} MB/s), the peer {theirs:.2f} s ({size / theirs / 1e6:.1f} MB/s): "
              f"{statistics.median(ratios):.1f}x ({min(ratios):.1f}-{max(ratios):.1f}); by processor time {statistics.median(cores):.1f}x")


if __name__ == "__main__":
    main()
