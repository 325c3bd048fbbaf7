"""Scanning, the sanitized backup, and its push."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

from homes import hermes_text, many_files, write_config
from measure import compare, median, report, run


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
    repository, remote, state = root / "repository", root / "remote.git", root / "state"
    config = write_config(root, home, repository, remote)
    base = [binary, "run", "--quiet", "--config", str(config), "--state-dir", str(state)]
    plain, plain_remote = root / "plain", root / "plain.git"
    environment = dict(os.environ, GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_SYSTEM="/dev/null", GIT_AUTHOR_NAME="b", GIT_AUTHOR_EMAIL="b@b",
                       GIT_COMMITTER_NAME="b", GIT_COMMITTER_EMAIL="b@b")

    def fresh():
        for folder in (repository, remote, state):
            shutil.rmtree(folder, ignore_errors=True)
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(remote)], check=True)

    fresh()
    run(base + ["commit-only"])
    sanitized = root / "sanitized"
    shutil.copytree(repository / "hermes_persistent_backup", sanitized, symlinks=True)

    def fresh_plain():
        for folder in (plain, plain_remote):
            shutil.rmtree(folder, ignore_errors=True)
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(plain_remote)], check=True)
        subprocess.run(["git", "init", "-q", "-b", "main", str(plain)], check=True)
        shutil.copytree(sanitized, plain / "hermes_persistent_backup", symlinks=True)
        subprocess.run(["sync"])

    mine, other = compare(lambda: run(base + ["commit-only"]), lambda: run("git add -A && git commit -qm first", cwd=plain, env=environment),
                          fresh, fresh_plain)
    report("commit", f"first backup, scan included {median(mine, 'wall'):.1f} s, git add + commit {median(other, 'wall'):.1f} s: "
           f"{median(mine, 'wall') / median(other, 'wall'):.2f} of its time (target 1); peak {median(mine, 'memory'):.0f} MB")
    mine, other = compare(lambda: run(base + ["backup"]),
                          lambda: run(f"git add -A && git commit -qm first && git push -q {plain_remote} main", cwd=plain, env=environment),
                          fresh, fresh_plain)
    report("push", f"first backup with push {median(mine, 'wall'):.1f} s, git {median(other, 'wall'):.1f} s: "
           f"{median(mine, 'wall') / median(other, 'wall'):.2f} of its time (target 0.5); peak {median(mine, 'memory'):.0f} MB")
    rows = [run(base + ["backup"]) for _ in range(5)]
    report("unchanged", f"20,000 files, 300 MB, nothing changed: {median(rows, 'wall'):.2f} s (target under 1); peak {median(rows, 'memory'):.0f} MB")
