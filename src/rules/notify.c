/*-------------------------------------------------------------------------
 *
 * notify.c
 *		Which notifications does a transaction send that has changed bookings?
 *
 * One for each resource that it has written events of, with the first and the last of them:
 *
 *		{"resource_id": 7, "first": 4711, "last": 4713}
 *
 * and one with null for a resource_id when there are too many.  A notification says where to
 * look, and is no event: what has happened stands in the journal, and a listener reads on there
 * from its cursor.
 *
 * That is so only with booking.notify = commit.  A transaction that notifies takes a lock on
 * the whole database at its commit, and keeps it for as long as that takes: commits come one
 * after the other.  With "worker" and "off" nothing happens here; the background worker reads
 * the journal, and sends the same for all transactions of a tick (src/worker/).
 *
 * What is to be sent is noted as events are written, each with the subtransaction that it goes
 * with, those of the innermost one last.  One that is rolled back takes its notes along; one
 * that is committed adds them to its parent's.  A transaction that is prepared for a two-phase
 * commit cannot notify, and sends nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/async.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "rules/notify.h"

/* Events of a resource that the transaction has written. */
typedef struct Told
{
	int64		resource_id;
	int64		first;
	int64		last;
	SubTransactionId subxact;	/* with which it goes */
} Told;

static const struct config_enum_entry modes[] = {
	{"off", NOTIFY_OFF, false},
	{"worker", NOTIFY_BY_WORKER, false},
	{"commit", NOTIFY_AT_COMMIT, false},
	{"false", NOTIFY_OFF, true},
	{"no", NOTIFY_OFF, true},
	{"0", NOTIFY_OFF, true},
	{NULL, 0, false}
};

/* booking.notify, booking.notify_channel */
static int	notify_mode = NOTIFY_BY_WORKER;
static char *notify_channel = NULL;

static Told *told = NULL;
static int	ntold = 0;

/*
 * There was no room for all of them; this is not undone, for it makes a notification only
 * less exact.
 */
static bool too_many = false;
static Told rest;

static bool check_channel(char **value, void **extra, GucSource source);
static void add_told(int64 resource_id, int64 first, int64 last, SubTransactionId subxact);
static void send_told(void);
static void undo_told(SubTransactionId mine, SubTransactionId parent, bool abort);
static void forget_told(void);

const TransactionPart booking_notify_part = {
	.commit = send_told,
	.prepare = forget_told,
	.undo = undo_told,
	.forget = forget_told
};

/*
 * Every role may set both (PGC_USERSET), for they give nothing that a role without any right
 * does not have: NOTIFY to any channel with any text, and the lock that commits then wait for.
 * A role that sets "off", or another channel, sends no notification of what it books itself; its
 * events are in the journal all the same, and a listener also reads there from time to time
 * without a notification (docs/events.md).  Notifications of other sessions, and those of the
 * worker, follow their own settings.
 */
void
booking_notify_init(void)
{
	DefineCustomEnumVariable("booking.notify",
							 "What sends a notification when bookings have changed.",
							 "worker: the background worker, once a tick; commit: every transaction, which makes commits wait for one another; off: nothing.",
							 &notify_mode, NOTIFY_BY_WORKER, modes, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("booking.notify_channel",
							   "The channel of notifications that bookings have changed.",
							   "1 to 63 printable ASCII characters.",
							   &notify_channel, "booking", PGC_USERSET, 0, check_channel, NULL, NULL);
}

/* Without characters whose encoding is not checked. */
static bool
check_channel(char **value, void **extra, GucSource source)
{
	size_t		length = *value ? strlen(*value) : 0;
	bool		printable = true;

	for (size_t i = 0; i < length; i++)
		printable &= (*value)[i] >= 0x20 && (*value)[i] < 0x7f;
	if (length > 0 && length < NAMEDATALEN && printable)
		return true;
	GUC_check_errdetail("It has 1 to %d printable ASCII characters.", NAMEDATALEN - 1);
	return false;
}

NotifyMode
booking_notify_mode(void)
{
	return (NotifyMode) notify_mode;
}

/* An event of a resource has been written: to be sent at the commit. */
void
booking_notify_of(int64 resource_id, int64 seq)
{
	add_told(resource_id, seq, seq, GetCurrentSubTransactionId());
}

static void
add_told(int64 resource_id, int64 first, int64 last, SubTransactionId subxact)
{
	Told	   *note = NULL;

	for (int i = ntold - 1; i >= 0 && told[i].subxact == subxact && note == NULL; i--)
		if (told[i].resource_id == resource_id)
			note = &told[i];
	if (note == NULL && ntold < MOST_NOTIFICATIONS)
	{
		if (told == NULL)
			told = MemoryContextAlloc(TopMemoryContext, MOST_NOTIFICATIONS * sizeof(Told));
		told[ntold++] = (Told) {resource_id, first, last, subxact};
		return;
	}
	if (note == NULL)
	{
		note = &rest;
		if (!too_many)
			rest = (Told) {0, first, last, subxact};
		too_many = true;
	}
	note->first = Min(note->first, first);
	note->last = Max(note->last, last);
}

/* With the transaction in progress; a resource_id of NULL: any. */
void
booking_notify_send(const int64 *resource_id, int64 first, int64 last)
{
	char		id[32] = "null";
	char		payload[128];

	if (resource_id)
		snprintf(id, sizeof(id), "%lld", (long long) *resource_id);
	snprintf(payload, sizeof(payload), "{\"resource_id\": %s, \"first\": %lld, \"last\": %lld}",
			 id, (long long) first, (long long) last);
	Async_Notify(notify_channel, payload);
}

/* Right before the commit. */
static void
send_told(void)
{
	for (int i = 0; i < ntold; i++)
		booking_notify_send(&told[i].resource_id, told[i].first, told[i].last);
	if (too_many)
		booking_notify_send(NULL, rest.first, rest.last);
}

static void
undo_told(SubTransactionId mine, SubTransactionId parent, bool abort)
{
	int			end = ntold;

	while (ntold > 0 && told[ntold - 1].subxact == mine)
		ntold--;
	for (int i = ntold; i < end && !abort; i++)
	{
		Told		note = told[i];

		add_told(note.resource_id, note.first, note.last, parent);
	}
}

static void
forget_told(void)
{
	ntold = 0;
	too_many = false;
}
