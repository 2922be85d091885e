/*-------------------------------------------------------------------------
 *
 * visible.c
 *		May the caller know of a resource?
 *
 * What a rule needs to know of a resource is read as the owner of the tables, whatever the caller
 * may see.  Where row-level security hides resources from it, those of other tenants, that
 * would tell what is booked on them: "taken in that period" before "you may not".  So each
 * function that is given a resource or a slot asks here, and so does each row that comes from
 * plain SQL.  What is hidden does not exist.
 *
 * Without row-level security on booking.resource, which is the rule, this costs one look into a
 * cache.  The extension's own work, as the owner of the tables, sees everything.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/rls.h"

#include "base/cache.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/plans.h"
#include "engine/slots.h"
#include "engine/visible.h"

static bool sees_resource(int64 resource_id);

/* Lock a resource, by its name or, with NULL, by its id, that the caller may know of. */
const Resource *
booking_use_visible(const char *name, int64 resource_id)
{
	const Resource *resource = name ? booking_use_resource_named(name) : booking_use_resource(resource_id);

	if (name)
		booking_must_see_named(resource->id, name);
	else
		booking_must_see(resource->id);
	return resource;
}

static bool
sees_resource(int64 resource_id)
{
	Oid			table = booking_table("resource");
	Datum		value = Int64GetDatum(resource_id);
	bool		seen;

	/* A role without SELECT has no policy to obey: it may write bookings and read nothing. */
	if (check_enable_rls(table, InvalidOid, true) != RLS_ENABLED ||
		pg_class_aclcheck(table, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		return true;
	SPI_connect();
	seen = booking_run(STMT_SEE_RESOURCE, &value, NULL) > 0;
	SPI_finish();
	return seen;
}

void
booking_must_see(int64 resource_id)
{
	if (!sees_resource(resource_id))
		booking_no_such_resource(resource_id);
}

void
booking_must_see_named(int64 resource_id, const char *name)
{
	if (!sees_resource(resource_id))
		booking_no_such_resource_named(name);
}

void
booking_must_see_slot(int64 resource_id, int64 slot_id)
{
	if (!sees_resource(resource_id))
		booking_no_such_slot_id(slot_id);
}
