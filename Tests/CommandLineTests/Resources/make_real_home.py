#!/usr/bin/env python3
"""Makes a HERMES_HOME with the real Hermes Agent's own code, and plants secrets in it that are generated here.

usage: HERMES_HOME=DIR HOME=DIR2 python make_real_home.py PLANTS.json [--sessions N] [--messages N] [--hold]

PLANTS.json gets the list of planted values. With --hold the program then keeps state.db open and writes to it until its standard
input closes, so that a live, busy WAL database can be backed up. Run it with the Python that has hermes-agent installed.
"""
import argparse
import base64
import gzip
import json
import os
import random
import secrets
import string
import sys
import time
import zipfile
from pathlib import Path

arguments = argparse.ArgumentParser()
arguments.add_argument("plants")
arguments.add_argument("--sessions", type=int, default=12)
arguments.add_argument("--messages", type=int, default=20)
arguments.add_argument("--hold", action="store_true")
arguments = arguments.parse_args()

home = Path(os.environ["HERMES_HOME"])
home.mkdir(parents=True, exist_ok=True)
home.chmod(0o700)

from hermes_cli import auth, config, profiles  # noqa: E402
from hermes_state import SessionDB  # noqa: E402
from tools.memory_tool import MemoryStore  # noqa: E402
import cron.jobs as cron_jobs  # noqa: E402

ALNUM = string.ascii_letters + string.digits
plants = []


def plant(kind, prefix="", length=40, alphabet=ALNUM):
    value = prefix + "".join(secrets.choice(alphabet) for _ in range(length))
    plants.append({"kind": kind, "value": value})
    return value


# Settings and keys, through Hermes' own writers.
openrouter = plant("env", "sk-" + "or-v1-", 64, "0123456789abcdef")
telegram = plant("env", "7" + "".join(random.choices(string.digits, k=9)) + ":AA", 33)
weak = plant("env", "Kaffee#morgen", 4)
config.save_env_value("OPENROUTER_API_KEY", openrouter)
config.save_env_value("TELEGRAM_BOT_TOKEN", telegram)
config.save_env_value("EMAIL_PASSWORD", weak)
config.save_env_value("TELEGRAM_HOME_CHANNEL", "-1001234567890")
inline = plant("config", "", 40)
header = plant("config", "", 43, ALNUM + "-_")
settings = config.load_config()
settings["custom_providers"] = [{"name": "acme", "base_url": "https://llm.example.org/v1", "api_key": inline}]
settings["mcp_servers"] = {
    "tracker": {"url": "https://mcp.example.org/sse", "headers": {"Authorization": "Bearer " + header}},
    "files": {"command": "npx", "args": ["-y", "server", "--token", plant("config")], "env": {"LINEAR_API_KEY": plant("config", "lin_" + "api_")}},
}
config.save_config(settings)

# Tokens.
refresh = plant("auth", "", 64)
auth._save_codex_tokens({"access_token": plant("auth", "", 80), "refresh_token": refresh})
(home / "google_token.json").write_text(json.dumps({
    "token": plant("auth", "ya29" + ".", 80), "refresh_token": plant("auth", "1/" + "/0", 80), "client_id": "1-x.apps.googleusercontent.com",
    "client_secret": plant("auth", "GOC" + "SPX-", 28), "scopes": ["https://www.googleapis.com/auth/drive.file"]}))
(home / "mcp-tokens").mkdir(exist_ok=True)
(home / "mcp-tokens" / "linear.json").write_text(json.dumps({"access_token": plant("auth", "", 60), "token_type": "Bearer"}))

# Memories, with a copied key in one of them.
memory = MemoryStore()
memory.load_from_disk()
memory.add("memory", "The tracker lives at https://tracker.example.org and Kim prefers short answers.")
memory.add("user", "Kim lives in Lisbon; time zone Europe/Lisbon.")
memories = home / "memories" / "MEMORY.md"
memories.write_text(memories.read_text() + "\n§\nNAS login: admin / password: " + weak + "\n§\nkey in use: " + openrouter)

# Cron jobs.
for number in range(3):
    cron_jobs.create_job(prompt=f"Summarise the inbox, part {number}", schedule="every 2h", name=f"inbox-{number}")
with_token = plant("cron", "gh" + "p_", 36)
cron_jobs.create_job(prompt=f"curl -H 'Authorization: Bearer {with_token}' https://api.example.org/x", schedule="0 7 * * *", name="report")

# A profile of its own, nested.
profiles.create_profile("coder", no_alias=True)
(home / "profiles" / "coder" / ".env").write_text("MISTRAL_API_KEY=" + plant("env", "", 32) + "\n")

# Skills, scripts and notes: clean ones, and copies of the keys in every form.
skill = home / "skills" / "weather"
skill.mkdir(parents=True, exist_ok=True)
(skill / "SKILL.md").write_text("---\nname: weather\ndescription: Looks at the sky\n---\nAsk the station.\n")
scripts = home / "scripts"
scripts.mkdir(exist_ok=True)
(scripts / "push.sh").write_text("#!/bin/sh\nexport WEBHOOK_SECRET=" + plant("script", "", 32) + "\ncurl -u kim:" + weak + " https://example.org\n")
(home / "SOUL.md").write_text("You are Vijay. You are calm.\n")
(home / "notes-utf16.txt").write_bytes(("token: " + inline + "\nnothing else\n").encode("utf-16"))
for offset in range(3):
    text = "x" * offset + inline + "tail"
    (scripts / f"encoded{offset}.txt").write_text(base64.b64encode(text.encode()).decode() + "\n")
(scripts / "hex.txt").write_text(refresh.encode().hex() + "\n")
(scripts / "nested.json").write_text(json.dumps({"payload": json.dumps({"inner": refresh})}))
with gzip.open(scripts / "old.log.gz", "wt") as stream:
    stream.write("line one\n" + openrouter + "\n")
with zipfile.ZipFile(scripts / "pack.zip", "w") as archive:
    archive.writestr("inner.txt", "key " + refresh)
(scripts / f"{with_token}.txt").write_text("named after a key\n")

# Its own backups inside, and what is no regular file.
(home / "backups").mkdir(exist_ok=True)
with zipfile.ZipFile(home / "backups" / "pre-update-1.zip", "w") as archive:
    archive.write(home / ".env", ".env")
os.mkfifo(home / "scripts" / "pipe")
os.symlink("/etc/passwd", home / "skills" / "outside")
os.symlink("push.sh", home / "scripts" / "inside")
(scripts / "with\nnewline.md").write_text("fine\n")
with open(os.fsencode(scripts) + b"/not-utf8-\xff\xfe.md", "w") as stream:
    stream.write("fine\n")

# Sessions.
database = SessionDB(home / "state.db")
for number in range(arguments.sessions):
    identifier = f"20261122_0315{number % 60:02d}_{number:06x}"
    database.create_session(identifier, random.choice(["cli", "telegram", "cron"]), model="x/y")
    for turn in range(arguments.messages):
        database.append_message(identifier, "user" if turn % 2 == 0 else "assistant", f"message {turn} of {number}: " + "words " * 40)
database.append_message(identifier, "user", "my key is " + openrouter)

Path(arguments.plants).write_text(json.dumps(plants))
print("ready", flush=True)
if arguments.hold:
    os.set_blocking(sys.stdin.fileno(), False)
    count = 0
    while True:
        try:
            if sys.stdin.buffer.read(1) == b"":
                break
        except BlockingIOError:
            pass
        database.append_message(identifier, "assistant", f"busy {count} " + "x" * 200)
        count += 1
        time.sleep(0.002)
database.close()
