--
-- What every object of the extension must have.  Each query lists offenders: none.
--

-- A comment: functions, tables, trigger functions, views, the schema.
SELECT pg_describe_object(classid, objid, 0) AS uncommented
FROM pg_depend
WHERE refclassid = 'pg_extension'::regclass AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'booking')
	AND deptype = 'e' AND classid IN ('pg_proc'::regclass, 'pg_class'::regclass, 'pg_namespace'::regclass, 'pg_opclass'::regclass)
	AND NOT (classid = 'pg_class'::regclass AND (SELECT relkind IN ('S', 'i') FROM pg_class WHERE oid = objid))
	AND obj_description(objid, classid::regclass::name) IS NULL
ORDER BY 1;

-- Everything lives in the schema booking.
SELECT p.oid::regprocedure AS elsewhere
FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid AND d.classid = 'pg_proc'::regclass
WHERE refclassid = 'pg_extension'::regclass AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'booking')
	AND p.pronamespace <> 'booking'::regnamespace;

-- Operator classes do what the types' own do, but for one function.
SELECT ours.opcname, amvalidate(ours.oid),
	(SELECT count(*) FROM pg_amop AS a WHERE a.amopfamily = theirs.opcfamily AND a.amoppurpose = 's'
		AND NOT EXISTS (SELECT FROM pg_amop AS o WHERE o.amopfamily = ours.opcfamily AND o.amopstrategy = a.amopstrategy AND o.amopopr = a.amopopr)) AS missing_operators,
	(SELECT string_agg(p.amprocnum || ' ' || p.amproc, ', ') FROM pg_amproc AS p WHERE p.amprocfamily = theirs.opcfamily AND p.amproclefttype = theirs.opcintype
		AND NOT EXISTS (SELECT FROM pg_amproc AS o WHERE o.amprocfamily = ours.opcfamily AND o.amprocnum = p.amprocnum AND o.amproc = p.amproc)) AS other_functions,
	ours.opckeytype = theirs.opckeytype AS same_storage
FROM pg_opclass AS ours JOIN pg_opclass AS theirs ON theirs.opcmethod = ours.opcmethod AND theirs.opcintype = ours.opcintype AND theirs.opcdefault
WHERE ours.opcname LIKE 'booking%' ORDER BY 1;

-- Functions in SQL and PL/pgSQL fix their search_path.
SELECT p.oid::regprocedure AS loose
FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
WHERE p.pronamespace = 'booking'::regnamespace AND l.lanname IN ('sql', 'plpgsql')
	AND NOT coalesce(p.proconfig, '{}') @> ARRAY['search_path=pg_catalog, pg_temp']
ORDER BY 1;

-- No function is SECURITY DEFINER: only the C code changes the role.
SELECT p.oid::regprocedure AS definer FROM pg_proc p
WHERE p.pronamespace = 'booking'::regnamespace AND p.prosecdef ORDER BY 1;

-- PUBLIC may do nothing, but for what the defaults, constraints and triggers of tables call.
SELECT p.oid::regprocedure::text AS open_to_all
FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
WHERE p.pronamespace = 'booking'::regnamespace AND a.grantee = 0
UNION ALL
SELECT c.oid::regclass::text
FROM pg_class c, aclexplode(c.relacl) AS a
WHERE c.relnamespace = 'booking'::regnamespace AND a.grantee = 0
ORDER BY 1;

-- Every table and every identity sequence is registered for pg_dump, unless its comment says that it is derived.
SELECT c.oid::regclass AS not_dumped
FROM pg_class c
WHERE c.relnamespace = 'booking'::regnamespace AND c.relkind IN ('r', 'S')
	AND NOT coalesce(obj_description(c.oid, 'pg_class') LIKE '%(derived)%', false)
	AND NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'booking' AND c.oid = ANY (extconfig))
ORDER BY 1;

-- Constraints and indexes carry the name of their table, no generated ones; a primary key everywhere.
SELECT conrelid::regclass, conname FROM pg_constraint
WHERE connamespace = 'booking'::regnamespace AND contype <> 'n'
	AND conname NOT LIKE (SELECT relname FROM pg_class WHERE oid = conrelid) || '\_%'
ORDER BY 1, 2;
SELECT c.oid::regclass AS keyless FROM pg_class c
WHERE c.relnamespace = 'booking'::regnamespace AND c.relkind = 'r' AND c.relname <> 'pool_use' -- a bag
	AND NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = c.oid AND contype = 'p')
ORDER BY 1;

-- Arguments have names.
SELECT p.oid::regprocedure AS nameless FROM pg_proc p
WHERE p.pronamespace = 'booking'::regnamespace AND p.pronargs > 0 AND p.provariadic <> '"any"'::regtype
	AND (p.proargnames IS NULL OR '' = ANY (p.proargnames[1:p.pronargs]))
ORDER BY 1;

-- The guard runs after every other BEFORE trigger with a usual name.
SELECT tgrelid::regclass, tgname FROM pg_trigger
WHERE tgrelid = 'booking.booking'::regclass AND tgtype & 2 <> 0 AND tgtype & 1 <> 0 AND NOT tgisinternal
ORDER BY tgname DESC LIMIT 1;

-- The C code knows these columns of booking.booking, by their names (row.c).
SELECT attnum, attname, atttypid::regtype FROM pg_attribute
WHERE attrelid = 'booking.booking'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum;
