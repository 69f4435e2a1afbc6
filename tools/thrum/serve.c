/* SPDX-License-Identifier: MIT */
/*
 * serve.c - thrum serve: the files of a directory over HTTP/1.1.  This is its command line; serve.h
 * lists the other parts.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "serve.h"

#define WORKERS_MAX 256

static const char help[] =
    "usage: thrum serve [OPTION...] DIR\n\n"
    "Serves the files of DIR over HTTP/1.1 until it gets SIGTERM or SIGINT; then it answers what\n"
    "is in flight and ends.  Nothing outside DIR is served, by no spelling and no symbolic link.\n"
    "A directory is its index.html.  When it is ready it prints one line with its address.\n\n"
    "options:\n"
    "  -p, --port N             0 to 65535 (default 8080; 0: one that is free)\n"
    "  -b, --bind ADDR          an address or name (default 127.0.0.1; '::' is every address)\n"
    "  -w, --workers N          worker threads, 1 to %d (default: what 'thrum info' says)\n"
    "  -l, --list               a directory without index.html is shown as a list\n"
    "      --log                one line for each request on standard error\n"
    "      --json               the lines on standard output are JSON objects\n"
    "      --idle-timeout S     a connection between two requests (default 60 seconds)\n"
    "      --request-timeout S  a request from its first byte to its last (default 10)\n"
    "      --write-timeout S    an answer that the client does not take (default 30)\n"
    "      --grace S            the end, for what is in flight (default 5)\n"
    "  -h, --help               this text\n\n"
    "exit status:\n"
    "  0  it was told to stop, and did\n"
    "  1  DIR cannot be read, the address cannot be had, or serving had to end\n"
    "  2  the command line cannot be understood\n";

void serve_help(FILE *out)
{
	fprintf(out, help, WORKERS_MAX);
}

enum { LIST = 'l', LOG = 256, JSON, IDLE, REQUEST, WRITE, GRACE };

static const struct option options[] = {
    {"port", required_argument, NULL, 'p'},
    {"bind", required_argument, NULL, 'b'},
    {"workers", required_argument, NULL, 'w'},
    {"list", no_argument, NULL, LIST},
    {"log", no_argument, NULL, LOG},
    {"json", no_argument, NULL, JSON},
    {"idle-timeout", required_argument, NULL, IDLE},
    {"request-timeout", required_argument, NULL, REQUEST},
    {"write-timeout", required_argument, NULL, WRITE},
    {"grace", required_argument, NULL, GRACE},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* Seconds, with up to three digits behind a point, 1 ms to a day. */
static bool take_seconds(const char *text, int64_t *out_ns)
{
	int64_t ms = 0;
	int digits = -1; /* behind the point */
	const char *c;

	for (c = text; *c; c++) {
		if (*c == '.' && digits < 0 && c > text) {
			digits = 0;
			continue;
		}
		if (*c < '0' || *c > '9' || digits == 3 || ms > INT64_C(100000000))
			return false;
		ms = ms * 10 + (*c - '0');
		digits += digits >= 0;
	}
	for (int i = digits < 0 ? 0 : digits; i < 3; i++)
		ms *= 10;
	*out_ns = THRUM_MS(ms);
	return c > text && c[-1] != '.' && ms >= 1 && ms <= INT64_C(86400000);
}

static bool take_time(int c, struct serve_options *o)
{
	switch (c) {
	case IDLE:
		return take_seconds(optarg, &o->idle_ns);
	case REQUEST:
		return take_seconds(optarg, &o->request_ns);
	case WRITE:
		return take_seconds(optarg, &o->write_ns);
	default:
		return take_seconds(optarg, &o->grace_ns);
	}
}

/* Returns 0 to go on, or EXIT_MISUSE, or -1: help was asked for. */
static int parse(int argc, char **argv, struct serve_options *o)
{
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":p:b:w:lh", options, NULL)) != -1) {
		if (c == 'p' && !cli_number(optarg, 0, 65535, &o->port))
			return cli_misuse("serve", "--port wants 0 to 65535, not '%s'", optarg);
		if (c == 'w' && !cli_number(optarg, 1, WORKERS_MAX, &o->workers))
			return cli_misuse("serve", "--workers wants 1 to %d, not '%s'", WORKERS_MAX,
					  optarg);
		if (c >= IDLE && !take_time(c, o))
			return cli_misuse("serve", "'%s' wants seconds, 0.001 to 86400, not '%s'",
					  argv[optind - 1] == optarg ? argv[optind - 2]
								     : argv[optind - 1],
					  optarg);
		if (c == ':')
			return cli_misuse("serve", "'%s' wants a value", argv[optind - 1]);
		if (c == '?')
			return cli_no_option("serve", argv[optind - 1], optopt);
		if (c == 'h')
			return -1;
		if (c == 'b')
			o->bind = optarg;
		o->list |= c == LIST;
		o->log |= c == LOG;
		o->json |= c == JSON;
	}
	if (strlen(o->bind) > 253 || !*o->bind)
		return cli_misuse("serve", "--bind wants an address or a name");
	if (optind == argc)
		return cli_misuse("serve", "which directory?");
	if (argc - optind > 1)
		return cli_misuse("serve", "one directory at a time, not '%s' too",
				  argv[optind + 1]);
	o->dir = argv[optind];
	return 0;
}

int serve_main(int argc, char **argv)
{
	struct serve_options o = {
	    .bind = "127.0.0.1",
	    .port = 8080,
	    .idle_ns = THRUM_SEC(60),
	    .request_ns = THRUM_SEC(10),
	    .write_ns = THRUM_SEC(30),
	    .grace_ns = THRUM_SEC(5),
	};
	int status = parse(argc, argv, &o);

	if (status < 0) {
		serve_help(stdout);
		return cli_flush(EXIT_OK);
	}
	return status ? status : serve_run(&o);
}
