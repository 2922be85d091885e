/*
 * loop.c: how do a thousand clients fit into one thread?
 *
 * Each client is a fiber: a context of ucontext(3) with a small stack. A fiber that waits for its socket registers it with epoll, once
 * (EPOLLONESHOT), and switches back to the loop; a fiber that sleeps goes into a heap ordered by waking time. The loop takes what
 * has become ready, in order, and switches to each. Everything runs in one thread, so nothing in the harness needs a lock.
 *
 * Why not a thread per client: the client's processor time is taken away from the server that is measured. See "what the harness
 * costs" in README.md for the measurement.
 */
#include "loop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define STACK_SIZE	(256 * 1024)	/* of address space; a fiber touches about 16 kB of it */
#define GUARD_SIZE	4096
#define TICK		(50 * MILLISECOND)

typedef struct Fiber
{
	ucontext_t	context;
	char	   *stack;
	void		(*body) (void *);
	void	   *argument;
	int64_t		wake_at;
	struct Fiber *next;			/* in the queue of the ready, or at a meeting */
	bool		finished;
} Fiber;

typedef struct Queue
{
	Fiber	   *first;
	Fiber	   *last;
} Queue;

static void die(const char *what);
static void push(Queue *queue, Fiber *fiber);
static Fiber *pop(Queue *queue);
static void sleeper_add(Fiber *fiber);
static Fiber *sleeper_take(void);
static void enter(void);
static void leave(void);
static void wait_for(int fd, uint32_t events);
static void release(Meeting *meeting);

static ucontext_t loop_context;
static Fiber *current;
static Queue ready;
static int	alive;
static int	poller = -1;

static Fiber **sleepers;		/* a heap, the earliest first */
static int	sleeper_count;
static int	sleeper_room;

void
loop_start(void (*body) (void *), void *argument)
{
	Fiber	   *fiber = calloc(1, sizeof(Fiber));

	if (fiber == NULL)
		die("out of memory");
	fiber->stack = mmap(NULL, GUARD_SIZE + STACK_SIZE, PROT_READ | PROT_WRITE,
						MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (fiber->stack == MAP_FAILED || mprotect(fiber->stack, GUARD_SIZE, PROT_NONE) != 0)
		die("no memory for a stack");
	fiber->body = body;
	fiber->argument = argument;
	getcontext(&fiber->context);
	fiber->context.uc_stack.ss_sp = fiber->stack + GUARD_SIZE;
	fiber->context.uc_stack.ss_size = STACK_SIZE;
	fiber->context.uc_link = NULL;
	makecontext(&fiber->context, enter, 0);
	push(&ready, fiber);
	alive++;
}

void
loop_run(void (*tick) (void))
{
	struct epoll_event events[256];
	int64_t		next_tick = loop_now() + TICK;

	if (poller < 0 && (poller = epoll_create1(EPOLL_CLOEXEC)) < 0)
		die("epoll_create1");

	while (alive > 0)
	{
		int64_t		now = loop_now();
		int64_t		until = next_tick;
		struct timespec timeout = {0, 0};
		int			count;

		if (now >= next_tick)
		{
			tick();
			now = loop_now();
			until = next_tick = now + TICK;
		}
		if (sleeper_count > 0 && sleepers[0]->wake_at < until)
			until = sleepers[0]->wake_at;
		if (ready.first == NULL && until > now)
		{
			timeout.tv_sec = (until - now) / SECOND;
			timeout.tv_nsec = (until - now) % SECOND;
		}
		count = epoll_pwait2(poller, events, 256, &timeout, NULL);
		if (count < 0 && errno != EINTR)
			die("epoll_pwait2");
		for (int i = 0; i < count; i++)
			push(&ready, events[i].data.ptr);

		now = loop_now();
		while (sleeper_count > 0 && sleepers[0]->wake_at <= now)
			push(&ready, sleeper_take());

		/* A fiber that becomes ready while these run has to wait for the next round, behind the sockets. */
		for (Fiber *last = ready.last; last != NULL;)
		{
			bool		was_last;

			current = pop(&ready);
			was_last = (current == last);
			swapcontext(&loop_context, &current->context);
			if (current->finished)
			{
				munmap(current->stack, GUARD_SIZE + STACK_SIZE);
				free(current);
				alive--;
			}
			if (was_last)
				break;
		}
		current = NULL;
	}
}

int64_t
loop_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * SECOND + now.tv_nsec;
}

void
loop_wait_readable(int fd)
{
	wait_for(fd, EPOLLIN);
}

void
loop_wait_writable(int fd)
{
	wait_for(fd, EPOLLOUT);
}

void
loop_sleep(int64_t nanoseconds)
{
	current->wake_at = loop_now() + nanoseconds;
	sleeper_add(current);
	leave();
}

void
meeting_wait(Meeting *meeting)
{
	if (meeting->open)
		return;
	meeting->present++;
	if (meeting->present >= meeting->expected)
	{
		release(meeting);
		push(&ready, current);	/* behind the others: no fiber gets a head start */
	}
	else
	{
		current->next = meeting->first;
		meeting->first = current;
	}
	leave();
}

void
meeting_leave(Meeting *meeting)
{
	meeting->expected--;
	if (meeting->present > 0 && meeting->present >= meeting->expected)
		release(meeting);
}

void
meeting_open(Meeting *meeting)
{
	meeting->open = true;
	release(meeting);
}

static void
release(Meeting *meeting)
{
	meeting->present = 0;
	while (meeting->first != NULL)
	{
		Fiber	   *fiber = meeting->first;

		meeting->first = fiber->next;
		push(&ready, fiber);
	}
}

static void
enter(void)
{
	current->body(current->argument);
	current->finished = true;
	leave();
}

static void
leave(void)
{
	swapcontext(&current->context, &loop_context);
}

static void
wait_for(int fd, uint32_t events)
{
	struct epoll_event event = {.events = events | EPOLLONESHOT,.data.ptr = current};

	if (epoll_ctl(poller, EPOLL_CTL_MOD, fd, &event) != 0 &&
		(errno != ENOENT || epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) != 0))
		die("epoll_ctl");
	leave();
}

static void
push(Queue *queue, Fiber *fiber)
{
	fiber->next = NULL;
	if (queue->first == NULL)
		queue->first = fiber;
	else
		queue->last->next = fiber;
	queue->last = fiber;
}

static Fiber *
pop(Queue *queue)
{
	Fiber	   *fiber = queue->first;

	queue->first = fiber->next;
	if (queue->first == NULL)
		queue->last = NULL;
	return fiber;
}

static void
sleeper_add(Fiber *fiber)
{
	int			at;

	if (sleeper_count == sleeper_room)
	{
		sleeper_room = sleeper_room == 0 ? 64 : 2 * sleeper_room;
		sleepers = realloc(sleepers, sleeper_room * sizeof(Fiber *));
		if (sleepers == NULL)
			die("out of memory");
	}
	for (at = sleeper_count++; at > 0 && sleepers[(at - 1) / 2]->wake_at > fiber->wake_at; at = (at - 1) / 2)
		sleepers[at] = sleepers[(at - 1) / 2];
	sleepers[at] = fiber;
}

static Fiber *
sleeper_take(void)
{
	Fiber	   *earliest = sleepers[0];
	Fiber	   *moved = sleepers[--sleeper_count];
	int			at = 0;

	for (;;)
	{
		int			child = 2 * at + 1;

		if (child + 1 < sleeper_count && sleepers[child + 1]->wake_at < sleepers[child]->wake_at)
			child++;
		if (child >= sleeper_count || sleepers[child]->wake_at >= moved->wake_at)
			break;
		sleepers[at] = sleepers[child];
		at = child;
	}
	sleepers[at] = moved;
	return earliest;
}

static void
die(const char *what)
{
	perror(what);
	exit(1);
}
