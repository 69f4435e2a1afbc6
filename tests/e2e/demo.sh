#!/bin/bash
# SPDX-License-Identifier: MIT
#
# demo.sh - thrum demo over trees made for it: counts against find, hashes against sha256sum, every
# exit status and its word.  THRUM_BIN is the program.
set -eu
export LC_ALL=C.UTF-8

# shellcheck source=tests/e2e/lib/program.sh
. "$(dirname "$0")/lib/program.sh"
chmod 755 "$here"

# check_tree DIR OPTION...: status 0, find's count, sha256sum's hashes.
check_tree()
{
	local dir=$1
	shift
	run 0 "$bin" demo "$@" --list "$dir"
	sort "$here/out" >"$here/ours"
	find "$dir" -type f -exec sha256sum -- {} + | sort >"$here/theirs"
	cmp -s "$here/ours" "$here/theirs" || fail "hashes of $dir are not those of sha256sum"
	says err '^OK: every hash agrees'
	run 0 "$bin" demo "$@" --json "$dir"
	json files "$(find "$dir" -type f -printf . | wc -c)"
	json directories "$(find "$dir" -type d -printf . | wc -c)"
	json bytes "$(find "$dir" -type f -printf '%s\n' | awk '{ n += $1 } END { print n + 0 }')"
	json ok True
	json wrong 0
	json failed 0
	json changed 0
	json served.files "$(find "$dir" -type f -printf . | wc -c)"
	json served.requests "$(find "$dir" -type f -printf . | wc -c)"
	json served.bytes "$(value bytes)"
	json served.not_served 0
	json served.not_asked_for 0
	[ "$(value served.connections)" -le "$(value served.jobs)" ] ||
		fail 'connections were not kept'
	python3 -c '
import json, sys
at = json.load(sys.stdin)["served"]["latency_ms"]
assert 0 < at["p50"] <= at["p90"] <= at["p99"] <= at["p99_9"] <= at["max"], at
' <"$here/out" || fail 'the percentiles are not in order'
}

make_tree()
{
	local tree=$1 deep=$1/deep i
	mkdir -p "$tree/a/b/c" "$tree/empty dir" "$tree/many"
	: >"$tree/nothing"
	printf x >"$tree/one byte"
	head -c 1048576 /dev/urandom >"$tree/a/b/mebibyte"
	head -c 131072 /dev/urandom >"$tree/a/buffer"
	head -c 131073 /dev/urandom >"$tree/a/buffer and one"
	printf 'line\nend' >"$tree/a/b/c/with
newline"
	echo back >"$tree/a/back\\slash"
	echo bytes >"$tree/a/"$'\xff\xfe'
	for i in $(seq 60); do
		deep=$deep/d$i
	done
	mkdir -p "$deep"
	echo bottom >"$deep/bottom"
	(cd "$tree/many" && seq -f 'file%g' 1500 | xargs touch)
	ln -s nothing "$tree/link to a file"
	ln -s a "$tree/link to a directory"
	ln -s nowhere "$tree/link to nothing"
	mkfifo "$tree/fifo"
}

tree=$here/tree
make_tree "$tree"
check_tree "$tree"
check_tree "$tree" --workers 1 --jobs 1
check_tree "$tree" --workers 4 --jobs 3
check_tree "$tree/"

# The rows by worker, and that of the spare threads, add up to that of all.
adds_up()
{
	python3 -c '
import json, sys
if sys.argv[1] == "json":
    data = json.load(sys.stdin)
    rows = [list(row[key] for key in ("tasks_run", "stolen", "parks", "switches"))
            for row in data["by_worker"] + [data["spares"], data["all_workers"]]]
    assert [row["worker"] for row in data["by_worker"]] == list(range(data["workers"]))
else:
    table = sys.stdin.read().split("\n  worker  ")[1].split("\n\n")[0].splitlines()[1:]
    assert [line.split()[0] for line in table] == ["0", "1", "spares", "all"], table
    rows = [[int(word) for word in line.split()[1:]] for line in table]
assert [sum(column) for column in zip(*rows[:-1])] == rows[-1], rows
assert rows[-1][0] >= int(sys.argv[2]), rows
' "$@" <"$here/out" || fail 'the rows by worker do not add up'
}
run 0 "$bin" demo --workers 2 "$tree"
adds_up text 1509
run 0 "$bin" demo --workers 3 --json "$tree"
adds_up json 1509

# The report as text: its parts, and no progress line where there is no terminal.
run 0 "$bin" demo --workers 2 "$tree"
says out 'found 1509, hashed by tasks 1509, checked serially 1509, unreadable 0'
says out '^fetched over loopback 1509$'
says out 'files/s      MB/s'
says out '^  served  '
says out '^  a fetch took, in ms: p50 [0-9.]+, p90 [0-9.]+, p99 [0-9.]+, p99.9 [0-9.]+, max '
says out '^  speed-up '
says out '^  worker    tasks run     stolen      parks   switches$'
says out '^  1  '
says out '^  spares  '
says out '^  all  '
says_not err .

# Names that a URL must escape.
run 0 env http_proxy=http://127.0.0.1:1/ "$bin" demo --json "$tree/a"
json served.files 6
json served.not_asked_for 0

# Few descriptors: fewer files in flight.
# shellcheck disable=SC2016
run 0 bash -c 'ulimit -n 40 && exec "$1" demo --json "$2"' - "$bin" "$tree"
[ "$(python3 -c 'import json, sys; print(json.load(sys.stdin)["jobs"])' <"$here/out")" -le 20 ] ||
	fail 'more files in flight than half of the descriptors'
json ok True

# On a terminal there is a progress line, and it is gone at the end.
if command -v script >/dev/null; then
	run 0 script -qec "'$bin' demo '$tree'" /dev/null
	says out $'\r\033\[K'
	says_not out 'checked$'
else
	echo 'demo.sh: skipped: the progress line (no script(1) here)'
fi

# More files than one batch holds, more bytes than one segment.
wide=$here/wide
mkdir -p "$wide/x" "$wide/y"
(cd "$wide/x" && seq 9000 | xargs touch)
(cd "$wide/y" && seq 9000 | xargs touch)
run 0 "$bin" demo --json "$wide"
json files 18000
json ok True
rm -rf "$wide"
mkdir "$wide"
truncate -s 140M "$wide/1" "$wide/2"
check_tree "$wide"
rm -rf "$wide"

# What is not a tree with files in it.
mkdir -p "$here/hollow/inside"
run 1 "$bin" demo "$here/hollow"
says err EMPTY
run 1 "$bin" demo --json "$here/hollow"
json ok False
json files 0
run 1 "$bin" demo "$here/missing"
says err 'missing: No such file or directory'
run 1 "$bin" demo --json "$here/missing"
json ok False
run 1 "$bin" demo "$tree/nothing"
says err 'is not a directory'
run 1 "$bin" demo "$tree/link to a directory"
says err 'is a symbolic link'
check_tree "$tree/link to a directory/"

# A name that is no UTF-8 comes out as JSON all the same.
mkdir "$here/"$'bad\xff'
echo x >"$here/"$'bad\xff/file'
run 0 "$bin" demo --json "$here/"$'bad\xff'
json directory "$here/bad\\xff"

# A file that is another at each reading.
if [ -r /proc/sys/kernel/random/uuid ]; then
	run 1 "$bin" demo /proc/sys/kernel/random
	says err 'uuid: changed'
	says err CHANGED
	says_not err WRONG
	run 1 "$bin" demo --json /proc/sys/kernel/random
	json ok False
	json changed 1
	# The system does not tell how long these are.
	json served.files 0
	json served.not_asked_for "$(find /proc/sys/kernel/random -type f -printf . | wc -c)"
else
	echo 'demo.sh: skipped: a file that changes (no /proc/sys/kernel/random/uuid here)'
fi

# What may not be read is named, and the rest goes on.
as_user=()
program=$bin
if [ "$(id -u)" = 0 ]; then
	cp "$bin" "$here/thrum"
	program=$here/thrum
	as_user=(setpriv --reuid=65534 --regid=65534 --clear-groups)
fi
closed=$here/closed
mkdir -p "$closed/open" "$closed/shut"
echo secret >"$closed/secret"
echo in >"$closed/shut/in"
echo free >"$closed/open/free"
chmod 000 "$closed/secret" "$closed/shut"
if "${as_user[@]}" "$program" --version >/dev/null 2>&1; then
	run 0 "${as_user[@]}" "$program" demo "$closed"
	says err 'secret: unreadable: Permission denied'
	says err 'shut: directory not read: Permission denied'
	says out 'found 2, hashed by tasks 1, checked serially 1, unreadable 1'
	says out '^OK: '
	run 0 "${as_user[@]}" "$program" demo --json "$closed"
	json unreadable 1
	json unreadable_directories 1
	json ok True
	rm "$closed/open/free"
	run 1 "${as_user[@]}" "$program" demo "$closed"
	says err 'UNREADABLE: not one file'
	for i in $(seq 30); do
		echo secret >"$closed/open/$i"
		chmod 000 "$closed/open/$i"
	done
	run 1 "${as_user[@]}" "$program" demo "$closed"
	[ "$(grep -c 'unreadable: Permission' "$here/err")" -lt 11 ] || fail 'too many are named'
	says err 'more such files'
	run 1 "${as_user[@]}" "$program" demo --verbose "$closed"
	[ "$(grep -c 'unreadable: Permission' "$here/err")" = 31 ] || fail 'not all are named'
	chmod 000 "$closed/open"
	run 1 "${as_user[@]}" "$program" demo "$closed/open"
	says err 'open: directory not read: Permission denied'
else
	echo 'demo.sh: skipped: unreadable files (the program does not run as another user here)'
fi

# Mistakes on the command line.
for words in 'demo --bogus' 'demo -x' 'demo --workers' 'demo --workers 0' 'demo --workers 257' \
	'demo --workers 2x' 'demo --jobs -1' 'demo --jobs 4097' 'demo --json --list' 'demo a b' \
	'demo --json=1' 'bogus' '--bogus' 'help bogus' 'help demo info'; do
	# shellcheck disable=SC2086
	run 2 "$bin" $words
	says err "Try 'thrum.* --help'"
	says_not out .
done
run 2 "$bin"
says err '^usage: thrum'
for words in --help 'demo --help' 'help' 'help demo' 'demo -h'; do
	# shellcheck disable=SC2086
	run 0 "$bin" $words
	says out '^usage: thrum'
	says out '^exit status:'
	says_not err .
done
run 0 "$bin" --version
says out '^thrum [0-9][0-9.]*$'

# A result that cannot be written is no success.
if [ -w /dev/full ]; then
	for words in '' '--json' '--list'; do
		# shellcheck disable=SC2016
		run 1 bash -c '"$1" demo $2 "$3" >/dev/full' - "$bin" "$words" "$tree/a"
		says err 'cannot write to standard output'
	done
fi

echo "demo.sh: $checks checks passed"
