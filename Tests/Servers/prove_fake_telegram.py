"""Holds fake_telegram.py against python-telegram-bot, the client most bots use. Usage: prove_fake_telegram.py PORT TOKEN

Ends with 0 when the client understands every answer as it understands the real server's.
"""
import asyncio
import json
import sys
import urllib.request

import telegram
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, NetworkError, RetryAfter

BASE = f"http://127.0.0.1:{sys.argv[1]}"


def control(name, value):
    request = urllib.request.Request(
        f"{BASE}/control/{name}", json.dumps(value).encode(), {"Content-Type": "application/json"})
    urllib.request.urlopen(request).read()


async def expect(kind, send, check=lambda error: True):
    try:
        await send()
    except kind as error:
        assert check(error), error
    else:
        raise AssertionError(f"no {kind.__name__}")


async def main():
    bot = telegram.Bot(sys.argv[2], base_url=f"{BASE}/bot")
    assert (await bot.get_me()).username == "ops_bot"
    assert (await bot.send_message(-1001, "hello 🔴")).message_id == 1

    def send():
        return bot.send_message(-1001, "x")

    control("faults", [{"status": 429, "retry_after": 7}])
    await expect(RetryAfter, send, lambda error: "7" in str(error))
    control("faults", [{"status": 403}])
    await expect(Forbidden, send)
    control("faults", [{"status": 502}])
    await expect(NetworkError, send)
    control("faults", [{"cut": "before"}])
    await expect(NetworkError, send)
    await expect(BadRequest, lambda: bot.send_message(-7, "x"), lambda error: "not found" in str(error))
    await expect(BadRequest, lambda: bot.send_message(-1001, "🔴" * 2049), lambda error: "too long" in str(error))
    assert await bot.send_message(-1001, "🔴" * 2048)
    await expect(BadRequest, lambda: bot.send_message(-1001, " "), lambda error: "empty" in str(error))
    control("chats", {"-55": "-10055", "-10055": None})
    await expect(ChatMigrated, lambda: bot.send_message(-55, "x"), lambda error: error.new_chat_id == -10055)
    number = sys.argv[2].split(":")[0]
    stranger = telegram.Bot(number + ":" + "b" * 35, base_url=f"{BASE}/bot")
    await expect(InvalidToken, lambda: stranger.send_message(-1001, "x"))


asyncio.run(main())
