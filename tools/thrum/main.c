/* SPDX-License-Identifier: MIT */
/*
 * main.c - the program thrum: finds the command and hands over.
 */
#include <string.h>
#include <thrum/thrum.h>

#include "cli.h"

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	void (*help)(FILE *out);
	const char *summary;
};

static const struct command commands[] = {
    {"demo", demo_main, demo_help, "hash a directory tree on all cores and check every result"},
    {"serve", serve_main, serve_help, "serve the files of a directory over HTTP"},
    {"fetch", fetch_main, fetch_help, "fetch many URLs at once: status, size and time of each"},
    {"info", info_main, info_help, "say what a runtime has to work with here, and why"},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_help(FILE *out)
{
	fprintf(out, "usage: thrum COMMAND [OPTION...] [ARGUMENT...]\n\n"
		     "Tasks on all cores with asyncio's model.\n\ncommands:\n");
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-14s %s\n", commands[i].name, commands[i].summary);
	fprintf(out, "  %-14s %s\n", "help [COMMAND]", "this text, or a command's own");
	fprintf(out, "\noptions:\n"
		     "  -h, --help     this text\n"
		     "  -V, --version  the library's version\n\n"
		     "exit status:\n"
		     "  0  done, and all was well\n"
		     "  1  it could not be done, or a check failed; a message says what\n"
		     "  2  the command line cannot be understood\n");
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static int help_main(int argc, char **argv)
{
	const struct command *command;

	if (argc > 2)
		return cli_misuse(NULL, "help takes one command's name");
	if (argc == 1) {
		print_help(stdout);
		return cli_flush(EXIT_OK);
	}
	command = find_command(argv[1]);
	if (!command)
		return cli_misuse(NULL, "there is no command '%s'", argv[1]);
	command->help(stdout);
	return cli_flush(EXIT_OK);
}

int main(int argc, char **argv)
{
	const struct command *command;

	if (argc < 2) {
		print_help(stderr);
		return EXIT_MISUSE;
	}
	if (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help")) {
		print_help(stdout);
		return cli_flush(EXIT_OK);
	}
	if (!strcmp(argv[1], "-V") || !strcmp(argv[1], "--version")) {
		printf("thrum %s\n", thrum_version());
		return cli_flush(EXIT_OK);
	}
	if (!strcmp(argv[1], "help"))
		return help_main(argc - 1, argv + 1);
	command = find_command(argv[1]);
	if (!command)
		return cli_misuse(NULL, "there is no %s '%s'",
				  argv[1][0] == '-' ? "option" : "command", argv[1]);
	return command->run(argc - 1, argv + 1);
}
