# Booking with psycopg 2.  The connection comes from PGHOST, PGDATABASE and the like.
import sys, uuid
import psycopg2, psycopg2.extras

psycopg2.extras.register_uuid()             # uuid.UUID in both directions
NINE, HALF_PAST = "[2030-05-06 09:00+00, 2030-05-06 10:00+00)", "[2030-05-06 09:30+00, 2030-05-06 10:30+00)"

def http_status(error):
    if error.pgcode in ("23P01", "23505", "55000"):                     # taken, id used for something else, too late
        return 409
    if error.pgcode == "42704":                                         # no such resource, seat, slot, booking
        return 404
    if error.pgcode == "23514" or error.pgcode.startswith("22"):        # against a rule, malformed
        return 422
    return 503 if error.pgcode == "55P03" else 500                      # waited longer than lock_timeout

def connect():
    db = psycopg2.connect("")
    db.autocommit = True                    # or "with db:" around each unit of work: it commits or rolls back
    return db

def book(db, resource, period, holder, id=None, function="book_slot"):
    with db.cursor(cursor_factory=psycopg2.extras.DictCursor) as cursor:
        cursor.execute(f"SELECT * FROM booking.{function}(%s::bigint, %s::tstzrange, %s::text, id => %s::uuid)",
                       (resource, period, holder, id))
        return cursor.fetchone()            # None: no row

def refusal(call):
    try:
        call()
    except psycopg2.Error as error:
        return http_status(error), error.pgcode, error.diag.constraint_name
    sys.exit("it was not refused")

db = connect()
with db.cursor() as cursor:
    cursor.execute("SELECT id FROM booking.create_resource(%s, min_notice => '0')", (f"Room {uuid.uuid4()}",))
    room = cursor.fetchone()[0]

mine = uuid.uuid4()
assert book(db, room, NINE, "ada", mine)["id"] == mine
assert refusal(lambda: book(db, room, HALF_PAST, "grace")) == (409, "23P01", "booking_no_overlap")
assert refusal(lambda: book(db, 0, NINE, "grace")) == (404, "42704", None)
assert refusal(lambda: book(db, room, "[2020-05-06 09:00+00, 2020-05-06 10:00+00)", "grace")) == (422, "23514", "booking_notice")
assert refusal(lambda: book(db, room, NINE, "grace", mine)) == (409, "23505", "booking_pkey")
assert book(db, room, HALF_PAST, "grace", function="try_book_slot") is None

# The connection is lost and with it the answer: the same call again, on a new connection.
try:
    db.cursor().execute("SELECT pg_terminate_backend(pg_backend_pid())")
    sys.exit("the connection is still there")
except psycopg2.Error:
    assert db.closed                        # not every OperationalError means that
    db = connect()
assert book(db, room, NINE, "ada", mine)["id"] == mine
print("ok")
