"""What nginx answers to several clients at once: prints every response, and ends the server.

The arguments are the number of rounds and the words that run nginx. It listens on the loopback device, at two ports:
the first serves files, includes, listings, uploads, and is a proxy for the second.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

CLIENTS = 4
PATIENCE = 120.0  # seconds: a server that is rebuilt at every migration point is slow
CONFIGURATION = """\
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/errors info;
events {{ worker_connections 64; }}
http {{
    access_log {folder}/accesses;
    types {{ text/html html; text/plain txt; }}
    client_body_temp_path {folder}/bodies;
    proxy_temp_path {folder}/proxied;
    fastcgi_temp_path {folder}/unused;
    uwsgi_temp_path {folder}/unused;
    scgi_temp_path {folder}/unused;
    keepalive_requests 100000;
    port_in_redirect off;
    client_max_body_size 300k;
    upstream behind {{ server 127.0.0.1:{second}; keepalive 2; }}
    map $arg_name $greeting {{ default "who are you"; ~^x "no name"; ann "hello Ann"; bo* "hello Bo"; hostnames; }}
    split_clients $arg_name $half {{ 50% one; * other; }}
    server {{
        listen 127.0.0.1:{first};
        root {folder}/files;
        add_header X-Half $half;
        location / {{ ssi on; ssi_silent_errors on; }}
        location /through/ {{ proxy_pass http://behind/; proxy_http_version 1.1; proxy_set_header Connection ""; }}
        location /slowly/ {{ proxy_pass http://127.0.0.1:{second}/; proxy_buffering off; limit_rate 4m; }}
        location /nobody/ {{ proxy_pass http://127.0.0.1:1/; error_page 502 /index.txt; }}
        location /list/ {{ autoindex on; autoindex_format json; }}
        location /other/ {{ alias {folder}/files/; sub_filter ship boat; sub_filter_types *; sub_filter_once off; }}
        location /kept/ {{ root {folder}; dav_methods PUT DELETE MKCOL COPY; create_full_put_path on; }}
        location /secret/ {{ alias {folder}/files/; auth_basic secret; auth_basic_user_file {folder}/users; }}
    }}
    server {{
        listen 127.0.0.1:{second};
        root {folder}/files;
        add_header X-Greeting $greeting;
    }}
}}
"""
PAGE = """\
<!--#set var="name" value="Ann" -->
<!--#if expr="$name = Ann" -->for <!--#echo var="name" --><!--#else -->no<!--#endif -->
<!--#include virtual="/index.txt" --><!--#include virtual="/through/index.txt?name=bo" --><!--#include file="none" -->
"""


def files(folder: Path) -> None:
    """What is served."""
    some = random.Random(3)
    (folder / "files" / "list").mkdir(parents=True)
    (folder / "kept").mkdir()
    (folder / "users").write_text("ann:{SHA}" + base64.b64encode(hashlib.sha1(b"word").digest()).decode() + "\n")
    contents = {
        "index.txt": b"an index\n",
        "page.html": PAGE.encode(),
        "empty.txt": b"",
        "ships.txt": b"a ship, and more ships in the harbour of Shipton\n" * 500,
        "large.bin": some.randbytes(200_000),
        "list/a.txt": b"a",
        "list/b c.txt": b"more",
    }
    for name, data in contents.items():
        path = folder / "files" / name
        path.write_bytes(data)
        os.utime(path, (981_173_106, 981_173_106))  # an ETag is made of it
    os.utime(folder / "files" / "list", (981_173_106, 981_173_106))


Request = tuple[str, str, dict[str, str], bytes | None]


def requests(client: int, number: int) -> Iterator[Request]:
    """One round of a client's requests."""
    kept = f"/kept/{client}/{number}"
    body = random.Random(number).randbytes(1000 << client * 2)
    names = ("ann", "bob", "xavier", "")
    yield "GET", "/index.txt", {}, None
    yield "GET", f"/page.html?name={names[number % 4]}", {}, None
    yield "HEAD", "/large.bin", {}, None
    yield "GET", "/large.bin", {"Range": f"bytes={number * 100 + client}-{number * 1000 + 5000}, -10"}, None
    yield "GET", "/large.bin", {"Range": "bytes=300000-"}, None
    yield "GET", "/through/large.bin", {}, None
    yield "GET", "/slowly/ships.txt", {}, None
    yield "GET", f"/through/empty.txt?name={names[client]}", {}, None
    yield "GET", "/nobody/", {}, None
    yield "GET", "/other/ships.txt", {}, None
    yield "GET", "/list/", {}, None
    yield "GET", "/list", {}, None
    yield "GET", "/secret/index.txt", {}, None
    yield "GET", "/secret/index.txt", {"Authorization": "Basic " + base64.b64encode(b"ann:word").decode()}, None
    yield "GET", "/index.txt", {"If-Modified-Since": "Sat, 03 Feb 2001 04:05:06 GMT"}, None
    yield "GET", "/%69ndex.txt/../empty.txt", {}, None
    yield "GET", f"/none/{client}/{number}", {}, None
    yield "DELETE", "/index.txt", {}, None
    yield "PUT", kept, {}, body
    yield "COPY", kept, {"Destination": f"{kept}-again"}, None
    yield "GET", f"{kept}-again", {}, None
    yield "DELETE", kept, {}, None
    yield "GET", kept, {}, None
    if number % 8 == 0:
        yield "PUT", kept, {}, bytes(400_000)


def answered(connection: http.client.HTTPConnection, request: Request) -> str:
    """The response in a line: all of it but the time."""
    method, path, headers, body = request
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    data = response.read()
    words = sorted(f"{k}: {v}" for k, v in response.getheaders() if k != "Date" and "boundary=" not in v)
    if response.status == 206:  # the boundary is a counter of the server's
        data = b"\n".join(line for line in data.split(b"\r\n") if not line.startswith(b"--"))
        words = [w for w in words if not w.startswith("Content-Length")]
    if path.startswith("/kept/") and method == "GET":  # it was written just now
        words = [w for w in words if not w.startswith(("ETag", "Last-Modified"))]
    return f"{method} {path}: {response.status} {'; '.join(words)} {hashlib.sha256(data).hexdigest()[:16]} {len(data)}"


def client(port: int, which: int, rounds: int) -> list[str]:
    """All that a client is answered, over one connection unless the server closes it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    lines = [f"{which} {answered(connection, r)}" for n in range(rounds) for r in requests(which, n)]
    connection.close()
    return lines


def by_hand(port: int, pieces: Sequence[bytes]) -> str:
    """What comes back for what is sent in pieces: no client sends that."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            s.sendall(piece)
            time.sleep(0.01)
        data = b"".join(iter(lambda: s.recv(65536), b""))
    return "\n".join(line for line in data.decode().splitlines() if not line.startswith("Date:"))


def free_ports() -> tuple[int, int]:
    """Two that nobody listens at."""
    with socket.socket() as a, socket.socket() as b:
        a.bind(("127.0.0.1", 0))
        b.bind(("127.0.0.1", 0))
        return a.getsockname()[1], b.getsockname()[1]


def wait_for(server: subprocess.Popen[bytes], port: int) -> None:
    """Until it listens."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.05)
    sys.exit("the server does not listen")


def main() -> int:
    """Prints what it is answered; returns the server's exit status."""
    rounds, words = int(sys.argv[1]), sys.argv[2:]
    with tempfile.TemporaryDirectory(prefix="popcc-nginx-") as name:
        folder = Path(name)
        first, second = free_ports()
        files(folder)
        (folder / "configuration").write_text(CONFIGURATION.format(folder=folder, first=first, second=second))
        server = subprocess.Popen([*words, "-p", name, "-c", "configuration", "-e", "errors"])
        try:
            wait_for(server, first)
            with ThreadPoolExecutor(CLIENTS) as pool:
                for lines in pool.map(lambda which: client(first, which, rounds), range(CLIENTS)):
                    print("\n".join(lines))
            get = b"GET /index.txt HTTP/1.1\r\nHost: a\r\n"
            print(by_hand(first, [get + b"\r\n" + get + b"\r\n", get[:9], get[9:] + b"Connection: close\r\n\r\n"]))
            print(by_hand(first, [b"GET / HTTP/9.9\r\n\r\n"]))
            chunks = [
                b"PUT /kept/chunks HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
            ]
            print(by_hand(first, [*chunks, b"5\r\nhello\r\n", b"7\r\n, wor", b"ld\r\n0\r\n\r\n"]))
            print((folder / "kept" / "chunks").read_text())
            os.kill(int((folder / "pid").read_text()), signal.SIGQUIT)
            return server.wait(PATIENCE)
        finally:
            if server.poll() is None:
                server.kill()


if __name__ == "__main__":
    sys.exit(main())
