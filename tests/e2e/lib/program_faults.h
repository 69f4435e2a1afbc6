/* SPDX-License-Identifier: MIT */
/*
 * program_faults.h - makes fault points of the program's own calls.  With THRUM_FAULTS it is put
 * in front of each of the program's files (CMakeLists.txt), which know nothing of it: its system
 * and libc calls, and what it calls of other libraries, go past runtime/base/os.h, but are counted
 * and fail with the same counter.
 *
 * Not here: calls that give back (close, free, closedir, munmap, unlock), that cannot fail as they
 * are called here (clock_gettime, pthread_mutex_init, curl_easy_getinfo), and output through stdio,
 * whose errors are seen by fflush at the end.
 *
 * What stands first are the headers of all that is redefined, as a macro would break a later
 * declaration.
 */
#ifndef THRUM_PROGRAM_FAULTS_H
#define THRUM_PROGRAM_FAULTS_H

#define _GNU_SOURCE 1
#include <curl/curl.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

bool thrum__fault_here(void); /* base/os_fault.h */

/* Never inlined: a task that waited may be on another thread, with another errno. */
static __attribute__((noinline, unused)) bool program_fault(int error)
{
	if (!thrum__fault_here())
		return false;
	errno = error;
	return true;
}

#define FAILS(error, result, call) (program_fault(error) ? (result) : (call))

/* Memory. */
#define malloc(n) FAILS(ENOMEM, NULL, malloc(n))
#define calloc(n, size) FAILS(ENOMEM, NULL, calloc(n, size))
#define realloc(p, n) FAILS(ENOMEM, NULL, realloc(p, n))
#define reallocarray(p, n, size) FAILS(ENOMEM, NULL, reallocarray(p, n, size))
#undef strdup
#define strdup(s) FAILS(ENOMEM, NULL, strdup(s))
#undef strndup
#define strndup(s, n) FAILS(ENOMEM, NULL, strndup(s, n))
#undef asprintf
#define asprintf(out, ...) FAILS(ENOMEM, -1, asprintf(out, __VA_ARGS__))
#define open_memstream(out, n) FAILS(ENOMEM, NULL, open_memstream(out, n))

/* Files and directories. */
#define open(...) FAILS(EMFILE, -1, open(__VA_ARGS__))
#define syscall(...) FAILS(EMFILE, -1L, syscall(__VA_ARGS__)) /* openat2 */
#define fcntl(...) FAILS(EMFILE, -1, fcntl(__VA_ARGS__))
#define read(fd, buf, n) FAILS(EIO, (ssize_t)-1, read(fd, buf, n))
#define fstat(fd, st) FAILS(EIO, -1, fstat(fd, st))
#define lstat(path, st) FAILS(ENOMEM, -1, lstat(path, st))
#define fstatat(dir, path, st, flags) FAILS(ENOMEM, -1, fstatat(dir, path, st, flags))
#define opendir(path) FAILS(ENOMEM, NULL, opendir(path))
#define fdopendir(fd) FAILS(ENOMEM, NULL, fdopendir(fd))
#define readdir(dir) FAILS(EIO, NULL, readdir(dir))
#define fflush(file) FAILS(EIO, EOF, fflush(file))
/* Closed in any case. */
#define fclose(file) (fclose(file) || program_fault(ENOMEM) ? EOF : 0)

/* Sockets, limits, threads. */
#define setsockopt(fd, level, name, value, n) \
	FAILS(ENOMEM, -1, setsockopt(fd, level, name, value, n))
#define getpeername(fd, addr, n) FAILS(ENOTCONN, -1, getpeername(fd, addr, n))
#define shutdown(fd, how) FAILS(ENOTCONN, -1, shutdown(fd, how))
#define getrlimit(what, limit) FAILS(EPERM, -1, getrlimit(what, limit))
#define setrlimit(what, limit) FAILS(EPERM, -1, setrlimit(what, limit))
#define pthread_create(out, attr, fn, arg) \
	(program_fault(EAGAIN) ? EAGAIN : pthread_create(out, attr, fn, arg))

/* JSON. */
#define json_pack(...) FAILS(ENOMEM, NULL, json_pack(__VA_ARGS__))
#define json_array() FAILS(ENOMEM, NULL, json_array())
#define json_object() FAILS(ENOMEM, NULL, json_object())
#define json_dumps(json, flags) FAILS(ENOMEM, NULL, json_dumps(json, flags))
#define json_dumpf(json, file, flags) FAILS(ENOMEM, -1, json_dumpf(json, file, flags))
#define json_array_append_new(array, value) \
	(program_fault(ENOMEM) ? (json_decref(value), -1) : json_array_append_new(array, value))
#define json_object_update(object, other) FAILS(ENOMEM, -1, json_object_update(object, other))

/* Hashing. */
#define EVP_MD_fetch(context, name, properties) \
	FAILS(ENOMEM, NULL, EVP_MD_fetch(context, name, properties))
#define EVP_MD_CTX_new() FAILS(ENOMEM, NULL, EVP_MD_CTX_new())
#define EVP_DigestInit_ex2(context, type, params) \
	FAILS(ENOMEM, 0, EVP_DigestInit_ex2(context, type, params))
#define EVP_DigestUpdate(context, data, n) FAILS(ENOMEM, 0, EVP_DigestUpdate(context, data, n))
#define EVP_DigestFinal_ex(context, out, n) FAILS(ENOMEM, 0, EVP_DigestFinal_ex(context, out, n))

/* libcurl. */
#define curl_global_init(flags) FAILS(ENOMEM, CURLE_FAILED_INIT, curl_global_init(flags))
#define curl_easy_init() FAILS(ENOMEM, NULL, curl_easy_init())
#define curl_multi_init() FAILS(ENOMEM, NULL, curl_multi_init())
#undef curl_easy_setopt
#define curl_easy_setopt(easy, option, value) \
	FAILS(ENOMEM, CURLE_OUT_OF_MEMORY, curl_easy_setopt(easy, option, value))
#undef curl_multi_setopt
#define curl_multi_setopt(multi, option, value) \
	FAILS(ENOMEM, CURLM_OUT_OF_MEMORY, curl_multi_setopt(multi, option, value))
#define curl_multi_add_handle(multi, easy) \
	FAILS(ENOMEM, CURLM_OUT_OF_MEMORY, curl_multi_add_handle(multi, easy))
#define curl_multi_socket_action(multi, fd, what, running) \
	FAILS(ENOMEM, CURLM_OUT_OF_MEMORY, curl_multi_socket_action(multi, fd, what, running))
#define curl_easy_perform(easy) FAILS(ENOMEM, CURLE_OUT_OF_MEMORY, curl_easy_perform(easy))

#endif
