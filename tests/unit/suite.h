/* SPDX-License-Identifier: MIT */
/* suite.h - what the main of a unit test shares: the tests of one case, run by Check as a suite. */
#ifndef TESTS_UNIT_SUITE_H
#define TESTS_UNIT_SUITE_H

#include <check.h>
#include <stdlib.h>

/* A count that THRUM_TEST_DIV divides: under sanitizers and emulators. */
static inline unsigned scaled(unsigned n)
{
	const char *text = getenv("THRUM_TEST_DIV");
	int by = text ? atoi(text) : 1;

	return by > 1 ? n / (unsigned)by : n;
}

/* Runs @tc, as loud as CK_VERBOSITY says.  Returns what main returns. */
static inline int run_case(const char *name, TCase *tc)
{
	Suite *suite = suite_create(name);
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* The same for tests that need neither a loop nor a fixture. */
static inline int run_tests(const char *name, double timeout_s, const TTest *const tests[],
			    size_t n)
{
	TCase *tc = tcase_create(name);

	tcase_set_timeout(tc, timeout_s);
	for (size_t i = 0; i < n; i++)
		tcase_add_test(tc, tests[i]);
	return run_case(name, tc);
}

#define RUN_TESTS_FOR(name, timeout_s, tests) \
	run_tests(name, timeout_s, tests, sizeof(tests) / sizeof((tests)[0]))
#define RUN_TESTS(name, tests) RUN_TESTS_FOR(name, 30, tests)

#endif
