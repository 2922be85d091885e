/*-------------------------------------------------------------------------
 *
 * recur.h
 *		which local times does a recurrence rule of RFC 5545 name (no SQL)
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_RECUR_H
#define BOOKING_RECUR_H

#include "base/period.h"

/* The numbers that may stand before a weekday, and in BYSETPOS. */
#define MOST_NTH		53
#define MOST_POSITION	366

typedef enum RecurFrequency
{
	RECUR_DAILY,
	RECUR_WEEKLY,
	RECUR_MONTHLY,
	RECUR_YEARLY
} RecurFrequency;

/* A bit for each value that is named; none: the part is not there. */
typedef struct Recurrence
{
	uint32		parts;			/* that are there, by their place in recur_read.c */
	RecurFrequency frequency;
	int32		interval;
	int32		count;			/* 0: no COUNT */
	bool		has_until;
	bool		until_is_instant;	/* and not a local time */
	int64		until;			/* the last that counts */
	int			week_start;		/* 0: Monday */
	uint32		months;
	uint32		days;			/* of the month, 1 to 31, and */
	uint32		days_back;		/* the same from its end */
	uint8		weekdays;
	uint8		nth[MOST_NTH + 1];	/* weekdays: the first is 1; and */
	uint8		nth_back[MOST_NTH + 1]; /* from the end */
	bool		has_nth;
	bool		position[MOST_POSITION + 1];
	bool		position_back[MOST_POSITION + 1];
} Recurrence;

/* Which part of a rule is wrong, and how. */
typedef struct RecurFault
{
	char		part[32];		/* empty: the whole of it */
	char		problem[224];
} RecurFault;

typedef enum RecurStep
{
	RECUR_FOUND,
	RECUR_DONE,					/* COUNT or UNTIL ends it */
	RECUR_NO_MORE				/* none within MOST_YEARS */
} RecurStep;

/* On the way through the local times of a rule. */
typedef struct RecurWalk
{
	Recurrence	rule;			/* with what the beginning adds */
	int64		first;			/* local time */
	int32		last_date;		/* in days since 2000-01-01, as all dates here */
	int64		unit;			/* days, weeks, months or years since the first */
	int32		found;
	int			ndates;			/* of this unit */
	int			next;
	int32		dates[MOST_POSITION];
} RecurWalk;

extern bool booking_recur_read(const char *text, Recurrence *rule, RecurFault *fault);
extern bool booking_recur_ends(const Recurrence *rule);
extern void booking_recur_begin(RecurWalk *walk, const Recurrence *rule, int64 first);
extern RecurStep booking_recur_next(RecurWalk *walk, int64 *local);
extern int64 booking_recur_months_later(int64 local, int64 months);

#endif							/* BOOKING_RECUR_H */
