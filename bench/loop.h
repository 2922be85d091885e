/*
 * loop.h: many clients in one thread
 *
 * A fiber is a function with a stack of its own that gives up the processor only where it says so: while it waits for a socket, for a
 * moment, or for others. That lets a recipe read like the blocking program it stands for, at the price of an event loop.
 */
#ifndef LOOP_H
#define LOOP_H

#include <stdbool.h>
#include <stdint.h>

#define MILLISECOND INT64_C(1000000)
#define SECOND		INT64_C(1000000000)

/* Starts a fiber; it runs when the loop does. */
extern void loop_start(void (*body) (void *), void *argument);

/* Runs until every fiber has returned. tick() is called every now and then, from outside of the fibers. */
extern void loop_run(void (*tick) (void));

/* Nanoseconds of a clock that never goes back. */
extern int64_t loop_now(void);

/* The next three are for fibers only. */
extern void loop_wait_readable(int fd);
extern void loop_wait_writable(int fd);
extern void loop_sleep(int64_t nanoseconds);

/*
 * A meeting point: each fiber that comes waits until `expected` have come, then all leave together. Opening it lets all
 * through, now and from then on.
 */
typedef struct Meeting
{
	int			expected;
	bool		open;
	int			present;
	struct Fiber *first;
} Meeting;

extern void meeting_wait(Meeting *meeting);
extern void meeting_leave(Meeting *meeting);	/* a fiber that was expected will not come again */
extern void meeting_open(Meeting *meeting);

#endif
