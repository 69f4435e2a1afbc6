/* SPDX-License-Identifier: MIT */
/*
 * axioms.c - which outcomes of a litmus program C11 allows, by brute force: all reads-from and
 * modification orders, judged by the axioms of RC11 (Lahav et al., PLDI 2017), which C++20 took
 * over for fences (P0668), without the axiom against out-of-thin-air values, which C11 doesn't
 * have.  Shares nothing with memory.c: it is the other opinion.
 *
 *   hb = (sb | sw)+  sw from a release (or a fence before a store), through a release sequence of
 *                    read-modify-writes, to an acquire that reads it (or a load before a fence)
 *   coherence        eco = (rf | mo | fr)+ and hb ; eco are irreflexive
 *   atomicity        nothing between a read-modify-write and what it read
 *   psc              hb and hb ; eco ; hb between fences are acyclic together; a light fence counts
 *                    only against heavy ones
 */
#include "litmus.h"

#include <string.h>

enum { EVENTS = 28 };

typedef uint32_t relation[EVENTS]; /* bit j of [i]: i before j */

struct ev {
	enum instr_kind kind;
	unsigned var, thread;
	enum model_order order;
	const struct instr *code;
	unsigned read, written;
	bool reads, writes;
	int from; /* the write it reads */
};

struct candidate {
	const struct litmus *l;
	struct outcomes *c11, *executable;
	struct ev e[EVENTS];
	unsigned n;
	relation sb, mo;
	unsigned order[LITMUS_VARS][EVENTS], writes[LITMUS_VARS]; /* mo, as it is being built */
};

static void closure(relation r, unsigned n)
{
	for (unsigned k = 0; k < n; k++)
		for (unsigned i = 0; i < n; i++)
			if (r[i] >> k & 1)
				r[i] |= r[k];
}

static bool cyclic(relation r, unsigned n)
{
	closure(r, n);
	for (unsigned i = 0; i < n; i++)
		if (r[i] >> i & 1)
			return true;
	return false;
}

/* out = a ; b */
static void compose(relation out, relation a, relation b, unsigned n)
{
	relation t;

	for (unsigned i = 0; i < n; i++) {
		t[i] = 0;
		for (unsigned j = 0; j < n; j++)
			if (a[i] >> j & 1)
				t[i] |= b[j];
	}
	memcpy(out, t, sizeof(t));
}

static bool is_full(const struct ev *e)
{
	return e->kind == FENCE && (e->order == MODEL_SEQ_CST || e->order == MODEL_HEAVY);
}

static bool releases(const struct ev *e)
{
	return e->writes && (e->order & MODEL_RELEASE);
}

static bool acquires(const struct ev *e)
{
	return e->reads && (e->order & MODEL_ACQUIRE);
}

/* From every source of the write @w's message to every taker of it by the read @r. */
static void add_sw(struct candidate *c, relation hb, unsigned w, unsigned r)
{
	for (unsigned a = 0; a < c->n; a++) {
		if (!(a == w && releases(&c->e[a])) && !(is_full(&c->e[a]) && (c->sb[a] >> w & 1)))
			continue;
		for (unsigned b = 0; b < c->n; b++)
			if ((b == r && acquires(&c->e[b])) ||
			    (is_full(&c->e[b]) && (c->sb[r] >> b & 1)))
				hb[a] |= 1u << b;
	}
}

static void happens_before(struct candidate *c, relation hb)
{
	memcpy(hb, c->sb, sizeof(relation));
	for (unsigned r = 0; r < c->n; r++) {
		int w = c->e[r].reads ? c->e[r].from : -1;

		while (w >= 0) {
			add_sw(c, hb, (unsigned)w, r);
			w = c->e[w].reads ? c->e[w].from : -1; /* a read-modify-write hands on */
		}
	}
	closure(hb, c->n);
}

static void extended_coherence(struct candidate *c, relation eco)
{
	memcpy(eco, c->mo, sizeof(relation));
	for (unsigned r = 0; r < c->n; r++) {
		if (!c->e[r].reads)
			continue;
		eco[c->e[r].from] |= 1u << r;
		eco[r] |= c->mo[c->e[r].from] & ~(1u << r);
	}
	closure(eco, c->n);
}

static bool counts_against(const struct ev *a, const struct ev *b)
{
	if (is_full(a) && is_full(b))
		return true;
	return a->kind == FENCE && b->kind == FENCE &&
	       (a->order == MODEL_HEAVY || b->order == MODEL_HEAVY);
}

static bool fences_agree(struct candidate *c, relation hb, relation eco)
{
	relation psc;

	compose(psc, hb, eco, c->n);
	compose(psc, psc, hb, c->n);
	for (unsigned i = 0; i < c->n; i++) {
		psc[i] |= hb[i];
		for (unsigned j = 0; j < c->n; j++)
			if (!counts_against(&c->e[i], &c->e[j]))
				psc[i] &= ~(1u << j);
	}
	return !cyclic(psc, c->n);
}

/* Each read-modify-write follows at once what it read. */
static bool atomicity(struct candidate *c)
{
	for (unsigned v = 0; v < LITMUS_VARS; v++)
		for (unsigned i = 0; i < c->writes[v]; i++) {
			const struct ev *e = &c->e[c->order[v][i]];

			if (e->reads && (i == 0 || e->from != (int)c->order[v][i - 1]))
				return false;
		}
	return true;
}

static uint64_t outcome_of(struct candidate *c)
{
	unsigned reg[LITMUS_REGS] = {0};
	uint64_t o = 0;

	for (unsigned i = 0; i < c->n; i++)
		if (c->e[i].reads)
			reg[c->e[i].code->reg] = c->e[i].read;
	for (unsigned i = 0; i < c->l->regs; i++)
		o = o << 4 | reg[i];
	for (unsigned v = 0; v < c->l->vars; v++)
		o = o << 4 | c->e[c->order[v][c->writes[v] - 1]].written;
	return o;
}

static void judge(struct candidate *c)
{
	relation hb, eco, bad, future;

	if (!atomicity(c))
		return;
	memset(c->mo, 0, sizeof(c->mo));
	for (unsigned v = 0; v < LITMUS_VARS; v++)
		for (unsigned i = 0; i < c->writes[v]; i++)
			for (unsigned j = i + 1; j < c->writes[v]; j++)
				c->mo[c->order[v][i]] |= 1u << c->order[v][j];
	happens_before(c, hb);
	extended_coherence(c, eco);
	compose(bad, hb, eco, c->n);
	for (unsigned i = 0; i < c->n; i++)
		if ((bad[i] | hb[i] | eco[i]) >> i & 1)
			return;
	if (!fences_agree(c, hb, eco))
		return;
	outcomes_add(c->c11, outcome_of(c));
	memcpy(future, c->sb, sizeof(future));
	for (unsigned r = 0; r < c->n; r++)
		if (c->e[r].reads)
			future[c->e[r].from] |= 1u << r;
	if (!cyclic(future, c->n))
		outcomes_add(c->executable, outcome_of(c));
}

/*
 * Puts the writes from event @i on into their modification orders, in all ways; the initial ones
 * stay first.
 */
static void order_writes(struct candidate *c, unsigned i)
{
	unsigned v, n;

	while (i < c->n && !c->e[i].writes)
		i++;
	if (i == c->n) {
		judge(c);
		return;
	}
	v = c->e[i].var;
	n = c->writes[v]++;
	for (unsigned at = n;; at--) {
		memmove(&c->order[v][at + 1], &c->order[v][at], (n - at) * sizeof(unsigned));
		c->order[v][at] = i;
		order_writes(c, i + 1);
		memmove(&c->order[v][at], &c->order[v][at + 1], (n - at) * sizeof(unsigned));
		if (at <= 1 || c->e[c->order[v][at - 1]].thread == c->e[i].thread)
			break; /* not before its own thread's earlier one */
	}
	c->writes[v] = n;
}

/* Values follow from reads-from; false if none do, or a failed CAS was read from. */
static bool values_follow(struct candidate *c)
{
	for (unsigned round = 0; round <= c->n; round++) {
		bool changed = false;

		for (unsigned i = 0; i < c->n; i++) {
			struct ev *e = &c->e[i];
			unsigned read, written = e->written;

			if (!e->reads)
				continue;
			read = c->e[e->from].written;
			if (e->kind == ADD)
				written = read + e->code->value;
			if (e->kind == COMPARE)
				e->writes = read == e->code->expected;
			changed |= read != e->read || written != e->written;
			e->read = read;
			e->written = written;
		}
		if (!changed)
			break;
		if (round == c->n)
			return false;
	}
	for (unsigned i = 0; i < c->n; i++)
		if (c->e[i].reads && !c->e[c->e[i].from].writes)
			return false;
	return true;
}

static void choose_sources(struct candidate *c, unsigned i)
{
	while (i < c->n && !c->e[i].reads)
		i++;
	if (i == c->n) {
		if (!values_follow(c))
			return;
		for (unsigned v = 0; v < LITMUS_VARS; v++) {
			c->writes[v] = 1;
			c->order[v][0] = v;
		}
		order_writes(c, LITMUS_VARS);
		return;
	}
	for (unsigned w = 0; w < c->n; w++) {
		bool may_write = c->e[w].writes || c->e[w].kind == COMPARE;

		if (w == i || !may_write || c->e[w].var != c->e[i].var)
			continue;
		c->e[i].from = (int)w;
		choose_sources(c, i + 1);
	}
}

static void event_from(struct candidate *c, const struct instr *code, unsigned thread)
{
	struct ev *e = &c->e[c->n];

	*e = (struct ev){.kind = code->kind,
			 .var = code->var,
			 .thread = thread,
			 .order = code->order,
			 .code = code};
	e->reads = code->kind == READ || code->kind == EXCHANGE || code->kind == COMPARE ||
		   code->kind == ADD;
	e->writes = code->kind == WRITE || code->kind == EXCHANGE || code->kind == COMPARE ||
		    code->kind == ADD;
	e->written = code->value;
	for (unsigned i = 0; i < c->n; i++)
		if (i < LITMUS_VARS || c->e[i].thread == thread)
			c->sb[i] |= 1u << c->n;
	c->n++;
}

void axioms_outcomes(const struct litmus *l, struct outcomes *c11, struct outcomes *executable)
{
	static const struct instr initial[LITMUS_VARS] = {
	    {WRITE, 0, 0, 0, 0, 0}, {WRITE, 1, 0, 0, 0, 0}, {WRITE, 2, 0, 0, 0, 0}};
	static struct candidate c;

	memset(&c, 0, sizeof(c));
	c.l = l;
	c.c11 = c11;
	c.executable = executable;
	c11->n = executable->n = 0;
	for (unsigned v = 0; v < LITMUS_VARS; v++)
		event_from(&c, &initial[v], LITMUS_THREADS);
	for (unsigned t = 0; t < LITMUS_THREADS; t++)
		for (unsigned i = 0; i < LITMUS_LENGTH && l->thread[t][i].kind != END; i++)
			event_from(&c, &l->thread[t][i], t);
	choose_sources(&c, 0);
}
