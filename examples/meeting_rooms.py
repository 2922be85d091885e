# Meeting rooms: an office has three, open from 8 to 18 on weekdays; twelve colleagues want an hour at ten, all at once.
# Three get a room.  The others are told when there is one, and the first of them takes that.
#
#	createdb rooms; PGDATABASE=rooms python3 examples/meeting_rooms.py          (psycopg 3)
import sys, threading
import psycopg

def connect():
    return psycopg.connect(autocommit=True)

db = connect()
db.execute("CREATE EXTENSION IF NOT EXISTS booking CASCADE")
for room in "Amsel", "Buche", "Clara":
    db.execute("""SELECT FROM booking.create_resource(%s, category => 'meeting rooms', timezone => 'Europe/Berlin', min_notice => '0',
        min_duration => '15 minutes', max_duration => '4 hours', buffer_after => '10 minutes')""", (room,))
db.execute("""INSERT INTO booking.opening_hours (resource_id, weekday, opens, closes)
    SELECT r.id, day, '08:00', '18:00' FROM booking.resource AS r, generate_series(1, 5) AS day WHERE r.category = 'meeting rooms'""")

def book_any(db, who, start, end):
    """The first room that can be had at that time of Berlin's, or None."""
    for room in "Amsel", "Buche", "Clara":
        booking = db.execute("""SELECT id FROM booking.try_book_slot(%(room)s::text,
            booking.local_period(%(room)s::text, %(start)s, %(end)s), %(who)s)""", dict(room=room, start=start, end=end, who=who)).fetchone()
        if booking:
            return room

got = {}
def colleague(who):
    with connect() as own:
        got[who] = book_any(own, who, "2030-05-06 10:00", "2030-05-06 11:00")

threads = [threading.Thread(target=colleague, args=(f"colleague {n}",)) for n in range(12)]
for thread in threads: thread.start()
for thread in threads: thread.join()

# The one that got none asks what is left that morning, and takes the first of it.
nobody = [who for who, room in got.items() if room is None]
room, period = db.execute("""SELECT resource, period FROM booking.find_slots(
    tstzrange('2030-05-06 10:00 Europe/Berlin', '2030-05-06 18:00 Europe/Berlin'), '1 hour', category => 'meeting rooms', max_results => 1)""").fetchone()
db.execute("SELECT FROM booking.book_slot(%s::text, %s, %s)", (room, period, nobody[0]))
print(f"{nobody[0]} gets {room} at {period.lower}")

try:                                        # and closed at night
    db.execute("SELECT FROM booking.book_slot('Amsel', booking.local_period('Amsel', '2030-05-06 22:00', '2030-05-06 23:00'), 'owl')")
    sys.exit("booked at night")
except psycopg.errors.CheckViolation as e:
    assert e.diag.constraint_name == "booking_opening_hours", e

assert len(got) == 12 and sorted(filter(None, got.values())) == ["Amsel", "Buche", "Clara"], got
assert db.execute("SELECT count(*) FROM booking.booking").fetchone() == (4,)
assert db.execute("SELECT * FROM booking.verify()").fetchall() == []
print("ok")
