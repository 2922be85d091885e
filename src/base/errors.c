/*-------------------------------------------------------------------------
 *
 * errors.c
 *		The errors that several files raise.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "base/distributed.h"
#include "base/errors.h"

PG_FUNCTION_INFO_V1(booking_must_write_in);

static int	detail_of(const char *constraint, const char *detail, va_list args) pg_attribute_printf(2, 0);
pg_noreturn static void cannot_write(const char *function);

int
errbooking(const char *constraint, const char *detail,...)
{
	va_list		args;

	va_start(args, detail);
	detail_of(constraint, detail, args);
	va_end(args);
	err_generic_string(PG_DIAG_SCHEMA_NAME, "booking");
	err_generic_string(PG_DIAG_TABLE_NAME, "booking");
	return err_generic_string(PG_DIAG_CONSTRAINT_NAME, constraint);
}

/*
 * The same for a guard, which is a constraint of its table.  On a shard of Citus' both have
 * names that only the node knows.
 */
int
errguard(Relation rel, const char *guard, const char *detail,...)
{
	char	   *shown = booking_shown_name(RelationGetRelid(rel), guard);
	va_list		args;

	va_start(args, detail);
	detail_of(shown, detail, args);
	va_end(args);
	err_generic_string(PG_DIAG_SCHEMA_NAME, get_namespace_name(RelationGetNamespace(rel)));
	err_generic_string(PG_DIAG_TABLE_NAME, booking_shown_table(RelationGetRelid(rel)));
	return err_generic_string(PG_DIAG_CONSTRAINT_NAME, shown);
}

/* A list in the detail gets a line of its own for the constraint. */
static int
detail_of(const char *constraint, const char *detail, va_list args)
{
	char		text[1024];
	char	   *all = text;
	va_list		again;
	size_t		length;

	va_copy(again, args);
	length = vsnprintf(text, sizeof(text), detail, args);
	if (length >= sizeof(text))
	{
		all = palloc(length + 1);
		(void) vsnprintf(all, length + 1, detail, again);
	}
	va_end(again);
	return errdetail_internal("%s%sRefused by constraint \"%s\".", all,
							  length == 0 ? "" :
							  all[length - 1] == '.' && strchr(all, '\n') == NULL ? " " : "\n",
							  constraint);
}

/*
 * Each function that writes asks here first, so that a client that has reached the wrong server
 * reads that, and not which of our statements has failed.
 */
void
booking_must_write(FunctionCallInfo fcinfo)
{
	if (XactReadOnly)
		cannot_write(get_func_name(fcinfo->flinfo->fn_oid));
}

/* must_write(function, missing): the same for functions that are written in SQL. */
Datum
booking_must_write_in(PG_FUNCTION_ARGS)
{
	if (XactReadOnly)
		cannot_write(PG_ARGISNULL(0) ? "?" : text_to_cstring(PG_GETARG_TEXT_PP(0)));
	if (!PG_ARGISNULL(1))
		booking_null_argument(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	PG_RETURN_VOID();
}

static void
cannot_write(const char *function)
{
	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("booking.%s() writes, and this server is a standby", function),
				 errdetail("It repeats what its primary writes, and can only be read."),
				 errhint("Call it on the primary; target_session_attrs=read-write in the connection string of libpq finds it.")));
	ereport(ERROR,
			(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
			 errmsg("booking.%s() writes, and this transaction is read-only", function),
			 errhint("BEGIN READ WRITE, or see where default_transaction_read_only is set.")));
}

void
booking_raise(const Refusal *refusal)
{
	ereport(ERROR,
			(errcode(refusal->sqlstate),
			 errmsg_internal("%s", refusal->message),
			 errbooking(refusal->constraint, "%s", refusal->detail ? refusal->detail : ""),
			 refusal->hint ? errhint("%s", refusal->hint) : 0));
}

void
booking_no_such_resource(int64 id)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("resource %lld does not exist", (long long) id),
			 errhint("The resources are in booking.resource; create_resource() adds one.")));
}

/* Whether a text has nothing but the digits of a whole number, and its sign. */
bool
booking_is_integer(const char *text)
{
	text += *text == '-';
	return *text != '\0' && strspn(text, "0123456789") == strlen(text);
}

void
booking_no_such_resource_named(const char *name)
{
	/* An id that a driver sends without its type is taken for a name. */
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("resource \"%s\" does not exist", name),
			 booking_is_integer(name) ?
			 errhint("This was looked up as a name.  If it is an id, cast it: $1::bigint (in JSON, leave the quotation marks out).") :
			 errhint("The resources are in booking.resource; create_resource() adds one.")));
}

void
booking_null_argument(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("%s must not be null", name)));
}

/* With PostgreSQL's own message, for what is checked before its constraints are. */
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

/*
 * One booking waits with nothing written, so in a deadlock of it there are transactions that
 * make several, one after the other.
 */
void
booking_hint_at_deadlock(void *unused)
{
	if (geterrcode() == ERRCODE_T_R_DEADLOCK_DETECTED)
		errhint("Book several things in one call, booking.book_all(): it takes its locks in one global order.");
}
