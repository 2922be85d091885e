/*-------------------------------------------------------------------------
 *
 * guard_ddl.h
 *		What DDL on guarded tables needs.
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_GUARD_DDL_H
#define BOOKING_GUARD_DDL_H

extern void booking_bind_guard(Oid trigger, bool trusted);
extern void booking_mark_validated(Oid trigger);
extern Oid	booking_bound_index(Oid trigger);

#endif							/* BOOKING_GUARD_DDL_H */
