# Booking with the pg gem.  The connection comes from PGHOST, PGDATABASE and the like.
require 'pg'
require 'securerandom'

NINE, HALF_PAST = '[2030-05-06 09:00+00, 2030-05-06 10:00+00)', '[2030-05-06 09:30+00, 2030-05-06 10:30+00)'

def code(error) = error.result&.error_field(PG::Result::PG_DIAG_SQLSTATE)       # no result: the connection is lost
def constraint(error) = error.result&.error_field(PG::Result::PG_DIAG_CONSTRAINT_NAME)

def http_status(error)
  case code(error)
  when '23P01', '23505', '55000' then 409                           # taken, id used for something else, too late
  when '42704' then 404                                             # no such resource, seat, slot, booking
  when '23514', /\A22/ then 422                                     # against a rule, malformed
  when '55P03' then 503                                             # waited longer than lock_timeout
  else 500
  end
end

# pg sends parameters as text without a type: without ::bigint an id would be looked up as a name.
def book(db, resource, period, holder, id = nil, function = 'book_slot')
  db.exec_params("SELECT * FROM booking.#{function}($1::bigint, $2::tstzrange, $3::text, id => $4::uuid)",
                 [resource, period, holder, id]).first              # nil: no row
end

def refusal(...)
  book(...)
  abort 'it was not refused'
rescue PG::Error => e
  [http_status(e), code(e), constraint(e)]
end

def check(what) = what || abort("not so: #{caller(1, 1)}")

db = PG.connect
room = db.exec_params("SELECT id FROM booking.create_resource($1, min_notice => '0')", ["Room #{SecureRandom.uuid}"])[0]['id']

mine = SecureRandom.uuid
check book(db, room, NINE, 'ada', mine)['id'] == mine
check refusal(db, room, HALF_PAST, 'grace') == [409, '23P01', 'booking_no_overlap']
check refusal(db, 0, NINE, 'grace') == [404, '42704', nil]
check refusal(db, room, '[2020-05-06 09:00+00, 2020-05-06 10:00+00)', 'grace') == [422, '23514', 'booking_notice']
check refusal(db, room, NINE, 'grace', mine) == [409, '23505', 'booking_pkey']
check book(db, room, HALF_PAST, 'grace', nil, 'try_book_slot').nil?

# The connection is lost and with it the answer: the same call again, on a new connection.
begin
  db.exec('SELECT pg_terminate_backend(pg_backend_pid())')
  abort 'the connection is still there'
rescue PG::ConnectionBad, PG::UnableToSend, PG::AdminShutdown
  db.reset
end
check book(db, room, NINE, 'ada', mine)['id'] == mine
puts 'ok'
