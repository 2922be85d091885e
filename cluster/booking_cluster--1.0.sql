/*
 * booking_cluster--1.0.sql
 *
 *	Booking on many nodes: Citus finds the node, the node keeps the promise.
 *
 * Every node has the extension booking, as it is on one server, with rows of its own.  A
 * place (a venue, a tenant, or a single resource) lives whole on one of them: all that
 * happens in it happens there, under the locks and constraints that booking has.  Nothing of
 * that is distributed.  What is:
 *
 *	cluster_home	a row for each place, distributed by Citus.  A place lives where its row is.
 *	the functions	cluster_book_slot(place, ...) and its like, one for each function of booking
 *					that acts inside a place.  Citus sends a call to the node where the row of
 *					its first argument is, in the caller's transaction.
 *
 * A call that arrives at another node finds that the place is not resident there and fails: it
 * never looks at rows that are not the place's.
 *
 * The resources of a place are called by its name in front: place 'hotel', resource 'Room 1'
 * is booking.resource 'hotel/Room 1', and so are categories.  So two places on one node may
 * both have a 'Room 1', what is said of a category (a search, a limit, book_any) is said of
 * the place's own, and a place that moves meets nothing of its name.
 *
 * How to read this file: the tables; what a call does first; what it makes of its arguments;
 * the functions, which are generated from those of booking; over all places; setting up, and
 * which role may do what; moving a place; giving homes to places that have none.
 */

\echo Use "CREATE EXTENSION booking_cluster CASCADE" to load this file. \quit

SET LOCAL search_path = pg_catalog, pg_temp;


-- Tables --------------------------------------------------------------------------------

CREATE FUNCTION booking.cluster_group() RETURNS integer
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT g.groupid FROM pg_dist_local_group g
$$;
COMMENT ON FUNCTION booking.cluster_group() IS 'the number of this node';

/*
 * Citus copies a shard to another node row by row, into a table that has the constraints of
 * this one.  So a row that says where its place's data is cannot be copied to another node: the
 * rebalancer, or a session that moves a shard of homes, gets an error and nothing is moved.
 */
CREATE FUNCTION booking.cluster_may_be_here(node_group integer, moving boolean) RETURNS boolean
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT moving OR node_group = booking.cluster_group()
$$;
COMMENT ON FUNCTION booking.cluster_may_be_here(integer, boolean) IS 'a home is where the data of its place is, unless the place is packed';

CREATE TABLE booking.cluster_home (
	place			text NOT NULL
					CONSTRAINT cluster_home_pkey PRIMARY KEY
					CONSTRAINT cluster_home_place_check CHECK (octet_length(place) BETWEEN 1 AND 255 AND strpos(place, '/') = 0),
	node_group		integer NOT NULL,
	moving			boolean NOT NULL DEFAULT false,
	since			timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT cluster_home_is_here CHECK (booking.cluster_may_be_here(node_group, moving))
);
COMMENT ON TABLE booking.cluster_home IS 'the places; distributed: a place lives on the node where its row is';
COMMENT ON COLUMN booking.cluster_home.node_group IS 'the node that has the rows of the place';
COMMENT ON COLUMN booking.cluster_home.moving IS 'the rows are packed, in cluster_luggage';
COMMENT ON CONSTRAINT cluster_home_is_here ON booking.cluster_home IS 'a place and its home are not separated: move it with booking.cluster_move_place()';

/*
 * What a place has, while it moves.  Colocated with the homes, it goes where its home goes.
 * Without a primary key, Citus refuses to move it (and the homes with it) unless told how:
 * so a rebalancing that moves everything that can be moved leaves the homes alone.
 */
CREATE TABLE booking.cluster_luggage (
	place			text NOT NULL,
	target			text NOT NULL,
	items			jsonb NOT NULL
);
COMMENT ON TABLE booking.cluster_luggage IS 'the rows of places that are moving; distributed with cluster_home';
COMMENT ON COLUMN booking.cluster_luggage.target IS 'the table that they belong to';

/* A table of each node by itself. */
CREATE TABLE booking.cluster_resident (
	place			text NOT NULL
					CONSTRAINT cluster_resident_pkey PRIMARY KEY
);
COMMENT ON TABLE booking.cluster_resident IS 'the places whose rows are on this node';
SELECT pg_extension_config_dump('booking.cluster_resident', '');


-- What a call does first ------------------------------------------------------------------

/*
 * Writers of a place and its move exclude each other by a HOME lock, which is booking's own:
 * pg_advisory_lock() cannot take it.
 */
CREATE FUNCTION booking.cluster_lock(place text) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'booking_cluster_lock';
COMMENT ON FUNCTION booking.cluster_lock(text) IS 'no place of this name leaves this node, until the transaction ends';

CREATE FUNCTION booking.cluster_lock_alone(place text) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'booking_cluster_lock_alone';
COMMENT ON FUNCTION booking.cluster_lock_alone(text) IS 'no other transaction writes in a place of this name on this node, until this one ends';

/* Is the shard with a place's home on this node? */
CREATE FUNCTION booking.cluster_is_home(place text) RETURNS boolean
	LANGUAGE sql STABLE PARALLEL RESTRICTED
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT EXISTS (SELECT FROM pg_dist_placement p
		WHERE p.shardid = get_shard_id_for_distribution_column('booking.cluster_home', place) AND p.groupid = booking.cluster_group())
$$;
COMMENT ON FUNCTION booking.cluster_is_home(text) IS 'a place of this name lives on this node, if there is one';

/* Why a place is not here. */
CREATE FUNCTION booking.cluster_not_here(place text) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	home record;
BEGIN
	IF place IS NULL THEN
		RAISE null_value_not_allowed USING MESSAGE = 'place must not be null';
	ELSIF NOT booking.cluster_is_home(place) THEN
		RAISE object_not_in_prerequisite_state USING
			MESSAGE = format('place "%s" does not live on this node', place),
			DETAIL = 'Citus has not sent the call to the node of its place, or the place has just moved away.',
			HINT = 'Call it as SELECT * FROM booking.cluster_...(), with a constant or a parameter as the place; repeat it if the place has just moved.';
	END IF;
	SELECT h.moving INTO home FROM booking.cluster_home h WHERE h.place = cluster_not_here.place;
	IF home.moving THEN
		RAISE serialization_failure USING
			MESSAGE = format('place "%s" is moving to another node', place),
			HINT = 'Repeat the transaction.';
	ELSIF FOUND THEN
		RAISE serialization_failure USING
			MESSAGE = format('place "%s" has just moved', place),
			HINT = 'Repeat the transaction.';
	END IF;
	RAISE undefined_object USING
		MESSAGE = format('place "%s" does not exist', place),
		HINT = 'The places are in booking.cluster_home; cluster_create_resource() adds one.';
END
$$;
COMMENT ON FUNCTION booking.cluster_not_here(text) IS 'raises the error that says why a place is not on this node';

CREATE FUNCTION booking.cluster_look(place text) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
	SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM FROM booking.cluster_resident r WHERE r.place = cluster_look.place;
	IF NOT FOUND THEN
		PERFORM booking.cluster_not_here(place);
	END IF;
END
$$;
COMMENT ON FUNCTION booking.cluster_look(text) IS 'the place is on this node';

/* The lock first: what is then seen of the residents stays so until we commit. */
CREATE FUNCTION booking.cluster_enter(place text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM booking.cluster_lock(place);
	PERFORM FROM booking.cluster_resident r WHERE r.place = cluster_enter.place;
	IF NOT FOUND THEN
		PERFORM booking.cluster_not_here(place);
	END IF;
END
$$;
COMMENT ON FUNCTION booking.cluster_enter(text) IS 'the place is on this node, and stays here until the transaction ends';

/* The same for a place that there need not be yet. */
CREATE FUNCTION booking.cluster_open(place text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	here integer := booking.cluster_group();
BEGIN
	IF octet_length(cluster_open.place) NOT BETWEEN 1 AND 255 OR strpos(cluster_open.place, '/') > 0 THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('"%s" cannot be the name of a place', cluster_open.place),
			DETAIL = 'It has between 1 and 255 bytes, and no "/", which stands between a place and its resources.';
	END IF;
	PERFORM booking.cluster_lock(cluster_open.place);
	PERFORM FROM booking.cluster_resident r WHERE r.place = cluster_open.place;
	IF FOUND THEN
		IF current_setting('transaction_isolation') = 'read committed' THEN
			RETURN;
		END IF;
		-- An old snapshot sees a place that has left.  A unique index does not.
		INSERT INTO booking.cluster_resident (place) VALUES (cluster_open.place) ON CONFLICT DO NOTHING;
		IF NOT FOUND THEN
			RETURN;
		END IF;
		RAISE serialization_failure USING
			MESSAGE = format('place "%s" has just moved', cluster_open.place),
			HINT = 'Repeat the transaction.';
	ELSIF cluster_open.place IS NULL OR NOT booking.cluster_is_home(cluster_open.place) THEN
		PERFORM booking.cluster_not_here(cluster_open.place);
	END IF;
	INSERT INTO booking.cluster_home (place, node_group) VALUES (cluster_open.place, here)
	ON CONFLICT (place) DO NOTHING;
	PERFORM FROM booking.cluster_home h WHERE h.place = cluster_open.place AND NOT h.moving;
	IF NOT FOUND THEN
		PERFORM booking.cluster_not_here(cluster_open.place);
	END IF;
	INSERT INTO booking.cluster_resident (place) VALUES (cluster_open.place)
	ON CONFLICT DO NOTHING;
END
$$;
COMMENT ON FUNCTION booking.cluster_open(text) IS 'the place is on this node, if need be from now on';


-- What it makes of its arguments ------------------------------------------------------------

CREATE FUNCTION booking.cluster_place_of(name text) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT split_part(name, '/', 1)
$$;
COMMENT ON FUNCTION booking.cluster_place_of(text) IS 'the place of a resource or category, from its name on the node';

/* The place itself, if it is one resource, and what is written in full, stay what they are. */
CREATE FUNCTION booking.cluster_inside(place text, name text) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN name = place OR starts_with(name, place || '/') THEN name ELSE place || '/' || name END
$$;
COMMENT ON FUNCTION booking.cluster_inside(text, text) IS 'the name that a resource or category of a place has on its node';

CREATE FUNCTION booking.cluster_inside(place text, names text[]) RETURNS text[]
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN names IS NOT NULL THEN
		ARRAY(SELECT booking.cluster_inside(place, n.name) FROM unnest(names) WITH ORDINALITY AS n (name, i) ORDER BY n.i) END
$$;
COMMENT ON FUNCTION booking.cluster_inside(text, text[]) IS 'the same for several';

/*
 * Requests of book_all() and moves of move_all(): names become those on the node, and ids are
 * of this place.  What is no list of objects, or no id, booking refuses.
 */
CREATE FUNCTION booking.cluster_inside(place text, requests jsonb, moves boolean) RETURNS jsonb
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN jsonb_typeof(requests) = 'array' THEN
		(SELECT coalesce(jsonb_agg(
			CASE WHEN jsonb_typeof(r.request) <> 'object' THEN r.request
				ELSE r.request || coalesce(
					(SELECT jsonb_object_agg(i.key, CASE i.what
						WHEN 'name' THEN to_jsonb(booking.cluster_inside(place, i.value))
						WHEN 'booking' THEN to_jsonb(booking.cluster_mine(place, i.what, i.value))
						ELSE to_jsonb(booking.cluster_mine(place, i.what, split_part(i.value, '.', 1))::bigint) END)
					FROM (SELECT e.key, e.value #>> '{}' AS value,
							CASE
								WHEN e.key = 'resource' AND jsonb_typeof(e.value) = 'string' THEN 'name'
								WHEN e.key IN ('resource', 'slot_id') AND e.value #>> '{}' ~ '^[0-9]{1,18}([.]0+)?$' THEN replace(e.key, '_id', '')
								WHEN e.key = 'id' AND moves AND translate(lower(e.value #>> '{}'), '{}-', '') ~ '^[0-9a-f]{32}$' THEN 'booking'
							END AS what
						FROM jsonb_each(r.request) AS e) AS i
					WHERE i.what IS NOT NULL), '{}')
			END ORDER BY r.i), '[]')
		FROM jsonb_array_elements(requests) WITH ORDINALITY AS r (request, i))
		ELSE requests END
$$;
COMMENT ON FUNCTION booking.cluster_inside(text, jsonb, boolean) IS 'the same for a list of requests or moves';

/*
 * An id is as good as the place that is named with it: what belongs to another place is not
 * touched, wherever that lives.  What does not exist, booking says.
 */
CREATE FUNCTION booking.cluster_mine(place text, what text, id text) RETURNS text
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	owner text;
BEGIN
	CASE what
		WHEN 'resource' THEN
			IF id IS NULL THEN
				RAISE null_value_not_allowed USING MESSAGE = 'resource must not be null';
			END IF;
			SELECT r.name INTO owner FROM booking.resource r WHERE r.id = cluster_mine.id::bigint;
		WHEN 'slot' THEN
			SELECT r.name INTO owner FROM booking.slot s JOIN booking.resource r ON r.id = s.resource_id
			WHERE s.id = cluster_mine.id::bigint;
		WHEN 'booking' THEN
			SELECT r.name INTO owner FROM booking.booking b JOIN booking.resource r ON r.id = b.resource_id
			WHERE b.id = cluster_mine.id::uuid;
		WHEN 'group' THEN
			SELECT r.name INTO owner FROM booking.booking b JOIN booking.resource r ON r.id = b.resource_id
			WHERE b.group_id = cluster_mine.id::uuid LIMIT 1;
		ELSE
			SELECT r.name INTO owner FROM booking.waitlist w JOIN booking.resource r ON r.id = w.resource_id
			WHERE w.id = cluster_mine.id::bigint;
	END CASE;
	IF booking.cluster_place_of(owner) <> place THEN
		RAISE undefined_object USING
			MESSAGE = format('%s %s does not exist in place "%s"', what, id, place),
			HINT = 'Pass the place that it belongs to.';
	END IF;
	RETURN id;
END
$$;
COMMENT ON FUNCTION booking.cluster_mine(text, text, text) IS 'an id that does not belong to another place';

/* By bytes: to compare names would be to find those that a collation puts beside them. */
CREATE FUNCTION booking.cluster_names(place text) RETURNS text[]
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT ARRAY(SELECT r.name FROM booking.resource r
		WHERE r.name = place OR starts_with(r.name, place || '/') ORDER BY r.name)
$$;
COMMENT ON FUNCTION booking.cluster_names(text) IS 'the resources of a place, by the names that they have on the node';


-- The functions -----------------------------------------------------------------------------

/*
 * One for each function of booking that acts inside a place, with the place in front: found by
 * the names and types of its arguments, so that this script makes them of whatever booking
 * has when it runs.
 */
CREATE FUNCTION booking.cluster_argument(function text, name text, type regtype, n integer) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE
		WHEN function = 'create_resource' AND name = 'name' THEN format('booking.cluster_inside($1, coalesce($%s, $1))', n)
		WHEN name IN ('resource', 'category') AND type = 'text'::regtype THEN format('booking.cluster_inside($1, $%s)', n)
		WHEN name = 'resource' AND type = 'bigint'::regtype THEN format('booking.cluster_mine($1, ''resource'', $%s::text)::bigint', n)
		WHEN name = 'resources' AND type = 'text[]'::regtype THEN format('booking.cluster_inside($1, $%s)', n)
		WHEN name IN ('requests', 'moves') AND type = 'jsonb'::regtype THEN format('booking.cluster_inside($1, $%s, %L)', n, name = 'moves')
		WHEN name = 'slot_id' AND type = 'bigint'::regtype THEN format('booking.cluster_mine($1, ''slot'', $%s::text)::bigint', n)
		WHEN name = 'group_id' AND type = 'uuid'::regtype AND n = 2 THEN format('booking.cluster_mine($1, ''group'', $%s::text)::uuid', n)
		WHEN name IN ('id', 'a', 'b') AND type = 'uuid'::regtype AND (n = 2 OR name = 'b') THEN format('booking.cluster_mine($1, ''booking'', $%s::text)::uuid', n)
		WHEN name = 'id' AND type = 'bigint'::regtype AND function ~ 'waitlist' THEN format('booking.cluster_mine($1, ''waitlist entry'', $%s::text)::bigint', n)
	END
$$;
COMMENT ON FUNCTION booking.cluster_argument(text, text, regtype, integer) IS
	'what becomes of an argument of a function that acts inside a place; NULL: it is passed on as it is';

CREATE FUNCTION booking.cluster_functions()
	RETURNS TABLE (function regprocedure, name text, arguments text, types text, call text)
	LANGUAGE sql STABLE PARALLEL RESTRICTED
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT p.oid::regprocedure, 'cluster_' || p.proname,
		'place text, ' || CASE p.proname WHEN 'create_resource' THEN replace(pg_get_function_arguments(p.oid), 'name text,', 'name text DEFAULT NULL,')
			ELSE pg_get_function_arguments(p.oid) END,
		'text, ' || pg_get_function_identity_arguments(p.oid),
		format('booking.%I(%s)', p.proname, a.call)
	FROM pg_proc p
	JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
	JOIN pg_extension x ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = x.oid AND x.extname = 'booking'
	CROSS JOIN LATERAL (
		SELECT string_agg(coalesce(i.inside, '$' || i.n), ', ' ORDER BY i.n) AS call, bool_or(i.inside IS NOT NULL) AS is_inside
		FROM (SELECT t.n + 1 AS n, booking.cluster_argument(p.proname, p.proargnames[t.n], t.type::regtype, (t.n + 1)::integer) AS inside
			FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS t (type, n)) AS i) AS a
	WHERE p.prokind = 'f' AND a.is_inside
		AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
		-- What is no function for callers.
		AND p.proname NOT IN ('resource_id', 'check_resource', 'slot_periods', 'is_read', 'archive_batch', 'archive_events')
		AND p.proname !~ '^(guard|cluster)_'
$$;
COMMENT ON FUNCTION booking.cluster_functions() IS 'the functions of booking that act inside a place, and what calls them here';

/*
 * In this script, and in that of an update to a version of booking that has more: what it makes
 * there belongs to this extension.  What there is already stays as it is.
 */
CREATE FUNCTION booking.cluster_make_functions() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	f record;
	body text;
	looks boolean;
BEGIN
	FOR f IN SELECT c.*, p.provolatile, p.proretset, p.prorettype, pg_get_function_result(p.oid) AS result, p.proname,
			obj_description(p.oid, 'pg_proc') AS about
		FROM booking.cluster_functions() c JOIN pg_proc p ON p.oid = c.function
		WHERE NOT EXISTS (SELECT FROM pg_proc m WHERE m.pronamespace = p.pronamespace AND m.proname = c.name
			AND pg_get_function_identity_arguments(m.oid) = 'place ' || c.types)
	LOOP
		looks := f.provolatile <> 'v';
		-- A search inside a place that names nothing is one in all of it.
		IF f.proname ~ '^find_slots' THEN
			f.call := replace(f.call, 'booking.cluster_inside($1, $4)', 'CASE WHEN $4 IS NULL AND $5 IS NULL THEN booking.cluster_names($1) ELSE booking.cluster_inside($1, $4) END');
		END IF;
		body := format(E'BEGIN\n\tPERFORM booking.%s($1);\n\t%s;\nEND',
			CASE WHEN looks THEN 'cluster_look' WHEN f.proname = 'create_resource' THEN 'cluster_open' ELSE 'cluster_enter' END,
			CASE WHEN f.proretset THEN 'RETURN QUERY SELECT * FROM ' || f.call
				WHEN f.prorettype = 'void'::regtype THEN 'PERFORM ' || f.call
				ELSE 'RETURN ' || f.call END);
		-- Times in JSON are read on the node, which does not know the settings of the session that it comes from.
		EXECUTE format('CREATE FUNCTION booking.%I(%s) RETURNS %s LANGUAGE plpgsql %s PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp%s AS %L',
			f.name, f.arguments, f.result, CASE WHEN looks THEN 'STABLE' ELSE 'VOLATILE' END,
			CASE WHEN f.arguments ~ '\y(requests|moves) jsonb' THEN ' SET timezone = ''UTC'' SET datestyle = ''ISO, YMD''' END, body);
		EXECUTE format('COMMENT ON FUNCTION booking.%I(%s) IS %L', f.name, f.types, f.about || '; in a place, on its node');
		EXECUTE format('REVOKE EXECUTE ON FUNCTION booking.%I(%s) FROM PUBLIC', f.name, f.types);
	END LOOP;
END
$$;
COMMENT ON FUNCTION booking.cluster_make_functions() IS 'makes the functions of places, for those of booking that have none yet; in a script of this extension';

SELECT booking.cluster_make_functions();


/*
 * What is changed with plain SQL (hours, limits, rules of resources), and any other statement
 * for the node of a place: one statement, with the caller's rights.
 */
CREATE FUNCTION booking.cluster_run(place text, command text) RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	n bigint;
BEGIN
	PERFORM booking.cluster_enter(place);
	EXECUTE command;
	GET DIAGNOSTICS n = ROW_COUNT;
	RETURN n;
END
$$;
COMMENT ON FUNCTION booking.cluster_run(text, text) IS 'runs a statement on the node of a place, as the caller; how many rows it has changed';


-- Over all places -----------------------------------------------------------------------------

/* On a node: the rows of a query, in JSON that every session reads in the same way. */
CREATE FUNCTION booking.cluster_answer(query text) RETURNS text
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET datestyle = 'ISO, YMD' SET intervalstyle = 'postgres' SET timezone = 'UTC'
AS $$
DECLARE
	answer text;
BEGIN
	IF query IS NULL THEN
		RAISE null_value_not_allowed USING MESSAGE = 'query must not be null';
	END IF;
	EXECUTE format('SELECT coalesce(json_agg(q), ''[]'') FROM (%s) AS q', query) INTO answer;
	RETURN answer;
END
$$;
COMMENT ON FUNCTION booking.cluster_answer(text) IS 'cluster_ask() on one node';

/* Runs a query on each node and returns its rows; a node that does not answer is an error. */
CREATE FUNCTION booking.cluster_ask(query text)
	RETURNS TABLE (node_group integer, n bigint, item jsonb)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	answer record;
BEGIN
	FOR answer IN
		SELECT d.groupid, r.success, r.result
		FROM run_command_on_all_nodes(format('SELECT booking.cluster_answer(%L)', query)) r
		JOIN pg_dist_node d ON d.nodeid = r.nodeid
		ORDER BY d.groupid
	LOOP
		IF NOT answer.success AND starts_with(answer.result, 'ERROR:') THEN
			RAISE external_routine_exception USING
				MESSAGE = format('node %s has refused', answer.groupid),
				DETAIL = answer.result;
		ELSIF NOT answer.success THEN
			RAISE connection_failure USING
				MESSAGE = format('node %s has not answered', answer.groupid),
				DETAIL = answer.result;
		END IF;
		RETURN QUERY SELECT answer.groupid, e.n, e.item
		FROM jsonb_array_elements(answer.result::jsonb) WITH ORDINALITY AS e (item, n);
	END LOOP;
END
$$;
COMMENT ON FUNCTION booking.cluster_ask(text) IS 'the rows of a query on each node, each in its order';

/* Each node's first so many, merged by time. */
CREATE FUNCTION booking.cluster_find_slots_everywhere(
		within tstzrange, duration interval, category text DEFAULT NULL, quantity integer DEFAULT 1,
		step interval DEFAULT NULL, max_results integer DEFAULT 50)
	RETURNS TABLE (place text, resource_id bigint, resource text, period tstzrange, remaining integer)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET datestyle = 'ISO, YMD' SET intervalstyle = 'postgres'
AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	SELECT booking.cluster_place_of(f.resource), f.resource_id, f.resource, f.period, f.remaining
	FROM booking.cluster_ask(format('SELECT * FROM booking.find_slots(%L, %L, resources => ARRAY(SELECT r.name
			FROM booking.resource r JOIN booking.cluster_resident h ON h.place = booking.cluster_place_of(r.name) WHERE true%s ORDER BY r.name), quantity => %L, step => %L, max_results => %L)
			WHERE EXISTS (SELECT FROM booking.cluster_resident)',
		within, duration,
		CASE WHEN category IS NOT NULL THEN format(' AND r.category = booking.cluster_inside(booking.cluster_place_of(r.name), %L)', category) END,
		quantity, step, max_results)) a,
	jsonb_to_record(a.item) AS f (resource_id bigint, resource text, period tstzrange, remaining integer)
	ORDER BY lower(f.period), f.resource, f.period
	LIMIT greatest(max_results, 0);
END
$$;
COMMENT ON FUNCTION booking.cluster_find_slots_everywhere(tstzrange, interval, text, integer, interval, integer) IS
	'what is free in all places, by time; each node says what it has at a moment of its own';

/*
 * A cursor has the cursor of each node.  A node's events keep the order of the node; between nodes
 * they are merged by time.
 */
CREATE FUNCTION booking.cluster_read_events(after text DEFAULT NULL, max integer DEFAULT 1000)
	RETURNS TABLE (cursor text, node_group integer, seq bigint, at timestamptz, kind text, booking_id uuid, resource_id bigint,
		slot_id bigint, holder text, version integer, actor text, detail jsonb)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	cursors jsonb := '{}';
	e record;
BEGIN
	BEGIN
		cursors := coalesce(cluster_read_events.after::jsonb, '{}');
	EXCEPTION WHEN data_exception THEN
		cursors := 'null';
	END;
	IF jsonb_typeof(cursors) <> 'object' OR EXISTS (SELECT FROM jsonb_each_text(cursors) c WHERE c.key !~ '^[0-9]{1,9}$' OR c.value !~ '^[0-9]{1,18}\.[0-9]{1,18}$') THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'this is not a cursor of booking.cluster_read_events()',
			HINT = 'Pass the cursor of the last event that you have seen, or NULL to begin with the first.';
	END IF;
	FOR e IN
		SELECT a.node_group, v.*
		FROM booking.cluster_ask(format('SELECT * FROM booking.read_events(%L::jsonb ->> booking.cluster_group()::text, %L)', cursors, max)) a,
			jsonb_to_record(a.item) AS v (cursor text, seq bigint, at timestamptz, kind text, booking_id uuid, resource_id bigint,
				slot_id bigint, holder text, version integer, actor text, detail jsonb)
		ORDER BY max(v.at) OVER (PARTITION BY a.node_group ORDER BY a.n), a.node_group, a.n
		LIMIT greatest(max, 0)
	LOOP
		cursors := jsonb_set(cursors, ARRAY[e.node_group::text], to_jsonb(e.cursor));
		RETURN QUERY SELECT cursors::text, e.node_group, e.seq, e.at, e.kind, e.booking_id, e.resource_id,
			e.slot_id, e.holder, e.version, e.actor, e.detail;
	END LOOP;
END
$$;
COMMENT ON FUNCTION booking.cluster_read_events(text, integer) IS
	'what happened to bookings on all nodes after a cursor; nothing is skipped, and each node''s events come in its order';

CREATE FUNCTION booking.cluster_expire_holds(max integer DEFAULT 1000) RETURNS bigint
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(sum((a.item ->> 'n')::bigint), 0)::bigint
	FROM booking.cluster_ask(format('SELECT booking.expire_holds(%L) AS n', max)) a
$$;
COMMENT ON FUNCTION booking.cluster_expire_holds(integer) IS 'lets holds lapse on all nodes, so many on each; how many';

/* What each node says of itself, and whether all of them together make sense. */
CREATE FUNCTION booking.cluster_verify() RETURNS TABLE (node_group integer, problem text, detail text)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	SELECT a.node_group, coalesce(a.item ->> 'problem', '?'), (a.item - 'problem')::text
	FROM booking.cluster_ask('SELECT * FROM booking.verify()') a;

	RETURN QUERY
	SELECT a.node_group, a.item ->> 'problem', a.item ->> 'detail'
	FROM booking.cluster_ask($q$
		SELECT 'resource of no resident place' AS problem, format('resource %s, "%s"', r.id, r.name) AS detail
		FROM booking.resource r
		WHERE EXISTS (SELECT FROM booking.cluster_resident)
			AND NOT EXISTS (SELECT FROM booking.cluster_resident h WHERE h.place = booking.cluster_place_of(r.name))
	UNION ALL
		SELECT 'limit that counts over places', format('holder_limit %s counts whatever lives on this node', l.id)
		FROM booking.holder_limit l
		WHERE l.resource_id IS NULL AND EXISTS (SELECT FROM booking.cluster_resident)
			AND NOT EXISTS (SELECT FROM booking.cluster_resident h WHERE h.place = booking.cluster_place_of(l.category))
	UNION ALL
		SELECT 'ids that may meet', format('%s begins at %s', s.sequencename, s.min_value)
		FROM pg_sequences s
		WHERE s.schemaname = 'booking' AND s.sequencename IN (SELECT c.sequence FROM booking.cluster_sequences() c)
			AND s.max_value <> (booking.cluster_group() + 1) * 1000000000000 - 1
	$q$) a;

	RETURN QUERY
	WITH resident AS MATERIALIZED (
		SELECT a.node_group, a.item ->> 'place' AS place
		FROM booking.cluster_ask('SELECT r.place FROM booking.cluster_resident r') a),
	home AS MATERIALIZED (SELECT h.place, h.node_group, h.moving FROM booking.cluster_home h)
	SELECT r.node_group, 'place that lives elsewhere, or nowhere', format('place "%s"', r.place)
	FROM resident r
	WHERE NOT EXISTS (SELECT FROM home h WHERE h.place = r.place AND h.node_group = r.node_group AND NOT h.moving)
	UNION ALL
	SELECT h.node_group, CASE WHEN h.moving THEN 'place that is packed' ELSE 'place without its rows' END, format('place "%s"', h.place)
	FROM home h
	WHERE h.moving OR NOT EXISTS (SELECT FROM resident r WHERE r.place = h.place);
END
$$;
COMMENT ON FUNCTION booking.cluster_verify() IS 'verify() of each node, and what is wrong between them';


-- Setting up ------------------------------------------------------------------------------------

CREATE FUNCTION booking.cluster_sequences() RETURNS TABLE (sequence name, target regclass, id name)
	LANGUAGE sql STABLE PARALLEL RESTRICTED
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT c.relname, d.refobjid::regclass, a.attname
	FROM pg_class c
	JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'i'
	JOIN pg_depend e ON e.classid = 'pg_class'::regclass AND e.objid = d.refobjid AND e.deptype = 'e'
	JOIN pg_extension x ON e.refclassid = 'pg_extension'::regclass AND e.refobjid = x.oid AND x.extname = 'booking'
	JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
	WHERE c.relkind = 'S' AND c.relname <> 'event_seq_seq' AND c.relname !~ '^archive'
$$;
COMMENT ON FUNCTION booking.cluster_sequences() IS 'where ids come from that must not meet: the identities of booking';

/*
 * Ids of this node: a million millions, from its number times that on.  All ids of 9,000 nodes
 * are exact in JSON and JavaScript.
 */
CREATE FUNCTION booking.cluster_take_ids() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET citus.enable_ddl_propagation = off
AS $$
DECLARE
	s record;
	first bigint := greatest(booking.cluster_group() * 1000000000000, 1);
	last bigint := (booking.cluster_group() + 1) * 1000000000000 - 1;
BEGIN
	-- Two at once would both begin with the first id.  No place has this name.
	PERFORM booking.cluster_must_see_all(), booking.cluster_lock_alone('');
	-- One that counts in its range already is left alone: it may be in use, and what it has given is not given again.
	FOR s IN
		SELECT q.sequencename AS name, q.last_value
		FROM pg_sequences q
		WHERE q.schemaname = 'booking' AND q.sequencename IN (SELECT c.sequence FROM booking.cluster_sequences() c)
			AND (q.min_value, q.max_value) <> (first, last)
	LOOP
		EXECUTE format('ALTER SEQUENCE booking.%I MINVALUE %s MAXVALUE %s START %s %s', s.name, first, last, first,
			CASE WHEN s.last_value BETWEEN first AND last THEN '' ELSE 'RESTART ' || first END);
	END LOOP;
END
$$;
COMMENT ON FUNCTION booking.cluster_take_ids() IS 'gives this node a range of ids of its own';

/* Once on the coordinator, and again after an update of booking. */
CREATE FUNCTION booking.cluster_set_up(shard_count integer DEFAULT 32) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	f regprocedure;
BEGIN
	IF NOT EXISTS (SELECT FROM pg_dist_partition p WHERE p.logicalrelid = 'booking.cluster_home'::regclass) THEN
		PERFORM create_distributed_table('booking.cluster_home', 'place', shard_count => cluster_set_up.shard_count, colocate_with => 'none');
		PERFORM create_distributed_table('booking.cluster_luggage', 'place', colocate_with => 'booking.cluster_home');
	ELSIF NOT EXISTS (SELECT FROM pg_dist_shard s WHERE s.logicalrelid = 'booking.cluster_home'::regclass) THEN
		RAISE object_not_in_prerequisite_state USING
			MESSAGE = 'booking_cluster has been taken down',
			HINT = 'DROP EXTENSION booking_cluster, and create it again.';
	END IF;
	FOR f IN
		SELECT p.oid
		FROM pg_proc p
		JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
		JOIN pg_extension x ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = x.oid AND x.extname = 'booking_cluster'
		LEFT JOIN pg_dist_object o ON o.classid = 'pg_proc'::regclass AND o.objid = p.oid
		WHERE o.distribution_argument_index IS NULL
			AND (p.proname IN ('cluster_run', 'cluster_drop_place') OR EXISTS (SELECT FROM booking.cluster_functions() c WHERE c.name = p.proname))
		ORDER BY p.proname
	LOOP
		PERFORM create_distributed_function(f, 'place', 'booking.cluster_home', true);
	END LOOP;
	PERFORM booking.cluster_on_all('SELECT booking.cluster_take_ids()');
END
$$;
COMMENT ON FUNCTION booking.cluster_set_up(integer) IS 'distributes homes and functions, and gives each node its ids; on the coordinator';

/*
 * Before DROP EXTENSION: Citus does not drop the shards of tables that belong to an extension.
 * All bookings stay where they are; after another set_up(), cluster_adopt() finds them.
 */
CREATE FUNCTION booking.cluster_take_down() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM booking.cluster_must_see_all();
	-- No other transaction packs a place between this look and the end of the shards.
	LOCK TABLE booking.cluster_home, booking.cluster_luggage IN ACCESS EXCLUSIVE MODE;
	PERFORM h.place FROM booking.cluster_home h WHERE h.moving;
	IF FOUND THEN
		RAISE object_not_in_prerequisite_state USING
			MESSAGE = 'a place is packed',
			HINT = 'Call cluster_move_place() for each that booking.cluster_verify() names.';
	END IF;
	-- Moves leave their old shards to be dropped later, and these need our functions until then.
	PERFORM FROM pg_dist_cleanup d WHERE d.object_name ~ '\ycluster_(home|luggage)_';
	IF FOUND THEN
		RAISE object_in_use USING
			MESSAGE = 'old shards of homes have not been dropped yet',
			HINT = 'CALL citus_cleanup_orphaned_resources()';
	END IF;
	PERFORM citus_drop_all_shards('booking.cluster_luggage', 'booking', 'cluster_luggage');
	PERFORM citus_drop_all_shards('booking.cluster_home', 'booking', 'cluster_home');
END
$$;
COMMENT ON FUNCTION booking.cluster_take_down() IS 'drops the shards of homes, before DROP EXTENSION; places stay where they are';

/* Runs a command on each node; the first that fails is the error. */
CREATE FUNCTION booking.cluster_on_all(command text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	failed record;
BEGIN
	SELECT d.groupid, r.result INTO failed
	FROM run_command_on_all_nodes(command) r JOIN pg_dist_node d ON d.nodeid = r.nodeid
	WHERE NOT r.success ORDER BY 1 LIMIT 1;
	IF FOUND THEN
		RAISE object_not_in_prerequisite_state USING
			MESSAGE = format('node %s has refused', failed.groupid),
			DETAIL = failed.result;
	END IF;
END
$$;
COMMENT ON FUNCTION booking.cluster_on_all(text) IS 'runs a command on each node, in a transaction of its own on each';

/* On one node, the same.  The others may be down. */
CREATE FUNCTION booking.cluster_on(host text, port integer, command text) RETURNS text
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	answer record;
BEGIN
	SELECT r.success, r.result INTO answer FROM master_run_on_worker(ARRAY[host], ARRAY[port], ARRAY[command], false) AS r;
	IF NOT answer.success THEN
		RAISE object_not_in_prerequisite_state USING
			MESSAGE = format('node %s:%s has refused', host, port),
			DETAIL = answer.result;
	END IF;
	RETURN answer.result;
END
$$;
COMMENT ON FUNCTION booking.cluster_on(text, integer, text) IS 'runs a command on a node, in a transaction of its own there';

/*
 * Is it set up already?  Then a node that joins gets what cluster_set_up() and grants have given
 * the others.
 */
CREATE FUNCTION booking.cluster_welcome(host text, port integer) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF EXISTS (SELECT FROM pg_dist_partition p WHERE p.logicalrelid = 'booking.cluster_home'::regclass) THEN
		PERFORM booking.cluster_on(host, port, 'SELECT booking.cluster_take_ids()');
		PERFORM booking.cluster_on(host, port, booking.cluster_grants());
	END IF;
END
$$;
COMMENT ON FUNCTION booking.cluster_welcome(text, integer) IS 'gives a node ids of its own, and lets those roles in that may do something here';

/* A node that joins has no place until one is moved there. */
CREATE PROCEDURE booking.cluster_add_node(host text, port integer)
	LANGUAGE plpgsql
AS $$
BEGIN
	IF (host IS NULL) OR (port IS NULL) THEN
		RAISE null_value_not_allowed USING MESSAGE = 'host and port must not be null';
	END IF;
	PERFORM pg_catalog.citus_add_node(host, port);
	COMMIT;
	PERFORM booking.cluster_welcome(host, port);
END
$$;
COMMENT ON PROCEDURE booking.cluster_add_node(text, integer) IS 'adds a node to the cluster';

/*
 * What each level may beside what booking.access_levels() says: a function here is for roles
 * that may use the one of booking that it calls.
 */
CREATE FUNCTION booking.cluster_access_levels() RETURNS TABLE (levels text[], kind text, object text, privilege text, acl aclitem[])
	LANGUAGE sql STABLE PARALLEL RESTRICTED
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT l.levels, 'FUNCTION', p.oid::regprocedure::text, 'EXECUTE', p.proacl
	FROM booking.cluster_functions() c
	JOIN pg_proc p ON p.pronamespace = 'booking'::regnamespace AND p.proname = c.name
		AND pg_get_function_identity_arguments(p.oid) = 'place ' || c.types
	JOIN booking.access_levels() l ON l.kind = 'FUNCTION' AND l.object::regprocedure = c.function
UNION ALL
	SELECT h.levels::text[], 'FUNCTION', p.oid::regprocedure::text, 'EXECUTE', p.proacl
	FROM (VALUES
		('{read,book,manage}', '{cluster_group,cluster_may_be_here,cluster_lock,cluster_is_home,cluster_not_here,cluster_look,cluster_enter,cluster_place_of,cluster_inside,cluster_mine,cluster_names,cluster_ask,cluster_answer,cluster_find_slots_everywhere,cluster_read_events,cluster_run}'::name[]),
		('{book,manage}', '{cluster_expire_holds}'),
		('{manage}', '{cluster_open,cluster_verify,cluster_sequences}')) AS h (levels, names)
	JOIN pg_proc p ON p.pronamespace = 'booking'::regnamespace AND p.proname = ANY (h.names)
UNION ALL
	SELECT t.levels::text[], 'TABLE', c.oid::regclass::text, t.privilege, c.relacl
	FROM (VALUES ('{read,book,manage}', 'SELECT'), ('{manage}', 'INSERT')) AS t (levels, privilege)
	CROSS JOIN pg_class c
	WHERE c.oid IN ('booking.cluster_home'::regclass, 'booking.cluster_resident'::regclass)
$$;
COMMENT ON FUNCTION booking.cluster_access_levels() IS 'each privilege that a level of cluster_grant_access() adds to those of booking, and the roles that have it now';

/* On this node.  Without a level, all is taken back. */
CREATE FUNCTION booking.cluster_grant_here(role regrole, level text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET citus.enable_ddl_propagation = off
AS $$
DECLARE
	command text;
BEGIN
	IF level IS NULL THEN
		PERFORM booking.revoke_access(role);
	ELSE
		PERFORM booking.grant_access(role, level);
	END IF;
	-- The homes are distributed: their rights are Citus' to pass on.
	FOR command IN
		SELECT format(CASE WHEN level IS NULL THEN 'REVOKE %s ON %s %s FROM %s' ELSE 'GRANT %s ON %s %s TO %s' END, l.privilege, l.kind, l.object, role)
		FROM booking.cluster_access_levels() l
		WHERE (level IS NULL OR level = ANY (l.levels)) AND l.object <> 'booking.cluster_home'
	LOOP
		EXECUTE command;
	END LOOP;
END
$$;
COMMENT ON FUNCTION booking.cluster_grant_here(regrole, text) IS 'cluster_grant_access() and cluster_revoke_access() on one node';

CREATE FUNCTION booking.cluster_grant_access(role regrole, level text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF num_nulls(role, level) > 0 THEN
		RAISE null_value_not_allowed USING MESSAGE = 'role and level must not be null';
	ELSIF level NOT IN ('read', 'book', 'manage') THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('"%s" is not a level of access to places', level),
			HINT = 'The levels are read, book and manage.';
	END IF;
	PERFORM booking.cluster_on_all(format('SELECT booking.cluster_grant_here(%L, %L)', role, level));
	EXECUTE format('GRANT SELECT%s ON booking.cluster_home TO %s', CASE level WHEN 'manage' THEN ', INSERT' END, role);
END
$$;
COMMENT ON FUNCTION booking.cluster_grant_access(regrole, text) IS 'grant_access(role, level) on each node, for places';

CREATE FUNCTION booking.cluster_revoke_access(role regrole) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF role IS NULL THEN
		RAISE null_value_not_allowed USING MESSAGE = 'role must not be null';
	END IF;
	PERFORM booking.cluster_on_all(format('SELECT booking.cluster_grant_here(%L, NULL)', role));
	EXECUTE format('REVOKE SELECT, INSERT ON booking.cluster_home FROM %s', role);
END
$$;
COMMENT ON FUNCTION booking.cluster_revoke_access(regrole) IS 'revoke_access(role) on each node';

/* For a node that joins. */
CREATE FUNCTION booking.cluster_grants() RETURNS text
	LANGUAGE sql STABLE PARALLEL RESTRICTED
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('DO %L', 'BEGIN SET LOCAL citus.enable_ddl_propagation = off; ' || coalesce(string_agg(
		format('GRANT %s ON %s %s TO %s; ', l.privilege, l.kind, l.object, a.grantee::regrole), ''), '') || 'END')
	FROM (
		SELECT b.kind, b.object, b.privilege, b.acl FROM booking.access_levels() b
		UNION ALL
		SELECT c.kind, c.object, c.privilege, c.acl FROM booking.cluster_access_levels() c) AS l
	CROSS JOIN aclexplode(l.acl) AS a
	WHERE a.privilege_type = l.privilege AND a.grantee <> 0 AND a.grantee <> a.grantor
$$;
COMMENT ON FUNCTION booking.cluster_grants() IS 'the command that gives on another node the rights that roles have on this one';


-- Moving a place ----------------------------------------------------------------------------------

/*
 * The tables that have rows of places, and which rows of them.  The journal and the archive stay
 * where they were written: cluster_read_events() reads the nodes together.
 */
CREATE FUNCTION booking.cluster_tables() RETURNS TABLE (target regclass, condition text)
	LANGUAGE sql STABLE PARALLEL RESTRICTED
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT c.oid::regclass,
		CASE
			WHEN c.relname = 'resource' THEN 'id = ANY ($1)'
			WHEN by_resource.attnum IS NULL THEN 'slot_id IN (SELECT s.id FROM booking.slot s WHERE s.resource_id = ANY ($1))'
			WHEN by_category.attnum IS NULL OR by_resource.attnotnull THEN 'resource_id = ANY ($1)'
			ELSE 'resource_id = ANY ($1) OR resource_id IS NULL AND (category = $2 OR starts_with(category, $2 || ''/''))'
		END
	FROM pg_class c
	JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
	JOIN pg_extension x ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = x.oid AND x.extname = 'booking'
	LEFT JOIN pg_attribute by_resource ON by_resource.attrelid = c.oid AND by_resource.attname = 'resource_id' AND NOT by_resource.attisdropped
	LEFT JOIN pg_attribute by_slot ON by_slot.attrelid = c.oid AND by_slot.attname = 'slot_id' AND NOT by_slot.attisdropped
	LEFT JOIN pg_attribute by_category ON by_category.attrelid = c.oid AND by_category.attname = 'category' AND NOT by_category.attisdropped
	WHERE c.relkind = 'r' AND c.relname <> 'event' AND c.relname !~ 'archive'
		AND (c.relname = 'resource' OR by_resource.attnum IS NOT NULL OR by_slot.attnum IS NOT NULL)
	-- What finds its rows by the slots goes before the slots.
	ORDER BY c.relname = 'resource', c.relname = 'slot', c.relname
$$;
COMMENT ON FUNCTION booking.cluster_tables() IS 'tables of booking with rows of places, and how these are found by the ids of resources ($1) or the place ($2)';

/*
 * The changes of the transactions that were waited for must be seen: that takes a snapshot
 * for each statement.
 */
CREATE FUNCTION booking.cluster_must_see_all() RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
	SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF current_setting('transaction_isolation') <> 'read committed' THEN
		RAISE object_not_in_prerequisite_state USING
			MESSAGE = format('places cannot be moved or set up at isolation level %s', current_setting('transaction_isolation')),
			DETAIL = 'What has been waited for must be seen.',
			HINT = format('ALTER ROLE %I SET default_transaction_isolation = ''read committed'', and connect again.', current_user);
	END IF;
END
$$;
COMMENT ON FUNCTION booking.cluster_must_see_all() IS 'raises an error in a transaction with one snapshot for all';

/*
 * On the node where the place is, and on others nothing: all rows of the place go into
 * luggage, in one transaction.  A homeless place (cluster_adopt()) is where its resources are.
 * Calls of our functions are kept out by the HOME lock, and writers to the tables by the
 * RESOURCE locks, exclusive, that an update of the resources takes.  Rows leave and arrive
 * without triggers: nothing happens to the bookings, so nothing is recorded, offered or judged;
 * what the triggers derive (free places) is moved with them.  Backends are told to forget what
 * they remember of the resources.
 */
CREATE FUNCTION booking.cluster_pack(place text, wait interval, homeless boolean DEFAULT false) RETURNS boolean
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET datestyle = 'ISO, YMD' SET intervalstyle = 'postgres' SET timezone = 'UTC'
AS $$
#variable_conflict use_column
DECLARE
	ids bigint[];
	t record;
	packed jsonb;
	moment timestamptz := clock_timestamp();
BEGIN
	PERFORM booking.cluster_must_see_all();
	SELECT k.conrelid::regclass AS referring, k.confrelid::regclass AS target INTO t
	FROM pg_constraint k
	WHERE k.contype = 'f' AND k.confrelid IN (SELECT c.target FROM booking.cluster_tables() c)
		AND k.conrelid NOT IN (SELECT c.target FROM booking.cluster_tables() c)
		AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = k.conrelid AND d.deptype = 'e')
	ORDER BY 1 LIMIT 1;
	IF FOUND THEN
		RAISE object_not_in_prerequisite_state USING
			MESSAGE = format('table %s refers to %s', t.referring, t.target),
			DETAIL = 'Its rows would stay here, and what they refer to would be on another node.',
			HINT = 'Drop the foreign key.';
	END IF;
	PERFORM set_config('lock_timeout', least(greatest(1000 * EXTRACT(epoch FROM wait), 1), 2147483647)::bigint::text, true);
	IF NOT homeless AND NOT EXISTS (SELECT FROM booking.cluster_resident r WHERE r.place = cluster_pack.place) THEN
		RETURN false;
	END IF;
	PERFORM booking.cluster_lock_alone(cluster_pack.place);
	IF homeless AND cardinality(booking.cluster_names(cluster_pack.place)) > 0 THEN
		INSERT INTO booking.cluster_resident (place) VALUES (cluster_pack.place) ON CONFLICT DO NOTHING;
	END IF;
	DELETE FROM booking.cluster_resident r WHERE r.place = cluster_pack.place;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	WITH locked AS (
		UPDATE booking.resource r SET name = r.name
		WHERE r.name = ANY (booking.cluster_names(cluster_pack.place)) RETURNING r.id)
	SELECT coalesce(array_agg(l.id), '{}') INTO ids FROM locked l;
	UPDATE booking.cluster_home SET moving = true, since = moment WHERE place = cluster_pack.place;

	PERFORM set_config('session_replication_role', 'replica', true);
	FOR t IN SELECT c.target, c.condition FROM booking.cluster_tables() c
	LOOP
		LOOP
			EXECUTE format('WITH gone AS (DELETE FROM ONLY %1$s WHERE ctid = ANY (ARRAY(SELECT ctid FROM ONLY %1$s WHERE (%2$s) AND $2 IS NOT NULL LIMIT 5000)) RETURNING *)
				SELECT jsonb_agg(to_jsonb(gone)) FROM gone', t.target, t.condition)
			INTO packed USING ids, cluster_pack.place;
			EXIT WHEN packed IS NULL;
			INSERT INTO booking.cluster_luggage (place, target, items) VALUES (cluster_pack.place, t.target::text, packed);
		END LOOP;
	END LOOP;
	PERFORM booking.forget_everything();
	PERFORM set_config('session_replication_role', 'origin', true);
	RETURN true;
END
$$;
COMMENT ON FUNCTION booking.cluster_pack(text, interval, boolean) IS 'puts all that a place has into luggage, if it lives on this node, or has its resources here and no home';

/* On the node where its home is now, and on others nothing. */
CREATE FUNCTION booking.cluster_unpack(place text) RETURNS boolean
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET datestyle = 'ISO, YMD' SET intervalstyle = 'postgres' SET timezone = 'UTC'
AS $$
#variable_conflict use_column
DECLARE
	l record;
	columns text;
	missing text;
	moment timestamptz := clock_timestamp();
	here integer := booking.cluster_group();
BEGIN
	PERFORM booking.cluster_must_see_all();
	IF NOT booking.cluster_is_home(cluster_unpack.place) THEN
		RETURN false;
	END IF;
	PERFORM booking.cluster_lock_alone(cluster_unpack.place);
	UPDATE booking.cluster_home SET moving = false, node_group = here, since = moment
	WHERE place = cluster_unpack.place AND moving;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	PERFORM set_config('session_replication_role', 'replica', true);
	FOR l IN SELECT g.target, g.items FROM booking.cluster_luggage g WHERE g.place = cluster_unpack.place
	LOOP
		SELECT string_agg(format('%I', a.attname), ', ' ORDER BY a.attnum) INTO columns
		FROM pg_attribute a
		WHERE a.attrelid = l.target::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
			AND (l.items -> 0) ? a.attname::text;
		SELECT i.key INTO missing
		FROM jsonb_object_keys(l.items -> 0) AS i (key)
		WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = l.target::regclass AND a.attname = i.key AND a.attnum > 0 AND NOT a.attisdropped);
		IF FOUND THEN
			RAISE undefined_column USING
				MESSAGE = format('table %s has no column "%s" on this node', l.target, missing),
				DETAIL = 'It has one on the node that the place comes from.',
				HINT = 'Add it here, or move the place back.';
		END IF;
		EXECUTE format('INSERT INTO %1$s (%2$s) SELECT %2$s FROM jsonb_populate_recordset(NULL::%1$s, $1)', l.target::regclass, columns)
		USING l.items;
	END LOOP;
	DELETE FROM booking.cluster_luggage WHERE place = cluster_unpack.place;
	INSERT INTO booking.cluster_resident (place) VALUES (cluster_unpack.place);
	PERFORM booking.forget_everything();
	PERFORM set_config('session_replication_role', 'origin', true);
	RETURN true;
END
$$;
COMMENT ON FUNCTION booking.cluster_unpack(text) IS 'makes the luggage of a place rows again, if its home is on this node';

/* Where the home of a place is, and whether its shard is for this place alone. */
CREATE FUNCTION booking.cluster_shard(place text, OUT shardid bigint, OUT alone boolean, OUT host text, OUT port integer)
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
	SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	IF NOT EXISTS (SELECT FROM booking.cluster_home h WHERE h.place = cluster_shard.place) THEN
		RAISE undefined_object USING
			MESSAGE = format('place "%s" does not exist', cluster_shard.place),
			HINT = 'The places are in booking.cluster_home; cluster_create_resource() adds one.';
	END IF;
	SELECT s.shardid, s.shardminvalue = s.shardmaxvalue, n.nodename, n.nodeport
	INTO shardid, alone, host, port
	FROM pg_dist_shard s
	JOIN pg_dist_placement p ON p.shardid = s.shardid
	JOIN pg_dist_node n ON n.groupid = p.groupid AND n.noderole = 'primary'
	WHERE s.shardid = get_shard_id_for_distribution_column('booking.cluster_home', cluster_shard.place);
END
$$;
COMMENT ON FUNCTION booking.cluster_shard(text) IS 'the shard of a place''s home, and the node that has it';

/*
 * Three transactions: pack, move the shard, unpack.  In between the place is nowhere, and a
 * call that needs it fails with 40001 ("repeat the transaction").  If the shard does not
 * move, the place is unpacked where it was.  After a failure at any point the same call, with
 * the same node or another, goes on from there.
 */
CREATE PROCEDURE booking.cluster_move_place(place text, host text, port integer, wait interval DEFAULT '10 seconds')
	LANGUAGE plpgsql
AS $$
DECLARE
	home record;
	began timestamptz;
BEGIN
	-- Inside another transaction this is an error, and nothing has happened yet.
	COMMIT;
	IF (place IS NULL) OR (host IS NULL) OR (port IS NULL) OR (wait IS NULL) THEN
		RAISE null_value_not_allowed USING MESSAGE = 'place, host, port and wait must not be null';
	END IF;
	SELECT * INTO home FROM booking.cluster_shard(place);
	PERFORM booking.cluster_target(host, port);
	-- Its home gets a shard of its own.
	IF NOT home.alone THEN
		PERFORM pg_catalog.isolate_tenant_to_new_shard('booking.cluster_home', place, 'CASCADE', 'block_writes');
		COMMIT;
		SELECT * INTO home FROM booking.cluster_shard(place);
	END IF;
	began := pg_catalog.clock_timestamp();
	IF home.host OPERATOR(pg_catalog.<>) host OR home.port OPERATOR(pg_catalog.<>) port THEN
		PERFORM booking.cluster_on(home.host, home.port, pg_catalog.format('SELECT booking.cluster_pack(%L, %L)', place, wait));
		COMMIT;
		BEGIN
			PERFORM pg_catalog.citus_move_shard_placement(home.shardid, home.host, home.port, host, port, 'block_writes');
		EXCEPTION WHEN OTHERS OR query_canceled THEN
			PERFORM booking.cluster_on(home.host, home.port, pg_catalog.format('SELECT booking.cluster_unpack(%L)', place));
			RAISE;
		END;
		COMMIT;
	END IF;
	PERFORM booking.cluster_on(host, port, pg_catalog.format('SELECT booking.cluster_unpack(%L)', place));
	PERFORM booking.cluster_shard(place);
	RAISE NOTICE '%', pg_catalog.format('place "%s" lives on %s:%s now; it was nowhere for %s ms', place, host, port,
		pg_catalog.round(1000::numeric OPERATOR(pg_catalog.*) EXTRACT(epoch FROM pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) began)));
END
$$;
COMMENT ON PROCEDURE booking.cluster_move_place(text, text, integer, interval) IS
	'moves a place to another node while its callers go on; called again, it ends what was interrupted';

CREATE FUNCTION booking.cluster_target(host text, port integer) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
	SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_dist_node n WHERE n.nodename = host AND n.nodeport = port AND n.isactive AND n.shouldhaveshards AND n.noderole = 'primary') THEN
		RAISE undefined_object USING
			MESSAGE = format('%s:%s is no node for places', host, port),
			HINT = 'The nodes are in pg_dist_node, by the names that they were added with; places may live on those with shouldhaveshards.';
	END IF;
END
$$;
COMMENT ON FUNCTION booking.cluster_target(text, integer) IS 'raises an error if no place may live on that node';


/*
 * A place that has nothing any more.  Its name may be given to another place then, on any node.
 * Writers of the place and its moves wait, and find that it does not exist.
 */
CREATE FUNCTION booking.cluster_drop_place(place text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	ids bigint[];
	t record;
	found_some boolean;
BEGIN
	PERFORM booking.cluster_must_see_all(), booking.cluster_lock_alone(cluster_drop_place.place);
	DELETE FROM booking.cluster_resident r WHERE r.place = cluster_drop_place.place;
	IF NOT FOUND THEN
		PERFORM booking.cluster_not_here(cluster_drop_place.place);
	END IF;
	SELECT coalesce(array_agg(r.id), '{}') INTO ids
	FROM booking.resource r WHERE r.name = ANY (booking.cluster_names(cluster_drop_place.place));
	FOR t IN SELECT c.target, c.condition FROM booking.cluster_tables() c
	LOOP
		EXECUTE format('SELECT EXISTS (SELECT FROM %s WHERE (%s) AND $2 IS NOT NULL)', t.target, t.condition)
		INTO found_some USING ids, cluster_drop_place.place;
		IF found_some THEN
			RAISE object_in_use USING
				MESSAGE = format('place "%s" has rows in %s', cluster_drop_place.place, t.target),
				HINT = 'Delete its resources, and its limits by category, with cluster_run().';
		END IF;
	END LOOP;
	DELETE FROM booking.cluster_home h WHERE h.place = cluster_drop_place.place;
END
$$;
COMMENT ON FUNCTION booking.cluster_drop_place(text) IS 'ends a place that has no rows any more';


-- Places without homes ----------------------------------------------------------------------

/*
 * Resources that no home knows: those of a server that had booking before it had booking_cluster,
 * and those of nodes that were restored from dumps, in which there are no homes.  Their places
 * are packed where they are, and unpacked where their homes are.
 */
CREATE FUNCTION booking.cluster_homeless() RETURNS TABLE (place text, node_group integer, host text, port integer)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	all_places jsonb;
	twice record;
BEGIN
	SELECT coalesce(jsonb_agg(to_jsonb(a)), '[]') INTO all_places
	FROM booking.cluster_ask('SELECT DISTINCT booking.cluster_place_of(r.name) AS place FROM booking.resource r') a;
	SELECT f.place, min(f.node_group) AS one, max(f.node_group) AS other INTO twice
	FROM (SELECT c.item ->> 'place' AS place, c.node_group FROM jsonb_to_recordset(all_places) AS c (item jsonb, node_group integer)
		UNION ALL SELECT h.place, h.node_group FROM booking.cluster_home h WHERE NOT h.moving) AS f
	GROUP BY f.place HAVING min(f.node_group) <> max(f.node_group) ORDER BY f.place LIMIT 1;
	IF FOUND THEN
		RAISE object_not_in_prerequisite_state USING
			MESSAGE = format('place "%s" is on node %s and on node %s', twice.place, twice.one, twice.other),
			HINT = 'Rename its resources on one of them.';
	END IF;
	RETURN QUERY
	WITH home AS MATERIALIZED (SELECT h.place FROM booking.cluster_home h WHERE NOT h.moving)
	SELECT c.item ->> 'place', c.node_group, n.nodename::text, n.nodeport
	FROM jsonb_to_recordset(all_places) AS c (item jsonb, node_group integer)
	JOIN pg_dist_node n ON n.groupid = c.node_group AND n.noderole = 'primary'
	WHERE c.item ->> 'place' NOT IN (SELECT h.place FROM home h)
	ORDER BY 1;
END
$$;
COMMENT ON FUNCTION booking.cluster_homeless() IS 'places that have resources, but no home, and the node of these';

/*
 * What was restored may have ids of a node that had this one's number before: they are not given
 * again.
 */
CREATE FUNCTION booking.cluster_skip_ids() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	highest text;
	s record;
BEGIN
	SELECT string_agg(format('SELECT %L AS sequence, t.%I / 1000000000000 AS node_group, max(t.%I) AS id FROM %s t GROUP BY 2', c.sequence, c.id, c.id, c.target), ' UNION ALL ')
	INTO highest FROM booking.cluster_sequences() c;
	FOR s IN
		SELECT n.nodename::text AS host, n.nodeport AS port, a.item ->> 'sequence' AS sequence, max((a.item ->> 'id')::bigint) AS id
		FROM booking.cluster_ask(highest) a
		JOIN pg_dist_node n ON n.groupid = (a.item ->> 'node_group')::bigint AND n.noderole = 'primary'
		GROUP BY 1, 2, 3
	LOOP
		PERFORM booking.cluster_on(s.host, s.port, format('SELECT setval(%L, %L) FROM pg_sequences q WHERE q.schemaname = ''booking'' AND q.sequencename = %L AND coalesce(q.last_value, 0) < %L',
			'booking.' || quote_ident(s.sequence), s.id, s.sequence, s.id));
	END LOOP;
END
$$;
COMMENT ON FUNCTION booking.cluster_skip_ids() IS 'no node gives an id that there is already, on whatever node';

CREATE PROCEDURE booking.cluster_adopt()
	LANGUAGE plpgsql
AS $$
DECLARE
	lost record;
	home record;
BEGIN
	COMMIT;
	PERFORM booking.cluster_skip_ids();
	FOR lost IN SELECT * FROM booking.cluster_homeless()
	LOOP
		INSERT INTO booking.cluster_home (place, node_group, moving) VALUES (lost.place, lost.node_group, true)
		ON CONFLICT DO NOTHING;
		COMMIT;
		PERFORM booking.cluster_on(lost.host, lost.port, pg_catalog.format('SELECT booking.cluster_pack(%L, %L, true)', lost.place, '10 s'));
		SELECT * INTO home FROM booking.cluster_shard(lost.place);
		PERFORM booking.cluster_on(home.host, home.port, pg_catalog.format('SELECT booking.cluster_unpack(%L)', lost.place));
	END LOOP;
	-- What has been packed, and not unpacked, by a call that did not finish.
	FOR lost IN SELECT h.place FROM booking.cluster_home h WHERE h.moving
	LOOP
		SELECT * INTO home FROM booking.cluster_shard(lost.place);
		PERFORM booking.cluster_on(home.host, home.port, pg_catalog.format('SELECT booking.cluster_unpack(%L)', lost.place));
	END LOOP;
END
$$;
COMMENT ON PROCEDURE booking.cluster_adopt() IS 'gives homes to places whose resources were there before, or have been restored';


-- Who may do what ---------------------------------------------------------------------------------

-- See cluster_grant_access().
DO $$
DECLARE
	f regprocedure;
	kind "char";
BEGIN
	FOR f, kind IN
		SELECT p.oid, p.prokind
		FROM pg_proc p
		WHERE p.pronamespace = 'booking'::regnamespace AND p.proname ~ '^cluster_'
	LOOP
		EXECUTE format('REVOKE EXECUTE ON ROUTINE %s FROM PUBLIC', f);
	END LOOP;
END
$$;
