/*
 * scenario.c: what are people racing for?
 *
 * A scenario is the plain tables of a booking problem, the customers who come, and the oracle: a query that finds in the rows themselves
 * what was sold twice, whatever the strategy believed. Strategies add to the tables; booking replaces the table `booking` by a view on
 * its own.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "race.h"

#define HOUR				INT64_C(60)
#define DAY					(24 * HOUR)

static bool next_morning(Client *c);
static bool next_places(Client *c);
static bool next_seat(Client *c);
static bool next_timeslot(Client *c);
static bool next_event(Client *c);
static bool next_meeting(Client *c);
static bool next_stay(Client *c);
static void learn_places(Client *c, Answer answer);
static void learn_seat(Client *c, Answer answer);
static void learn_timeslot(Client *c, Answer answer);
static int64_t one_a_round(const Run *run);
static int64_t all_of_them(const Run *run);
static void want(Client *c, int thing, int quantity);
static void want_period(Client *c, int64_t start, int64_t minutes);
static int	pick_unsold(Client *c, int among);
static void mark_sold(Run *run, int thing);
static int	between(Client *c, Range range);

/* Rooms, one booking at a time. */
#define ROOM_TABLES \
	"CREATE TABLE room (id integer PRIMARY KEY);" \
	"INSERT INTO room SELECT generate_series(1, :all);" \
	"CREATE TABLE booking (" \
	"    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY," \
	"    room_id     integer NOT NULL," \
	"    period      tstzrange NOT NULL," \
	"    customer_id integer NOT NULL," \
	"    created_at  timestamptz NOT NULL DEFAULT now());" \
	"CREATE INDEX booking_lookup ON booking USING gist (room_id, period);"

/* A slot with places. */
#define PLACE_TABLES \
	"CREATE TABLE slot (id integer PRIMARY KEY, free integer NOT NULL);" \
	"INSERT INTO slot SELECT n, :capacity FROM generate_series(1, :all) AS n;" \
	"CREATE TABLE booking (" \
	"    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY," \
	"    slot_id     integer NOT NULL," \
	"    quantity    integer NOT NULL," \
	"    customer_id integer NOT NULL," \
	"    created_at  timestamptz NOT NULL DEFAULT now());" \
	"CREATE INDEX booking_lookup ON booking (slot_id);"

#define PLACE_ORACLE \
	"SELECT coalesce(sum(sold), 0), coalesce(sum(greatest(sold - :capacity, 0)), 0)" \
	"  FROM (SELECT sum(quantity) AS sold FROM booking WHERE slot_id <= :things GROUP BY slot_id) AS slot"

/*
 * Sweeps over the bounds of all periods: whenever one begins, what does that bring the use of the thing to? At the same instant,
 * ends come first: periods are half-open.
 */
#define PERIOD_ORACLE(thing, quantity) \
	"SELECT coalesce((SELECT sum(" quantity ") FROM booking WHERE " thing " <= :things), 0)," \
	"       coalesce(sum(least(change, greatest(used - :capacity, 0))) FILTER (WHERE change > 0), 0)" \
	"  FROM (SELECT change, sum(change) OVER (PARTITION BY thing ORDER BY at, change > 0 ROWS UNBOUNDED PRECEDING) AS used" \
	"          FROM (SELECT " thing " AS thing, lower(period) AS at, " quantity " AS change FROM booking" \
	"                UNION ALL" \
	"                SELECT " thing ", upper(period), -" quantity " FROM booking) AS bound" \
	"         WHERE thing <= :things) AS sweep"

static const Scenario room = {
	.name = "room",
	.about = "one meeting room: every day, all clients want 9:00 to 10:00 at the same moment",
	.sizes = {.clients = 40, .things = 1, .capacity = 1, .quantity = {1, 1}, .seconds = 2},
	.tables = ROOM_TABLES,
	.oracle = PERIOD_ORACLE("room_id", "1"),
	.next = next_morning,
	.capacity = one_a_round,
};

static const Scenario hotel = {
	.name = "hotel",
	.about = "three hotels, customers take a few rooms at a time until none is left, night after night",
	.sizes = {.clients = 200, .things = 30, .capacity = 200, .quantity = {1, 5}, .seconds = 10},
	.together = 3,
	.tables = PLACE_TABLES,
	.oracle = PLACE_ORACLE,
	.next = next_places,
	.learn = learn_places,
	.capacity = all_of_them,
};

static const Scenario bus = {
	.name = "bus",
	.about = "named seats: hold one, then confirm it, or walk away and let the hold lapse",
	.sizes = {.clients = 64, .things = 50, .capacity = 1, .quantity = {1, 1}, .hold_ms = 100, .seconds = 10},
	.tables =
	"CREATE TABLE seat (id integer PRIMARY KEY);"
	"INSERT INTO seat SELECT generate_series(1, :all);"
	"CREATE TABLE booking ("
	"    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
	"    seat_id     integer NOT NULL,"
	"    customer_id integer NOT NULL,"
	"    status      text NOT NULL,"
	"    expires_at  timestamptz);"
	"CREATE INDEX booking_lookup ON booking (seat_id);",
	.oracle =
	"SELECT coalesce(sum(sold), 0), coalesce(sum(greatest(sold - 1, 0)), 0)"
	"  FROM (SELECT count(*) AS sold FROM booking"
	"         WHERE seat_id <= :things AND status = 'confirmed' GROUP BY seat_id) AS seat",
	.next = next_seat,
	.learn = learn_seat,
	.capacity = all_of_them,
};

static const Scenario event = {
	.name = "event",
	.about = "one booking per customer and event, and every customer clicks twice",
	.sizes = {.clients = 64, .things = 10, .quantity = {1, 1}, .seconds = 2},
	.tables =
	"CREATE TABLE event (id integer PRIMARY KEY);"
	"INSERT INTO event SELECT generate_series(1, :all);"
	"CREATE TABLE customer (id integer PRIMARY KEY);"
	"INSERT INTO customer SELECT generate_series(1, 100000);"
	"CREATE TABLE booking ("
	"    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
	"    event_id    integer NOT NULL,"
	"    customer_id integer NOT NULL,"
	"    created_at  timestamptz NOT NULL DEFAULT now());"
	"CREATE INDEX booking_lookup ON booking (event_id, customer_id);",
	.oracle =
	"SELECT coalesce(sum(sold), 0), coalesce(sum(sold - 1), 0)"
	"  FROM (SELECT count(*) AS sold FROM booking WHERE event_id <= :things GROUP BY event_id, customer_id) AS pair",
	.next = next_event,
};

static const Scenario timeslot = {
	.name = "timeslot",
	.about = "appointments published as slots with an id; customers take one of the next that look free",
	.sizes = {.clients = 64, .things = 50000, .capacity = 1, .quantity = {1, 1}, .seconds = 2},
	.tables =
	"CREATE TABLE slot (id integer PRIMARY KEY);"
	"INSERT INTO slot SELECT generate_series(1, :all);"
	"CREATE TABLE booking ("
	"    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
	"    slot_id     integer NOT NULL,"
	"    customer_id integer NOT NULL,"
	"    created_at  timestamptz NOT NULL DEFAULT now());"
	"CREATE INDEX booking_lookup ON booking (slot_id);",
	.oracle =
	"SELECT coalesce(sum(sold), 0), coalesce(sum(sold - 1), 0)"
	"  FROM (SELECT count(*) AS sold FROM booking WHERE slot_id <= :things GROUP BY slot_id) AS slot",
	.next = next_timeslot,
	.learn = learn_timeslot,
	.capacity = all_of_them,
};

static const Scenario concert = {
	.name = "concert",
	.about = "one concert, one slot with all its places",
	.sizes = {.clients = 64, .things = 1, .capacity = 100000, .quantity = {1, 3}, .seconds = 2},
	.tables = PLACE_TABLES,
	.oracle = PLACE_ORACLE,
	.next = next_places,
	.learn = learn_places,
	.capacity = all_of_them,
};

static const Scenario calendar = {
	.name = "calendar",
	.about = "many rooms, any period of half an hour to four hours in the coming month, which stays half full",
	.sizes = {.clients = 64, .things = 50, .capacity = 1, .quantity = {1, 1}, .seconds = 2},
	.tables = ROOM_TABLES,
	.oracle = PERIOD_ORACLE("room_id", "1"),
	.next = next_meeting,
};

static const Scenario pool = {
	.name = "pool",
	.about = "one pool of bikes, stays of one to seven days in the coming three months, which stay mostly full",
	.sizes = {.clients = 64, .things = 1, .capacity = 20, .quantity = {1, 3}, .seconds = 2},
	.tables =
	"CREATE TABLE pool (id integer PRIMARY KEY, capacity integer NOT NULL);"
	"INSERT INTO pool SELECT n, :capacity FROM generate_series(1, :all) AS n;"
	"CREATE TABLE booking ("
	"    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
	"    pool_id     integer NOT NULL,"
	"    period      tstzrange NOT NULL,"
	"    quantity    integer NOT NULL,"
	"    customer_id integer NOT NULL,"
	"    created_at  timestamptz NOT NULL DEFAULT now());"
	"CREATE INDEX booking_lookup ON booking USING gist (pool_id, period);",
	.oracle = PERIOD_ORACLE("pool_id", "quantity"),
	.next = next_stay,
};

const Scenario *const scenarios[] = {&room, &hotel, &bus, &event, &timeslot, &concert, &calendar, &pool, NULL};

const Scenario *
scenario_find(const char *name)
{
	for (const Scenario *const *s = scenarios; *s != NULL; s++)
		if (strcmp((*s)->name, name) == 0)
			return *s;
	return NULL;
}

const Recipe *
scenario_recipe(const Scenario *scenario, const Strategy *strategy)
{
	const Recipe *recipes[] = {&strategy->room, &strategy->hotel, &strategy->bus, &strategy->event,
	&strategy->timeslot, &strategy->concert, &strategy->calendar, &strategy->pool};

	for (int i = 0; scenarios[i] != NULL; i++)
		if (scenarios[i] == scenario && recipes[i]->book != NULL)
			return recipes[i];
	return NULL;
}

/* ---- before, during and after a race ---- */

void
scenario_prepare(Run *run)
{
	int			clients = run->sizes.clients;
	int			things = run->sizes.things;

	run->round.expected = clients;
	run->twins = calloc((clients + 1) / 2, sizeof(Meeting));
	for (int i = 0; i < clients; i++)
		run->twins[i / 2].expected++;
	run->sold = calloc(things + 1, sizeof(bool));
	run->unsold = things;
	run->first_unsold = 1;
	for (int i = 0; i < clients; i++)
	{
		Client	   *c = &run->clients[i];

		c->most = calloc(things + 1, sizeof(int));
		for (int thing = 1; thing <= things; thing++)
			c->most[thing] = run->sizes.quantity.high;
	}
}

void
scenario_release(Run *run)
{
	for (int i = 0; i < run->sizes.clients; i++)
		free(run->clients[i].most);
	free(run->twins);
	free(run->sold);
}

/*
 * No fiber waits for one that has left, nor after the end.
 */
void
scenario_leave(Client *c)
{
	meeting_leave(&c->run->round);
	meeting_leave(&c->run->twins[c->number / 2]);
}

void
scenario_stop(Run *run)
{
	meeting_open(&run->round);
	for (int i = 0; i < run->sizes.clients; i += 2)
		meeting_open(&run->twins[i / 2]);
}

/*
 * A request that is certain to be possible, for a thing that is not raced for: so that caches are warm and statements prepared when the race begins.
 */
void
scenario_rehearse(Client *c)
{
	want(c, c->run->sizes.things + 1 + c->number % REHEARSAL_THINGS, 1);
	want_period(c, c->number * 10 * DAY, HOUR);
}

/*
 * Room: the same hour of the next day, when all clients are there.
 */
static bool
next_morning(Client *c)
{
	meeting_wait(&c->run->round);
	if (c->run->stopping)
		return false;
	want(c, 1, 1);
	want_period(c, c->served++ * DAY + 9 * HOUR, HOUR);
	return true;
}

/*
 * Hotel, concert: any slot of tonight's that may have something left, and no more than may be left. Then the next night.
 */
static bool
next_places(Client *c)
{
	int			things = c->run->sizes.things;
	int			together = c->run->scenario->together > 0 ? c->run->scenario->together : things;
	Range		range = c->run->sizes.quantity;

	for (int first; (first = c->served * together) < things; c->served++)
	{
		int			tonight = things - first < together ? things - first : together;
		int			any = client_random(c, tonight);

		for (int i = 0; i < tonight; i++)
		{
			int			thing = 1 + first + (any + i) % tonight;

			if (c->most[thing] < range.low)
				continue;
			range.high = c->most[thing];
			want(c, thing, between(c, range));
			return true;
		}
	}
	return false;
}

static void
learn_places(Client *c, Answer answer)
{
	if (answer == REFUSED && c->quantity <= c->most[c->thing])
		c->most[c->thing] = c->quantity - 1;
}

/*
 * Bus: any seat that is not confirmed, as the seat map would show it.
 */
static bool
next_seat(Client *c)
{
	if (c->run->unsold == 0)
		return false;
	want(c, pick_unsold(c, c->run->unsold), 1);
	return true;
}

static void
learn_seat(Client *c, Answer answer)
{
	if (answer == BOOKED)
		mark_sold(c->run, c->thing);
}

/*
 * Timeslot: one of the next few that look free.
 */
static bool
next_timeslot(Client *c)
{
	if (c->run->unsold == 0)
		return false;
	want(c, pick_unsold(c, 32), 1);
	return true;
}

static void
learn_timeslot(Client *c, Answer answer)
{
	if (answer != GAVE_UP)
		mark_sold(c->run, c->thing);
}

/*
 * Event: two clients are one customer, who clicks twice.
 */
static bool
next_event(Client *c)
{
	int64_t		pairs = (c->run->sizes.clients + 1) / 2;
	int64_t		visit;

	meeting_wait(&c->run->twins[c->number / 2]);
	if (c->run->stopping)
		return false;
	visit = c->served++ * pairs + c->number / 2;
	want(c, 1 + (visit / 100000) % c->run->sizes.things, 1);
	snprintf(c->customer_text, sizeof(c->customer_text), "%lld", (long long) (1 + visit % 100000));
	return true;
}

/*
 * Calendar: any room, any start within a month that moves on as it fills, so that it stays half full.
 */
static bool
next_meeting(Client *c)
{
	int64_t		today = 2 * c->run->load / c->run->sizes.things;
	int64_t		start = today + client_random(c, 30 * DAY);

	want(c, 1 + client_random(c, c->run->sizes.things), 1);
	want_period(c, start - start % 30, 30 + 30 * client_random(c, 8));
	return true;
}

/*
 * Pool: any start within three months that move on as they fill, so that they stay about three quarters full.
 */
static bool
next_stay(Client *c)
{
	int64_t		today = 4 * c->run->load / c->run->sizes.things / c->run->sizes.capacity / 3;
	int64_t		start = today + client_random(c, 90 * DAY);

	want(c, 1 + client_random(c, c->run->sizes.things), between(c, c->run->sizes.quantity));
	want_period(c, start - start % DAY, DAY * (1 + client_random(c, 7)));
	return true;
}

static int64_t
one_a_round(const Run *run)
{
	int64_t		rounds = 0;

	for (int i = 0; i < run->sizes.clients; i++)
		if (run->clients[i].served > rounds)
			rounds = run->clients[i].served;
	return rounds;
}

static int64_t
all_of_them(const Run *run)
{
	return (int64_t) run->sizes.things * run->sizes.capacity;
}

/* ---- requests ---- */

static void
want(Client *c, int thing, int quantity)
{
	c->thing = thing;
	c->quantity = quantity;
	c->minutes = 0;
	c->hold_text[0] = '\0';
	snprintf(c->thing_text, sizeof(c->thing_text), "%d", thing);
	snprintf(c->quantity_text, sizeof(c->quantity_text), "%d", quantity);
	snprintf(c->customer_text, sizeof(c->customer_text), "%lld", (long long) ++c->run->customers);
	snprintf(c->hold_for_text, sizeof(c->hold_for_text), "%d ms", c->run->sizes.hold_ms);
	c->request = (Request) {
		.slot = c->thing_text,
		.period = c->period_text,
		.quantity = c->quantity_text,
		.customer = c->customer_text,
		.hold_for = c->hold_for_text,
		.hold_ms = c->run->sizes.hold_ms,
		.hold = c->hold_text,
	};
}

/*
 * In minutes since the beginning of 2030.
 */
static void
want_period(Client *c, int64_t start, int64_t minutes)
{
	char		bounds[2][24];

	for (int i = 0; i < 2; i++)
	{
		time_t		at = 1893456000 + 60 * (start + i * minutes);
		struct tm	tm;

		strftime(bounds[i], sizeof(bounds[i]), "%Y-%m-%d %H:%M", gmtime_r(&at, &tm));
	}
	snprintf(c->period_text, sizeof(c->period_text), "[\"%s+00\",\"%s+00\")", bounds[0], bounds[1]);
	c->minutes = minutes;
}

static int
pick_unsold(Client *c, int among)
{
	const Run  *run = c->run;
	int			skip = client_random(c, among < run->unsold ? among : run->unsold);
	int			thing = run->first_unsold;

	while (run->sold[thing] || skip-- > 0)
		thing++;
	return thing;
}

static void
mark_sold(Run *run, int thing)
{
	if (run->sold[thing])
		return;
	run->sold[thing] = true;
	run->unsold--;
	while (run->first_unsold <= run->sizes.things && run->sold[run->first_unsold])
		run->first_unsold++;
}

static int
between(Client *c, Range range)
{
	return range.low + client_random(c, range.high - range.low + 1);
}
