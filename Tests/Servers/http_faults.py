"""An HTTP server that misbehaves on request, for the tests of the HTTP client. Usage: http_faults.py FOLDER

Prints one JSON line with its ports: http, https (certificate for localhost, 127.0.0.1 and ::1), wrongname (certificate for another
host), proxy (CONNECT, logged) and locked (a proxy that answers 407). It ends when its standard input does.
"""
import hashlib
import json
import os
import socket
import ssl
import struct
import sys
import threading
import time

import certificates

COUNTS = {}
LOG = []
LOCK = threading.Lock()


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def read_request(stream):
    line = stream.readline(65536)
    if not line:
        return None
    method, target, _ = line.decode("latin-1").split(" ", 2)
    headers = {}
    while True:
        line = stream.readline(65536)
        if line in (b"\r\n", b"\n", b""):
            break
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    return method, target, headers


def read_body(stream, headers):
    if headers.get("transfer-encoding") == "chunked":
        body = b""
        while True:
            size = int(stream.readline().strip(), 16)
            body += stream.read(size)
            stream.readline()
            if size == 0:
                return body
    return stream.read(int(headers.get("content-length", 0)))


def answer(connection, status, body=b"", headers=()):
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers]
    connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


def serve(connection):
    stream = connection.makefile("rb")
    while True:
        request = read_request(stream)
        if request is None:
            return
        method, target, headers = request
        path, _, query = target.partition("?")
        with LOCK:
            COUNTS[path] = COUNTS.get(path, 0) + 1
        if path == "/silence":
            time.sleep(600)
        if path == "/slow-read":
            while stream.read(1):
                time.sleep(1)
        body = read_body(stream, headers)
        if path == "/count":
            answer(connection, 200, str(COUNTS.get(query, 0)).encode())
        elif path == "/log":
            answer(connection, 200, json.dumps(LOG).encode())
        elif path == "/echo":
            told = {"method": method, "headers": headers, "length": len(body), "sha256": hashlib.sha256(body).hexdigest(),
                    "target": target}
            answer(connection, 200, json.dumps(told).encode(), ["Content-Type: application/json", "X-Mixed-Case:  kept "])
        elif path == "/body":
            answer(connection, 200, b"x" * int(query))
        elif path == "/cut-body":
            connection.sendall(b"HTTP/1.1 200 X\r\nContent-Length: 1000\r\n\r\n0123456789")
            return
        elif path == "/cut-chunked":
            connection.sendall(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
            return
        elif path == "/cut-headers":
            connection.sendall(b"HTTP/1.1 200 X\r\nContent-Le")
            return
        elif path.startswith("/reset"):
            reset(connection)
            return
        elif path == "/trickle":
            connection.sendall(b"HTTP/1.1 200 X\r\nContent-Length: 1000\r\n\r\n")
            for _ in range(1000):
                connection.sendall(b".")
                time.sleep(0.5)
        elif path == "/huge":
            connection.sendall(b"HTTP/1.1 200 X\r\nContent-Length: 10000000000\r\n\r\n")
            while True:
                connection.sendall(b"x" * 65536)
        elif path == "/huge-headers":
            connection.sendall(b"HTTP/1.1 200 X\r\n")
            while True:
                connection.sendall(b"X-Filler: " + b"y" * 1000 + b"\r\n")
        elif path == "/long-header":
            connection.sendall(b"HTTP/1.1 200 X\r\nX-Filler: " + b"y" * (2 << 20) + b"\r\n\r\n")
        elif path == "/garbage":
            connection.sendall(b"\x00\x01garbage that is not HTTP\r\n\r\n" * 100)
            return
        elif path.startswith("/status/"):
            answer(connection, int(path.split("/")[2]), b"said so", [query] if query else [])
        else:
            answer(connection, 404, b"no such page")


def tunnel(connection, locked):
    request = read_request(connection.makefile("rb", buffering=0))
    if request is None:
        return
    method, target, headers = request
    with LOCK:
        LOG.append({"method": method, "target": target, "authorization": headers.get("authorization")})
    if locked or method != "CONNECT":
        answer(connection, 407 if locked else 405)
        return
    host, _, port = target.rpartition(":")
    # Names of the test's own are all served here, as a real proxy resolves them by itself.
    other = socket.create_connection(("127.0.0.1", int(port)))
    connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")

    def pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    back = threading.Thread(target=pump, args=(other, connection), daemon=True)
    back.start()
    pump(connection, other)
    back.join()


def guarded(handler, connection):
    try:
        handler(connection)
    except (OSError, ValueError):
        pass
    finally:
        try:
            connection.close()
        except OSError:
            pass


def listen(handler, context=None):
    server = socket.create_server(("127.0.0.1", 0), backlog=50)

    def handle(connection):
        if context:
            try:
                connection = context.wrap_socket(connection, server_side=True)
            except OSError:
                return
        guarded(handler, connection)

    def loop():
        while True:
            connection, _ = server.accept()
            threading.Thread(target=handle, args=(connection,), daemon=True).start()

    threading.Thread(target=loop, daemon=True).start()
    return server.getsockname()[1]


def tls(folder, name):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.path.join(folder, name + ".pem"))
    return context


def main():
    folder = sys.argv[1]
    certificates.make(folder, [
        ("good", "DNS:localhost,DNS:service.test,IP:127.0.0.1,IP:::1"), ("wrong", "DNS:elsewhere.test")])
    print(json.dumps({
        "http": listen(serve),
        "https": listen(serve, tls(folder, "good")),
        "wrongname": listen(serve, tls(folder, "wrong")),
        "proxy": listen(lambda connection: tunnel(connection, False)),
        "locked": listen(lambda connection: tunnel(connection, True)),
    }), flush=True)
    sys.stdin.read()
    os._exit(0)


main()
