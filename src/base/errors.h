/*-------------------------------------------------------------------------
 *
 * errors.h
 *		Every error that more than one file raises, and the constraint names that
 *		clients branch on.  SQLSTATE and constraint name are the contract; the texts may change.
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_ERRORS_H
#define BOOKING_ERRORS_H

#include "fmgr.h"
#include "utils/relcache.h"

#include "base/compat.h"

/* 23P01 exclusion_violation */
#define CONSTRAINT_NO_OVERLAP	"booking_no_overlap"
#define CONSTRAINT_CAPACITY		"booking_capacity"
#define CONSTRAINT_CLOSED		"booking_closed"
#define CONSTRAINT_SLOT_NO_OVERLAP "slot_no_overlap"
/* 23514 check_violation */
#define CONSTRAINT_OPENING_HOURS "booking_opening_hours"
#define CONSTRAINT_DURATION		"booking_duration"
#define CONSTRAINT_NOTICE		"booking_notice"
#define CONSTRAINT_HOLDER_LIMIT	"booking_holder_limit"
/* 23505 unique_violation */
#define CONSTRAINT_ID			"booking_pkey"
/* 55000 object_not_in_prerequisite_state */
#define CONSTRAINT_STATUS		"booking_status"
#define CONSTRAINT_VERSION		"booking_version"

/*
 * Why a booking is not possible, in words.  The trigger that judges a row raises it when
 * the row comes from plain SQL; for book_slot() it hands it up, so that the error does
 * not drag the function's inner statement along as its context.
 */
typedef struct Refusal
{
	int			sqlstate;
	const char *constraint;
	char	   *message;
	char	   *detail;
	char	   *hint;
} Refusal;

pg_noreturn extern void booking_raise(const Refusal *refusal);

/* An error context callback, for where bookings wait for one another. */
extern void booking_hint_at_deadlock(void *unused);

/*
 * Inside ereport(): the DETAIL, and the constraint that refuses.  Some drivers (PDO) show
 * nothing but the text of an error, so the name stands in it as well, once and in this place
 * only: constraint "booking_capacity", as in the messages of PostgreSQL's own constraints.
 */
extern int	errbooking(const char *constraint, const char *detail,...) pg_attribute_printf(2, 3);
extern int	errguard(Relation rel, const char *guard, const char *detail,...) pg_attribute_printf(3, 4);

extern void booking_must_write(FunctionCallInfo fcinfo);

pg_noreturn extern void booking_no_such_resource(int64 id);
pg_noreturn extern void booking_no_such_resource_named(const char *name);
extern bool booking_is_integer(const char *text);
pg_noreturn extern void booking_null_argument(const char *name);
pg_noreturn extern void booking_null_column(const char *table, const char *column);

#endif							/* BOOKING_ERRORS_H */
