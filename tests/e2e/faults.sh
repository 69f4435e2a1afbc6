#!/bin/bash
# SPDX-License-Identifier: MIT
#
# faults.sh - thrum demo with the n-th fault point failing, for every n: once, and from then on.
#
# THRUM_BIN_FAULTS is the program built with fault points; without it the test is skipped (77).  A
# run must end within 20 seconds: with status 0 and every hash agreeing, or with status 1 and a
# message.
# A signal, a hang or another status fails (sanitizers are told to exit with 99).  The sweep goes on
# until a run in which the fault did not fire.
set -eu
export LC_ALL=C.UTF-8

if [ -z "${THRUM_BIN_FAULTS:-}" ]; then
	echo 'faults.sh: skipped: THRUM_BIN_FAULTS names no program built with fault points'
	exit 77
fi
bin=$(realpath "$THRUM_BIN_FAULTS")
here=$(mktemp -d "${TMPDIR:-/tmp}/thrum-faults.XXXXXX")
trap 'rm -rf "$here"' EXIT
export THRUM_FAULT_COUNT=1
export THRUM_SEED=1
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}exitcode=99"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:+$UBSAN_OPTIONS:}halt_on_error=1:exitcode=99"
export TSAN_OPTIONS="${TSAN_OPTIONS:+$TSAN_OPTIONS:}exitcode=99"
most=20000

fail()
{
	echo "faults.sh: FAILED: THRUM_FAULT=$fault: $*" >&2
	echo "--- standard output:" >&2
	head -n 40 "$here/out" >&2 || :
	echo "--- standard error:" >&2
	head -n 60 "$here/err" >&2 || :
	exit 1
}

# One run with the fault $fault; sets $status, and $fired to yes or no.
run()
{
	status=0
	THRUM_FAULT=$fault timeout -s ABRT -k 5 20 "$bin" demo --workers 2 --jobs 2 "$here/tree" \
		>"$here/out" 2>"$here/err" </dev/null || status=$?
	grep -q '^thrum: [0-9]* fault points passed' "$here/err" ||
		fail "ended with $status, before the program's own end"
	fired=no
	! grep -q '^thrum: [0-9]* fault points passed, fired' "$here/err" || fired=yes
	case $status in
	0) grep -q '^OK: every hash agrees' "$here/out" || fail 'status 0, but nothing says OK' ;;
	1) grep -q '^thrum demo: ' "$here/err" || fail 'status 1 without a message' ;;
	*) fail "ended with $status" ;;
	esac
}

# sweep SUFFIX WORDS
sweep()
{
	local n errors=0
	for ((n = 1; n <= most; n++)); do
		fault=$n$1
		run
		[ "$fired" = yes ] || break
		errors=$((errors + status))
	done
	[ "$n" -le "$most" ] || fail "more than $most fault points in a small run"
	[ "$n" -gt 1 ] || fail 'no fault point fired at all: is this a build with fault points?'
	[ "$status" = 0 ] || fail 'a run without a fault did not succeed'
	echo "faults.sh: the n-th failing $2: every n up to $((n - 1)), $errors ended with an error"
}

mkdir -p "$here/tree/a/b"
echo one >"$here/tree/one"
echo two >"$here/tree/a/two"
head -c 300000 /dev/zero >"$here/tree/a/b/three"
: >"$here/tree/a/b/nothing"

sweep '' once
sweep + 'and all after it'
