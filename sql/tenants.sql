-- Many tenants in one database, as docs/tenants.md has it: what belongs to another tenant does not
-- exist, what is shared counts all tenants, and nothing tells one tenant of another's holders.
\set VERBOSITY terse
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
CREATE ROLE regress_tenant_a;
CREATE ROLE regress_tenant_b;
SELECT booking.grant_access('regress_tenant_a', 'manage'), booking.grant_access('regress_tenant_b', 'manage');

-- The recipe.
ALTER TABLE booking.resource ADD COLUMN tenant name DEFAULT current_user;
CREATE POLICY tenant_sees ON booking.resource FOR SELECT USING (tenant IS NULL OR tenant = current_user);
CREATE POLICY tenant_owns ON booking.resource USING (tenant = current_user);
SELECT format('CREATE POLICY tenant_sees ON booking.%1$I FOR SELECT USING (EXISTS (SELECT FROM booking.resource r WHERE r.id = %1$I.resource_id));
	CREATE POLICY tenant_owns ON booking.%1$I USING (EXISTS (SELECT FROM booking.resource r WHERE r.id = %1$I.resource_id AND r.tenant = current_user))', t)
FROM unnest('{seat,slot,closure,opening_hours,holder_limit}'::text[]) AS t \gexec
SELECT format('CREATE POLICY tenant_holds ON booking.%1$I USING (starts_with(holder, current_user || ''/'')
	AND EXISTS (SELECT FROM booking.resource r WHERE r.id = %1$I.resource_id))', t)
FROM unnest('{booking,waitlist,event}'::text[]) AS t \gexec
CREATE POLICY tenant_sees ON booking.slot_places USING (EXISTS (SELECT FROM booking.slot s WHERE s.id = slot_id));
CREATE POLICY tenant_sees ON booking.pool_use USING (EXISTS (SELECT FROM booking.resource r WHERE r.id = resource_id));
SELECT format('ALTER TABLE booking.%I ENABLE ROW LEVEL SECURITY', t)
FROM unnest('{resource,seat,slot,slot_places,pool_use,closure,opening_hours,holder_limit,booking,waitlist,event}'::text[]) AS t \gexec

-- What both share, by the owner of the extension.
SELECT name, tenant FROM booking.create_resource('tenants: pool', 'pooled', 3);
UPDATE booking.resource SET tenant = NULL WHERE name = 'tenants: pool';
INSERT INTO booking.holder_limit (resource_id, per, max_bookings) SELECT id, 'active', 2 FROM booking.resource WHERE name = 'tenants: pool';

-- What A has, and every function works for it.
SET ROLE regress_tenant_a;
SELECT name, tenant FROM booking.create_resource('tenants: a room');
SELECT name FROM booking.create_resource('tenants: a bus', 'seated', seats => ARRAY['secret seat', '2']);
SELECT name FROM booking.create_resource('tenants: a class', 'pooled', 5, slots_only => true, category => 'secret category');
SELECT id AS a_room FROM booking.resource WHERE name = 'tenants: a room' \gset
SELECT id AS a_bus FROM booking.resource WHERE name = 'tenants: a bus' \gset
SELECT id AS a_slot FROM booking.publish_slot('tenants: a class', '[2031-07-01 10:00, 2031-07-01 11:00)', 2) \gset
SELECT count(*) FROM booking.publish_slots('tenants: a class', '[2031-07-02 10:00, 2031-07-02 11:00)', '1 day', '2031-07-04');
SELECT holder FROM booking.book_slot('tenants: a room', '[2031-07-01 10:00, 2031-07-01 11:00)', 'regress_tenant_a/secret', id => 'a0000000-0000-7000-8000-00000000007e');
SELECT holder FROM booking.book_slot(:a_bus, '[2031-07-01 10:00, 2031-07-01 11:00)', 'regress_tenant_a/secret', seat => 'secret seat');
SELECT holder FROM booking.book_place(:a_slot, 'regress_tenant_a/secret', 2);
SELECT count(*) FROM booking.try_book_place(:a_slot, 'regress_tenant_a/secret');
SELECT count(*) FROM booking.try_book_slot('tenants: a room', '[2031-07-01 10:30, 2031-07-01 11:30)', 'regress_tenant_a/other');
SELECT id AS a_wait FROM booking.wait_for_slot('tenants: a room', '[2031-07-01 10:00, 2031-07-01 11:00)', 'regress_tenant_a/waits') \gset
SELECT holder FROM booking.wait_for_place(:a_slot, 'regress_tenant_a/waits');
SELECT booking.waitlist_position(:a_wait);
SELECT status FROM booking.book_slot('tenants: a room', '[2031-07-05 10:00, 2031-07-05 11:00)', 'regress_tenant_a/secret', hold_for => '10 min', id => 'a0000000-0000-7000-8000-00000000007f');
SELECT status FROM booking.extend_hold('a0000000-0000-7000-8000-00000000007f', '5 min');
SELECT status FROM booking.confirm('a0000000-0000-7000-8000-00000000007f');
SELECT version FROM booking.reschedule('a0000000-0000-7000-8000-00000000007f', '[2031-07-06 10:00, 2031-07-06 11:00)');
SELECT checked_in_at IS NOT NULL FROM booking.check_in('a0000000-0000-7000-8000-00000000007f');
SELECT status FROM booking.cancel('a0000000-0000-7000-8000-00000000007f', 'secret reason');
SELECT reason FROM booking.close_period('tenants: a room', '[2031-08-01, 2031-08-02)', 'secret closure');
SELECT count(*) FROM booking.free_periods('tenants: a room', '[2031-07-01, 2031-07-02)');
SELECT count(*) FROM booking.find_slots('[2031-07-01, 2031-07-02)', '1 hour', max_results => 500);
SELECT obstacle FROM booking.why_not('tenants: a room', '[2031-07-01 10:00, 2031-07-01 11:00)');
SELECT seat, status FROM booking.seat_map('tenants: a bus', '[2031-07-01 10:00, 2031-07-01 11:00)') ORDER BY 1;
SELECT booking.remaining(:a_slot), booking.remaining('tenants: a room', '[2031-07-01 10:00, 2031-07-01 11:00)');
SELECT booking.expire_holds();
SELECT resource, bookings FROM booking.stats WHERE resource LIKE 'tenants: %' ORDER BY 1;
-- Of the pool, all but one.
SELECT holder FROM booking.book_slot('tenants: pool', '[2031-07-01 10:00, 2031-07-01 11:00)', 'regress_tenant_a/secret', 2);

-- B looks for all of it, with everything there is.  What is answered may not contain anything of
-- A's: neither a word nor a time.  (What B itself has asked for, it knows.)
RESET ROLE;
CREATE FUNCTION pg_temp.tells(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
	message text;
	detail text;
	hint text;
	context text;
	violated text;
BEGIN
	EXECUTE format('SELECT string_agg(x::text, chr(10)) FROM (SELECT * FROM %s) AS x', statement) INTO answer;
	RETURN CASE WHEN answer ~ 'secret|_a/|2031-07-0|a room|a bus|a class' THEN 'TELLS: ' || answer WHEN answer IS NULL THEN 'nothing' ELSE 'harmless' END;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT,
		context = PG_EXCEPTION_CONTEXT, violated = CONSTRAINT_NAME;
	answer := concat_ws(chr(10), message, detail, hint, context);
	-- What the statement says is no news.
	answer := replace(regexp_replace(answer, '(SQL statement|PL/pgSQL function) .*', ''), statement, '');
	RETURN SQLSTATE || CASE WHEN regexp_replace(answer, '"?tenants: a [a-z]+"?', '', 'g') ~ 'secret|_a/|2031-07-0' THEN ' TELLS: ' || answer ELSE '' END;
END
$$;
GRANT EXECUTE ON FUNCTION pg_temp.tells(text) TO PUBLIC;
CREATE TEMPORARY TABLE probe (n serial, statement text);
INSERT INTO probe (statement)
SELECT format(f, r)
FROM unnest(ARRAY[
	$$booking.book_slot(%s, '[2031-07-01 10:00, 2031-07-01 11:00)', 'regress_tenant_b/eve')$$,
	$$booking.book_slot(%s, '[2032-07-01 10:00, 2032-07-01 11:00)', 'regress_tenant_b/eve')$$,
	$$booking.book_slot(%s, '[2032-07-01 10:00, 2032-07-01 11:00)', 'regress_tenant_b/eve', seat => '1')$$,
	$$booking.try_book_slot(%s, '[2031-07-01 10:00, 2031-07-01 11:00)', 'regress_tenant_b/eve')$$,
	$$booking.book_any(ARRAY[%s]::text[], '[2031-07-01 10:00, 2031-07-01 11:00)', 'regress_tenant_b/eve')$$,
	$$booking.book_any_place(ARRAY[%s]::text[], '[2031-07-01, 2031-07-02)', 'regress_tenant_b/eve')$$,
	$$booking.wait_for_slot(%s, '[2031-07-01 10:00, 2031-07-01 11:00)', 'regress_tenant_b/eve')$$,
	$$booking.book_seats(%s, '[2031-07-01 10:00, 2031-07-01 11:00)', 'regress_tenant_b/eve', 1)$$,
	$$booking.book_all(jsonb_build_array(jsonb_build_object('resource', %s, 'period', '[2031-07-01 10:00, 2031-07-01 11:00)')), 'regress_tenant_b/eve')$$,
	$$booking.book_series(%s, '[2031-07-01 10:00, 2031-07-01 11:00)', '1 day', 3, 'regress_tenant_b/eve', on_conflict => 'skip')$$,
	$$booking.book_series_by_rule(%s, '[2031-07-01 10:00, 2031-07-01 11:00)', 'FREQ=DAILY;COUNT=3', 'regress_tenant_b/eve')$$,
	$$booking.occurrences(%s, '[2031-07-01 10:00, 2031-07-01 11:00)', 'FREQ=DAILY;COUNT=3')$$,
	$$booking.free_periods(%s, '[2031-01-01, 2032-01-01)')$$, $$booking.usage(%s, '[2031-01-01, 2032-01-01)')$$,
	$$booking.remaining(%s, '[2031-07-01 10:00, 2031-07-01 11:00)')$$, $$booking.seat_map(%s, '[2031-07-01 10:00, 2031-07-01 11:00)')$$,
	$$booking.why_not(%s, '[2031-07-01 10:00, 2031-07-01 11:00)')$$, $$booking.why_not(%s, '[2031-07-01 10:00, 2031-07-01 11:00)', 'regress_tenant_a/secret')$$,
	$$booking.agenda(%s, '[2031-07-01, 2031-07-02)')$$, $$booking.ical(%s, '[2031-07-01, 2031-07-02)')$$,
	$$booking.close_period(%s, '[2031-07-01, 2031-07-02)')$$, $$booking.close_period(%s, '[2031-07-01, 2031-07-02)', force => true)$$,
	$$booking.publish_slot(%s, '[2031-07-01 10:00, 2031-07-01 11:00)', 5)$$,
	$$booking.publish_slots(%s, '[2031-07-01 10:00, 2031-07-01 11:00)', '1 day', '2031-07-05')$$,
	$$booking.local_period(%s, '2031-07-01 10:00', '2031-07-01 11:00')$$]) AS f,
	unnest(ARRAY[$$'tenants: a room'$$, $$'tenants: a bus'$$, $$'tenants: a class'$$, :'a_room', :'a_bus']) AS r;
INSERT INTO probe (statement)
SELECT format(f, :'a_slot')
FROM unnest(ARRAY[$$booking.book_place(%s, 'regress_tenant_b/eve')$$, $$booking.book_place(%s, 'regress_tenant_b/eve', 9)$$, $$booking.try_book_place(%s, 'regress_tenant_b/eve')$$,
	$$booking.book_slot_seats(%s, 'regress_tenant_b/eve', 1)$$, $$booking.book_all(jsonb_build_array(jsonb_build_object('slot_id', %s)), 'regress_tenant_b/eve')$$,
	$$booking.wait_for_place(%s, 'regress_tenant_b/eve')$$, $$booking.remaining(%s)$$, $$booking.seat_map(%s)$$]) AS f
UNION ALL
SELECT format(f, $$'a0000000-0000-7000-8000-00000000007e'$$)
FROM unnest(ARRAY[$$booking.confirm(%s)$$, $$booking.extend_hold(%s, '1 hour')$$, $$booking.cancel(%s)$$, $$booking.check_in(%s)$$, $$booking.check_out(%s)$$,
	$$booking.reschedule(%s, '[2032-07-06 10:00, 2032-07-06 11:00)')$$, $$booking.cancel_series(%s)$$,
	$$booking.reschedule_series(%s, '[2032-07-06 10:00, 2032-07-06 11:00)', 'all')$$]) AS f
UNION ALL
SELECT format(f, :'a_wait')
FROM unnest(ARRAY[$$booking.leave_waitlist(%s)$$, $$booking.waitlist_position(%s)$$]) AS f
UNION ALL
SELECT unnest(ARRAY[
	$$booking.find_slots('[2031-07-01, 2031-07-02)', '1 hour', resources => ARRAY['tenants: a room'])$$,
	$$booking.find_slots('[2031-07-01, 2031-07-02)', '1 hour', category => 'secret category')$$,
	$$booking.expire_holds()$$, $$booking.stats AS s WHERE s.resource LIKE 'tenants: a %'$$, $$booking.verify()$$, $$booking.additions() AS a WHERE a LIKE '%secret%'$$,
	$$booking.resource$$, $$booking.seat$$, $$booking.slot$$, $$booking.slot_places$$, $$booking.pool_use$$, $$booking.booking$$, $$booking.event$$, $$booking.read_events()$$, $$booking.waitlist$$, $$booking.closure$$,
	-- Its own, under what A uses.
	$$booking.create_resource('tenants: a room')$$,
	$$booking.book_slot('tenants: pool', '[2031-09-01 10:00, 2031-09-01 11:00)', 'regress_tenant_b/eve', id => 'a0000000-0000-7000-8000-00000000007e')$$,
	$$booking.book_slot('tenants: pool', '[2031-09-01 10:00, 2031-09-01 11:00)', 'regress_tenant_a/secret')$$,
	$$booking.close_period(NULL::bigint, '[2031-07-01, 2031-07-02)')$$, $$booking.close_period(NULL::bigint, '[2031-07-01, 2031-07-02)', force => true)$$,
	$$booking.close_period('tenants: pool', '[2031-07-01, 2031-07-02)')$$]);
GRANT SELECT ON probe TO PUBLIC;
SET ROLE regress_tenant_b;
SELECT pg_temp.tells(statement) AS answer, count(*), CASE WHEN count(*) < 14 THEN string_agg(regexp_replace(substr(statement, 1, 60), '[(][0-9]+', '(n'), ' | ' ORDER BY n) END FROM probe GROUP BY 1 ORDER BY 1;
-- The same with plain SQL.
CREATE FUNCTION pg_temp.tells_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
SELECT pg_temp.tells_of(format('INSERT INTO booking.booking (resource_id, period, holder) VALUES (%s, ''[2031-07-01 10:00, 2031-07-01 11:00)'', ''regress_tenant_b/eve'')', :a_room)) = format('42704 resource %s does not exist', :a_room);
SELECT pg_temp.tells_of(format('INSERT INTO booking.booking (resource_id, period, holder) VALUES (%s, ''[2033-07-01 10:00, 2033-07-01 11:00)'', ''regress_tenant_b/eve'')', :a_room)) = format('42704 resource %s does not exist', :a_room);
SELECT pg_temp.tells_of(format('INSERT INTO booking.booking (slot_id, holder) VALUES (%s, ''regress_tenant_b/eve'')', :a_slot)) = format('42704 slot %s does not exist', :a_slot);
SELECT pg_temp.tells_of(format('INSERT INTO booking.slot (resource_id, period, capacity) VALUES (%s, ''[2031-07-01 10:00, 2031-07-01 11:00)'', 4)', :a_room)) = format('42704 resource %s does not exist', :a_room);
SELECT pg_temp.tells_of(format('INSERT INTO booking.waitlist (resource_id, period, holder) VALUES (%s, ''[2031-07-01 10:00, 2031-07-01 11:00)'', ''regress_tenant_b/eve'')', :a_room)) = format('42704 resource %s does not exist', :a_room);
SELECT pg_temp.tells_of('UPDATE booking.resource SET capacity = 1 WHERE name = ''tenants: pool''; DELETE FROM booking.booking; DELETE FROM booking.resource');

-- The pool counts all tenants, at each level of isolation, and says no more than how many are left.
SELECT holder FROM booking.book_slot('tenants: pool', '[2031-07-01 10:00, 2031-07-01 11:00)', 'regress_tenant_b/bob', id => 'b0000000-0000-7000-8000-00000000007e');
\set VERBOSITY default
SELECT holder FROM booking.book_slot('tenants: pool', '[2031-07-01 10:30, 2031-07-01 11:30)', 'regress_tenant_b/bob');
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT count(*) FROM booking.try_book_slot('tenants: pool', '[2031-07-01 10:30, 2031-07-01 11:30)', 'regress_tenant_b/bob');
UPDATE booking.booking SET quantity = 2 WHERE holder = 'regress_tenant_b/bob';
ROLLBACK;
\set VERBOSITY terse
SELECT holder, quantity FROM booking.booking WHERE holder ~ '^regress_tenant' ORDER BY 1;
-- One that waits is offered what the other gives up, and finds it.
SELECT holder FROM booking.wait_for_slot('tenants: pool', '[2031-07-01 10:00, 2031-07-01 11:00)', 'regress_tenant_b/waits', 2);
SET ROLE regress_tenant_a;
SELECT status FROM booking.cancel((SELECT id FROM booking.booking b WHERE quantity = 2 AND resource_id = (SELECT id FROM booking.resource WHERE name = 'tenants: pool')));
SELECT count(*) FROM booking.booking WHERE holder ~ 'tenant_b';
SET ROLE regress_tenant_b;
SELECT holder, status, quantity FROM booking.booking WHERE waitlist_id IS NOT NULL;
SELECT status FROM booking.confirm((SELECT id FROM booking.booking WHERE waitlist_id IS NOT NULL));

-- The same by a column that is there already, the category.
RESET ROLE;
DROP POLICY tenant_sees ON booking.resource;
DROP POLICY tenant_owns ON booking.resource;
SELECT format('DROP POLICY tenant_owns ON booking.%1$I; CREATE POLICY tenant_owns ON booking.%1$I
	USING (EXISTS (SELECT FROM booking.resource r WHERE r.id = %1$I.resource_id AND r.category = current_user))', t)
FROM unnest('{seat,slot,closure,opening_hours,holder_limit}'::text[]) AS t \gexec
ALTER TABLE booking.resource DROP COLUMN tenant;
CREATE POLICY tenant_sees ON booking.resource FOR SELECT USING (category IS NULL OR category = current_user);
CREATE POLICY tenant_owns ON booking.resource USING (category = current_user);
UPDATE booking.resource SET category = 'regress_tenant_a' WHERE name LIKE 'tenants: a %';
SET ROLE regress_tenant_a;
SELECT name FROM booking.resource WHERE name LIKE 'tenants: %' ORDER BY 1;
SELECT count(*) FROM booking.find_slots('[2031-07-02, 2031-07-03)', '1 hour', category => 'regress_tenant_a', max_results => 500);
SET ROLE regress_tenant_b;
SELECT name FROM booking.resource WHERE name LIKE 'tenants: %' ORDER BY 1;
SELECT pg_temp.tells(statement) AS answer, count(*) FROM probe WHERE statement ~ 'a room|a bus|a class' AND statement !~ '^booking.create|^booking.stats' GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM booking.find_slots('[2031-07-02, 2031-07-03)', '1 hour', category => 'regress_tenant_a');
SELECT booking.create_resource('tenants: b room', category => 'regress_tenant_a');
SELECT name FROM booking.create_resource('tenants: b room', category => 'regress_tenant_b');
RESET ROLE;

-- All tenants' rules hold, whichever tenant looks.
SELECT * FROM booking.verify() WHERE problem !~ 'guard';
UPDATE booking.waitlist SET status = 'left' WHERE status = 'waiting' AND resource_id IN (SELECT id FROM booking.resource WHERE name LIKE 'tenants: %');
DELETE FROM booking.booking b USING booking.resource r WHERE r.id = b.resource_id AND r.name LIKE 'tenants: %';
DELETE FROM booking.waitlist w USING booking.resource r WHERE r.id = w.resource_id AND r.name LIKE 'tenants: %';
DELETE FROM booking.resource WHERE name LIKE 'tenants: %';
SELECT format('DROP POLICY %I ON booking.%I; ALTER TABLE booking.%2$I DISABLE ROW LEVEL SECURITY', policyname, tablename)
FROM pg_policies WHERE schemaname = 'booking' AND policyname LIKE 'tenant\_%' ORDER BY tablename, policyname \gexec
DROP OWNED BY regress_tenant_a, regress_tenant_b;
DROP ROLE regress_tenant_a, regress_tenant_b;
