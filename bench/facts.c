/* SPDX-License-Identifier: MIT */
/*
 * facts.c - what tools/bench says about the machine, a line each, NAME<TAB>VALUE.
 *
 * The first lines stay the same; the last three move during a run: how far two cores are apart, how
 * fast one core runs a loop that does always the same and touches no memory, and how fast two do at
 * the same time, which on a shared machine is less.
 */
#include "harness.h"

#include <stdio.h>

int main(void)
{
	struct bench_machine machine;

	bench_machine_read(&machine);
	printf("version\t%s\n", thrum_version());
	printf("cpus\t%ld of %ld\n", machine.cpus_allowed, machine.cpus_online);
	printf("cpu\t%s\nkernel\t%s\n", machine.cpu, machine.kernel);
	printf("compiler\t%s\n", machine.compiler);
	printf("flag_ns\t%.1f\n", bench_flag_round_trip_ns());
	printf("loop_ns\t%.4f\n", bench_serial_loop_ns());
	printf("two_loops_ns\t%.4f\n", bench_two_loops_ns());
	return 0;
}
