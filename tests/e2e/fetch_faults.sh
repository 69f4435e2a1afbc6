#!/bin/bash
# SPDX-License-Identifier: MIT
#
# fetch_faults.sh - thrum fetch, from a sound server, with failing calls (lib/faults.sh).  A run
# ends with status 0 only if every answer is right.  Without nginx it is skipped (77).
set -eu
export LC_ALL=C.UTF-8
# shellcheck source=tests/e2e/lib/faults.sh
. "$(dirname "$0")/lib/faults.sh"
# shellcheck source=tests/e2e/lib/web.sh
. "$(dirname "$0")/lib/web.sh"
web=
trap '[ -z "$web" ] || kill "$web" 2>/dev/null || :; rm -rf "$here"' EXIT
start_web
head -c 200000 /dev/zero >"$here/web/top/large"
printf '%s\n' "$http/moved" "$http/large" "$https/hello" >"$here/list"

try()
{
	status=0
	timeout -s ABRT -k 5 20 "$bin" fetch --workers 2 --jobs 2 --timeout 5 --sha256 $json \
		--cacert "$here/web/cert.pem" "$http/hello" - "$http/hello" \
		<"$here/list" >"$here/out" 2>"$here/err" || status=$?
}

# Status, bytes and hash of each answer.
answers()
{
	local n='\([0-9]*\)'
	if [ "$json" ]; then
		sed -n "s/.*\"status\":$n,\"bytes\":$n,.*\"sha256\":\"\([^\"]*\)\".*/\1 \2 \3/p" \
			"$here/out"
	else
		awk '{ print $1, $2, $4 }' "$here/out"
	fi
}

judge()
{
	[ "$(answers)" = "$want" ] || fail "an answer is wrong: $(answers)"
}

hash_of()
{
	sha256sum <"$here/web/top/$1" | cut -d ' ' -f 1
}

want="200 6 $(hash_of hello)
200 6 $(hash_of hello)
200 200000 $(hash_of large)
200 6 $(hash_of hello)
200 6 $(hash_of hello)"
for json in '' --json; do
	sweep_faults 3
done
