#!/bin/bash
# SPDX-License-Identifier: MIT
#
# info.sh - thrum info: its lines, its JSON object, and the number of workers with its reason.
# THRUM_BIN is the program.
set -eu
export LC_ALL=C.UTF-8

# shellcheck source=tests/e2e/lib/program.sh
. "$(dirname "$0")/lib/program.sh"
unset THRUM_WORKERS THRUM_CLOCK THRUM_STACK

run 0 "$bin" info
says out "^version +$("$bin" --version | cut -d' ' -f2)\$"
says out "^kernel +Linux $(uname -r) $(uname -m)\$"
says out "^page size +$(getconf PAGESIZE)\$"
for key in 'workers' 'workers decided by' 'clock' 'stack of a task' 'stacks' 'membarrier' 'poller' \
	'live tasks at most' 'submissions waiting at most' 'grace period' \
	'blocking threads of each class at most'; do
	says out "^$key +[^ ]"
done
says out '^stacks .*guard of [0-9]+ by '
[ ! -s "$here/err" ] || fail 'there is something on standard error'

# Never more workers than processors that may be used; one by affinity; what the variable says.
run 0 "$bin" info --json
workers=$(value workers)
if [ "$workers" -lt 1 ] || [ "$workers" -gt "$(nproc)" ]; then
	fail "$workers workers on $(nproc) processors"
fi
json clock real
json page_size "$(getconf PAGESIZE)"
run 0 taskset -c "$(taskset -cp $$ | sed 's/.*: *//; s/[-,].*//')" "$bin" info --json
json workers 1
run 0 env THRUM_WORKERS=3 "$bin" info --json
json workers 3
case $(value workers_decided_by) in
*THRUM_WORKERS*) ;;
*) fail 'the variable is not named as the reason' ;;
esac
run 0 env THRUM_CLOCK=virtual "$bin" info --json
json clock virtual
run 0 env THRUM_STACK=131072 "$bin" info
says out '^stack of a task +131072'

# A value out of its range is ignored, with a word.
run 0 env THRUM_WORKERS=0 "$bin" info --json
json workers "$workers"
says err 'THRUM_WORKERS=0 is ignored'

# Both ways name the same things.
run 0 "$bin" info
lines=$(wc -l <"$here/out")
run 0 "$bin" info --json
keys=$(python3 -c 'import json, sys; print(len(json.load(sys.stdin)))' <"$here/out")
[ "$lines" = "$keys" ] || fail "$lines lines of text, but $keys keys"

for words in 'info --bogus' 'info -x' 'info word' 'info --json=1'; do
	# shellcheck disable=SC2086
	run 2 "$bin" $words
	says err "Try 'thrum info --help'"
done
for words in 'info --help' 'info -h' 'help info'; do
	# shellcheck disable=SC2086
	run 0 "$bin" $words
	says out '^usage: thrum info'
done
if [ -w /dev/full ]; then
	# shellcheck disable=SC2016
	run 1 bash -c '"$1" info >/dev/full' - "$bin"
	says err 'cannot write to standard output'
fi

echo "info.sh: $checks checks passed"
