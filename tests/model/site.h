/* SPDX-License-Identifier: MIT */
/*
 * site.h - the operations of the library as sites, and their mutations.
 */
#ifndef MODEL_SITE_H
#define MODEL_SITE_H

#include "internal.h"

enum { MUTATIONS_MAX = 1024, PLACES_MAX = 1024, KEY_MAX = 200 };

/* One place in the source: the sites of one operation on one line, in all files that include it. */
struct place {
	struct model_site *site; /* the first of them */
	unsigned mutations;
};

struct mutation {
	unsigned place;
	enum model_order down;
	char key[KEY_MAX];  /* how survivors.txt names it: no line number in it */
	const char *excuse; /* from survivors.txt, or NULL */
	bool excuse_used;
};

extern struct place places[PLACES_MAX];
extern unsigned nplaces_library;
extern struct mutation mutations[MUTATIONS_MAX];
extern unsigned nmutations;

/* Finds all sites.  Ends the process if there are too many. */
void sites_find(void);
/*
 * A line for each mutation that may survive: "key | why".  Returns lines that name no mutation,
 * printed on stderr.
 */
unsigned sites_read_survivors(const char *path);
const char *order_name(enum model_kind kind, enum model_order order);
/* "12", "file:line:op:down" or a key; NULL: no such mutation. */
struct mutation *mutation_find(const char *text);
/* Puts the mutation in force; NULL: none is. */
void mutation_apply(const struct mutation *m);
bool place_reached(unsigned place);

#endif
