# Booking with ActiveRecord (without Rails).  The connection comes from PGHOST, PGDATABASE and the like.
require 'active_record'
require 'securerandom'

# Through PgBouncer in transaction mode: no statements that are prepared by name, and no lock for migrations.
ActiveRecord::Base.establish_connection(adapter: 'postgresql', database: ENV['PGDATABASE'],
                                        prepared_statements: !ENV.key?('PGBOUNCER'), advisory_locks: !ENV.key?('PGBOUNCER'))
NINE, HALF_PAST = '[2030-05-06 09:00+00, 2030-05-06 10:00+00)', '[2030-05-06 09:30+00, 2030-05-06 10:30+00)'

class Booking < ActiveRecord::Base
  self.table_name = 'booking.booking'

  # [] for sanitize_sql, which quotes values; a "::" after a named parameter is left alone.
  def self.book(resource, period, holder, id: nil, function: 'book_slot')
    # A refusal ends the transaction in which it happens: requires_new gives it a savepoint if there is one already.
    transaction(requires_new: true) do
      find_by_sql([<<~SQL, { resource: resource, period: period, holder: holder, id: id }]).first   # nil: no row
        SELECT * FROM booking.#{function}(:resource::bigint, :period::tstzrange, :holder::text, id => :id::uuid)
      SQL
    end
  end
end

# 23P01, 23514, 42704 and 55000 are plain ActiveRecord::StatementInvalid, 23505 is its RecordNotUnique, 55P03 LockWaitTimeout:
# rescue StatementInvalid, and look at the error of pg in its cause.
def code(error) = error.cause.result&.error_field(PG::Result::PG_DIAG_SQLSTATE)
def constraint(error) = error.cause.result&.error_field(PG::Result::PG_DIAG_CONSTRAINT_NAME)

def http_status(error)
  case code(error)
  when '23P01', '23505', '55000' then 409                           # taken, id used for something else, too late
  when '42704' then 404                                             # no such resource, seat, slot, booking
  when '23514', /\A22/ then 422                                     # against a rule, malformed
  when '55P03' then 503                                             # waited longer than lock_timeout
  else 500
  end
end

def refusal(...)
  Booking.book(...)
  abort 'it was not refused'
rescue ActiveRecord::StatementInvalid => e
  [http_status(e), code(e), constraint(e)]
end

def check(what) = what || abort("not so: #{caller(1, 1)}")

room = Booking.connection.select_value("SELECT id FROM booking.create_resource('Room #{SecureRandom.uuid}', min_notice => '0')")

mine = SecureRandom.uuid
check Booking.book(room, NINE, 'ada', id: mine).id == mine
check refusal(room, HALF_PAST, 'grace') == [409, '23P01', 'booking_no_overlap']
check refusal(0, NINE, 'grace') == [404, '42704', nil]
check refusal(room, '[2020-05-06 09:00+00, 2020-05-06 10:00+00)', 'grace') == [422, '23514', 'booking_notice']
check refusal(room, NINE, 'grace', id: mine) == [409, '23505', 'booking_pkey']
check Booking.book(room, HALF_PAST, 'grace', function: 'try_book_slot').nil?
Booking.transaction do                                              # a refusal in a transaction that goes on
  check refusal(room, HALF_PAST, 'grace').first == 409
  check Booking.book(room, '[2030-05-07 09:00+00, 2030-05-07 10:00+00)', 'grace')
end

# The connection is lost and with it the answer: the same call again, on a new connection.
begin
  Booking.connection.execute('SELECT pg_terminate_backend(pg_backend_pid())')
  abort 'the connection is still there'
rescue ActiveRecord::StatementInvalid                                # cause: PG::ConnectionBad and the like
  Booking.connection.reconnect!
end
check Booking.book(room, NINE, 'ada', id: mine).id == mine
puts 'ok'
