-- A setting that no calendar can hold is refused when it is set, and is in nobody's way.
\set VERBOSITY terse
SELECT name FROM booking.create_resource('absurd', 'pooled', 1);
UPDATE booking.resource SET buffer_before = '292200 years' WHERE name = 'absurd';
UPDATE booking.resource SET buffer_after = '292200 years' WHERE name = 'absurd';
UPDATE booking.resource SET buffer_after = '178000000 years' WHERE name = 'absurd';
UPDATE booking.resource SET buffer_after = '-1 month' WHERE name = 'absurd';
UPDATE booking.resource SET buffer_after = NULL WHERE name = 'absurd';
UPDATE booking.resource SET min_notice = '292200 years' WHERE name = 'absurd';
UPDATE booking.resource SET max_advance = '292200 years' WHERE name = 'absurd';
UPDATE booking.resource SET min_duration = '292200 years' WHERE name = 'absurd';
UPDATE booking.resource SET max_duration = '292200 years' WHERE name = 'absurd';
UPDATE booking.resource SET max_hold = '292200 years' WHERE name = 'absurd';
SELECT booking.wait_for_slot('absurd', '[2030-01-01 10:00+00,2030-01-01 11:00+00)', 'h', offer_for => '292200 years');
INSERT INTO booking.waitlist (resource_id, period, holder, offer_for)
	SELECT id, '[2030-01-01 10:00+00,2030-01-01 11:00+00)', 'h', '292200 years' FROM booking.resource WHERE name = 'absurd';

-- A booking at the end of the calendar, and buffers that reach beyond it: it can be
-- cancelled, which looks for those who wait within the buffers, and who cannot be served
-- is passed over.
SELECT id AS last FROM booking.book_slot('absurd', '[290000-01-01 10:00+00,294276-12-31 11:00+00)', 'h') \gset
SELECT id AS entry FROM booking.wait_for_slot('absurd', '[294275-01-01 10:00+00,294276-12-31 11:00+00)', 'w') \gset
UPDATE booking.resource SET buffer_before = '1000 years', buffer_after = '1000 years' WHERE name = 'absurd';
SELECT status FROM booking.cancel(:'last');
SELECT booking.expire_holds() >= 0 AS swept;
SELECT status FROM booking.waitlist WHERE id = :entry;
