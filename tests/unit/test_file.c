/* SPDX-License-Identifier: MIT */
/*
 * test_file.c - files: POSIX's results and errors, whether the cache or the pool answers, and for a
 * task that was cancelled.
 */
#define _GNU_SOURCE
#include <unistd.h>

#include "base/os.h"
#include "run.h"

static char dir[] = "/tmp/thrum-file-XXXXXX";
static char path[64];

static void file_setup(void)
{
	strcpy(dir, "/tmp/thrum-file-XXXXXX");
	must(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/file", dir);
}

static void file_teardown(void)
{
	unlink(path);
	must(rmdir(dir) == 0);
}

#define FILE_TEST(name)                                     \
	static intptr_t name##_task(void *unused);          \
	START_TEST(name)                                    \
	{                                                   \
		file_setup();                               \
		is_int(run_real(1, name##_task, NULL), 77); \
		file_teardown();                            \
	}                                                   \
	END_TEST                                            \
	static intptr_t name##_task(void *unused __attribute__((unused)))

FILE_TEST(what_is_written_is_read)
{
	char text[32] = "";
	struct stat st;
	int fd = thrum_open(path, O_CREAT | O_RDWR | O_EXCL, 0640);

	must(fd >= 0);
	must(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	is_int(thrum_open(path, O_CREAT | O_RDWR | O_EXCL, 0640), -EEXIST);
	is_int(thrum_write(fd, "hello world", 11), 11);
	is_int(thrum_pwrite(fd, "HELLO", 5, 0), 5);
	is_int(thrum_fsync(fd), 0);
	is_int(thrum_read(fd, text, sizeof(text)), 0); /* at the end */
	is_int(thrum_pread(fd, text, sizeof(text), 0), 11);
	is_text(text, "HELLO world");
	is_int(lseek(fd, 6, SEEK_SET), 6);
	memset(text, 0, sizeof(text));
	is_int(thrum_read(fd, text, 3), 3);
	is_text(text, "wor");
	is_int(lseek(fd, 0, SEEK_CUR), 9);
	is_int(thrum_read(fd, text, 0), 0);
	is_int(thrum_pread(fd, text, 5, 100), 0);
	is_int(thrum_fstat(fd, &st), 0);
	is_int(st.st_size, 11);
	is_int(st.st_mode & 0777, 0640);
	is_int(thrum_close(fd), 0);
	is_int(thrum_close(fd), -EBADF);
	return 77;
}

FILE_TEST(errors_are_posix_s)
{
	char c;
	struct stat st;
	int ends[2];

	is_int(thrum_open(path, O_RDONLY, 0), -ENOENT);
	is_int(thrum_open("/", O_RDWR, 0), -EISDIR);
	is_int(thrum_stat(path, &st), -ENOENT);
	is_int(thrum_lstat(path, &st), -ENOENT);
	is_int(thrum_fstat(-1, &st), -EBADF);
	is_int(thrum_read(-1, &c, 1), -EBADF);
	is_int(thrum_pread(-1, &c, 1, 0), -EBADF);
	is_int(thrum_pread(0, &c, 1, -1), -EINVAL);
	is_int(thrum_write(-1, &c, 1), -EBADF);
	is_int(thrum_pwrite(-1, &c, 1, 0), -EBADF);
	is_int(thrum_fsync(-1), -EBADF);
	is_int(thrum_close(-1), -EBADF);
	is_int(thrum_openat(-1, "x", O_RDONLY, 0), -EBADF);
	is_int(thrum_read(thrum_open("/", O_RDONLY | O_DIRECTORY, 0), &c, 1), -EISDIR);
	must(pipe(ends) == 0);
	is_int(thrum_pread(ends[0], &c, 1, 0), -ESPIPE);
	is_int(thrum_pwrite(ends[1], &c, 1, 0), -ESPIPE);
	close(ends[0]);
	close(ends[1]);
	return 77;
}

FILE_TEST(names_in_a_directory)
{
	char link_path[64];
	struct stat st;
	int at = thrum_open(dir, O_RDONLY | O_DIRECTORY, 0);
	int fd = thrum_openat(at, "file", O_CREAT | O_WRONLY, 0600);

	must(at >= 0 && fd >= 0);
	is_int(thrum_write(fd, "12345", 5), 5);
	is_int(thrum_close(fd), 0);
	snprintf(link_path, sizeof(link_path), "%s/link", dir);
	must(symlink("file", link_path) == 0);
	is_int(thrum_stat(link_path, &st), 0);
	must(S_ISREG(st.st_mode));
	is_int(st.st_size, 5);
	is_int(thrum_lstat(link_path, &st), 0);
	must(S_ISLNK(st.st_mode));
	unlink(link_path);
	is_int(thrum_close(at), 0);
	return 77;
}

static mode_t mode_of(int fd)
{
	struct stat st;

	must(fd >= 0);
	is_int(thrum_fstat(fd, &st), 0);
	is_int(thrum_close(fd), 0);
	return st.st_mode & 07777;
}

/* The mode is read where open(2) reads it. */
FILE_TEST(the_mode_may_be_left_out)
{
	int at = thrum_open(dir, O_RDONLY | O_DIRECTORY), fd;
	mode_t mask = umask(0);

	is_int(thrum_open(path, O_RDONLY), -ENOENT);
	is_int(mode_of(thrum_openat(at, "file", O_CREAT | O_WRONLY, 04751)), 04751);
	is_int(mode_of(thrum_openat(at, "file", O_RDONLY)), 04751);
	is_int(mode_of(thrum_open(path, O_WRONLY | O_TRUNC)), 04751);
	is_int(unlink(path), 0);
	is_int(mode_of(thrum_open(path, O_CREAT | O_RDWR, 0640)), 0640);
	fd = thrum_open(dir, O_TMPFILE | O_RDWR, 0604);
	if (fd != -EOPNOTSUPP) { /* not every file system can */
		is_int(mode_of(fd), 0604);
		is_int(mode_of(thrum_openat(at, ".", O_TMPFILE | O_RDWR, 0406)), 0406);
	}
	umask(mask);
	is_int(thrum_close(at), 0);
	return 77;
}

FILE_TEST(a_cancelled_task_does_nothing_but_close)
{
	struct stat st;
	char c;
	int fd = thrum_open(path, O_CREAT | O_RDWR, 0600);

	must(fd >= 0);
	thrum_cancel(thrum_self());
	is_int(thrum_write(fd, "x", 1), -ECANCELED);
	is_int(thrum_pwrite(fd, "x", 1, 0), -ECANCELED);
	is_int(thrum_read(fd, &c, 1), -ECANCELED);
	is_int(thrum_pread(fd, &c, 1, 0), -ECANCELED);
	is_int(thrum_fsync(fd), -ECANCELED);
	is_int(thrum_open(path, O_RDONLY, 0), -ECANCELED);
	is_int(thrum_stat(path, &st), -ECANCELED);
	is_int(thrum_lstat(path, &st), -ECANCELED);
	is_int(thrum_fstat(fd, &st), -ECANCELED);
	must(fstat(fd, &st) == 0);
	is_int(st.st_size, 0);
	is_int(thrum_close(fd), 0);
	must(fcntl(fd, F_GETFD) == -1);
	return 77;
}

#define MIB ((size_t)1 << 20)

FILE_TEST(large_transfers)
{
	char *bytes = malloc(3 * MIB), *back = malloc(3 * MIB);
	size_t done = 0;
	int fd = thrum_open(path, O_CREAT | O_RDWR, 0600);

	must(bytes && back && fd >= 0);
	for (size_t i = 0; i < 3 * MIB; i++)
		bytes[i] = (char)(i * 7 + i / 4096);
	is_int(thrum_write(fd, bytes, 3 * MIB), 3 * MIB);
	while (done < 3 * MIB) { /* a short read of what is cached is a result like any other */
		ssize_t r = thrum_pread(fd, back + done, 3 * MIB - done, (off_t)done);

		must(r > 0);
		done += (size_t)r;
	}
	is_int(memcmp(bytes, back, 3 * MIB), 0);
	is_int(thrum_close(fd), 0);
	free(bytes);
	free(back);
	return 77;
}

#ifdef THRUM_FAULTS
/* Where the kernel cannot tell what is cached, the pool reads. */
FILE_TEST(without_nowait_the_pool_reads)
{
	char c = 0;
	ssize_t r;
	int fd = thrum_open(path, O_CREAT | O_RDWR, 0600);

	is_int(thrum_write(fd, "ab", 2), 2);
	thrum__fault_set(1, false); /* preadv2 fails with EOPNOTSUPP */
	r = thrum_pread(fd, &c, 1, 1);
	must(thrum__fault_fired());
	is_int(r, 1);
	is_int(c, 'b');
	must(lseek(fd, 0, SEEK_SET) == 0);
	thrum__fault_set(1, false);
	r = thrum_read(fd, &c, 1);
	must(thrum__fault_fired());
	thrum__fault_set(0, false);
	is_int(r, 1);
	is_int(c, 'a');
	is_int(thrum_close(fd), 0);
	return 77;
}
#endif

int main(void)
{
	const TTest *const tests[] = {
	    what_is_written_is_read,
	    errors_are_posix_s,
	    names_in_a_directory,
	    the_mode_may_be_left_out,
	    a_cancelled_task_does_nothing_but_close,
	    large_transfers,
#ifdef THRUM_FAULTS
	    without_nowait_the_pool_reads,
#endif
	};

	return RUN_TESTS("file", tests);
}
