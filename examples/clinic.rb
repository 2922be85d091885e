# A clinic: a doctor's mornings are published in appointments of 20 minutes by the clinic's clock.  Patients book nothing but those, one a day each;
# for what is full they wait in line, and a patient that cancels makes room for the first.
#
#	createdb clinic; PGDATABASE=clinic ruby examples/clinic.rb
require 'pg'

$db = PG.connect
$db.set_notice_processor { |_| }
def ask(sql, *values) = $db.exec_params(sql, values).to_a
def check(what, words) = what || abort("not so: #{words}")

$db.exec 'CREATE EXTENSION IF NOT EXISTS booking CASCADE'
ask "SELECT FROM booking.create_resource('Dr. Jekyll', timezone => 'Europe/Berlin', category => 'doctors', slots_only => true, min_notice => '1 hour')"
ask "INSERT INTO booking.holder_limit (category, per, max_bookings) VALUES ('doctors', 'day', 1)"
%w[09:00 09:20 09:40].each do |time|        # each of a working week, across the beginning of summer time
  ask "SELECT FROM booking.publish_slots('Dr. Jekyll', booking.local_period('Dr. Jekyll', $1::timestamp, $1::timestamp + interval '20 minutes'),
         every => '1 day', until => '2030-04-02 00:00 Europe/Berlin')", "2030-03-29 #{time}"
end
slots = ask "SELECT id, to_char(lower(period) AT TIME ZONE 'Europe/Berlin', 'DD.MM. HH24:MI') AS starts FROM booking.slot ORDER BY period"
check slots.size == 12 && slots.last['starts'] == '01.04. 09:40', 'twelve appointments, by the clock on the wall'
slot = slots.first['id']

def refused
  yield
  abort 'it was not refused'
rescue PG::Error => e
  e.result.error_field(PG::Result::PG_DIAG_CONSTRAINT_NAME)
end

ada = ask('SELECT id FROM booking.book_place($1::bigint, $2)', slot, 'ada').first['id']
check ask('SELECT id FROM booking.try_book_place($1::bigint, $2)', slot, 'bob').empty?, 'one place, one patient'
check refused { ask 'SELECT FROM booking.book_place($1::bigint, $2)', slots[1]['id'], 'ada' } == 'booking_holder_limit', 'one appointment a day'
check refused { ask "SELECT FROM booking.book_slot('Dr. Jekyll', booking.local_period('Dr. Jekyll', '2030-03-29 15:00', '2030-03-29 15:20'), 'bob')" }.nil?,
      'no time but those that are published'

# Two wait; the first is offered the place when it becomes free, and takes it in time.
bob = ask("SELECT id, status FROM booking.wait_for_place($1::bigint, 'bob', offer_for => '2 hours')", slot).first
eve = ask("SELECT id, status FROM booking.wait_for_place($1::bigint, 'eve')", slot).first
check [bob, eve].all? { |entry| entry['status'] == 'waiting' }, 'both wait'
ask 'SELECT FROM booking.cancel($1::uuid, $2)', ada, 'better already'
offer = ask('SELECT id, status FROM booking.booking WHERE waitlist_id = $1', bob['id']).first
check offer && offer['status'] == 'held', 'bob has an offer'
check ask('SELECT status FROM booking.confirm($1::uuid)', offer['id']).first['status'] == 'confirmed', 'bob takes it'
check ask('SELECT booking.waitlist_position($1) AS position', eve['id']).first['position'] == '1', 'eve is next'

check ask('SELECT * FROM booking.verify()').empty?, 'verify() finds nothing'
puts 'ok'
