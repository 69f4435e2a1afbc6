/* SPDX-License-Identifier: MIT */
/*
 * text.c - words for a terminal and for JSON, and numbers from a command line.
 *
 * A file's name may hold any byte but 0 and '/': line ends, escape sequences, broken UTF-8.  None
 * of it reaches a terminal or a JSON string as it is.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <thrum/thrum.h>

#include "cli.h"

int cli_misuse(const char *command, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "thrum%s%s: ", command ? " " : "", command ? command : "");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\nTry 'thrum%s%s --help'.\n", command ? " " : "", command ? command : "");
	return EXIT_MISUSE;
}

int cli_no_option(const char *command, const char *word, int letter)
{
	if (letter == 0 || strchr(word, '='))
		return cli_misuse(command, "there is no option '%s'", word);
	return cli_misuse(command, "there is no option '-%c'", letter);
}

bool cli_number(const char *text, unsigned least, unsigned most, unsigned *out)
{
	char *end;
	unsigned long value;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *end || value < least || value > most)
		return false;
	*out = (unsigned)value;
	return true;
}

int cli_flush(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	fprintf(stderr, "thrum: cannot write to standard output: %s\n", strerror(errno));
	return EXIT_NOT_OK;
}

int cli_print_json(json_t *object)
{
	char *text = object ? json_dumps(object, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) : NULL;

	json_decref(object);
	if (!text) {
		fprintf(stderr, "thrum: out of memory for the JSON text\n");
		return EXIT_NOT_OK;
	}
	puts(text);
	free(text);
	return cli_flush(EXIT_OK);
}

void cli_report(void *arg, int what, const char *line)
{
	(void)arg;
	if (what != THRUM_REPORT_STALL)
		fprintf(stderr, "thrum: %s\n", line);
}

/* How many bytes of well-formed UTF-8 for one character above 0x7f stand at @s; 0: none. */
static size_t utf8_length(const unsigned char *s)
{
	size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;

	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f))
		return 0;
	if ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	if (s[0] == 0xc2 && s[1] < 0xa0) /* the control characters U+0080 ... U+009F */
		return 0;
	return n;
}

const char *text_path(const char *path, char *buf, size_t n)
{
	const unsigned char *s = (const unsigned char *)path;
	size_t at = 0;

	while (*s && at + 5 < n) {
		size_t length = *s >= 0x80 ? utf8_length(s) : *s >= 0x20 && *s != 0x7f;

		if (length) {
			memcpy(buf + at, s, length);
			at += length;
			s += length;
		} else if (*s == '\n') {
			at += (size_t)sprintf(buf + at, "\\n");
			s++;
		} else {
			at += (size_t)sprintf(buf + at, "\\x%02x", *s);
			s++;
		}
	}
	buf[at] = '\0';
	return buf;
}

const char *text_error(intptr_t result)
{
	const char *words = strerrordesc_np((int)-result);

	return words ? words : "unknown error";
}
