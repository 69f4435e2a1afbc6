/* SPDX-License-Identifier: MIT */
/*
 * model_atomic.h - the operations of base/atomic.h as seen by the interleaving explorer.
 *
 * base/atomic.h includes this under THRUM_MODEL.  Each use of an operation owns a static `struct
 * model_site`, listed at link time in the section `model_sites`, so that a site no scenario reaches
 * is still known.  The explorer reads the order from the site and not from the call: a mutant
 * weakens one site at run time, nothing is compiled again.
 */
#ifndef MODEL_ATOMIC_H
#define MODEL_ATOMIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum model_kind {
	MODEL_LOAD,
	MODEL_STORE,
	MODEL_EXCHANGE,
	MODEL_CAS,
	MODEL_ADD,
	MODEL_SUB,
	MODEL_AND,
	MODEL_OR,
	MODEL_FENCE,
	MODEL_HINT,
	MODEL_PLAIN_READ,
	MODEL_PLAIN_WRITE,
	MODEL_OTHER, /* allocation, blocking: operations of explorer.h */
};

/* Orders of accesses are bits; the fences' stand beside them. */
enum model_order {
	MODEL_RELAXED = 0,
	MODEL_ACQUIRE = 1,
	MODEL_RELEASE = 2,
	MODEL_ACQ_REL = 3,
	MODEL_NO_FENCE = 4, /* only a mutant has it */
	MODEL_LIGHT = 5,
	MODEL_SEQ_CST = 6,
	MODEL_HEAVY = 7,
};

struct model_site {
	const char *file;
	const char *function;
	const char *op;
	int line;
	uint8_t kind;     /* enum model_kind */
	uint8_t declared; /* enum model_order, as written in the source */
	uint8_t order;    /* the order that counts: a mutant changes it */
	bool reached;     /* since the flags were last cleared */
};

uint64_t model_load(struct model_site *s, void *p, unsigned size);
void model_store(struct model_site *s, void *p, unsigned size, uint64_t value);
uint64_t model_rmw(struct model_site *s, void *p, unsigned size, uint64_t operand);
bool model_cas(struct model_site *s, void *p, unsigned size, uint64_t *expected, uint64_t desired);
void model_fence(struct model_site *s);
void model_hint(struct model_site *s);
void model_plain(struct model_site *s, const volatile void *p, unsigned size);
void model_plain_written(const volatile void *p, unsigned size);

#define MODEL_SITE(name_, kind_, order_)                                              \
	static struct model_site model_site_ = {__FILE__, __func__, name_,  __LINE__, \
						kind_,    order_,   order_, false};   \
	static struct model_site *const model_site_ref_                               \
	    __attribute__((section("model_sites"), used)) = &model_site_

#define MODEL_U64(x) ((uint64_t)(uintptr_t)(x))

#define MODEL_DO_LOAD(name_, p, order_)                                                  \
	({                                                                               \
		MODEL_SITE(name_, MODEL_LOAD, order_);                                   \
		(__typeof__((p)->v))(uintptr_t)model_load(&model_site_, (void *)&(p)->v, \
							  sizeof((p)->v));               \
	})
#define MODEL_DO_STORE(name_, p, x, order_)                                                      \
	((void)({                                                                                \
		MODEL_SITE(name_, MODEL_STORE, order_);                                          \
		__typeof__((p)->v) model_x_ = (x);                                               \
		model_store(&model_site_, (void *)&(p)->v, sizeof((p)->v), MODEL_U64(model_x_)); \
	}))
#define MODEL_DO_RMW(name_, kind_, p, x, order_)                                               \
	({                                                                                     \
		MODEL_SITE(name_, kind_, order_);                                              \
		__typeof__((p)->v) model_x_ = (x);                                             \
		(__typeof__((p)->v))(uintptr_t)model_rmw(&model_site_, (void *)&(p)->v,        \
							 sizeof((p)->v), MODEL_U64(model_x_)); \
	})
#define MODEL_DO_CAS(name_, p, e, d, order_)                                              \
	({                                                                                \
		MODEL_SITE(name_, MODEL_CAS, order_);                                     \
		__typeof__((p)->v) *model_e_ = (e);                                       \
		__typeof__((p)->v) model_d_ = (d);                                        \
		uint64_t model_was_ = MODEL_U64(*model_e_);                               \
		bool model_ok_ = model_cas(&model_site_, (void *)&(p)->v, sizeof((p)->v), \
					   &model_was_, MODEL_U64(model_d_));             \
		if (!model_ok_)                                                           \
			*model_e_ = (__typeof__((p)->v))(uintptr_t)model_was_;            \
		model_ok_;                                                                \
	})
#define MODEL_DO_FENCE(name_, order_)                   \
	((void)({                                       \
		MODEL_SITE(name_, MODEL_FENCE, order_); \
		model_fence(&model_site_);              \
	}))

#define load_relaxed(p) MODEL_DO_LOAD("load_relaxed", p, MODEL_RELAXED)
#define load_acquire(p) MODEL_DO_LOAD("load_acquire", p, MODEL_ACQUIRE)
#define store_relaxed(p, x) MODEL_DO_STORE("store_relaxed", p, x, MODEL_RELAXED)
#define store_release(p, x) MODEL_DO_STORE("store_release", p, x, MODEL_RELEASE)

#define MODEL_XCHG(name_, p, x, order_) MODEL_DO_RMW(name_, MODEL_EXCHANGE, p, x, order_)
#define exchange_relaxed(p, x) MODEL_XCHG("exchange_relaxed", p, x, MODEL_RELAXED)
#define exchange_acquire(p, x) MODEL_XCHG("exchange_acquire", p, x, MODEL_ACQUIRE)
#define exchange_release(p, x) MODEL_XCHG("exchange_release", p, x, MODEL_RELEASE)
#define exchange_acq_rel(p, x) MODEL_XCHG("exchange_acq_rel", p, x, MODEL_ACQ_REL)

#define cas_relaxed(p, e, d) MODEL_DO_CAS("cas_relaxed", p, e, d, MODEL_RELAXED)
#define cas_acquire(p, e, d) MODEL_DO_CAS("cas_acquire", p, e, d, MODEL_ACQUIRE)
#define cas_release(p, e, d) MODEL_DO_CAS("cas_release", p, e, d, MODEL_RELEASE)
#define cas_acq_rel(p, e, d) MODEL_DO_CAS("cas_acq_rel", p, e, d, MODEL_ACQ_REL)

#define fetch_add_relaxed(p, x) MODEL_DO_RMW("fetch_add_relaxed", MODEL_ADD, p, x, MODEL_RELAXED)
#define fetch_add_acquire(p, x) MODEL_DO_RMW("fetch_add_acquire", MODEL_ADD, p, x, MODEL_ACQUIRE)
#define fetch_add_release(p, x) MODEL_DO_RMW("fetch_add_release", MODEL_ADD, p, x, MODEL_RELEASE)
#define fetch_add_acq_rel(p, x) MODEL_DO_RMW("fetch_add_acq_rel", MODEL_ADD, p, x, MODEL_ACQ_REL)
#define fetch_sub_relaxed(p, x) MODEL_DO_RMW("fetch_sub_relaxed", MODEL_SUB, p, x, MODEL_RELAXED)
#define fetch_sub_acquire(p, x) MODEL_DO_RMW("fetch_sub_acquire", MODEL_SUB, p, x, MODEL_ACQUIRE)
#define fetch_sub_release(p, x) MODEL_DO_RMW("fetch_sub_release", MODEL_SUB, p, x, MODEL_RELEASE)
#define fetch_sub_acq_rel(p, x) MODEL_DO_RMW("fetch_sub_acq_rel", MODEL_SUB, p, x, MODEL_ACQ_REL)
#define fetch_and_relaxed(p, x) MODEL_DO_RMW("fetch_and_relaxed", MODEL_AND, p, x, MODEL_RELAXED)
#define fetch_and_acquire(p, x) MODEL_DO_RMW("fetch_and_acquire", MODEL_AND, p, x, MODEL_ACQUIRE)
#define fetch_and_release(p, x) MODEL_DO_RMW("fetch_and_release", MODEL_AND, p, x, MODEL_RELEASE)
#define fetch_and_acq_rel(p, x) MODEL_DO_RMW("fetch_and_acq_rel", MODEL_AND, p, x, MODEL_ACQ_REL)
#define fetch_or_relaxed(p, x) MODEL_DO_RMW("fetch_or_relaxed", MODEL_OR, p, x, MODEL_RELAXED)
#define fetch_or_acquire(p, x) MODEL_DO_RMW("fetch_or_acquire", MODEL_OR, p, x, MODEL_ACQUIRE)
#define fetch_or_release(p, x) MODEL_DO_RMW("fetch_or_release", MODEL_OR, p, x, MODEL_RELEASE)
#define fetch_or_acq_rel(p, x) MODEL_DO_RMW("fetch_or_acq_rel", MODEL_OR, p, x, MODEL_ACQ_REL)

#define fence_seq_cst() MODEL_DO_FENCE("fence_seq_cst", MODEL_SEQ_CST)
#define fence_after_rmw() fence_seq_cst()
#define fence_light() MODEL_DO_FENCE("fence_light", MODEL_LIGHT)
#define fence_heavy() MODEL_DO_FENCE("fence_heavy", MODEL_HEAVY)

#define spin_hint()                                                 \
	((void)({                                                   \
		MODEL_SITE("spin_hint", MODEL_HINT, MODEL_RELAXED); \
		model_hint(&model_site_);                           \
	}))

/* An lvalue no more than base/atomic.h's: the value, after the check. */
#define plain_read(p)                                                      \
	({                                                                 \
		MODEL_SITE("plain_read", MODEL_PLAIN_READ, MODEL_RELAXED); \
		__typeof__(p) model_p_ = (p);                              \
		model_plain(&model_site_, model_p_, sizeof(*model_p_));    \
		*model_p_;                                                 \
	})
#define plain_write(p, x)                                                    \
	((void)({                                                            \
		MODEL_SITE("plain_write", MODEL_PLAIN_WRITE, MODEL_RELAXED); \
		__typeof__(p) model_p_ = (p);                                \
		__typeof__(*(p)) model_x_ = (x);                             \
		model_plain(&model_site_, model_p_, sizeof(*model_p_));      \
		*model_p_ = model_x_;                                        \
		model_plain_written(model_p_, sizeof(*model_p_));            \
	}))

#endif
