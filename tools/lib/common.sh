# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What tools/run, tools/test and tools/dev share: packages, builds, steps timed and counted.
# Sourced; sets the directory to the top of the tree.

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
logs=$PWD/build/logs
jobs=$(nproc)

# What each job needs on Debian 12 that a minimal system lacks.
packages_run=(cmake ninja-build gcc libc6-dev pkgconf libck-dev libssl-dev
	libjansson-dev libcurl4-openssl-dev node-llhttp ca-certificates)
packages_test=("${packages_run[@]}" check g++ python3 shellcheck
	curl openssl nginx-light wrk valgrind)
# shellcheck disable=SC2034 # for those who source this
packages_clang=(clang libclang-rt-14-dev)
# shellcheck disable=SC2034
packages_full=("${packages_test[@]}" "${packages_clang[@]}" lld llvm
	gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user gdb)

say()
{
	printf 'thrum: %s\n' "$*" >&2
}

die()
{
	say "$@"
	exit 1
}

# show_log FILE - the end of a log, for a failure, and what each test that failed in it had said.
show_log()
{
	awk '/^ *[0-9]+\/[0-9]+ Test +#|^ +Start +[0-9]+: / {
			failed = /\*\*\*/ && !/\*\*\*Skipped/; lines = 0
		}
		failed && lines++ < 80' "$1"
	printf -- '--- the end of %s:\n' "${1#"$PWD"/}"
	tail -n 60 "$1"
	printf -- '---\n'
}

# need PACKAGE... - install what is missing of them; says what.
need()
{
	local missing=() package as_root=()

	if ! command -v dpkg-query > /dev/null; then
		say "this is no Debian: the equivalents of these packages are taken to be here: $*"
		return
	fi
	for package in "$@"; do
		# shellcheck disable=SC2016 # the braces are dpkg-query's
		case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null) in
		installed) ;;
		*) missing+=("$package") ;;
		esac
	done
	((${#missing[@]})) || return 0

	if (($(id -u))); then
		command -v sudo > /dev/null ||
			die "as root, please: apt-get install ${missing[*]}"
		as_root=(sudo)
	fi
	say "installing ${missing[*]}"
	mkdir -p "$logs"
	as_root+=(env DEBIAN_FRONTEND=noninteractive
		apt-get -q -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300)
	if ! { "${as_root[@]}" update &&
		"${as_root[@]}" install -y --no-install-recommends "${missing[@]}"; } \
		< /dev/null > "$logs/apt.log" 2>&1; then
		show_log "$logs/apt.log" >&2
		die "could not install ${missing[*]}"
	fi
}

# build PRESET [OPTION...] [-- TARGET...] - configure and build into build/PRESET.
build()
{
	local preset=$1 options=()

	shift
	while (($#)) && [[ $1 != -- ]]; do
		options+=("$1")
		shift
	done
	shift $(($# ? 1 : 0))
	# A tree that was moved or a compiler that changed needs a fresh start.
	cmake --preset "$preset" "${options[@]}" ||
		cmake --fresh --preset "$preset" "${options[@]}" || return
	cmake --build "build/$preset" --parallel "$jobs" ${1:+--target "$@"}
}

# build_quietly PRESET ... - the same; what it prints goes to a log, which is shown if it fails.
build_quietly()
{
	local log=$logs/$1.log

	mkdir -p "$logs"
	say "building (log: ${log#"$PWD"/})"
	if ! build "$@" > "$log" 2>&1 < /dev/null; then
		show_log "$log" >&2
		die "the build failed"
	fi
}

# cargo_build CRATE DIRECTORY - a copy of the crate in that directory, built there of Debian's own
# crates by Debian's own cargo, without a network.
cargo_build()
{
	mkdir -p "$2/.cargo"
	cp -r "$1/." "$2"
	printf '[source.crates-io]\nreplace-with = "debian"\n[source.debian]\ndirectory = "%s"\n' \
		/usr/share/cargo/registry > "$2/.cargo/config.toml"
	(cd "$2" && CARGO_HOME=$2/home /usr/bin/cargo build --release --offline --quiet)
}

# run_tests PRESET CTEST-OPTION... - the tests of a build; none found is a failure.
run_tests()
{
	local preset=$1

	shift
	ctest --test-dir "build/$preset" --output-on-failure --no-tests=error \
		--parallel "$jobs" "$@"
}

step_names=()
step_results=()
step_seconds=()
step_notes=()
tests_passed=0
tests_failed=0
tests_skipped=0

# count_tests LOG - how many ran, failed, were skipped: by the closing line of a script of ours,
# else by those of ctest.
count_tests()
{
	awk '/^[0-9]+ passed, [0-9]+ failed$/ {
			ours = 1; total = $1 + $3; failed = $3; skipped = 0
		}
		!ours && / tests? failed out of [0-9]+$/ { total += $NF; failed += $(NF - 5) }
		!ours && /\*\*\*Skipped/ { skipped++ }
		END { print total + 0, failed + 0, skipped + 0 }' "$1"
}

# step NAME COMMAND... - run, time, count; the output goes to build/logs/NAME.log. Tests that ctest
# ran are counted singly, anything else as one. Returns 0 always: summary tells the end.
step()
{
	local name=$1 log="$logs/${1//[^A-Za-z0-9]/-}.log" start=$SECONDS result=ok note=''
	local total failed skipped

	shift
	mkdir -p "$logs"
	printf '%-40s ' "$name"
	"$@" > "$log" 2>&1 < /dev/null || result=FAILED
	step_seconds+=("$((SECONDS - start))")
	read -r total failed skipped < <(count_tests "$log")
	if ((total)); then
		note="$total tests"
	elif [[ $result == ok ]]; then
		total=1
	fi
	if [[ $result == FAILED ]] && ((failed == 0)); then
		total=$((total + 1)) failed=1
	fi
	tests_passed=$((tests_passed + total - failed - skipped))
	tests_failed=$((tests_failed + failed))
	tests_skipped=$((tests_skipped + skipped))
	((skipped)) && note+=", $skipped skipped"
	((failed)) && note+="${note:+, }$failed failed"
	printf '%-6s %5d s  %s\n' "$result" "${step_seconds[-1]}" "$note"
	[[ $result == ok ]] || show_log "$log"
	step_names+=("$name")
	step_results+=("$result")
	step_notes+=("$note")
}

# build_and_test PRESET CTEST-OPTION... - two steps; without a build, the second does not run.
build_and_test()
{
	local preset=$1

	shift
	step "$preset: build" build "$preset" -DTHRUM_TESTS=ON
	[[ ${step_results[-1]} == ok ]] || return 0
	step "$preset: tests" run_tests "$preset" "$@"
}

# summary - a table and the closing line; the exit status of the whole.
summary()
{
	local i

	printf '\n%-40s %-6s %7s\n' step result seconds
	for i in "${!step_names[@]}"; do
		printf '%-40s %-6s %7d  %s\n' "${step_names[i]}" "${step_results[i]}" \
			"${step_seconds[i]}" "${step_notes[i]}"
	done
	printf '\nlogs: build/logs; %d s in all\n' "$SECONDS"
	if ((tests_skipped)); then
		printf '%d tests said that they cannot run here\n' "$tests_skipped"
	fi
	printf '%d passed, %d failed\n' "$tests_passed" "$tests_failed"
	((tests_failed == 0))
}
