# Booking with SQLAlchemy (1.4 and 2).  The connection comes from PGHOST, PGDATABASE and the like.
import sys, uuid
from sqlalchemy import create_engine, exc, text

engine = create_engine("postgresql+psycopg2://", pool_pre_ping=True)    # or +psycopg, with SQLAlchemy 2
NINE, HALF_PAST = "[2030-05-06 09:00+00, 2030-05-06 10:00+00)", "[2030-05-06 09:30+00, 2030-05-06 10:30+00)"

# 23P01, 23514 and 23505 are exc.IntegrityError, 42704 exc.ProgrammingError, 55000 and a lost connection
# exc.OperationalError: catch their common exc.DBAPIError, and look at the driver's own error in .orig.
def http_status(error):
    code = getattr(error.orig, "sqlstate", None) or error.orig.pgcode   # psycopg 3, psycopg 2
    if code in ("23P01", "23505", "55000"):                             # taken, id used for something else, too late
        return 409
    if code == "42704":                                                 # no such resource, seat, slot, booking
        return 404
    if code == "23514" or code.startswith("22"):                        # against a rule, malformed
        return 422
    return 503 if code == "55P03" else 500                              # waited longer than lock_timeout

# CAST(:x AS type), because a "::" after a parameter needs a backslash in text().
def book(resource, period, holder, id=None, function="book_slot"):
    with engine.begin() as db:                                          # commits, or rolls back after an error
        return db.execute(text(f"""SELECT * FROM booking.{function}(CAST(:resource AS bigint), CAST(:period AS tstzrange),
            CAST(:holder AS text), id => CAST(:id AS uuid))"""), dict(resource=resource, period=period, holder=holder, id=id and str(id))).first()

def refusal(*arguments):
    try:
        book(*arguments)
    except exc.DBAPIError as error:
        return http_status(error), error.orig.diag.sqlstate, error.orig.diag.constraint_name
    sys.exit("it was not refused")

with engine.begin() as db:
    room = db.execute(text("SELECT id FROM booking.create_resource(:name, min_notice => '0')"), dict(name=f"Room {uuid.uuid4()}")).scalar()

mine = uuid.uuid4()
assert str(book(room, NINE, "ada", mine).id) == str(mine)
assert refusal(room, HALF_PAST, "grace") == (409, "23P01", "booking_no_overlap")
assert refusal(0, NINE, "grace") == (404, "42704", None)
assert refusal(room, "[2020-05-06 09:00+00, 2020-05-06 10:00+00)", "grace") == (422, "23514", "booking_notice")
assert refusal(room, NINE, "grace", mine) == (409, "23505", "booking_pkey")
assert book(room, HALF_PAST, "grace", function="try_book_slot") is None

# The connection is lost and with it the answer: the same call again; the engine connects anew.
try:
    with engine.begin() as db:
        db.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    sys.exit("the connection is still there")
except exc.DBAPIError as error:
    assert error.connection_invalidated
assert str(book(room, NINE, "ada", mine).id) == str(mine)
print("ok")
