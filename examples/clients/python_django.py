# Booking with Django (django.db alone, no project).  The connection comes from PGHOST, PGDATABASE and the like.
import os, sys, uuid
from django.conf import settings

settings.configure(USE_TZ=True, DATABASES={"default": {
    "ENGINE": "django.db.backends.postgresql", "NAME": os.environ.get("PGDATABASE", "postgres"),
    "HOST": os.environ.get("PGHOST", ""), "PORT": os.environ.get("PGPORT", ""), "USER": os.environ.get("PGUSER", "")}})
from django.db import Error, InterfaceError, OperationalError, connection, transaction

NINE, HALF_PAST = "[2030-05-06 09:00+00, 2030-05-06 10:00+00)", "[2030-05-06 09:30+00, 2030-05-06 10:30+00)"

# 23P01, 23514 and 23505 are IntegrityError, 42704 ProgrammingError, 55000 OperationalError: catch their common
# django.db.Error, and look at the driver's own error in __cause__.
def http_status(error):
    code = error.__cause__.diag.sqlstate
    if code in ("23P01", "23505", "55000"):                             # taken, id used for something else, too late
        return 409
    if code == "42704":                                                 # no such resource, seat, slot, booking
        return 404
    if code == "23514" or code.startswith("22"):                        # against a rule, malformed
        return 422
    return 503 if code == "55P03" else 500                              # waited longer than lock_timeout

def book(resource, period, holder, id=None, function="book_slot"):
    # A refusal ends the transaction in which it happens: atomic() gives it one of its own, or, under
    # ATOMIC_REQUESTS, a savepoint to return to.
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM booking.{function}(%s::bigint, %s::tstzrange, %s::text, id => %s::uuid)",
                       [resource, period, holder, id])
        row = cursor.fetchone()                                         # None: no row
        return row and dict(zip([column[0] for column in cursor.description], row))

def refusal(*arguments):
    try:
        book(*arguments)
    except Error as error:
        return http_status(error), error.__cause__.diag.sqlstate, error.__cause__.diag.constraint_name
    sys.exit("it was not refused")

with connection.cursor() as cursor:
    cursor.execute("SELECT id FROM booking.create_resource(%s, min_notice => '0')", [f"Room {uuid.uuid4()}"])
    room = cursor.fetchone()[0]

mine = uuid.uuid4()
assert book(room, NINE, "ada", mine)["id"] == mine
assert refusal(room, HALF_PAST, "grace") == (409, "23P01", "booking_no_overlap")
assert refusal(0, NINE, "grace") == (404, "42704", None)
assert refusal(room, "[2020-05-06 09:00+00, 2020-05-06 10:00+00)", "grace") == (422, "23514", "booking_notice")
assert refusal(room, NINE, "grace", mine) == (409, "23505", "booking_pkey")
assert book(room, HALF_PAST, "grace", function="try_book_slot") is None
with transaction.atomic():                                              # as under ATOMIC_REQUESTS
    assert refusal(room, HALF_PAST, "grace")[0] == 409
    assert book(room, "[2030-05-07 09:00+00, 2030-05-07 10:00+00)", "grace")

# The connection is lost and with it the answer: close it, and the same call again connects anew.
try:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    sys.exit("the connection is still there")
except (OperationalError, InterfaceError):
    connection.close()                                                  # between requests Django does this itself
assert book(room, NINE, "ada", mine)["id"] == mine
print("ok")
