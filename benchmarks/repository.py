"""Scanning, the sanitized backup, and its push."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

from homes import hermes_text, many_files, write_config
from measure import compare, median, processor, report, run


def bench_scan(binary, root):
    tree = root / "scan"
    size = hermes_text(tree, 220, 60_000)
    peer = shutil.which("kingfisher") or str(Path(".build/bench/bin/kingfisher").resolve())
    if not Path(peer).exists():
        subprocess.run([sys.executable, "-m", "venv", ".build/bench"], check=True)
        subprocess.run([".build/bench/bin/pip", "install", "--quiet", "kingfisher-bin"], check=True)
    ours = ["taskset", "-c", "0", binary, "scan", "--quiet", str(tree)]
    theirs = ["taskset", "-c", "0", peer, "scan", "--no-validate", "--confidence", "low", "--jobs", "1", "--no-update-check", "--quiet", str(tree)]
    run(theirs, allowed=(0, 200, 205))
    mine, other = compare(lambda: run(ours, allowed=(0, 10)), lambda: run(theirs, allowed=(0, 200, 205)))
    rate, peer_rate = size / 1e6 / median(mine, "cpu"), size / 1e6 / median(other, "cpu")
    report("scan", f"{rate:.0f} MB/s per core, kingfisher {peer_rate:.0f}: {rate / peer_rate:.2f} times as fast (target 3); peak {median(mine, 'memory'):.0f} MB")
    shutil.rmtree(tree)


def bench_backup(binary, root):
    home = root / "home"
    home.mkdir(mode=0o700)
    (home / "config.yaml").write_text("model: x/y\n_config_version: 33\n")
    (home / "SOUL.md").write_text("You are a benchmark.\n")
    (home / "state.db").write_bytes(b"")
    many_files(home, 20_000, 300_000_000)
    rounds = iter(range(1_000_000))
    base, plain, plain_remote = [], Path(), Path()
    environment = dict(os.environ, GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_SYSTEM="/dev/null", GIT_AUTHOR_NAME="b", GIT_AUTHOR_EMAIL="b@b",
                       GIT_COMMITTER_NAME="b", GIT_COMMITTER_EMAIL="b@b")

    # Each round has its own folder, and none is removed before the end: ext4 is slow to make files where many were just removed.
    def fresh():
        nonlocal base
        folder = root / f"ours{next(rounds)}"
        folder.mkdir()
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(folder / "remote.git")], check=True)
        config = write_config(folder, home, folder / "repository", folder / "remote.git")
        base = [binary, "run", "--quiet", "--config", str(config), "--state-dir", str(folder / "state")]
        subprocess.run(["sync"])
        return folder

    sanitized = fresh() / "repository" / "hermes_persistent_backup"
    run(base + ["commit-only"])

    def fresh_plain():
        nonlocal plain, plain_remote
        folder = root / f"git{next(rounds)}"
        plain, plain_remote = folder / "plain", folder / "plain.git"
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(plain_remote)], check=True)
        subprocess.run(["git", "init", "-q", "-b", "main", str(plain)], check=True)
        shutil.copytree(sanitized, plain / "hermes_persistent_backup", symlinks=True)
        subprocess.run(["sync"])

    mine, other = compare(lambda: run(base + ["commit-only"]), lambda: run("git add -A && git commit -qm first", cwd=plain, env=environment),
                          fresh, fresh_plain)
    report("commit", f"first backup, scan included {median(mine, 'wall'):.1f} s, git add + commit {median(other, 'wall'):.1f} s: "
           f"{median(mine, 'wall') / median(other, 'wall'):.2f} of its time (target 1); {processor(mine, other)}; peak {median(mine, 'memory'):.0f} MB")
    mine, other = compare(lambda: run(base + ["backup"]),
                          lambda: run(f"git add -A && git commit -qm first && git push -q {plain_remote} main", cwd=plain, env=environment),
                          fresh, fresh_plain)
    report("push", f"first backup with push {median(mine, 'wall'):.1f} s, git {median(other, 'wall'):.1f} s: "
           f"{median(mine, 'wall') / median(other, 'wall'):.2f} of its time (target 0.5); {processor(mine, other)}; peak {median(mine, 'memory'):.0f} MB")
    rows = [run(base + ["backup"]) for _ in range(5)]
    report("unchanged", f"20,000 files, 300 MB, nothing changed: {median(rows, 'wall'):.2f} s (target under 1); peak {median(rows, 'memory'):.0f} MB")
