# Booking with psycopg 3.  The connection comes from PGHOST, PGDATABASE and the like.
import os, sys, uuid
import psycopg
from psycopg.rows import dict_row

NINE, HALF_PAST = "[2030-05-06 09:00+00, 2030-05-06 10:00+00)", "[2030-05-06 09:30+00, 2030-05-06 10:30+00)"

def http_status(error):
    if error.sqlstate in ("23P01", "23505", "55000"):                   # taken, id used for something else, too late
        return 409
    if error.sqlstate == "42704":                                       # no such resource, seat, slot, booking
        return 404
    if error.sqlstate == "23514" or error.sqlstate.startswith("22"):    # against a rule, malformed
        return 422
    return 503 if error.sqlstate == "55P03" else 500                    # waited longer than lock_timeout

def connect():
    # Through PgBouncer in transaction mode: no statements that are prepared by name.
    return psycopg.connect(autocommit=True, row_factory=dict_row, prepare_threshold=None if "PGBOUNCER" in os.environ else 5)

def book(db, resource, period, holder, id=None, function="book_slot"):
    return db.execute(f"SELECT * FROM booking.{function}(%s::bigint, %s::tstzrange, %s::text, id => %s)",
                      (resource, period, holder, id)).fetchone()        # None: no row

def refusal(call):
    try:
        call()
    except psycopg.Error as error:
        return http_status(error), error.sqlstate, error.diag.constraint_name
    sys.exit("it was not refused")

db = connect()
room = db.execute("SELECT id FROM booking.create_resource(%s, min_notice => '0')", (f"Room {uuid.uuid4()}",)).fetchone()["id"]

mine = uuid.uuid4()
assert book(db, room, NINE, "ada", mine)["id"] == mine
assert refusal(lambda: book(db, room, HALF_PAST, "grace")) == (409, "23P01", "booking_no_overlap")
assert refusal(lambda: book(db, 0, NINE, "grace")) == (404, "42704", None)
assert refusal(lambda: book(db, room, "[2020-05-06 09:00+00, 2020-05-06 10:00+00)", "grace")) == (422, "23514", "booking_notice")
assert refusal(lambda: book(db, room, NINE, "grace", mine)) == (409, "23505", "booking_pkey")
assert book(db, room, HALF_PAST, "grace", function="try_book_slot") is None

# The connection is lost and with it the answer: the same call again, on a new connection.
try:
    db.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    sys.exit("the connection is still there")
except psycopg.Error:
    assert db.closed                        # not every OperationalError means that
    db = connect()
assert book(db, room, NINE, "ada", mine)["id"] == mine
print("ok")
