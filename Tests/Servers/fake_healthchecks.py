"""A health-check service on loopback for tests: takes pings below /ping/, and answers as the path says.

Prints {"port": N} and ends when its standard input does. /ping/CHECK… is 200 OK, /gone/… 404, /old/… 200 "OK (not found)",
/busy/… 503 the first time, then 200. GET /control/requests lists "METHOD PATH" of everything that arrived.
"""
import http.server
import json
import os
import sys
import threading

REQUESTS = []


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(200, json.dumps(REQUESTS).encode())

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        first = not any("/busy/" in line for line in REQUESTS)
        REQUESTS.append(f"POST {self.path}")
        kind = self.path.split("/")[1]
        if kind == "gone":
            return self.answer(404, b"not found")
        if kind == "old":
            return self.answer(200, b"OK (not found)")
        if kind == "busy" and first:
            return self.answer(503, b"")
        self.answer(200, b"OK")


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
print(json.dumps({"port": server.server_port}), flush=True)
sys.stdin.buffer.read()
os._exit(0)
