#!/bin/bash
# SPDX-License-Identifier: MIT
#
# serve_faults.sh - thrum serve with the n-th fault point failing, for every n: once, and from then
# on.
#
# THRUM_BIN_FAULTS is the program built with fault points; without it the test is skipped (77).  In
# each run a client asks for small and large files, on one connection and on several, and the server
# is told to stop.  It must end in time: with status 0, or with status 1 and a message.  What the
# client got must be right as far as it came; a run without a fault answers all.  A signal, a hang
# or another status fails (sanitizers are told to exit with 99).
set -eu
export LC_ALL=C.UTF-8

if [ -z "${THRUM_BIN_FAULTS:-}" ]; then
	echo 'serve_faults.sh: skipped: THRUM_BIN_FAULTS names no program built with fault points'
	exit 77
fi
export THRUM_FAULT_COUNT=1
export THRUM_SEED=1
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}exitcode=99"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:+$UBSAN_OPTIONS:}halt_on_error=1:exitcode=99"
export TSAN_OPTIONS="${TSAN_OPTIONS:+$TSAN_OPTIONS:}exitcode=99"
here=$(mktemp -d "${TMPDIR:-/tmp}/thrum-serve-faults.XXXXXX")
trap 'rm -rf "$here"' EXIT
mkdir -p "$here/top/sub"
echo hello >"$here/top/hello"
echo index >"$here/top/sub/index.html"
head -c 300000 /dev/zero >"$here/top/large"

python3 - "$(realpath "$THRUM_BIN_FAULTS")" "$here/top" "${THRUM_TEST_DIV:-1}" <<'END'
import json, os, re, select, signal, socket, subprocess, sys

program, top, div = sys.argv[1], sys.argv[2], int(sys.argv[3])
PATIENCE_S = 20
MOST = 20000
HOST = b" HTTP/1.1\r\nHost: a\r\n"
ASKED = [(b"/hello", b"hello\n"), (b"/sub/", b"index\n"), (b"/large", bytes(300000)),
         (b"/none", b"404 Not Found\n")]


def fail(fault, what, process=None):
    if process:
        process.kill()
        what += "\n" + process.communicate()[1].decode("utf-8", "replace")[-3000:]
    sys.exit(f"serve_faults.sh: FAILED: THRUM_FAULT={fault}: {what}")


def ask(port, paths, hopeless):
    """How many of @paths were answered in full; what comes must be right.  One connection.  A
    server that is refused everything need not answer."""
    got = 0
    try:
        patience_s = 0.5 if hopeless else PATIENCE_S
        with socket.create_connection(("127.0.0.1", port), patience_s) as client:
            data = b""
            for path, want in paths:
                client.sendall(b"GET " + path + HOST + b"\r\n")
                while True:
                    head, _, body = data.partition(b"\r\n\r\n")
                    length = re.search(rb"Content-Length: (\d+)", head)
                    if length and len(body) >= int(length.group(1)):
                        break
                    piece = client.recv(1 << 20)
                    if not piece:
                        return got
                    data += piece
                status = int(head[9:12])
                body, data = body[:int(length.group(1))], body[int(length.group(1)):]
                if status in (200, 404) and body != want:
                    raise AssertionError(f"{path} came in wrong")
                if status not in (200, 404, 403, 500, 503):
                    raise AssertionError(f"{path} was answered with {status}")
                got += status in (200, 404)
                if b"Connection: close" in head:
                    return got
    except ConnectionError:
        pass
    except TimeoutError:
        if not hopeless:
            raise
    return got


def run(fault):
    """(fired, status, answers)"""
    process = subprocess.Popen(
        [program, "serve", "--json", "--port", "0", "--workers", "2", "--list", "--idle-timeout",
         "2", "--request-timeout", "2", "--write-timeout", "2", "--grace", "1", top],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=dict(os.environ, THRUM_FAULT=fault))
    answers = 0
    try:
        if not select.select([process.stdout], [], [], PATIENCE_S)[0]:
            fail(fault, "it neither starts nor ends", process)
        line = process.stdout.readline()
        if line:
            port = json.loads(line)["port"]
            answers += ask(port, ASKED, fault.endswith("+"))
            answers += ask(port, ASKED[:1], fault.endswith("+"))
            process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        fail(fault, "it does not end", process)
    except (AssertionError, TimeoutError) as error:
        fail(fault, repr(error), process)
    err = err.decode("utf-8", "replace")
    status = process.returncode
    if not re.search(r"^thrum: \d+ fault points passed", err, re.M):
        fail(fault, f"ended with {status}, before the program's own end:\n{err[-3000:]}")
    if status not in (0, 1) or (status == 1 and "thrum serve: " not in err):
        fail(fault, f"ended with {status}:\n{err[-3000:]}")
    return re.search(r"^thrum: \d+ fault points passed, fired", err, re.M), status, answers


def sweep(suffix, words, step):
    ended = lost = 0
    for n in range(1, MOST, step):
        fired, status, answers = run(f"{n}{suffix}")
        if not fired:
            break
        ended += status
        lost += answers < 5
    else:
        sys.exit(f"serve_faults.sh: FAILED: more than {MOST} fault points in a small run")
    if n == 1:
        sys.exit("serve_faults.sh: FAILED: no fault fired: is this a build with fault points?")
    if (status, answers) != (0, 5):
        fail(f"{n}{suffix}", f"without a fault: status {status}, {answers} of 5 answers")
    print(f"serve_faults.sh: the n-th failing {words}: every n up to {n - 1} (by {step}), {ended} "
          f"ended with an error, {lost} lost an answer")


step = 1 if div == 1 else 7
sweep("", "once", step)
sweep("+", "and all after it", step)
END
