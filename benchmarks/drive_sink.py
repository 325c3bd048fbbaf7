#!/usr/bin/env python3
"""The least of a Drive that an upload needs, as fast as it gets: bytes are read and thrown away, and the checksums that a file is said
to have are those that the uploader named. For speed alone; Tests/Servers/fake_drive.py is the one for right and wrong.

usage: drive_sink.py: prints {"port": N}. PUT /sink takes anything, for curl -T. POST /refuse and /accept: whether uploads may begin.
GET /span: seconds from the first request with data since the last such question to the end of the last one.
"""
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ROOM = 1 << 20
accepting = True
files, sessions, span = {}, {}, []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    rbufsize = ROOM

    def log_message(self, *arguments):
        pass

    def answer(self, status, body=None, **headers):
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def sink(self):
        rest = int(self.headers.get("Content-Length") or 0)
        if self.headers.get("Expect"):
            self.send_response_only(100)
            self.end_headers()
        room = memoryview(bytearray(ROOM))
        while rest > 0:
            count = self.rfile.readinto1(room[:min(rest, ROOM)])
            if count == 0:
                return
            rest -= count

    def do_POST(self):
        global accepting
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path in ("/refuse", "/accept"):
            accepting = self.path == "/accept"
            return self.answer(200, {})
        if self.path.startswith("/token"):
            return self.answer(200, {"access_token": "a-token", "expires_in": 3600, "token_type": "Bearer",
                                     "scope": "https://www.googleapis.com/auth/drive.file"})
        if not accepting:
            return self.answer(403, {"error": {"code": 403, "message": "no", "errors": [{"reason": "insufficientFilePermissions"}]}})
        said = json.loads(body)
        properties = said["appProperties"]
        sessions[said["id"]] = {
            "id": said["id"], "name": said["name"], "parents": said["parents"], "mimeType": "application/octet-stream",
            "size": properties["size"], "md5Checksum": properties["md5"], "sha256Checksum": properties["sha256"],
            "appProperties": properties, "trashed": False}
        self.answer(200, None, Location=f"http://127.0.0.1:{self.server.server_port}/session/{said['id']}")

    def do_PUT(self):
        span.append(time.monotonic())
        self.sink()
        span.append(time.monotonic())
        if self.path == "/sink":
            return self.answer(200, {})
        name = self.path.rsplit("/", 1)[1]
        part, total = self.headers["Content-Range"].split(" ")[1].split("/")
        last = int(part.split("-")[1])
        if last + 1 < int(total):
            return self.answer(308, None, Range=f"bytes=0-{last}")
        files[name] = sessions.pop(name)
        self.answer(200, files[name])

    def do_GET(self):
        if self.path == "/span":
            seconds = span[-1] - span[0]
            span.clear()
            return self.answer(200, seconds)
        if "/generateIds" in self.path:
            return self.answer(200, {"ids": [f"file{len(files) + len(sessions) + 1:020d}"]})
        if "/about" in self.path:
            return self.answer(200, {"storageQuota": {"usage": "0"}})
        name = self.path.split("?")[0].rsplit("/", 1)[1]
        if name == "files":
            return self.answer(200, {"files": [], "incompleteSearch": False})
        if name in files:
            return self.answer(200, files[name])
        self.answer(404, {"error": {"code": 404, "message": "not found", "errors": [{"reason": "notFound"}]}})


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
print(json.dumps({"port": server.server_port}), flush=True)
sys.stdout.close()
server.serve_forever()
