/*-------------------------------------------------------------------------
 *
 * home.c
 *		booking.cluster_lock() and booking.cluster_lock_alone(), of booking_cluster.
 *
 * The extension booking_cluster is written in SQL, but for this: a transaction that writes in a
 * place, and one that moves the place to another node, exclude each other by a HOME lock, before
 * all other locks (locks.c).  SQL has no advisory lock that is restricted to a role: with
 * pg_advisory_lock() every role that may connect could keep all others out of a place.
 *
 * Two functions, because privileges are granted by function: every role that may do anything in
 * a place may keep it where it is, until its transaction ends; only the owner may keep others
 * out.
 *
 * A transaction over places on several nodes has to be committed on all of them or on none.  Citus
 * does it in two phases where it knows of writes on two nodes, and what a function writes on the
 * node on which the transaction has begun it does not know of: it would commit on the other one,
 * then here, and a crash in between would leave one half of it.  So before such a transaction
 * commits, Citus is given something to write here: a DELETE of no row from booking.cluster_home.
 * One that is all on one node, or is part of another node's, needs nothing; nor does one that
 * the caller prepares, for Citus allows it no other node.
 *
 * Our callback is called before that of Citus, which has to be loaded before any other library.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/identity.h"
#include "base/locks.h"
#include "sql/home.h"

#define BEGAN_HERE_AND_GOES_ELSEWHERE \
	"SELECT FROM pg_catalog.get_current_transaction_id() AS t, pg_catalog.pg_dist_local_group AS g " \
	"WHERE t.transaction_number OPERATOR(pg_catalog.>) 0 AND t.initiator_node_identifier OPERATOR(pg_catalog.=) g.groupid"

#define WRITE_HERE \
	"DELETE FROM booking.cluster_home AS h WHERE h.place OPERATOR(pg_catalog.=) $1 AND h.node_group IS NULL"

PG_FUNCTION_INFO_V1(booking_cluster_lock);
PG_FUNCTION_INFO_V1(booking_cluster_lock_alone);

/* A place on this node in which the transaction may have written; or NULL. */
static text *place_here = NULL;

static void commit_in_two_phases(void);
static void forget_place(void);

const TransactionPart booking_home_part = {.commit = commit_in_two_phases, .forget = forget_place};

Datum
booking_cluster_lock(PG_FUNCTION_ARGS)
{
	booking_lock_home(PG_GETARG_TEXT_PP(0), false);
	if (place_here == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);

		place_here = PG_GETARG_TEXT_P_COPY(0);
		MemoryContextSwitchTo(caller);
	}
	PG_RETURN_VOID();
}

/* As the owner of the table of homes: a role that books may not write there. */
static void
commit_in_two_phases(void)
{
	Oid			types[1] = {TEXTOID};
	Datum		values[1] = {PointerGetDatum(place_here)};
	Oid			homes;
	Identity	caller;

	/* A backend that Citus has for another one, which may be on this node, too. */
	if (place_here == NULL || XactReadOnly || strncmp(application_name, "citus_internal", 14) == 0)
		return;
	homes = get_relname_relid("cluster_home", get_namespace_oid("booking", true));
	if (!OidIsValid(homes))
		return;
	PushActiveSnapshot(GetTransactionSnapshot());
	booking_become(booking_relation_owner(homes), &caller);
	SPI_connect();
	if (SPI_execute(BEGAN_HERE_AND_GOES_ELSEWHERE, true, 1) == SPI_OK_SELECT && SPI_processed > 0 &&
		SPI_execute_with_args(WRITE_HERE, 1, types, values, NULL, false, 0) != SPI_OK_DELETE)
		elog(ERROR, "could not run \"%s\"", WRITE_HERE);
	SPI_finish();
	booking_be_again(&caller);
	PopActiveSnapshot();
}

/* The memory goes with the transaction. */
static void
forget_place(void)
{
	place_here = NULL;
}

Datum
booking_cluster_lock_alone(PG_FUNCTION_ARGS)
{
	booking_lock_home(PG_GETARG_TEXT_PP(0), true);
	PG_RETURN_VOID();
}
