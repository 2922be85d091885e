/*-------------------------------------------------------------------------
 *
 * guard_overlap.h
 *		entries of an index that overlap a range
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_GUARD_OVERLAP_H
#define BOOKING_GUARD_OVERLAP_H

#include "access/genam.h"
#include "access/relscan.h"
#include "access/skey.h"
#include "fmgr.h"

/* For as long as a scan is compared in our way. */
typedef struct GuardOverlap
{
	ScanKey		key;			/* of the scan; NULL: it is compared as usual */
	FmgrInfo	usual;			/* how the index's operator class compares */
	int64		from;			/* what is looked for */
	int64		to;
} GuardOverlap;

extern void booking_overlap_begin(GuardOverlap *overlap, IndexScanDesc scan, AttrNumber attno, Oid cmp_proc);
extern void booking_overlap_end(GuardOverlap *overlap);

#endif							/* BOOKING_GUARD_OVERLAP_H */
