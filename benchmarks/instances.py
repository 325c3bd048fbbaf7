"""What runs every minute, and what reads many of them."""
import json
import subprocess
import sys
import time

from homes import living_home
from measure import ROUNDS, compare, median, report, run


def bench_snapshot(binary, root):
    home, state, output = root / "living", root / "snapshot-state", root / "exports" / "bench"
    database = living_home(home, 30_000)
    config = root / "snapshot.yaml"
    config.write_text(f"""version: 1
instance: {{ id: bench, hermesHome: {home} }}
repository: {{ path: {root / "living-repository"}, branch: main }}
snapshot: {{ output: {output} }}
jobs:
  backup: {{ schedule: "*-*-* 03:15:00", steps: [ sanitize, commit ] }}
  snapshot: {{ schedule: "*-*-* *:*:00", steps: [ snapshot ] }}
  watchdog: {{ schedule: "*-*-* *:0/15:30", steps: [ watchdog ] }}
""")
    config.chmod(0o600)
    options = ["--quiet", "--config", str(config), "--state-dir", str(state)]
    command = [binary, "run", "snapshot", *options]
    subprocess.run(["git", "init", "-q", "-b", "main", str(root / "living-repository")], check=True)
    run([binary, "run", "backup", *options])
    run(command)
    rows = [run(command) for _ in range(max(ROUNDS, 7))]
    found = json.loads((output / "snapshot.json").read_text())["sessions"]
    if found["messages"] != 30_000:
        sys.exit(f"the snapshot counts {found['messages']} messages")
    database.close()
    report("snapshot", f"of a home with 30,000 messages, {(home / 'state.db').stat().st_size / 1e6:.0f} MB: {median(rows, 'cpu') * 1000:.0f} ms of CPU "
           f"(target 150), {median(rows, 'wall') * 1000:.0f} ms; peak {median(rows, 'memory'):.0f} MB (target 40)")
    return output / "snapshot.json"


def bench_fleet(binary, root, snapshot):
    """200 snapshots as `snapshot` wrote them; the same with one alone is what the process itself costs."""
    text = json.loads(snapshot.read_text())
    many, one = root / "fleet", root / "alone"
    for number in range(200):
        text["instance"]["id"] = f"i{number}"
        # They are to be valid still when the last round begins.
        text["validUntil"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
        for folder in [many, one] if number == 0 else [many]:
            (folder / f"i{number}").mkdir(parents=True)
            (folder / f"i{number}" / "snapshot.json").write_text(json.dumps(text))
    rolled = json.loads(subprocess.run([binary, "fleet", str(many), "--json"], check=True, capture_output=True).stdout)
    if rolled["rollup"]["instances"]["total"] != 200 or any(i["source"]["state"] != "ok" for i in rolled["instances"]):
        sys.exit("not every snapshot was taken")
    mine, alone = compare(lambda: run([binary, "fleet", str(many)]), lambda: run([binary, "fleet", str(one)]), rounds=max(ROUNDS, 7))
    report("fleet", f"200 snapshots of {len(json.dumps(text)) / 1000:.0f} kB: {median(mine, 'wall') * 1000:.0f} ms (target 100), of one "
           f"{median(alone, 'wall') * 1000:.0f} ms; {median(mine, 'cpu') * 1000:.0f} ms of CPU; peak {median(mine, 'memory'):.0f} MB")
