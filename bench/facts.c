/* SPDX-License-Identifier: MIT */
/*
 * facts.c - what tools/bench says about the machine, a line each, NAME<TAB>VALUE.
 *
 * The first lines stay the same; the last two move during a run: how far two cores are apart, and
 * how fast one core runs a loop that does always the same and touches no memory.
 */
#include "harness.h"

#include <stdio.h>

#define LOOP 5000000

/* Each turn needs the one before it. */
static double serial_loop_ns(void)
{
	int64_t start_ns = bench_now_ns();
	uint64_t x = 1;

	for (uint32_t i = 0; i < LOOP; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
	}
	/* It ends at no turn with 0, which the compiler does not know. */
	if (x == 0)
		bench_fail("the loop went wrong");
	return (double)(bench_now_ns() - start_ns) / LOOP;
}

int main(void)
{
	struct bench_machine machine;

	bench_machine_read(&machine);
	printf("version\t%s\n", thrum_version());
	printf("cpus\t%ld of %ld\n", machine.cpus_allowed, machine.cpus_online);
	printf("cpu\t%s\nkernel\t%s\n", machine.cpu, machine.kernel);
	printf("compiler\t%s\n", machine.compiler);
	printf("flag_ns\t%.1f\n", bench_flag_round_trip_ns());
	printf("loop_ns\t%.4f\n", serial_loop_ns());
	return 0;
}
