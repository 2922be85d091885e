/*-------------------------------------------------------------------------
 *
 * entries.h
 *		a JSON array of objects as an argument
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_ENTRIES_H
#define BOOKING_ENTRIES_H

#include "utils/jsonb.h"
#include "utils/rangetypes.h"

#include "rules/together.h"

/* What to do with each object, and with what it says. */
typedef struct EntryReader
{
	const char *name;			/* of the argument */
	const char *example;
	const char *const *keys;
	int			nkeys;
	int			most;			/* entries */
	void		(*begin) (void *arg);
	void		(*value) (void *arg, int key, const JsonbValue *value);
	void		(*end) (void *arg);
	void	   *arg;
} EntryReader;

extern void booking_read_entries(Together *all, Jsonb *entries, const EntryReader *reader);
pg_noreturn extern void booking_malformed(const char *what);
extern char *booking_json_string(const JsonbValue *value);
extern int64 booking_json_integer(const JsonbValue *value, int64 most);
extern int64 booking_json_id(const JsonbValue *value);
extern RangeType *booking_json_period(const JsonbValue *value);
extern pg_uuid_t booking_json_uuid(const JsonbValue *value);

#endif							/* BOOKING_ENTRIES_H */
