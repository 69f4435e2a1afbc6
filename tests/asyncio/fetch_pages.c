/* SPDX-License-Identifier: MIT */
/*
 * fetch_pages - loop.run_in_executor(None, urlopen, url) for six pages, gathered; then the same one
 * after the other.  At once they take as long as the slowest page, not as all together.
 *
 * The address of the server is the program's argument; each page comes one unit of time late.  A
 * fetch blocks its thread of the pool (libcurl, through the file that thrum fetch has it in).
 */
#include "fetch.h"
#include "say.h"

#define PAGES 6
/* What the server's delay is. */
#define UNIT_NS THRUM_MS(300)

struct page {
	const char *server;
	int number;
};

/* A job of the blocking pool.  Returns the page's length, or -errno. */
static intptr_t fetch_page(void *arg)
{
	static const struct fetch_options options = {.user_agent = "fetch_pages/1.0",
						     .direct = true};
	const struct page *page = arg;
	struct fetcher *fetcher = fetcher_create(&options);
	char url[200];
	struct fetch fetch = {.url = url};
	intptr_t result;

	if (!fetcher)
		return -1;
	snprintf(url, sizeof(url), "%s/slow/%d", page->server, page->number);
	result = fetcher_run(fetcher, &fetch);
	if (result == 0)
		result = fetch_is_good(&fetch) ? (intptr_t)fetch.bytes : -fetch.status;
	free(fetch.effective);
	fetcher_destroy(fetcher);
	return result;
}

static void say_page(int number, intptr_t length)
{
	say("page %d: %d bytes", number, (int)length);
}

static void fetch_at_once(const char *server)
{
	struct thrum_future *jobs[PAGES];
	intptr_t lengths[PAGES];

	for (int i = 0; i < PAGES; i++) {
		struct page page = {server, i + 1};

		jobs[i] = thrum_spawn_blocking_copy(fetch_page, &page, sizeof(page));
	}
	(void)!thrum_gather(jobs, PAGES, lengths);
	for (int i = 0; i < PAGES; i++) {
		say_page(i + 1, lengths[i]);
		thrum_release(jobs[i]);
	}
	say("%d pages at once", PAGES);
}

static void fetch_in_turn(const char *server)
{
	for (int i = 0; i < PAGES; i++) {
		struct page page = {server, i + 1};

		say_page(i + 1, thrum_blocking(fetch_page, &page));
	}
	say("%d pages one after the other", PAGES);
}

static intptr_t main_task(void *arg)
{
	say("fetching");
	fetch_at_once(arg);
	fetch_in_turn(arg);
	return 0;
}

int main(int argc, char **argv)
{
	intptr_t result;

	say_use_real_clock();
	say_unit_ns = UNIT_NS;
	if (argc != 2 || fetch_open_library())
		return 2;
	result = run(main_task, argv[1]);
	fetch_close_library();
	return result != 0;
}
