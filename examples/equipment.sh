#!/bin/sh
# A pool of equipment: 10 cameras that clubs borrow by the piece, with a day of charging after each loan; some come back early, some have no date of return yet.
#
#	createdb equipment; PGDATABASE=equipment examples/equipment.sh
set -eu
ask() { psql -XqAt -v ON_ERROR_STOP=1 "$@"; }
check() { [ "$1" = "$2" ] || { echo "not so: '$1' is not '$2'" >&2; exit 1; }; }

ask <<-'SETUP' >/dev/null
	SET client_min_messages = warning;
	CREATE EXTENSION IF NOT EXISTS booking CASCADE;
	SELECT booking.create_resource('Cameras', 'pooled', 10, min_notice => '0', buffer_after => '1 day');
	INSERT INTO booking.holder_limit (resource_id, per, max_quantity) SELECT id, 'active', 6 FROM booking.resource WHERE name = 'Cameras';
SETUP

# borrow WHO HOW_MANY PERIOD: prints the loan's id, or fails with psql's words on standard error.  Values travel as psql variables, never inside the SQL.
borrow() {
	ask -v who="$1" -v many="$2" -v period="$3" <<-'LOAN'
		SELECT id FROM booking.book_slot('Cameras', :'period', :'who', :many);
	LOAN
}
film=$(borrow 'film club' 6 '[2030-05-06 09:00+00, 2030-05-10 09:00+00)')
borrow 'school' 4 '[2030-05-06 09:00+00,)' >/dev/null            # until further notice

# All ten are out; and a day after the return they are still being charged.
if refused=$(borrow 'press' 1 '[2030-05-10 12:00+00, 2030-05-12 12:00+00)' 2>&1); then echo 'lent twice' >&2; exit 1; fi
case $refused in *'Refused by constraint "booking_capacity"'*) ;; *) echo "$refused" >&2; exit 1 ;; esac
check "$(ask -c "SELECT booking.remaining('Cameras', '[2030-05-11 09:00+00, 2030-05-12 09:00+00)')")" 6

# The limit of the film club: six pieces at a time, whatever is free.
if borrow 'film club' 1 '[2030-06-01, 2030-06-02)' 2>/dev/null; then echo 'beyond the limit' >&2; exit 1; fi

# The film club needs fewer, and gives two back before it has begun; the press gets them, however many ask at the same time.
ask -v id="$film" <<-'FEWER' >/dev/null
	SELECT b.quantity FROM booking.booking AS old, booking.reschedule(old.id, old.period, quantity => 4) AS b WHERE old.id = :'id';
FEWER
for n in 1 2 3 4 5 6 7 8; do
	borrow "press $n" 1 '[2030-05-07 09:00+00, 2030-05-08 09:00+00)' >/dev/null 2>&1 &
done
wait
check "$(ask -c "SELECT count(*) FROM booking.booking WHERE holder LIKE 'press %'")" 2
check "$(ask -c "SELECT max(used) FROM booking.usage('Cameras', '[2030-05-01, 2030-06-01)')")" 10
check "$(ask -c 'SELECT count(*) FROM booking.verify()')" 0
echo ok
