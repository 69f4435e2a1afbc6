# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# faults.sh - sourced by the fault sweeps: a command of the program with the n-th fault point
# failing, for every n: once, and from then on.
#
# On top of program.sh, for the program built with fault points, THRUM_BIN_FAULTS; without it the
# test is skipped (77).  The test defines
#   try    one run of it, which must end in time: its status in $status, its output in $here/out
#          and $here/err
#   judge  what must hold if it ended with status 0; it calls fail if not
# and calls sweep_faults.  With status 1 there must be a message.  A signal, a hang or another
# status fails (sanitizers are told to exit with 99).  A sweep goes on until the fault has not fired
# in some runs in a row: how many points a run passes varies a little.
#
# A sweep that is to be quick takes one point of every few; which ones, THRUM_SEED says (default:
# the clock), so that in time all have their turn.  THRUM_FAULT_STEP=N takes one of N, whatever the
# test.

if [ -z "${THRUM_BIN_FAULTS:-}" ]; then
	echo "${0##*/}: skipped: THRUM_BIN_FAULTS names no program built with fault points"
	exit 77
fi
THRUM_BIN=$THRUM_BIN_FAULTS
# shellcheck source=tests/e2e/lib/program.sh
. "$(dirname "${BASH_SOURCE[0]}")/program.sh"
export THRUM_FAULT_COUNT=1
faults_seed=${THRUM_SEED:-$(date +%s)}
export THRUM_SEED=1 # the program's: what a number means is to be the same in each run
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}exitcode=99"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:+$UBSAN_OPTIONS:}halt_on_error=1:exitcode=99"
export TSAN_OPTIONS="${TSAN_OPTIONS:+$TSAN_OPTIONS:}exitcode=99"
FAULTS_MAX=20000 # of a small run
FAULTS_QUIET=5   # runs in a row
fault=
status=0

# One run with the fault $fault; false: it did not fire.
run_fault()
{
	THRUM_FAULT=$fault try
	grep -q '^thrum: [0-9]* fault points passed' "$here/err" ||
		fail "ended with $status, before the program's own end"
	case $status in
	0) judge ;;
	1)
		grep -v 'fault points passed' "$here/err" | grep -Eq '^thrum( [a-z]+)?: ' ||
			fail 'status 1 without a message'
		;;
	*) fail "ended with $status" ;;
	esac
	grep -q '^thrum: [0-9]* fault points passed, fired' "$here/err"
}

# sweep SUFFIX STEP WORDS
sweep()
{
	local n first=$((faults_seed % $2 + 1)) last=0 quiet=0 errors=0
	for ((n = first; quiet < FAULTS_QUIET; n += $2)); do
		[ "$n" -le "$FAULTS_MAX" ] || fail "more than $FAULTS_MAX fault points"
		fault=$n$1 at="with the sweep's THRUM_SEED=$faults_seed, THRUM_FAULT=$n$1: "
		if run_fault; then
			quiet=0 last=$n
			errors=$((errors + status))
		else
			quiet=$((quiet + 1))
			[ "$status" = 0 ] || fail 'a run without a fault did not succeed'
		fi
	done
	[ "$last" -gt 0 ] || fail 'no fault point fired at all: is this a build with fault points?'
	echo "${0##*/}: the n-th failing $3: every n from $first up to $last (by $2," \
		"THRUM_SEED=$faults_seed), $errors ended with an error"
}

# sweep_faults STEP: every STEP-th point where the tests are to be quick, else every point.
sweep_faults()
{
	local step=1
	[ "${THRUM_TEST_DIV:-1}" = 1 ] || step=$1
	step=${THRUM_FAULT_STEP:-$step}
	sweep '' "$step" once
	sweep + "$step" 'and all after it'
}
