/* SPDX-License-Identifier: MIT */
/*
 * info.c - thrum info: what a runtime made here has to work with, and why.
 *
 * The library describes a runtime in lines of "key: value"; this program adds what it knows of the
 * machine, aligns the lines, or makes one JSON object of them (a value of digits alone is a
 * number).
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <thrum/thrum.h>
#include <unistd.h>

#include "cli.h"

static const char help[] =
    "usage: thrum info [OPTION...]\n\n"
    "Makes a runtime and says what it has to work with here, and why: workers, clock,\n"
    "stacks and their guards, limits, the kernel.  Environment variables (THRUM_WORKERS,\n"
    "THRUM_CLOCK, ...) count as they would for any program.\n\n"
    "options:\n"
    "      --json  one JSON object on standard output\n"
    "  -h, --help  this text\n\n"
    "exit status:\n"
    "  0  done\n"
    "  1  no runtime could be made\n"
    "  2  the command line cannot be understood\n";

void info_help(FILE *out)
{
	fputs(help, out);
}

/* Returns 0 to go on, or EXIT_MISUSE, or -1: help was asked for. */
static int parse(int argc, char **argv, bool *json)
{
	static const struct option options[] = {
	    {"json", no_argument, NULL, 'J'},
	    {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (c == 'h')
			return -1;
		if (c != 'J')
			return cli_no_option("info", argv[optind - 1], optopt);
		*json = true;
	}
	if (optind < argc)
		return cli_misuse("info", "it takes no argument, so not '%s'", argv[optind]);
	return 0;
}

/* The library's own lines; the caller frees them.  NULL: no memory. */
static char *describe(struct thrum_runtime *rt)
{
	size_t n = thrum_runtime_describe(rt, NULL, 0) + 1;
	char *text = malloc(n);

	if (text)
		thrum_runtime_describe(rt, text, n);
	return text;
}

/* All lines in one text; the caller frees it.  NULL: no memory. */
static char *collect(struct thrum_runtime *rt)
{
	char *text = NULL, *own = describe(rt);
	struct utsname name;

	if (!own)
		return NULL;
	if (uname(&name))
		memset(&name, 0, sizeof(name));
	if (asprintf(&text, "version: %s\nkernel: %s %s %s\npage size: %ld\n%s", thrum_version(),
		     name.sysname, name.release, name.machine, sysconf(_SC_PAGESIZE), own) < 0)
		text = NULL;
	free(own);
	return text;
}

/* Cuts the next line of @*text into key and value; false: there is none. */
static bool next_line(char **text, char **key, char **value)
{
	char *line, *colon;

	while ((line = strsep(text, "\n"))) {
		colon = strstr(line, ": ");
		if (!colon)
			continue;
		*colon = '\0';
		*key = line;
		*value = colon + 2;
		return true;
	}
	return false;
}

static json_t *value_json(const char *value)
{
	size_t digits = strspn(value, "0123456789");

	if (digits > 0 && digits < 19 && !value[digits])
		return json_integer(strtoll(value, NULL, 10));
	return json_string(value);
}

static int print_as_json(char *text)
{
	json_t *root = json_object();
	char *key, *value;

	while (next_line(&text, &key, &value)) {
		for (char *c = key; *c; c++)
			if (*c == ' ' || *c == '-')
				*c = '_';
		if (json_object_set_new(root, key, value_json(value))) {
			json_decref(root);
			root = NULL;
			break;
		}
	}
	return cli_print_json(root);
}

static int print_as_text(char *text)
{
	char *key, *value;

	while (next_line(&text, &key, &value))
		printf("%-22s %s\n", key, value);
	return cli_flush(EXIT_OK);
}

static int print_info(struct thrum_runtime *rt, bool json)
{
	char *text = collect(rt);
	int status;

	if (!text) {
		fprintf(stderr, "thrum info: out of memory\n");
		return EXIT_NOT_OK;
	}
	status = json ? print_as_json(text) : print_as_text(text);
	free(text);
	return status;
}

int info_main(int argc, char **argv)
{
	struct thrum_runtime *rt;
	bool json = false;
	int error, status = parse(argc, argv, &json);

	if (status < 0) {
		info_help(stdout);
		return cli_flush(EXIT_OK);
	}
	if (status)
		return status;
	error = thrum_runtime_create(&rt, NULL);
	if (error) {
		fprintf(stderr, "thrum info: no runtime could be made: %s\n", text_error(error));
		return EXIT_NOT_OK;
	}
	status = print_info(rt, json);
	error = thrum_runtime_destroy(rt);
	if (error)
		fprintf(stderr, "thrum info: the runtime did not stop: %s\n", text_error(error));
	return error ? EXIT_NOT_OK : status;
}
