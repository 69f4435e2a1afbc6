#!/bin/bash
# SPDX-License-Identifier: MIT
#
# faults.sh - thrum demo with failing calls (lib/faults.sh).  A run ends with status 0 only if every
# hash agrees.
set -eu
export LC_ALL=C.UTF-8
# shellcheck source=tests/e2e/lib/faults.sh
. "$(dirname "$0")/lib/faults.sh"

try()
{
	status=0
	timeout -s ABRT -k 5 20 "$bin" demo --workers 2 --jobs 2 "$here/tree" \
		>"$here/out" 2>"$here/err" </dev/null || status=$?
}

judge()
{
	grep -q '^OK: every hash agrees' "$here/out" || fail 'status 0, but nothing says OK'
}

mkdir -p "$here/tree/a/b"
echo one >"$here/tree/one"
echo two >"$here/tree/a/two"
head -c 300000 /dev/zero >"$here/tree/a/b/three"
: >"$here/tree/a/b/nothing"
sweep_faults 1
