#!/usr/bin/env python3
"""Makes and spoils what restore drills are tried on, with stock tools alone.

usage: drill_tool.py database FILE                       a state.db as Hermes Agent 0.19 makes them: 12 sessions, 240 messages
       drill_tool.py spoil-page FILE                     overwrites a page in the middle of a database
       drill_tool.py spoil-tree FOLDER KIND              changes a sanitized tree
       drill_tool.py spoil-bundle FILE KEY RESULT KIND   opens a bundle with age, zstd and tar, changes it, and closes it again
       drill_tool.py ages RUNS JOB DAYS                  moves the records of a job's runs into the past
"""
import datetime
import hashlib
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import tempfile


def database(path):
    db = sqlite3.connect(path)
    db.executescript(
        """
        PRAGMA journal_mode=wal;
        CREATE TABLE schema_version (version INTEGER NOT NULL);
        INSERT INTO schema_version VALUES (22);
        CREATE TABLE sessions (id TEXT PRIMARY KEY, source TEXT NOT NULL, started_at REAL NOT NULL, ended_at REAL,
            archived INTEGER NOT NULL DEFAULT 0);
        CREATE TABLE messages (id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL REFERENCES sessions(id),
            role TEXT, content TEXT, timestamp REAL NOT NULL);
        CREATE TABLE gateway_routing (scope TEXT, session_key TEXT, entry_json TEXT, updated_at REAL);
        INSERT INTO gateway_routing VALUES ('/elsewhere/.hermes/sessions', 'k', '{}', 1.0);
        CREATE VIRTUAL TABLE messages_fts USING fts5(content);
        CREATE TRIGGER messages_ai AFTER INSERT ON messages BEGIN
            INSERT INTO messages_fts(rowid, content) VALUES (new.id, new.content); END;
        CREATE TRIGGER messages_ad AFTER DELETE ON messages BEGIN DELETE FROM messages_fts WHERE rowid = old.id; END;
        """)
    db.executemany("INSERT INTO sessions VALUES (?, 'cli', 1790000000.0, 1790000100.0, 0)", [(f"s{n}",) for n in range(12)])
    db.executemany("INSERT INTO messages (session_id, role, content, timestamp) VALUES (?, 'user', ?, 1790000000.0)",
                   [(f"s{n % 12}", f"word {n} of a long talk about nothing much") for n in range(240)])
    db.commit()
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


def spoil_page(path):
    data = bytearray(pathlib.Path(path).read_bytes())
    start = len(data) // 4096 // 2 * 4096
    data[start:start + 2000] = b"\xa5" * 2000
    pathlib.Path(path).write_bytes(data)


def edit(path, body):
    document = json.loads(path.read_text())
    body(document)
    path.write_text(json.dumps(document))


def append(path, text):
    with open(path, "a") as stream:
        stream.write(text)


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def drop_job(path):
    def body(document):
        document["jobs"].pop()
    edit(path, body)


def mend(root, manifest, name_key, modified=False):
    """Brings sizes, hashes and times of the manifest into line with the files."""
    def body(document):
        for entry in document["entries"]:
            path = root / entry["path"]
            if modified:
                entry["modified"] = path.lstat().st_mtime_ns
            if entry["kind"] == "file":
                data = path.read_bytes()
                entry["size"] = len(data)
                entry["sha256"] = hashlib.sha256(data).hexdigest()
    edit(manifest, body)


def set_mode(manifest, name, mode):
    def body(document):
        for entry in document["entries"]:
            if entry["path"] == name:
                entry["mode"] = mode
    edit(manifest, body)


def spoil_tree(folder, kind):
    tree = pathlib.Path(folder)
    manifest = tree / "MANIFEST.json"
    token = "ghp" + "_x7Kq2mVb9TzLw4Rn8YcJd3HsPf6GaE1uQ0Xi"
    unmended = {
        "missing": lambda: (tree / "SOUL.md").unlink(),
        "byte": lambda: flip(tree / "SOUL.md"),
        "more": lambda: (tree / "extra.md").write_text("more\n"),
        "canary": lambda: append(tree / "CANARY", "tweet\n"),
        "no-manifest": lambda: manifest.unlink(),
        "newer": lambda: edit(manifest, lambda document: document.update(formatVersion=99)),
        "garbage": lambda: manifest.write_text("{"),
        "link": lambda: (shutil.rmtree(tree), tree.symlink_to("/etc")),
    }
    mended = {
        "secret": lambda: append(tree / "SOUL.md", f"\nuse {token} for it\n"),
        "job": lambda: drop_job(tree / "cron/jobs.json"),
        "variable": lambda: append(tree / "config.yaml", "\nnobody: ${NOBODY_PROVIDES_THIS}\n"),
        "memory": lambda: append(tree / "memories/MEMORY.md", "\n§\nnot counted\n"),
        "mode": lambda: set_mode(manifest, "config.yaml", "0644"),
    }
    if kind in unmended:
        unmended[kind]()
    else:
        mended[kind]()
        mend(tree, manifest, "path")


def spoil_bundle(bundle, key, result, kind):
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        subprocess.run(["bash", "-c", 'set -eo pipefail; age -d -i "$1" "$2" | zstd -dc >"$3/a.tar"; cd "$3"; tar -tf a.tar >list; '
                        "tar --same-permissions -xf a.tar", "sh", key, bundle, folder], check=True)
        root = next(path for path in place.iterdir() if path.is_dir())
        home, manifest = root / "home", root / "manifest.json"
        if kind == "row":
            db = sqlite3.connect(home / "state.db")
            db.execute("DELETE FROM messages WHERE id = 17")
            db.commit()
            db.execute("PRAGMA journal_mode=delete")
            db.close()
        elif kind == "byte":
            flip(home / "SOUL.md")
        elif kind == "missing":
            (home / "SOUL.md").unlink()
            names = (place / "list").read_text().splitlines(keepends=True)
            (place / "list").write_text("".join(name for name in names if not name.endswith("home/SOUL.md\n")))
        elif kind == "old":
            edit(manifest, lambda document: document.update(created="2026-01-02T03:04:05Z"))
        elif kind != "nothing":
            sys.exit(f"unknown kind {kind}")
        if kind in ("row", "nothing"):
            mend(root, manifest, "path", modified=True)
        recipient = subprocess.run(["age-keygen", "-y", key], check=True, capture_output=True, text=True).stdout.strip()
        subprocess.run(["bash", "-c", 'set -eo pipefail; cd "$1"; tar --format=posix --no-recursion -cf - -T list | zstd -q | '
                        'age -r "$2" >"$3"', "sh", folder, recipient, os.path.abspath(result)], check=True)


def ages(runs, job, days):
    """Also of what is told of the moments within a run."""
    def shift(value):
        if isinstance(value, dict):
            return {key: shift(item) for key, item in value.items()}
        if isinstance(value, list):
            return [shift(item) for item in value]
        if isinstance(value, str) and len(value) >= 20 and value[4] == "-" and value.endswith("Z"):
            moment = datetime.datetime.fromisoformat(value[:-1] + "+00:00") - datetime.timedelta(days=float(days))
            return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        return value

    for path in pathlib.Path(runs).glob("*.json"):
        record = json.loads(path.read_text())
        if record["job"]["name"] == job:
            path.write_text(json.dumps(shift(record)))


{"database": database, "spoil-page": spoil_page, "spoil-tree": spoil_tree, "spoil-bundle": spoil_bundle, "ages": ages}[sys.argv[1]](
    *sys.argv[2:])
