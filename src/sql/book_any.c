/*-------------------------------------------------------------------------
 *
 * book_any.c
 *		book_any(), try_book_any(): the first resource that is free.
 *
 * Here the candidates are found; any_of.c books one of them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"

#include "base/cache.h"
#include "base/compat.h"
#include "base/locks.h"
#include "base/plans.h"
#include "base/returned.h"
#include "engine/row.h"
#include "engine/row_fault.h"
#include "rules/replay.h"
#include "rules/together.h"
#include "sql/any_of.h"
#include "sql/looking.h"

PG_FUNCTION_INFO_V1(booking_book_any);
PG_FUNCTION_INFO_V1(booking_try_book_any);

static Datum book_any(FunctionCallInfo fcinfo, bool try);
static void read_candidates(FunctionCallInfo fcinfo, AnyOf *any);
static bool replay_any(const AnyOf *any, Datum *booking);

Datum
booking_book_any(PG_FUNCTION_ARGS)
{
	return book_any(fcinfo, false);
}

Datum
booking_try_book_any(PG_FUNCTION_ARGS)
{
	return book_any(fcinfo, true);
}

/* book_any(resources, period, holder, quantity, hold_for, id, data, category). */
static Datum
book_any(FunctionCallInfo fcinfo, bool try)
{
	AnyOf		any = {0};
	Datum		booking;

	booking_must_write(fcinfo);
	booking_read_any_order(fcinfo, &any.order);
	if (PG_ARGISNULL(1))
		booking_null_argument("period");
	any.wanted = any.order.range = PG_GETARG_RANGE_P(1);
	booking_check_period(any.order.range, &any.order.period);
	read_candidates(fcinfo, &any);
	if (any.order.id)
		booking_lock_id(any.order.id);
	LockRelationOid(booking_table("booking"), RowExclusiveLock);
	if ((any.order.id && replay_any(&any, &booking)) || booking_book_one_of(&any, &booking))
	{
		if (any.order.id)
			booking_done_with_id(any.order.id);
		PG_RETURN_DATUM(booking_returned(fcinfo, booking));
	}
	if (!try)
		booking_none_is_free(&any);
	return booking_no_row(fcinfo);
}

/* What both have, but for the time. */
void
booking_read_any_order(FunctionCallInfo fcinfo, Order *order)
{
	if (PG_ARGISNULL(2))
		booking_null_argument("holder");
	if (PG_ARGISNULL(6))
		booking_null_argument("data");
	order->holder = PG_GETARG_TEXT_PP(2);
	booking_check_holder(order->holder);
	order->quantity = booking_quantity_argument(fcinfo, 3);
	order->hold_for = PG_ARGISNULL(4) ? NULL : PG_GETARG_INTERVAL_P(4);
	booking_check_hold_for(order->hold_for);
	order->id = PG_ARGISNULL(5) ? NULL : PG_GETARG_UUID_P(5);
	order->data = PG_GETARG_JSONB_P(6);
	booking_check_data(order->data);
}

static void
read_candidates(FunctionCallInfo fcinfo, AnyOf *any)
{
	int64	   *ids = booking_any_of_these(fcinfo, &any->n);

	any->candidate = palloc_extended(any->n * sizeof(Candidate), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (int i = 0; i < any->n; i++)
		any->candidate[i].resource_id = ids[i];
}

/* The resources that would do, in the order of the list, or of their ids; at least one. */
int64 *
booking_any_of_these(FunctionCallInfo fcinfo, int *n)
{
	bool		listed = !PG_ARGISNULL(0);
	text	   *category = PG_ARGISNULL(7) ? NULL : PG_GETARG_TEXT_PP(7);
	int64	   *ids;
	int			all;

	if (!listed && category == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("resources and category must not both be null"),
				 errhint("Name the resources that would do, or their category.")));
	ids = listed ? booking_resources_named(PG_GETARG_ARRAYTYPE_P(0), &all) :
		booking_resources_of_category(category, &all);
	*n = 0;
	for (int i = 0; i < all; i++)
	{
		const char *its = booking_peek_resource(ids[i])->category;

		/* Those in the list that are of the category, if both are given. */
		if (listed && category &&
			(its == NULL || strlen(its) != VARSIZE_ANY_EXHDR(category) ||
			 memcmp(its, VARDATA_ANY(category), VARSIZE_ANY_EXHDR(category)) != 0))
			continue;
		ids[(*n)++] = ids[i];
	}
	if (*n == 0 && category == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("resources must not be empty")));
	if (*n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("no such resource is of category \"%s\"", text_to_cstring(category))));
	return ids;
}

/* The id may have been used for any of them. */
static bool
replay_any(const AnyOf *any, Datum *booking)
{
	Datum		id = UUIDPGetDatum(any->order.id);
	int64		resource_id = 0;
	int			i = 0;
	bool		isnull;

	if (!booking_id_is_used(any->order.id))
		return false;
	SPI_connect();
	if (booking_run(STMT_GET_BOOKING, &id, NULL) > 0)
		resource_id = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
												  booking_row_column(SPI_tuptable->tupdesc, BOOKING_RESOURCE_ID),
												  &isnull));
	SPI_finish();
	while (i < any->n - 1 && any->candidate[i].resource_id != resource_id)
		i++;
	return booking_replay_order(&any->order, booking_peek_resource(any->candidate[i].resource_id), booking);
}
