# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# program.sh - sourced by the tests of a program: $bin, THRUM_BIN's full path; $here, a scratch
# directory that goes away; fail; runs of the program and looks at what they wrote, counted in
# $checks.  Needs python3 to read JSON.

bin=$(realpath "${THRUM_BIN:?THRUM_BIN must name the program thrum}")
here=$(mktemp -d "${TMPDIR:-/tmp}/thrum-$(basename "$0" .sh).XXXXXX")
checks=0
at= # where in the test: the start of a failure's message
trap 'chmod -R u+rwX "$here" 2>/dev/null || :; rm -rf "$here"' EXIT

fail()
{
	echo "${0##*/}: FAILED: $at$*" >&2
	echo "--- standard output:" >&2
	head -n 40 "$here/out" >&2 || :
	echo "--- standard error:" >&2
	head -n 40 "$here/err" >&2 || :
	exit 1
}

# run STATUS WORD...: the words are a command; its output goes to $here/out and $here/err.
run()
{
	local want=$1 got=0
	shift
	timeout 120 "$@" >"$here/out" 2>"$here/err" </dev/null || got=$?
	[ "$got" = "$want" ] || fail "'$*' ended with $got, not $want"
	checks=$((checks + 1))
}

# says out|err PATTERN: an extended regular expression.
says()
{
	grep -Eq -- "$2" "$here/$1" || fail "no '$2' in standard $1"
	checks=$((checks + 1))
}

says_not()
{
	! grep -Eq -- "$2" "$here/$1" || fail "'$2' in standard $1"
	checks=$((checks + 1))
}

# value KEY: of the JSON object in $here/out; KEY.KEY: of an object in it.
value()
{
	python3 -c 'import functools, json, sys
print(functools.reduce(lambda at, key: at[key], sys.argv[1].split("."), json.load(sys.stdin)))' \
		"$1" <"$here/out" || fail "no JSON object with '$1'"
}

# json KEY VALUE: the object in $here/out has it.
json()
{
	local got
	got=$(value "$1")
	[ "$got" = "$2" ] || fail "JSON '$1' is $got, not $2"
	checks=$((checks + 1))
}
