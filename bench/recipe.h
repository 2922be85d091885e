/*
 * recipe.h: what a recipe is written with
 *
 * A strategy is one way in which people keep from booking twice. It has a recipe for every scenario it makes sense for: what it adds
 * to the plain tables of the scenario (indexes, constraints, columns, functions), and what it sends when a customer wants to book.
 * The functions below block, like the driver of any language does. Each sql(), begin() and commit() is one round trip.
 *
 * Errors are sticky, as they are in a transaction: after a failed statement the following ones are not sent, until the recipe has dealt
 * with the error (refused_with, retry_after) or returns. An error that the recipe has not dealt with overrides the answer.
 */
#ifndef RECIPE_H
#define RECIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Client Client;

typedef enum Answer
{
	REFUSED,					/* there is no room for it */
	BOOKED,
	GAVE_UP,					/* tried often enough */
	WALKED_AWAY					/* held a seat and did not come back: no recipe says this */
} Answer;

/* What a customer wants, as text, ready to be a parameter. */
typedef struct Request
{
	union						/* the number of the thing, by whichever name reads best */
	{
		const char *room;
		const char *pool;
		const char *slot;
		const char *seat;
		const char *event;
	};
	const char *period;
	const char *quantity;
	const char *customer;
	const char *hold_for;		/* an interval: how long a seat is held */
	int			hold_ms;		/* the same, in milliseconds */
	char	   *hold;			/* filled by the recipe: what confirm needs to know about the hold */
} Request;

typedef Answer (*Steps) (Client *c, const Request *r);

typedef struct Recipe
{
	Steps		book;			/* in the scenario with holds: hold */
	Steps		confirm;		/* only there */
	const char *tables;			/* what the strategy adds to the scenario's tables; :things and :capacity are replaced */
	void		(*prepare) (int things, int capacity);	/* whatever SQL cannot set up */
} Recipe;

typedef struct Strategy
{
	const char *name;
	const char *about;
	enum
	{
		SAFE,
		OVERSELLS,				/* expected to: that is what it is here to show */
		NO_CHECK				/* does not even try: the ceiling */
	}			promise;
	bool		needs_redis;
	bool		needs_booking;
	Recipe		room;
	Recipe		hotel;
	Recipe		bus;
	Recipe		event;
	Recipe		timeslot;
	Recipe		concert;
	Recipe		calendar;
	Recipe		pool;
} Strategy;

/*
 * One prepared statement, one round trip. Returns the first column of the first row as a number (true is 1, text that is no number is 1;
 * false, NULL and no row are 0); for a statement without rows, how many it touched. Parameters are text.
 */
#define sql(c, statement, ...) \
	client_sql((c), (statement), (const char *const[]) {__VA_ARGS__ __VA_OPT__(,) NULL})
extern int64_t client_sql(Client *c, const char *statement, const char *const *parameters);

/* A column of the row that the last sql() returned, as text; good until the next statement that returns rows. */
extern const char *value(Client *c, int column);

extern bool is_true(Client *c, int column);

extern void begin(Client *c);
extern void begin_serializable(Client *c);
extern void commit(Client *c);
extern Answer rollback(Client *c);	/* always REFUSED, for `return rollback(c)` */

/* Did the last statement fail with this SQLSTATE? Then the error is dealt with. */
extern bool refused_with(Client *c, const char *sqlstate);

/* Did it fail with a serialization failure or deadlock? Then roll back, wait a random moment that grows with every try, and say true. */
extern bool retry_after_conflict(Client *c);

/* Another client was faster: wait likewise and try again. False when that was often enough. */
extern bool try_again(Client *c);

/* One command to the Redis server, one round trip. A number as it is, OK is 1, nil is 0. */
extern int64_t redis(Client *c, const char *format,...) __attribute__((format(printf, 2, 3)));

/* The same, at once and outside of the race, for Recipe.prepare. */
extern void redis_now(const char *format,...) __attribute__((format(printf, 1, 2)));

/*
 * The most that is in use at any instant of period $2 in pool $1. All recipes for pools share it: what they differ in is how they
 * keep the answer true until they have written.
 */
#define IN_USE \
	"(SELECT coalesce(max(used), 0)" \
	"   FROM (SELECT sum(sum(change)) OVER (ORDER BY at) AS used" \
	"           FROM booking, LATERAL (VALUES (greatest(lower(period), lower($2::tstzrange)), quantity)," \
	"                                         (upper(period), -quantity)) AS edge (at, change)" \
	"          WHERE pool_id = $1 AND period && $2::tstzrange" \
	"          GROUP BY at) AS sweep)"

#endif
