#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What debuggers see of fibers.  gdb: the backtrace of a running task goes from where it stands
# down to thrum__fiber_entry, and so does that of a parked one, by the recipe in fiber/fiber.h.
# Valgrind: programs of waits and a few thousand tasks give the right results and no error.
#
# A debugger that is not installed is named and left out; 77: neither is there.
set -euo pipefail
: "${THRUM_BUILD:?the build directory}" "${THRUM_SRC:?the source directory}"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
seen=0

fail()
{
	printf 'debuggers: %s\n' "$*" >&2
	[[ -f out ]] && tail -n 60 out >&2
	exit 1
}

# One task parks at the bottom of a few calls, another runs while it is: that one stops in
# look_here.
cat > walked.c <<'END'
#include <stdio.h>
#include <thrum/thrum.h>

#define DEEP __attribute__((noinline, noclone))

static struct thrum_future *gate, *parked;

DEEP intptr_t park_deep_down(intptr_t depth)
{
	intptr_t r = depth ? park_deep_down(depth - 1) : thrum_await(gate);

	__asm__ volatile("" ::: "memory");
	return r + 1;
}

DEEP void look_here(void)
{
	__asm__ volatile("" ::: "memory");
}

DEEP void run_deep_down(int depth)
{
	if (depth)
		run_deep_down(depth - 1);
	else
		look_here();
	__asm__ volatile("" ::: "memory");
}

static intptr_t parks(void *arg)
{
	return park_deep_down((intptr_t)arg);
}

static intptr_t runs(void *arg)
{
	run_deep_down((int)(intptr_t)arg);
	return 0;
}

static intptr_t body(void *arg)
{
	struct thrum_future *running;

	(void)arg;
	gate = thrum_future_create();
	parked = thrum_spawn(parks, (void *)3);
	thrum_sleep(1);
	running = thrum_spawn(runs, (void *)3);
	if (thrum_join(running) || thrum_future_set(gate, 7) || thrum_join(parked) != 11)
		return 1;
	thrum_release(gate);
	puts("walked");
	return 0;
}

int main(void)
{
	struct thrum_config config = THRUM_CONFIG_INIT;

	config.workers = 1;
	config.clock = THRUM_CLOCK_VIRTUAL;
	return (int)thrum_run_with(&config, body, NULL);
}
END

# At look_here: the running task; then the parked one, which waits for the gate.
cat > walk.py <<'END'
import gdb

gdb.execute("set confirm off")
gdb.execute("set pagination off")
gdb.execute("set debuginfod enabled off")
gdb.execute("break look_here")
gdb.execute("run")
print("RUNNING\n" + gdb.execute("bt 40", to_string=True))
gdb.execute("set $f = ((struct thrum__task *)parked)->fiber")
gdb.execute("set $sp = $f->sp")
gdb.execute("set $pc = thrum__fiber_parked")
print("PARKED\n" + gdb.execute("bt 40", to_string=True))
gdb.execute("kill")
END

# walk NAME FUNCTION...: the frames of that part of the output, from the top, in this order, and
# thrum__fiber_entry (in the assembly's own name of it) last.
walk()
{
	local part=$1 last=0 function at

	shift
	sed -n "/^$part\$/,/^\$/p" out > frames
	for function in "$@" 'thrum(__|.)fiber_entry'; do
		at=$(awk -v f="$function" -v last="$last" \
			'/^#/ && NR > last && $0 ~ "(^| )" f " ?\\(" { print NR; exit }' \
			frames)
		[[ -n $at ]] || fail "a $part task: no $function where it belongs"
		last=$at
	done
	[[ $(grep -c '^#' frames) -ge 6 ]] || fail "a short backtrace of a $part task"
	! grep -q 'Backtrace stopped' frames || fail "the walk of a $part task stops"
}

if command -v gdb > /dev/null; then
	"${CC:-cc}" -g -O2 -I "$THRUM_SRC/include" -o walked walked.c "$THRUM_BUILD/libthrum.a" \
		-lck -lpthread -lm
	[[ $(./walked) == walked ]] || fail 'the program does not run by itself'
	timeout 120 gdb -q -nx -batch -x walk.py ./walked > out 2>&1 < /dev/null ||
		fail 'gdb failed'
	walk RUNNING look_here run_deep_down runs
	walk PARKED thrum_await park_deep_down
	seen=$((seen + 1))
else
	echo 'debuggers: skipped: gdb is not installed'
fi

# No error of Valgrind's, which it would end with 9.
check_clean()
{
	THRUM_CLOCK=virtual timeout 250 valgrind --quiet --error-exitcode=9 --fair-sched=yes \
		--log-file=valgrind.log "$@" > out 2>&1 < /dev/null ||
		fail "valgrind $*: $?, $(head -n 20 valgrind.log)"
	! grep '^==' valgrind.log || fail "valgrind $*: it says something"
}

if ! command -v valgrind > /dev/null; then
	echo 'debuggers: skipped: valgrind is not installed'
elif ! echo '#include <valgrind/memcheck.h>' | "${CC:-cc}" -E - > out 2>&1; then
	echo 'debuggers: skipped: the build found no valgrind/memcheck.h'
else
	for program in gather_sum partial await_order wait_for; do
		check_clean "$THRUM_BUILD/tests/asyncio/asyncio_$program"
		diff -u "$THRUM_SRC/tests/asyncio/expected/$program.txt" out ||
			fail "$program prints other lines"
	done
	THRUM_TEST_DIV=1000 check_clean "$THRUM_BUILD/tests/stress/stress_scale"
	grep -q '^1000 tasks joined$' out || fail 'not a thousand tasks'
	seen=$((seen + 1))
fi

((seen)) || exit 77
echo "debuggers: $seen of gdb and valgrind"
