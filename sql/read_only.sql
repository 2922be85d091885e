-- In a read-only transaction, and so on a standby (t/051_standby), each function that writes says
-- that it cannot, before it looks at anything else.
CREATE TEMPORARY TABLE answer (function text, said text);
DO $$
DECLARE
	f record;
	message text;
BEGIN
	FOR f IN SELECT p.oid, p.proname, (SELECT string_agg('NULL::' || format_type(t, NULL), ', ' ORDER BY n)
				FROM unnest(p.proargtypes) WITH ORDINALITY AS a (t, n)) AS arguments
		FROM pg_proc p
		WHERE p.pronamespace = 'booking'::regnamespace AND p.provolatile = 'v' AND p.prokind = 'f'
			AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
			-- parts of others
			AND p.proname NOT IN ('uuid_v7', 'must_write', 'check_again', 'leave_gates', 'change_access', 'forget_everything', 'keep_positions')
			AND p.proname NOT LIKE 'archive\_%'
			-- reads only
			AND p.proname <> 'validate_guard'
	LOOP
		message := 'it was called';
		BEGIN
			SET LOCAL transaction_read_only = on;
			EXECUTE format('SELECT booking.%I(%s)', f.proname, f.arguments);
		EXCEPTION WHEN OTHERS THEN
			message := SQLSTATE || ' ' || replace(SQLERRM, 'booking.' || f.proname || '()', 'it');
		END;
		INSERT INTO answer VALUES (f.oid::regprocedure, message);
	END LOOP;
END
$$;
SELECT said, count(*) > 20 AS most FROM answer GROUP BY said;
SELECT * FROM answer WHERE said <> '25006 it writes, and this transaction is read-only' ORDER BY 1;

BEGIN READ ONLY;
SELECT booking.book_slot('nosuch', 'empty', '');
ROLLBACK;
SET default_transaction_read_only = on;
CALL booking.archive_before(now());
RESET default_transaction_read_only;
