/*-------------------------------------------------------------------------
 *
 * uuid.c
 *		Ids for bookings: UUIDs of version 7 (RFC 9562).
 *
 * The first 48 bits are milliseconds since 1970, the next 12 (after the version) the
 * fraction of the millisecond, the rest is random.  Ids made one after the other lie
 * side by side in the primary key's index, whatever machine asked for them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/uuid.h"

PG_FUNCTION_INFO_V1(booking_uuid_v7);

/* What an id has of randomness, and for how many it is fetched at once. */
#define RANDOM_BYTES	8
#define RANDOM_STOCK	32

static void take_random(unsigned char *bytes);

void
booking_new_id(pg_uuid_t *id)
{
	static int64 last = 0;
	int64		now = GetCurrentTimestamp() +
		(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;
	int64		ms;
	int			fraction;

	/*
	 * A session's ids ascend, each a microsecond after the one before, unless its clock has
	 * been put back: the bookings of a group are told apart by that order (together.c).
	 */
	if (now <= last && now > last - USECS_PER_SEC)
		now = last + 1;
	last = now;
	ms = now / 1000;
	fraction = (int) (now % 1000) * 4096 / 1000;

	take_random(id->data + 8);
	for (int i = 0; i < 6; i++)
		id->data[i] = (unsigned char) (ms >> (8 * (5 - i)));
	id->data[6] = 0x70 | (fraction >> 8);
	id->data[7] = (unsigned char) fraction;
	id->data[8] = 0x80 | (id->data[8] & 0x3f);
}

/* To fetch 8 bytes takes as long as 256. */
static void
take_random(unsigned char *bytes)
{
	static unsigned char stock[RANDOM_STOCK][RANDOM_BYTES];
	static int	left = 0;

	if (left == 0)
	{
		if (!pg_strong_random(stock, sizeof(stock)))
			ereport(ERROR,
					(errcode(ERRCODE_INTERNAL_ERROR),
					 errmsg("could not generate random values")));
		left = RANDOM_STOCK;
	}
	memcpy(bytes, stock[--left], RANDOM_BYTES);
}

Datum
booking_uuid_v7(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));

	booking_new_id(id);
	PG_RETURN_UUID_P(id);
}
