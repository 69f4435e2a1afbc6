/* SPDX-License-Identifier: MIT */
/*
 * cpus.c - how many CPUs this process may use: the smaller of its affinity and its cgroups' quotas.
 *
 * A quota binds at every level, so that each ancestor of the process's group is asked, in the
 * unified hierarchy (cpu.max) and in version 1's cpu controller (cpu.cfs_quota_us).
 * /proc/self/cgroup names the group, and /proc/self/mountinfo says where its hierarchy is mounted
 * and which part of it is.  No state.  Whatever cannot be read or understood sets no limit: too
 * many workers are slower, none would be wrong.
 */
#include "base/os.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Too large for the stack of a task, which may start a runtime. */
struct scratch {
	char file[2 * PATH_MAX]; /* a path to open */
	char dir[PATH_MAX];      /* of a group */
	char groups[4096];       /* /proc/self/cgroup */
	char mounts[1 << 18];    /* /proc/self/mountinfo; what is longer is cut */
};

static unsigned quota_to_cpus(long long quota, long long period)
{
	long long cpus;

	if (quota <= 0 || period <= 0)
		return UINT_MAX;
	cpus = quota / period + (quota % period != 0);
	return cpus < UINT_MAX ? (unsigned)cpus : UINT_MAX;
}

/* The quota of the group at s->dir. */
static unsigned group_quota(struct scratch *s, bool unified)
{
	char text[128];
	long long quota, period;

	if (unified) {
		snprintf(s->file, sizeof(s->file), "%s/cpu.max", s->dir);
		if (!thrum__os_read_text(s->file, text, sizeof(text)) ||
		    sscanf(text, "%lld %lld", &quota, &period) != 2)
			return UINT_MAX; /* "max 100000" ends here too */
		return quota_to_cpus(quota, period);
	}
	snprintf(s->file, sizeof(s->file), "%s/cpu.cfs_quota_us", s->dir);
	if (!thrum__os_read_text(s->file, text, sizeof(text)) || sscanf(text, "%lld", &quota) != 1)
		return UINT_MAX;
	snprintf(s->file, sizeof(s->file), "%s/cpu.cfs_period_us", s->dir);
	if (!thrum__os_read_text(s->file, text, sizeof(text)) || sscanf(text, "%lld", &period) != 1)
		return UINT_MAX;
	return quota_to_cpus(quota, period);
}

/* The least quota from the group at s->dir up to the mount point, its first @top bytes. */
static unsigned groups_quota(struct scratch *s, size_t top, bool unified)
{
	unsigned least = UINT_MAX;

	for (;;) {
		unsigned cpus = group_quota(s, unified);
		char *slash;

		if (cpus < least)
			least = cpus;
		slash = strrchr(s->dir, '/');
		if (!slash || (size_t)(slash - s->dir) < top)
			return least;
		*slash = 0;
	}
}

/* Is @word one of the comma-separated words of @list, which ends at @end? */
static bool list_has(const char *list, const char *end, const char *word)
{
	size_t length = strlen(word);

	while (list < end) {
		const char *comma = memchr(list, ',', (size_t)(end - list));
		const char *stop = comma ? comma : end;

		if ((size_t)(stop - list) == length && !memcmp(list, word, length))
			return true;
		list = stop + 1;
	}
	return false;
}

/* The group's path from /proc/self/cgroup ("0::/path", "4:cpu,cpuacct:/path"), cut out of @text;
 * NULL: none. */
static char *cgroup_path(char *text, bool unified)
{
	char *save, *line;

	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *names = strchr(line, ':');
		char *path = names ? strchr(names + 1, ':') : NULL;

		if (!path)
			continue;
		if (unified ? path == names + 1 : list_has(names + 1, path, "cpu"))
			return path + 1;
	}
	return NULL;
}

/*
 * The mount of the hierarchy from /proc/self/mountinfo, whose lines read
 *   31 23 0:28 ROOT MOUNTPOINT OPTIONS [MORE...] - TYPE SOURCE SUPER_OPTIONS
 * Sets *@root and *@point, cut out of @text.
 */
static bool cgroup_mount(char *text, bool unified, char **root, char **point)
{
	char *save, *line;

	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *tail = strstr(line, " - ");
		char type[32], super[512], *field = line, *rest;
		int i;

		if (!tail || sscanf(tail + 3, "%31s %*s %511s", type, super) != 2)
			continue;
		if (strcmp(type, unified ? "cgroup2" : "cgroup"))
			continue;
		if (!unified && !list_has(super, super + strlen(super), "cpu"))
			continue;
		*tail = 0;
		for (i = 0; i < 3 && field; i++)
			field = (field = strchr(field, ' ')) ? field + 1 : NULL;
		if (!field)
			continue;
		*root = strtok_r(field, " ", &rest);
		*point = strtok_r(NULL, " ", &rest);
		if (*root && *point)
			return true;
	}
	return false;
}

/* What of the group's path lies below the mounted part of its hierarchy. */
static char *path_below(char *path, const char *root)
{
	size_t length = strlen(root);

	if (!strcmp(root, "/"))
		length = 0;
	else if (strncmp(path, root, length) || (path[length] && path[length] != '/'))
		length = strlen(path); /* another part is mounted: only its top can be asked */
	return strcmp(path + length, "/") ? path + length : path + length + 1;
}

static unsigned hierarchy_quota(struct scratch *s, const char *prefix, bool unified)
{
	char *path, *root, *point;
	size_t top;

	snprintf(s->file, sizeof(s->file), "%s/proc/self/cgroup", prefix);
	if (!thrum__os_read_text(s->file, s->groups, sizeof(s->groups)))
		return UINT_MAX;
	snprintf(s->file, sizeof(s->file), "%s/proc/self/mountinfo", prefix);
	if (!thrum__os_read_text(s->file, s->mounts, sizeof(s->mounts)))
		return UINT_MAX;
	path = cgroup_path(s->groups, unified);
	if (!path || !cgroup_mount(s->mounts, unified, &root, &point))
		return UINT_MAX;
	top = strlen(prefix) + strlen(point);
	path = path_below(path, root);
	if (top + strlen(path) >= sizeof(s->dir))
		return UINT_MAX;
	snprintf(s->dir, sizeof(s->dir), "%s%s%s", prefix, point, path);
	return groups_quota(s, top, unified);
}

unsigned thrum__os_cpus_quota(const char *root)
{
	struct scratch *s = thrum__os_alloc(sizeof(*s));
	unsigned unified, legacy;

	if (!s)
		return UINT_MAX;
	unified = hierarchy_quota(s, root, true);
	legacy = hierarchy_quota(s, root, false);
	thrum__os_free(s);
	return unified < legacy ? unified : legacy;
}

static unsigned affinity_cpus(void)
{
	unsigned long mask[128]; /* 8,192 CPUs; the system call fails where there are more */
	unsigned cpus = 0;
	ssize_t i, size = thrum__os_affinity(mask, sizeof(mask));

	if (size <= 0)
		return 1;
	for (i = 0; i < size / (ssize_t)sizeof(mask[0]); i++)
		cpus += (unsigned)__builtin_popcountl(mask[i]);
	return cpus ? cpus : 1;
}

unsigned thrum__os_cpus(void)
{
	unsigned affinity = affinity_cpus();
	unsigned quota = thrum__os_cpus_quota("");

	return affinity < quota ? affinity : quota;
}
