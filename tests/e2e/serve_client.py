#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The other side of thrum serve, in bytes: what no well-behaved client sends.

  serve_client.py PORT PID GROUP...

A group is the name of a function below without its "group_".  The server at PORT (process PID)
serves the tree that serve.sh makes.  Ends with 1 and a traceback at the first thing that is wrong.
"""
import hashlib
import os
import random
import re
import resource
import select
import socket
import struct
import sys
import time

PATIENCE_S = 30
IP_BIND_ADDRESS_NO_PORT = 24  # a port is that of many sources
DIV = int(os.environ.get("THRUM_TEST_DIV") or 1)
GET = b"GET /hello.txt HTTP/1.1\r\nHost: a\r\n"
HELLO = b"hello, world\n"

port = pid = 0
checks = 0


def check(fact, what):
    global checks
    checks += 1
    if not fact:
        raise AssertionError(what)


class Client:
    """A connection, and what came in that was not looked at yet."""

    def __init__(self, receive_bytes=None, source=None):
        self.socket = socket.socket()
        if source:
            self.socket.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
            self.socket.bind((source, 0))
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.data = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # an early refusal

    def more(self):
        try:
            data = self.socket.recv(1 << 20)
        except ConnectionResetError:
            data = b""
        self.data += data
        return data

    def answer(self, head=False):
        """(status, headers, body) of the next answer; None at the end."""
        while b"\r\n\r\n" not in self.data:
            if not self.more():
                check(self.data == b"", f"the end within a head: {self.data[:200]!r}")
                return None
        text, self.data = self.data.split(b"\r\n\r\n", 1)
        lines = text.decode("latin-1").split("\r\n")
        match = re.fullmatch(r"HTTP/1\.1 (\d\d\d) [A-Z][A-Za-z -]+", lines[0])
        check(match, f"a bad status line: {lines[0]!r}")
        fields = {}
        for line in lines[1:]:
            name, value = line.split(": ", 1)
            check(name.lower() not in fields, f"{name} twice")
            fields[name.lower()] = value
        status = int(match.group(1))
        length = 0 if head or status in (100, 304) else int(fields["content-length"])
        pieces, came, self.data = [self.data], len(self.data), b""
        while came < length:
            self.data = b""
            pieces.append(self.more())
            check(pieces[-1], f"the end after {came} of {length} bytes")
            came += len(pieces[-1])
        data = b"".join(pieces)
        body, self.data = data[:length], data[length:]
        return status, fields, body

    def ends(self):
        while self.more():
            pass
        return self.data == b""

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def statuses(data, n, step=None):
    """The statuses that @data is answered with, and "end" if the server closes after them: @n are
    waited for, and any more that come soon."""
    with Client() as client:
        for at in range(0, len(data), step or len(data)):
            client.send(data[at:at + (step or len(data))])
        client.send(b"")
        # A last request tells a server that goes on from one that waits.
        found = []
        while True:
            wait_s = PATIENCE_S if len(found) < n else 0.1
            if not client.data and not select.select([client.socket], [], [], wait_s)[0]:
                return found
            answer = client.answer()
            if answer is None:
                return found + ["end"]
            found.append(answer[0])


def answered(data, *want):
    got = statuses(data, len(want))
    check(got == list(want), f"{data[:300]!r} was answered with {got}, not {list(want)}")


def get(path, fields=b"", method=b"GET"):
    with Client() as client:
        client.send(method + b" " + path + b" HTTP/1.1\r\nHost: a\r\n" + fields + b"\r\n")
        return client.answer(head=method == b"HEAD")


def descriptors():
    return len(os.listdir(f"/proc/{pid}/fd"))


def settled():
    """How many are open once that has not changed for longer than a connection may linger."""
    count, since = descriptors(), time.monotonic()
    while time.monotonic() - since < 1.5:
        select.select([], [], [], 0.02)
        if descriptors() != count:
            count, since = descriptors(), time.monotonic()
    return count


def memory():
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) * 1024


def wait_until(fact, what):
    end = time.monotonic() + PATIENCE_S
    while not fact():
        if time.monotonic() > end:
            raise AssertionError(what)
        select.select([], [], [], 0.02)


def back(before, warm, growth=1 << 20):
    """No more descriptors, and hardly more memory, than there were."""
    wait_until(lambda: descriptors() <= before, "descriptors are left open")
    if DIV == 1:  # a sanitizer keeps what is freed
        check(memory() - warm < growth, f"memory grew by {memory() - warm}")


def raise_descriptors():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def places():
    """How many connections the server takes, by its limit on open files."""
    with open(f"/proc/{pid}/limits", encoding="ascii") as file:
        soft = int(re.search(r"Max open files +(\d+)", file.read())[1])
    return soft - soft // 8 - 64


def ask_hello(client):
    client.send(GET + b"\r\n")
    check(client.answer()[0] == 200, "no answer")


def ask_all(n, source=None):
    """So many connections, each asked once."""
    clients = [Client(source=source) for _ in range(n)]
    for client in clients:
        ask_hello(client)
    return clients


def still_serves():
    status, _, body = get(b"/hello.txt")
    check((status, body) == (200, HELLO), "it serves no more")


def group_statuses():
    end = "end"
    answered(GET + b"\r\n", 200)
    answered(GET + b"Connection: close\r\n\r\n", 200, end)
    answered(b"GET /hello.txt HTTP/1.0\r\n\r\n", 200, end)
    answered(b"GET /hello.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200)
    answered(b"\r\n\r\n" + GET + b"\r\n\r\n", 200)
    answered(b"GET http://a/hello.txt HTTP/1.1\r\nHost: a\r\n\r\n", 200)
    answered(b"GET /none HTTP/1.1\r\nHost: a\r\n\r\n", 404)
    answered(b"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400)
    answered(b"GET /sub HTTP/1.1\r\nHost: a\r\n\r\n", 301)
    answered(b"GET /pipe HTTP/1.1\r\nHost: a\r\n\r\n", 404)
    for method in b"POST", b"PUT", b"DELETE", b"OPTIONS", b"TRACE", b"PATCH":
        answered(method + b" /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n" + GET + b"\r\n", 405, 200)
    answered(b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 405)
    answered(b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 405, end)
    answered(b"FETCH / HTTP/1.1\r\nHost: a\r\n\r\n", 501, end)
    answered(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, end)
    answered(b"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505, end)
    answered(b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n", 414, end)
    answered(b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 404)
    answered(GET + b"A: " + b"b" * 66000 + b"\r\n\r\n", 431, end)
    answered(GET + b"A: b\r\n" * 120 + b"\r\n", 431, end)
    answered(GET + b"Expect: something\r\n\r\n", 417, end)
    answered(GET + b"Content-Length: 65537\r\n\r\n", 413, end)
    answered(GET + b"Range: bytes=0-4\r\n\r\n", 206)
    answered(GET + b"Range: bytes=100-\r\n\r\n", 416)
    answered(GET + b"If-Match: \"no\"\r\n\r\n", 412)
    answered(GET + b"If-None-Match: *\r\n\r\n" + GET + b"\r\n", 304, 200)


def group_outside():
    """Nothing outside, by no spelling."""
    secret = b"secret"
    tops = [b"..", b"%2e%2e", b".%2e", b"%2E.", b"%252e%252e", b"..%2f", b"..%5c", b"..\\", b"...",
            b"%c0%ae%c0%ae", b"..;", b"..%00", b"%2e%2e%2f", b"x/../.."]
    for top in tops:
        for path in (b"/" + top + b"/secret", b"/sub/" + top + b"/" + top + b"/secret",
                     b"//" + top + b"/secret", b"/" + top + b"secret", b"/./" + top + b"//secret",
                     b"/sub/./" + (top + b"/") * 4 + b"etc/passwd"):
            answer = get(path)
            check(answer and answer[0] in (400, 404), f"{path!r} was answered with {answer}")
    for path in (b"/link_out", b"/link_out_absolute", b"/dir_out/secret", b"/dir_out/",
                 b"/dir_out/../hello.txt/", b"//etc/passwd", b"/link_loop", b"/link_proc/exe",
                 b"/link_dev"):
        status, _, body = get(path)
        check(status in (400, 404), f"{path!r} was answered with {status}")
        check(secret not in body, f"{path!r} shows what is outside")
    check(get(b"/link_in")[2] == HELLO, "a link that stays inside is not served")
    check(get(b"/sub/../hello.txt")[2] == HELLO, "dots that stay inside are not served")


def group_pipelined():
    """In order, all answers of what one read brought in one write, unless the poller is hostile."""
    with Client() as client:
        client.send((GET + b"\r\n") * 16)
        select.select([client.socket], [], [], PATIENCE_S)
        data = client.more()
        while os.environ.get("THRUM_POLLER") == "sim" and data.count(HELLO) < 16:
            more = client.more()
            check(more, "the end before all answers")
            data += more
        check(data.count(b"HTTP/1.1 200 OK") == 16 and data.count(HELLO) == 16,
              f"{data.count(HELLO)} of 16 answers in the first piece")
    paths = [(b"/hello.txt", 200), (b"/none", 404), (b"/big.bin", 200), (b"/sub/", 200),
             (b"/empty", 200), (b"/middle.bin", 200), (b"/%", 400)]
    with open("big.bin", "rb") as file:
        big = file.read()
    choose = random.Random(1)
    with Client() as client:
        asked = [choose.choice(paths) + (choose.choice((b"GET", b"HEAD")),) for _ in range(300)]
        data = b"".join(method + b" " + path + b" HTTP/1.1\r\nHost: a\r\n\r\n"
                        for path, _, method in asked)
        sender = os.fork()
        if sender == 0:
            client.send(data)
            os._exit(0)
        for path, status, method in asked:
            got = client.answer(head=method == b"HEAD")
            check(got[0] == status, f"{path!r} was answered with {got[0]}")
            if path == b"/big.bin" and method == b"GET":
                check(got[2] == big, "big.bin came in wrong")
        os.waitpid(sender, 0)


def group_bodies():
    body = b"GET /none HTTP/1.1\r\nHost: a\r\n\r\n"
    length = b"Content-Length: %d\r\n\r\n" % len(body)
    answered(GET + length + body + GET + b"\r\n", 200, 200)
    answered(b"POST /hello.txt HTTP/1.1\r\nHost: a\r\n" + length + body + GET + b"\r\n", 405, 200)
    chunked = GET + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(body)
    chunked += body + b"\r\n0\r\n\r\n"
    answered(chunked + GET + b"\r\n", 200, "end")
    with Client() as client:
        client.send(GET + b"Expect: 100-continue\r\n" + length)
        check(client.answer()[0] == 100, "no 100 where the client waits for it")
        client.send(body + GET + b"\r\n")
        check([client.answer()[0] for _ in range(2)] == [200, 200], "no answer after 100")


def group_smuggling():
    """One refusal, and nothing that follows is read."""
    follow = b"GET /none HTTP/1.1\r\nHost: a\r\n\r\n"
    for fields in (
            b"Content-Length: 3\r\nContent-Length: 4", b"Content-Length: 3\r\nContent-Length: 3",
            b"Content-Length: 3, 3", b"Content-Length: +3", b"Content-Length: -1",
            b"Content-Length: 3\r\nTransfer-Encoding: chunked",
            b"Transfer-Encoding: chunked\r\nContent-Length: 3",
            b"Transfer-Encoding: chunked\r\nTransfer-Encoding: cow",
            b"Transfer-Encoding: cow, chunked, identity", b"Transfer-Encoding: identity",
            b"Transfer-Encoding:\x0bchunked", b"Transfer-Encoding: \x00chunked",
            b"Transfer-Encoding : chunked", b"Transfer-Encoding\t: chunked",
            b"X: y\r\n Transfer-Encoding: chunked", b"X: y\rTransfer-Encoding: chunked",
            b"X: y\nTransfer-Encoding: chunked", b" Transfer-Encoding: chunked",
            b"Content-Length : 3", b"X\r\n: y", b"Host: b"):
        answered(GET + fields + b"\r\n\r\n0\r\n\r\n" + follow, 400, "end")
    for chunks in (b"g\r\n", b"-1\r\n", b"0x3\r\nabc\r\n", b"3\r\nabcd\r\n", b"3\nabc\r\n",
                   b"3\r\nabc\n", b"3;\nx\r\nabc\r\n", b"ffffffffffffffff1\r\n"):
        answered(GET + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n" + follow,
                 400, "end")
    answered(GET.replace(b"\r\n", b"\n") + b"\n", 400, "end")


def group_slow():
    """Byte by byte, and in pieces that end anywhere."""
    check(statuses(GET + b"Range: bytes=0-1\r\n\r\n" + GET + b"\r\n", 2, 1) == [206, 200],
          "slow bytes are not answered")
    check(statuses(GET + b"Content-Length: 5\r\n\r\nabcde" + GET + b"\r\n", 2, 7) == [200, 200],
          "slow bytes of a body are not answered")


def group_hostile():
    """Garbage, long lines, halves, resets: each ends, and the server serves on."""
    dice = random.Random(7)
    for line in (b"GET /" + b"a" * 100000, b"\x80" * 100000, b"a" * 100000,
                 GET + b"a: " + b"b" * 100000, GET + b"b" * 100000,
                 b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 17000):
        with Client() as client:
            client.send(line + b"\r\n\r\n")
            answer = client.answer()
            check(answer and answer[0] in (400, 414, 431), f"{line[:20]!r}: {answer}")
            check(client.ends(), "something follows a refusal")
    for _ in range(100):
        with Client() as client:
            client.send(dice.randbytes(dice.randrange(1, 3000)))
            client.socket.shutdown(socket.SHUT_WR)
            answer = client.answer()
            check(answer is None or answer[0] >= 400, f"garbage was answered with {answer}")
    request = GET + b"A: b\r\n\r\n"
    for _ in range(100):
        client = Client()
        client.send(request[:dice.randrange(0, len(request) + 1)])
        if dice.random() < 0.5:
            client.reset()
        else:
            client.socket.close()
    for _ in range(30):  # large answers that nobody takes to the end
        client = Client(4096)
        client.send(b"GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\n" * 3)
        client.socket.recv(dice.randrange(1, 20000))
        client.reset()
    still_serves()


def idle_crowd(before, source):
    """Many idle ones hold a descriptor and a few bytes each, no stack and no buffer; all are woken
    at once, and leave no descriptor."""
    warm = memory()
    clients = ask_all(min(15000 // DIV, places() - 64), source)
    wait_until(lambda: descriptors() == before + len(clients), "not one descriptor each")
    if DIV == 1:
        each = (memory() - warm) / len(clients)
        check(each < 1500, f"an idle connection takes {each} bytes")
    for client in clients:
        client.send(GET + b"\r\n")
    for client in clients:
        check(client.answer()[0] == 200, "no answer")
        client.socket.close()
    return len(clients)


def group_idle():
    """A crowd leaves the blocks that it was made of, for the next, which leaves nothing more."""
    raise_descriptors()
    for client in ask_all(64):
        client.socket.close()
    before, warm = settled(), memory()
    n = idle_crowd(before, "127.0.0.2")
    back(before, warm, 600 * n + (1 << 20))
    warm = memory()
    idle_crowd(before, "127.0.0.3")
    back(before, warm)


def group_churn():
    """Connections made, used, and closed or reset."""
    before = settled()
    warm = 0
    for n in range(11000 // DIV):
        if n == 1000 // DIV:
            warm = memory()
        client = Client()
        ask_hello(client)
        if n % 2:
            client.reset()
        else:
            client.socket.close()
    back(before, warm, 1 << 18)


def group_note():
    """What later groups are measured by."""
    with open("../noted", "w", encoding="ascii") as file:
        print(settled(), memory(), file=file)


def group_noted():
    with open("../noted", encoding="ascii") as file:
        back(*map(int, file.read().split()), growth=2 << 20)


def group_leaks():
    """Hostile rounds leave descriptors and memory where they were."""
    rounds = 1 if DIV > 1 else 4
    before = descriptors()
    group_hostile()
    wait_until(lambda: descriptors() <= before, "descriptors are left open")
    warm = memory()
    for _ in range(rounds):
        group_hostile()
    back(before, warm, 2 << 20)


def group_timeouts():
    """For a server with all limits at about half a second."""
    with Client() as client:
        check(client.ends(), "what comes on an idle connection?")
    with Client() as client:
        client.send(GET + b"\r\n")
        check(client.answer()[0] == 200, "no answer")
        check(client.ends(), "a rested connection is not closed")
    for half in (b"G", GET, GET + b"Content-Length: 4\r\n\r\nab"):
        with Client() as client:
            client.send(half)
            answer = client.answer()
            check(answer and answer[0] == 408, f"{half!r} was answered with {answer}")
            check(client.ends(), "408 is not the end")
    # The limit is the whole request's: a byte now and then does not begin it anew.
    with Client() as client:
        client.send(GET + b"A: ")
        for _ in range(PATIENCE_S * 20):
            client.send(b"b")
            if select.select([client.socket], [], [], 0.05)[0]:
                break
        else:
            raise AssertionError("each byte begins the limit anew")
        answer = client.answer()
        check(answer and answer[0] == 408, f"drops without an end were answered with {answer}")
    before = settled()
    with Client(4096) as client:
        client.send(b"GET /huge.bin HTTP/1.1\r\nHost: a\r\n\r\n")
        client.socket.recv(100)
        wait_until(lambda: descriptors() >= before + 2, "no file is open")
        wait_until(lambda: descriptors() <= before, "an answer that stands still is not given up")


def group_full():
    """All places are taken: a new connection gets that of the one that is idle for longest, or of
    the first that becomes idle."""
    idle = ask_all(places())
    check(not select.select([client.socket for client in idle], [], [], 0)[0],
          "one is closed though nobody needs its place")
    new = ask_all(10)
    ended = [at for at, client in enumerate(idle)
             if select.select([client.socket], [], [], 0)[0]]
    check(len(new) <= len(ended) < 2 * len(new), f"{len(ended)} are closed")
    # A neighbour may have come to rest before.
    check(ended[-1] < len(ended) + 3, f"those closed are not those idle for longest: {ended}")
    for at in ended:
        check(idle[at].socket.recv(1) == b"", "something comes on an idle connection")
    left = new + [client for at, client in enumerate(idle) if at not in ended]
    for client in left:
        ask_hello(client)
    # All are busy: each waits for its body.
    left += [Client() for _ in range(places() - len(left))]
    for client in left:
        client.send(GET + b"Expect: 100-continue\r\nContent-Length: 1\r\n\r\n")
        check(client.answer()[0] == 100, "no 100 where the client waits for it")
    with Client() as late:
        late.send(GET + b"\r\n")
        left[0].send(b"x")
        check(left[0].answer()[0] == 200, "no answer")
        check(left[0].socket.recv(1) == b"", "something comes on an idle connection")
        check(late.answer()[0] == 200, "no answer")
        for client in left[1:]:
            client.send(b"x")
            check(client.answer()[0] == 200, "one that was busy is cut")
    for client in idle + left:
        client.socket.close()


def group_stop():
    """SIGTERM: idle ones are closed, what is in flight is answered, nobody new gets in."""
    with open("huge.bin", "rb") as file:
        want = hashlib.sha256(file.read()).hexdigest()
    idle = Client()
    idle.send(GET + b"\r\n")
    check(idle.answer()[0] == 200, "no answer")
    busy = Client(65536)
    busy.send(b"GET /huge.bin HTTP/1.1\r\nHost: a\r\n\r\n")
    busy.data = busy.socket.recv(1)
    half = Client()
    half.send(GET)
    still_serves()
    os.kill(pid, 15)
    check(idle.ends(), "an idle connection is not closed")
    try:
        Client().socket.close()
        raise AssertionError("a new connection is taken")
    except ConnectionRefusedError:
        pass
    half.send(b"\r\n")
    status, fields, _ = half.answer()
    check((status, fields.get("connection")) == (200, "close"), f"{status} {fields}")
    check(half.ends(), "a last answer is not the end")
    status, _, body = busy.answer()
    check(status == 200 and hashlib.sha256(body).hexdigest() == want, "it was cut")
    check(busy.ends(), "a last answer is not the end")


def group_cut():
    """SIGTERM, and one who never reads: the caller looks at the exit."""
    client = Client(4096)
    client.send(b"GET /huge.bin HTTP/1.1\r\nHost: a\r\n\r\n")
    client.socket.recv(1)
    os.kill(pid, 15)
    begun = time.monotonic()
    wait_until(lambda: not os.path.exists(f"/proc/{pid}") or state() == "Z", "it does not end")
    # Its grace is one second; the answer itself may stand still for thirty.
    check(time.monotonic() - begun < 10, "its grace does not end")


def state():
    try:
        with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
            return file.read().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "Z"


def main():
    global port, pid
    port, pid = int(sys.argv[1]), int(sys.argv[2])
    for name in sys.argv[3:]:
        globals()["group_" + name]()
    print(f"serve_client.py: {checks} checks passed ({' '.join(sys.argv[3:])})")


main()
