# SPDX-License-Identifier: MIT
"""Was the machine calm while something ran?  A program on the real clock can be held to its times
only if the machine ran what was due: a thread here takes short naps meanwhile, and what they were
late in all is what anybody may have been late."""
import threading
import time

NAP_S = 0.005
NOT_JUDGED = 77  # ctest's SKIP_RETURN_CODE


class Naps:
    """with Naps() as naps: ...; then naps.late_s."""

    def __init__(self):
        self.late_s = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._nap)

    def _nap(self):
        while not self._ended.is_set():
            due = time.monotonic() + NAP_S
            time.sleep(NAP_S)
            self.late_s += time.monotonic() - due

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()


def judge(check, late_s, tries, limit_s):
    """Calls check() until it returns true.  False once it returned false `tries` times while the
    naps
    were late by less than `late_s` in all; None if that did not come about within `limit_s`."""
    end = time.monotonic() + limit_s
    while True:
        with Naps() as naps:
            good = check()
        if good:
            return True
        if naps.late_s < late_s:
            tries -= 1
            if not tries:
                return False
        print("calm.py: meanwhile this machine's own naps were late by %.0f ms in all"
              % (naps.late_s * 1000))
        if time.monotonic() > end:
            return None


def exit_status(results):
    """0: all hold; 1: one does not; NOT_JUDGED: one was not judged."""
    if False in results:
        return 1
    if None in results:
        print("not judged: the machine is too busy to hold anything to its real clock")
        return NOT_JUDGED
    return 0
