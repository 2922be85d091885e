/*-------------------------------------------------------------------------
 *
 * guard_overlap.c
 *		Does an entry of a GiST index overlap a period, told from its bytes?
 *
 * A scan compares each entry of the pages that it reads, and of a hundred one or none is in the
 * way.  The operator class of ranges takes each of them apart, after it has copied it to where
 * numbers are aligned: 600 instructions, three quarters of a scan.  A range that includes its
 * beginning and not its end, as all periods do, is two numbers at known places, and two
 * comparisons say whether it overlaps another one.
 *
 * So the scan's own copy of the function that compares is replaced by one that does that, between
 * index_rescan() and the end of the scan, where the operator class is PostgreSQL's for ranges
 * and their bounds are numbers of eight bytes.  Any other kind of range, and what the pages
 * above the leaves may have besides, is compared by the operator class.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/gist.h"
#include "access/stratnum.h"
#include "utils/fmgroids.h"
#include "utils/rangetypes.h"

#include "base/compat.h"
#include "engine/guard_overlap.h"

/* A range as it is stored: its type, the bounds that are finite, its flags. */
#define BODY_WITH_END	(sizeof(Oid) + 2 * sizeof(int64) + 1)
#define BODY_WITHOUT	(sizeof(Oid) + sizeof(int64) + 1)

static bool read_bounds(Datum range, int64 *from, int64 *to);
static Datum overlaps(PG_FUNCTION_ARGS);

/*
 * The scan has been given its keys.  Its attribute "attno" is a range whose bounds are compared
 * by cmp_proc.
 */
void
booking_overlap_begin(GuardOverlap *overlap, IndexScanDesc scan, AttrNumber attno, Oid cmp_proc)
{
	overlap->key = NULL;
	if (cmp_proc != F_TIMESTAMPTZ_CMP && cmp_proc != F_TIMESTAMP_CMP && cmp_proc != F_BTINT8CMP)
		return;
	for (int i = 0; i < scan->numberOfKeys; i++)
	{
		ScanKey		key = &scan->keyData[i];

		if (key->sk_attno != attno || key->sk_func.fn_oid != F_RANGE_GIST_CONSISTENT ||
			key->sk_strategy != RTOverlapStrategyNumber || key->sk_flags != 0 ||
			!read_bounds(key->sk_argument, &overlap->from, &overlap->to))
			continue;
		overlap->key = key;
		overlap->usual = key->sk_func;
		key->sk_func.fn_addr = overlaps;
		key->sk_func.fn_extra = overlap;
		break;
	}
}

/* Before the scan gets other keys, or ends. */
void
booking_overlap_end(GuardOverlap *overlap)
{
	if (overlap->key)
		overlap->key->sk_func = overlap->usual;
}

/* False for a range that is not [), which has no beginning, or an infinity for a bound. */
static bool
read_bounds(Datum range, int64 *from, int64 *to)
{
	const char *value = DatumGetPointer(range);
	const char *body;
	Size		size;
	unsigned char flags;

	if (VARATT_IS_EXTENDED(value) && !VARATT_IS_SHORT(value))
		return false;
	body = VARDATA_ANY(value);
	size = VARSIZE_ANY_EXHDR(value);
	if (size != BODY_WITH_END && size != BODY_WITHOUT)
		return false;
	flags = (unsigned char) body[size - 1];
	if (flags != (size == BODY_WITH_END ? RANGE_LB_INC : RANGE_LB_INC | RANGE_UB_INF))
		return false;
	memcpy(from, body + sizeof(Oid), sizeof(int64));
	*to = PG_INT64_MAX;
	if (*from == PG_INT64_MIN || *from == PG_INT64_MAX)
		return false;
	if (size == BODY_WITHOUT)
		return true;
	memcpy(to, body + sizeof(Oid) + sizeof(int64), sizeof(int64));
	return *to != PG_INT64_MAX;
}

/* consistent(), as GiST calls it for each entry of a page. */
static Datum
overlaps(PG_FUNCTION_ARGS)
{
	const GISTENTRY *entry = (GISTENTRY *) PG_GETARG_POINTER(0);
	GuardOverlap *overlap = fcinfo->flinfo->fn_extra;
	bool	   *recheck = (bool *) PG_GETARG_POINTER(4);
	int64		from;
	int64		to;

	if (!read_bounds(entry->key, &from, &to))
		return FunctionCall5Coll(&overlap->usual, PG_GET_COLLATION(), PG_GETARG_DATUM(0), PG_GETARG_DATUM(1),
								 PG_GETARG_DATUM(2), PG_GETARG_DATUM(3), PG_GETARG_DATUM(4));
	*recheck = false;
	PG_RETURN_BOOL(from < overlap->to && overlap->from < to);
}
