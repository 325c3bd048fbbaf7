"""`git http-backend` behind TLS, with rights for each token, and with faults. Usage: git_server.py FOLDER

FOLDER/repositories/NAME.git are served. FOLDER/tokens.json says {"TOKEN": {"NAME.git": "rw" or "r"}}. FOLDER/fault.json, read at each
request and removed once it is used up, says {"on": "refs" or "post", "kind": KIND, "times": N, ...}; see `Handler.fail`. FOLDER/api.json
says {"/path": {"status": 200, "headers": {}, "body": ...}} for other paths. Each request adds a line to FOLDER/log.jsonl.
Prints one JSON line with its ports, https and other (a second origin with the same certificate) and http, then ends when its
standard input does.
"""
import base64
import http.server
import json
import os
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time

import certificates

FOLDER = sys.argv[1]
LOCK = threading.Lock()


def load(name, default):
    try:
        with open(os.path.join(FOLDER, name)) as file:
            return json.load(file)
    except FileNotFoundError:
        return default


def take_fault(kind):
    with LOCK:
        fault = load("fault.json", None)
        if not fault or fault["on"] != kind:
            return None
        fault["times"] = fault.get("times", 1) - 1
        path = os.path.join(FOLDER, "fault.json")
        if fault["times"] <= 0:
            os.remove(path)
        else:
            with open(path, "w") as file:
                json.dump(fault, file)
        return fault


class Cut(Exception):
    pass


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def note(self, **details):
        with LOCK, open(os.path.join(FOLDER, "log.jsonl"), "a") as file:
            file.write(json.dumps({"port": self.server.server_address[1], "method": self.command, "path": self.path,
                                   "authorised": "Authorization" in self.headers, **details}) + "\n")

    def reply(self, status, body, content_type="text/plain; charset=UTF-8", headers=None):
        if isinstance(body, str):
            body = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def body(self, limit=None):
        """The request's body as a file; with a limit the connection is cut after so many bytes."""
        spool = tempfile.TemporaryFile()
        total = 0

        def copy(count):
            nonlocal total
            while count > 0:
                piece = self.rfile.read(min(count, 65536 if limit is None else 100))
                if not piece:
                    raise Cut()
                spool.write(piece)
                total += len(piece)
                count -= len(piece)
                if limit is not None and total >= limit:
                    raise Cut()

        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while True:
                size = int(self.rfile.readline().split(b";")[0], 16)
                copy(size)
                self.rfile.readline()
                if size == 0:
                    break
        else:
            copy(int(self.headers.get("Content-Length", 0)))
        spool.seek(0)
        return spool, total

    def do_GET(self):
        self.handle_request()

    def do_POST(self):
        self.handle_request()

    def handle_request(self):
        try:
            self.dispatch()
        except (Cut, OSError):
            self.close_connection = True

    def dispatch(self):
        path, _, query = self.path.partition("?")
        api = load("api.json", {}).get(path)
        if api:
            self.note()
            self.reply(api.get("status", 200), json.dumps(api.get("body")), "application/json", api.get("headers"))
            return
        is_post = self.command == "POST"
        self.note()
        fault = take_fault("post" if is_post else "refs")
        if fault and self.fail(fault):
            return
        name, _, rest = path.lstrip("/").partition("/")
        if not os.path.isdir(os.path.join(FOLDER, "repositories", name)) or rest not in (
                "info/refs", "git-receive-pack", "git-upload-pack"):
            self.drain()
            self.reply(404, "Repository not found.\n")
            return
        service = query.partition("service=")[2] if rest == "info/refs" else rest
        refusal = self.refusal(name, service)
        if refusal:
            self.drain()
            self.reply(*refusal)
            return
        self.backend(path, query, fault)

    def drain(self):
        if self.command == "POST":
            self.body()

    def refusal(self, name, service):
        tokens = load("tokens.json", {})
        header = self.headers.get("Authorization", "")
        challenge = {"WWW-Authenticate": 'Basic realm="GitHub"'}
        if not header.startswith("Basic "):
            return 401, "No anonymous write access.\n", "text/plain", challenge
        _, _, token = base64.b64decode(header[6:]).decode().partition(":")
        if token not in tokens:
            return (401, "Invalid username or token. Password authentication is not supported for Git operations.\n",
                    "text/plain", challenge)
        rights = tokens[token].get(name, "")
        if not rights:
            return 404, "Repository not found.\n"
        if service == "git-receive-pack" and rights != "rw":
            return 403, "Write access to repository not granted.\n"
        return None

    def fail(self, fault):
        """Misbehaves; false means that the backend is still asked, and its answer misused."""
        kind = fault["kind"]
        if kind == "silence":
            time.sleep(600)
        elif kind == "cut-request":
            self.body(limit=fault.get("after", 1000))
            raise Cut()
        elif kind == "status":
            self.drain()
            self.reply(fault["status"], fault.get("body", "nginx\n"), fault.get("type", "text/html"), fault.get("headers"))
        elif kind == "redirect":
            self.drain()
            self.reply(302, "", "text/plain", {"Location": fault["to"] + self.path})
        elif kind == "garbage":
            self.drain()
            self.reply(200, "<html>Please log in</html>", "text/html")
        elif kind == "garbage-result":
            self.drain()
            self.reply(200, "zzzz this is not a packet line", "application/x-git-receive-pack-result")
        elif kind == "garbage-advertisement":
            self.reply(200, "001f# service=git-receive-pack\n0000ffffno", "application/x-git-receive-pack-advertisement")
        elif kind == "lie":
            self.drain()
            report = b"000eunpack ok\n" + b"0017ok refs/heads/main\n" + b"0000"
            packet = b"\x01" + report
            self.reply(200, b"%04x" % (len(packet) + 4) + packet + b"0000", "application/x-git-receive-pack-result")
        else:
            return False
        return True

    def backend(self, path, query, fault):
        spool, length = self.body() if self.command == "POST" else (None, 0)
        environment = {
            "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": os.path.join(FOLDER, "repositories"), "GIT_HTTP_EXPORT_ALL": "1",
            "REMOTE_USER": "tester", "REMOTE_ADDR": "127.0.0.1", "PATH_INFO": path, "QUERY_STRING": query,
            "REQUEST_METHOD": self.command, "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(length), "GIT_CONFIG_NOSYSTEM": "1", "HOME": FOLDER,
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
        }
        child = subprocess.Popen(["git", "http-backend"], stdin=spool or subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL, env=environment, start_new_session=True)
        try:
            output = child.stdout.read()
        finally:
            # A backend whose body is short spins for ever: its whole group ends.
            try:
                os.killpg(child.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            child.wait()
        head, _, body = output.partition(b"\r\n\r\n")
        status, headers, content_type = 200, {}, "text/plain"
        for line in head.decode("latin-1").split("\r\n"):
            name, _, value = line.partition(": ")
            if name == "Status":
                status = int(value.split()[0])
            elif name == "Content-Type":
                content_type = value
            elif name:
                headers[name] = value
        kind = fault["kind"] if fault else None
        if kind == "lost-answer":
            raise Cut()
        if kind == "lost-in-503":
            self.reply(503, "upstream went away\n", "text/html")
            return
        if kind == "cut-answer":
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[:len(body) // 2])
            raise Cut()
        if kind == "slow-answer":
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            for index in range(len(body)):
                self.wfile.write(body[index:index + 1])
                self.wfile.flush()
                time.sleep(fault.get("delay", 0.02))
            return
        self.reply(status, body, content_type, headers)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


class TLSServer(Server):
    def __init__(self, address, handler, context):
        super().__init__(address, handler)
        self.context = context

    def finish_request(self, request, client_address):
        # The handshake belongs into the connection's own thread.
        super().finish_request(self.context.wrap_socket(request, server_side=True), client_address)


def serve(server):
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def main():
    certificates.make(FOLDER, [("server", "DNS:localhost,IP:127.0.0.1")])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # libgit2's own TLS cannot speak to such a server; ours must.
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(os.path.join(FOLDER, "server.pem"))
    os.makedirs(os.path.join(FOLDER, "repositories"), exist_ok=True)
    print(json.dumps({
        "https": serve(TLSServer(("127.0.0.1", 0), Handler, context)),
        "other": serve(TLSServer(("127.0.0.1", 0), Handler, context)),
        "http": serve(Server(("127.0.0.1", 0), Handler)),
    }), flush=True)
    sys.stdin.read()
    os._exit(0)


main()
