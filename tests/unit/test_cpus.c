/* SPDX-License-Identifier: MIT */
/* test_cpus.c - unit tests of base/cpus.c, on made-up trees of /proc and /sys. */
#define _GNU_SOURCE

#include <check.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/os.h"
#include "suite.h"

static char tree[64];

static void tree_make(void)
{
	strcpy(tree, "/tmp/thrum_test_cpus_XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(tree));
}

static void tree_remove(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", tree);
	ck_assert_int_eq(system(command), 0);
}

/* Write a file of the tree, with the folders above it. */
static void put(const char *path, const char *text)
{
	char full[256], *slash;
	FILE *f;

	snprintf(full, sizeof(full), "%s%s", tree, path);
	for (slash = full + strlen(tree) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = 0;
		mkdir(full, 0777);
		*slash = '/';
	}
	f = fopen(full, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

#define MOUNT_V2(root, point) "31 23 0:28 " root " " point " rw shared:9 - cgroup2 cgroup2 rw\n"
#define MOUNT_V1(root, point, list) "32 31 0:29 " root " " point " rw - cgroup cgroup rw," list "\n"
#define OTHERS \
	"22 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n23 22 0:5 / /dev rw - devtmpfs udev rw\n"

START_TEST(nothing_sets_no_limit)
{
	ck_assert_uint_eq(thrum__os_cpus_quota(tree), UINT_MAX);
	put("/proc/self/cgroup", "0::/a\n");
	ck_assert_uint_eq(thrum__os_cpus_quota(tree), UINT_MAX);
	put("/proc/self/mountinfo", OTHERS MOUNT_V2("/", "/sys/fs/cgroup"));
	ck_assert_uint_eq(thrum__os_cpus_quota(tree), UINT_MAX);
	put("/sys/fs/cgroup/a/cpu.max", "max 100000\n");
	ck_assert_uint_eq(thrum__os_cpus_quota(tree), UINT_MAX);
	put("/sys/fs/cgroup/a/cpu.max", "not a number\n");
	ck_assert_uint_eq(thrum__os_cpus_quota(tree), UINT_MAX);
	put("/sys/fs/cgroup/a/cpu.max", "100000 0\n");
	ck_assert_uint_eq(thrum__os_cpus_quota(tree), UINT_MAX);
}
END_TEST

START_TEST(unified_rounds_up_and_looks_at_every_ancestor)
{
	put("/proc/self/cgroup", "0::/a/b/c\n");
	put("/proc/self/mountinfo", OTHERS MOUNT_V2("/", "/sys/fs/cgroup"));
	put("/sys/fs/cgroup/a/b/c/cpu.max", "800000 100000\n");
	ck_assert_uint_eq(thrum__os_cpus_quota(tree), 8);
	put("/sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
	ck_assert_uint_eq(thrum__os_cpus_quota(tree), 8);
	put("/sys/fs/cgroup/a/cpu.max", "150001 50000\n");
	ck_assert_uint_eq(thrum__os_cpus_quota(tree), 4);
	put("/sys/fs/cgroup/cpu.max", "1000 100000\n");
	ck_assert_uint_eq(thrum__os_cpus_quota(tree), 1);
	/* Above the mount point is nothing of ours. */
	put("/sys/fs/cgroup/cpu.max", "max 100000\n");
	put("/sys/fs/cpu.max", "1000 100000\n");
	ck_assert_uint_eq(thrum__os_cpus_quota(tree), 4);
}
END_TEST

START_TEST(version_1)
{
	put("/proc/self/cgroup", "5:cpuset:/x\n4:cpu,cpuacct:/a/b\n1:name=systemd:/x\n0::/\n");
	put("/proc/self/mountinfo",
	    OTHERS MOUNT_V1("/", "/cg/cpuset", "cpuset") MOUNT_V1("/", "/cg/cpu", "cpu,cpuacct"));
	put("/cg/cpuset/x/cpu.cfs_quota_us", "1\n");
	put("/cg/cpuset/x/cpu.cfs_period_us", "1\n");
	put("/cg/cpu/a/b/cpu.cfs_quota_us", "-1\n");
	put("/cg/cpu/a/b/cpu.cfs_period_us", "100000\n");
	ck_assert_uint_eq(thrum__os_cpus_quota(tree), UINT_MAX);
	put("/cg/cpu/a/cpu.cfs_quota_us", "250000\n");
	ck_assert_uint_eq(thrum__os_cpus_quota(tree), UINT_MAX);
	put("/cg/cpu/a/cpu.cfs_period_us", "100000\n");
	ck_assert_uint_eq(thrum__os_cpus_quota(tree), 3);
}
END_TEST

/* A container whose mount shows its own group as the top. */
START_TEST(mounted_part)
{
	put("/proc/self/cgroup", "4:cpu:/docker/id/sub\n");
	put("/proc/self/mountinfo", MOUNT_V1("/docker/id", "/cg/cpu", "cpu"));
	put("/cg/cpu/cpu.cfs_quota_us", "500000\n");
	put("/cg/cpu/cpu.cfs_period_us", "100000\n");
	ck_assert_uint_eq(thrum__os_cpus_quota(tree), 5);
	put("/cg/cpu/sub/cpu.cfs_quota_us", "200000\n");
	put("/cg/cpu/sub/cpu.cfs_period_us", "100000\n");
	ck_assert_uint_eq(thrum__os_cpus_quota(tree), 2);
	/* The group lies outside: only the top of the mount can be asked. */
	put("/proc/self/cgroup", "4:cpu:/docker/idx/sub\n");
	ck_assert_uint_eq(thrum__os_cpus_quota(tree), 5);
	put("/proc/self/cgroup", "4:cpu:/docker/id\n");
	ck_assert_uint_eq(thrum__os_cpus_quota(tree), 5);
}
END_TEST

START_TEST(both_versions_bind)
{
	put("/proc/self/cgroup", "4:cpu:/\n0::/\n");
	put("/proc/self/mountinfo", MOUNT_V1("/", "/cg/cpu", "cpu") MOUNT_V2("/", "/cg/unified"));
	put("/cg/cpu/cpu.cfs_quota_us", "700000\n");
	put("/cg/cpu/cpu.cfs_period_us", "100000\n");
	ck_assert_uint_eq(thrum__os_cpus_quota(tree), 7);
	put("/cg/unified/cpu.max", "600000 100000\n");
	ck_assert_uint_eq(thrum__os_cpus_quota(tree), 6);
}
END_TEST

START_TEST(affinity_binds)
{
	cpu_set_t all, one;
	int cpu = 0;

	ck_assert_int_eq(sched_getaffinity(0, sizeof(all), &all), 0);
	ck_assert_uint_ge(thrum__os_cpus(), 1);
	ck_assert_uint_le(thrum__os_cpus(), (unsigned)CPU_COUNT(&all));
	while (!CPU_ISSET(cpu, &all))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	ck_assert_int_eq(sched_setaffinity(0, sizeof(one), &one), 0);
	ck_assert_uint_eq(thrum__os_cpus(), 1);
	sched_setaffinity(0, sizeof(all), &all);
}
END_TEST

#ifdef THRUM_FAULTS
/* Whatever cannot be had sets no limit: the answer is there all the same. */
START_TEST(faults_set_no_limit)
{
	uint64_t n;

	put("/proc/self/cgroup", "4:cpu:/\n0::/\n");
	put("/proc/self/mountinfo", MOUNT_V1("/", "/cg/cpu", "cpu") MOUNT_V2("/", "/cg/unified"));
	put("/cg/cpu/cpu.cfs_quota_us", "700000\n");
	put("/cg/cpu/cpu.cfs_period_us", "100000\n");
	put("/cg/unified/cpu.max", "600000 100000\n");
	for (n = 1;; n++) {
		unsigned cpus;

		thrum__fault_set(n, false);
		cpus = thrum__os_cpus_quota(tree);
		ck_assert(cpus == 6 || cpus == 7 || cpus == UINT_MAX);
		if (!thrum__fault_fired())
			break;
		thrum__fault_set(n, true);
		cpus = thrum__os_cpus_quota(tree);
		ck_assert(cpus == 6 || cpus == 7 || cpus == UINT_MAX);
	}
	thrum__fault_set(0, false);
	ck_assert_uint_gt(n, 8);
}
END_TEST
#endif

int main(void)
{
	TCase *tc = tcase_create("cpus");

	tcase_add_checked_fixture(tc, tree_make, tree_remove);
	tcase_add_test(tc, nothing_sets_no_limit);
	tcase_add_test(tc, unified_rounds_up_and_looks_at_every_ancestor);
	tcase_add_test(tc, version_1);
	tcase_add_test(tc, mounted_part);
	tcase_add_test(tc, both_versions_bind);
	tcase_add_test(tc, affinity_binds);
#ifdef THRUM_FAULTS
	tcase_add_test(tc, faults_set_no_limit);
#endif
	return run_case("cpus", tc);
}
