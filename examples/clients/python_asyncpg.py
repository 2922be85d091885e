# Booking with asyncpg.  The connection comes from PGHOST, PGDATABASE and the like.
import asyncio, os, sys, uuid
from datetime import datetime, timedelta, timezone
import asyncpg

def hour(year, hour, minute=0):             # asyncpg sends values in binary: a tstzrange is an asyncpg.Range of aware datetimes
    start = datetime(year, 5, 6, hour, minute, tzinfo=timezone.utc)
    return asyncpg.Range(start, start + timedelta(hours=1))

def http_status(error):
    if error.sqlstate in ("23P01", "23505", "55000"):                   # taken, id used for something else, too late
        return 409
    if error.sqlstate == "42704":                                       # no such resource, seat, slot, booking
        return 404
    if error.sqlstate == "23514" or error.sqlstate.startswith("22"):    # against a rule, malformed
        return 422
    return 503 if error.sqlstate == "55P03" else 500                    # waited longer than lock_timeout

def connect():                              # through PgBouncer in transaction mode: no statements that are prepared by name
    return asyncpg.connect(statement_cache_size=0 if "PGBOUNCER" in os.environ else 100)

async def book(db, resource, period, holder, id=None, function="book_slot"):
    return await db.fetchrow(f"SELECT * FROM booking.{function}($1::bigint, $2, $3, id => $4)",
                             resource, period, holder, id)              # None: no row

async def refusal(booking):
    try:
        await booking
    except asyncpg.PostgresError as error:
        return http_status(error), error.sqlstate, error.constraint_name
    sys.exit("it was not refused")

async def main():
    db = await connect()
    room = await db.fetchval("SELECT id FROM booking.create_resource($1, min_notice => '0')", f"Room {uuid.uuid4()}")

    mine = uuid.uuid4()
    assert (await book(db, room, hour(2030, 9), "ada", mine))["id"] == mine
    assert await refusal(book(db, room, hour(2030, 9, 30), "grace")) == (409, "23P01", "booking_no_overlap")
    assert await refusal(book(db, 0, hour(2030, 9), "grace")) == (404, "42704", None)
    assert await refusal(book(db, room, hour(2020, 9), "grace")) == (422, "23514", "booking_notice")
    assert await refusal(book(db, room, hour(2030, 9), "grace", mine)) == (409, "23505", "booking_pkey")
    assert await book(db, room, hour(2030, 9, 30), "grace", function="try_book_slot") is None

    # The connection is lost and with it the answer: the same call again, on a new connection.
    try:
        await db.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        sys.exit("the connection is still there")
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        assert db.is_closed()
        db = await connect()
    assert (await book(db, room, hour(2030, 9), "ada", mine))["id"] == mine
    await db.close()

asyncio.run(main())
print("ok")
