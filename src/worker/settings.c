/*-------------------------------------------------------------------------
 *
 * settings.c
 *		What do the background workers do, and in which databases?
 *
 * booking.databases is for the launcher, which knows no database, and so stands in the server's
 * configuration.  The others can be different in each database (ALTER DATABASE ... SET); a
 * worker reads the configuration again when the server does, and what is set for its database
 * when it starts.  They are for superusers, and for roles that have been granted SET on them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/varlena.h"

#include "worker/worker.h"

int			booking_worker_tick = 200;
int			booking_archive_after = -1;
int			booking_archive_every = 86400;

static char *databases = NULL;

static bool check_databases(char **value, void **extra, GucSource source);

void
booking_worker_settings_init(void)
{
	DefineCustomStringVariable("booking.databases",
							   "The databases that have a background worker of booking.",
							   "Names, separated by commas. Needs shared_preload_libraries = 'booking'.",
							   &databases, "", PGC_SIGHUP, GUC_LIST_INPUT, check_databases, NULL, NULL);
	DefineCustomIntVariable("booking.worker_tick",
							"How often the background worker marks lapsed holds and sends notifications.",
							NULL,
							&booking_worker_tick, 200, 10, 60000, PGC_SUSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("booking.archive_after",
							"The background worker archives bookings that have been over for so long.",
							"-1: it archives none.",
							&booking_archive_after, -1, -1, 100 * 366 * 24 * 60, PGC_SUSET, GUC_UNIT_MIN, NULL, NULL, NULL);
	DefineCustomIntVariable("booking.archive_every",
							"How long after it has archived bookings the background worker looks for more.",
							NULL,
							&booking_archive_every, 86400, 1, 366 * 86400, PGC_SUSET, GUC_UNIT_S, NULL, NULL, NULL);
}

static bool
check_databases(char **value, void **extra, GucSource source)
{
	List	   *names = NIL;
	bool		valid = SplitGUCList(pstrdup(*value), ',', &names);

	if (!valid)
		GUC_check_errdetail("It is not a list of names, separated by commas.");
	list_free(names);
	return valid;
}

/* Names, in the memory context of the caller. */
List *
booking_worker_databases(void)
{
	List	   *names = NIL;

	if (!SplitGUCList(pstrdup(databases), ',', &names))
		return NIL;
	return names;
}

bool
booking_worker_is_listed(const char *database)
{
	ListCell   *cell;

	foreach(cell, booking_worker_databases())
		if (strcmp(lfirst(cell), database) == 0)
			return true;
	return false;
}
