/* SPDX-License-Identifier: MIT */
/*
 * demo.c - thrum demo: a directory tree hashed by tasks on all cores, served and fetched over
 * loopback, checked by a plain pass.
 *
 * The main thread drives: it fills a batch (a task walks), then for each segment of it reads all
 * once (not timed), lets the tasks hash (timed), then fetch (timed), and hashes serially itself
 * (timed) while the workers sleep.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "demo.h"
#include "fetch.h"

#define JOBS_PER_WORKER 16
#define WORKERS_MAX 256

static const char help[] =
    "usage: thrum demo [OPTION...] [DIR]\n\n"
    "Walks DIR (default /usr/include; no symbolic link is followed), hashes every regular\n"
    "file with SHA-256, each in a task of its own; serves the tree over HTTP on a loopback port,\n"
    "fetches every file and hashes what comes in; and checks every hash with a plain serial\n"
    "pass.  Each file is read once before the three timed passes, so that all find it in the\n"
    "page cache; they go in this order.  Memory does not grow with the tree.\n\n"
    "options:\n"
    "  -w, --workers N  worker threads, 1 to %d (default: what 'thrum info' says)\n"
    "  -j, --jobs N     files in flight at most, 1 to %d (default: %d for each worker, but\n"
    "                   no more than half of the limit on open files)\n"
    "      --json       one JSON object on standard output\n"
    "      --list       'HASH  PATH' lines as sha256sum prints them on standard output, the\n"
    "                   report on standard error\n"
    "  -v, --verbose    name every file with a problem, not the first %d only\n"
    "  -h, --help       this text\n\n"
    "exit status:\n"
    "  0  every hash agrees; files and directories that may not be read or are gone are\n"
    "     named and counted, and the rest is done all the same\n"
    "  1  DIR is missing or holds no file; a file changed meanwhile; a result is wrong; a file\n"
    "     was not served; the walk is incomplete; not one file could be read; out of memory,\n"
    "     threads or ports\n"
    "  2  the command line cannot be understood\n";

void demo_help(FILE *out)
{
	fprintf(out, help, WORKERS_MAX, JOBS_MAX, JOBS_PER_WORKER, PROBLEMS_KEPT);
}

/* Returns 0 to go on, or EXIT_MISUSE, or -1: help was asked for. */
static int parse(int argc, char **argv, struct demo *demo)
{
	static const struct option options[] = {
	    {"workers", required_argument, NULL, 'w'},
	    {"jobs", required_argument, NULL, 'j'},
	    {"json", no_argument, NULL, 'J'},
	    {"list", no_argument, NULL, 'L'},
	    {"verbose", no_argument, NULL, 'v'},
	    {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":w:j:vh", options, NULL)) != -1) {
		if (c == 'w' && !cli_number(optarg, 1, WORKERS_MAX, &demo->workers))
			return cli_misuse("demo", "--workers wants 1 to %d, not '%s'", WORKERS_MAX,
					  optarg);
		if (c == 'j' && !cli_number(optarg, 1, JOBS_MAX, &demo->jobs))
			return cli_misuse("demo", "--jobs wants 1 to %d, not '%s'", JOBS_MAX,
					  optarg);
		if (c == ':')
			return cli_misuse("demo", "'%s' wants a value", argv[optind - 1]);
		if (c == '?')
			return cli_no_option("demo", argv[optind - 1], optopt);
		if (c == 'h')
			return -1;
		demo->json |= c == 'J';
		demo->list |= c == 'L';
		demo->verbose |= c == 'v';
	}
	if (demo->json && demo->list)
		return cli_misuse("demo", "--json and --list both want standard output");
	if (argc - optind > 1)
		return cli_misuse("demo", "one directory at a time, not '%s' too",
				  argv[optind + 1]);
	demo->dir = optind < argc ? argv[optind] : "/usr/include";
	return 0;
}

static unsigned default_jobs(unsigned workers)
{
	unsigned jobs = workers * JOBS_PER_WORKER;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur / 2 < jobs)
		jobs = (unsigned)(limit.rlim_cur / 2);
	jobs = jobs < JOBS_MAX ? jobs : JOBS_MAX;
	return jobs > 0 ? jobs : 1;
}

/* Where the segment that starts at @from ends: one file at least. */
static size_t segment_end(const struct files *batch, size_t from)
{
	off_t bytes = 0;
	size_t to = from;

	while (to < batch->n && (to == from || bytes + batch->at[to].size <= SEGMENT_BYTES))
		bytes += batch->at[to++].size;
	return to;
}

/* The passes over one segment.  Returns 0 or -errno: the tasks' pass could not be started. */
static int run_segment(struct demo *demo)
{
	int64_t start_ns, end_ns;
	intptr_t result = 0, fetched;

	warm_pass(demo);
	if (!demo->served)
		result = thrum_runtime_block_on(demo->rt, served_start, demo);
	if (thrum_failed(result))
		return (int)result;
	start_ns = thrum_now();
	result = thrum_runtime_block_on(demo->rt, parallel_pass, demo);
	end_ns = thrum_now();
	demo->parallel.ns += end_ns - start_ns;
	if (thrum_failed(result))
		return (int)result;
	fetched = thrum_runtime_block_on(demo->rt, served_pass, demo);
	start_ns = thrum_now();
	demo->fetched.ns += start_ns - end_ns;
	if (thrum_failed(fetched))
		return (int)fetched;
	serial_pass(demo);
	demo->serial.ns += thrum_now() - start_ns;
	return 0;
}

static int run_batch(struct demo *demo)
{
	int error = 0;

	for (size_t from = 0; !error && from < demo->batch.n; from = demo->segment_to) {
		demo->segment_from = from;
		demo->segment_to = segment_end(&demo->batch, from);
		error = run_segment(demo);
	}
	for (size_t i = 0; !error && demo->list && i < demo->batch.n; i++)
		if (!thrum_failed(demo->batch.at[i].parallel))
			report_list(&demo->batch.at[i]);
	return error;
}

static int run_tree(struct demo *demo)
{
	int error = walk_init(&demo->walk, demo->dir, &demo->batch, demo);

	while (!error && demo->walk.n) {
		int64_t start_ns = thrum_now();

		error = (int)thrum_runtime_block_on(demo->rt, walk_fill, &demo->walk);
		demo->walk_ns += thrum_now() - start_ns;
		demo->found += demo->batch.n;
		error = error ? error : run_batch(demo);
		files_clear(&demo->batch);
	}
	walk_fini(&demo->walk);
	return error;
}

static int stop_serving(struct demo *demo, int error)
{
	int stopped = 0;

	if (demo->served)
		stopped = (int)thrum_runtime_block_on(demo->rt, served_stop, demo);
	return error ? error : stopped;
}

static int run_in_runtime(struct demo *demo)
{
	int error;

	if (!demo->jobs)
		demo->jobs = default_jobs(thrum_runtime_workers(demo->rt));
	error = crew_init(&demo->crew, demo->jobs);
	error = error ? error : hasher_init(&demo->plain);
	if (!error) {
		progress_start(&demo->progress);
		error = run_tree(demo);
		error = stop_serving(demo, error);
		progress_stop(&demo->progress);
		hasher_fini(&demo->plain);
	}
	crew_fini(&demo->crew);
	if (error)
		return report_failure(demo, "it could not be done: %s", text_error(error));
	return report_end(demo);
}

static int run(struct demo *demo)
{
	struct thrum_config config = THRUM_CONFIG_INIT;
	int status, error;

	config.workers = demo->workers;
	config.report = cli_report;
	error = thrum_runtime_create(&demo->rt, &config);
	if (error)
		return report_failure(demo, "no runtime could be made: %s", text_error(error));
	status = run_in_runtime(demo);
	error = thrum_runtime_destroy(demo->rt);
	if (error) {
		fprintf(stderr, "thrum demo: the runtime did not stop: %s\n", text_error(error));
		return EXIT_NOT_OK;
	}
	served_free(demo);
	return status;
}

static int run_with_libraries(struct demo *demo)
{
	int status;

	if (hash_open_library())
		return report_failure(demo, "OpenSSL has no SHA-256 to offer here");
	if (fetch_open_library()) {
		hash_close_library();
		return report_failure(demo, "libcurl cannot start");
	}
	status = run(demo);
	fetch_close_library();
	hash_close_library();
	return status;
}

int demo_main(int argc, char **argv)
{
	struct demo demo = {0};
	struct stat st;
	char where[TEXT_PATH_MAX];
	int status = parse(argc, argv, &demo);

	if (status < 0) {
		demo_help(stdout);
		return cli_flush(EXIT_OK);
	}
	if (status)
		return status;
	text_path(demo.dir, where, sizeof(where));
	if (lstat(demo.dir, &st))
		return report_failure(&demo, "%s: %s", where, strerror(errno));
	if (S_ISLNK(st.st_mode))
		return report_failure(&demo, "%s: is a symbolic link; '%s/' is what it leads to",
				      where, where);
	if (!S_ISDIR(st.st_mode))
		return report_failure(&demo, "%s: is not a directory", where);
	status = run_with_libraries(&demo);
	problems_free(&demo);
	return status;
}
