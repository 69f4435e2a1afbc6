/* SPDX-License-Identifier: MIT */
/*
 * config.c - one table: each field's environment variable, default and range.
 *
 * What the program set wins; else the environment; else the default.  A value out of its range is
 * -EINVAL when the program set it; in the environment it is ignored with a line on standard error,
 * so that a program does not fail for it.
 */
#include "sched/config.h"

#include "base/os.h"
#include "sched/report.h"
#include "sched/worker.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SPIN_MAX_NS 50000

struct row {
	const char *variable;
	size_t offset, size;
	int64_t unit; /* of the variable, in the field's */
	int64_t fallback, least, most;
};

#define FIELD(f) offsetof(struct thrum_config, f), sizeof(((struct thrum_config *)0)->f)

static const struct row table[] = {
    {"THRUM_WORKERS", FIELD(workers), 1, 0, 1, THRUM__WORKERS_MAX},
    {"THRUM_STACK", FIELD(stack_bytes), 1, 64 << 10, 16 << 10, 1 << 30},
    {"THRUM_TASKS_MAX", FIELD(tasks_max), 1, 1 << 26, 1, INT64_C(1) << 40},
    {"THRUM_INJECT_MAX", FIELD(inject_max), 1, 1 << 16, 4, 1 << 30},
    {"THRUM_BLOCKING_MAX", FIELD(blocking_max), 1, 64, 1, 1024},
    {"THRUM_BLOCKING_QUEUE", FIELD(blocking_queue), 1, 1 << 16, 1, 1 << 30},
    {"THRUM_GRACE_MS", FIELD(grace_ns), 1000000, INT64_C(5000000000), 1, THRUM_FOREVER},
    {"THRUM_SOFT_MS", FIELD(soft_ns), 1000000, INT64_C(5000000000), 1, THRUM_FOREVER},
    {"THRUM_STALL_MS", FIELD(stall_ns), 1000000, 1000000, 1, THRUM_FOREVER},
};

static int64_t get(const struct thrum_config *c, const struct row *r)
{
	const char *at = (const char *)c + r->offset;
	uint32_t v32;
	int64_t v64;

	if (r->size == sizeof(v32)) {
		memcpy(&v32, at, sizeof(v32));
		return v32;
	}
	memcpy(&v64, at, sizeof(v64));
	return v64;
}

static void set(struct thrum_config *c, const struct row *r, int64_t value)
{
	char *at = (char *)c + r->offset;
	uint32_t v32 = (uint32_t)value;

	if (r->size == sizeof(v32))
		memcpy(at, &v32, sizeof(v32));
	else
		memcpy(at, &value, sizeof(value));
}

/* The variable as a number times @unit, in its range: true. */
static bool from_environment(const char *variable, int64_t unit, int64_t least, int64_t most,
			     int64_t *out)
{
	const char *text = thrum__os_getenv(variable);
	char *end;
	long long n;

	if (!text)
		return false;
	n = strtoll(text, &end, 10);
	if (*end || end == text || __builtin_mul_overflow(n, unit, out) || *out < least ||
	    *out > most) {
		thrum__report(NULL, 0, "%s=%s is ignored: it is no number from %lld to %lld",
			      variable, text, (long long)((least + unit - 1) / unit),
			      (long long)(most / unit));
		return false;
	}
	return true;
}

static int resolve_row(struct thrum_config *c, const struct row *r,
		       struct thrum__config_found *found)
{
	int64_t value = get(c, r);
	bool workers = r->offset == offsetof(struct thrum_config, workers);

	if (value)
		return value < r->least || value > r->most ? -EINVAL : 0;
	if (from_environment(r->variable, r->unit, r->least, r->most, &value)) {
		if (workers)
			found->workers_why = "THRUM_WORKERS";
	} else if (workers) {
		found->workers_why = "CPU affinity and cgroup quota";
		value = thrum__min64(found->cpus, THRUM__WORKERS_MAX);
	} else {
		value = r->fallback;
	}
	set(c, r, value);
	return 0;
}

/* @value: 0, or 1 or 2 by the program; else by @variable, whose words are for 1 and 2; else 1. */
static int resolve_choice(const char *variable, const char *const words[2], unsigned *value)
{
	const char *text = thrum__os_getenv(variable);

	if (*value > 2)
		return -EINVAL;
	if (*value)
		return 0;
	*value = 1;
	if (text && !strcmp(text, words[1]))
		*value = 2;
	else if (text && strcmp(text, words[0]))
		thrum__report(NULL, 0, "%s=%s is ignored: it is neither %s nor %s", variable, text,
			      words[0], words[1]);
	return 0;
}

static int resolve_choices(struct thrum_config *c)
{
	static const char *const clocks[] = {"real", "virtual"}, *const signals[] = {"cancel",
										     "leave"};
	int err = resolve_choice("THRUM_CLOCK", clocks, &c->clock);

	return err ? err : resolve_choice("THRUM_SIGNALS", signals, &c->signals);
}

const struct thrum__poller_ops *thrum__config_poller(void)
{
	const char *text = thrum__os_getenv("THRUM_POLLER");

	if (!text || !strcmp(text, "epoll") || !strcmp(text, "uring"))
		return &thrum__poller_epoll; /* as where io_uring is refused */
#ifdef THRUM_FAULTS
	if (!strcmp(text, "sim"))
		return &thrum__poller_sim;
#endif
	thrum__report(NULL, 0, "THRUM_POLLER=%s is ignored: it is neither epoll nor uring", text);
	return &thrum__poller_epoll;
}

static int resolve_spin(struct thrum_config *c, unsigned cpus)
{
	if (c->spin_ns < -1 || c->spin_ns > SPIN_MAX_NS)
		return -EINVAL;
	if (c->spin_ns == 0 &&
	    !from_environment("THRUM_SPIN_US", 1000, 0, SPIN_MAX_NS, &c->spin_ns))
		c->spin_ns = cpus > 1 ? SPIN_MAX_NS : 0;
	if (c->spin_ns < 0 || c->clock == THRUM_CLOCK_VIRTUAL)
		c->spin_ns = 0;
	return 0;
}

static size_t power_of_two(size_t n)
{
	size_t p = 4;

	while (p < n)
		p *= 2;
	return p;
}

int thrum__copy_known(const void *given, void *out, size_t known)
{
	const unsigned char *bytes = given;
	size_t size;

	memcpy(&size, given, sizeof(size));
	if (size < sizeof(size))
		return -EINVAL;
	for (size_t i = known; i < size; i++)
		if (bytes[i])
			return -E2BIG;
	memcpy(out, given, size < known ? size : known);
	return 0;
}

int thrum__config_resolve(const struct thrum_config *given, struct thrum_config *out,
			  struct thrum__config_found *found)
{
	int64_t seed;
	int err = 0;

	memset(out, 0, sizeof(*out));
	*found = (struct thrum__config_found){"the program", thrum__os_cpus()};
	if (given)
		err = thrum__copy_known(given, out, sizeof(*out));
	for (size_t i = 0; !err && i < sizeof(table) / sizeof(table[0]); i++)
		err = resolve_row(out, &table[i], found);
	if (!err)
		err = resolve_choices(out);
	if (!err)
		err = resolve_spin(out, found->cpus);
	if (err)
		return err;
	if (out->name && strlen(out->name) > 10)
		return -EINVAL;
	if (!out->name)
		out->name = "thrum";
	out->inject_max = power_of_two(out->inject_max);
	if (!out->seed)
		out->seed = from_environment("THRUM_SEED", 1, 1, INT64_MAX, &seed)
				? (uint64_t)seed
				: (uint64_t)thrum__clock_monotonic_ns();
	out->size = sizeof(*out);
	return 0;
}
