#!/bin/bash
# SPDX-License-Identifier: MIT
#
# serve.sh - thrum serve from outside: curl's view of it, raw bytes (serve_client.py), wrk, nginx in
# front, the stop, the command line.  THRUM_BIN is the program.
set -eu
export LC_ALL=C.UTF-8

# shellcheck source=tests/e2e/lib/program.sh
. "$(dirname "$0")/lib/program.sh"
client=$(realpath "$(dirname "$0")")/serve_client.py
server=
front=
files=

end_all()
{
	local process
	for process in $server $front; do
		kill -KILL "$process" 2>/dev/null || :
	done
	rm -rf "$here"
}
trap end_all EXIT

for tool in curl python3; do
	if ! command -v "$tool" >/dev/null; then
		echo "serve.sh: skipped: no $tool here"
		exit 77
	fi
done

top=$here/top
mkdir -p "$top/sub" "$top/bare" "$top/odd"
echo secret >"$here/secret"
echo 'hello, world' >"$top/hello.txt"
echo '<p>top</p>' >"$top/index.html"
echo '<p>sub</p>' >"$top/sub/index.html"
: >"$top/empty"
head -c 16384 /dev/urandom >"$top/small.bin"
head -c 16385 /dev/urandom >"$top/middle.bin"
head -c 1000003 /dev/urandom >"$top/big.bin"
head -c 33554432 /dev/urandom >"$top/huge.bin"
truncate -s 5G "$top/sparse.bin"
echo x >"$top/bare/file"
echo q >"$top/odd/"'a b?#%<&>".txt'
echo u >"$top/odd/ü"
ln -s ../secret "$top/link_out"
ln -s "$here/secret" "$top/link_out_absolute"
ln -s .. "$top/dir_out"
ln -s hello.txt "$top/link_in"
ln -s link_loop "$top/link_loop"
ln -s /proc/self "$top/link_proc"
ln -s /dev/zero "$top/link_dev"
mkfifo "$top/pipe"
cd "$top"

# start OPTION...: $server, $port, $url.  $files: ulimit's words, for a limit on open files.
start()
{
	mkfifo "$here/ready"
	(
		# shellcheck disable=SC2086
		[ -z "$files" ] || ulimit $files
		exec "$bin" serve --json --port 0 "$@" "$top" >"$here/ready" 2>"$here/server"
	) &
	server=$!
	exec 3<"$here/ready"
	rm "$here/ready"
	read -r line <&3 || fail 'it does not start'
	url=$(echo "$line" | python3 -c 'import json, sys; print(json.load(sys.stdin)["url"])')
	port=${url##*:}
	port=${port%/}
}

# ended STATUS: it ends, and its last word is valid.
ended()
{
	local got=0
	wait "$server" || got=$?
	server=
	cp "$here/server" "$here/err"
	[ "$got" = "$1" ] || fail "it ended with $got, not $1"
	cat <&3 >"$here/out"
	exec 3<&-
	json event stopped
}

stop()
{
	kill -TERM "$server"
	ended 0
}

# ask STATUS OPTION... PATH: curl's body in $here/out, the head in $here/head.
ask()
{
	local want=$1 got
	shift
	: >"$here/out"
	got=$(curl -s --max-time 60 --path-as-is -D "$here/head" -o "$here/out" -w '%{http_code}' \
		"${@:1:$#-1}" "$url${!#}") || fail "curl $* failed"
	[ "$got" = "$want" ] || fail "'$*' was answered with $got, not $want"
	checks=$((checks + 1))
}

head_says()
{
	tr -d '\r' <"$here/head" | grep -Eq -- "$1" || fail "no '$1' in the head"
	checks=$((checks + 1))
}

same()
{
	cmp -s "$here/out" "$1" || fail "$1 came in wrong"
	checks=$((checks + 1))
}

raw()
{
	timeout 300 python3 "$client" "$port" "$server" "$@" >"$here/out" 2>"$here/client" || {
		cat "$here/client" >&2
		fail "serve_client.py $*"
	}
	checks=$((checks + $(sed 's/^[^0-9]*\([0-9]*\) checks.*/\1/' "$here/out")))
}

check_files()
{
	local f
	for f in hello.txt empty small.bin middle.bin big.bin huge.bin; do
		ask 200 "$f"
		same "$f"
		head_says "^Content-Length: $(stat -c %s "$f")$"
		head_says '^ETag: "[0-9a-f]+-[0-9a-f]+-[0-9a-f]+"$'
		head_says '^Accept-Ranges: bytes$'
		head_says '^Server: thrum$'
		ask 200 -I "$f"
		head_says "^Content-Length: $(stat -c %s "$f")$"
	done
	head_says "^Last-Modified: $(date -u -r huge.bin '+%a, %d %b %Y %H:%M:%S GMT')$"
	ask 200 hello.txt
	head_says '^Content-Type: text/plain; charset=utf-8$'
	ask 200 ''
	same index.html
	head_says '^Content-Type: text/html; charset=utf-8$'
	ask 200 sub/
	same sub/index.html
	ask 301 sub?a=b
	head_says '^Location: /sub/\?a=b$'
	ask 301 //sub
	head_says '^Location: /sub/$'
	ask 200 odd/a%20b%3f%23%25%3c%26%3e%22.txt
	ask 200 odd/%c3%bc
	ask 404 hello.txt/
	ask 404 hello.txt/x
	ask 404 none
	ask 404 bare/
	ask 404 pipe
	ask 405 -X POST -d x hello.txt
	head_says '^Allow: GET, HEAD$'
}

check_ranges()
{
	local range
	for range in 0-0 0-16383 16384-16384 5- 999999- 1000002-1000009 -1 -1000003; do
		ask 206 -r "$range" big.bin
		curl -s -r "$range" "file://$top/big.bin" -o "$here/want"
		cmp -s "$here/out" "$here/want" || fail "range $range came in wrong"
	done
	ask 206 -r 10-14 big.bin
	head_says '^Content-Range: bytes 10-14/1000003$'
	ask 416 -r 1000003- big.bin
	head_says '^Content-Range: bytes \*/1000003$'
	ask 416 -r 0- empty
	ask 200 -r 0-1,4-5 big.bin
	same big.bin
	ask 206 -r 4294967296-4294967305 sparse.bin
	head_says '^Content-Range: bytes 4294967296-4294967305/5368709120$'
	[ "$(wc -c <"$here/out")" = 10 ] || fail 'ten bytes beyond 4 GiB are not ten'
	ask 200 -I sparse.bin
	head_says '^Content-Length: 5368709120$'
}

check_conditions()
{
	local etag modified
	ask 200 hello.txt
	etag=$(sed -n 's/^ETag: \(.*\)\r$/\1/p' "$here/head")
	modified=$(sed -n 's/^Last-Modified: \(.*\)\r$/\1/p' "$here/head")
	ask 304 -H "If-None-Match: $etag" hello.txt
	head_says "^ETag: $etag$"
	[ ! -s "$here/out" ] || fail '304 has a body'
	ask 200 -H 'If-None-Match: "x"' hello.txt
	ask 304 -H "If-Modified-Since: $modified" hello.txt
	ask 412 -H 'If-Match: "x"' hello.txt
	ask 200 -H "If-Match: $etag" hello.txt
	ask 412 -H 'If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT' hello.txt
	ask 206 -r 0-1 -H "If-Range: $etag" hello.txt
	ask 200 -r 0-1 -H 'If-Range: "x"' hello.txt
	# A change changes the tag.
	echo 'hello, World' >hello.new
	touch -r hello.txt hello.new
	mv hello.txt hello.old
	mv hello.new hello.txt
	ask 200 -H "If-None-Match: $etag" hello.txt
	same hello.txt
	mv hello.old hello.txt
}

check_wrk()
{
	local n=0 round=0 want
	if ! command -v wrk >/dev/null; then
		echo 'serve.sh: skipped: wrk (not here)'
		return
	fi
	want=$((100000 / ${THRUM_TEST_DIV:-1}))
	while [ "$n" -lt "$want" ]; do
		run 0 wrk -t 2 -c 64 -d 1 "${url}hello.txt"
		says_not out 'Socket errors|Non-2xx'
		n=$((n + $(sed -n 's/^ *\([0-9]*\) requests in.*/\1/p' "$here/out")))
		round=$((round + 1))
		[ "$round" -lt 100 ] || fail "only $n requests of $want"
	done
}

# nginx as a reverse proxy that keeps its connections.
check_nginx()
{
	local own=$url f
	if ! command -v nginx >/dev/null; then
		echo 'serve.sh: skipped: nginx in front (not here)'
		return
	fi
	mkdir "$here/nginx"
	cat >"$here/nginx/conf" <<-END
		daemon off;
		pid $here/nginx/pid;
		error_log $here/nginx/log;
		events { }
		http {
			access_log off;
			proxy_max_temp_file_size 0; # its worker may be another user
			client_body_temp_path $here/nginx/t1;
			proxy_temp_path $here/nginx/t2;
			fastcgi_temp_path $here/nginx/t3;
			uwsgi_temp_path $here/nginx/t4;
			scgi_temp_path $here/nginx/t5;
			upstream thrum { server 127.0.0.1:$port; keepalive 8; }
			server {
				listen unix:$here/nginx/socket;
				location / {
					proxy_pass http://thrum;
					proxy_http_version 1.1;
					proxy_set_header Connection "";
				}
			}
		}
	END
	nginx -c "$here/nginx/conf" 2>"$here/nginx/out" &
	front=$!
	url=http://thrum/
	for _ in $(seq 100); do
		[ ! -S "$here/nginx/socket" ] || break
		read -r -t 0.1 <> <(:) || :
	done
	for _ in 1 2 3; do
		for f in hello.txt middle.bin big.bin huge.bin; do
			ask 200 --unix-socket "$here/nginx/socket" "$f"
			same "$f"
		done
		ask 206 --unix-socket "$here/nginx/socket" -r 1-2 big.bin
		ask 404 --unix-socket "$here/nginx/socket" none
		ask 200 --unix-socket "$here/nginx/socket" -I big.bin
		ask 405 --unix-socket "$here/nginx/socket" -d x hello.txt
	done
	kill -QUIT "$front"
	wait "$front" || :
	front=
	[ ! -s "$here/nginx/log" ] || ! grep -E 'error|crit|alert' "$here/nginx/log" ||
		fail 'nginx is not content'
	url=$own
}

for workers in 1 4; do
	start --workers "$workers"
	raw idle churn note
	check_files
	check_ranges
	check_conditions
	raw statuses outside pipelined bodies smuggling slow leaks
	check_wrk
	[ "$workers" = 1 ] || check_nginx
	raw noted stop
	ended 0
	json cut 0
done

start --idle-timeout 0.5 --request-timeout 0.5 --write-timeout 0.5
raw timeouts
stop

start --grace 1
raw cut
ended 0
json cut 1
says err '1 connections were cut'

# Lists, and a line for each request.
start --list --log --workers 2
ask 200 odd/
says out '<a href="./a%20b%3F%23%25%3C%26%3E%22.txt">a b\?#%&lt;&amp;&gt;&quot;.txt</a>'
says out '<a href="./%C3%BC">ü</a>'
says out '<a href="../">'
ask 200 bare/
says out '<a href="./file">file</a>'
ask 404 dir_out/
ask 200 -I bare/
ask 200 sub/
same sub/index.html
kill -INT "$server"
ended 0
says err '^127.0.0.1 \[.* GMT\] "GET /odd/" 200 [0-9]+$'
says err '"GET /dir_out/" 404 0$'

# An address of the other family, and a port that is taken.
if [ -e /proc/net/if_inet6 ] && grep -q ' lo$' /proc/net/if_inet6; then
	start --bind ::1
	[ "$url" = "http://[::1]:$port/" ] || fail "its address is $url"
	ask 200 hello.txt
	run 1 "$bin" serve --bind ::1 --port "$port" .
	says err 'Address already in use'
	stop
else
	echo 'serve.sh: skipped: ::1 (no IPv6 here)'
fi

# As many connections as the limit on open files allows, and more.
files='-n 120'
start --request-timeout 60
raw full
python3 - "$port" <<'END'
import socket, sys
held = [socket.create_connection(("127.0.0.1", int(sys.argv[1]))) for _ in range(200)]
END
ask 200 hello.txt
same hello.txt
stop
says err 'the limit on open files allows 41 connections'
[ "$(wc -l <"$here/err")" = 1 ] || fail 'it said more than once that it is full'

# A low soft limit is raised.
files='-Sn 100'
start
read -r _ _ _ soft hard _ < <(grep '^Max open files' "/proc/$server/limits")
[ "$soft" = "$hard" ] || [ "$soft" = 1048576 ] || fail "it has $soft descriptors of $hard"
checks=$((checks + 1))
stop
files=

# Mistakes on the command line.
for words in 'serve' 'serve a b' 'serve --port x .' 'serve --port 65536 .' 'serve --workers 0 .' \
	'serve --grace -1 .' 'serve --grace 1.2345 .' 'serve --idle-timeout 0 .' 'serve --bogus .' \
	'serve --port' 'serve --grace . .' 'serve --write-timeout 1. .' 'serve --bind= .'; do
	# shellcheck disable=SC2086
	run 2 "$bin" $words
	says err "Try 'thrum.* --help'"
	says_not out .
done
run 0 "$bin" serve --help
says out '^usage: thrum serve'
run 1 "$bin" serve "$top/none"
says err 'none: No such file or directory'
run 1 "$bin" serve "$top/hello.txt"
says err 'hello.txt: Not a directory'
run 1 "$bin" serve --port 0 --bind 192.0.2.1 .
says err 'Cannot assign requested address'
if [ -w /dev/full ]; then
	# shellcheck disable=SC2016
	run 1 bash -c '"$1" serve --port 0 . >/dev/full' - "$bin"
	says err 'cannot write to standard output'
fi

echo "serve.sh: $checks checks passed"
