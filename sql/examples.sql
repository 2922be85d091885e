-- What is under examples/ runs, and says what it says it does.
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET client_min_messages = warning;
\getenv here PG_ABS_SRCDIR
\set VERBOSITY terse
\set ECHO queries
CREATE SCHEMA examples;
SET search_path = examples;
-- Not by \i, which would put the name of the file into each error.
\set file :here '/examples/license_seats.sql'
\set example `cat :file`
:example
\set file :here '/examples/delivery_windows.sql'
\set example `cat :file`
:example
\set file :here '/examples/parking.sql'
\set example `cat :file`
:example
\set file :here '/examples/hotel_rooms.sql'
\set example `cat :file`
:example
\set file :here '/examples/evening_course.sql'
\set example `cat :file`
:example
DELETE FROM booking.booking WHERE holder = 'course 7';
DELETE FROM booking.closure WHERE reason = 'holidays';
DELETE FROM booking.resource WHERE name = 'Music room';
DROP SCHEMA examples CASCADE;
