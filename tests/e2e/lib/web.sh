# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# web.sh - sourced: start_web starts web.py in $here/web and sets $http, $https, $refused (a port
# where nobody listens) and $backend.  It ends with the process in $web, or with descriptor 9.
# Without nginx the test is skipped (77).

# shellcheck disable=SC2034
here=${here:?}
http=
https=
refused=
backend=

start_web()
{
	local ports status=0
	mkdir -p "$here/web"
	mkfifo "$here/web/hold" "$here/web/ports"
	python3 "$(dirname "${BASH_SOURCE[0]}")/web.py" "$here/web" \
		<"$here/web/hold" >"$here/web/ports" 9>&- &
	web=$!
	exec 9>"$here/web/hold"
	if ! read -r ports <"$here/web/ports"; then
		wait "$web" || status=$?
		[ "$status" != 77 ] || echo "${0##*/}: skipped: no nginx or no openssl here"
		exit "$status"
	fi
	eval "$(echo "$ports" | python3 -c 'import json, sys
for item in json.load(sys.stdin).items():
    print("%s=%s" % item)')"
}
