#!/usr/bin/env python3
"""A stand-in for Google Drive v3 and its token endpoint, with faults to order. Standard library only.

    fake_drive.py --state DIR [--port N] [--tls DIR]

It prints {"port": N} and serves plain HTTP. With --tls it makes an authority
(DIR/ca.pem) and is also an HTTP proxy: CONNECT to any host ends in this very
server, over TLS, so that clients with fixed host names (www.googleapis.com, oauth2.googleapis.com) reach it.

Files and sessions live in DIR (one JSON file and one content file each), so that the server may be killed and started again.

Control, on the same port: POST /control/faults (a JSON list, replaces), GET /control/state, POST /control/reset,
POST /control/set (JSON members of `settings`), POST /control/tamper {"id", "content": base64 | "properties"}, POST /control/open {"state": DIR} (another world on its own port, in
this process: {"port": N}).

A fault: {"on": OPERATION, "skip": N, "times": N, "do": ACTION, …}. Operations: token, about, ids, list, get, initiate, data, query,
delete, patch, create, download, any. Actions:
  status      answers with "status", "headers", "body" (or "reason": a Drive error with that reason) before anything is done;
              for data the body is read first unless "early" is true
  drop        closes the connection after "after" body bytes were read (data) or sent (download); what was read is kept in
              multiples of 256 KiB unless "keep" says otherwise ("none", "all", or a number of bytes)
  silence     the same as drop, but the connection stays open and mute for "seconds"
  lost        does all the work and closes the connection without an answer
  shorter     (data) keeps only "keep" bytes of this chunk, answers 308
  norange     (data, query) keeps nothing of the whole session and answers 308 without Range
  kill-client does all the work, then sends SIGKILL to the process that POST /control/set {"pid": …} named, and closes
  trash-folder  (data) puts folder0 into the trash, then goes on
  corrupt     (data) flips one byte of what is stored when the upload completes
  truncate    sends only the first "after" bytes of the JSON, with a length that fits them
  cut         sends the full length in the header and only "after" bytes
  huge        answers 200 with "size" bytes of JSON
  location    (initiate) answers with that Location, verbatim
  nolocation  (initiate) answers 200 without one
  gone        (data, query) the session dies: 410, or "status"
  badrange    (query, data) answers 308 with "range" as the Range header
  pages       (list) "empty" pages first, then "cap" files a page
  incomplete  (list) incompleteSearch is true
  loop        (list) always the same nextPageToken
  nochecksum  (get, data) leaves the checksums out
"""
import argparse, base64, gzip, hashlib, json, os, random, re, signal, socket, ssl, sys, threading, time, urllib.parse
import certificates
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

UNIT = 256 * 1024
FOLDER = "application/vnd.google-apps.folder"


class World:
    def __init__(self, directory):
        self.directory = directory
        self.lock = threading.RLock()
        os.makedirs(directory, exist_ok=True)
        self.path = os.path.join(directory, "world.json")
        self.faults, self.log = [], []
        self.settings = {"pid": 0, "limit": None, "usage": 0, "scope_check": True, "service_account": False}
        self.load()

    def load(self):
        try:
            with open(self.path) as file:
                self.data = json.load(file)
        except FileNotFoundError:
            self.data = {
                "files": {}, "sessions": {}, "ids": [], "tokens": [], "serial": 0, "sent": 0,
                "refresh": "refresh-token", "client": "client-id", "secret": "client-secret",
            }
            self.data["files"]["folder0"] = {
                "id": "folder0", "name": "Backups", "mimeType": FOLDER, "parents": ["root"], "trashed": False,
                "appProperties": {}, "created": 0,
            }
            self.save()

    def save(self):
        temporary = self.path + ".tmp"
        with open(temporary, "w") as file:
            json.dump(self.data, file)
        os.replace(temporary, self.path)

    def new_id(self, prefix):
        self.data["serial"] += 1
        tail = hashlib.sha256(f"{prefix}{self.data['serial']}".encode()).hexdigest()[:24]
        return f"{prefix}{self.data['serial']}_{tail}"

    def content_path(self, name):
        return os.path.join(self.directory, name + ".bin")

    def fault(self, operation):
        for fault in self.faults:
            if fault["on"] not in (operation, "any"):
                continue
            if fault.get("skip", 0) > 0:
                fault["skip"] -= 1
                continue
            if fault.get("times", 1) == 0:
                continue
            fault["times"] = fault.get("times", 1) - 1
            return fault
        return None


def error_body(status, reason, message):
    return json.dumps({"error": {"code": status, "message": message, "errors": [
        {"domain": "global", "reason": reason, "message": message}]}}).encode()


class Drop(Exception):
    pass


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "FakeDrive"
    timeout = 120
    disable_nagle_algorithm = True
    wbufsize = 1 << 16

    def log_message(self, *arguments):
        pass

    # -- plumbing

    @property
    def world(self):
        return self.server.world

    def do_CONNECT(self):
        context = self.server.tls
        if context is None:
            return self.answer(501, b"")
        self.connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            self.connection = context.wrap_socket(self.connection, server_side=True)
        except (ssl.SSLError, OSError):
            self.close_connection = True
            return
        self.rfile = self.connection.makefile("rb", -1)
        self.wfile = self.connection.makefile("wb", 1 << 16)
        self.close_connection = False
        self.tunnelled = True

    def finish(self):
        super().finish()
        try:
            self.connection.close()
        except OSError:
            pass

    def answer(self, status, body=b"", headers=(), kind="application/json; charset=UTF-8"):
        fault = getattr(self, "fault", None) or {}
        if fault.get("do") == "lost":
            raise Drop
        if fault.get("do") == "kill-client":
            try:
                os.kill(self.world.settings["pid"], signal.SIGKILL)
            except ProcessLookupError:
                pass
            raise Drop
        if fault.get("do") == "truncate" and status == 200:
            body = body[: fault["after"]]
        length = len(body)
        if fault.get("do") == "cut" and status == 200:
            body = body[: fault["after"]]
            self.close_connection = True
        self.send_response_only(status)
        names = {name.lower() for name, _ in headers}
        if status not in (204, 304):
            self.send_header("Content-Length", str(length))
        if body and "content-type" not in names:
            self.send_header("Content-Type", kind)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def reply(self, document, status=200, headers=()):
        self.answer(status, json.dumps(document).encode(), headers)

    def refuse(self, status, reason, message=None, headers=()):
        self.answer(status, error_body(status, reason, message or reason), headers)

    def body(self, limit=1 << 22):
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            content = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                content += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            content = self.rfile.read(min(int(self.headers.get("Content-Length") or 0), limit))
        return gzip.decompress(content) if self.headers.get("Content-Encoding") == "gzip" else content

    def handle_one_request(self):
        self.fault = None
        try:
            super().handle_one_request()
        except (Drop, ConnectionError, socket.timeout, ssl.SSLError):
            self.close_connection = True
            try:
                self.connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def route(self):
        parts = urllib.parse.urlsplit(self.path)
        self.query = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
        path = parts.path
        if path.startswith("/control/"):
            return self.control(path[len("/control/"):])
        operation, argument = self.operation(path)
        with self.world.lock:
            self.world.log.append({
                "operation": operation, "path": path, "authorized": "Authorization" in self.headers,
                "range": self.headers.get("Content-Range") or self.headers.get("Range"),
                "host": self.headers.get("Host"), "time": time.time(),
            })
            self.fault = self.world.fault(operation)
        fault = self.fault or {}
        action = fault.get("do")
        if action == "status" and not (operation == "data" and not fault.get("early")):
            self.drain(operation)
            return self.scripted(fault)
        if action == "huge":
            self.drain(operation)
            return self.answer(200, b'{"x":"' + b"a" * fault["size"] + b'"}')
        if action in ("drop", "silence") and operation not in ("data", "download"):
            self.drain(operation)
            if action == "silence":
                time.sleep(fault.get("seconds", 30))
            raise Drop
        getattr(self, "on_" + operation)(argument)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = route

    def drain(self, operation):
        remaining = int(self.headers.get("Content-Length") or 0)
        while remaining > 0 and operation != "data":
            piece = self.rfile.read(min(remaining, 1 << 16))
            if not piece:
                break
            remaining -= len(piece)
        if operation == "data":
            self.close_connection = True

    def scripted(self, fault):
        headers = list((fault.get("headers") or {}).items())
        if "reason" in fault:
            return self.refuse(fault["status"], fault["reason"], fault.get("message"), headers)
        body = fault.get("body", "").encode()
        self.answer(fault["status"], body, headers, kind="text/html; charset=UTF-8")

    def operation(self, path):
        if path == "/token":
            return "token", None
        if path == "/drive/v3/about":
            return "about", None
        if path == "/drive/v3/files/generateIds":
            return "ids", None
        if path in ("/drive/v3/files", "/drive/v3/files/"):
            return ("create", None) if self.command == "POST" else ("list", None)
        match = re.fullmatch(r"/drive/v3/files/([^/]+)", path)
        if match:
            if self.command == "GET":
                return ("download" if self.query.get("alt") == "media" else "get"), match[1]
            return {"DELETE": "delete", "PATCH": "patch"}.get(self.command, "unknown"), match[1]
        match = re.fullmatch(r"(?:/resumable)?/upload/drive/v3/files(?:/([^/]+))?", path)
        if match:
            if "upload_id" in self.query and self.command in ("PUT", "POST", "DELETE"):
                if self.command == "DELETE":
                    return "cancel", self.query["upload_id"]
                sent = self.headers.get("Content-Range", "")
                return ("query" if sent.startswith("bytes */") else "data"), self.query["upload_id"]
            if self.query.get("uploadType") == "resumable":
                return "initiate", match[1]
            if self.query.get("uploadType") == "multipart":
                return "multipart", None
        return "unknown", path

    def on_unknown(self, path):
        self.drain("unknown")
        self.refuse(404, "notFound", "no such method")

    # -- control

    def control(self, what):
        document = json.loads(self.body(1 << 26) or b"null")
        if what == "open":
            server = start(document["state"], 0, self.server.tls)
            return self.reply({"port": server.server_address[1]})
        with self.world.lock:
            world = self.world
            if what == "faults":
                world.faults = document
            elif what == "reset":
                for name in os.listdir(world.directory):
                    os.unlink(os.path.join(world.directory, name))
                lock = world.lock
                world.__init__(world.directory)
                world.lock = lock
            elif what == "set":
                for key, value in document.items():
                    (world.data if key in world.data else world.settings)[key] = value
                world.save()
            elif what == "expire-tokens":
                world.data["tokens"] = []
            elif what == "tamper":
                file = world.data["files"][document["id"]]
                if "content" in document:
                    content = base64.b64decode(document["content"])
                    with open(world.content_path(document["id"]), "wb") as out:
                        out.write(content)
                    self.measure(file, content)
                file.update(document.get("members", {}))
                file["appProperties"].update(document.get("properties", {}))
                world.save()
            elif what == "state":
                pass
            else:
                return self.answer(404)
            return self.reply({
                "files": list(world.data["files"].values()), "sessions": world.data["sessions"], "log": world.log,
                "sent": world.data["sent"], "faults": world.faults,
            })

    # -- OAuth

    def on_token(self, _):
        form = dict(urllib.parse.parse_qsl(self.body().decode()))
        with self.world.lock:
            data = self.world.data
            if form.get("grant_type") == "refresh_token":
                if (form.get("client_id"), form.get("client_secret")) != (data["client"], data["secret"]):
                    return self.reply({"error": "invalid_client", "error_description": "The OAuth client was not found."}, 401)
                if form.get("refresh_token") != data["refresh"]:
                    return self.reply(
                        {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}, 400)
            elif form.get("grant_type") == "urn:ietf:params:oauth:grant-type:jwt-bearer":
                problem = self.check_assertion(form.get("assertion", ""))
                if problem:
                    return self.reply({"error": "invalid_grant", "error_description": problem}, 400)
            else:
                return self.reply({"error": "unsupported_grant_type"}, 400)
            token = "ya29." + self.world.new_id("access-")
            data["tokens"].append(token)
            self.world.save()
            answer = {"access_token": token, "expires_in": self.world.settings.get("expires_in", 3599),
                      "token_type": "Bearer", "scope": "https://www.googleapis.com/auth/drive.file"}
            answer.update(self.world.settings.get("token_extra", {}))
            self.reply(answer)

    def check_assertion(self, assertion):
        import subprocess, tempfile
        try:
            head, claims, signature = assertion.split(".")
            pad = lambda text: base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            header, body = json.loads(pad(head)), json.loads(pad(claims))
        except ValueError:
            return "Invalid JWT"
        if header.get("alg") != "RS256" or "=" in assertion:
            return "Invalid JWT"
        if body.get("aud") != "https://oauth2.googleapis.com/token" or not 0 < body["exp"] - body["iat"] <= 3600:
            return "Invalid JWT: Token must be a short-lived token"
        with tempfile.TemporaryDirectory() as folder:
            for name, content in (("s", pad(signature)), ("m", f"{head}.{claims}".encode()),
                                  ("k", self.world.settings["public_key"].encode())):
                with open(os.path.join(folder, name), "wb") as file:
                    file.write(content)
            result = subprocess.run(
                ["openssl", "dgst", "-sha256", "-verify", f"{folder}/k", "-signature", f"{folder}/s", f"{folder}/m"],
                capture_output=True)
        return None if result.returncode == 0 else "Invalid JWT Signature."

    def allowed(self):
        token = self.headers.get("Authorization", "")
        with self.world.lock:
            if token.startswith("Bearer ") and token[7:] in self.world.data["tokens"]:
                return True
        self.drain("any")
        self.refuse(401, "authError", "Request had invalid authentication credentials.",
                    [("WWW-Authenticate", 'Bearer realm="https://accounts.google.com/"')])
        return False

    # -- metadata

    def measure(self, file, content):
        file["size"] = str(len(content))
        file["md5Checksum"] = hashlib.md5(content).hexdigest()
        file["sha256Checksum"] = hashlib.sha256(content).hexdigest()

    def is_trashed(self, file):
        """In the trash, or a folder above it is: Drive tells the two alike."""
        above = (self.world.data["files"].get(parent) for parent in file["parents"])
        return file["trashed"] or any(self.is_trashed(parent) for parent in above if parent)

    def shown(self, file, fields):
        document = {"kind": "drive#file", "id": file["id"], "name": file["name"], "mimeType": file["mimeType"]}
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(file["created"]))
        full = dict(file, kind="drive#file", createdTime=stamp + ".000Z", modifiedTime=stamp + ".000Z",
                    trashed=self.is_trashed(file))
        full.pop("created")
        if (self.fault or {}).get("do") == "nochecksum":
            for name in ("md5Checksum", "sha256Checksum"):
                full.pop(name, None)
        if not fields:
            return document
        if fields == "*":
            return full
        wanted = {part.strip().split("(")[0].split("/")[0] for part in re.split(r",(?![^(]*\))", fields)}
        return {name: value for name, value in full.items() if name in wanted}

    def on_about(self, _):
        if not self.allowed():
            return
        if not self.query.get("fields"):
            return self.refuse(400, "required", "The 'fields' parameter is required for this method.")
        settings = self.world.settings
        quota = {"usage": str(settings["usage"]), "usageInDrive": str(settings["usage"])}
        if settings["limit"] is not None:
            quota["limit"] = str(settings["limit"])
        self.reply({"storageQuota": quota, "user": {"displayName": "Fake", "permissionId": "1"}, "kind": "drive#about"})

    def on_ids(self, _):
        if not self.allowed():
            return
        with self.world.lock:
            ids = [self.world.new_id("1r") for _ in range(int(self.query.get("count", 10)))]
            self.world.data["ids"] += ids
            self.world.save()
        self.reply({"kind": "drive#generatedIds", "space": "drive", "ids": ids})

    def on_get(self, file_id):
        if not self.allowed():
            return
        with self.world.lock:
            if file_id == "root":
                file_id = "root"
                return self.reply(self.shown({"id": "root0", "name": "My Drive", "mimeType": FOLDER, "parents": [],
                                              "created": 0, "trashed": False}, self.query.get("fields")))
            file = self.world.data["files"].get(file_id)
            if not file or (file.get("driveId") and self.query.get("supportsAllDrives") != "true"):
                return self.refuse(404, "notFound", f"File not found: {file_id}.")
            self.reply(self.shown(file, self.query.get("fields")))

    def matches(self, file, query):
        token = re.compile(r"\s*(and\b|[A-Za-z]+|!=|=|\{|\}|\(|\)|'(?:\\.|[^'\\])*')")
        words, position = [], 0
        while position < len(query.rstrip()):
            match = token.match(query, position)
            if not match:
                raise ValueError(query)
            words.append(match[1])
            position = match.end()
        literal = lambda word: re.sub(r"\\(.)", r"\1", word[1:-1])
        properties = file.get("appProperties") or {}
        result = True
        words = [word for word in words if word not in ("(", ")")]
        while words:
            if words[0].startswith("'") and words[1:3] == ["in", "parents"]:
                parent = literal(words[0])
                result &= parent in file["parents"] or (parent in ("root", "root0") and "root" in file["parents"])
                words = words[3:]
            elif words[0] == "trashed" and words[1] in ("=", "!="):
                result &= self.is_trashed(file) == ((words[2] == "true") == (words[1] == "="))
                words = words[3:]
            elif words[0] in ("name", "mimeType") and words[1] in ("=", "!="):
                result &= (file[words[0]] == literal(words[2])) == (words[1] == "=")
                words = words[3:]
            elif words[:3] == ["appProperties", "has", "{"]:
                key, value = literal(words[5]), literal(words[9])
                result &= properties.get(key) == value
                words = words[11:]
            else:
                raise ValueError(query)
            if words:
                if words[0] not in ("and", "or"):
                    raise ValueError(query)
                words = words[1:]
        return result

    def on_list(self, _):
        if not self.allowed():
            return
        fault = self.fault or {}
        action = fault.get("do")
        with self.world.lock:
            query = self.query.get("q", "")
            try:
                found = [f for f in self.world.data["files"].values() if self.matches(f, query)]
            except (ValueError, IndexError):
                return self.refuse(400, "invalid", "Invalid Value")
            if self.query.get("includeItemsFromAllDrives") != "true" or self.query.get("supportsAllDrives") != "true":
                found = [f for f in found if not f.get("driveId")]
            if self.query.get("corpora") == "drive":
                found = [f for f in found if f.get("driveId") == self.query.get("driveId")]
            found.sort(key=lambda f: (-f["created"], f["id"]))
            settings = self.world.settings
            if action == "pages":
                settings["page_cap"], settings["empty_pages"] = fault["cap"], fault.get("empty", 0)
            cap = min(int(self.query.get("pageSize", 100)), settings.get("page_cap", 1000))
            empty = settings.get("empty_pages", 0)
            page = self.query.get("pageToken", "0")
            index = int(page) if page.isdigit() else 0
            document = {"kind": "drive#fileList", "incompleteSearch": action == "incomplete"}
            inner = re.search(r"files\(([^)]*)\)", self.query.get("fields", ""))
            fields = inner[1] if inner else None
            if index < empty:
                document["files"], following = [], index + 1
            else:
                start = (index - empty) * cap
                document["files"] = [self.shown(f, fields) for f in found[start:start + cap]]
                following = index + 1 if start + cap < len(found) else None
            if action == "loop":
                following = 7
            if following is not None and "nextPageToken" in self.query.get("fields", "nextPageToken"):
                document["nextPageToken"] = str(following)
            self.reply(document)

    def on_create(self, _):
        if not self.allowed():
            return
        document = json.loads(self.body())
        with self.world.lock:
            problem = self.place(document)
            if problem:
                return self.refuse(*problem)
            file = self.make(document, document.get("id") or self.world.new_id("1c"))
            if file["mimeType"] != FOLDER:
                open(self.world.content_path(file["id"]), "wb").close()
                self.measure(file, b"")
            self.world.save()
            self.reply(self.shown(file, self.query.get("fields")))

    def place(self, document):
        """What is wrong with a new file's metadata, if anything."""
        data = self.world.data
        for key, value in (document.get("appProperties") or {}).items():
            if len((key + value).encode()) > 124:
                return 400, "invalid", "property too long"
        if len(document.get("appProperties") or {}) > 30:
            return 400, "invalid", "too many properties"
        if "id" in document:
            if document["id"] in data["files"]:
                return 409, "fileIdInUse", "A file already exists with the provided ID."
            if document["id"] not in data["ids"]:
                return 400, "invalid", "The provided file ID is not usable."
        for parent in document.get("parents") or []:
            if parent in ("root", "root0"):
                continue
            folder = data["files"].get(parent)
            if not folder or (folder.get("driveId") and self.query.get("supportsAllDrives") != "true"):
                return 404, "notFound", f"File not found: {parent}."
        return None

    def make(self, document, file_id):
        parents = document.get("parents") or ["root"]
        file = {
            "id": file_id, "name": document.get("name", "Untitled"),
            "mimeType": document.get("mimeType", "application/octet-stream"), "parents": parents, "trashed": False,
            "appProperties": document.get("appProperties") or {}, "created": time.time(),
        }
        drive = self.world.data["files"].get(parents[0], {}).get("driveId")
        if drive:
            file["driveId"] = drive
        self.world.data["files"][file_id] = file
        return file

    def on_patch(self, file_id):
        if not self.allowed():
            return
        document = json.loads(self.body() or b"{}")
        with self.world.lock:
            file = self.world.data["files"].get(file_id)
            if not file:
                return self.refuse(404, "notFound", f"File not found: {file_id}.")
            for key in ("name", "trashed"):
                if key in document:
                    file[key] = document[key]
            file["appProperties"].update(document.get("appProperties") or {})
            self.world.save()
            self.reply(self.shown(file, self.query.get("fields")))

    def on_delete(self, file_id):
        if not self.allowed():
            return
        with self.world.lock:
            file = self.world.data["files"].pop(file_id, None)
            if not file:
                return self.refuse(404, "notFound", f"File not found: {file_id}.")
            try:
                os.unlink(self.world.content_path(file_id))
            except FileNotFoundError:
                pass
            self.world.save()
            self.answer(204)

    # -- upload

    def root(self):
        host = self.headers.get("Host", "")
        return ("https://" if getattr(self, "tunnelled", False) else "http://") + host

    def on_initiate(self, update):
        if not self.allowed():
            return
        document = json.loads(self.body() or b"{}")
        fault = self.fault or {}
        with self.world.lock:
            if self.world.settings["service_account"]:
                return self.refuse(403, "storageQuotaExceeded", "Service Accounts do not have storage quota.")
            problem = None if update else self.place(document)
            if problem:
                return self.refuse(*problem)
            session = self.world.new_id("session-")
            size = self.headers.get("X-Upload-Content-Length")
            self.world.data["sessions"][session] = {
                "document": document, "update": update, "size": int(size) if size else None, "stored": 0, "state": "open",
                "fields": self.query.get("fields"),
            }
            open(self.world.content_path(session), "wb").close()
            self.world.save()
        uri = f"{self.root()}/upload/drive/v3/files?uploadType=resumable&upload_id={session}"
        if fault.get("do") == "location":
            uri = fault["location"]
        headers = [] if fault.get("do") == "nolocation" else [("Location", uri)]
        self.answer(200, b"", headers + [("X-GUploader-UploadID", session)])

    def session(self, name):
        session = self.world.data["sessions"].get(name)
        fault = self.fault or {}
        if fault.get("do") == "gone":
            if session:
                session["state"] = "dead"
                self.world.save()
            return self.hopeless(fault.get("status", 410))
        if not session:
            return self.hopeless(404)
        if session["state"] == "dead":
            return self.hopeless(410)
        return session

    def hopeless(self, status):
        self.drain("data" if int(self.headers.get("Content-Length") or 0) else "query")
        self.answer(status, b"Not Found" if status == 404 else b"Gone", kind="text/plain; charset=utf-8")

    def on_cancel(self, name):
        with self.world.lock:
            session = self.world.data["sessions"].get(name)
            if session:
                session["state"] = "dead"
            self.answer(499, b"")

    def status_of(self, session):
        fault = self.fault or {}
        if session["state"] == "done":
            file = self.world.data["files"].get(session["file"])
            if not file:
                return self.answer(404, b"Not Found", kind="text/plain")
            return self.reply(self.shown(file, session["fields"]))
        if fault.get("do") == "badrange":
            return self.answer(308, b"", [("Range", fault["range"])])
        headers = [("Range", f"bytes=0-{session['stored'] - 1}")] if session["stored"] else []
        self.answer(308, b"", headers)

    def on_query(self, name):
        with self.world.lock:
            session = self.session(name)
            if not session:
                return
            if (self.fault or {}).get("do") == "norange":
                self.cut(session, name, 0)
            total = self.headers["Content-Range"].split("/")[1]
            if total != "*" and session["state"] == "open" and session["stored"] == int(total):
                self.complete(session, name)
            self.status_of(session)

    def cut(self, session, name, length):
        session["stored"] = length
        os.truncate(self.world.content_path(name), length)
        self.world.save()

    def on_data(self, name):
        fault = self.fault or {}
        action = fault.get("do")
        with self.world.lock:
            if action == "trash-folder":
                self.world.data["files"]["folder0"]["trashed"] = True
            session = self.session(name)
            if not session:
                return
            length = int(self.headers.get("Content-Length") or 0)
            sent = self.headers.get("Content-Range")
            if sent:
                match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", sent)
                if not match or int(match[2]) - int(match[1]) + 1 != length:
                    self.drain("data")
                    return self.answer(400, b"Failed to parse Content-Range header.", kind="text/plain")
                first, total = int(match[1]), match[3]
                total = None if total == "*" else int(total)
            else:
                first, total = 0, length
            final = total is not None and first + length == total
            stored = session["stored"]
        if session["state"] == "done":
            self.drain("data")
            return self.status_of(session)
        if first > stored:
            text = ("Invalid request.  According to the Content-Range header, the upload offset is "
                    f"{first} byte(s), which exceeds already uploaded size of {stored} byte(s).")
            self.drain("data")
            return self.answer(503, text.encode(), kind="text/plain; charset=utf-8")
        if not final and length < UNIT:
            self.drain("data")
            return self.answer(400, b"Invalid request.  The number of bytes uploaded is required to be equal or greater "
                               b"than 262144, except for the final request", kind="text/plain; charset=utf-8")
        if session["size"] is not None and total is not None and total != session["size"]:
            self.drain("data")
            return self.answer(400, b"total differs from X-Upload-Content-Length", kind="text/plain")
        limit = min(length, fault["after"]) if action in ("drop", "silence") else length
        received = self.receive(name, session, first, limit)
        whole = received == length
        kept = first + received
        if not whole or (not final and kept % UNIT):
            kept = kept // UNIT * UNIT
        if "keep" in fault:
            kept = {"none": stored, "all": first + received}.get(fault["keep"])
            if kept is None:
                kept = first + int(fault["keep"])
        with self.world.lock:
            self.cut(session, name, max(stored, kept))
            if action == "norange":
                self.cut(session, name, 0)
                return self.answer(308, b"")
            if action in ("drop", "silence"):
                if action == "silence":
                    self.world.save()
            elif action == "status":
                return self.scripted(fault)
            elif whole and final and session["stored"] == total:
                self.complete(session, name)
                if action == "truncate":
                    session["fields"] = "*"
        if action == "silence":
            time.sleep(fault.get("seconds", 30))
        if action in ("drop", "silence") or not whole:
            raise Drop
        self.status_of(session)

    def receive(self, name, session, first, length):
        received = 0
        with open(self.world.content_path(name), "r+b") as out:
            out.seek(first)
            while received < length:
                piece = self.rfile.read1(min(length - received, 1 << 20))
                if not piece:
                    break
                out.write(piece)
                received += len(piece)
        with self.world.lock:
            self.world.data["sent"] += received
        return received

    def complete(self, session, name):
        document = session["document"]
        data = self.world.data
        file_id = session["update"] or document.get("id") or self.world.new_id("1u")
        if document.get("id") in data["files"] and not session["update"]:
            session["state"] = "dead"
            return
        with open(self.world.content_path(name), "rb") as file:
            content = file.read()
        if (self.fault or {}).get("do") == "corrupt":
            middle = len(content) // 2
            content = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1:]
        file = data["files"].get(file_id) if session["update"] else self.make(document, file_id)
        with open(self.world.content_path(file_id), "wb") as out:
            out.write(content)
        self.measure(file, content)
        session.update(state="done", file=file_id)
        self.world.save()

    def on_multipart(self, _):
        if not self.allowed():
            return
        self.drain("any")
        self.refuse(400, "invalid", "this stand-in has resumable uploads only")

    # -- download

    def on_download(self, file_id):
        if not self.allowed():
            return
        fault = self.fault or {}
        action = fault.get("do")
        with self.world.lock:
            file = self.world.data["files"].get(file_id)
            if not file or file["mimeType"] == FOLDER:
                return self.refuse(404, "notFound", f"File not found: {file_id}.")
            with open(self.world.content_path(file_id), "rb") as source:
                content = source.read()
        if file.get("abusive") and self.query.get("acknowledgeAbuse") != "true":
            return self.refuse(403, "cannotDownloadAbusiveFile", "This file has been identified as malware or spam")
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        start, status, headers = 0, 200, []
        if match and action != "ignorerange":
            start = int(match[1])
            if start >= len(content):
                return self.answer(416, b"", [("Content-Range", f"bytes */{len(content)}")])
            end = min(int(match[2] or len(content)), len(content) - 1)
            status = 206
            shown = start + 1 if action == "wrongrange" else start
            headers = [("Content-Range", f"bytes {shown}-{end}/{len(content)}")]
            content = content[start:end + 1]
        if action == "corrupt" and content:
            content = content[:-1] + bytes([content[-1] ^ 1])
        if action == "more":
            content += b"more"
        limit = fault["after"] if action in ("drop", "silence") else len(content)
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Type", file["mimeType"])
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content[:limit])
        self.wfile.flush()
        if action == "silence":
            time.sleep(fault.get("seconds", 30))
        if limit < len(content):
            raise Drop


class Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def handle_error(self, request, address):
        if not isinstance(sys.exc_info()[1], (ConnectionError, ssl.SSLError, OSError)):
            super().handle_error(request, address)


def start(directory, port, tls):
    server = Server(("127.0.0.1", port), Handler)
    server.world, server.tls = World(directory), tls
    threading.Thread(target=server.serve_forever, args=(5,), daemon=True).start()
    return server


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--state", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--tls")
    arguments = parser.parse_args()
    tls = None
    if arguments.tls:
        hosts = "DNS:www.googleapis.com,DNS:oauth2.googleapis.com,DNS:localhost,IP:127.0.0.1"
        certificates.make(arguments.tls, [("server", hosts)])
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(os.path.join(arguments.tls, "server.pem"))
    server = start(arguments.state, arguments.port, tls)
    print(json.dumps({"port": server.server_address[1]}), flush=True)
    # The parent's end: when it goes, so does this.
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
