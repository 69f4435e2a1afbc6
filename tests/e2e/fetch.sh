#!/bin/bash
# SPDX-License-Identifier: MIT
#
# fetch.sh - thrum fetch from an nginx (lib/web.py) and from thrum serve: answers and errors, order,
# how many are in flight as the server counts them, https, redirects, proxies, standard input,
# signals, the command line.  THRUM_BIN is the program.
set -eu
export LC_ALL=C.UTF-8
unset http_proxy https_proxy all_proxy no_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY

# shellcheck source=tests/e2e/lib/program.sh
. "$(dirname "$0")/lib/program.sh"
library=$(realpath "$(dirname "$0")")/lib
started=()

end_all()
{
	local process
	for process in "${started[@]}"; do
		kill "$process" 2>/dev/null || :
	done
	rm -rf "$here"
}
trap end_all EXIT

# shellcheck source=tests/e2e/lib/web.sh
. "$library/web.sh"
start_web
started+=("$web")
top=$here/web/top
head -c 3000001 /dev/urandom >"$top/large"
cd "$here"

# line N: the N-th line of the output.
line()
{
	sed -n "$1p" "$here/out"
}

# ask_backend PATH
ask_backend()
{
	python3 -c 'import sys, urllib.request as web
print(web.urlopen(sys.argv[1]).read().decode().strip())' "$backend/$1"
}

# most LEAST MOST: so many were in flight at one time since the last look, as the backend saw it.
most()
{
	local got
	got=$(ask_backend most)
	if [ "$got" -lt "$1" ] || [ "$got" -gt "$2" ]; then
		fail "$got in flight at one time, not $1 to $2"
	fi
	checks=$((checks + 1))
}

# Answers.
run 0 "$bin" fetch "$http/hello"
says out "^200 +6 +[0-9.]+  $http/hello\$"
says_not err .
run 0 "$bin" fetch "$http/nothing" "$http/slow/7" "$http/hello" "$http/large"
[ "$(awk '{ print $1, $2, $4 }' "$here/out")" = "204 0 $http/nothing
200 700 $http/slow/7
200 6 $http/hello
200 3000001 $http/large" ] || fail 'not in the order asked'
run 1 "$bin" fetch "$http/none" "$http/hello" "$http/teapot"
says out "^404 .*$http/none\$"
says out "^418 .*$http/teapot\$"
says err '^thrum fetch: 2 of 3 did not end with status 2xx$'

# What is no answer, in words.
run 1 "$bin" fetch "$refused" "$http/broken" 'http://no name/' ftp://127.0.0.1/ \
	"file://$top/hello" http://no.such.host.invalid/ "$http/hello"
says out "^--- +0 +[0-9.]+  $refused: .*[Cc]onnect"
says out "^200 +100 .*/broken: transfer closed with 900 bytes remaining to read"
says out 'http://no name/: URL using bad/illegal format'
says out 'ftp://127.0.0.1/: Protocol "ftp" not supported'
says out 'hello: Protocol "file" not supported'
says out 'invalid/: Could not resolve host'
says err '^thrum fetch: 6 of 7 '
begin=$(date +%s%N)
run 1 "$bin" fetch --timeout 0.5 "$http/hello" "$http/hang"
[ $((($(date +%s%N) - begin) / 1000000)) -lt 20000 ] || fail '--timeout took too long'
says out "^200 .*hello\$"
says out "^--- .*hang: Operation timed out after 5[0-9][0-9] milliseconds"
run 1 "$bin" fetch $'http://127.0.0.1:1/\e[31m\n'
says_not out $'\e'

# https.
run 1 "$bin" fetch "$https/hello"
says out '^---.*: SSL certificate problem: self-signed certificate'
run 0 "$bin" fetch --insecure "$https/hello" "$https/large" "$https/moved"
says out "^200 +3000001 .*$https/large"
run 0 "$bin" fetch --cacert "$here/web/cert.pem" "$https/hello"
run 1 "$bin" fetch --cacert "$here/none" "$https/hello"
says out '^---.*certificate'

# Redirects.
run 0 "$bin" fetch "$http/moved"
says out "^200 +6 .*$http/hello\$"
run 1 "$bin" fetch --no-location "$http/moved"
says out "^301 .*$http/moved\$"
run 1 "$bin" fetch "$http/loop" "$http/refused"
says out '^302 .*/loop: Maximum \(20\) redirects followed'
says out '^302 .*/refused: .*[Cc]onnect'

# Bodies are hashed as they come.
run 0 "$bin" fetch --sha256 "$http/large" "$https/large" -k
hash=$(sha256sum "$top/large" | cut -d' ' -f1)
[ "$(awk '{ print $4 }' "$here/out")" = "$hash
$hash" ] || fail 'hashes are not those of sha256sum'

# How many are in flight: as many as asked for, and never more.
urls=()
for n in $(seq 100); do
	urls+=("$http/slow/$n")
done
most 1 3
ask_backend hold/8 # on a busy machine those before would be over
run 0 "$bin" fetch --jobs 8 "${urls[@]}"
[ "$(awk '{ print $1, $2 }' "$here/out")" = "$(seq -f '200 %g00' 100)" ] || fail 'not in order'
most 8 8
run 0 "$bin" fetch --jobs 1 "${urls[@]:0:3}"
most 1 1
ask_backend hold/40
run 0 "$bin" fetch --workers 1 --jobs 100 "${urls[@]}"
most 40 100
# shellcheck disable=SC2016
run 0 bash -c 'ulimit -n 64 && exec "$@"' - "$bin" fetch --jobs 1000 "${urls[@]:0:12}"

# Standard input: as it comes, without what is blank.
{
	printf '\n  %s\t\r\n\n%s\n' "$http/hello" "$http/slow/3"
	printf '%s' "$http/nothing"
} >"$here/list"
code=0
"$bin" fetch "$http/slow/1" - "$http/slow/2" <"$here/list" >"$here/out" 2>"$here/err" || code=$?
[ "$code" = 0 ] || fail "with standard input it ended with $code"
[ "$(awk '{ print $2 }' "$here/out" | xargs)" = '100 6 300 0 200' ] || fail 'input is not in order'
seq -f "$http/slow/../hello?%g" 10000 >"$here/list"
run 0 bash -c "'$bin' fetch --jobs 4 - <'$here/list'"
[ "$(awk '{ print $1 $2 $4 }' "$here/out" | sort | uniq | wc -l)" = 10000 ] ||
	fail 'a line is missing'
[ "$(line 10000 | awk '{ print $4 }')" = "$http/hello?10000" ] || fail 'the last is another'
run 1 "$bin" fetch -
says err 'no URL was given'
head -c 70000 /dev/zero | tr '\0' x >"$here/list"
run 1 bash -c "'$bin' fetch - <'$here/list'"
says err 'too long for a URL'
run 1 bash -c "'$bin' fetch - <&-"
says err 'standard input cannot be read'
mkfifo "$here/ask" "$here/told"
"$bin" fetch - <"$here/ask" >"$here/told" 2>"$here/err" &
fetch=$!
exec 3>"$here/ask" 4<"$here/told"
for name in hello nothing hello; do
	echo "$http/$name" >&3
	read -r -t 60 text <&4 || fail 'an answer does not come before the next question'
	[[ $text == 20*"$http/$name" ]] || fail "the answer is '$text'"
done
exec 3>&-
wait "$fetch" || fail 'with a dialogue it failed'
exec 4<&-

# JSON.
run 1 "$bin" fetch --json --sha256 "$http/moved" "$http/none" "$refused" $'http://x/\xff"\n'
python3 - "$here/out" "$http" <<'END' || fail 'the JSON is not as it should be'
import hashlib, json, sys
text = json.load(open(sys.argv[1], encoding="utf-8"))
http = sys.argv[2]
assert text["ok"] is False and text["good"] == 1 and text["bad"] == 3 and text["seconds"] > 0, text
first, second, third, fourth = text["fetches"]
assert first["url"] == http + "/moved" and first["effective_url"] == http + "/hello", first
assert first["ok"] is True and first["status"] == 200 and first["bytes"] == 6, first
assert 0 < first["seconds"] < 60 and "error" not in first, first
assert first["sha256"] == hashlib.sha256(b"hello\n").hexdigest(), first
assert second["ok"] is False and second["status"] == 404 and "error" not in second, second
assert third["status"] == 0 and "onnect" in third["error"] and "sha256" not in third, third
assert fourth["url"] == 'http://x/\\xff"\\n' and fourth["error"], fourth
END
checks=$((checks + 1))
run 0 "$bin" fetch --json "$http/hello"
json ok True
json bytes 6

# A signal: what had come is told, what had not is cancelled, and it ends at once.
signals='INT TERM'
if grep -q __tsan_init "$bin"; then
	# It keeps a signal back until its thread calls the C library, and the main one waits.
	echo 'fetch.sh: skipped: signals (ThreadSanitizer holds them up)'
	signals=
fi
for signal in $signals; do
	for option in --sha256 --json; do
		mkfifo "$here/told.$signal$option"
		"$bin" fetch --jobs 2 $option "$http/hello" "$http/hang" "$http/hang" \
			"$http/hello" >"$here/told.$signal$option" 2>"$here/err" &
		fetch=$!
		exec 4<"$here/told.$signal$option"
		while read -r -t 60 text <&4; do
			echo "$text"
			[[ $text != *hello* ]] || break
		done >"$here/out"
		kill -"$signal" "$fetch"
		cat <&4 >>"$here/out"
		exec 4<&-
		code=0
		wait "$fetch" || code=$?
		[ "$code" = 1 ] || fail "with SIG$signal it ended with $code"
		says err '^thrum fetch: interrupted$'
		if [ $option = --json ]; then
			json ok False
			json error interrupted
			json good 1
			json bad 3
		else
			# The second one begins when hello has ended, perhaps after the signal.
			grep -q 'hang: Operation canceled$' "$here/out" || fail 'none cancelled'
			[ "$(grep -cE 'hang: (Operation canceled|not begun)$' "$here/out")" = 2 ] ||
				fail 'not 2 cancelled'
			says out 'hello: not begun$'
		fi
	done
done

# Output that cannot be written is no success, and no signal.
if [ -w /dev/full ]; then
	# shellcheck disable=SC2016
	run 1 bash -c '"$@" >/dev/full' - "$bin" fetch "$http/hello"
	says err 'cannot write to standard output: No space left'
fi
seq -f "$http/hello?%g" 3000 >"$here/list"
# shellcheck disable=SC2016
run 0 bash -c '"$1" fetch - <"$2" | read -r; [ "${PIPESTATUS[0]}" = 1 ]' - "$bin" "$here/list"
says err 'cannot write to standard output: Broken pipe'
# shellcheck disable=SC2016
run 1 bash -c '"$@" >&-' - "$bin" fetch "$http/hello"
says err 'cannot write to standard output'

# A body is not kept: its size is not the program's.
truncate -s 400M "$top/sparse"
run 0 python3 - "$bin" "$http/sparse" <<'END'
import resource, subprocess, sys
out = subprocess.run([sys.argv[1], "fetch", sys.argv[2]], check=True, stdout=subprocess.PIPE).stdout
assert b" 419430400 " in out, out
assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 200000, "KiB resident"
END

# A proxy, from the environment.
run 0 env http_proxy="$http" "$bin" fetch http://no.such.host.invalid/hello
says out '^200 +6 .*  http://no.such.host.invalid/hello$'
run 1 env http_proxy="$refused" "$bin" fetch "$http/hello"
run 0 env http_proxy="$refused" no_proxy=127.0.0.1 "$bin" fetch "$http/hello"

# What nginx saw of it.
run 0 "$bin" fetch --user-agent 'a b/1' "$http/hello?agent"
grep -q ' 200 /hello a b/1$' "$here/web/access" || fail 'the user agent is another'
grep -q " 200 /hello thrum/[0-9]" "$here/web/access" || fail 'the user agent is not ours'

# From thrum serve.
if "$bin" help | grep -q '^  serve'; then
	mkfifo "$here/ready"
	"$bin" serve --json --port 0 "$top" >"$here/ready" 2>"$here/server" &
	started+=($!)
	exec 5<"$here/ready"
	read -r text <&5
	url=$(echo "$text" | python3 -c 'import json, sys; print(json.load(sys.stdin)["url"])')
	run 1 "$bin" fetch --sha256 "${url}large" "${url}hello" "${url}none"
	says out "^200 +3000001 .* $hash  ${url}large\$"
	says out "^200 +6 .*hello\$"
	says out "^404 .*none\$"
else
	echo 'fetch.sh: skipped: fetching from thrum serve (this program has none)'
fi

# Mistakes on the command line.
for words in 'fetch' 'fetch --bogus a' 'fetch --jobs 0 a' 'fetch --jobs 1025 a' 'fetch --jobs' \
	'fetch --timeout -1 a' 'fetch --timeout x a' 'fetch --timeout 86401 a' 'fetch --json=1 a' \
	'fetch --workers 0 a' 'fetch -x a' 'fetch --timeout 1.2.3 a' 'fetch --timeout 0.0001 a'; do
	# shellcheck disable=SC2086
	run 2 "$bin" $words
	says err "Try 'thrum fetch --help'"
	says_not out .
done
for words in 'fetch --help' 'help fetch' 'fetch -h'; do
	# shellcheck disable=SC2086
	run 0 "$bin" $words
	says out '^usage: thrum fetch'
	says out '^exit status:'
done

echo "fetch.sh: $checks checks passed"
