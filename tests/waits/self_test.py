#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Does waits.py see what it is there to see?  Its programs here only pretend: each writes what
hook.c would, and has one fault, or none."""
import argparse
import sys

import waits

# Of its waits each hears what is asked at it, and the program says so.
PROGRAM = """
k=${THRUM_WAITS_AT:-0} n=8 counted=8 spawned=3 ended=3 futures=0 descriptors=0
reached=0 heard=0 missed=0 status=0
[ $k -gt 0 ] && [ $k -le $n ] && reached=1 heard=1 status=1
%s
echo "waits=$n counted=$counted bracketed=0 spawned=$spawned ended=$ended reached=$reached" \\
     "heard=$heard missed=$missed futures=$futures descriptors=$descriptors" >>"$THRUM_WAITS"
exit $status
"""

EXACT, INEXACT = False, True
BOTH = (EXACT, INEXACT)
# Each: the fault; where it is one; the words for it.
FAULTS = (
    ("heard=0 status=0", BOTH, "are noticed"),  # nothing that is requested comes to anybody
    ("missed=$heard heard=0", (EXACT,), "did not hear what it should"),
    ("missed=$heard heard=0", (INEXACT,), "did not hear what they should"),
    ("[ $k -ge 2 ] && status=0", (INEXACT,), None),
    ("[ $k -gt 3 ] && reached=0 heard=0 status=0", BOTH, "has less waits"),
    ("[ $k -eq 8 ] && reached=0 heard=0 status=0", (EXACT,), "has less waits"),
    ("[ $k -eq 8 ] && reached=0 heard=0 status=0", (INEXACT,), None),
    ("[ $k -eq 9 ] && reached=1 status=1", (EXACT,), "has more waits"),
    ("[ $k -eq 9 ] && reached=1 status=1", (INEXACT,), None),
    ("reached=1", BOTH, "waits"),
    ("[ $k -eq 9 ] && echo more", (EXACT,), "differs from the first run"),
    ("counted=7", BOTH, "the library's counter differs"),
    ("[ $k -eq 5 ] && ended=2", BOTH, "not every task has ended"),
    ("[ $k -eq 5 ] && futures=1", BOTH, "references are left"),
    ("[ $k -eq 5 ] && descriptors=1", BOTH, "descriptors are left"),
    ("[ $k -eq 5 ] && status=2", BOTH, "ends with status 2"),
    ("[ $k -eq 5 ] && kill -KILL $$", BOTH, "ends with status -9"),
    ("[ $k -eq 5 ] && echo 'task x is there past the grace period' >&2", BOTH, "reports"),
    ("[ $k -eq 0 ] && status=1", BOTH, "though nothing was cut short"),
    ("n=0 counted=0", BOTH, "has 0 waits"),
    ("", BOTH, None),
)


def said(fault, inexact):
    """What waits.py has to say, in its first line; None: nothing is wrong."""
    options = argparse.Namespace(command=["sh", "-c", PROGRAM % fault, "program"], inexact=inexact,
                                 only="", no_waits=False, alike=False)
    try:
        waits.check(options, "1")
        return None
    except waits.Wrong as wrong:
        return str(wrong).splitlines()[0]


def main():
    waits.WHATS = ("self",)
    failed = 0
    for fault, where, words in FAULTS:
        for inexact in where:
            got = said(fault, inexact)
            if got if words is None else not got or words not in got:
                print("FAILED: with \"%s\"%s it says %s, not %s" %
                      (fault, " (--inexact)" if inexact else "", got, words))
                failed += 1
    print("%d faults, %d of them taken wrongly" % (len(FAULTS), failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
