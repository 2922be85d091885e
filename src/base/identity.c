/*-------------------------------------------------------------------------
 *
 * identity.c
 *		Running what another role has written as that role.
 *
 * Index expressions, predicates, capacity queries and the arguments of a guard's trigger
 * are written by the table's owner, and may call functions of any role.  The role that has them
 * evaluated may have more rights than the owner: a superuser that calls verify(), or that
 * only inserts a row.  Folding constants evaluates, too.  So all of that happens between
 * booking_become() and booking_be_again(), under the same conditions as autovacuum and
 * REINDEX evaluate index expressions:
 *
 *	- the current user is the owner;
 *	- in a security-restricted operation: no SET ROLE, no deferred trigger, no temporary
 *	  table, no cursor that outlives it could carry code out of it;
 *	- settings that the code changes are gone when it ends;
 *	- search_path is pg_catalog, pg_temp, so that names in the owner's code do not resolve to
 *	  objects of the caller.
 *
 * The owner reads its own table whole, whatever its row-level security says (FORCE ROW LEVEL
 * SECURITY included): a rule that did not see all rows would not be one.
 *
 * After an error, the end of the (sub)transaction restores everything.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/syscache.h"

#include "base/identity.h"

static bool is_foreign_function(Oid function, void *ours);
static bool has_foreign_code(Node *node, void *ours);

void
booking_become(Oid role, Identity *before)
{
	GetUserIdAndSecContext(&before->user, &before->context);
	SetUserIdAndSecContext(role, before->context | SECURITY_RESTRICTED_OPERATION | SECURITY_NOFORCE_RLS);
	before->nest_level = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

void
booking_be_again(const Identity *before)
{
	AtEOXact_GUC(false, before->nest_level);
	SetUserIdAndSecContext(before->user, before->context);
}

/* Does the caller itself see all rows of the table, of which the owner reads something for it? */
bool
booking_sees_all_rows(Oid relid)
{
	return pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) == ACLCHECK_OK &&
		check_enable_rls(relid, InvalidOid, true) != RLS_ENABLED;
}

Oid
booking_relation_owner(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", relid);
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/*
 * May the evaluation of the expression run code that did not come with PostgreSQL?  Where it
 * cannot, a change of identity can be saved.  What is not known here may.
 */
bool
booking_foreign_code(Node *expression)
{
	return has_foreign_code(expression, NULL);
}

/* The same, if our own functions are no reason to worry. */
bool
booking_code_of_others(Node *expression)
{
	Oid			ours = get_namespace_oid("booking", false);

	return has_foreign_code(expression, &ours);
}

static bool
is_foreign_function(Oid function, void *ours)
{
	return function >= FirstNormalObjectId &&
		(ours == NULL || get_func_namespace(function) != *(Oid *) ours);
}

static bool
has_foreign_code(Node *node, void *ours)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_List:
		case T_Var:
		case T_Const:
		case T_FuncExpr:
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
		case T_ScalarArrayOpExpr:
		case T_BoolExpr:
		case T_RelabelType:
		case T_NullTest:
		case T_BooleanTest:
		case T_CoalesceExpr:
			break;
		default:
			return true;
	}
	return check_functions_in_node(node, is_foreign_function, ours) ||
		expression_tree_walker(node, has_foreign_code, ours);
}
