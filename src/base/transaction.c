/*-------------------------------------------------------------------------
 *
 * transaction.c
 *		What does this backend remember of the transaction in progress, and what of it
 *		goes with a subtransaction that is rolled back?
 *
 * All of it stands in one place, and is undone by one pair of callbacks:
 *
 *	counts		locks that are kept to the end of the transaction, by kind (locks.c); a
 *				subtransaction that is rolled back gives its own back
 *	accounts	what a statement has taken of the places of slots, and what its rows take
 *				(places.c); settled at its end
 *	freed		space that a statement has freed, offered at its end (waitlist.c)
 *	deferred	space that is freed on the way to something else, and offered after that
 *	gates		that are entered, which gates.c keeps by itself (TransactionPart)
 *	notify		notifications to be sent at the commit, which notify.c keeps
 *	pools		what has been taken of large pools, which pool_own.c keeps
 *	homes		that it has been in a place of booking_cluster, which home.c keeps
 *
 * Counts are saved when a subtransaction begins, and restored if it is rolled back.  Notes
 * are made in order, and carry the subtransaction that they go with.
 *
 * That an offer is being made (waitlist.c) is known here as well, for those below it to ask.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/hashfn.h"
#include "utils/memutils.h"

#include "base/transaction.h"

/* So many notes are searched one by one. */
#define FEW_NOTES	16

/* Room for so many is kept for the next transaction. */
#define MANY_NOTES	1024

/* The locks that there were when a subtransaction began. */
typedef struct Mark
{
	SubTransactionId subxact;
	Counts		counts;
} Mark;

typedef struct NoteKey
{
	int64		key;
	CommandId	command;
} NoteKey;

typedef struct NoteIndexEntry
{
	NoteKey		key;
	int			position;
	char		status;
} NoteIndexEntry;

#define SH_PREFIX noteindex
#define SH_ELEMENT_TYPE NoteIndexEntry
#define SH_KEY_TYPE NoteKey
#define SH_KEY key
#define SH_HASH_KEY(tb, k) \
	hash_combine(murmurhash32((uint32) (k).key ^ (uint32) ((k).key >> 32)), murmurhash32((k).command))
#define SH_EQUAL(tb, a, b) ((a).key == (b).key && (a).command == (b).command)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

Transaction booking_transaction = {
	.accounts = {.width = sizeof(Account)},
	.freed = {.width = sizeof(FreedSpace)},
	.deferred = {.width = sizeof(FreedSpace)},
};

#define PARTS	4
static const TransactionPart *parts[PARTS];

/* An offer is being made, by a caller that catches every error. */
static bool serving = false;

static Mark *marks = NULL;
static int	nmarks = 0;
static int	marks_size = 0;

static void index_note(Notes *notes, int i);
static void undo_notes(Notes *notes, SubTransactionId mine, SubTransactionId parent, bool abort);
static void check_accounts(void);
static void end_of_transaction(XactEvent event, void *arg);
static void end_of_subtransaction(SubXactEvent event, SubTransactionId mine,
								  SubTransactionId parent, void *arg);
static void save_counts(SubTransactionId mine);
static void restore_counts(SubTransactionId mine, bool abort);

void
booking_transaction_init(const TransactionPart *gates, const TransactionPart *notify, const TransactionPart *pools,
						 const TransactionPart *homes)
{
	parts[0] = gates;
	parts[1] = notify;
	parts[2] = pools;
	parts[3] = homes;
	RegisterXactCallback(end_of_transaction, NULL);
	RegisterSubXactCallback(end_of_subtransaction, NULL);
}

/* Are we making an offer?  Then what would have to wait says no instead. */
bool
booking_line_serving(void)
{
	return serving;
}

void
booking_set_line_serving(bool now)
{
	serving = now;
}

void *
booking_noted(const Notes *notes, int i)
{
	return notes->items + i * notes->width;
}

/*
 * The note of a statement about something; a new one is all zeros.  The pointer is good
 * until the next note is made.
 */
void *
booking_note(Notes *notes, int64 key, CommandId command, bool *found)
{
	NoteKey		wanted = {key, command};
	Note	   *note;

	*found = true;
	if (notes->index)
	{
		NoteIndexEntry *entry = noteindex_lookup(notes->index, wanted);

		if (entry)
			return booking_noted(notes, entry->position);
	}
	else
	{
		for (int i = notes->n - 1; i >= 0; i--)
		{
			note = booking_noted(notes, i);
			if (note->key == key && note->command == command)
				return note;
		}
	}

	*found = false;
	if (notes->n == notes->size)
	{
		int			size = Max(FEW_NOTES, 2 * notes->size);

		notes->items = notes->items == NULL ?
			MemoryContextAlloc(TopMemoryContext, size * notes->width) :
			repalloc_huge(notes->items, size * notes->width);
		notes->size = size;
	}
	note = booking_noted(notes, notes->n++);
	memset(note, 0, notes->width);
	note->key = key;
	note->command = command;
	note->subxact = GetCurrentSubTransactionId();

	if (notes->index)
		index_note(notes, notes->n - 1);
	else if (notes->n > FEW_NOTES)
	{
		notes->index = noteindex_create(TopMemoryContext, 4 * FEW_NOTES, NULL);
		for (int i = 0; i < notes->n; i++)
			index_note(notes, i);
	}
	return booking_noted(notes, notes->n - 1);
}

static void
index_note(Notes *notes, int i)
{
	const Note *note = booking_noted(notes, i);
	bool		found;

	noteindex_insert(notes->index, (NoteKey) {note->key, note->command}, &found)->position = i;
}

/* Where the notes of a statement, and of those inside it, begin. */
int
booking_notes_since(const Notes *notes, CommandId command)
{
	int			first = notes->n;

	while (first > 0 && ((Note *) booking_noted(notes, first - 1))->command >= command)
		first--;
	return first;
}

/* Keep the first n notes; the others are done with. */
void
booking_notes_keep(Notes *notes, int n)
{
	if (notes->index && n <= FEW_NOTES / 2)
	{
		noteindex_destroy(notes->index);
		notes->index = NULL;
		if (n > 0)
		{
			notes->index = noteindex_create(TopMemoryContext, 4 * FEW_NOTES, NULL);
			for (int i = 0; i < n; i++)
				index_note(notes, i);
		}
	}
	else if (notes->index)
	{
		for (int i = n; i < notes->n; i++)
		{
			const Note *note = booking_noted(notes, i);

			noteindex_delete(notes->index, (NoteKey) {note->key, note->command});
		}
	}
	notes->n = n;
}

/* Those of a subtransaction are the last ones. */
static void
undo_notes(Notes *notes, SubTransactionId mine, SubTransactionId parent, bool abort)
{
	int			first = notes->n;

	for (; first > 0; first--)
	{
		Note	   *note = booking_noted(notes, first - 1);

		if (note->subxact != mine)
			break;
		note->subxact = parent;
	}
	if (abort && first < notes->n)
		booking_notes_keep(notes, first);
}

static void
check_accounts(void)
{
	/* For instance because one of the triggers has been switched off. */
	for (int i = 0; i < booking_transaction.accounts.n; i++)
	{
		const Account *account = booking_noted(&booking_transaction.accounts, i);

		if (account->taken != account->stored)
			elog(ERROR, "the places of slot %lld have not been settled",
				 (long long) account->note.key);
	}
}

static void
end_of_transaction(XactEvent event, void *arg)
{
	Notes	   *const all[] = {&booking_transaction.accounts, &booking_transaction.freed,
		&booking_transaction.deferred};

	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			check_accounts();
			for (int i = 0; i < PARTS; i++)
				if (parts[i]->commit)
					parts[i]->commit();
			return;
		case XACT_EVENT_PRE_PREPARE:
			check_accounts();
			for (int i = 0; i < PARTS; i++)
				if (parts[i]->prepare)
					parts[i]->prepare();
			return;
		case XACT_EVENT_PARALLEL_PRE_COMMIT:
			return;
		default:
			break;
	}

	for (int i = 0; i < (int) lengthof(all); i++)
	{
		booking_notes_keep(all[i], 0);
		if (all[i]->size > MANY_NOTES)
		{
			pfree(all[i]->items);
			all[i]->items = NULL;
			all[i]->size = 0;
		}
	}
	for (int i = 0; i < PARTS; i++)
		parts[i]->forget();
	booking_transaction.counts = (Counts) {0};
	nmarks = 0;
}

static void
end_of_subtransaction(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	bool		abort = event == SUBXACT_EVENT_ABORT_SUB;

	if (event == SUBXACT_EVENT_START_SUB)
		save_counts(mine);
	if (event != SUBXACT_EVENT_COMMIT_SUB && !abort)
		return;
	restore_counts(mine, abort);
	undo_notes(&booking_transaction.accounts, mine, parent, abort);
	undo_notes(&booking_transaction.freed, mine, parent, abort);
	undo_notes(&booking_transaction.deferred, mine, parent, abort);
	for (int i = 0; i < PARTS; i++)
		if (parts[i]->undo)
			parts[i]->undo(mine, parent, abort);
}

static void
save_counts(SubTransactionId mine)
{
	if (nmarks == marks_size)
	{
		int			size = Max(8, 2 * marks_size);

		marks = marks == NULL ? MemoryContextAlloc(TopMemoryContext, size * sizeof(Mark)) :
			repalloc_huge(marks, size * sizeof(Mark));
		marks_size = size;
	}
	marks[nmarks++] = (Mark) {mine, booking_transaction.counts};
}

/* One that began before this library was loaded has left no mark; nothing was counted then. */
static void
restore_counts(SubTransactionId mine, bool abort)
{
	if (nmarks > 0 && marks[nmarks - 1].subxact == mine)
	{
		nmarks--;
		if (abort)
			booking_transaction.counts = marks[nmarks].counts;
	}
	else if (abort)
		booking_transaction.counts = (Counts) {0};
}
