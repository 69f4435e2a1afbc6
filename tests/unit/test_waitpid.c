/* SPDX-License-Identifier: MIT */
/*
 * test_waitpid.c - children of all kinds and every way to wait for them: what they left, and who
 * gets one that several wait for.
 */
#define _GNU_SOURCE /* close_range, pipe2 */
#include "children.h"

/* ---- What they left ---- */

IO_TEST(exit_codes)
{
	const int codes[] = {0, 1, 77, 255};

	for (int how = 0; how < HOWS; how++)
		for (int i = 0; i < 4; i++) {
			struct child c = child_start();
			struct wait w = wait_of((enum how)how, c.pid);
			struct thrum_future *f = spawn_inside(&w);

			child_tell(&c, codes[i]);
			is_int(thrum_join(f), c.pid);
			is_exit(w.status, codes[i]);
			c = child_start();
			w = wait_of((enum how)how, c.pid);
			child_end(&c, codes[i]);
			is_int(task_waits(&w), c.pid); /* it is there */
			is_exit(w.status, codes[i]);
		}
	no_child_is_left();
}

IO_TEST(no_status_is_asked_for)
{
	for (int how = 0; how < HOWS; how++) {
		struct child c = child_start();
		struct wait w = wait_of((enum how)how, c.pid);

		child_tell(&c, 3);
		is_int(thrum_waitpid(w.pid, NULL, w.options), c.pid);
	}
	no_child_is_left();
}

IO_TEST(killed)
{
	for (int how = 0; how < HOWS; how++) {
		struct child c = child_start();
		struct wait w = wait_of((enum how)how, c.pid);
		struct thrum_future *f = spawn_inside(&w);

		must(kill(c.pid, SIGKILL) == 0);
		is_int(thrum_join(f), c.pid);
		must(WIFSIGNALED(w.status) && WTERMSIG(w.status) == SIGKILL);
		close(c.control);
	}
	no_child_is_left();
}

IO_TEST(stopped_and_continued)
{
	struct child c = child_start();
	struct wait w = {.pid = c.pid, .options = WUNTRACED}, end = wait_of(PID, c.pid);
	struct thrum_future *f, *ended = spawn_inside(&end);

	for (int early = 0; early < 2; early++) {
		w.options = WUNTRACED;
		f = early ? NULL : spawn_inside(&w);
		must(kill(c.pid, SIGSTOP) == 0);
		is_int(early ? task_waits(&w) : thrum_join(f), c.pid);
		must(WIFSTOPPED(w.status) && WSTOPSIG(w.status) == SIGSTOP);
		is_int(thrum_waitpid(c.pid, NULL, WUNTRACED | WNOHANG), 0); /* told once */
		w.options = WCONTINUED;
		f = early ? NULL : spawn_inside(&w);
		must(kill(c.pid, SIGCONT) == 0);
		is_int(early ? task_waits(&w) : thrum_join(f), c.pid);
		must(WIFCONTINUED(w.status));
	}
	must(!thrum_done(ended)); /* it heard of none of them */
	w.options = WUNTRACED | WCONTINUED;
	f = spawn_inside(&w);
	thrum_cancel(f);
	is_int(thrum_join(f), -ECANCELED);
	child_tell(&c, 8);
	is_int(thrum_join(ended), c.pid);
	is_exit(end.status, 8);
	no_child_is_left();
}

IO_TEST(without_waiting)
{
	for (int how = 0; how < HOWS; how++) {
		struct child c = child_start();
		struct wait w = wait_of((enum how)how, c.pid);

		w.options |= WNOHANG;
		is_int(task_waits(&w), 0);
		is_int(w.status, 12345);
		is_int(in_flight(), 0);
		child_end(&c, 9);
		is_int(task_waits(&w), c.pid);
		is_exit(w.status, 9);
		is_int(task_waits(&w), -ECHILD);
	}
}

IO_TEST(errors_are_the_kernel_s)
{
	struct child c;

	is_int(thrum_waitpid(-1, NULL, 0), -ECHILD);
	is_int(thrum_waitpid(0, NULL, 0), -ECHILD);
	is_int(thrum_waitpid(getpid(), NULL, 0), -ECHILD);
	is_int(thrum_waitpid(getpid(), NULL, WUNTRACED), -ECHILD);
	is_int(thrum_waitpid(INT32_MIN, NULL, 0), -ESRCH);
	is_int(thrum_waitpid(-1, NULL, WEXITED), -EINVAL);
	c = child_start();
	is_int(thrum_waitpid(c.pid, NULL, 0x100), -EINVAL);
	is_int(thrum_waitpid(c.pid, NULL, __WNOTHREAD), -EINVAL);
	is_int(thrum_waitpid(-c.pid, NULL, 0), -ECHILD); /* leads no group */
	child_tell(&c, 0);
	is_int(thrum_waitpid(c.pid, NULL, 0), c.pid);
	is_int(thrum_waitpid(c.pid, NULL, 0), -ECHILD);
}

/* ---- Which one ---- */

IO_TEST(any_child_as_they_end)
{
	struct child cs[5];

	for (int i = 0; i < 5; i++)
		cs[i] = child_start();
	for (int i = 4; i >= 0; i--) {
		struct wait w = wait_of(i % 2 ? ANY : GROUP, 0);
		struct thrum_future *f = spawn_inside(&w);

		child_tell(&cs[i], i);
		is_int(thrum_join(f), cs[i].pid);
		is_exit(w.status, i);
	}
	is_int(thrum_waitpid(-1, NULL, 0), -ECHILD);
}

IO_TEST(a_group_s_children)
{
	struct child in = child_start(), out = child_start();
	struct wait theirs = {.pid = -in.pid}, ours = {.pid = 0};
	struct thrum_future *f, *g;

	must(setpgid(in.pid, in.pid) == 0);
	f = spawn_inside(&theirs);
	g = spawn_beside(1, &ours);
	child_tell(&out, 1);
	is_int(thrum_join(g), out.pid);
	is_exit(ours.status, 1);
	must(!thrum_done(f));
	is_int(thrum_waitpid(0, NULL, 0), -ECHILD);
	child_tell(&in, 2);
	is_int(thrum_join(f), in.pid);
	is_exit(theirs.status, 2);
	no_child_is_left();
}

IO_TEST(one_child_for_two)
{
	for (int how = 0; how < HOWS * HOWS; how++) {
		struct child c = child_start();
		struct wait a = wait_of((enum how)(how / HOWS), c.pid);
		struct wait b = wait_of((enum how)(how % HOWS), c.pid);
		struct thrum_future *f = spawn_inside(&a), *g = spawn_beside(how >= HOWS, &b);
		intptr_t rs[2];

		child_tell(&c, 6);
		rs[0] = thrum_join(f);
		rs[1] = thrum_join(g);
		is_int(rs[0] + rs[1], c.pid - ECHILD);
		must(rs[0] == -ECHILD || rs[1] == -ECHILD);
		is_exit(rs[0] > 0 ? a.status : b.status, 6);
		is_int(rs[0] > 0 ? b.status : a.status, 12345);
	}
}

#define MANY 100

static void many(enum how how)
{
	static struct child cs[MANY];
	static struct wait ws[MANY];
	struct thrum_future *fs[MANY];

	for (int i = 0; i < MANY; i++) {
		cs[i] = child_start();
		ws[i] = wait_of(how, cs[i].pid);
		must((fs[i] = thrum_spawn(task_waits, &ws[i])));
	}
	for (int i = 0; i < MANY; i += 2) {
		child_tell(&cs[i], i);
		child_tell(&cs[MANY - 1 - i], MANY - 1 - i);
	}
	for (int i = 0; i < MANY; i++) {
		pid_t pid = (pid_t)thrum_join(fs[i]);
		int k = i;

		if (how == PID)
			is_int(pid, cs[i].pid);
		else
			for (k = 0; k < MANY && cs[k].pid != pid; k++)
				;
		must(k < MANY);
		cs[k].pid = 0; /* each once */
		is_exit(ws[i].status, k);
	}
	no_child_is_left();
}

IO_TEST(a_hundred_children)
{
	many(PID);
}

/* More than the pool has threads. */
IO_TEST(a_hundred_of_any)
{
	many(ANY);
}

/* ---- Beside others ---- */

static void on_child(int sig __attribute__((unused)))
{
}

/* A handler without SA_RESTART interrupts, and nobody hears of that. */
IO_TEST(the_program_s_own_handler)
{
	struct sigaction theirs = {.sa_handler = on_child}, before, now;

	must(sigaction(SIGCHLD, &theirs, NULL) == 0);
	must(sigaction(SIGCHLD, NULL, &before) == 0);
	for (int how = 0; how < HOWS; how++) {
		struct child c = child_start(), other = child_start();
		struct wait w = wait_of((enum how)how, c.pid);
		struct thrum_future *f;

		must(setpgid(other.pid, other.pid) == 0);
		w.pid = how == ANY ? 0 : w.pid; /* not the other one */
		f = spawn_inside(&w);
		child_end(&other, 0);
		is_int(waitpid(other.pid, NULL, 0), other.pid);
		yield_often();
		must(!thrum_done(f));
		child_tell(&c, 2);
		is_int(thrum_join(f), c.pid);
	}
	must(sigaction(SIGCHLD, NULL, &now) == 0);
	must(now.sa_handler == on_child && now.sa_flags == before.sa_flags);
	must(signal(SIGCHLD, SIG_DFL) == on_child);
}

/* Then children leave nothing, and the wait lasts until they have ended. */
IO_TEST(children_that_nobody_wants)
{
	must(signal(SIGCHLD, SIG_IGN) == SIG_DFL);
	for (int how = 0; how < HOWS; how++) {
		struct child c = child_start();
		struct wait w = wait_of((enum how)how, c.pid);
		struct thrum_future *f = spawn_inside(&w);

		child_tell(&c, 2);
		is_int(thrum_join(f), -ECHILD);
		is_int(w.status, 12345);
	}
	must(signal(SIGCHLD, SIG_DFL) == SIG_IGN);
}

int main(void)
{
	const TTest *const tests[] = {
	    exit_codes,
	    no_status_is_asked_for,
	    killed,
	    stopped_and_continued,
	    without_waiting,
	    errors_are_the_kernel_s,
	    any_child_as_they_end,
	    a_group_s_children,
	    one_child_for_two,
	    a_hundred_children,
	    a_hundred_of_any,
	    the_program_s_own_handler,
	    children_that_nobody_wants,
	};

	return RUN_TESTS("waitpid", tests);
}
