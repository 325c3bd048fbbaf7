"""A Telegram Bot API on loopback, with faults, for tests; python-telegram-bot is held against it in prove_fake_telegram.py.

Prints {"port": N} and ends when its standard input does. It knows one bot, whose token is `--token`, and answers getMe and
sendMessage as the real server does (tdlib/telegram-bot-api), JSON and form bodies alike. The same port takes orders:

    POST /control/faults   a JSON list, one fault for each sendMessage to come, or null, which forgets them:
        {"status": 429, "retry_after": 3}   {"status": 502}   {"status": 400, "description": "…"}   {"status": 403, …}
        {"cut": "before"}   close without an answer, nothing delivered
        {"cut": "after"}    deliver, then close without an answer
        {"garbage": true}   200 with a page that is not JSON
        {"answer": "…"}     200, or the given "status", with that body, nothing delivered
        {"redirect": "URL"} 307 to another server
    POST /control/chats    {"id": "new id" or null, …}: chats that migrated, or are known as they are
    GET  /control/messages everything delivered, in order: [{"chat": …, "text": …}]
    GET  /control/requests what arrived at sendMessage: [{"chat": …, "fault": …}]
"""
import argparse
import http.server
import json
import os
import sys
import threading
import urllib.parse

LOCK = threading.Lock()
MESSAGES, REQUESTS, FAULTS = [], [], []
CHATS = {"-1001": None, "@channel": None}
TOKEN = ""


def utf16_length(text):
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, headers=()):
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html" if isinstance(body, bytes) else "application/json")
        self.send_header("Content-Length", str(len(raw)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(raw)

    def error(self, status, description, parameters=None, headers=()):
        body = {"ok": False, "error_code": status, "description": description}
        if parameters:
            body["parameters"] = parameters
        self.answer(status, body, headers)

    def body(self):
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if "json" in (self.headers.get("Content-Type") or ""):
            return json.loads(raw)
        return dict(urllib.parse.parse_qsl(raw.decode()))

    def do_GET(self):
        if self.path == "/control/messages":
            with LOCK:
                return self.answer(200, MESSAGES)
        if self.path == "/control/requests":
            with LOCK:
                return self.answer(200, REQUESTS)
        self.api({})

    def do_POST(self):
        body = self.body()
        with LOCK:
            if self.path == "/control/faults":
                if body is None:
                    FAULTS.clear()
                FAULTS.extend(body or [])
                return self.answer(200, {})
            if self.path == "/control/chats":
                CHATS.update(body)
                return self.answer(200, {})
        self.api(body)

    def api(self, body):
        parts = self.path.split("/")
        # A path that is no method at all is Not Found, as is a token that is not even shaped like one.
        if len(parts) != 3 or not parts[1].startswith("bot"):
            return self.error(404, "Not Found")
        number, colon, secret = parts[1][3:].partition(":")
        if not number.isdigit() or not colon or len(secret) < 20:
            return self.error(404, "Not Found")
        if parts[1][3:] != TOKEN:
            return self.error(401, "Unauthorized")
        if parts[2].lower() == "getme":
            return self.answer(200, {"ok": True, "result": {
                "id": int(number), "is_bot": True, "first_name": "ops", "username": "ops_bot", "can_join_groups": True,
                "can_read_all_group_messages": False, "supports_inline_queries": False}})
        if parts[2].lower() != "sendmessage":
            return self.error(404, "Not Found")
        with LOCK:
            self.send_message(body)

    def send_message(self, body):
        chat, text = str(body.get("chat_id", "")), body.get("text", "")
        fault = FAULTS.pop(0) if FAULTS else {}
        REQUESTS.append({"chat": chat, "fault": fault})
        if fault.get("cut") == "before":
            self.close_connection = True
            return self.connection.close()
        if fault.get("garbage"):
            return self.answer(200, b"<html>Please log in to the hotel's network</html>")
        if "answer" in fault:
            return self.answer(fault.get("status", 200), fault["answer"].encode())
        if fault.get("redirect"):
            return self.answer(307, b"", [("Location", fault["redirect"])])
        status = fault.get("status")
        if status == 429:
            wait = fault.get("retry_after", 1)
            return self.error(429, f"Too Many Requests: retry after {wait}", {"retry_after": wait}, [("Retry-After", str(wait))])
        if status and status >= 500:
            return self.answer(status, b"<html><center><h1>%d</h1></center><hr><center>nginx</center></html>" % status)
        if status:
            return self.error(status, fault.get("description", "Forbidden: bot was blocked by the user"))
        if chat not in CHATS:
            return self.error(400, "Bad Request: chat not found")
        if CHATS[chat]:
            return self.error(
                400, "Bad Request: group chat was upgraded to a supergroup chat", {"migrate_to_chat_id": int(CHATS[chat])})
        if not text.strip():
            return self.error(400, "Bad Request: message text is empty")
        if utf16_length(text) > 4096:
            return self.error(400, "Bad Request: message is too long")
        MESSAGES.append({"chat": chat, "text": text})
        if fault.get("cut") == "after":
            self.close_connection = True
            return self.connection.close()
        self.answer(200, {"ok": True, "result": {
            "message_id": len(MESSAGES), "date": 1795000000, "text": text,
            "chat": {"id": int(chat) if chat.lstrip("-").isdigit() else -1002, "type": "supergroup", "title": "ops"}}})


def main():
    global TOKEN
    parser = argparse.ArgumentParser()
    parser.add_argument("--token", required=True)
    TOKEN = parser.parse_args().token
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"port": server.server_port}), flush=True)
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()
