/*-------------------------------------------------------------------------
 *
 * test_point.c
 *		How does a test halt a session in the middle of a race?
 *
 * Some races are too narrow to be met by luck: a row has to move between two others that
 * are being counted.  A test of these (specs/point-*.spec) says where a session is to halt,
 *
 *		SET booking_test.halt_at = 'guard-scan';
 *
 * and halts it there for as long as another session has the advisory lock of that name,
 *
 *		SELECT pg_advisory_lock(hashtext('guard-scan'));
 *
 * Only in a library that was built with BOOKING_TEST=1; in any other this file is empty.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/test_point.h"

#ifdef BOOKING_TEST

#include "catalog/pg_collation.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"

void
booking_test_point(const char *name)
{
	const char *halt_at = GetConfigOption("booking_test.halt_at", true, false);
	Datum		key;

	if (halt_at == NULL || strcmp(halt_at, name) != 0)
		return;
	key = DirectFunctionCall1Coll(hashtext, C_COLLATION_OID, CStringGetTextDatum(name));
	key = Int64GetDatum((int64) DatumGetInt32(key));
	DirectFunctionCall1(pg_advisory_lock_shared_int8, key);
	DirectFunctionCall1(pg_advisory_unlock_shared_int8, key);
}

#endif
