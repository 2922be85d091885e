/*-------------------------------------------------------------------------
 *
 * errors.c
 *		The errors that several files raise.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/errors.h"

int
errbooking(const char *constraint)
{
	err_generic_string(PG_DIAG_SCHEMA_NAME, "booking");
	err_generic_string(PG_DIAG_TABLE_NAME, "booking");
	return err_generic_string(PG_DIAG_CONSTRAINT_NAME, constraint);
}

void
booking_raise(const Refusal *refusal)
{
	ereport(ERROR,
			(errcode(refusal->sqlstate),
			 errmsg_internal("%s", refusal->message),
			 refusal->detail ? errdetail_internal("%s", refusal->detail) : 0,
			 refusal->hint ? errhint("%s", refusal->hint) : 0,
			 errbooking(refusal->constraint)));
}

void
booking_no_such_resource(int64 id)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("resource %lld does not exist", (long long) id),
			 errhint("The resources are in booking.resource; create_resource() adds one.")));
}

void
booking_no_such_resource_named(const char *name)
{
	const char *digits = name + (*name == '-');

	/* An id that a driver sends without its type is taken for a name. */
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("resource \"%s\" does not exist", name),
			 *digits != '\0' && strspn(digits, "0123456789") == strlen(digits) ?
			 errhint("This was looked up as a name.  If it is an id, cast it: $1::bigint.") :
			 errhint("The resources are in booking.resource; create_resource() adds one.")));
}

void
booking_null_argument(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("%s must not be null", name)));
}

/* In PostgreSQL's own words, for what is asked before its constraints are. */
void
booking_null_column(const char *table, const char *column)
{
	ereport(ERROR,
			(errcode(ERRCODE_NOT_NULL_VIOLATION),
			 errmsg("null value in column \"%s\" of relation \"%s\" violates not-null constraint",
					column, table),
			 err_generic_string(PG_DIAG_SCHEMA_NAME, "booking"),
			 err_generic_string(PG_DIAG_TABLE_NAME, table),
			 err_generic_string(PG_DIAG_COLUMN_NAME, column)));
}
