/* SPDX-License-Identifier: MIT */
/*
 * fetch.c - thrum fetch: many URLs at once.  This is its command line; fetch.h lists the other
 * parts.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "fetch_run.h"

#define WORKERS_MAX 256
#define JOBS_DEFAULT 16
#define TIMEOUT_DEFAULT_NS THRUM_SEC(300)
/* What a job may have open: its connection, another attempt, a look-up's and libcurl's own. */
#define DESCRIPTORS_OF_JOB 8
#define DESCRIPTORS_KEPT 32

static const char help[] =
    "usage: thrum fetch [OPTION...] URL...\n\n"
    "Fetches the URLs (http or https), many at once, and prints for each, in the order asked:\n"
    "status, bytes of the body, seconds, and where redirects led, or the error.  '-' stands for\n"
    "URLs on standard input, one a line.  Bodies are counted and not kept.  Proxies are taken\n"
    "from the environment (http_proxy, https_proxy, no_proxy).\n\n"
    "options:\n"
    "  -j, --jobs N         in flight at most, 1 to %d (default %d; fewer if the limit on open\n"
    "                       files says so)\n"
    "  -w, --workers N      worker threads, 1 to %d (default: what 'thrum info' says)\n"
    "  -t, --timeout S      for each URL, redirects included (default 300 seconds; 0: none)\n"
    "      --no-location    a redirect is an answer like any other\n"
    "      --sha256         print each body's SHA-256, too\n"
    "  -k, --insecure       do not look at certificates\n"
    "      --cacert FILE    trust the certificates of FILE and no others\n"
    "  -A, --user-agent S   instead of 'thrum/%s'\n"
    "      --json           one JSON object on standard output\n"
    "  -h, --help           this text\n\n"
    "exit status:\n"
    "  0  every URL was answered with status 2xx\n"
    "  1  one was not, there was none, or it was interrupted (SIGINT, SIGTERM): what had come\n"
    "     is printed all the same\n"
    "  2  the command line cannot be understood\n";

void fetch_help(FILE *out)
{
	fprintf(out, help, FETCH_JOBS_MAX, JOBS_DEFAULT, WORKERS_MAX, thrum_version());
}

enum { NO_LOCATION = 256, SHA256, CACERT, JSON };

static const struct option options[] = {
    {"jobs", required_argument, NULL, 'j'},
    {"workers", required_argument, NULL, 'w'},
    {"timeout", required_argument, NULL, 't'},
    {"no-location", no_argument, NULL, NO_LOCATION},
    {"sha256", no_argument, NULL, SHA256},
    {"insecure", no_argument, NULL, 'k'},
    {"cacert", required_argument, NULL, CACERT},
    {"user-agent", required_argument, NULL, 'A'},
    {"json", no_argument, NULL, JSON},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* Seconds up to a day, perhaps with a point; 0: none. */
static bool take_timeout(const char *text, int64_t *out_ns)
{
	char *end;
	double s;

	if (text[0] < '0' || text[0] > '9' || strspn(text, "0123456789.") != strlen(text))
		return false;
	s = strtod(text, &end);
	*out_ns = (int64_t)(s * 1e9);
	return !*end && s <= 86400 && (s == 0 || s >= 0.001);
}

/* One option.  0 or EXIT_MISUSE. */
static int take_option(int c, struct fetch_run *run)
{
	if (c == 'j' && !cli_number(optarg, 1, FETCH_JOBS_MAX, &run->jobs))
		return cli_misuse("fetch", "--jobs wants 1 to %d, not '%s'", FETCH_JOBS_MAX,
				  optarg);
	if (c == 'w' && !cli_number(optarg, 1, WORKERS_MAX, &run->workers))
		return cli_misuse("fetch", "--workers wants 1 to %d, not '%s'", WORKERS_MAX,
				  optarg);
	if (c == 't' && !take_timeout(optarg, &run->options.timeout_ns))
		return cli_misuse("fetch", "--timeout wants seconds, 0.001 to 86400, not '%s'",
				  optarg);
	if (c == CACERT)
		run->options.ca_file = optarg;
	if (c == 'A')
		run->options.user_agent = optarg;
	run->options.insecure |= c == 'k';
	run->options.stay |= c == NO_LOCATION;
	run->sha256 |= c == SHA256;
	run->json |= c == JSON;
	return 0;
}

/* Returns 0 to go on, or EXIT_MISUSE, or -1: help was asked for. */
static int parse(int argc, char **argv, struct fetch_run *run)
{
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":j:w:t:kA:h", options, NULL)) != -1) {
		if (c == ':')
			return cli_misuse("fetch", "'%s' wants a value", argv[optind - 1]);
		if (c == '?')
			return cli_no_option("fetch", argv[optind - 1], optopt);
		if (c == 'h')
			return -1;
		if (take_option(c, run))
			return EXIT_MISUSE;
	}
	if (optind == argc)
		return cli_misuse("fetch", "which URL?");
	run->words = argv + optind;
	run->n_words = argc - optind;
	return 0;
}

static void limit_jobs(struct fetch_run *run)
{
	struct rlimit limit;
	rlim_t most;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	most = limit.rlim_cur > DESCRIPTORS_KEPT
		   ? (limit.rlim_cur - DESCRIPTORS_KEPT) / DESCRIPTORS_OF_JOB
		   : 0;
	if (run->jobs > most)
		run->jobs = most > 0 ? (unsigned)most : 1;
}

static int fail(const char *what)
{
	fprintf(stderr, "thrum fetch: %s\n", what);
	return EXIT_NOT_OK;
}

static int run_with_libraries(struct fetch_run *run)
{
	struct thrum_config config = THRUM_CONFIG_INIT;
	intptr_t status;

	/* Before anything else is opened, which may get the number of one that is closed. */
	run->in_fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	run->out_fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	config.workers = run->workers;
	config.report = cli_report;
	run->ring = calloc(FETCH_WINDOW, sizeof(*run->ring));
	status = run->ring ? thrum_run_with(&config, fetch_run, run) : -ENOMEM;
	free(run->ring);
	close(run->in_fd);
	close(run->out_fd);
	return thrum_failed(status) ? fail(text_error(status)) : (int)status;
}

int fetch_main(int argc, char **argv)
{
	struct fetch_run run = {
	    .options.timeout_ns = TIMEOUT_DEFAULT_NS,
	    .jobs = JOBS_DEFAULT,
	    .lock = PTHREAD_MUTEX_INITIALIZER,
	};
	int status = parse(argc, argv, &run);

	if (status < 0) {
		fetch_help(stdout);
		return cli_flush(EXIT_OK);
	}
	if (status)
		return status;
	limit_jobs(&run);
	if (hash_open_library())
		return fail("OpenSSL has no SHA-256 to offer here");
	if (fetch_open_library()) {
		hash_close_library();
		return fail("libcurl cannot start, or would look names up without a thread");
	}
	status = run_with_libraries(&run);
	fetch_close_library();
	hash_close_library();
	return status;
}
