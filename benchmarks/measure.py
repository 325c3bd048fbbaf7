"""Whole processes, timed by the operating system, and how two commands compare."""
import os
import statistics
import subprocess
import sys
import tempfile

ROUNDS = int(os.environ.get("HERMES_OPS_BENCH_ROUNDS", "3"))


class Usage:
    def __init__(self, wall, cpu, memory):
        self.wall, self.cpu, self.memory = wall, cpu, memory


def run(command, cwd=None, env=None, allowed=(0,)):
    """Runs a command (a list, or a string for the shell) and returns what it took.

    GNU time stands between: the peak that wait4 reports counts what the process held before exec, which is this program.
    """
    if isinstance(command, str):
        command = ["/bin/bash", "-c", command]
    with tempfile.NamedTemporaryFile("r") as figures:
        process = subprocess.run(["/usr/bin/time", "-q", "-f", "%e %U %S %M", "-o", figures.name, *command], cwd=cwd, env=env,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        if process.returncode not in allowed:
            sys.exit(f"benchmark command failed with {process.returncode}: {command}\n{process.stderr.decode(errors='replace')}")
        wall, user, system, memory = figures.read().split()
    return Usage(float(wall), float(user) + float(system), int(memory) / 1024)


def compare(ours, theirs, prepare_ours=lambda: None, prepare_theirs=lambda: None, rounds=ROUNDS):
    """Runs two callables in turn and returns what each run of either took."""
    mine, other = [], []
    for _ in range(rounds):
        prepare_ours()
        mine.append(ours())
        prepare_theirs()
        other.append(theirs())
    return mine, other


def median(rows, key):
    return statistics.median(getattr(row, key) for row in rows)


def processor(mine, other):
    """Processor time of both, which a busy machine bends less than the clock's."""
    return f"processor time {median(mine, 'cpu'):.2f} s, {median(other, 'cpu'):.2f} s: {median(mine, 'cpu') / median(other, 'cpu'):.2f} of its"


def report(name, text):
    print(f"{name:<12} {text}", flush=True)
