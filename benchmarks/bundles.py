"""Making, opening, uploading and restoring bundles."""
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

from homes import mixed_tree, write_config
from measure import ROUNDS, compare, median, processor, report, run


def bench_bundle(binary, root, wanted):
    home, store, state = root / "mixed", root / "store", root / "bundle-state"
    mixed_tree(home)
    identity = root / "key.txt"
    subprocess.run([binary, "keys", "generate", "-o", str(identity)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    recipient = subprocess.run([binary, "keys", "recipient", str(identity)], check=True, capture_output=True, text=True).stdout.strip()
    config = write_config(root, home, root / "unused", root / "unused.git", store, recipient)
    ours_file, their_file = root / "ours.tar.zst.age", root / "theirs.tar.zst.age"
    options = ["--quiet", "--config", str(config), "--state-dir", str(state)]

    def create():
        ours_file.unlink(missing_ok=True)
        return run([binary, "bundle", "create", *options, "-o", str(ours_file)])

    def stock():
        their_file.unlink(missing_ok=True)
        return run(f"set -o pipefail; tar -C {root} -cf - {home.name} | zstd -3 -T0 -q | age -r {recipient} > {their_file}")

    if "bundle" in wanted:
        mine, other = compare(create, stock)
        ratio = median(other, "wall") / median(mine, "wall")
        report("bundle", f"create {median(mine, 'wall'):.2f} s, tar | zstd | age {median(other, 'wall'):.2f} s: {ratio:.2f} times its speed (target 1.25); "
               f"{processor(mine, other)}; "
               f"size {ours_file.stat().st_size / their_file.stat().st_size:.3f} of its; peak {median(mine, 'memory'):.0f} MB (target 150)")
    if "open" in wanted:
        if not ours_file.exists():
            create()
        target, plain = root / "opened", root / "plain-opened"

        def clean(folder):
            shutil.rmtree(folder, ignore_errors=True)

        def clean_plain():
            clean(plain)
            plain.mkdir()

        mine, other = compare(lambda: run([binary, "bundle", "open", str(ours_file), "--identity", str(identity), "--into", str(target), "--quiet"]),
                              lambda: run(f"set -o pipefail; age -d -i {identity} {ours_file} | tar --zstd -xf - -C {plain}"),
                              lambda: clean(target), clean_plain)
        ratio = median(other, "wall") / median(mine, "wall")
        report("open", f"{median(mine, 'wall'):.2f} s, age -d | tar {median(other, 'wall'):.2f} s: {ratio:.2f} times its speed (target 1.3); "
               f"{processor(mine, other)}; peak {median(mine, 'memory'):.0f} MB")


def bench_upload(binary, root):
    """The data of the job's step `upload` against `curl -T` of the same file, as the server sees them: from the first request with data
    to the end of the last. The server throws the bytes away."""
    import urllib.request
    sink = subprocess.Popen([sys.executable, str(Path(__file__).resolve().parent / "drive_sink.py")], stdout=subprocess.PIPE)
    try:
        address = f"http://127.0.0.1:{json.loads(sink.stdout.readline())['port']}"
        home, state = root / "upload-home", root / "upload-state"
        home.mkdir(mode=0o700)
        (home / "config.yaml").write_text("model: x/y\n_config_version: 33\n")
        with open(home / "images.bin", "wb") as stream:
            for _ in range(400):
                stream.write(random.randbytes(1_000_000))
        identity, credential, config = root / "upload-key.txt", root / "google.json", root / "upload.yaml"
        subprocess.run([binary, "keys", "generate", "-o", str(identity)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        recipient = subprocess.run([binary, "keys", "recipient", str(identity)], check=True, capture_output=True, text=True).stdout.strip()
        credential.write_text('{"refresh_token": "r", "client_id": "i", "client_secret": "s"}')
        config.write_text(f"version: 1\ninstance: {{ id: bench, label: Bench, hermesHome: {home} }}\n"
                          f"credentials: {{ google: {{ file: {credential} }} }}\nbundle: {{ recipients: [ {recipient} ] }}\n"
                          "stores: { far: { drive: { folder: folder0, credential: google } } }\n"
                          "jobs: { up: { timeout: 30m, steps: [ bundle, { upload: { store: far } } ] } }\n")
        for path in (credential, config):
            path.chmod(0o600)
        environment = dict(os.environ, HERMES_OPS_TEST_LOOPBACK_HTTP="1", HERMES_OPS_TEST_DRIVE=address)
        command = [binary, "run", "up", "--quiet", "--json", "--config", str(config), "--state-dir", str(state)]

        def ask(path, body=b""):
            return json.loads(urllib.request.urlopen(address + path, body).read())

        ours, theirs, size = [], [], 0
        for _ in range(ROUNDS):
            # A bundle that could not be uploaded waits, and is read for its checksum before it goes.
            ask("/refuse")
            subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            bundle = next((state / "bundles" / "up").glob("*.age"))
            size = bundle.stat().st_size
            run(["curl", "-sS", "--noproxy", "*", "-o", "/dev/null", "-T", str(bundle), address + "/sink"])
            theirs.append(ask("/span", None))
            ask("/accept")
            subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
            ours.append(ask("/span", None))
        mine, other = size / 1e6 / statistics.median(ours), size / 1e6 / statistics.median(theirs)
        report("upload", f"{mine:.0f} MB/s, curl -T {other:.0f}: {mine / other:.2f} times as fast (target 0.9)")
    finally:
        sink.kill()
        sink.wait()


def bench_drill(binary, root):
    """The recovery time that a drill's receipt tells, checks aside, against stock tools on the same bundle."""
    place = root / "drill"
    place.mkdir()
    home, state, store, identity, bundle = place / "home", place / "state", place / "store", place / "key.txt", place / "b.tar.zst.age"
    mixed_tree(home)
    (home / "config.yaml").chmod(0o600)
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([binary, "keys", "generate", "-o", str(identity)], **quiet)
    recipient = subprocess.run([binary, "keys", "recipient", str(identity)], check=True, capture_output=True, text=True).stdout.strip()
    config = write_config(place, home, place / "unused", place / "unused.git", store, recipient)
    text = config.read_text().replace("\nbundle:", f"\ncredentials: {{ key: {{ file: {identity} }} }}\nbundle:")
    for source in (f"file, file: {bundle}", "store, store: local"):
        name = source.split(",")[0]
        text += f"  {name}: {{ timeout: 30m, steps: [ {{ restore: {{ from: {source}, identity: key }} }}, verify ] }}\n"
    text += "  put: { timeout: 30m, steps: [ bundle, { upload: { store: local } } ] }\n"
    config.write_text(text)
    options = ["--quiet", "--config", str(config), "--state-dir", str(state)]
    subprocess.run([binary, "run", "put", *options], **quiet)
    os.link(next(store.glob("*.age")), bundle)
    plain, sources = place / "plain", ("file", "store")
    times = {source: [] for source in sources}
    stock = []
    for _ in range(ROUNDS):
        for source in sources:
            done = subprocess.run([binary, "drill", "--json", "--job", source, *options], check=True, capture_output=True)
            times[source].append(json.loads(done.stdout)["drills"][0]["rtoMs"] / 1000)
        shutil.rmtree(plain, ignore_errors=True)
        plain.mkdir()
        stock.append(run(f"set -o pipefail; age -d -i {identity} {bundle} | tar --zstd -xf - -C {plain}").wall)
    theirs = statistics.median(stock)
    for source in sources:
        ours = statistics.median(times[source])
        report("drill", f"recovery time from a {source} {ours:.2f} s, age -d | tar {theirs:.2f} s: {ours / theirs:.2f} of its time"
               + (" (target at most 1.3)" if source == "file" else ", the copy and its check included"))
    shutil.rmtree(place)
