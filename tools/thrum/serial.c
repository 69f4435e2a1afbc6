/* SPDX-License-Identifier: MIT */
/*
 * serial.c - the plain passes on one thread, outside the runtime, and the verdict on each file.
 *
 * The serial pass trusts nothing of the first: it opens, reads and hashes with plain calls, then
 * holds its result against the tasks' one and the file's size and time against what the walk saw.
 */
#include <string.h>

#include "demo.h"

/* Reads the segment once, so that the two passes that are timed find it in the page cache. */
void warm_pass(struct demo *demo)
{
	for (size_t i = demo->segment_from; i < demo->segment_to; i++)
		(void)hash_plainly(&demo->plain, demo->batch.at[i].path, NULL, NULL);
}

static bool is_touched(const struct file *file, const struct stat *st)
{
	return st->st_size != file->size || st->st_mtim.tv_sec != file->mtime.tv_sec ||
	       st->st_mtim.tv_nsec != file->mtime.tv_nsec || !S_ISREG(st->st_mode);
}

/* One of the passes could not read the file, or neither. */
static void judge_unread(struct demo *demo, const struct file *file)
{
	if (thrum_failed(file->parallel) && thrum_failed(file->serial)) {
		demo->unreadable++;
		demo_problem(demo, file->path, "unreadable: %s", text_error(file->parallel));
	} else if (thrum_failed(file->serial)) {
		demo->changed++;
		demo_problem(demo, file->path, "changed: read by a task, then no more: %s",
			     text_error(file->serial));
	} else {
		demo->failed++;
		demo_problem(demo, file->path, "failed: read serially, but not by its task: %s",
			     text_error(file->parallel));
	}
}

/* Two hashes differ: a third reading tells a file that changes from a result that is wrong. */
static void judge_different(struct demo *demo, const struct file *file, const unsigned char *hash,
			    const struct stat *st, const char *whose)
{
	unsigned char again[HASH_BYTES];
	struct stat st_again;
	intptr_t result = hash_plainly(&demo->plain, file->path, again, &st_again);

	if (!is_touched(file, st) && result == file->serial && !is_touched(file, &st_again) &&
	    !memcmp(again, hash, HASH_BYTES)) {
		demo->wrong++;
		demo_problem(demo, file->path, "wrong: %s hash is not that of two plain readings",
			     whose);
	} else {
		demo->changed++;
		demo_problem(demo, file->path,
			     "changed: its content is not the same at each reading");
	}
}

static void judge(struct demo *demo, const struct file *file, const unsigned char *hash,
		  const struct stat *st)
{
	if (thrum_failed(file->parallel) || thrum_failed(file->serial)) {
		judge_unread(demo, file);
	} else if (file->parallel != file->serial || memcmp(file->hash, hash, HASH_BYTES)) {
		judge_different(demo, file, hash, st, "its task's");
	} else if (file->asked && !thrum_failed(file->served) &&
		   (file->served != file->serial || memcmp(file->served_hash, hash, HASH_BYTES))) {
		judge_different(demo, file, hash, st, "its served");
	} else if (is_touched(file, st)) {
		demo->changed++;
		demo_problem(demo, file->path, "changed: size or time is not what the walk saw");
	} else if (file->asked && thrum_failed(file->served)) {
		demo->unserved++;
		demo_problem(demo, file->path, "not served: %s", text_error(file->served));
	}
}

void serial_pass(struct demo *demo)
{
	for (size_t i = demo->segment_from; i < demo->segment_to; i++) {
		struct file *file = &demo->batch.at[i];
		unsigned char hash[HASH_BYTES];
		struct stat st;

		file->serial = hash_plainly(&demo->plain, file->path, hash, &st);
		if (!thrum_failed(file->serial)) {
			demo->serial.files++;
			demo->serial.bytes += (uint64_t)file->serial;
		}
		judge(demo, file, hash, &st);
		progress_count(&demo->progress, &demo->progress.checked, 1);
	}
}
