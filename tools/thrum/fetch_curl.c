/* SPDX-License-Identifier: MIT */
/*
 * fetch_curl.c - one fetch by libcurl.
 *
 * libcurl's multi interface says through two callbacks which sockets it wants to hear of and when
 * it wants to be called without news; the task waits for that by thrum_poll and tells it what
 * happened.  libcurl itself never waits, and nothing in a callback does, so no call into it is
 * ever continued on another thread.  Each fetcher has a multi handle of its own, driven by the one
 * task that runs it: no lock, and fetches spread over the workers.
 *
 * Names are looked up by libcurl's own threads (AsynchDNS, as every Debian build has it), which
 * tell through a socket; a libcurl that would block a worker instead is refused at the start.
 * QUICK_EXIT: giving up does not wait for a look-up's thread.
 *
 * What the system trusts stands twice on Debian: in one file, and in a directory where a
 * certificate is found by its name's hash.  Each fetcher has its own store of them, and to read the
 * file takes 50 ms of a worker, so the directory is asked alone, and the file only if that does not
 * do.
 *
 * With TLS, libcurl and OpenSSL need less than 16 KiB of stack.
 *
 * libcurl closes its sockets by close(2), which is as good: none is waited for then.
 */
#define _GNU_SOURCE 1
#include <curl/curl.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thrum/thrum.h>

#include "fetch.h"

/* Attempts for several addresses, a look-up: never near it for one fetch. */
#define SOCKETS_MAX 16
#define REDIRECTS_MAX 20L
#define PROTOCOLS "http,https"

struct fetcher {
	CURLM *multi;
	CURL *easy;
	struct pollfd sockets[SOCKETS_MAX]; /* what libcurl wants to hear of */
	nfds_t n_sockets;
	int64_t timer_ns; /* when it wants to be called; THRUM_FOREVER: not */
	struct fetch *fetch;
	bool without_file; /* of certificates */
	char error[CURL_ERROR_SIZE];
};

/* The file of trusted certificates, if it can be left for later. */
static const char *trusted_file;

/* Are there names such as 01234567.0? */
static bool has_hashes(const char *path)
{
	DIR *dir = path ? opendir(path) : NULL;
	const struct dirent *entry = NULL;
	bool found = false;

	while (dir && !found && (entry = readdir(dir)))
		found = strspn(entry->d_name, "0123456789abcdef") == 8 &&
			strcmp(entry->d_name + 8, ".0") == 0;
	if (dir)
		closedir(dir);
	return found;
}

int fetch_open_library(void)
{
	const curl_version_info_data *info;

	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return -ENOMEM;
	info = curl_version_info(CURLVERSION_NOW);
	if (info->features & CURL_VERSION_ASYNCHDNS) {
		trusted_file = has_hashes(info->capath) ? info->cainfo : NULL;
		return 0;
	}
	curl_global_cleanup();
	return -ENOTSUP;
}

void fetch_close_library(void)
{
	curl_global_cleanup();
}

/* CURLMOPT_SOCKETFUNCTION. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct fetcher *f = arg;
	nfds_t i = 0;

	(void)easy, (void)socket_arg;
	while (i < f->n_sockets && f->sockets[i].fd != fd)
		i++;
	if (what == CURL_POLL_REMOVE) {
		if (i < f->n_sockets)
			f->sockets[i] = f->sockets[--f->n_sockets];
		return 0;
	}
	if (i == SOCKETS_MAX)
		return -1;
	if (i == f->n_sockets)
		f->n_sockets++;
	f->sockets[i].fd = fd;
	f->sockets[i].events =
	    (short)((what & CURL_POLL_IN ? POLLIN : 0) | (what & CURL_POLL_OUT ? POLLOUT : 0));
	return 0;
}

/* CURLMOPT_TIMERFUNCTION. */
static int on_timer(CURLM *multi, long timeout_ms, void *arg)
{
	struct fetcher *f = arg;

	(void)multi;
	f->timer_ns = timeout_ms < 0 ? THRUM_FOREVER : thrum_now() + THRUM_MS(timeout_ms);
	return 0;
}

/* CURLOPT_WRITEFUNCTION. */
static size_t on_body(char *data, size_t one, size_t n, void *arg)
{
	struct fetch *fetch = ((struct fetcher *)arg)->fetch;

	n *= one;
	if (fetch->body && !fetch->body(fetch->body_arg, data, n))
		return n + 1; /* any other number than @n is an error */
	fetch->bytes += n;
	return n;
}

static CURLMcode set_up_multi(struct fetcher *f)
{
	CURLMcode bad = curl_multi_setopt(f->multi, CURLMOPT_SOCKETFUNCTION, on_socket);

	bad = bad ? bad : curl_multi_setopt(f->multi, CURLMOPT_SOCKETDATA, f);
	bad = bad ? bad : curl_multi_setopt(f->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	return bad ? bad : curl_multi_setopt(f->multi, CURLMOPT_TIMERDATA, f);
}

static CURLcode set_up_easy(struct fetcher *f, const struct fetch_options *o)
{
	const long timeout_ms = (long)((o->timeout_ns + THRUM_MS(1) - 1) / THRUM_MS(1));
	const long numbers[][2] = {
	    {CURLOPT_NOSIGNAL, 1},
	    {CURLOPT_QUICK_EXIT, 1},
	    {CURLOPT_TIMEOUT_MS, timeout_ms},
	    {CURLOPT_LOW_SPEED_LIMIT, o->stall_s > 0},
	    {CURLOPT_LOW_SPEED_TIME, (long)o->stall_s},
	    {CURLOPT_FOLLOWLOCATION, !o->stay},
	    {CURLOPT_MAXREDIRS, REDIRECTS_MAX},
	    {CURLOPT_SSL_VERIFYPEER, !o->insecure},
	    {CURLOPT_SSL_VERIFYHOST, o->insecure ? 0 : 2},
	};
	CURLcode bad = CURLE_OK;
	char agent[64];

	snprintf(agent, sizeof(agent), "thrum/%s", thrum_version());
	for (size_t i = 0; !bad && i < sizeof(numbers) / sizeof(numbers[0]); i++)
		bad = curl_easy_setopt(f->easy, (CURLoption)numbers[i][0], numbers[i][1]);
	bad = bad ? bad : curl_easy_setopt(f->easy, CURLOPT_PROTOCOLS_STR, PROTOCOLS);
	bad = bad ? bad : curl_easy_setopt(f->easy, CURLOPT_REDIR_PROTOCOLS_STR, PROTOCOLS);
	bad = bad ? bad
		  : curl_easy_setopt(f->easy, CURLOPT_USERAGENT,
				     o->user_agent ? o->user_agent : agent);
	bad = bad ? bad : curl_easy_setopt(f->easy, CURLOPT_ERRORBUFFER, f->error);
	bad = bad ? bad : curl_easy_setopt(f->easy, CURLOPT_WRITEFUNCTION, on_body);
	bad = bad ? bad : curl_easy_setopt(f->easy, CURLOPT_WRITEDATA, f);
	if (o->direct)
		bad = bad ? bad : curl_easy_setopt(f->easy, CURLOPT_PROXY, "");
	f->without_file = trusted_file && !o->ca_file;
	if (o->ca_file || f->without_file)
		bad = bad ? bad : curl_easy_setopt(f->easy, CURLOPT_CAINFO, o->ca_file);
	return bad;
}

struct fetcher *fetcher_create(const struct fetch_options *options)
{
	struct fetcher *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->timer_ns = THRUM_FOREVER;
	f->multi = curl_multi_init();
	f->easy = curl_easy_init();
	if (f->multi && f->easy && !set_up_multi(f) && !set_up_easy(f, options))
		return f;
	fetcher_destroy(f);
	return NULL;
}

void fetcher_destroy(struct fetcher *f)
{
	if (!f)
		return;
	curl_easy_cleanup(f->easy);
	curl_multi_cleanup(f->multi);
	free(f);
}

/* Tells libcurl what thrum_poll said.  The callbacks change the sockets meanwhile. */
static CURLMcode tell_sockets(struct fetcher *f, int *running)
{
	struct pollfd told[SOCKETS_MAX];
	nfds_t n = f->n_sockets;
	CURLMcode bad = CURLM_OK;

	memcpy(told, f->sockets, n * sizeof(told[0]));
	for (nfds_t i = 0; !bad && i < n; i++) {
		short events = told[i].revents;
		int what = (events & (POLLIN | POLLHUP) ? CURL_CSELECT_IN : 0) |
			   (events & POLLOUT ? CURL_CSELECT_OUT : 0) |
			   (events & (POLLERR | POLLNVAL) ? CURL_CSELECT_ERR : 0);

		if (what)
			bad = curl_multi_socket_action(f->multi, told[i].fd, what, running);
	}
	return bad;
}

/* How long to wait, as poll has it; rounded up, so that the time has come then. */
static int wait_ms(const struct fetcher *f)
{
	int64_t ns;

	if (f->timer_ns == THRUM_FOREVER)
		return -1;
	ns = f->timer_ns - thrum_now();
	if (ns <= 0)
		return 0;
	return ns < THRUM_SEC(1000000) ? (int)((ns + THRUM_MS(1) - 1) / THRUM_MS(1)) : 1000000000;
}

/* Until the transfer is over.  0, or why it was left in the middle. */
static int drive(struct fetcher *f)
{
	int running = 1;
	CURLMcode bad = curl_multi_socket_action(f->multi, CURL_SOCKET_TIMEOUT, 0, &running);

	while (!bad && running) {
		int n, ms = wait_ms(f);

		if (ms < 0 && f->n_sockets == 0)
			return -EIO; /* nothing would ever happen */
		n = ms ? thrum_poll(f->sockets, f->n_sockets, ms) : 0;
		if (n < 0)
			return n;
		if (n > 0) {
			bad = tell_sockets(f, &running);
			continue;
		}
		f->timer_ns = THRUM_FOREVER;
		bad = curl_multi_socket_action(f->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
	return bad == CURLM_OK ? 0 : bad == CURLM_OUT_OF_MEMORY ? -ENOMEM : -EIO;
}

/* In a task.  0: *@code is libcurl's verdict. */
static int perform_in_task(struct fetcher *f, CURLcode *code)
{
	CURLMsg *message;
	int left, error;

	if (curl_multi_add_handle(f->multi, f->easy))
		return -ENOMEM;
	error = drive(f);
	message = error ? NULL : curl_multi_info_read(f->multi, &left);
	if (message && message->msg == CURLMSG_DONE)
		*code = message->data.result;
	else if (!error)
		error = -EIO;
	curl_multi_remove_handle(f->multi, f->easy);
	return error;
}

static int take_verdict(struct fetcher *f, CURLcode code)
{
	struct fetch *fetch = f->fetch;

	if (code == CURLE_OK)
		return 0;
	snprintf(fetch->error, sizeof(fetch->error), "%s",
		 f->error[0] ? f->error : curl_easy_strerror(code));
	if (code == CURLE_OUT_OF_MEMORY)
		return -ENOMEM;
	return code == CURLE_OPERATION_TIMEDOUT ? -ETIMEDOUT : -EIO;
}

static void take_facts(struct fetcher *f)
{
	char *url = NULL;
	long status = 0;

	curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
	f->fetch->status = (int)status;
	curl_easy_getinfo(f->easy, CURLINFO_EFFECTIVE_URL, &url);
	f->fetch->effective = strdup(url && *url ? url : f->fetch->url);
}

static int perform(struct fetcher *f, CURLcode *code)
{
	f->error[0] = '\0';
	f->fetch->bytes = 0;
	if (thrum_self())
		return perform_in_task(f, code);
	*code = curl_easy_perform(f->easy);
	return 0;
}

int fetcher_run(struct fetcher *f, struct fetch *fetch)
{
	int64_t start_ns = thrum_now();
	CURLcode code = CURLE_OK;
	int error = 0;

	f->fetch = fetch;
	f->error[0] = '\0';
	fetch->bytes = 0;
	fetch->error[0] = '\0';
	if (curl_easy_setopt(f->easy, CURLOPT_URL, fetch->url))
		error = -ENOMEM;
	else
		error = perform(f, &code);
	/* Nothing of a body had come. */
	if (!error && code == CURLE_PEER_FAILED_VERIFICATION && f->without_file &&
	    !curl_easy_setopt(f->easy, CURLOPT_CAINFO, trusted_file)) {
		f->without_file = false;
		error = perform(f, &code);
	}
	fetch->ns = thrum_now() - start_ns;
	fetch->result = error ? error : take_verdict(f, code);
	if (error)
		snprintf(fetch->error, sizeof(fetch->error), "%s", strerrordesc_np(-error));
	take_facts(f);
	f->fetch = NULL;
	return fetch->result;
}

bool fetch_is_good(const struct fetch *fetch)
{
	return fetch->result == 0 && fetch->status >= 200 && fetch->status < 300;
}
