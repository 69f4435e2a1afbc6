#!/bin/bash
# SPDX-License-Identifier: MIT
#
# fetch_faults.sh - thrum fetch with the n-th fault point failing, for every n: once, and from then
# on.
#
# THRUM_BIN_FAULTS is the program built with fault points; without it, or without nginx, the test is
# skipped (77).  A run fetches from a sound server.  It must end in time: with status 0 and every
# answer right, or with status 1 and a message.  A signal, a hang or another status fails
# (sanitizers are told to exit with 99).
set -eu
export LC_ALL=C.UTF-8

if [ -z "${THRUM_BIN_FAULTS:-}" ]; then
	echo 'fetch_faults.sh: skipped: THRUM_BIN_FAULTS names no program built with fault points'
	exit 77
fi
bin=$(realpath "$THRUM_BIN_FAULTS")
here=$(mktemp -d "${TMPDIR:-/tmp}/thrum-fetch-faults.XXXXXX")
web=
trap '[ -z "$web" ] || kill "$web" 2>/dev/null || :; rm -rf "$here"' EXIT
# shellcheck source=tests/e2e/lib/web.sh
. "$(dirname "$0")/lib/web.sh"
start_web
export THRUM_FAULT_COUNT=1
export THRUM_SEED=1
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}exitcode=99"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:+$UBSAN_OPTIONS:}halt_on_error=1:exitcode=99"
export TSAN_OPTIONS="${TSAN_OPTIONS:+$TSAN_OPTIONS:}exitcode=99"
most=5000
step=1
[ "${THRUM_TEST_DIV:-1}" = 1 ] || step=3
head -c 200000 /dev/zero >"$here/web/top/large"
printf '%s\n' "$http/moved" "$http/large" >"$here/list"
want='200 6
200 6
200 200000
200 6'

fail()
{
	echo "fetch_faults.sh: FAILED: THRUM_FAULT=$fault: $*" >&2
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
	THRUM_FAULT=$fault timeout -s ABRT -k 5 20 "$bin" fetch --workers 2 --jobs 2 --timeout 5 \
		"$http/hello" - "$http/hello" <"$here/list" >"$here/out" 2>"$here/err" || status=$?
	grep -q '^thrum: [0-9]* fault points passed' "$here/err" ||
		fail "ended with $status, before the program's own end"
	fired=no
	! grep -q '^thrum: [0-9]* fault points passed, fired' "$here/err" || fired=yes
	case $status in
	0) [ "$(awk '{ print $1, $2 }' "$here/out")" = "$want" ] || fail 'an answer is wrong' ;;
	1) grep -q '^thrum fetch: ' "$here/err" || fail 'status 1 without a message' ;;
	*) fail "ended with $status" ;;
	esac
}

# sweep SUFFIX WORDS
sweep()
{
	local n errors=0
	for ((n = 1; n <= most; n += step)); do
		fault=$n$1
		run
		[ "$fired" = yes ] || break
		errors=$((errors + status))
	done
	[ "$n" -le "$most" ] || fail "more than $most fault points in a small run"
	[ "$n" -gt 1 ] || fail 'no fault point fired at all: is this a build with fault points?'
	[ "$status" = 0 ] || fail 'a run without a fault did not succeed'
	echo "fetch_faults.sh: the n-th failing $2: every n up to $((n - 1)) (by $step), $errors" \
		'ended with an error'
}

sweep '' once
sweep + 'and all after it'
