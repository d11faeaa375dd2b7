"""Drives Chromium by its DevTools protocol. See scripts/check-docs."""

import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import websocket

DEADLINE = time.monotonic() + 60


class Page:
    def __init__(self, address):
        self.socket = websocket.create_connection(address, timeout=10, suppress_origin=True)
        self.sent = 0
        self.errors = []

    def call(self, method, **parameters):
        self.sent += 1
        self.socket.send(json.dumps({"id": self.sent, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.socket.recv())
            if message.get("id") == self.sent:
                if "error" in message:
                    sys.exit(f"{method}: {message['error']}")
                return message["result"]
            self.note(message)

    def note(self, message):
        event, about = message.get("method"), message.get("params", {})
        if event == "Runtime.exceptionThrown":
            self.errors.append(about["exceptionDetails"].get("exception", {}).get("description", str(about)))
        elif event == "Runtime.consoleAPICalled" and about["type"] in ("error", "assert"):
            self.errors.append(str(about["args"]))
        elif event == "Log.entryAdded" and about["entry"]["level"] == "error":
            self.errors.append(f"{about['entry']['text']} {about['entry'].get('url', '')}")

    def value(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in result:
            sys.exit(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def until(self, expression):
        while not (value := self.value(expression)):
            if time.monotonic() > DEADLINE:
                sys.exit(f"in vain: {expression}; the console says {self.errors or 'nothing'}")
            time.sleep(0.1)
        return value


def check(page, url):
    for domain in ("Runtime", "Log", "Page"):
        page.call(f"{domain}.enable")
    page.call("Page.navigate", url=url)
    page.until("document.querySelectorAll('.operation').length > 0")
    listed = page.value("""[...document.querySelectorAll('.operation > summary')].map((summary) =>
        `${summary.querySelector('.method').textContent} ${summary.querySelector('.path').textContent}`)""")

    with urllib.request.urlopen(re.sub(r"/docs$", "/openapi.json", url)) as response:
        paths = json.load(response)["paths"]
    described = [f"{verb.upper()} {path}" for path, item in paths.items() for verb in item]
    if sorted(listed) != sorted(described):
        sys.exit(f"listed: {sorted(listed)}\ndescribed: {sorted(described)}")

    # Each is written when it is opened.
    page.value("document.querySelectorAll('.operation').forEach((operation) => { operation.open = true })")
    page.until("[...document.querySelectorAll('.operation')].every((operation) => operation.querySelector('form'))")
    page.value("document.querySelector('#getHealth form button').click()")
    page.until("document.querySelector('#getHealth .status') !== null")
    status = page.value("document.querySelector('#getHealth .status').textContent")
    # A look at the console once more: it may lag behind.
    time.sleep(0.5)
    page.value("true")
    if status != "200":
        sys.exit(f"GET /health: {status}")
    if page.errors:
        sys.exit("the console says:\n" + "\n".join(page.errors))
    print(f"{len(listed)} operations are listed, GET /health is answered with 200, the console has no error")


def main():
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = subprocess.Popen(
            [sys.argv[2], "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank"],
            stderr=subprocess.DEVNULL)
        try:
            port = Path(profile, "DevToolsActivePort")
            for _ in range(300):
                if port.exists() and "\n" in port.read_text():
                    break
                if browser.poll() is not None:
                    sys.exit("Chromium did not start")
                time.sleep(0.1)
            else:
                sys.exit("Chromium does not listen")
            address = f"http://127.0.0.1:{port.read_text().splitlines()[0]}"
            with urllib.request.urlopen(f"{address}/json/list", timeout=30) as response:
                target = next(target for target in json.load(response) if target["type"] == "page")
            check(Page(target["webSocketDebuggerUrl"]), sys.argv[1])
        finally:
            browser.kill()
            browser.wait()


main()
