/*-------------------------------------------------------------------------
 *
 * worker.h
 *		what goes on by itself, in the background
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_WORKER_H
#define BOOKING_WORKER_H

#include "postmaster/bgworker.h"

#include "base/compat.h"

/*
 * Started by the launcher, for as long as the database is in booking.databases, or by
 * start_worker().
 */
#define WORKER_OF_LAUNCHER	'l'
#define WORKER_ON_DEMAND	'd'

/* One of the things that a worker does, again and again. */
typedef struct Task
{
	const char *doing;			/* as pg_stat_activity shows it */
	bool		(*run) (void);	/* in a transaction; true when there is more to do */
	void		(*committed) (void);	/* after that; may be NULL */
	int64		(*every) (void);	/* ms from one time to the next, when there was no more to do */
	int			share;			/* it pauses for so many times as long as it took, at least */

	/* For worker.c alone */
	TimestampTz next;			/* not before */
	int			failures;		/* in a row */
	char	   *failure;		/* what the last one said; NULL: there was none */
} Task;

/* settings.c */
extern int	booking_worker_tick;
extern int	booking_archive_after;
extern int	booking_archive_every;
extern void booking_worker_settings_init(void);
extern List *booking_worker_databases(void);
extern bool booking_worker_is_listed(const char *database);

/* launcher.c */
extern void booking_launcher_init(void);
extern bool booking_has_launcher(void);
extern bool booking_worker_register(Oid database, char by, BackgroundWorkerHandle **handle);
extern PGDLLEXPORT void booking_launcher_main(Datum arg);

/* worker.c */
extern PGDLLEXPORT void booking_worker_main(Datum arg);
extern void booking_worker_handle_signals(void);
extern bool booking_worker_stopping(void);

/* tasks.c */
extern Task booking_tasks[];
extern const int booking_ntasks;

#endif							/* BOOKING_WORKER_H */
