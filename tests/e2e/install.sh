#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Installs the build into a scratch directory and is its user: pkg-config, shared and static; C11
# and C++17 with pedantic warnings; each public header alone; the names of the shared library; the
# CMake package.
set -euo pipefail
: "${THRUM_BUILD:?the build directory}" "${THRUM_SRC:?the source directory}"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
prefix=$scratch/prefix
cd "$scratch"

fail()
{
	printf 'install: %s\n' "$*" >&2
	exit 1
}

cmake --install "$THRUM_BUILD" --prefix "$prefix" > install.log 2>&1 ||
	fail "cmake --install: $(tail -5 install.log)"
libdir=$(dirname "$(find "$prefix" -name libthrum.a)")
[[ -n $libdir ]] || fail 'no libthrum.a'
library=$libdir/libthrum.so
export PKG_CONFIG_PATH=$libdir/pkgconfig
export LD_LIBRARY_PATH=$libdir
strict=(-O2 -Wall -Wextra -Wpedantic -Werror)

# ---- The shared library: its name, its flags, its symbols ----

header=$prefix/include/thrum/result.h
major=$(awk '/define THRUM_VERSION_MAJOR/ { print $3 }' "$header")
minor=$(awk '/define THRUM_VERSION_MINOR/ { print $3 }' "$header")
version=$major.$minor.$(awk '/define THRUM_VERSION_PATCH/ { print $3 }' "$header")
[[ $(pkg-config --modversion thrum) == "$version" ]] || fail "thrum.pc is not of version $version"
readelf -d "$library" > dynamic
grep -q "SONAME.*\[libthrum\.so\.$major\.$minor\]" dynamic ||
	fail "the SONAME: $(grep SONAME dynamic)"
grep -q NODELETE dynamic || fail 'it is not linked with -z nodelete'

# What the headers declare, and nothing else, with the version's node.
nm -D --defined-only "$library" | awk '$2 != "A" { print $3 }' | sort > exported
if grep -v "^thrum_[a-z][a-z0-9_]*@@THRUM_$major\.$minor\$" exported; then
	fail 'it exports other names'
fi
cat > declared.py <<'END'
import pathlib, re, sys
names = set()
for path in pathlib.Path(sys.argv[1]).glob("*.h"):
    text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
    text = re.sub(r"^#(?:\\\n|[^\n])*", "", text, flags=re.M)
    names.update(re.findall(
        r"^(?!static|typedef)[A-Za-z_][\w\s]*?[\s*](thrum_\w+)\([^{}]*?\)[^{};]*;", text, re.M))
print("\n".join(sorted(names)))
END
python3 declared.py "$prefix/include/thrum" | sort > declared
[[ -s declared ]] || fail 'no function found in the headers'
sed 's/@.*//' exported | sort > exported_names
missing=$(comm -23 declared exported_names)
[[ -z $missing ]] || fail "declared and not exported: ${missing//$'\n'/ }"

# ---- The public headers ----

for compiler in gcc clang; do
	command -v "$compiler" > /dev/null || continue
	for header in "$prefix"/include/thrum/*.h; do
		name=thrum/${header##*/}
		printf '#include <%s>\n' "$name" > alone.c
		for dialect in 'c -std=c11' 'c++ -std=c++17'; do
			[[ $dialect == 'c -'* ]] || command -v g++ > /dev/null || continue
			# shellcheck disable=SC2086 # the dialect is two words
			"$compiler" -x $dialect "${strict[@]}" -fsyntax-only \
				-I"$prefix/include" alone.c ||
				fail "$name alone: $compiler -x $dialect"
		done
		# As an editor looks at it.
		"$compiler" -x c -std=c11 "${strict[@]}" -fsyntax-only \
			-I"$prefix/include" "$header" ||
			fail "$name itself: $compiler"
	done
done
# What is made where it lies, in either language; no semaphore has more permits than there can be.
cat > in_place.c <<'END'
#include <thrum/thrum.h>

struct thrum_mutex mutex = THRUM_MUTEX_INIT;
struct thrum_rwlock rwlock = THRUM_RWLOCK_INIT;
struct thrum_sem sems[] = {THRUM_SEM_INIT(0), THRUM_SEM_INIT(1u), THRUM_SEM_INIT(THRUM_SEM_MAX)};
struct thrum_cond cond = THRUM_COND_INIT;
struct thrum_once once = THRUM_ONCE_INIT;
struct thrum_event event = {{0}};
struct thrum_wait_group group = {{0}};
#ifdef PERMITS
struct thrum_sem sem = THRUM_SEM_INIT(PERMITS);
#endif

int in_a_frame(void);
int in_a_frame(void)
{
	struct thrum_sem mine = THRUM_SEM_INIT(7);
	struct thrum_mutex lock = THRUM_MUTEX_INIT;

	return thrum_mutex_try_lock(&lock) + thrum_sem_try_wait(&mine);
}
END
for compiler in gcc clang; do
	command -v "$compiler" > /dev/null || continue
	for dialect in 'c -std=c11' 'c++ -std=c++17'; do
		[[ $dialect == 'c -'* ]] || command -v g++ > /dev/null || continue
		# shellcheck disable=SC2206 # the dialect is two words
		make_in_place=("$compiler" -x $dialect "${strict[@]}" -fsyntax-only
			-I"$prefix/include" in_place.c)
		"${make_in_place[@]}" || fail "made in place: $compiler -x $dialect"
		for permits in -1 0x40000000; do
			if "${make_in_place[@]}" -DPERMITS=$permits 2> /dev/null; then
				fail "a semaphore of $permits: $compiler -x $dialect"
			fi
		done
	done
done
never='stdatomic|_Atomic|_Thread_local|__thread|thread_local|ck_[a-z]+\.h'
if grep -nE "$never" "$prefix"/include/thrum/*.h; then
	fail 'a public header has what none may have'
fi

# ---- A user's program ----

cat > user.c <<'END'
#include <stdio.h>
#include <string.h>
#include <thrum/thrum.h>

static intptr_t square(void *arg)
{
	intptr_t n = (intptr_t)arg;

	return thrum_yield() ? -EIO : n * n;
}

static intptr_t sum_of_squares(void *arg)
{
	struct thrum_future *squares[10];
	intptr_t sum = 0;

	(void)arg;
	for (intptr_t n = 0; n < 10; n++)
		squares[n] = thrum_spawn(square, (void *)n);
	for (intptr_t n = 0; n < 10; n++)
		sum += thrum_join(squares[n]);
	return sum;
}

int main(void)
{
	printf("%d %s\n", (int)thrum_run(sum_of_squares, NULL), thrum_version());
	return 0;
}
END

# use NAME COMMAND... - compile the program with COMMAND, run it, look at what it prints.
use()
{
	local name=$1 said

	shift
	"$@" -o "$name" || fail "$name: $*"
	said=$(timeout 60 "./$name") || fail "$name ended with $?"
	[[ $said == "285 $version" ]] || fail "$name says '$said', not '285 $version'"
	printf 'ok: %s\n' "$name"
}

read -ra flags < <(pkg-config --cflags --libs thrum)
read -ra static_flags < <(pkg-config --static --cflags --libs thrum)
[[ " ${flags[*]} " == *' -fstack-clash-protection '* ]] ||
	fail 'no -fstack-clash-protection in thrum.pc'

use c11-shared gcc -std=c11 "${strict[@]}" user.c "${flags[@]}"
use c11-static gcc -std=c11 "${strict[@]}" user.c -static "${static_flags[@]}"
use c++17-shared g++ -std=c++17 "${strict[@]}" -x c++ user.c -x none "${flags[@]}"
use c++17-static g++ -std=c++17 "${strict[@]}" -x c++ user.c -x none -static "${static_flags[@]}"
readelf -d c11-shared | grep -q "libthrum\.so\.$major\.$minor" ||
	fail 'c11-shared does not use the shared library'

# ---- Forks, which are partly compiled into the program ----

cat > forks.c <<'END'
#include <stdio.h>
#include <thrum/thrum.h>

static intptr_t fib(void *arg)
{
	intptr_t n = (intptr_t)arg, x;
	struct thrum_fork j;

	if (n < 2)
		return n;
	thrum_fork(&j, fib, (void *)(n - 1));
	x = fib((void *)(n - 2));
	return x + thrum_fork_join(&j);
}

int main(void)
{
	printf("%d %s\n", (int)thrum_run(fib, (void *)15) - 325, thrum_version());
	return 0;
}
END
use forks-shared gcc -std=c11 "${strict[@]}" forks.c "${flags[@]}"
use forks-static gcc -std=c11 "${strict[@]}" forks.c -static "${static_flags[@]}"
# Headers of a library whose inline code expects something else: the linker says no.
abi=$(awk '/define THRUM_FORK_ABI/ { print $3 }' "$prefix/include/thrum/inline/fork.h")
cp -r "$prefix/include" other
sed -i "s/define THRUM_FORK_ABI .*/define THRUM_FORK_ABI $((abi + 1))/" other/thrum/inline/fork.h
for kind in shared static; do
	[[ $kind == shared ]] && libs=("${flags[@]}") || libs=(-static "${static_flags[@]}")
	if gcc -std=c11 "${strict[@]}" -Iother forks.c "${libs[@]}" -o other-abi 2> refused; then
		fail "$kind: a program with another fork.h was linked"
	fi
	grep -q "thrum_fork_join_slowly_abi$((abi + 1))" refused ||
		fail "$kind: refused for another reason: $(< refused)"
done
printf 'ok: another fork.h is refused\n'

# ---- The CMake package ----

mkdir package
cat > package/CMakeLists.txt <<END
cmake_minimum_required(VERSION 3.25)
project(user LANGUAGES C)
find_package(thrum $major.$minor REQUIRED)
add_executable(package-shared ../user.c)
target_link_libraries(package-shared thrum::thrum)
add_executable(package-static ../user.c)
target_link_libraries(package-static thrum::thrum_static)
END
cmake -G Ninja -S package -B package/build -DCMAKE_PREFIX_PATH="$prefix" > package.log 2>&1 ||
	fail "find_package(thrum): $(tail -20 package.log)"
cmake --build package/build > package.log 2>&1 || fail "the package: $(tail -20 package.log)"
for name in package-shared package-static; do
	said=$(timeout 60 "package/build/$name") || fail "$name ended with $?"
	[[ $said == "285 $version" ]] || fail "$name says '$said', not '285 $version'"
	printf 'ok: %s\n' "$name"
done
