#!/bin/bash
# SPDX-License-Identifier: MIT
#
# serve_faults.sh - thrum serve with failing calls (lib/faults.sh).  In each run clients ask for
# small and large files, a list and what is not there, and the server is told to stop.  What they
# get must be right as far as it comes; a run without a fault answers all, one with a single fault
# all but one connection, unless it could not start.
set -eu
export LC_ALL=C.UTF-8
# shellcheck source=tests/e2e/lib/faults.sh
. "$(dirname "$0")/lib/faults.sh"
ask=$(dirname "$0")/lib/serve_ask.py
mkdir -p "$here/top/sub" "$here/top/list"
echo hello >"$here/top/hello"
echo index >"$here/top/sub/index.html"
: >"$here/top/list/a b"
head -c 300000 /dev/zero >"$here/top/large"

try()
{
	status=0
	timeout -s ABRT -k 5 60 python3 "$ask" "$here/top" "$bin" --json --port 0 --workers 2 \
		--list --log --idle-timeout 2 --request-timeout 2 --write-timeout 2 --grace 1 \
		>"$here/out" 2>"$here/err" || status=$?
	[[ $fault = *+ ]] || ! grep -q '^thrum serve: accepting' "$here/err" ||
		fail 'it takes no connections any more'
}

judge()
{
	grep -q '^thrum: [0-9]* fault points passed, fired' "$here/err" ||
		grep -q '^8 of 8$' "$here/out" || fail 'without a fault an answer is missing'
}

sweep_faults 7
