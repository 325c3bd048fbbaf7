#!/usr/bin/env python3
"""Runs commands in a network namespace of their own and tells which connections they made. Needs root, and runs below `unshare -n`.

usage: unshare -n drill_namespace.py GIT_SERVER FOLDER -- COMMAND… [-- COMMAND…]

The namespace has a loopback and an interface with a default route to nowhere, so that a packet for any address is really sent.
GIT_SERVER serves FOLDER; beside it listens an endpoint that refreshes tokens. FOLDER/config.in becomes FOLDER/config.yaml, and
FOLDER/*.json.in in the home FOLDER/home the same without `.in`, with @GIT@ and @TOKENS@ replaced by their ports. Prints one JSON
object: for each command its code, output, errors, the connections and datagrams that were begun, the requests for tokens, and the
gateways that were seen.
"""
import fcntl
import http.server
import json
import os
import pathlib
import socket
import struct
import subprocess
import sys
import threading
import time

server, folder = sys.argv[1], pathlib.Path(sys.argv[2])
commands, current = [], None
for word in sys.argv[3:]:
    if word == "--":
        current = []
        commands.append(current)
    else:
        current.append(word)

# An interface that lives as long as this descriptor; what is sent by it ends here.
outside = open("/dev/net/tun", "r+b", buffering=0)
fcntl.ioctl(outside, 0x400454CA, struct.pack("16sH", b"out", 0x1001))  # TUNSETIFF, IFF_TUN | IFF_NO_PI
for line in ["link set lo up", "addr add 192.0.2.2/24 dev out", "-6 addr add 2001:db8::2/64 dev out nodad", "link set out up",
             "route add default dev out", "-6 route add default dev out"]:
    subprocess.run(["ip", *line.split()], check=True)

seen, requests, gateways, lock = [], [], [], threading.Lock()
IPV4, IPV6, OUTGOING = 0x0800, 0x86DD, 4


def note(packet, kind):
    if kind == IPV4:
        protocol, to, rest = packet[9], socket.inet_ntop(socket.AF_INET, packet[16:20]), packet[(packet[0] & 15) * 4:]
    elif kind == IPV6:
        protocol, to, rest = packet[6], socket.inet_ntop(socket.AF_INET6, packet[24:40]), packet[40:]
    else:
        return
    if protocol == 17:
        what = ("udp", to, struct.unpack("!H", rest[2:4])[0])
    elif protocol == 6:
        if rest[13] & 0x12 != 0x02:  # SYN without ACK
            return
        what = ("tcp", to, struct.unpack("!H", rest[2:4])[0])
    elif protocol in (0, 58):  # the kernel's own neighbour and multicast messages
        return
    else:
        what = (f"protocol {protocol}", to, 0)
    with lock:
        seen.append(what)


def watch(wire):
    while True:
        packet, (_, kind, direction, *_) = wire.recvfrom(65535)
        if direction == OUTGOING:
            note(packet, kind)


def watch_processes():
    # What else runs on this machine is none of this test's business: it is outside, where the parent is.
    outside = os.readlink(f"/proc/{os.getppid()}/ns/net")
    while True:
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                words = (process / "cmdline").read_bytes().split(b"\0")
                inside = os.readlink(process / "ns/net") != outside
            except OSError:
                continue
            if inside and b"gateway" in words:
                with lock:
                    gateways.append(b" ".join(words).decode(errors="replace"))
        time.sleep(0.02)


class Tokens(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        with lock:
            requests.append(self.path)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"access_token": "new", "refresh_token": "new"}')

    do_GET = do_POST

    def log_message(self, *_):
        pass


def swallow():
    while True:
        outside.read(65535)


wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.ntohs(3))
threading.Thread(target=swallow, daemon=True).start()
threading.Thread(target=watch, args=(wire,), daemon=True).start()
threading.Thread(target=watch_processes, daemon=True).start()
tokens = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Tokens)
threading.Thread(target=tokens.serve_forever, daemon=True).start()

# The watch sees what it should: a name's look-up, and a connection to anywhere.
probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
probe.sendto(b"x", ("203.0.113.7", 53))
probe = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
probe.setblocking(False)
probe.connect_ex(("2001:db8:1::7", 443))
time.sleep(0.3)
probe.close()  # or it would be tried again and again
control = [list(item) for item in seen]

git = subprocess.Popen([sys.executable, "-B", server, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
ports = json.loads(git.stdout.readline())
for path in [folder / "config.in", *(folder / "home").rglob("*.json.in")]:
    target = path.with_name("config.yaml") if path.name == "config.in" else path.with_suffix("")
    target.write_text(path.read_text().replace("@GIT@", str(ports["https"])).replace("@TOKENS@", str(tokens.server_port)))
    target.chmod(0o600)
    if path.name != "config.in":
        path.unlink()
results = []
for command in commands:
    with lock:
        del seen[:], requests[:], gateways[:]
    done = subprocess.run(command, capture_output=True, text=True)
    time.sleep(0.2)
    with lock:
        results.append({"code": done.returncode, "output": done.stdout, "errors": done.stderr,
                        "connections": sorted(f"{kind} {to} {port}" for kind, to, port in set(seen)),
                        "tokenRequests": list(requests), "gateways": sorted(set(gateways))})
git.stdin.close()
git.kill()
print(json.dumps({"git": f"tcp 127.0.0.1 {ports['https']}", "control": sorted(f"{kind} {to} {port}" for kind, to, port in control),
                  "runs": results}))
