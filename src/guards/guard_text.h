/*-------------------------------------------------------------------------
 *
 * guard_text.h
 *		Rules, and their parts, in SQL.
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_GUARD_TEXT_H
#define BOOKING_GUARD_TEXT_H

#include "lib/stringinfo.h"
#include "utils/relcache.h"

#include "guards/guard_definition.h"

/* The name of a rule's BEFORE trigger: sorts behind almost everything. */
#define BEFORE_TRIGGER_PREFIX "zzzz_"

extern char *booking_expression_text(Oid relid, Node *expression, const char *prefix);
extern char *booking_predicate_text(Oid relid, const Definition *definition, const char *prefix);
extern char *booking_equality(Oid type);
extern char *booking_source_text(Relation rel);
extern void booking_in_force(StringInfo sql, Oid relid, const Definition *definition, const char *prefix);
extern void booking_in_force_but_empty(StringInfo sql, Oid relid, const Definition *definition, const char *prefix);
extern char *booking_index_text(Oid relid, const Definition *definition);
extern char *booking_index_columns_text(Oid relid, const Definition *definition, bool constraint);
extern char *booking_where_text(Oid relid, const Definition *definition);
extern char *booking_when_text(Oid relid, const Definition *definition);
extern char *booking_part_name(const char *name, const char *suffix);
extern void booking_ddl(const char *format,...) pg_attribute_printf(1, 2);

#endif							/* BOOKING_GUARD_TEXT_H */
