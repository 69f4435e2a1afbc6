/* SPDX-License-Identifier: MIT */
/*
 * select.c - which scenarios a NAME of the command line means.
 *
 * Those whose own names contain it.  If there are none, it is a source file of the library, without
 * folder and ending: those that go through an operation of it.  If no scenario does, those that go
 * through a file that it includes: a worker is made of a deque, a ready ring, an idle word.  Who
 * goes through what is found by a few random executions of each scenario; an order weakened by
 * hand, which may make them fail, changes nothing here.
 */
#include "mutants.h"
#include "site.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>

enum { LOOKS = 48, STEMS = 64, STEM_MAX = 64 };

struct stems {
	unsigned n;
	char at[STEMS][STEM_MAX];
};

static bool selected[SCENARIOS_MAX];
static bool reaches[SCENARIOS_MAX][PLACES_MAX];
static bool looked;

extern const struct scenario *const __start_model_scenarios[];
extern const struct scenario *const __stop_model_scenarios[];

static int by_name(const void *a, const void *b)
{
	return strcmp((*(const struct scenario *const *)a)->name,
		      (*(const struct scenario *const *)b)->name);
}

unsigned scenarios_all(const struct scenario *const **out)
{
	static const struct scenario *all[SCENARIOS_MAX];
	static unsigned n;

	if (!n) {
		n = (unsigned)(__stop_model_scenarios - __start_model_scenarios);
		if (n > SCENARIOS_MAX) {
			fprintf(stderr, "model: more than %d scenarios\n", SCENARIOS_MAX);
			exit(2);
		}
		for (unsigned i = 0; i < n; i++)
			all[i] = __start_model_scenarios[i];
		qsort(all, n, sizeof(all[0]), by_name);
	}
	*out = all;
	return n;
}

/* "deque" of "runtime/core/deque.c". */
static void stem_of(const char *path, char out[STEM_MAX])
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	snprintf(out, STEM_MAX, "%.*s", (int)strcspn(name, "."), name);
}

static void stems_add(struct stems *s, const char *path)
{
	char stem[STEM_MAX];

	stem_of(path, stem);
	for (unsigned i = 0; i < s->n; i++)
		if (!strcmp(s->at[i], stem))
			return;
	if (s->n < STEMS)
		memcpy(s->at[s->n++], stem, STEM_MAX);
}

static bool stems_have(const struct stems *s, const char *path)
{
	char stem[STEM_MAX];

	stem_of(path, stem);
	for (unsigned i = 0; i < s->n; i++)
		if (!strcmp(s->at[i], stem))
			return true;
	return false;
}

/* What the runtime's files called @name include of its other folders. */
static void stems_included(struct stems *s, const char *name)
{
	char pattern[512], line[512], path[256];
	glob_t found;

	snprintf(pattern, sizeof(pattern), MODEL_DIR "/../../runtime/*/%s.[ch]", name);
	if (glob(pattern, 0, NULL, &found))
		return;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		FILE *f = fopen(found.gl_pathv[i], "r");

		while (f && fgets(line, sizeof(line), f))
			if (sscanf(line, "#include \"%255[^\"]\"", path) == 1)
				stems_add(s, path);
		if (f)
			fclose(f);
	}
	globfree(&found);
}

static void look(void)
{
	static struct result r;
	const struct options o = {
	    .bound = -1, .pct = LOOKS, .pct_depth = 3, .seed = 1, .all = true};
	const struct scenario *const *all;
	unsigned n = scenarios_all(&all);

	for (unsigned k = 0; k < n && !looked; k++) {
		sites_clear_reached();
		search_run(all[k], &o, &r);
		for (unsigned p = 0; p < nplaces_library; p++)
			reaches[k][p] = place_reached(p);
	}
	sites_clear_reached();
	looked = true;
}

/* Selects who goes through one of these files; their number. */
static unsigned select_through(const struct stems *files)
{
	const struct scenario *const *all;
	unsigned n = scenarios_all(&all), count = 0;

	look();
	for (unsigned k = 0; k < n; k++) {
		bool goes = false;

		for (unsigned p = 0; p < nplaces_library; p++)
			goes |= reaches[k][p] && stems_have(files, site_file(places[p].site));
		if (goes)
			selected[k] = true;
		count += goes;
	}
	return count;
}

static unsigned select_one(const char *name)
{
	const struct scenario *const *all;
	unsigned n = scenarios_all(&all), count = 0;
	struct stems files = {0, {{0}}};

	for (unsigned k = 0; k < n; k++)
		if (strstr(all[k]->name, name)) {
			selected[k] = true;
			count++;
		}
	if (count)
		return count;
	stems_add(&files, name);
	count = select_through(&files);
	if (count)
		return count;
	stems_included(&files, name);
	return select_through(&files);
}

bool scenarios_select(char **names, unsigned nnames)
{
	memset(selected, !nnames, sizeof(selected));
	for (unsigned i = 0; i < nnames; i++)
		if (!select_one(names[i])) {
			fprintf(stderr,
				"model: no scenario is called %s, or goes through an operation of "
				"%s.c or of what that includes\n",
				names[i], names[i]);
			names_print(stderr);
			return false;
		}
	return true;
}

bool scenario_is_selected(const struct scenario *s)
{
	const struct scenario *const *all;
	unsigned n = scenarios_all(&all);

	for (unsigned k = 0; k < n; k++)
		if (all[k] == s)
			return selected[k];
	return false;
}

/* Words in a paragraph, each once. */
static void print_words(FILE *out, const char *title, const struct stems *words)
{
	int column = fprintf(out, "%s", title);

	for (unsigned i = 0; i < words->n; i++) {
		if (column + 1 + (int)strlen(words->at[i]) > 96)
			column = fprintf(out, "\n  ") - 1;
		column += fprintf(out, " %s", words->at[i]);
	}
	fputc('\n', out);
}

void names_print(FILE *out)
{
	const struct scenario *const *all;
	unsigned n = scenarios_all(&all);
	struct stems groups = {0, {{0}}}, files = {0, {{0}}};

	for (unsigned k = 0; k < n; k++) {
		char group[STEM_MAX];

		snprintf(group, sizeof(group), "%.*s", (int)strcspn(all[k]->name, "_"),
			 all[k]->name);
		stems_add(&groups, group);
	}
	for (unsigned p = 0; p < nplaces_library; p++)
		stems_add(&files, site_file(places[p].site));
	print_words(out, "scenarios begin with:", &groups);
	print_words(out, "source files with operations that they go through:", &files);
	fputs("any other file of runtime/ stands for those that it includes\n", out);
}
