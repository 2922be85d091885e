-- A setting that no calendar can hold is refused when it is set, and blocks no booking.
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
-- cancelled, which looks for entries in line within the buffers, and an entry that cannot be served
-- is passed over.
SELECT id AS last FROM booking.book_slot('absurd', '[290000-01-01 10:00+00,294276-12-31 11:00+00)', 'h') \gset
SELECT id AS entry FROM booking.wait_for_slot('absurd', '[294275-01-01 10:00+00,294276-12-31 11:00+00)', 'w') \gset
UPDATE booking.resource SET buffer_before = '1000 years', buffer_after = '1000 years' WHERE name = 'absurd';
SELECT status FROM booking.cancel(:'last');
SELECT booking.expire_holds() >= 0 AS swept;
SELECT status FROM booking.waitlist WHERE id = :entry;
-- The caller that serves the lines can see why: with its buffers, it leaves the calendar.
SELECT problem, regexp_replace(detail, '\d+ ', '') AS detail FROM booking.verify() WHERE problem LIKE 'waitlist%'
	AND resource_id = (SELECT id FROM booking.resource WHERE name = 'absurd');
UPDATE booking.resource SET buffer_before = '0', buffer_after = '0' WHERE name = 'absurd';
SELECT status FROM booking.waitlist WHERE id = :entry;
SELECT count(*) FROM booking.verify() WHERE problem LIKE 'waitlist%';

-- create_resource() has a message of its own.
\set VERBOSITY default
SELECT FROM booking.create_resource('absurd: buffer', buffer_after => '292200 years');
SELECT FROM booking.create_resource('absurd: hold', max_hold => '1001 years');
SELECT name FROM booking.create_resource('absurd: room');

-- At both ends of the calendar what is refused is refused for want of room, with a hint or without.
SELECT FROM booking.book_slot('absurd: room', '[294276-12-31 10:00+00,294276-12-31 23:00+00)', 'h');
SELECT FROM booking.book_slot('absurd: room', '[294276-12-31 22:00+00,294276-12-31 23:30+00)', 'h');
SELECT FROM booking.book_slot('absurd: room', '[4714-11-24 00:00+00 BC,4714-11-24 01:00+00 BC)', 'h');
SELECT FROM booking.book_slot('absurd: room', '[4714-11-24 00:00+00 BC,4714-11-24 02:00+00 BC)', 'h');
SELECT FROM booking.book_slot('absurd: room', '[4714-11-24 00:00+00 BC,294276-12-31 23:59:59+00)', 'h');
SELECT FROM booking.close_period('absurd: room', '[294276-11-01 00:00+00,294276-12-31 09:00+00)', 'the end');
SELECT FROM booking.book_slot('absurd: room', '[294276-12-30 22:00+00,294276-12-31 08:00+00)', 'h');
SELECT FROM booking.book_slot('absurd: room', '[4714-11-25 00:00+00 BC,294276-12-31 08:00+00)', 'h');
SELECT count(*) FROM booking.closure WHERE reason = 'the end';
SELECT FROM booking.publish_slot('absurd: room', '[294276-12-31 23:00+00,294276-12-31 23:59:59.999999+00)', 20);
SELECT FROM booking.create_resource('absurd: pool', 'pooled', 2147483647);
SELECT quantity FROM booking.book_slot('absurd: pool', '[294276-12-31 10:00+00,)', 'h', 2147483647);
SELECT quantity FROM booking.try_book_slot('absurd: pool', '[294276-12-31 10:00+00,)', 'h', 1);
INSERT INTO booking.holder_limit (resource_id, per, max_bookings, max_quantity)
	SELECT id, per, 2147483647, 9223372036854775807 FROM booking.resource, unnest('{active,slot,day,week,month}'::text[]) AS per WHERE name = 'absurd: pool';
SELECT quantity FROM booking.book_slot('absurd: pool', '[294276-12-30 10:00+00,294276-12-30 11:00+00)', 'h', 2147483647);
