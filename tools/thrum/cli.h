/* SPDX-License-Identifier: MIT */
/*
 * cli.h - what the commands of the program share: exit codes, hints, words for paths and errors.
 *
 * The program uses the library's public headers alone, as any other program would.
 */
#ifndef THRUM_CLI_H
#define THRUM_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define EXIT_OK 0     /* done, and all was well */
#define EXIT_NOT_OK 1 /* it could not be done, or a check failed: a message says what */
#define EXIT_MISUSE 2 /* the command line cannot be understood: a hint says where to look */

/* Room for the text of any plain path of 4 KiB. */
#define TEXT_PATH_MAX 4400

/* Each takes its own words (argv[0] is the command's name) and returns an exit code. */
int demo_main(int argc, char **argv);
int fetch_main(int argc, char **argv);
int serve_main(int argc, char **argv);
int info_main(int argc, char **argv);

void demo_help(FILE *out);
void fetch_help(FILE *out);
void serve_help(FILE *out);
void info_help(FILE *out);

/* cli_misuse - print the message and the hint; returns EXIT_MISUSE.  @command may be NULL. */
int cli_misuse(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* cli_no_option - the same for a word that getopt_long did not know, with its optopt. */
int cli_no_option(const char *command, const char *word, int letter);

/* cli_number - read a whole decimal number in @least ... @most into *@out; false: it is not one. */
bool cli_number(const char *text, unsigned least, unsigned most, unsigned *out);

/* cli_flush - flush standard output: @status, or EXIT_NOT_OK and a message if that failed. */
int cli_flush(int status);

/* cli_print_json - print @object on standard output and drop it; NULL: out of memory. */
int cli_print_json(json_t *object);

/* cli_report - a runtime's reports on standard error, but not those of stalls: on a busy machine a
 * task is held up through no fault of the program's. */
void cli_report(void *arg, int what, const char *line);

/* text_path - @path with control characters and broken UTF-8 escaped, cut to @n; returns @buf. */
const char *text_path(const char *path, char *buf, size_t n);

/* text_error - the system's words for @result, which is -errno. */
const char *text_error(intptr_t result);

#endif
