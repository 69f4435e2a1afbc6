/* SPDX-License-Identifier: MIT */
/*
 * site.c - the sites of the library: found in the section that model_atomic.h fills, named, and
 * weakened.
 *
 * A mutation's name is "file function op->down tags": the tags (T2, O1) come from the comment on
 * the source line, read at run time, so that the name outlives changes elsewhere in the file; a
 * second one of the same name gets "#2".
 */
#include "site.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

extern struct model_site *const __start_model_sites[];
extern struct model_site *const __stop_model_sites[];

struct place places[PLACES_MAX];
unsigned nplaces_library;
struct mutation mutations[MUTATIONS_MAX];
unsigned nmutations;

const char *site_file(const struct model_site *s)
{
	return trace_file(s->file);
}

void sites_clear_reached(void)
{
	for (struct model_site *const *s = __start_model_sites; s < __stop_model_sites; s++)
		(*s)->reached = false;
}

static bool same_place(const struct model_site *a, const struct model_site *b)
{
	return a->line == b->line && !strcmp(a->op, b->op) && !strcmp(a->file, b->file);
}

static int by_place(const void *a, const void *b)
{
	const struct model_site *x = ((const struct place *)a)->site,
				*y = ((const struct place *)b)->site;
	int c = strcmp(site_file(x), site_file(y));

	c = c ? c : x->line - y->line;
	return c ? c : strcmp(x->op, y->op);
}

static void add_place(struct model_site *s)
{
	for (unsigned i = 0; i < nplaces_library; i++)
		if (same_place(places[i].site, s))
			return;
	if (nplaces_library == PLACES_MAX) {
		fprintf(stderr, "model: more than %d sites\n", PLACES_MAX);
		exit(2);
	}
	places[nplaces_library++].site = s;
}

const char *order_name(enum model_kind kind, enum model_order order)
{
	static const char *const names[] = {"relaxed",       "acquire",    "release",
					    "acq_rel",       "none",       "fence_light",
					    "fence_seq_cst", "fence_heavy"};

	(void)kind;
	return names[order];
}

/*
 * The tags in the comment that follows the operation: on its line, or on the next ones of the same
 * statement.
 */
static void read_tags(const struct model_site *s, char *out, size_t size)
{
	FILE *f = fopen(s->file, "r");
	char line[512];
	size_t n = 0;

	out[0] = 0;
	for (int i = 1; f && i < s->line + 3 && fgets(line, sizeof(line), f); i++) {
		char *p = i >= s->line ? strstr(line, "/*") : NULL;

		for (; p && *p && n + 8 < size; p++) {
			bool starts = isupper((unsigned char)p[0]) &&
				      isdigit((unsigned char)p[1]) &&
				      !isalnum((unsigned char)p[-1]);

			if (!starts)
				continue;
			if (n)
				out[n++] = ',';
			out[n++] = *p++;
			while (isdigit((unsigned char)*p) && n + 8 < size)
				out[n++] = *p++;
			out[n] = 0;
			p--;
		}
		if (i >= s->line && (strchr(line, ';') || strchr(line, '{')))
			break;
	}
	if (f)
		fclose(f);
}

static void add_mutation(unsigned place, enum model_order down)
{
	const struct model_site *s = places[place].site;
	struct mutation *m = &mutations[nmutations];
	char tags[64], base[KEY_MAX - 8];
	unsigned same = 1;

	if (nmutations == MUTATIONS_MAX) {
		fprintf(stderr, "model: more than %d mutations\n", MUTATIONS_MAX);
		exit(2);
	}
	read_tags(s, tags, sizeof(tags));
	snprintf(base, sizeof(base), "%s %s %s->%s%s%s", site_file(s), s->function, s->op,
		 order_name((enum model_kind)s->kind, down), tags[0] ? " " : "", tags);
	for (unsigned i = 0; i < nmutations; i++) {
		size_t n = strlen(base);

		same += !strncmp(mutations[i].key, base, n) &&
			(!mutations[i].key[n] || mutations[i].key[n + 1] == '#');
	}
	m->place = place;
	m->down = down;
	snprintf(m->key, sizeof(m->key), same > 1 ? "%s #%u" : "%s", base, same);
	places[place].mutations++;
	nmutations++;
}

static void add_mutations(unsigned place)
{
	const struct model_site *s = places[place].site;

	switch (s->declared) {
	case MODEL_ACQ_REL:
		add_mutation(place, MODEL_ACQUIRE);
		add_mutation(place, MODEL_RELEASE);
		break;
	case MODEL_ACQUIRE:
	case MODEL_RELEASE:
		add_mutation(place, MODEL_RELAXED);
		break;
	case MODEL_HEAVY:
		add_mutation(place, MODEL_LIGHT);
		break;
	case MODEL_LIGHT:
	case MODEL_SEQ_CST:
		add_mutation(place, MODEL_NO_FENCE);
		break;
	}
}

void sites_find(void)
{
	for (struct model_site *const *s = __start_model_sites; s < __stop_model_sites; s++)
		if (strncmp(site_file(*s), "tests/", 6))
			add_place(*s);
	qsort(places, nplaces_library, sizeof(places[0]), by_place);
	for (unsigned i = 0; i < nplaces_library; i++)
		add_mutations(i);
}

static char *trim(char *s)
{
	size_t n = strlen(s);

	while (n && isspace((unsigned char)s[n - 1]))
		s[--n] = 0;
	while (isspace((unsigned char)*s))
		s++;
	return s;
}

unsigned sites_read_survivors(const char *path)
{
	FILE *f = fopen(path, "r");
	char line[1024];
	unsigned unknown = 0;

	if (!f) {
		fprintf(stderr, "model: cannot read %s\n", path);
		return 1;
	}
	while (fgets(line, sizeof(line), f)) {
		char *key = trim(line), *why = strchr(key, '|');
		struct mutation *m;

		if (!*key || *key == '#')
			continue;
		if (why)
			*why++ = 0;
		m = mutation_find(trim(key));
		if (m && why && *trim(why)) {
			m->excuse = strdup(trim(why));
			continue;
		}
		fprintf(stderr, "model: %s: %s: %s\n", path,
			m ? "no reason given" : "no such mutation", key);
		unknown++;
	}
	fclose(f);
	return unknown;
}

struct mutation *mutation_find(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text && !*end)
		return n >= 1 && n <= nmutations ? &mutations[n - 1] : NULL;
	for (unsigned i = 0; i < nmutations; i++) {
		const struct model_site *s = places[mutations[i].place].site;
		char name[KEY_MAX];

		snprintf(name, sizeof(name), "%s:%d:%s:%s", site_file(s), s->line, s->op,
			 order_name((enum model_kind)s->kind, mutations[i].down));
		if (!strcmp(name, text) || !strcmp(mutations[i].key, text))
			return &mutations[i];
	}
	return NULL;
}

void mutation_apply(const struct mutation *m)
{
	for (struct model_site *const *s = __start_model_sites; s < __stop_model_sites; s++)
		(*s)->order =
		    m && same_place(*s, places[m->place].site) ? (uint8_t)m->down : (*s)->declared;
}

bool place_reached(unsigned place)
{
	for (struct model_site *const *s = __start_model_sites; s < __stop_model_sites; s++)
		if ((*s)->reached && same_place(*s, places[place].site))
			return true;
	return false;
}
