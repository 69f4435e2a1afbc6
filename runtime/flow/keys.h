/* SPDX-License-Identifier: MIT */
/*
 * keys.h - numbers as unsigned ones of the same order, of 32 or 64 bits.
 *
 * The width and the kind are constants where these are called, so that each loop is compiled for
 * its own.  A floating-point number is turned so that the bits ascend; then the order is shifted
 * round, so that the NaNs with a sign, which would come first, are last as well.
 */
#ifndef THRUM_FLOW_KEYS_H
#define THRUM_FLOW_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEY_INLINE static inline __attribute__((always_inline))

/* Floating-point numbers are looked at as these, too. */
typedef uint32_t __attribute__((may_alias)) thrum__bits32;
typedef uint64_t __attribute__((may_alias)) thrum__bits64;

enum thrum__key_kind {
	THRUM__UNSIGNED,
	THRUM__SIGNED,
	THRUM__FLOAT,
};

KEY_INLINE uint64_t thrum__key_get(bool wide, const void *a, size_t i)
{
	return wide ? ((const thrum__bits64 *)a)[i] : ((const thrum__bits32 *)a)[i];
}

KEY_INLINE void thrum__key_put(bool wide, void *a, size_t i, uint64_t key)
{
	if (wide)
		((thrum__bits64 *)a)[i] = key;
	else
		((thrum__bits32 *)a)[i] = (uint32_t)key;
}

KEY_INLINE uint64_t thrum__key_sign(bool wide)
{
	return wide ? UINT64_C(1) << 63 : UINT64_C(1) << 31;
}

/* How many NaNs with a sign there are. */
KEY_INLINE uint64_t thrum__key_nans(bool wide)
{
	return wide ? (UINT64_C(1) << 52) - 1 : (UINT64_C(1) << 23) - 1;
}

KEY_INLINE uint64_t thrum__key_of(bool wide, enum thrum__key_kind kind, uint64_t number)
{
	uint64_t sign = thrum__key_sign(wide);

	if (kind == THRUM__SIGNED)
		return number ^ sign;
	if (kind == THRUM__FLOAT)
		return (number & sign ? ~number : number ^ sign) - thrum__key_nans(wide);
	return number;
}

KEY_INLINE uint64_t thrum__key_number(bool wide, enum thrum__key_kind kind, uint64_t key)
{
	uint64_t sign = thrum__key_sign(wide);

	if (kind == THRUM__SIGNED)
		return key ^ sign;
	if (kind == THRUM__FLOAT) {
		key += thrum__key_nans(wide);
		return key & sign ? key ^ sign : ~key;
	}
	return key;
}

#endif
