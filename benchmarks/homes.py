"""Data for the benchmarks, the same at every run: texts as a home holds them, homes, and a configuration for one."""
import json
import random
import sqlite3
import time

WORDS = ("the agent asked about its garden and answered that rain was due on Tuesday while a job summarised mail for Kim in Lisbon "
         "because nobody had watered tomatoes since spring and the station reported wind from west").split()


def prose(rng, size):
    out = []
    length = 0
    while length < size:
        line = " ".join(rng.choices(WORDS, k=12)) + ".\n"
        out.append(line)
        length += len(line)
    return "".join(out)[:size]


def hex_digits(rng, count):
    return "%0*x" % (count, rng.getrandbits(count * 4))


def session_line(rng, number):
    return ('{"id": "msg_%s", "role": "assistant", "session_id": "20260301_%06d_%s", "content": "%s", "tool_calls": [{"id": "call_%s", '
            '"type": "function", "function": {"name": "read_file", "arguments": "{\\"path\\": \\"/home/kim/notes.md\\", \\"offset\\": %d}"}}], '
            '"usage": {"prompt_tokens": %d, "completion_tokens": %d}}\n') % (
        hex_digits(rng, 24), number % 1000000, hex_digits(rng, 6), " ".join(rng.choices(WORDS, k=40)), hex_digits(rng, 24), rng.randrange(1000),
        rng.randrange(20000), rng.randrange(900))


def log_line(rng):
    return "2026-11-%02d 03:%02d:%02d,%03d INFO gateway.telegram: chat=-100%010d token usage=%d path=/home/kim/.hermes/cache/%s.png took %d ms\n" % (
        rng.randrange(1, 29), rng.randrange(60), rng.randrange(60), rng.randrange(1000), rng.getrandbits(33), rng.randrange(9000), hex_digits(rng, 16),
        rng.randrange(900))


def hermes_text(folder, megabytes, file_size):
    """Sessions, logs, notes and settings, as a home holds them; no secrets."""
    rng = random.Random(20261122)
    folder.mkdir(parents=True)
    total, number = 0, 0
    while total < megabytes * 1_000_000:
        kind = number % 4
        parts, size = [], 0
        while size < file_size:
            if kind == 0:
                part = session_line(rng, number)
            elif kind == 1:
                part = log_line(rng)
            elif kind == 2:
                part = "## Note %d\n\n%s\n- commit %s\n- https://example.org/a/%d?page=2\n" % (number, prose(rng, 600), hex_digits(rng, 40), number)
            else:
                part = "job_%d:\n  name: inbox-%d\n  schedule: '0 7 * * *'\n  model: x/y\n  prompt: %s\n  id: %s\n" % (
                    rng.randrange(1 << 30), number, " ".join(rng.choices(WORDS, k=20)), hex_digits(rng, 12))
            parts.append(part)
            size += len(part)
        name = folder / f"{number // 500:03d}" / f"{number:06d}{('.jsonl', '.log', '.md', '.yaml')[kind]}"
        name.parent.mkdir(exist_ok=True)
        name.write_text("".join(parts))
        total += size
        number += 1
    return total


def many_files(folder, count, total):
    rng = random.Random(7)
    each = total // count
    base = prose(rng, each * 40)
    for number in range(count):
        name = folder / "skills" / f"s{number // 100:03d}" / f"n{number:05d}.md"
        name.parent.mkdir(parents=True, exist_ok=True)
        start = rng.randrange(len(base) - each - 100)
        name.write_text(f"# note {number} {hex_digits(rng, 32)}\n" + base[start:start + each - 60])


def mixed_tree(home):
    import sqlite3
    home.mkdir(mode=0o700)
    (home / "config.yaml").write_text("model: x/y\n_config_version: 33\n")
    hermes_text(home / "skills", 200, 12_000)
    rng = random.Random(3)
    database = sqlite3.connect(home / "state.db")
    database.executescript("pragma journal_mode=wal; create table schema_version(version); insert into schema_version values (22);"
                           "create table sessions(id text primary key, source text); create table messages(id integer primary key, session_id, content);")
    for _ in range(200):
        database.executemany("insert into messages(session_id, content) values ('s', ?)", [(prose(rng, 1000),) for _ in range(960)])
    database.commit()
    database.execute("pragma wal_checkpoint(truncate)")
    database.close()
    with open(home / "images.bin", "wb") as stream:
        for _ in range(100):
            stream.write(rng.randbytes(1_000_000))


def state_database(path, messages, sessions=400):
    """A state.db as Hermes Agent 0.19.0 makes it, as far as numbers are counted in it, with a log that is not checkpointed yet."""
    rng = random.Random(5)
    database = sqlite3.connect(path)
    database.executescript("""
        PRAGMA journal_mode=wal;
        CREATE TABLE schema_version (version INTEGER NOT NULL);
        INSERT INTO schema_version VALUES (22);
        CREATE TABLE sessions (id TEXT PRIMARY KEY, source TEXT NOT NULL, system_prompt TEXT, started_at REAL NOT NULL, ended_at REAL,
            message_count INTEGER DEFAULT 0, title TEXT, archived INTEGER NOT NULL DEFAULT 0);
        CREATE TABLE messages (id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL REFERENCES sessions(id), role TEXT NOT NULL,
            content TEXT, tool_calls TEXT, timestamp REAL NOT NULL, active INTEGER NOT NULL DEFAULT 1);
        CREATE INDEX idx_messages_session ON messages(session_id, timestamp);
        CREATE VIRTUAL TABLE messages_fts USING fts5(content);
    """)
    now = time.time()
    database.executemany("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [
        (f"s{n}", rng.choice(["cli", "telegram", "cron", "api_server"]), prose(rng, 4000), now - n * 3600, None if n % 3 else now, 75,
         f"session {n}", n % 20 == 0) for n in range(sessions)])
    for number in range(messages):
        text = prose(rng, rng.randrange(200, 2500))
        database.execute("INSERT INTO messages (session_id, role, content, timestamp) VALUES (?, ?, ?, ?)",
                         (f"s{number % sessions}", "user" if number % 2 else "assistant", text, now - number * 60))
        database.execute("INSERT INTO messages_fts (rowid, content) VALUES (?, ?)", (number + 1, text))
        # The last of them stay in the log, as in a home that is at work.
        if number == messages - 200:
            database.commit()
            database.execute("PRAGMA wal_checkpoint(truncate)")
    database.commit()
    return database


def living_home(home, messages):
    home.mkdir(mode=0o700)
    rng = random.Random(9)
    (home / "SOUL.md").write_text(prose(rng, 2000))
    (home / "config.yaml").write_text("model: x/y\n_config_version: 33\n")
    (home / ".env").write_text("")
    for number in range(80):
        skill = home / "skills" / f"kind{number % 8}" / f"skill{number}"
        (skill / "references").mkdir(parents=True)
        (skill / "SKILL.md").write_text(f"---\nname: skill{number}\ndescription: d\n---\n" + prose(rng, 3000))
        (skill / "references" / "more.md").write_text(prose(rng, 5000))
    (home / "memories").mkdir()
    (home / "memories" / "MEMORY.md").write_text("\n§\n".join(prose(rng, 80) for _ in range(25)))
    (home / "cron").mkdir()
    (home / "cron" / "jobs.json").write_text(json.dumps({"jobs": [
        {"id": f"{n:012x}", "name": f"job {n}", "prompt": prose(rng, 400), "enabled": True, "schedule_display": "every 2h", "last_status": "ok",
         "last_run_at": "2026-11-22T03:11:25.120000+00:00"} for n in range(30)]}))
    for name in [".env", "config.yaml"]:
        (home / name).chmod(0o600)
    return state_database(home / "state.db", messages)


def write_config(root, home, repository, remote, store=None, recipient=None):
    config = root / "config.yaml"
    text = f"version: 1\ninstance: {{ id: bench, label: Bench, hermesHome: {home} }}\n"
    text += f"repository: {{ path: {repository}, remote: {remote}, branch: main }}\n"
    if store:
        text += f"bundle: {{ recipients: [ {recipient} ] }}\nstores: {{ local: {{ directory: {store} }} }}\n"
    text += "jobs:\n  backup: { timeout: 30m, steps: [ sanitize, commit, push ] }\n  commit-only: { timeout: 30m, steps: [ sanitize, commit ] }\n"
    config.write_text(text)
    config.chmod(0o600)
    return config
