# SPDX-License-Identifier: Apache-2.0
"""One end of a conversation: a server that says who asked it, or a client that prints the answer.

    netpeer.py serve NAME tcp:80 udp:53 ...     answers "NAME CLIENT-ADDRESS PORT"
    netpeer.py ask tcp ADDRESS PORT [SECONDS]   prints the answer, or "refused", "silence", "unreachable"
"""
import errno
import selectors
import socket
import sys
import time

TYPES = {"tcp": (socket.SOCK_STREAM, 0), "udp": (socket.SOCK_DGRAM, 0), "sctp": (socket.SOCK_STREAM, socket.IPPROTO_SCTP)}


def serve(name, *places):
    selector = selectors.DefaultSelector()
    for place in places:
        protocol, port = place.split(":")
        first, _, last = port.partition("-")
        for number in range(int(first), int(last or first) + 1):
            kind, ip = TYPES[protocol]
            s = socket.socket(socket.AF_INET6, kind, ip)
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            s.bind(("::", number))
            if protocol != "udp":
                s.listen(64)
            selector.register(s, selectors.EVENT_READ, (protocol, number))
    print("ready", flush=True)
    while True:
        for key, _ in selector.select():
            protocol, number = key.data
            if protocol == "udp":
                _, peer = key.fileobj.recvfrom(100)
                key.fileobj.sendto(text(name, peer, number), peer)
            else:
                connection, peer = key.fileobj.accept()
                connection.sendall(text(name, peer, number))
                connection.close()


def text(name, peer, port):
    return f"{name} {peer[0].removeprefix('::ffff:')} {port}".encode()


def ask_once(protocol, address, port, patience):
    kind, ip = TYPES[protocol]
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind, ip) as s:
        s.settimeout(patience)
        s.connect((address, port))
        if protocol == "udp":
            s.send(b"?")
        return s.recv(100).decode()


def ask(protocol, address, port, seconds="5"):
    end = time.monotonic() + float(seconds)
    answer = "silence"
    while time.monotonic() < end:
        try:
            return ask_once(protocol, address, int(port), max(0.1, min(1, end - time.monotonic())))
        except ConnectionRefusedError:
            answer = "refused"
        except TimeoutError:
            answer = "silence"
        except OSError as e:
            if e.errno not in (errno.ENETUNREACH, errno.EHOSTUNREACH):
                raise
            answer = "unreachable"
        time.sleep(0.05)
    return answer


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(*sys.argv[2:])
    print(ask(*sys.argv[2:]))
