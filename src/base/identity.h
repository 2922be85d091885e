/*-------------------------------------------------------------------------
 *
 * identity.h
 *		running what another role has written as that role
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_IDENTITY_H
#define BOOKING_IDENTITY_H

#include "nodes/nodes.h"

/* What there was before a change of identity. */
typedef struct Identity
{
	Oid			user;
	int			context;
	int			nest_level;
} Identity;

extern void booking_become(Oid role, Identity *before);
extern void booking_be_again(const Identity *before);
extern bool booking_sees_all_rows(Oid relid);
extern Oid	booking_relation_owner(Oid relid);
extern bool booking_foreign_code(Node *expression);
extern bool booking_code_of_others(Node *expression);

#endif							/* BOOKING_IDENTITY_H */
