/*-------------------------------------------------------------------------
 *
 * owner.c
 *		What runs as the owner of the tables: with whose search_path?
 *
 * Not with the caller's.  Our own statements look nothing up on it, but the triggers of an
 * application run inside those that write, and they are often written with short names.
 * With the owner's rights and the caller's search_path, such a name would be whatever the
 * caller has put there.
 *
 * What reads has pg_catalog alone.  What writes has the search_path that the owner has after
 * logging in, if it has been set by ALTER ROLE or ALTER DATABASE, or else PostgreSQL's default;
 * so that short names mean what they mean to the owner.  Temporary tables, which are the
 * caller's, come last.
 *
 * An error needs no care: the end of the (sub)transaction puts everything back.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_db_role_setting.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "base/owner.h"

#define CATALOG_PATH	"pg_catalog, pg_temp"
#define DEFAULT_PATH	"\"$user\", public"
#define SETTING			"search_path="

/* As for any session, what is set later counts from the next one on. */
static Oid	path_owner = InvalidOid;
static char *path_of_owner = NULL;

static const char *owners_path(Oid owner);
static char *path_set_for(Relation settings, Oid database, Oid role);

void
booking_become_owner(Oid owner, bool writes, Caller *caller)
{
	const char *path = writes ? owners_path(owner) : CATALOG_PATH;

	GetUserIdAndSecContext(&caller->user, &caller->context);
	SetUserIdAndSecContext(owner, caller->context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
	caller->nest_level = NewGUCNestLevel();
	(void) set_config_option("search_path", path, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

void
booking_become_caller(const Caller *caller)
{
	AtEOXact_GUC(true, caller->nest_level);
	SetUserIdAndSecContext(caller->user, caller->context);
}

static const char *
owners_path(Oid owner)
{
	if (path_owner != owner || path_of_owner == NULL)
	{
		/* In the order in which PostgreSQL prefers them. */
		const Oid	of[][2] = {{MyDatabaseId, owner}, {InvalidOid, owner}, {MyDatabaseId, InvalidOid}, {InvalidOid, InvalidOid}};
		Relation	settings = table_open(DbRoleSettingRelationId, AccessShareLock);
		char	   *path = NULL;

		for (int i = 0; i < (int) lengthof(of) && path == NULL; i++)
			path = path_set_for(settings, of[i][0], of[i][1]);
		table_close(settings, AccessShareLock);

		path = psprintf("%s, pg_temp", path == NULL || *path == '\0' ? DEFAULT_PATH : path);
		if (path_of_owner)
			pfree(path_of_owner);
		path_of_owner = MemoryContextStrdup(TopMemoryContext, path);
		path_owner = owner;
	}
	return path_of_owner;
}

/* By ALTER ROLE or ALTER DATABASE; NULL if by neither. */
static char *
path_set_for(Relation settings, Oid database, Oid role)
{
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	char	   *path = NULL;

	ScanKeyInit(&keys[0], Anum_pg_db_role_setting_setdatabase, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(database));
	ScanKeyInit(&keys[1], Anum_pg_db_role_setting_setrole, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(role));
	scan = systable_beginscan(settings, DbRoleSettingDatidRolidIndexId, true, NULL, 2, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull;
		Datum		config = heap_getattr(tuple, Anum_pg_db_role_setting_setconfig,
										  RelationGetDescr(settings), &isnull);
		Datum	   *elements;
		int			n = 0;

		if (!isnull)
			deconstruct_array(DatumGetArrayTypeP(config), TEXTOID, -1, false, TYPALIGN_INT,
							  &elements, NULL, &n);
		for (int i = 0; i < n; i++)
		{
			char	   *element = TextDatumGetCString(elements[i]);

			if (strncmp(element, SETTING, strlen(SETTING)) == 0)
				path = element + strlen(SETTING);
		}
	}
	systable_endscan(scan);
	return path;
}
