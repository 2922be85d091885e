/*-------------------------------------------------------------------------
 *
 * errors.h
 *		Every error that more than one file raises, and the constraint names that
 *		clients branch on.  SQLSTATE and constraint name are the contract; the
 *		words are for people.
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_ERRORS_H
#define BOOKING_ERRORS_H

#include "base/compat.h"

/* 23P01 exclusion_violation */
#define CONSTRAINT_NO_OVERLAP	"booking_no_overlap"
#define CONSTRAINT_CAPACITY		"booking_capacity"
#define CONSTRAINT_CLOSED		"booking_closed"
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

/* Inside ereport(): names the constraint, and booking.booking as its table. */
extern int	errbooking(const char *constraint);

pg_noreturn extern void booking_no_such_resource(int64 id);
pg_noreturn extern void booking_no_such_resource_named(const char *name);
pg_noreturn extern void booking_null_argument(const char *name);
pg_noreturn extern void booking_null_column(const char *table, const char *column);

#endif							/* BOOKING_ERRORS_H */
